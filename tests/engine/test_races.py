"""What changes while an engine works on it, and what happens again and again: a volume whose folders become links between two
looks (row L3), containers that end at once, fork without end or leave children behind (row L17). Nothing outside changes, every
end is told once and truly, nothing is left.

LIGHTER_ROUNDS says how often (100 unless told; the full run is 1000)."""

import ctypes
import os
import shutil
import threading

import case
import engine as engines

ROUNDS = int(os.environ.get('LIGHTER_ROUNDS', '100'))
CANARY = '/tmp/lighter-race-canary'
RENAME_EXCHANGE, AT_FDCWD = 2, -100
libc = ctypes.CDLL(None, use_errno=True)


class Exchange(threading.Thread):
    """Exchanges two names of a folder as fast as it can, as a process in a container with the same volume would."""

    def __init__(self, a, b):
        super().__init__(daemon=True)
        self.a, self.b = a.encode(), b.encode()
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            for _ in range(50):
                libc.renameat2(AT_FDCWD, self.a, AT_FDCWD, self.b, RENAME_EXCHANGE)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


class Races(case.EngineTest):
    def setUp(self):
        shutil.rmtree(CANARY, ignore_errors=True)
        os.makedirs(CANARY + '/inside')
        self.addCleanup(shutil.rmtree, CANARY, True)

    def volume(self, link):
        folder = self.engine.folder + '/volume'
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder + '/name')
        os.symlink(link, folder + '/other')
        return folder

    def test_targets_that_become_links(self):
        empty = self.engine.folder + '/empty'
        os.makedirs(empty, exist_ok=True)
        for link in (CANARY, '../../../../../../../..' + CANARY, '/'):
            volume = self.volume(link)
            container = self.create(['/bin/sh', '-c', 'grep -c canary /proc/self/mountinfo; true'],
                                    host={'Binds': [f'{volume}:/v', f'{empty}:/v/name/x'], 'Tmpfs': {'/v/name/t': ''}})
            with Exchange(volume + '/name', volume + '/other'):
                for _ in range(ROUNDS // 3):
                    reply = self.api.post(f'/containers/{container}/start')
                    if reply.status == 204:
                        self.api.wait(container)
                    else:
                        self.assertIn(reply.status, (400, 500), reply)
            self.assertEqual(os.listdir(CANARY), ['inside'])
            self.assertEqual(os.listdir(CANARY + '/inside'), [])
        self.assertEqual([m for m in engines.mounts() if m.startswith(CANARY)], [])

    @case.lighterd_only
    def test_ends_are_told_once_and_truly(self):
        """Exit codes of containers that end at once; descriptors of engine and shim as before, no zombies."""
        def held():
            shim = next(p for p, (_, line) in engines.processes().items() if line == f'lighter-shim {self.engine.exec_root}')
            return [len(os.listdir(f'/proc/{pid}/fd')) for pid in (self.engine.pid, shim)]
        def rounds(count):
            for number in range(count):
                code = number % 256
                container = self.run_(['/bin/sh', '-c', f'exit {code}'])
                self.assertEqual(self.api.wait(container), code)
                self.assertEqual(self.state(container)['ExitCode'], code)
                self.api.must(204, 'DELETE', f'/containers/{container}')
        rounds(5)
        before = held()
        rounds(ROUNDS)
        self.eventually(lambda: all(now <= was + 2 for now, was in zip(held(), before)), f'{held()} descriptors, {before} before')
        self.assertEqual(self.zombies(), [])

    def zombies(self):
        found = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{pid}/stat') as f:
                    rest = f.read().rsplit(') ', 1)[1].split()
                with open(f'/proc/{rest[1]}/cmdline') as f:
                    parent = f.read()
            except (OSError, IndexError):
                continue
            if rest[0] == 'Z' and self.engine.folder in parent:
                found.append(pid)
        return found

    def test_children_that_are_left_behind_end_with_it(self):
        container = self.run_(['/bin/sh', '-c', '(setsid sleep 4711 &) ; (setsid sh -c "trap : TERM HUP; sleep 4711" &) ; sleep 0.2; exit 7'])
        self.assertEqual(self.api.wait(container), 7)
        self.eventually(lambda: not any(line == 'sleep 4711' for _, line in engines.processes().values()))

    def test_a_fork_bomb_stays_within_its_pids(self):
        container = self.run_(['/bin/sh', '-c', 'b() { b | b & }; b; sleep 1; b; sleep 1000'], host={'PidsLimit': 20})
        self.api.must(200, 'GET', '/_ping', version='')
        pid = self.state(container)['Pid']
        namespace = os.readlink(f'/proc/{pid}/ns/pid')

        def inside():
            count = 0
            for other in filter(str.isdigit, os.listdir('/proc')):
                try:
                    count += os.readlink(f'/proc/{other}/ns/pid') == namespace
                except OSError:
                    pass
            return count
        self.assertLessEqual(max(inside() for _ in range(20)), 20)
        self.api.must(204, 'POST', f'/containers/{container}/stop', t=0)
        self.assertEqual(self.api.wait(container), 137)
        self.eventually(lambda: inside() == 0)

    def test_many_starts_at_once(self):
        """Every address is given once; every end is its own."""
        containers, wrong = [], []
        def work(first):
            for number in range(first, first + ROUNDS // 10):
                try:
                    container = self.api.run('busybox', ['/bin/sh', '-c', f'ip -4 -o addr show eth0; exit {number}'])
                    containers.append((container, number))
                except Exception as error:  # noqa: BLE001
                    wrong.append(error)
        threads = [threading.Thread(target=work, args=(n * (ROUNDS // 10),)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        for container, number in containers:
            self.engine.seen.add(container)
            self.assertEqual(self.api.wait(container), number % 256)
            self.assertIn('inet 172.29.0.', self.api.logs(container)[0].decode())
        sleepers, addresses = [], []
        def sleep():
            for _ in range(6):
                container = self.api.run('busybox', ['sleep', '1000'])
                sleepers.append(container)
                addresses.append(self.api.inspect(container)['NetworkSettings']['Networks']['bridge']['IPAddress'])
        threads = [threading.Thread(target=sleep) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.engine.seen.update(sleepers)
        self.assertEqual(len(addresses), 36)
        self.assertEqual(len(set(addresses)), 36)
        for container in [*sleepers, *(c for c, _ in containers)]:
            self.api.remove(container)
