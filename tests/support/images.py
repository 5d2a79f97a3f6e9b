"""Images made from nothing but this machine: layers, configs and manifests built with tarfile, gzip and zstd.

Nothing is downloaded. The root file system is Debian's busybox-static with every applet; the image that plays
`centos` carries the machine's own bash and its libraries as well. Everything is deterministic, so that two runs
give the same digests.
"""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import random
import subprocess
import tarfile

DOCKER = 'docker'
OCI = 'oci'

MANIFEST_TYPE = {DOCKER: 'application/vnd.docker.distribution.manifest.v2+json',
                 OCI: 'application/vnd.oci.image.manifest.v1+json'}
INDEX_TYPE = {DOCKER: 'application/vnd.docker.distribution.manifest.list.v2+json',
              OCI: 'application/vnd.oci.image.index.v1+json'}
CONFIG_TYPE = {DOCKER: 'application/vnd.docker.container.image.v1+json',
               OCI: 'application/vnd.oci.image.config.v1+json'}
LAYER_TYPE = {(DOCKER, 'gzip'): 'application/vnd.docker.image.rootfs.diff.tar.gzip',
              (OCI, 'gzip'): 'application/vnd.oci.image.layer.v1.tar+gzip',
              (OCI, 'zstd'): 'application/vnd.oci.image.layer.v1.tar+zstd',
              (OCI, 'plain'): 'application/vnd.oci.image.layer.v1.tar'}

CREATED = '2024-01-01T00:00:00Z'
MTIME = 1704067200


def digest(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


class Layer:
    """One tar under construction. `data` is the tar; `packed(kind)` the blob a registry holds."""

    def __init__(self, empty=False):
        self._out = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._out, mode='w', format=tarfile.PAX_FORMAT)
        self._data = None
        self._packed = {}
        self.comment = 'tests/support/images.py'

    def entry(self, name, type_, mode, *, data=b'', link='', uid=0, gid=0, mtime=MTIME, xattrs=None, dev=None):
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.uid, info.gid, info.mtime = type_, mode, uid, gid, mtime
        info.linkname, info.size = link, len(data)
        if dev:
            info.devmajor, info.devminor = dev
        if xattrs:
            info.pax_headers = {'SCHILY.xattr.' + k: v for k, v in xattrs.items()}
        self._tar.addfile(info, io.BytesIO(data))
        return self

    def dir(self, name, mode=0o755, **kw):
        return self.entry(name, tarfile.DIRTYPE, mode, **kw)

    def file(self, name, data=b'', mode=0o644, **kw):
        if isinstance(data, str):
            data = data.encode()
        return self.entry(name, tarfile.REGTYPE, mode, data=data, **kw)

    def symlink(self, name, to, **kw):
        return self.entry(name, tarfile.SYMTYPE, 0o777, link=to, **kw)

    def hardlink(self, name, to, mode=0o644, **kw):
        return self.entry(name, tarfile.LNKTYPE, mode, link=to, **kw)  # the entry's mode becomes the file's

    def whiteout(self, name):
        head, tail = os.path.split(name)
        return self.file(os.path.join(head, '.wh.' + tail))

    def opaque(self, name):
        return self.file(os.path.join(name, '.wh..wh..opq'))

    @property
    def data(self):
        if self._data is None:
            self._tar.close()
            self._data = self._out.getvalue()
            self._out = None
        return self._data

    def packed(self, kind):
        if kind not in self._packed:
            self._packed[kind] = pack(self.data, kind)
        return self._packed[kind]


class RawLayer(Layer):
    """A layer whose tar (or blob) was made elsewhere, byte for byte."""

    def __init__(self, data, packed=None):
        super().__init__()
        self._data = data
        self._packed = dict(packed or {})


def pack(data, kind):
    if kind == 'gzip':
        return gzip.compress(data, 6, mtime=0)
    if kind == 'zstd':
        return subprocess.run(['zstd', '-q', '-3', '-c'], input=data, stdout=subprocess.PIPE, check=True).stdout
    if kind in ('xz', 'bzip2'):
        return {'xz': lzma, 'bzip2': bz2}[kind].compress(data)
    assert kind == 'plain', kind
    return data


