"""Hostile layers and documents by every way that an image comes in: pull, load and import agree on each, nothing changes
outside, nothing stays of what is refused, and what is taken is what its tar says (`system check`). Security cases 3 and 4.
What each layer becomes, tests/store/unpack_hostile_test.cc tells."""

import contextlib
import gzip
import io
import json
import os
import shutil
import tarfile

import case
import fake_registry

IMAGES = None if os.environ.get('LIGHTER_TEST_ENGINE') == 'dockerd' else []
CANARY = '/tmp/lighter-canary-archives'
UP = '../../../../../../../../../../../..'
END = bytes(1024)


def header(name, kind=tarfile.REGTYPE, size=0, link='', mode=0o644, dev=(0, 0), size_field=None, chksum=None):
    """A block; size_field and chksum as bytes: what no writer writes."""
    info = tarfile.TarInfo()
    info.name, info.type, info.size, info.linkname, info.mode = 'x', kind, size, link, mode
    info.devmajor, info.devminor = dev
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT)[-512:])
    data = name if isinstance(name, bytes) else name.encode()
    block[0:100] = data[:100].ljust(100, b'\0')
    if size_field is not None:
        block[124:124 + len(size_field)] = size_field
    block[148:156] = b' ' * 8
    block[148:156] = chksum or b'%06o\0 ' % sum(block)
    return bytes(block)


def entry(name, content=b'', **kw):
    kw.setdefault('size', len(content))
    return header(name, **kw) + content + bytes(-len(content) % 512)


def pax(records, **kw):
    body = b''
    for key, value in records.items():
        value = value if isinstance(value, bytes) else value.encode()
        size = len(key) + len(value) + 3
        while len(str(size)) + len(key) + len(value) + 3 != size:
            size = len(str(size)) + len(key) + len(value) + 3
        body += b'%d %s=%s\n' % (size, key.encode(), value)
    return entry('pax', body, kind=b'x', **kw)


def link(name, target, kind=tarfile.SYMTYPE):
    return header(name, kind, link=target)


