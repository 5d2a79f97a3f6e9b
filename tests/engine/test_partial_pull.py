"""zstd:chunked: of a layer that resembles what is here only the rest is fetched; whatever is odd about it, the layer comes
whole and right all the same."""

import glob
import io
import json
import os
import random
import stat
import tarfile
import unittest

import case
import chunked
import fake_registry

IMAGES = []
NOISE = random.Random(5)
FILES = {f'usr/share/{i % 7}/{i}': NOISE.randbytes(NOISE.randrange(500, 18_000)) for i in range(60)}
BIG = NOISE.randbytes(300_000) + bytes(200_000) + NOISE.randbytes(700_000)


def tar_of(files, **pax):
    """One with everything a header can say; `files`: {name: bytes}."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=tarfile.PAX_FORMAT) as tar:
        def add(name, kind, mode=0o644, data=b'', link='', **more):
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.linkname, info.size, info.mtime = kind, mode, link, len(data), 1704067200
            info.uid, info.pax_headers = 1000, more
            tar.addfile(info, io.BytesIO(data))
        for folder in ('usr', 'usr/share', *(f'usr/share/{i}' for i in range(7)), 'opt'):
            add(folder, tarfile.DIRTYPE, 0o755)
        add('opt/first', tarfile.SYMTYPE, 0o777, link='../usr/share/0/0')
        add('opt/.wh.gone', tarfile.REGTYPE)
        for name, data in files.items():
            add(name, tarfile.REGTYPE, data=data)
        add('opt/' + 'long' * 40, tarfile.REGTYPE, 0o4755, b'x' * 5, **{'SCHILY.xattr.user.a': 'b'})
        add('opt/hard', tarfile.LNKTYPE, link=next(iter(files)))
        add('opt/ümlaut', tarfile.FIFOTYPE)
    return out.getvalue()


def second(files):
    """The next version: one file changed, one new, one gone, one elsewhere; bytes put into the middle of the big one."""
    files = dict(files)
    files['usr/share/3/3'] = NOISE.randbytes(15_000)
    files['usr/share/new'] = NOISE.randbytes(10_000)
    del files['usr/share/4/4']
    files['opt/moved'] = files.pop('usr/share/5/5')
    files['opt/big'] = BIG[:900_000] + NOISE.randbytes(20_000) + BIG[900_000:]
    return files


ONE = tar_of({**FILES, 'opt/big': BIG})
TWO = tar_of(second({**FILES, 'opt/big': BIG}))


class PartialTest(case.EngineTest):
    def setUp(self):
        self.store = fake_registry.Store()
        with self.engine.space.inside():
            self.registry = fake_registry.FakeRegistry(self.store)
        self.registry.__enter__()
        self.addCleanup(self.registry.__exit__)
        chunked.add_image(self.store, 'app', '1', [ONE])

    def tearDown(self):
        for image in self.api.get('/images/json').json:
            self.api.delete(f'/images/{image["Id"]}', force=True)

    def pull(self, tag):
        """Bytes of blobs of that image that the registry sent, and the requests for its layer."""
        seen = len(self.registry.log)
        messages = self.api.pull(f'{self.registry.host}/app:{tag}')
        self.assertIn('Status: Downloaded newer image', messages[-1]['status'])
        asked = [r for r in self.registry.log[seen:] if '/blobs/' in r['path']]
        return sum(r['sent'] for r in asked), asked

    def check(self, image, tar=TWO):
        """It is exactly what a whole pull gives: ids, and the very bytes of its tar."""
        self.check_ids(image)
        saved = tarfile.open(fileobj=io.BytesIO(self.api.get(f'/images/{image.config_digest}/get').body))
        self.assertIn(tar, [saved.extractfile(m).read() for m in saved if m.isreg() and m.size == len(tar)])

    def check_ids(self, image):
        found = self.api.get(f'/images/{image.config_digest}/json').json
        self.assertEqual(found['RootFS']['Layers'], image.diff_ids)
        for folder in ('staging', 'ingest'):
            self.assertEqual(os.listdir(os.path.join(self.engine.data_root, folder)), [])

    def contents(self):
        return glob.glob(os.path.join(self.engine.data_root, 'layers/*/contents'))


class Partial(PartialTest):
    def test_only_what_is_not_here_is_fetched(self):
        two = chunked.add_image(self.store, 'app', '2', [TWO])
        size = len(two.layers[0][1])
        first, asked = self.pull('1')
        self.assertEqual([r['headers'].get('range') for r in asked if two.layers[0][0] in r['path']], [])
        self.assertGreater(first, size * 0.9)
        self.assertEqual(len(self.contents()), 1)
        sent, asked = self.pull('2')
        self.assertTrue(all('range' in r['headers'] for r in asked if two.layers[0][0] in r['path']))
        # 45 KB are new, and what is cut with them; the tables; the gaps that are not worth a request.
        self.assertLess(sent, 400_000)
        self.assertGreater(sent, 45_000)
        self.check(two)
        self.assertEqual(len(self.contents()), 2)

    def tree(self):
        """All that can be seen of the files of its layer."""
        found = {}
        root, = [d for d in glob.glob(os.path.join(self.engine.data_root, 'layers/*/diff'))
                 if os.path.exists(d + '/usr/share/new')]
        for folder, folders, files in os.walk(root):
            for name in folders + files:
                path = os.path.join(folder, name)
                info = os.lstat(path)
                data = chunked.digest(open(path, 'rb').read()) if stat.S_ISREG(info.st_mode) else None
                modified = 0 if stat.S_ISCHR(info.st_mode) else info.st_mtime_ns  # a whiteout has no time of its own
                link = os.readlink(path) if stat.S_ISLNK(info.st_mode) else None
                found[os.path.relpath(path, root)] = (info.st_mode, info.st_uid, info.st_size, modified,
                                                      info.st_nlink, info.st_rdev, link, data,
                                                      {a: os.getxattr(path, a, follow_symlinks=False)
                                                       for a in os.listxattr(path, follow_symlinks=False)})
        return found

    def test_the_same_files_as_by_a_whole_pull(self):
        image = chunked.add_image(self.store, 'app', '2', [TWO])
        self.pull('1')
        self.pull('2')
        partial = self.tree()
        self.tearDown()
        sent, _ = self.pull('2')
        self.assertGreater(sent, len(image.layers[0][1]))
        self.assertEqual(self.tree(), partial)

    def test_without_a_tar_split_the_headers_come_from_the_blob(self):
        for prefix in (chunked.PREFIX, 'io.containers.zstd-chunked.'):
            two = chunked.add_image(self.store, 'app', '2', [TWO], split=False, prefix=prefix)
            self.pull('1')
            sent, _ = self.pull('2')
            self.assertLess(sent, len(two.layers[0][1]) * 0.7)
            self.check(two)
            self.tearDown()

    def test_everything_is_here(self):
        files = {name: data for name, data in sorted({**FILES, 'opt/big': BIG}.items(), reverse=True)}
        two = chunked.add_image(self.store, 'app', '2', [tar_of(files)])
        self.pull('1')
        sent, asked = self.pull('2')
        self.assertEqual(len([r for r in asked if two.layers[0][0] in r['path']]), 1)  # the tables
        self.assertLess(sent, 30_000)
        self.check(two, tar_of(files))

    def test_nothing_is_here(self):
        two = chunked.add_image(self.store, 'app', '2', [tar_of({'opt/other': NOISE.randbytes(400_000)})])
        self.pull('1')
        sent, asked = self.pull('2')
        self.assertEqual(len([r for r in asked if 'range' not in r['headers'] and two.layers[0][0] in r['path']]), 1)
        self.assertLess(sent, len(two.layers[0][1]) + 30_000)

    def test_a_line_that_breaks(self):
        two = chunked.add_image(self.store, 'app', '2', [TWO])
        self.pull('1')
        self.registry.fault('GET .*/blobs/' + two.layers[0][0], times=1, skip=1, reset_at=10_000)
        self.registry.fault('GET .*/blobs/' + two.layers[0][0], times=1, skip=1, status=503)
        sent, _ = self.pull('2')
        self.assertLess(sent, 450_000)
        self.check(two)

    def test_killed_in_the_middle_it_goes_on_where_it_stopped(self):
        two = chunked.add_image(self.store, 'app', '2', [TWO])
        self.pull('1')
        self.registry.fault('GET .*/blobs/' + two.layers[0][0], skip=1, rate=200_000)
        connection, reply = self.api.open('POST', '/images/create', fromImage=f'{self.registry.host}/app:2')
        self.addCleanup(connection.close)
        self.assertEqual(reply.status, 200)

        def parts():
            return sum(map(os.path.getsize, glob.glob(os.path.join(self.engine.data_root, 'ingest/*.part'))))
        self.eventually(lambda: parts() > 50_000, 'bytes on disk')
        self.engine.kill()
        kept = parts()
        self.engine.start()
        self.registry.faults.clear()
        self.assertEqual([i['RepoTags'] for i in self.api.get('/images/json').json], [[f'{self.registry.host}/app:1']])
        sent, _ = self.pull('2')
        self.assertLess(sent, 400_000 - kept)
        self.check(two)


class Odd(PartialTest):
    """What must end with the whole layer."""

    def whole(self, image):
        """A pull of it, after which it is there and its whole blob has come."""
        try:
            _, asked = self.pull('2')
            self.assertTrue(any('range' not in r['headers'] for r in asked if image.layers[0][0] in r['path']), asked)
            self.check_ids(image)
        finally:
            self.api.delete(f'/images/{image.config_digest}', force=True)

    def test_registries_without_ranges(self):
        two = chunked.add_image(self.store, 'app', '2', [TWO])
        self.pull('1')
        blob = 'GET .*/blobs/' + two.layers[0][0]
        for skip, what in ((0, {'range': 'ignore'}), (1, {'range': 'ignore'}), (1, {'range': 'lie'}), (2, {'range': 'wrong_total'}),
                           (1, {'range': 'no_header'}), (1, {'status': 416}), (2, {'status': 400})):
            with self.subTest(what, skip=skip):
                self.registry.faults.clear()
                self.registry.fault(blob, times=1, skip=skip, **what)
                self.whole(two)

    def test_bytes_that_are_wrong(self):
        two = chunked.add_image(self.store, 'app', '2', [TWO])
        self.pull('1')
        for skip, what in ((0, 'corrupt_at'), (1, 'corrupt_at'), (2, 'corrupt_at'), (1, 'extra')):
            with self.subTest(what, skip=skip):
                self.registry.faults.clear()
                self.registry.fault('GET .*/blobs/' + two.layers[0][0], times=1, skip=skip, **{what: 500})
                self.whole(two)

    def test_a_file_of_this_host_that_is_not_what_it_was(self):
        two = chunked.add_image(self.store, 'app', '2', [TWO])

        def flip(path):
            with open(path, 'r+b') as file:
                first = file.read(1)[0]
                file.seek(0)
                file.write(bytes([first ^ 1]))
        for damage in (lambda path: os.truncate(path, 1), os.unlink, flip):
            with self.subTest(damage):
                self.pull('1')
                path, = glob.glob(os.path.join(self.engine.data_root, 'layers/*/diff/usr/share/2/2'))
                damage(path)
                self.whole(two)
                self.assertEqual(self.contents(), [])  # what told a lie is gone
                self.tearDown()

    def test_tables_that_lie(self):
        def every(change, which=lambda e: e.get('size') and e['type'] == 'reg'):
            def edit(toc):
                for entry in filter(which, toc['entries']):
                    change(entry)
            return edit

        def one(change):
            def edit(toc):
                change(next(e for e in toc['entries'] if e['name'] == 'usr/share/new'))
            return edit

        def put(**what):
            return lambda entry: entry.update(what)

        # What the parser sees for itself has its own test (tests/codec/chunked_test.cc).
        tocs = {
            'a frame cut off': one(lambda e: put(endOffset=e['endOffset'] - 9)(e)),
            'overlapping': one(put(offset=1)), 'all at one place': every(put(offset=300, endOffset=9000)),
            'terabytes': one(put(size=1 << 42)),
            'terabytes of zeros': one(lambda e: put(size=1 << 42, chunkSize=1 << 42, chunkType='zeros',
                                                    chunkDigest=e['digest'])(e)),
            'another digest': one(put(digest='sha256:' + 'ab' * 32)), 'dots': one(put(name='../../etc/passwd')),
            'a digest of another file here': one(lambda e: put(digest=chunked.digest(FILES['usr/share/0/0']))(e)),
            'chunks of zeros': every(put(chunkType='zeros'), lambda e: e['type'] == 'chunk'),
            'beyond int64': one(put(size=1 << 63)), 'fewer entries': lambda toc: toc.update(entries=toc['entries'][:40]),
            'more entries': lambda toc: toc['entries'].insert(0, {'type': 'dir', 'name': 'more/'}),
            'nothing': lambda toc: b'', 'another tar-split': lambda toc: toc.update(tarSplitDigest='sha256:' + '0' * 64),
        }
        splits = {
            'no lines': lambda lines: [], 'no last line': lambda lines: lines[:-1], 'backwards': lambda lines: lines[::-1],
            'one line': lambda lines: ['{"type":2,"payload":"' + 'A' * 5_000_000],
            'another header': lambda lines: [lines[0].replace('AA', 'AB', 1)] + lines[1:],
        }
        self.pull('1')
        for name, edit in tocs.items():
            with self.subTest(name):
                self.whole(chunked.add_image(self.store, 'app', '2', [TWO], edit=edit))
        for name, edit in splits.items():
            with self.subTest(name):
                self.whole(chunked.add_image(self.store, 'app', '2', [TWO], edit_split=edit))

    def test_annotations_that_lie(self):
        self.pull('1')
        two = chunked.add_image(self.store, 'app', '2', [TWO])
        manifest = json.loads(two.manifest)
        annotations = manifest['layers'][0]['annotations']
        place, packed, plain, _ = annotations[chunked.PREFIX + 'manifest-position'].split(':')
        for key, value in (('manifest-position', f'{place}:{packed}:{plain}:2'), ('manifest-position', f'{place}:{packed}:1:1'),
                           ('manifest-checksum', 'sha256:' + '1' * 64), ('tarsplit-position', f'0:{packed}:{plain}')):
            with self.subTest(key, value=value):
                manifest['layers'][0]['annotations'] = {**annotations, chunked.PREFIX + key: value}
                self.store.add_manifest('app', '2', fake_registry.OCI_MANIFEST, json.dumps(manifest).encode())
                self.whole(two)


class Switch(unittest.TestCase):
    def test_it_can_be_switched_off(self):
        engine = case.LAB.engine('chunk')
        with open(os.path.join(engine.folder, 'own.json'), 'w') as file:
            json.dump({'features': {'partial-pull': False}}, file)
        engine.options += ['--config-file', file.name]
        engine.start()
        store = fake_registry.Store()
        with engine.space.inside():
            registry = fake_registry.FakeRegistry(store)
        with registry:
            for tag, tar in (('1', ONE), ('2', TWO)):
                chunked.add_image(store, 'app', tag, [tar])
                engine.api.pull(f'{registry.host}/app:{tag}')
            self.assertEqual([r for r in registry.log if 'range' in r['headers']], [])