class Image:
    """Layers and a config, as one manifest of the docker or the OCI kind. blobs() gives what a registry must hold."""

    def __init__(self, layers, config=None, *, kind=DOCKER, compression='gzip', architecture='amd64', os_='linux',
                 variant=None, created=CREATED):
        self.layers, self.kind, self.compression = layers, kind, compression
        self.platform = {'architecture': architecture, 'os': os_}
        if variant:
            self.platform['variant'] = variant
        document = dict(self.platform)
        document['created'] = created
        document['config'] = {'Env': ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
                              'Cmd': ['/bin/sh'], **(config or {})}
        document['rootfs'] = {'type': 'layers', 'diff_ids': [digest(layer.data) for layer in layers]}
        document['history'] = [{'created': CREATED, 'created_by': f'/bin/sh -c #(nop) ADD layer {i}', 'comment': layer.comment}
                               for i, layer in enumerate(layers)]
        self.config = json.dumps(document, separators=(',', ':')).encode()
        blobs = [layer.packed(compression) for layer in layers]
        self.manifest = json.dumps({
            'schemaVersion': 2,
            'mediaType': MANIFEST_TYPE[kind],
            'config': {'mediaType': CONFIG_TYPE[kind], 'size': len(self.config), 'digest': digest(self.config)},
            'layers': [{'mediaType': LAYER_TYPE[kind, compression], 'size': len(b), 'digest': digest(b)} for b in blobs],
        }, indent=3).encode()

    @property
    def id(self):
        return digest(self.config)

    @property
    def manifest_type(self):
        return MANIFEST_TYPE[self.kind]

    def blobs(self):
        yield self.config
        for layer in self.layers:
            yield layer.packed(self.compression)


class Index:
    """Several images under one name, one per platform."""

    def __init__(self, images, kind=DOCKER):
        self.images, self.kind = images, kind
        self.manifest = json.dumps({
            'schemaVersion': 2,
            'mediaType': INDEX_TYPE[kind],
            'manifests': [{'mediaType': image.manifest_type, 'size': len(image.manifest),
                           'digest': digest(image.manifest), 'platform': image.platform} for image in images],
        }, indent=3).encode()

    @property
    def manifest_type(self):
        return INDEX_TYPE[self.kind]


# --- root file systems -------------------------------------------------------------------------------------------

PASSWD = '''root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
user:x:1000:1000:user:/home/user:/bin/sh
noshell:x:1001:100::/nowhere:
nobody:x:65534:65534:nobody:/:/bin/false
'''
GROUP = '''root:x:0:
daemon:x:1:
audio:x:29:user
users:x:100:
video:x:44:user,daemon
user:x:1000:
nogroup:x:65534:
'''
DIRECTORIES = ['bin', 'dev', 'etc', 'home', 'proc', 'root', 'run', 'sbin', 'sys', 'tmp', 'usr', 'usr/bin', 'usr/lib',
               'usr/sbin', 'usr/local', 'usr/local/bin', 'var', 'var/log', 'home/user']


def busybox_path():
    for path in ('/bin/busybox', '/usr/bin/busybox'):
        if os.path.exists(path):
            return path
    raise FileNotFoundError('busybox is missing: tools/deps --install test')


