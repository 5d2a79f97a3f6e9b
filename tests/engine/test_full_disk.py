"""The n-th change of the disk fails, in every operation that changes the store: the engine answers an error and lives, the
next start opens the store, what was told as done is there, and nothing is there by half (`system check` looks).

The suite tries a few n of each; all of them: tools/fault_sweep."""

import contextlib
import errno
import io
import json
import os
import random
import sys
import tarfile
import tempfile
import time
import unittest

import case
import fake_registry
import fault_disk

IMAGES = None
# "all", or how many n of each operation and error.
SWEEP = os.environ.get('FAULT_SWEEP', '1')
ONLY = os.environ.get('FAULT_ONLY', '')  # "pull ENOSPC 17": just that one


def files(*names):
    return fake_registry.tar_layer({name: (name * 50).encode() for name in names})


def docker_archive(name, layers):
    """What `docker save` makes, as bytes."""
    out = io.BytesIO()
    config = {'architecture': 'amd64', 'os': 'linux', 'config': {},
              'rootfs': {'type': 'layers', 'diff_ids': [fake_registry.digest_of(tar) for tar in layers]}}
    parts = {'config.json': json.dumps(config).encode()}
    parts.update({f'{i}/layer.tar': tar for i, tar in enumerate(layers)})
    parts['manifest.json'] = json.dumps([{'Config': 'config.json', 'RepoTags': [name],
                                          'Layers': [f'{i}/layer.tar' for i in range(len(layers))]}]).encode()
    with tarfile.open(fileobj=out, mode='w') as tar:
        for path, data in parts.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@case.lighterd_only
