"""What we save is read by dockerd, skopeo, podman, buildah and umoci, and what they write is loaded by us: image ids and
diff ids are equal each way, where the format stays the same. Push and pull are other files' subjects."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

import case
import engine

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../engine'))
import test_archives

IMAGES = ['layered', 'zstd', 'entry', 'oci']


def needs(program):
    return unittest.skipUnless(shutil.which(program), f'no {program} (tools/deps --install test)')


@case.lighterd_only
class Interop(test_archives.ArchiveTest):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='lt-interop.')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        before = self.images()
        self.addCleanup(lambda: [self.forget(image) for image in self.images() if image not in before])

    def path(self, name):
        return os.path.join(self.folder, name)

    def program(self, *args):
        env = {**os.environ, 'HOME': self.folder, 'XDG_RUNTIME_DIR': self.folder}
        done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, cwd=self.folder, env=env)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def saved(self, *names):
        """Our archive of these, as a file."""
        with open(self.path('ours.tar'), 'wb') as file:
            file.write(self.save(*names))
        return file.name

    def about(self, name):
        """(id, diff ids) here."""
        inspected = self.api.must(200, 'GET', f'/images/{name}/json').json
        return inspected['Id'], inspected['RootFS']['Layers']

    def loaded_file(self, path, name):
        """Loads it: (id, diff ids) of `name`, which it must have brought."""
        with open(path, 'rb') as file:
            self.assertIn(f'Loaded image: {name}\n', self.loaded(file.read()))
        return self.about(name)

    def gone(self, *names):
        """Removed, so that a load brings the layers and not only the name."""
        told = {name: self.about(name) for name in names}
        data = self.save(*names)
        for name in names:
            self.forget(name)
        self.addCleanup(self.loaded, data)
        return told

    @needs('dockerd')
    def test_dockerd(self):
        peer = engine.Dockerd(case.LAB.space, None, 'peer')
        case.LAB.engines.append(peer)
        peer.start()
        self.addCleanup(peer.stop)
        names = ['layered', 'zstd', 'entry', 'oci']
        data = self.save(*names)
        told = peer.api.must(200, 'POST', '/images/load', data, quiet=1).text
        for name in names:
            self.assertIn(f'Loaded image: {name}:latest', told)
            self.assertEqual(peer.api.must(200, 'GET', f'/images/{name}/json').json['Id'], self.id_of(name))
        theirs = peer.api.must(200, 'GET', '/images/get?' + '&'.join('names=' + name for name in names)).body
        before = self.gone(*names)
        self.loaded(theirs)
        self.assertEqual({name: self.about(name) for name in names}, before)
        # The layers have come from dockerd: the archive is the same byte for byte.
        self.assertEqual(hashlib.sha256(self.save(*names)).hexdigest(), hashlib.sha256(data).hexdigest())

    @needs('skopeo')
    def test_skopeo(self):
        before = self.about('layered')
        ours = self.saved('layered')
        for source in (f'docker-archive:{ours}', f'oci-archive:{ours}'):
            config = json.loads(self.program('skopeo', 'inspect', '--config', '--raw', source))
            self.assertEqual(config['rootfs']['diff_ids'], before[1])
        for source in ('docker-archive', 'oci-archive'):
            for target, tag in (('docker-archive', 'back:1'), ('oci-archive', 'docker.io/library/back:1')):
                with self.subTest(f'{source} to {target}'):
                    path = self.path(f'{source}-{target}.tar')
                    self.program('skopeo', '--insecure-policy', 'copy', f'{source}:{ours}', f'{target}:{path}:{tag}')
                    id_, layers = self.loaded_file(path, 'back:1')
                    self.assertEqual(layers, before[1])
                    if source == target == 'docker-archive':
                        self.assertEqual(id_, before[0])
                    self.assertEqual(self.out('cat /srv/data', image='back:1'), 'hello from a layer\n')
                    self.forget('back:1')

    @needs('podman')
    def test_podman(self):
        podman = ['podman', '--root', self.path('root'), '--runroot', self.path('run'), '--storage-driver', 'vfs', '--events-backend', 'none']
        self.program(*podman, 'load', '-q', '-i', self.saved('layered', 'entry'))
        listed = dict(line.split() for line in self.program(*podman, 'images', '--no-trunc', '--format', '{{.Repository}} {{.ID}}').splitlines())
        before = {name: self.about(name) for name in ('layered', 'entry')}
        self.assertEqual({name.rpartition('/')[2]: id_ for name, id_ in listed.items()}, {name: about[0] for name, about in before.items()})
        self.program(*podman, 'tag', 'layered', 'docker.io/library/back:1')
        self.gone('layered')
        for form in ('docker-archive', 'oci-archive'):
            self.program(*podman, 'save', '-q', '--format', form, '-o', self.path(form), 'docker.io/library/back:1')
            id_, layers = self.loaded_file(self.path(form), 'back:1')
            self.assertEqual(layers, before['layered'][1])
            if form == 'docker-archive':
                self.assertEqual(id_, before['layered'][0])
            self.forget('back:1')

    @needs('buildah')
    def test_buildah(self):
        buildah = ['buildah', '--root', self.path('root'), '--runroot', self.path('run'), '--storage-driver', 'vfs']
        before = self.about('oci')
        ours = self.saved('oci')
        for transport in ('docker-archive', 'oci-archive'):
            pulled = self.program(*buildah, 'pull', '-q', f'{transport}:{ours}').strip()
            if transport == 'oci-archive':  # an OCI image read as Docker's gets another config
                self.assertEqual('sha256:' + pulled, before[0])
            path = self.path('back-' + transport)
            self.program(*buildah, 'push', '-q', pulled, f'{transport}:{path}:docker.io/library/back:1')
            id_, layers = self.loaded_file(path, 'back:1')
            self.assertEqual(layers, before[1])
            if transport == 'oci-archive':
                self.assertEqual(id_, before[0])
            self.forget('back:1')

    @needs('umoci')
    def test_umoci(self):
        with tarfile.open(self.saved('layered')) as tar:
            tar.extractall(self.path('layout'), filter='data')
        self.program('umoci', 'unpack', '--image', self.path('layout') + ':latest', self.path('bundle'))
        with open(self.path('bundle/rootfs/srv/data')) as file:
            self.assertEqual(file.read(), 'hello from a layer\n')
        # Another layer by umoci, whose tars end without padding.
        base, made = self.path('theirs') + ':base', self.path('theirs') + ':docker.io/library/back:1'
        self.program('skopeo', '--insecure-policy', 'copy', 'docker-archive:' + self.path('ours.tar'), 'oci:' + base)
        with open(self.path('new'), 'w') as file:
            file.write('by umoci\n')
        self.program('umoci', 'insert', '--image', base, '--tag', 'docker.io/library/back:1', self.path('new'), '/new')
        self.program('umoci', 'rm', '--image', base)
        told = json.loads(self.program('umoci', 'stat', '--json', '--image', made))
        with tarfile.open(self.path('theirs.tar'), 'w') as tar:
            for name in sorted(os.listdir(self.path('theirs'))):
                tar.add(os.path.join(self.path('theirs'), name), name)
        before = self.about('layered')
        id_, layers = self.loaded_file(self.path('theirs.tar'), 'back:1')
        self.assertEqual(layers[:-1], before[1])
        self.assertEqual(layers, [line['diff_id'] for line in told['history'] if line['layer']])
        self.assertEqual(self.out('cat /new /srv/data', image='back:1'), 'by umoci\nhello from a layer\n')


if __name__ == '__main__':
    unittest.main()
