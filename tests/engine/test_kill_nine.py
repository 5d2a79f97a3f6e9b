"""kill -9 of the engine at random moments of pull, create, run, stop and remove; after each the engine must come up by
itself with everything that was reported done, nothing half, and nothing left on the host.

LIGHTER_KILLS says how often (20 unless told; the full run is 200), LIGHTER_SEED repeats a run. Only for lighterd: the
containerd of a killed dockerd 20.10 lives on without it and has to be ended by hand.
"""

import collections
import os
import random
import threading
import time

import case

KILLS = int(os.environ.get('LIGHTER_KILLS', '20'))
SEED = int(os.environ.get('LIGHTER_SEED', '0')) or random.SystemRandom().randrange(1, 1 << 30)
PREPARED = 2  # network namespaces that lighterd keeps ready, each with its veth
PULLED = ['layered', 'centos', 'deep', 'zstd']


class Work(threading.Thread):
    """Asks the engine for one kind of thing again and again until the engine is gone, and writes down what it promised.

    `must`, `gone`, `started` and `stopped` hold the containers of which the engine said so."""

    def __init__(self, api, kind, rng):
        super().__init__(daemon=True)
        self.api, self.kind, self.rng = api, kind, rng
        self.over = threading.Event()
        self.must, self.gone, self.started, self.stopped = set(), set(), set(), set()
        self.unsure = set()  # asked for, not answered
        self.image = {}      # name -> True pulled, False removed, None unsure
        self.wrong = []      # what an engine that lives must not answer

    def ask(self, status, method, path, body=None, **kw):
        reply = self.api.request(method, path, body, **kw)
        if reply.status not in status:
            self.wrong.append(f'{method} {path}: {reply}')
        return reply

    def create(self, cmd, **host):
        reply = self.ask((201,), 'POST', '/containers/create', {'Image': 'busybox', 'Cmd': cmd, 'HostConfig': host,
                                                                'Labels': {'kill-nine': '1'}})
        self.must.add(reply.json['Id'])
        return reply.json['Id']

    def remove(self, container):
        self.unsure.add(container)
        self.ask((204,), 'DELETE', f'/containers/{container}', force=1, v=1)
        self.gone.add(container)

    def start_(self, container):
        self.ask((204,), 'POST', f'/containers/{container}/start')
        self.started.add(container)

    def step(self):
        if self.kind == 'pull':
            name = self.rng.choice(PULLED)
            self.image[name] = None
            if self.api.get(f'/images/{name}/json').status == 200:
                self.ask((200,), 'DELETE', f'/images/{name}', force=1)
            self.image[name] = False
            time.sleep(self.rng.choice((0, 0.01)))
            self.image[name] = None
            self.api.pull(name, tag='latest')
            self.image[name] = True
        elif self.kind == 'create':
            self.create(['true'])
        elif self.kind == 'run':
            container = self.create(['sh', '-c', 'echo hello; exit 5'])
            self.start_(container)
            self.ask((200,), 'POST', f'/containers/{container}/wait')
        elif self.kind == 'stop':
            container = self.create(['sleep', '100000'])
            self.start_(container)
            self.ask((204,), 'POST', f'/containers/{container}/stop', t=0)
            self.stopped.add(container)
        elif self.kind == 'remove':
            container = self.create(['sleep', '100000'])
            self.start_(container)
            self.remove(container)

    def run(self):
        try:
            while not self.over.is_set():
                self.step()
        except (OSError, ValueError, AssertionError, EOFError) as error:  # the engine is gone, perhaps in the middle
            self.end = error
        except Exception as error:  # http.client's own: a reply that stopped half way
            self.end = error


class KillNine(case.EngineTest):
    @case.lighterd_only
    def test_nothing_that_was_promised_is_lost(self):
        rng = random.Random(SEED)
        kinds = ['pull', 'create', 'run', 'stop', 'remove']
        cut = collections.Counter()
        slowest = 0.0
        for number in range(KILLS):
            kind = kinds[number % len(kinds)]
            work = Work(self.api, kind, rng)
            work.start()
            time.sleep(rng.uniform(0.001, 0.35))
            self.engine.process.kill()
            self.engine.process.wait()
            work.over.set()
            work.join(60)
            self.assertFalse(work.is_alive(), 'a request did not notice that its engine is gone')
            began = time.monotonic()
            self.engine.start()
            slowest = max(slowest, time.monotonic() - began)
            with self.subTest(kill=number, kind=kind, seed=SEED):
                self.assertEqual(work.wrong, [])
                self.check(work)
            cut[kind] += 1
        print(f'  {dict(cut)} kills survived, seed {SEED}, slowest start {slowest:.2f} s')

    def check(self, work):
        rows = {row['Id']: row for row in self.api.ps()}
        self.engine.seen.update(rows)
        for container in work.gone:
            self.assertNotIn(container, rows, 'removed, and back again')
        for container in work.must - work.unsure:
            self.assertIn(container, rows, 'created, and lost')
        for container in list(rows):
            state = self.state(container)
            self.assertIn(state['Status'], ('created', 'running', 'exited'), container)
            if container in work.stopped:
                self.assertEqual((state['Status'], state['ExitCode']), ('exited', 137), container)
        if work.kind == 'stop':
            for container in work.started - work.stopped - work.unsure:
                self.assertIn(self.state(container)['Status'], ('running', 'exited'), container)
        if work.kind == 'run':
            for container in work.started:
                self.assertEqual(self.api.wait(container), 5, container)
                self.assertEqual(self.api.logs(container)[0], b'hello\n', container)
        for name, there in work.image.items():
            status = self.api.get(f'/images/{name}/json').status
            if there is not None:
                self.assertEqual(status, 200 if there else 404, name)
        # What there is works: every container can be started and removed, every listed image can be run.
        for container in rows:
            if self.state(container)['Status'] != 'running':
                reply = self.api.post(f'/containers/{container}/start')
                self.assertIn(reply.status, (204, 304), reply)
            self.assertEqual(self.api.remove(container, v=True).status, 204, container)
        self.assertEqual(self.api.ps(), [])
        if work.kind == 'pull':
            for name in PULLED:
                if self.api.get(f'/images/{name}/json').status == 200:
                    self.assertEqual(self.api.output(name, ['/bin/busybox', 'true'])[0], 0, name)
        self.nothing_left()

    def nothing_left(self):
        """No mount, veth, cgroup, process or folder of a container that is no more."""
        engine = self.engine
        import engine as engines
        def left():
            found = [m for m in engines.mounts() if m.startswith(engine.folder) and '/containers/' in m]
            found += engine.cgroups()
            found += [link for link in engine.space.links() if link.startswith('veth')][PREPARED:]
            folder = os.path.join(engine.data_root, 'containers')
            found += os.listdir(folder) if os.path.isdir(folder) else []
            found += [line for _, line in engines.processes().values() if line in ('sleep 100000', 'sh -c echo hello; exit 5')]
            found += os.listdir(os.path.join(engine.data_root, 'staging')) if os.path.isdir(
                os.path.join(engine.data_root, 'staging')) else []
            return found
        until = time.monotonic() + 10
        while left() and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(left(), [])