HARD, FOLDER = tarfile.LNKTYPE, tarfile.DIRTYPE
LAYERS = {
    'up': entry('../escape', b'x'), 'up inside': entry('a/../../escape', b'x'), 'absolute': entry(f'{CANARY}/x', b'x'),
    'dots': entry('./a/./../b', b'x'), 'empty name': entry('', b'x'), 'root as file': entry('.', b'x'),
    'through a link': link('out', CANARY) + entry('out/x', b'x'),
    'through a relative link': link('out', UP + CANARY) + entry('out/x', b'x'),
    'link then folder': link('out', CANARY) + entry('out', kind=FOLDER, mode=0o777) + entry('out/x', b'x'),
    'link as parent of a whiteout': link('out', CANARY) + entry('out/.wh.keep'),
    'link then mode': link('keep', CANARY + '/keep') + entry('keep', kind=FOLDER, mode=0o777),
    'hard link out': link('h', UP + CANARY + '/keep', HARD), 'hard link absolute': link('h', CANARY + '/keep', HARD),
    'hard link through a link': link('out', CANARY) + link('h', 'out/keep', HARD) + entry('h', b'overwritten'),
    'hard link then write': entry('a', b'one') + link('b', 'a', HARD) + entry('b', b'two'),
    'hard link to itself': link('b', 'b', HARD), 'hard link to a folder': entry('d', kind=FOLDER) + link('h', 'd', HARD),
    'whiteout of nothing': entry('.wh.'), 'whiteout dot': entry('.wh..'), 'whiteout up': entry('.wh...'),
    'whiteout up inside': entry('a/.wh...'), 'whiteout folder': entry('.wh.x', kind=FOLDER),
    'below a whiteout': entry('.wh.x/y', b'x'), 'opaque': entry('d/.wh..wh..opq') + entry('d/x', b'x'),
    'opaque root': entry('.wh..wh..opq'), 'opaque late': entry('d/x', b'x') + entry('d/.wh..wh..opq'),
    'aufs': entry('.wh..wh.plnk/1', b'x') + entry('.wh..wh.orph', kind=FOLDER),
    'whiteout then file': entry('.wh.f') + entry('f', b'x') + entry('d/.wh.g') + entry('d/g/x', b'x'),
    'overlay xattr': pax({'SCHILY.xattr.trusted.overlay.opaque': 'y'}) + entry('d', kind=FOLDER),
    'overlay redirect': pax({'SCHILY.xattr.trusted.overlay.redirect': '/etc'}) + entry('d', kind=FOLDER),
    'user overlay': pax({'SCHILY.xattr.user.overlay.opaque': 'y'}) + entry('d', kind=FOLDER),
    'other xattrs': pax({'SCHILY.xattr.security.selinux': 'x', 'SCHILY.xattr.system.posix_acl_access': 'x',
                         'SCHILY.xattr.security.ima': 'x'}) + entry('f', b'x'),
    'capability of a wrong size': pax({'SCHILY.xattr.security.capability': b'\1\2\3'}) + entry('f', b'x'),
    'device 0:0': header('w', tarfile.CHRTYPE), 'disk': header('disk', tarfile.BLKTYPE, dev=(8, 0)),
    'fifo': header('p', tarfile.FIFOTYPE) + entry('p', b'x'), 'socket': header('s', b's'),
    'bad checksum': entry('f', b'x', chksum=b'000000\0 '), 'negative size': entry('f', b'x', size_field=b'\xff' * 12),
    'size of base 256': entry('f', b'x', size_field=b'\x80' + b'\xff' * 11), 'size of letters': entry('f', size_field=b'12x45'),
    'size beyond 64 bits': pax({'size': '99999999999999999999'}) + entry('f', b'x'),
    'size of int64': pax({'size': str(2**63 - 1)}) + entry('f', b'x'),
    'pax size that lies': pax({'size': '100000'}) + entry('f', b'x'),
    'NUL in a path': pax({'path': b'a\0b'}) + entry('f', b'x'), 'long component': pax({'path': 'c' * 256}) + entry('f', b'x'),
    'long path': pax({'path': '/'.join(['d' * 200] * 25)}) + entry('f', b'x'),
    'deep tree': pax({'path': 'd/' * 2000 + 'f'}) + entry('f', b'x'),
    'deep tree of its own': b''.join(entry('e/' * n, kind=FOLDER) for n in range(1, 45)),
    'huge pax': entry('pax', b'9' * (2 << 20), kind=b'x') + entry('f', b'x'),
    'pax that claims more': entry('pax', b'999999 path=a\n', kind=b'x') + entry('f', b'x'),
    'uid beyond 32 bits': pax({'uid': str(2**32)}) + entry('f', b'x'), 'uid -1': pax({'uid': '-1'}) + entry('f', b'x'),
    'times beyond range': pax({'mtime': '99999999999999'}) + entry('f', b'x'),
    'time before all': pax({'mtime': '-99999999999'}) + entry('f', b'x'),
    'sparse that overlaps': pax({'GNU.sparse.major': '0', 'GNU.sparse.minor': '1', 'GNU.sparse.numblocks': '2',
                                 'GNU.sparse.map': '0,1,0,1', 'GNU.sparse.size': '5'}) + entry('f', b'xy'),
    'sparse beyond its size': pax({'GNU.sparse.major': '0', 'GNU.sparse.minor': '1', 'GNU.sparse.numblocks': '1',
                                   'GNU.sparse.map': '9,1', 'GNU.sparse.size': '5'}) + entry('f', b'x'),
    'holes of petabytes': pax({'GNU.sparse.major': '0', 'GNU.sparse.minor': '1', 'GNU.sparse.numblocks': '1',
                               'GNU.sparse.map': '0,1', 'GNU.sparse.size': str(2**50)}) + entry('f', b'x'),
    'unknown type': header('f', b'!'), 'contents of a link': header('l', tarfile.SYMTYPE, size=512, link='x') + b'y' * 512,
    'file over folder': entry('d/x', b'x') + entry('d', b'y'), 'folder over file': entry('d', b'y') + entry('d/x', b'x'),
    'link over folder': entry('d/x', b'x') + link('d', CANARY) + entry('d/y', b'x'),
    'many of one name': b''.join(entry('f', b'%d' % i) for i in range(300)),
    'garbage': b'\xa5' * 2048, 'one block': b'x' * 512, 'cut content': entry('f', bytes(4096))[:1024],
}
# Both the tar and its end are there: only what ends within is cut.
WHOLE = {name: data if name in ('cut content', 'garbage', 'one block') else data + END for name, data in LAYERS.items()}


def canary():
    found = []
    for root, folders, files in os.walk(CANARY):
        for name in sorted(folders + files) + ['.']:
            info = os.lstat(os.path.join(root, name))
            found.append((os.path.join(root, name), info.st_mode, info.st_uid, info.st_nlink, info.st_size, info.st_mtime_ns))
    return found


def archive(parts):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as tar:
        for path, data in parts.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def docker_archive(tar, name='loaded:1'):
    config = {'architecture': 'amd64', 'os': 'linux', 'config': {},
              'rootfs': {'type': 'layers', 'diff_ids': [fake_registry.digest_of(tar)]}}
    return archive({'config.json': json.dumps(config).encode(), 'layer.tar': tar, 'manifest.json': json.dumps(
        [{'Config': 'config.json', 'RepoTags': [name], 'Layers': ['layer.tar']}]).encode()})