def base_layer(passwd=PASSWD, group=GROUP):
    """busybox with all its applets, the usual folders, passwd and group."""
    layer = Layer()
    for name in DIRECTORIES:
        owner = 1000 if name == 'home/user' else 0
        layer.dir(name, 0o1777 if name == 'tmp' else 0o700 if name == 'root' else 0o755, uid=owner, gid=owner)
    with open(busybox_path(), 'rb') as f:
        layer.file('bin/busybox', f.read(), 0o755)
    applets = subprocess.run([busybox_path(), '--list'], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    for applet in applets:
        if applet != 'busybox':
            layer.hardlink('bin/' + applet, 'bin/busybox', 0o755)
    layer.file('etc/passwd', passwd).file('etc/group', group)
    layer.file('etc/shadow', 'root:*:::::::\n', 0o640)
    return layer


def small(config=None, **kw):
    """One layer: busybox."""
    return Image([base_layer()], config, **kw)


def upper_layer():
    """What a layer can do to those under it: a file changed, one hidden, a folder made opaque, links, times, modes."""
    layer = Layer()
    layer.file('etc/motd', 'second layer\n').whiteout('etc/shadow')
    layer.dir('srv', 0o2775, gid=29).file('srv/data', 'hello from a layer\n', mtime=1000000000)
    layer.symlink('srv/link', 'data').hardlink('srv/hard', 'srv/data')
    layer.file('usr/local/bin/suid-id', open(busybox_path(), 'rb').read(), 0o4755)
    return layer


def third_layer():
    layer = Layer()
    layer.file('etc/motd', 'third layer\n').dir('var/log').opaque('var/log').file('var/log/new', 'new\n')
    layer.entry('srv/fifo', tarfile.FIFOTYPE, 0o600).file('srv/cap', b'#!/bin/sh\n', 0o755)
    return layer


def layered(config=None, **kw):
    """Three layers over busybox that change, hide and add."""
    return Image([base_layer(), upper_layer(), third_layer()], config, **kw)


def libraries_of(program):
    out = subprocess.run(['ldd', program], stdout=subprocess.PIPE, text=True, check=True).stdout
    return sorted({word for line in out.splitlines() for word in line.split() if word.startswith('/')})


def centos_like(**kw):
    """What the article starts: a shell that is bash, in four layers."""
    bash = Layer().dir('lib64').dir('lib').dir('lib/x86_64-linux-gnu')
    made = set()
    for program in ('/bin/bash',):
        with open(program, 'rb') as f:
            bash.file('bin/bash', f.read(), 0o755)
        for library in libraries_of(program):
            with open(library, 'rb') as f:
                name = library.lstrip('/')
                if name not in made:
                    made.add(name)
                    bash.file(name, f.read(), 0o755)
    release = Layer().file('etc/centos-release', 'CentOS Linux release 8.4.2105\n')
    release.file('etc/os-release', 'NAME="CentOS Linux"\nVERSION="8"\nID="centos"\nPRETTY_NAME="CentOS Linux 8"\n')
    shell = Layer().file('root/.bashrc', "PS1='[\\u@\\h \\W]\\$ '\n", 0o644)
    return Image([base_layer(), bash, release, shell], {'Cmd': ['/bin/bash']}, **kw)


# --- the benchmark's image ---------------------------------------------------------------------------------------

def words(seed, size):
    """About `size` bytes of text with the entropy of program files: gzip makes a third of it."""
    rng = random.Random(seed)
    stems = [bytes(rng.choices(b'abcdefghijklmnopqrstuvwxyz0123456789_./', k=rng.randint(2, 9))) for _ in range(1000)]
    weights = [1.0 / (i + 1) for i in range(len(stems))]
    out = []
    have = 0
    while have < size:
        line = rng.choices(stems, weights, k=4000)
        noise = rng.randbytes(800)
        blob = b' '.join(line) + noise + b'\n'
        out.append(blob)
        have += len(blob)
    return b''.join(out)[:size]


def big_layers(count=10, total=670_000_000, files=20_000, seed=7):
    """`count` layers, `total` bytes of tar: a few large files, many small ones, spread unevenly over the layers."""
    rng = random.Random(seed)
    pool = words(seed, 24_000_000)
    share = [rng.uniform(0.4, 2.2) for _ in range(count)]
    for number, part in enumerate(share):
        layer = Layer().dir('opt').dir(f'opt/layer{number}')
        budget = int(total * part / sum(share))
        wanted = max(1, int(files * part / sum(share)))
        folder = ''
        for i in range(wanted):
            if i % 50 == 0:
                folder = f'opt/layer{number}/d{i // 50:04d}'
                layer.dir(folder)
            left = wanted - i
            mean = max(1, budget // left - 1024)
            size = min(int(rng.lognormvariate(0, 1.1) * mean * 0.55), max(budget - 1024 * left, 0), 20_000_000)
            start = rng.randrange(0, len(pool) - min(size, len(pool) - 1))
            data = (pool[start:] + pool)[:size] if start + size > len(pool) else pool[start:start + size]
            layer.file(f'{folder}/f{i:05d}', data, 0o755 if i % 7 == 0 else 0o644)
            budget -= size + 1024
        if budget > 1_000_000:
            layer.file(f'opt/layer{number}/large', (pool * (budget // len(pool) + 1))[:budget])
        yield layer


def big(**kw):
    return Image([base_layer()] + list(big_layers(count=9, total=667_000_000)), **kw)
