"""cp, diff, commit, export with `lighter` and with the docker CLI against one engine: the same files, words and exit codes."""

import io
import os
import shutil
import subprocess
import tarfile
import tempfile

from clients import CLIENTS
from compared import Compared

IMAGES = ['busybox']
# Made below a folder of its own for each copy: "@" is that folder. (name, kind, content or target)
INSIDE = [('src', 'd', ''), ('src/sub', 'd', ''), ('src/one', 'f', 'one'), ('src/sub/two', 'f', 'two'), ('src/hard', 'h', '@/src/one'),
          ('src/link', 'l', 'sub/two'), ('src/dirlink', 'l', 'sub'), ('dst', 'd', ''), ('dst/there', 'd', ''), ('dst/file', 'f', 'old'),
          ('to-dst', 'l', '@/dst'), ('to-one', 'l', '@/src/one'), ('broken', 'l', '/no/where'), ('outer', 'd', ''),
          ('outer/leaves', 'l', '../src')]
LOCAL = [('dir/one', 'one'), ('dir/sub/two', 'two'), ('file', 'file'), ('other/old', 'old')]

# (from, to); L: is the local folder, @ a folder of the container. The docker CLI costs a fifth of a second each.
COPIES = [
    # out
    ('cc:@/src/one', 'L:new'), ('cc:@/src/one', 'L:file'), ('cc:@/src/one', 'L:other/'), ('cc:@/src/one', 'L:no/such'),
    ('cc:@/src', 'L:new'), ('cc:@/src', 'L:other'), ('cc:@/src/.', 'L:new'), ('cc:@/src/.', 'L:other'), ('cc:@/src', 'L:file'),
    ('-L', 'cc:@/src/link', 'L:new'), ('-L', 'cc:@/src/dirlink', 'L:other'), ('cc:@/src/dirlink/', 'L:other'), ('cc:@/to-one', 'L:other'),
    ('-L', 'cc:@/to-one', 'L:other'), ('cc:@/nope', 'L:new'), ('cc:@/src', 'L:tolink'), ('cc:@/src/one', 'L:dangling'),
    ('cc:@/outer', 'L:new'), ('cc:@/src/sub', 'L:dir'), ('nobody:/x', 'L:new'), ('cc:@/src/one', '/dev/null'),
    # in
    ('L:file', 'cc:@/new'), ('L:file', 'cc:@/dst/'), ('L:file', 'cc:@/dst/file'), ('L:file', 'cc:@/no/'), ('L:file', 'cc:@/no/such'),
    ('L:dir', 'cc:@/new'), ('L:dir', 'cc:@/dst'), ('L:dir/.', 'cc:@/new'), ('L:dir/.', 'cc:@/dst'), ('L:tofile', 'cc:@/dst'),
    ('-L', 'L:tofile', 'cc:@/dst'), ('-L', 'L:tolink', 'cc:@/dst'), ('L:tolink/', 'cc:@/dst'), ('L:file', 'cc:@/to-dst'),
    ('L:file', 'cc:@/to-one'), ('L:file', 'cc:@/broken'), ('L:file/', 'cc:@/dst'), ('L:file', 'cc:@/dst/there'), ('L:leaves', 'cc:@/dst'),
    # neither
    ('cc:@/a', 'cc:@/b'), ('L:file', 'L:new'), ('', 'cc:/x'),
]


# What docker logs of an archive that nobody reads any more, if it gets that far.
LOG = (r'time="[^"]*" level=error msg="Can\'t (add file|close tar writer)[^\n]*\n', '')