@case.lighterd_only
class HostileArchives(case.EngineTest):
    def setUp(self):
        shutil.rmtree(CANARY, ignore_errors=True)
        os.makedirs(CANARY)
        with open(CANARY + '/keep', 'w') as f:
            f.write('of the host\n')
        self.addCleanup(shutil.rmtree, CANARY, ignore_errors=True)
        self.before = canary()
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.store = fake_registry.Store()
        with self.engine.space.inside():
            self.registry = fake_registry.FakeRegistry(self.store)
        self.stack.enter_context(self.registry)
        self.app = self.registry.host + '/team/app'

    def told(self, reply):
        """The error of an answer, plain or at the end of its stream; '' when there is none."""
        if reply.status >= 400:
            self.assertIn(reply.status, (400, 404, 413, 500), reply)
            return reply.message
        lines = [line for line in reply.body.splitlines() if line.strip()]
        return json.loads(lines[-1]).get('error', '') if lines else ''

    def pull(self, tag='1'):
        return self.told(self.api.post('/images/create', fromImage=f'{self.app}:{tag}', timeout=60))

    def send(self, path, data, **params):
        try:
            return self.told(self.api.request('POST', path, data, timeout=60, **params))
        except BrokenPipeError:
            return 'refused while it was sent'

    def load(self, data):
        return self.send('/images/load', data)

    def import_(self, data):
        return self.send('/images/create', data, fromSrc='-', repo='imported', tag='1')

    def nothing_stays(self):
        for image in self.api.get('/images/json').json:
            self.api.must(200, 'DELETE', f'/images/{image["Id"]}', force=True)
        for name in ('staging', 'ingest', 'layers', 'images'):
            folder = os.path.join(self.engine.data_root, name)
            self.assertEqual(os.listdir(folder), [], name)

    def check(self):
        reply = self.api.must(200, 'POST', '/lighter/system/check')
        lines = [json.loads(line) for line in reply.body.splitlines() if line.strip()]
        wrong = [line for line in lines[:-1] if line['status'] != 'Checking']
        self.assertEqual((wrong, lines[-1].get('totals', {}).get('problems')), ([], 0), lines[-1])

    def test_layers(self):
        every = 1 if os.environ.get('HOSTILE') == 'all' else 4  # the unpacker is one; a pull is what costs time
        for number, (name, tar) in enumerate(WHOLE.items()):
            with self.subTest(name):
                said = {}
                if number % every == 0:
                    self.store.add_image('team/app', '1', [tar], compress='gzip')
                    said['pull'] = self.pull()
                    self.nothing_stays()
                said['import'] = self.import_(tar)
                self.nothing_stays()
                said['load'] = self.load(docker_archive(tar))
                if not said['load']:
                    self.check()
                self.nothing_stays()
                self.assertEqual(len({bool(text) for text in said.values()}), 1, said)
                self.assertEqual(canary(), self.before)
        self.assertIsNone(self.engine.process.poll())

    def test_cut_compressed_and_empty(self):
        good = b''.join(entry(f'f{i}', os.urandom(700)) for i in range(8)) + END
        packed = gzip.compress(good)
        for at in (0, 1, 9, 20, len(packed) // 2, len(packed) - 9, len(packed) - 1):
            self.assertTrue(self.import_(packed[:at]) or at == 0, at)
            self.assertTrue(self.load(docker_archive(packed[:at])), at)
            self.nothing_stays()
        for at in (1, 511, 513, 2000, len(good) // 2):
            self.assertTrue(self.import_(good[:at]), at)
            self.assertTrue(self.load(docker_archive(good)[:at]), at)
            self.nothing_stays()
        # A stream of a thousand members, and one with garbage behind.
        self.assertEqual(self.import_(b''.join(gzip.compress(good[i:i + 50]) for i in range(0, len(good), 50))), '')
        self.check()
        self.nothing_stays()

    def documents(self):
        """Edits of an image's manifest that no engine may take, each with words of the refusal."""
        huge = [str(2**63), '1e30', '-1', '"7"', '1.5', str(2**64), str(2**63 - 1) + '0']
        first = lambda d: d['layers'][0]  # noqa: E731
        edits = {f'size {n}': (lambda d, n=n: first(d).update(size=json.loads(n))) for n in huge}
        edits.update({f'config size {n}': (lambda d, n=n: d['config'].update(size=json.loads(n))) for n in huge})
        for digest in ('sha512:' + 'a' * 128, 'sha256:' + 'A' * 64, 'sha256:' + 'a' * 63, 'md5:' + 'a' * 32, 'sha256:../' + 'a' * 61,
                       '../../x', 'sha256:' + 'a' * 64 + '/..', 'SHA256:' + 'a' * 64, ''):
            edits[f'digest {digest[:20]}'] = lambda d, v=digest: first(d).update(digest=v)
            edits[f'config digest {digest[:20]}'] = lambda d, v=digest: d['config'].update(digest=v)
        edits['both kinds'] = lambda d: d.update(manifests=[])
        edits['schema 1'] = lambda d: d.update(fsLayers=[])
        edits['other media type'] = lambda d: d.update(mediaType='application/vnd.oci.image.index.v1+json')
        edits['media type of no manifest'] = lambda d: d.update(mediaType='text/html')
        edits['no config'] = lambda d: d.pop('config')
        edits['layers as an object'] = lambda d: d.update(layers={})
        edits['more layers than diff ids'] = lambda d: d['layers'].append(first(d))
        return edits

    def layout(self, edit):
        """An OCI layout with one image whose manifest was edited."""
        tar = entry('f', b'x') + END
        store = fake_registry.Store()
        image = store.add_image('r', '1', [tar], flavour='oci', compress='none', edit_manifest=edit)
        blobs = {f'blobs/sha256/{digest[7:]}': data for digest, data in store.blobs.items()}
        blobs[f'blobs/sha256/{image.digest[7:]}'] = image.manifest
        index = {'schemaVersion': 2, 'manifests': [{'mediaType': fake_registry.OCI_MANIFEST, 'digest': image.digest,
                                                    'size': len(image.manifest),
                                                    'annotations': {'io.containerd.image.name': 'docker.io/library/l:1'}}]}
        return archive({'oci-layout': b'{"imageLayoutVersion":"1.0.0"}', **blobs, 'index.json': json.dumps(index).encode()})

    def test_documents(self):
        self.assertEqual(self.load(self.layout(None)), '')
        self.nothing_stays()
        every = 1 if os.environ.get('HOSTILE') == 'all' else 4
        for number, (name, edit) in enumerate(self.documents().items()):
            with self.subTest(name):
                if number % every == 0:
                    self.store.add_image('team/app', '1', [entry('f', b'x') + END], edit_manifest=edit)
                    self.assertTrue(self.pull(), 'pull')
                    self.nothing_stays()
                self.assertTrue(self.load(self.layout(edit)), 'load')
                self.nothing_stays()
        self.assertEqual(canary(), self.before)

    def test_a_registry_that_changes_its_mind(self):
        self.store.add_image('team/app', '1', [entry('f', b'x') + END])
        honest = self.store.manifests[self.store.tags['team/app', '1']][1]
        other = self.store.add_image('team/app', '2', [entry('other', b'x') + END])
        # Its HEAD and its header tell of another document than its GET: what came is what counts, under its own digest.
        self.registry.fault('HEAD .*/manifests/1', docker_digest=other.digest)
        self.registry.fault('GET .*/manifests/1', docker_digest=other.digest)
        self.assertEqual(self.pull(), '')
        image = self.api.get('/images/json').json[0]
        self.assertEqual(image['RepoDigests'], [f'{self.app}@{fake_registry.digest_of(honest)}'])
        self.nothing_stays()
        self.registry.faults.clear()
        # By digest nothing else is taken.
        self.registry.fault('GET .*/manifests/', replace=other.manifest)
        reply = self.api.post('/images/create', fromImage=f'{self.app}@{fake_registry.digest_of(honest)}')
        self.assertIn('verification failed for digest', self.told(reply))
        self.nothing_stays()
        self.registry.faults.clear()

    def test_lengths_that_lie(self):
        image = self.store.add_image('team/app', '1', [entry('f', os.urandom(3000)) + END], compress='none')
        blob = f'GET .*/blobs/{image.layers[0][0]}'
        size = len(image.layers[0][1])
        for name, fault in {'too short': {'content_length': str(size - 7)}, 'too long': {'content_length': str(size + 7)},
                            'no number': {'content_length': 'x'}, 'negative': {'content_length': '-1'},
                            'beyond 64 bits': {'content_length': '99999999999999999999'}, 'more than told': {'extra': 9}}.items():
            for what in (blob, 'GET .*/manifests/1'):
                with self.subTest(f'{name} {what[:16]}'):
                    self.registry.fault(what, times=1, **fault)
                    said = self.pull()
                    self.registry.faults.clear()
                    if said:
                        self.assertEqual(self.api.get('/images/json').json, [])
                        self.assertEqual(self.pull(), '')  # nothing wrong was kept of it
                    self.check()
                    self.nothing_stays()


if __name__ == '__main__':
    import unittest
    unittest.main()