class FullDisk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        store = fake_registry.Store()
        base = files('etc/a', 'etc/b', 'usr/lib/c')
        store.add_image('team/app', '1', [base, files('app/x', 'etc/a')])
        store.add_image('team/app', '2', [base, files('new/y', 'new/deep/er/z', 'etc/.wh.b'), files('top')])
        with case.LAB.space.inside():
            cls.registry = fake_registry.FakeRegistry(store)
        cls.stack.enter_context(cls.registry)
        cls.app = cls.registry.host + '/team/app'
        engine = cls.engine = fault_disk.FaultyEngine(case.LAB.space, None, 'faulty', bridge='ltf0', bip='172.27.0.1/24')
        case.LAB.engines.append(engine)
        cls.archive = docker_archive('loaded:1', [base, files('only/loaded')])
        engine.start()
        engine.api.pull(cls.app + ':1')
        engine.api.must(200, 'POST', '/images/load', cls.archive.replace(b'loaded:1', b'victim:1'),
                        headers={'Content-Type': 'application/x-tar'})
        engine.api.create(cls.app + ':1', ['x'], name='kept')
        engine.stop()
        cls.saved = cls.stack.enter_context(tempfile.TemporaryDirectory(prefix='lt-saved.'))
        engine.copy_data(cls.saved)

    @classmethod
    def tearDownClass(cls):
        if cls.engine.process.poll() is None:
            cls.engine.kill()
        cls.engine.destroy()
        case.LAB.engines.remove(cls.engine)
        cls.stack.close()

    def names(self):
        """What there is: tags and containers."""
        api = self.engine.api
        images = {tag or i['Id'] for i in api.get('/images/json').json for tag in i['RepoTags'] or ['']}
        return images | {name for c in api.ps() for name in c['Names']}

    def operations(self):
        api, app = self.engine.api, self.app

        def told(reply):
            """The error of an answer, plain or at the end of a stream; '' when there is none."""
            if reply.status >= 400:
                return reply.message
            lines = [line for line in reply.body.splitlines() if line.strip()]
            if lines and lines[-1].startswith(b'{'):
                return json.loads(lines[-1]).get('error', '')
            return ''
        return {  # name: (what is done, names that come, names that go)
            'pull': (lambda: told(api.post('/images/create', fromImage=app + ':2')), {app + ':2'}, set()),
            'load': (lambda: told(api.request('POST', '/images/load', self.archive)), {'loaded:1'}, set()),
            'import': (lambda: told(api.request('POST', '/images/create', files('i/j'), fromSrc='-', repo='im', tag='1')),
                       {'im:1'}, set()),
            'tag': (lambda: told(api.post(f'/images/{app}:1/tag', repo='named', tag='x')), {'named:x'}, set()),
            'rmi': (lambda: told(api.delete('/images/victim:1')), set(), {'victim:1'}),
            'prune': (lambda: told(api.post('/images/prune', filters='{"dangling":["false"]}')), set(), {'victim:1'}),
            'create': (lambda: told(api.request('POST', '/containers/create', {'Image': app + ':1', 'Cmd': ['x']},
                                                name='made')), {'/made'}, set()),
            'remove': (lambda: told(api.delete('/containers/kept')), set(), {'/kept'}),
        }

    def check(self):
        reply = self.engine.api.must(200, 'POST', '/lighter/system/check')
        lines = [json.loads(line) for line in reply.body.splitlines() if line.strip()]
        wrong = [line for line in lines[:-1] if line['status'] not in ('Checking', 'Note')]
        self.assertEqual((wrong, lines[-1].get('totals', {}).get('problems')), ([], 0), lines[-1])

    def fresh(self):
        if self.engine.process.poll() is None:
            self.engine.kill()
        self.engine.put_data(self.saved)
        self.engine.disarm()
        self.engine.start()

    def one(self, name, error, number, onwards):
        """False when there is no n-th change."""
        do, come, go = self.operations()[name]
        self.fresh()
        before = self.names()
        after = before - go | come
        self.engine.arm(number, error, onwards)
        said = do()
        fired, call = self.engine.failed() > 0, self.engine.failed_call()
        self.engine.disarm()
        self.assertIsNone(self.engine.process.poll(), f'the engine ended after {call}')
        now = self.names()
        if not said and name != 'prune':
            self.assertEqual(now, after, f'{call} failed, success was told')
        self.assertIn(now, (before, after), f'{call} failed, "{said}" was told')
        self.engine.kill()
        self.engine.start()
        again = self.names()
        if not said and name != 'prune':
            self.assertEqual(again, after, f'{call} failed, success was told, and then the engine was killed')
        self.assertIn(again, (before, after), f'{call} failed, "{said}" was told, and then the engine was killed')
        if said and now == after:  # what was seen stays
            self.assertEqual(again, after, f'{call} failed, "{said}" was told, but it was seen as done')
        self.check()
        if again == before:
            said = do()
            self.assertEqual((said, self.names()), ('', after), f'once more, after {call} failed')
            self.check()
        return fired

    def changes(self, name):
        self.fresh()
        self.engine.arm(0)
        self.assertEqual(self.operations()[name][0](), '')
        time.sleep(0.1)
        return self.engine.count()

    def sweep(self, name):
        if ONLY and ONLY.split()[0] != name:
            return
        count = self.changes(name)
        everything = [(error, n, onwards) for error in (errno.ENOSPC, errno.EIO) for onwards in (False, True)
                      for n in range(1, count + 1) if error == errno.ENOSPC or not onwards]
        if SWEEP != 'all':
            everything = random.Random(name + os.environ.get('FAULT_SEED', '')).sample(everything, min(int(SWEEP), count))
        for error, number, onwards in everything:
            label = f'{name} {errno.errorcode[error]} {number}{" onwards" if onwards else ""}'
            if ONLY and ONLY != label:
                continue
            with self.subTest(label):
                try:
                    self.one(name, error, number, onwards)
                except Exception as wrong:
                    if SWEEP == 'all' or ONLY:
                        print(f'{label}: {str(wrong)[:600]}\n{self.engine.log_tail(3)}', file=sys.stderr, flush=True)
                    raise
        if SWEEP == 'all':
            print(f'{name}: {count} changes, {len(everything)} runs', file=sys.stderr, flush=True)


for operation in ('pull', 'load', 'import', 'tag', 'rmi', 'prune', 'create', 'remove'):
    setattr(FullDisk, f'test_{operation}', lambda self, name=operation: self.sweep(name))


if __name__ == '__main__':
    unittest.main()