class Copy(Compared):
    def setUp(self):
        super().setUp()
        self.top = tempfile.mkdtemp(prefix='lt-cp.')
        self.addCleanup(shutil.rmtree, self.top)

    def local(self):
        """The local folder as it is before each copy."""
        folder = os.path.join(self.top, 'l')
        shutil.rmtree(folder, ignore_errors=True)
        for name, text in LOCAL:
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w') as f:
                f.write(text)
            os.utime(path, (1_000_000_000, 1_000_000_000))
        os.chmod(folder + '/file', 0o640)
        for name, target in (('tolink', 'dir'), ('tofile', 'file'), ('dangling', folder + '/made'), ('leaves', '../x')):
            os.symlink(target, f'{folder}/{name}')
        return folder

    def tree(self, folder):
        seen = []
        for root, folders, files in os.walk(folder):
            for name in sorted(folders + files):
                path = os.path.join(root, name)
                info = os.lstat(path)
                what = os.readlink(path) if os.path.islink(path) else open(path).read() if os.path.isfile(path) else ''
                seen.append((os.path.relpath(path, folder), oct(info.st_mode), int(info.st_mtime) if what and info.st_mtime < 1.5e9 else 0, what))
        return sorted(seen)

    def fresh(self, places, script='true'):
        """The container cc, with all that is copied from in each of the places."""
        self.api.remove('cc')
        container = self.api.create('busybox', ['sh', '-c', f'{script}; echo ready; exec sleep 1000'], 'cc')
        self.engine.seen.add(container)
        self.addCleanup(lambda: self.api.remove('cc'))
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode='w') as tar:
            for place in places:
                for name, kind, what in [('', 'd', '')] + INSIDE:
                    info = tarfile.TarInfo(f'{place[1:]}/{name}'.rstrip('/'))
                    info.type = {'d': tarfile.DIRTYPE, 'f': tarfile.REGTYPE, 'l': tarfile.SYMTYPE, 'h': tarfile.LNKTYPE}[kind]
                    info.mode, info.mtime = 0o755 if kind == 'd' else 0o640, 1_000_000_000
                    info.linkname = what.replace('@', place) if kind in 'lh' else ''
                    info.size = len(what) if kind == 'f' else 0
                    tar.addfile(info, io.BytesIO(what.encode()) if kind == 'f' else None)
        self.api.must(200, 'PUT', '/containers/cc/archive?path=/', out.getvalue(), headers={'Content-Type': 'application/x-tar'})
        self.api.start('cc')
        self.eventually(lambda: b'ready' in self.api.logs('cc')[0])
        return container

    def inside(self):
        """The places of the container, with contents, modes and owners."""
        data = self.api.must(200, 'GET', '/containers/cc/export').body
        seen = {}
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for m in tar:
                place, _, name = m.name.partition('/')
                if name and place.startswith(('docker', 'lighter', 'p')):
                    text = tar.extractfile(m).read() if m.isfile() else b''
                    link = m.linkname.replace(place, '@')
                    seen.setdefault(place, []).append((name, m.type, link, oct(m.mode), m.uid, m.gid, text))
        return {place: sorted(files) for place, files in seen.items()}

    def test_every_rule(self):
        results = {'docker': [], 'lighter': []}
        self.fresh([f'/{client}{i}' for client in results for i in range(len(COPIES))])
        for running in (True, False):
            for client, told in results.items():
                for i, copy in enumerate(COPIES):
                    if (i % 2 == 0) != running:
                        continue
                    folder, place = self.local(), f'/{client}{i}'
                    args = [a.replace('L:', folder + '/', 1).replace('@', place) for a in copy]
                    code, out, err = self.said(client, ['cp', *args], masks=[(folder, 'L'), (f'/CLIENT{i}|{place}', '@'),
                                                                         LOG])
                    told.append((i, code, out, err.replace(f'/CLIENT{i}', '@'),
                                 [(n, *rest, link.replace(place, '@')) for n, *rest, link in self.tree(folder)]))
            if running:
                self.api.must(204, 'POST', '/containers/cc/stop?t=0')
        inside = self.inside()
        for theirs, ours in zip(results['docker'], results['lighter']):
            with self.subTest(copy=COPIES[theirs[0]]):
                self.assertEqual(ours, theirs)
                self.assertEqual(inside[f'lighter{ours[0]}'], inside[f'docker{ours[0]}'])
        self.assertGreater(sum(r[1] == 0 for r in results['docker']), 25)

    def test_streams(self):
        self.fresh(['/p1'])
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode='w') as tar:
            info = tarfile.TarInfo('in/stream')
            info.size = 4
            tar.addfile(info, io.BytesIO(b'text'))
        archive = out.getvalue()
        for client in ('docker', 'lighter'):
            with self.subTest(client=client):
                done = subprocess.run([CLIENTS[client], 'cp', '-', 'cc:/p1/dst'], input=archive, env=self.environment(),
                                      capture_output=True)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b'', b''))
                self.assertIn('dst/in/stream', [n for n, *_ in self.inside()['p1']])
        seen = {}
        for client in ('docker', 'lighter'):
            done = subprocess.run([CLIENTS[client], 'cp', 'cc:/p1/src', '-'], env=self.environment(), capture_output=True)
            with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
                seen[client] = (done.returncode, done.stderr, [m.name for m in tar])
        self.assertEqual(seen['lighter'], seen['docker'])
        self.same('cp', '-', 'cc:/p1/src/one', stdin=archive)
        self.same('cp', '-', 'cc:/nope', stdin=archive)

    def test_diff_and_commit(self):
        self.fresh(['/p1'], 'rm /bin/ls; echo x >> /etc/passwd')
        theirs, ours = self.said('docker', ['diff', 'cc']), self.said('lighter', ['container', 'diff', 'cc'])
        self.assertEqual(sorted(ours[1].splitlines()), sorted(theirs[1].splitlines()))
        self.assertIn('D /bin/ls\n', ours[1])
        self.assertEqual((ours[0], ours[2]), (theirs[0], theirs[2]))
        self.same('diff', 'nobody')
        masks = [(r'sha256:[0-9a-f]{64}', 'SHA')]
        for args in (['cc'], ['cc', 'made/it'], ['-m', 'why', '-a', 'me', '-c', 'CMD ["x"]', '-c', 'ENV A=b', 'cc', 'made/it:v2'],
                     ['-p=false', 'cc', 'made/it'], ['cc', 'BAD'], ['cc', 'x@sha256:' + '0' * 64], ['-c', 'FROM x', 'cc'], ['nobody']):
            with self.subTest(args=args):
                self.same('commit', *args, masks=masks, errors=args[-1] not in ('BAD',))
        self.assertEqual(self.said('lighter', ['inspect', '-f', '{{.Author}} {{.Comment}} {{.Config.Cmd}}', 'made/it:v2'])[1],
                         'me why [x]\n')
        for name in ('made/it:v2', 'made/it'):
            self.api.delete(f'/images/{name}?force=1')

    def test_export(self):
        self.fresh(['/p1'])
        seen = {}
        for client in ('docker', 'lighter'):
            path = f'{self.top}/{client}.tar'
            code, out, err = self.said(client, ['export', '-o', path, 'cc'])
            with tarfile.open(path) as tar:
                seen[client] = (code, out, err, tar.getnames())
        self.assertEqual(seen['lighter'], seen['docker'])
        self.assertIn('p1/src/one', seen['docker'][3])
