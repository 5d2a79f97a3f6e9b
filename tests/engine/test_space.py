"""Disks that are too small, full, or damaged, and links that are thin: promises of lighterd alone."""

import contextlib
import json
import os
import random
import shutil
import subprocess
import time
import unittest

import case
import engine as engines
import fake_registry

IMAGES = None if os.environ.get('LIGHTER_TEST_ENGINE') == 'dockerd' else ['busybox']


def noise(count, seed=1):
    return random.Random(seed).randbytes(count)


@case.lighterd_only
class SpaceTest(case.EngineTest):
    number = 0

    @contextlib.contextmanager
    def fake(self, layers, **kw):
        store = fake_registry.Store()
        image = store.add_image('team/app', '1', layers, **kw)
        with self.engine.space.inside():
            registry = fake_registry.FakeRegistry(store)
        registry.image = image
        with registry:
            yield registry

    def small_engine(self, size, *options):
        """An engine whose data root is a tmpfs of `size`."""
        SpaceTest.number += 1
        small = case.LAB.engine(f'small{self.number}', bridge=f'lts{self.number}', bip=f'172.28.{self.number}.1/24',
                                options=options)
        os.mkdir(small.data_root)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size}', 'small', small.data_root], check=True)

        def end():
            small.remove_everything()
            self.assertEqual(small.leftovers(), [f'mount {small.data_root}'])
            small.destroy()
            case.LAB.engines.remove(small)
        self.addCleanup(end)
        return small.start()

    def fill(self, small):
        """Until nothing fits any more."""
        with open(small.data_root + '/filler', 'ab', buffering=0) as f:
            for piece in (65536, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        f.write(bytes(piece))
        room = os.statvfs(small.data_root)
        self.assertEqual(room.f_bavail, 0)

    def said(self, engine, reference):
        reply = engine.api.post('/images/create', fromImage=reference, timeout=120)
        return json.loads(reply.body.splitlines()[-1])


class Room(SpaceTest):
    def test_what_cannot_fit_is_refused_before_it_starts(self):
        small = self.small_engine('12m')
        layers = [fake_registry.tar_layer({'big': noise(7_000_000, i)}) for i in range(2)]
        with self.fake(layers, compress='none') as registry:
            said = self.said(small, registry.host + '/team/app:1')
            self.assertRegex(said['error'], r'^no space left on device: image team/app needs 14.0[0-9]MB, 1[0-9.]+MB are free in /')
            self.assertEqual(registry.requests(registry.image.layers[0][0]), [])
            self.assertEqual(os.listdir(small.data_root + '/staging'), [])

    def test_a_full_disk(self):
        small = self.small_engine('24m')
        api, busybox = small.api, f'{case.LAB.registry.host}/library/busybox'
        for tag in ('latest', 'other'):
            api.pull(busybox, tag=tag)
        api.must(201, 'POST', f'/images/{busybox}:latest/tag', repo='name', tag='two')
        running = [api.create(busybox, ['sh', '-c', f'echo line {i}; sleep 1000']) for i in range(3)]
        stopped = [api.create(busybox, ['true']) for _ in range(3)]
        for container in running:
            api.start(container)
        self.eventually(lambda: api.logs(running[0])[0], 'a line in the log')
        self.fill(small)
        # What grows is refused, with the numbers.
        refused = api.request('POST', '/containers/create', {'Image': busybox, 'Cmd': ['true']})
        self.assertEqual(refused.status, 500, refused)
        self.assertRegex(refused.message, 'no space left on device: a container needs [0-9.]+kB, 0B are free')
        # What frees, ends or reads works.
        self.assertEqual(api.logs(running[0])[0], b'line 0\n')
        api.must(204, 'POST', f'/containers/{running[0]}/kill')
        self.eventually(lambda: not api.inspect(running[0])['State']['Running'], 'it has ended')
        api.must(204, 'POST', f'/containers/{running[1]}/stop', t=0)
        self.assertEqual(api.inspect(running[1])['State']['ExitCode'], 137)
        api.must(204, 'DELETE', f'/containers/{stopped[0]}')
        api.must(204, 'DELETE', f'/containers/{running[2]}', force=True)
        api.must(200, 'DELETE', '/images/name:two')
        self.fill(small)
        self.assertEqual(len(api.must(200, 'POST', '/containers/prune').json['ContainersDeleted']), 4)
        self.fill(small)
        api.must(200, 'DELETE', f'/images/{busybox}:other')
        self.fill(small)
        api.must(200, 'POST', '/images/prune', filters=json.dumps({'dangling': ['false']}))
        self.assertEqual(api.get('/images/json').json, [])
        # All of it holds after a kill, on a disk that is full still.
        self.fill(small)
        small.kill()
        small.start()
        self.assertEqual((api.get('/images/json').json, api.ps()), ([], []))
        # With room the reserve is taken again, and things grow.
        os.unlink(small.data_root + '/filler')
        api.pull(busybox, tag='latest')
        self.eventually(lambda: os.stat(small.data_root + '/reserve').st_blocks * 512 == 24 * 1024 * 1024 // 16,
                        'the reserve is taken again')

    def test_the_reserve_is_given_up_for_what_frees(self):
        small = self.small_engine('24m')
        reserve = small.data_root + '/reserve'
        self.assertEqual(os.stat(reserve).st_blocks * 512, 24 * 1024 * 1024 // 16)
        containers = []
        busybox = f'{case.LAB.registry.host}/library/busybox'
        small.api.pull(busybox, tag='latest')
        for _ in range(4):
            containers.append(small.api.create(busybox, ['true'], Labels={'x': 'y' * 20000}))
        self.fill(small)
        # The log of the database cannot grow: each of these has to be recorded all the same.
        for i, container in enumerate(containers):
            small.api.must(204, 'POST', f'/containers/{container}/rename', name=f'renamed{i}' + 'n' * 100)
        self.assertLess(os.stat(reserve).st_blocks * 512, 24 * 1024 * 1024 // 16)
        small.kill()
        small.start()
        self.assertEqual({c['Names'][0][:9] for c in small.api.ps()}, {f'/renamed{i}'[:9] for i in range(4)})


class Check(SpaceTest):
    TREE = {'etc/': b'', 'etc/passwd': b'root:x:0:0\n' * 100, 'bin/': b'', 'bin/tool': noise(200_000, 3),
            'bin/other': b'#!/bin/sh\n'}

    def setUp(self):
        super().setUp()
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.registry = self.stack.enter_context(
            self.fake([fake_registry.tar_layer(self.TREE), fake_registry.tar_layer({'top/file': b'top'})]))
        self.reference = self.registry.host + '/team/app:1'
        self.api.pull(self.reference)
        self.addCleanup(lambda: self.api.delete(f'/images/{self.reference}', force=True))
        self.image = self.api.get(f'/images/{self.reference}/json').json
        self.diff_id = self.image['RootFS']['Layers'][0]
        self.diff = self.find_diff('etc/passwd')

    def find_diff(self, name):
        layers = self.engine.data_root + '/layers'
        for layer in os.listdir(layers):
            if os.path.exists(f'{layers}/{layer}/diff/{name}') and os.path.exists(f'{layers}/{layer}/diff/bin/tool'):
                return f'{layers}/{layer}/diff'
        return None

    def check(self, repair=False):
        """(lines that are not mere progress, totals)"""
        reply = self.api.must(200, 'POST', '/lighter/system/check', repair=repair, timeout=60)
        lines = [json.loads(line) for line in reply.body.splitlines() if line.strip()]
        self.assertEqual(lines[-1].get('status'), 'Checked', lines[-1])
        return [line for line in lines[:-1] if line['status'] != 'Checking'], lines[-1]['totals']

    def clean(self):
        lines, totals = self.check()
        self.assertEqual((lines, totals['problems']), ([], 0))
        self.assertGreaterEqual(totals['layers'], 2)

    def damage_file(self):
        with open(self.diff + '/bin/tool', 'r+b') as f:
            before = os.fstat(f.fileno())
            f.seek(100_000)
            byte = f.read(1)
            f.seek(100_000)
            f.write(bytes([byte[0] ^ 1]))
        os.utime(self.diff + '/bin/tool', ns=(before.st_atime_ns, before.st_mtime_ns))

    def test_each_damage_is_found_and_mended_by_fetching_that_layer_only(self):
        self.clean()
        diff = self.diff
        cases = {
            'bin/tool: its content is not what it was': self.damage_file,
            'bin/tool: is missing': lambda: os.unlink(diff + '/bin/tool'),
            'etc/passwd: its mode is 0666 instead of 0644': lambda: os.chmod(diff + '/etc/passwd', 0o666),
            'bin: its mode is 0700 instead of 0755': lambda: os.chmod(diff + '/bin', 0o700),
            'etc/passwd: its owner is 5:6 instead of 0:0': lambda: os.chown(diff + '/etc/passwd', 5, 6),
            'etc/passwd: its time of modification is another': lambda: os.utime(diff + '/etc/passwd', (1, 1)),
            'etc/passwd: its size is 1104 instead of 1100': self.append,
            'etc/passwd: its attribute user.x does not belong to the layer':
                lambda: os.setxattr(diff + '/etc/passwd', 'user.x', b'y'),
            'etc: its attribute trusted.overlay.opaque does not belong to the layer':
                lambda: os.setxattr(diff + '/etc', 'trusted.overlay.opaque', b'y'),
            'bin/foreign: does not belong to the layer': lambda: open(diff + '/bin/foreign', 'w').close(),
            'bin/other: is a symbolic link instead of a file': self.link,
            'etc: is missing': lambda: shutil.rmtree(diff + '/etc'),
            'its skeleton': self.damage_skeleton,
        }
        blob = self.registry.image.layers[0][0]
        for finding, damage in cases.items():
            with self.subTest(finding):
                damage()
                lines, totals = self.check()
                found = [f for f in lines if f['status'] == 'Damaged']
                self.assertTrue(any(finding in f['message'] for f in found), (finding, lines))
                self.assertEqual({f['id'] for f in found}, {f'layer {self.diff_id}'})
                self.assertEqual(totals['problems'], len(found))
                self.assertEqual(totals['repaired'], 0)
                self.registry.log.clear()
                lines, totals = self.check(repair=True)
                self.assertEqual(totals['repaired'], totals['problems'], lines)
                self.assertGreater(totals['problems'], 0)
                asked = [r['path'] for r in self.registry.log if '/manifests/' in r['path'] or '/blobs/' in r['path']]
                self.assertEqual(asked, [f'/v2/team/app/blobs/{blob}'])
                self.clean()

    def append(self):
        with open(self.diff + '/etc/passwd', 'ab') as f:
            f.write(b'more')

    def link(self):
        os.unlink(self.diff + '/bin/other')
        os.symlink('tool', self.diff + '/bin/other')

    def damage_skeleton(self):
        path = os.path.dirname(self.diff) + '/skeleton'
        with open(path, 'r+b') as f:
            f.seek(os.path.getsize(path) // 2)
            byte = f.read(1)
            f.seek(-1, os.SEEK_CUR)
            f.write(bytes([byte[0] ^ 0x10]))

    def test_a_layer_that_a_running_container_stands_on_stays(self):
        self.api.pull('busybox', tag='latest')
        stopped = self.create(['x'], self.reference)
        busybox = self.run_(['sleep', '1000'], 'busybox')
        layer = self.api.get('/images/busybox/json').json['RootFS']['Layers'][0]
        folder = [os.path.join(self.engine.data_root, 'layers', i, 'diff')
                  for i in os.listdir(self.engine.data_root + '/layers')
                  if os.path.exists(f'{self.engine.data_root}/layers/{i}/diff/bin/busybox')][0]
        os.chmod(folder + '/bin/busybox', 0o700)
        self.damage_file()
        lines, totals = self.check(repair=True)
        self.assertEqual((totals['problems'], totals['repaired']), (2, 1), lines)
        name = self.api.inspect(busybox)['Name'][1:]
        self.assertIn({'id': f'layer {layer}', 'status': 'Not repaired',
                       'message': f'container {name} runs on it: stop it and repair again'}, lines)
        self.assertTrue(self.state(busybox)['Running'])
        self.assertEqual(self.state(stopped)['Status'], 'created')
        self.api.must(204, 'POST', f'/containers/{busybox}/stop', t=0)
        lines, totals = self.check(repair=True)
        self.assertEqual((totals['problems'], totals['repaired']), (1, 1), lines)
        self.api.start(busybox)
        self.clean()

    def test_without_the_registry_it_says_so(self):
        self.damage_file()
        self.registry.fault('.*', status=404)
        lines, totals = self.check(repair=True)
        self.assertEqual((totals['problems'], totals['repaired']), (1, 0))
        self.assertEqual([line['status'] for line in lines if line['status'] not in ('Note', 'Fetching')],
                         ['Damaged', 'Not repaired'])
        self.registry.faults.clear()
        self.check(repair=True)
        self.clean()

    def test_documents_missing_layers_and_folders_of_nobody(self):
        images, layers = self.engine.data_root + '/images', self.engine.data_root + '/layers'
        config = f'{images}/{self.image["Id"].split(":")[1]}.json'
        with open(config, 'ab') as f:
            f.write(b' ')
        stray = self.engine.data_root + '/containers/' + 'a' * 64
        os.mkdir(stray)
        lines, totals = self.check()
        self.assertEqual(totals['problems'], 2, lines)
        lines, totals = self.check(repair=True)
        self.assertEqual((totals['problems'], totals['repaired']), (2, 2), lines)
        self.assertFalse(os.path.exists(stray))
        self.clean()
        # A layer's folder that is gone: the next start leaves the image out, a repair brings it back.
        shutil.rmtree(os.path.dirname(self.diff))
        self.engine.kill()
        self.engine.start()
        self.assertEqual(self.api.get(f'/images/{self.reference}/json').status, 404)
        lines, totals = self.check(repair=True)
        self.assertEqual(totals['problems'], totals['repaired'], lines)
        self.clean()
        self.assertEqual(self.api.get(f'/images/{self.reference}/json').json['Id'], self.image['Id'])

    def test_the_command(self):
        def command(*words):
            done = subprocess.run([engines.program('lighter'), '-H', 'unix://' + self.engine.socket, 'system', 'check',
                                   *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
            return done.returncode, done.stdout
        code, out = command()
        self.assertEqual(code, 0, out)
        self.assertRegex(out, r'layer sha256:[0-9a-f]{64}: Checking: .*\n')
        self.assertRegex(out, r'[0-9]+ layers, [0-9]+ images and [0-9]+ containers? checked: no problem\n$')
        os.chmod(self.diff + '/bin/tool', 0o600)
        self.assertEqual(command('-q'), (1, f'layer {self.diff_id}: Damaged: bin/tool: its mode is 0600 instead of 0644\n'))
        code, out = command('--repair')
        self.assertEqual(code, 0, out)
        self.assertRegex(out, 'Fetching: 2[0-9.]+kB from ')
        self.assertIn('1 problem, 1 repaired\n', out)
        self.assertEqual(command('-q', '--repair'), (0, ''))


class Rate(SpaceTest):
    """No test looks at a clock for more than "not at once": how exact the limit is, tests/registry/rate_test.cc tells."""

    def test_a_pull_with_a_limit(self):
        with self.fake([fake_registry.tar_layer({f'{i}': noise(150_000, i)}) for i in range(3)]) as registry:
            began = time.monotonic()
            self.api.pull(registry.host + '/team/app:1', limitRate='400k')
            took = time.monotonic() - began
            self.addCleanup(lambda: self.api.delete(f'/images/{registry.host}/team/app:1', force=True))
            self.assertGreater(took, 0.9)  # 450 KB
        command = [engines.program('lighter'), '-H', 'unix://' + self.engine.socket, 'pull', '-q', 'busybox', '--limit-rate']
        self.assertEqual(subprocess.run([*command, '10m'], capture_output=True, timeout=60).returncode, 0)
        done = subprocess.run([*command, 'much'], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (125, 'invalid argument "much" for "--limit-rate" flag\n'))
        for text in ('x', '0', '-1', '1e'):
            reply = self.api.post('/images/create', fromImage='busybox', limitRate=text)
            self.assertEqual(reply.status, 400, text)

    def test_of_the_daemon_by_reload(self):
        config = os.path.join(self.engine.folder, 'rate.json')

        def write(text):
            with open(config, 'w') as f:
                f.write(text)
        write('{}')
        small = self.small_engine('24m', '--config-file', config)

        def reload(text):
            write(text)
            before = small.log_tail(200).count('configuration reloaded')
            small.process.send_signal(1)
            self.eventually(lambda: small.log_tail(200).count('configuration reloaded') > before, 'reload')
        with self.fake([fake_registry.tar_layer({'x': noise(400_000)})]) as registry:
            reload('{"limit-rate": "4k"}')  # that would be more than a minute
            connection, reply = small.api.open('POST', '/images/create', fromImage=registry.host + '/team/app:1')
            self.assertIn(b'Pulling from', reply.readline())
            self.eventually(lambda: registry.requests(registry.image.layers[0][0]), 'it is on its way')
            with self.assertRaises(TimeoutError):
                connection.sock.settimeout(1)
                while reply.readline():
                    pass
            reply.close()
            connection.close()
            self.eventually(lambda: os.listdir(small.data_root + '/staging') == [], 'the pull has ended')
            reload('{"limit-rate": 0}')
            reply = small.api.post('/images/create', fromImage=registry.host + '/team/app:1', timeout=40)
            self.assertIn(b'Downloaded newer', reply.body)


if __name__ == '__main__':
    unittest.main()
