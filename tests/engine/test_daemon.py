"""The daemon itself: flags and daemon.json, sockets of its own and passed ones, what it tells the service manager, signals,
the pid file, two on one root, and what other users of the machine can reach of its files."""

import grp
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time

import case
import docker_api
import engine as engines

IMAGES = None  # every test starts its own

# Becomes the program in its arguments, with a listening socket as descriptor 3: what systemd does for fd://.
ACTIVATE = '''
import os, socket, sys
path, *command = sys.argv[1:]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
os.execvp(command[0], command)
'''


class DaemonTest(case.EngineTest):
    def new(self, *options, config=None, env=None, **kw):
        """An engine of its own, not yet started; `config` is its daemon.json."""
        engine = case.LAB.engine(name='d', **kw)
        self.addCleanup(self.end, engine)
        engine.options += options
        engine.config = os.path.join(engine.folder, 'daemon.json')
        if config is not None or engine.kind == 'dockerd':
            self.write(engine, config or {})
        if config is not None and engine.kind != 'dockerd':
            engine.options += ['--config-file', engine.config]
        if env:
            plain = engine.command
            engine.command = lambda: ['env', *(f'{k}={v}' for k, v in env.items()), *plain()]
        return engine

    def write(self, engine, config):
        with open(engine.config, 'w') as f:
            f.write(config if isinstance(config, str) else json.dumps(config))

    def end(self, engine):
        if engine.process is not None and engine.process.poll() is None:
            engine.remove_everything()
            self.assertEqual(engine.leftovers(), [])
        engine.destroy()
        case.LAB.engines.remove(engine)

    def run_to_end(self, *arguments, program=None):
        """(exit code, everything it said) of a lighterd that is expected to leave by itself."""
        done = subprocess.run([*case.LAB.space.enter, program or engines.program('lighterd'), *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
        return done.returncode, done.stdout

    def fails(self, engine):
        """Starts it and waits for its own end: what it said."""
        engine.start(wait=False)
        self.assertEqual(engine.process.wait(30), 1)
        return engine.log_tail(20)

    def info(self, engine):
        return engine.api.must(200, 'GET', '/info').json

    def pull(self, engine):
        engine.api.pull('busybox', tag='latest')

    def container(self, engine, script, **kw):
        container = engine.api.run('busybox', ['sh', '-c', script], **kw)
        engine.seen.add(container)
        return container


class Settings(DaemonTest):
    def test_the_file_is_validated(self):
        path = f'/tmp/lt-validate-{os.getpid()}.json'
        self.addCleanup(os.unlink, path)
        def validate(text, *flags):
            with open(path, 'w') as f:
                f.write(text)
            return self.run_to_end('--validate', '--config-file', path, *flags)
        self.assertEqual(validate('{"debug": true, "labels": ["a=b"]}'), (0, 'configuration OK\n'))
        self.assertEqual(validate('\ufeff{}'), (0, 'configuration OK\n'))
        for text, flags, words in (
                ('{"debug": 1}', (), 'cannot unmarshal number into Go'),
                ('{"nonsense": true, "other": 1}', (),
                 "the following directives don't match any configuration option: nonsense, other"),
                ('{"debug": true}', ('--debug',), 'the following directives are specified both as a flag and in the '
                 'configuration file: debug: (from flag: true, from file: true)'),
                ('{"labels": ["a=b"]}', ('--label', 'c=d'), 'the following directives are specified both as a flag and in '
                 'the configuration file: labels: (from flag: [c=d], from file: [a=b])'),
                ('{"debug": ', (), 'unexpected end|EOF|invalid JSON'),
                ('{"hosts": ["http://x"]}', (), 'Invalid bind address format: http://x')):
            code, said = validate(text, *flags)
            self.assertEqual(code, 1, said)
            self.assertTrue(words in said or re.search(words, said), said)
            self.assertIn(f'unable to configure the Docker daemon with file {path}', said)
        code, said = self.run_to_end('--validate', '--config-file', '/tmp/lt-none.json')
        self.assertEqual(code, 1)
        self.assertIn('/tmp/lt-none.json: no such file or directory', said)

    def test_both_at_once_is_dockers_error(self):
        engine = self.new('--label', 'c=d', config={'labels': ['a=b']})
        self.assertIn('the following directives are specified both as a flag and in the configuration file: '
                      'labels: (from flag: [c=d], from file: [a=b])', self.fails(engine))

    def test_an_unknown_key_is_dockers_error(self):
        engine = self.new(config={'nonsense': True})
        self.assertIn("the following directives don't match any configuration option: nonsense", self.fails(engine))

    def test_the_file_is_heard(self):
        engine = self.new(config={'labels': ['from=file'], 'debug': True, 'live-restore': True, 'mtu': 1400,
                                  'dns': ['9.9.9.9'], 'insecure-registries': ['10.0.0.0/8', 'reg.local:5000'],
                                  'max-concurrent-downloads': 2, 'shutdown-timeout': 4})
        if engine.kind == 'dockerd':
            self.skipTest('live-restore stands among its flags')
        engine.start()
        info = self.info(engine)
        self.assertEqual((info['Labels'], info['Debug'], info['LiveRestoreEnabled']), (['from=file'], True, True))
        self.assertIn('10.0.0.0/8', info['RegistryConfig']['InsecureRegistryCIDRs'])
        self.assertFalse(info['RegistryConfig']['IndexConfigs']['reg.local:5000']['Secure'])
        self.pull(engine)
        out = engine.api.output('busybox', ['sh', '-c', 'cat /sys/class/net/eth0/mtu; grep ^nameserver /etc/resolv.conf'])[1]
        self.assertEqual(out, '1400\nnameserver 9.9.9.9\n')

    def test_help_names_every_flag_of_the_readme(self):
        if case.LAB.kind == 'dockerd':
            self.skipTest('not its README')
        code, said = self.run_to_end('--help')
        self.assertEqual(code, 0)
        with open(os.path.join(engines.TOP, 'README.md')) as f:
            flags = set(re.findall(r'`(--[a-z-]+)`', f.read().split('## Using it')[1].split('##')[0]))
        self.assertGreater(len(flags), 10)
        for flag in flags:
            self.assertIn(flag + ' ', said)


class Sockets(DaemonTest):
    def ping(self, path):
        return docker_api.Api(path).get('/_ping', version='').status

    def test_several_hosts_with_dockers_mode_and_group(self):
        engine = self.new()
        second = os.path.join(engine.folder, 'sub', 'second.sock')
        if engine.kind == 'dockerd':
            os.mkdir(os.path.dirname(second))
        engine.options += ['-H', 'unix://' + second]
        engine.start()
        try:
            group = grp.getgrnam('docker').gr_gid
        except KeyError:
            group = 0
        for path in (engine.socket, second):
            self.assertEqual(self.ping(path), 200)
            found = os.stat(path)
            self.assertEqual((stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid), (0o660, 0, group))
        engine.stop()
        self.assertEqual([os.path.exists(path) for path in (engine.socket, second)], [False, False])

    def test_the_group_of_ones_choice(self):
        engine = self.new('--group', 'daemon').start()
        self.assertEqual(os.stat(engine.socket).st_gid, grp.getgrnam('daemon').gr_gid)

    def test_a_named_group_that_does_not_exist_is_an_error(self):
        self.assertIn('group nosuchgroup not found', self.fails(self.new('--group', 'nosuchgroup')))

    @case.lighterd_only  # the containerd of a killed dockerd lives on
    def test_a_socket_file_of_a_dead_engine_is_replaced(self):
        engine = self.new().start()
        engine.kill()
        self.assertTrue(os.path.exists(engine.socket))
        engine.start()
        self.assertEqual(self.ping(engine.socket), 200)

    def activated(self, engine, path):
        plain = engine.command()
        at = plain.index('unix://' + engine.socket)
        del plain[at - 1:at + 1]
        engine.command = lambda: [sys.executable, '-c', ACTIVATE, path, *plain]
        engine.socket = engine.api.path = path
        return engine

    def test_passed_sockets_are_served(self):
        for host in ('fd://', 'fd://3'):
            with self.subTest(host=host):
                engine = self.new('-H', host)
                path = os.path.join(engine.folder, 'passed.sock')
                self.activated(engine, path).start()
                self.assertEqual(self.ping(path), 200)
                engine.stop()
                self.assertTrue(os.path.exists(path), 'it is the service manager that made it')

    def test_nothing_passed_is_an_error(self):
        self.assertIn('no sockets found via socket activation: make sure the service was started by systemd',
                      self.fails(self.new('-H', 'fd://')))

    @case.lighterd_only
    def test_a_socket_that_was_not_passed_is_an_error(self):
        engine = self.new('-H', 'fd://9')
        self.activated(engine, os.path.join(engine.folder, 'passed.sock'))
        self.assertIn('no sockets found via socket activation', self.fails(engine))

    @case.lighterd_only
    def test_tcp_is_refused_with_a_sentence(self):
        self.assertIn('not implemented by this engine yet', self.fails(self.new('-H', 'tcp://127.0.0.1:2375')))


class ServiceManager(DaemonTest):
    def listen(self, engine):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        listener.bind(os.path.join(engine.folder, 'notify'))
        listener.settimeout(20)
        return listener

    def test_it_hears_of_ready_reloading_and_stopping(self):
        engine = self.new(config={}) if case.LAB.kind == 'dockerd' else self.new(config={'labels': []})
        plain = engine.command()
        engine.command = lambda: ['env', 'NOTIFY_SOCKET=' + os.path.join(engine.folder, 'notify'), *plain]
        listener = self.listen(engine)
        engine.start(wait=False)
        self.assertEqual(listener.recv(1000), b'READY=1')
        self.assertEqual(engine.api.get('/_ping', version='').status, 200)  # READY is said when it serves
        if engine.kind == 'lighterd':  # notify-reload is younger than 20.10
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            os.kill(engine.pid, signal.SIGHUP)
            first, second = listener.recv(1000).decode().split('\n')
            self.assertEqual(first, 'RELOADING=1')
            self.assertGreaterEqual(int(second.removeprefix('MONOTONIC_USEC=')), before)
            self.assertEqual(listener.recv(1000), b'READY=1')
        engine.stop()
        self.assertEqual(listener.recv(1000), b'STOPPING=1')


class Signals(DaemonTest):
    STUBBORN = 'trap "" TERM; echo up; while :; do sleep 0.1; done'

    def up(self, engine, *containers):
        for container in containers:
            self.eventually(lambda: engine.api.logs(container)[0] == b'up\n')

    def stopped_within(self, engine, seconds):
        began = time.monotonic()
        engine.process.terminate()
        self.assertEqual(engine.process.wait(30), 0, engine.log_tail())
        self.assertLess(time.monotonic() - began, seconds)

    @case.lighterd_only
    def test_the_end_stops_containers_within_the_shutdown_timeout(self):
        engine = self.new('--shutdown-timeout', '2').start()
        self.pull(engine)
        stubborn = self.container(engine, self.STUBBORN)
        patient = self.container(engine, 'trap "sleep 3; exit 9" TERM; echo up; while :; do sleep 0.1; done', StopTimeout=20)
        polite = self.container(engine, 'trap "echo bye; exit 7" TERM; echo up; while :; do sleep 0.1; done')
        self.up(engine, stubborn, patient, polite)
        engine.note_containers()
        self.stopped_within(engine, 6)
        engine.start()
        ends = {c: engine.api.inspect(c)['State'] for c in (stubborn, patient, polite)}
        self.assertEqual([ends[c]['Status'] for c in ends], ['exited'] * 3)
        self.assertEqual([ends[c]['ExitCode'] for c in ends], [137, 9, 7])
        self.assertEqual(engine.api.logs(polite)[0], b'up\nbye\n')

    @case.lighterd_only
    def test_with_live_restore_they_run_on(self):
        engine = self.new('--live-restore').start()
        self.pull(engine)
        container = self.container(engine, 'i=0; while [ $i -lt 60 ]; do echo $i; i=$((i+1)); sleep 0.1; done; exit 4')
        pid = engine.api.inspect(container)['State']['Pid']
        engine.note_containers()
        self.stopped_within(engine, 3)
        self.assertTrue(os.path.exists(f'/proc/{pid}'))
        time.sleep(0.5)
        engine.start()
        self.assertEqual(engine.api.inspect(container)['State']['Pid'], pid)
        self.assertEqual(engine.api.wait(container), 4)
        self.assertEqual(engine.api.logs(container)[0], b''.join(b'%d\n' % i for i in range(60)))

    @case.lighterd_only
    def test_asked_three_times_it_leaves_at_once_and_containers_run_on(self):
        engine = self.new().start()
        self.pull(engine)
        container = self.container(engine, self.STUBBORN)
        self.up(engine, container)
        engine.note_containers()
        for _ in range(3):
            engine.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
        self.assertEqual(engine.process.wait(3), 128 + signal.SIGTERM)
        engine.start()
        self.assertTrue(engine.api.inspect(container)['State']['Running'])

    def test_an_interrupt_ends_it_as_well(self):
        engine = self.new().start()
        engine.process.send_signal(signal.SIGINT)
        self.assertEqual(engine.process.wait(20), 0)
        self.assertFalse(os.path.exists(engine.pidfile))

    def test_a_signal_for_the_curious_does_not_end_it(self):
        engine = self.new().start()
        os.kill(engine.pid, signal.SIGUSR1)
        time.sleep(0.5)
        self.assertEqual(engine.api.get('/_ping', version='').status, 200)

    def test_a_reload_is_told_and_takes_what_it_may(self):
        engine = self.new(config={'labels': ['a=1']}).start()
        id_ = self.info(engine)['ID']
        since = time.time()
        self.write(engine, {'labels': ['a=2'], 'debug': True, 'insecure-registries': ['10.1.0.0/16'],
                            'max-concurrent-downloads': 7, 'shutdown-timeout': 9})
        os.kill(engine.pid, signal.SIGHUP)
        self.eventually(lambda: self.info(engine)['Labels'] == ['a=2'])
        info = self.info(engine)
        self.assertTrue(info['Debug'])
        self.assertIn('10.1.0.0/16', info['RegistryConfig']['InsecureRegistryCIDRs'])
        told = [json.loads(line) for line in engine.api.must(
            200, 'GET', '/events', since=since, until=time.time() + 0.2, filters={'event': ['reload']}).body.splitlines()]
        self.assertEqual([(e['Type'], e['Action'], e['Actor']['ID']) for e in told], [('daemon', 'reload', id_)])
        said = told[0]['Actor']['Attributes']
        self.assertEqual({k: said[k] for k in ('debug', 'labels', 'max-concurrent-downloads', 'shutdown-timeout',
                                               'default-runtime', 'default-ipc-mode', 'default-shm-size', 'name')},
                         {'debug': 'true', 'labels': '["a=2"]', 'max-concurrent-downloads': '7', 'shutdown-timeout': '9',
                          'default-runtime': 'runc', 'default-ipc-mode': 'private', 'default-shm-size': '67108864',
                          'name': info['Name']})
        self.assertIn('10.1.0.0/16', said['insecure-registries'])
        # What is wrong anywhere changes nothing.
        self.write(engine, {'labels': ['a=3'], 'nonsense': 1})
        os.kill(engine.pid, signal.SIGHUP)
        time.sleep(0.5)
        self.assertEqual(self.info(engine)['Labels'], ['a=2'])

    @case.lighterd_only
    def test_live_restore_can_be_reloaded(self):
        engine = self.new(config={}).start()
        self.pull(engine)
        container = self.container(engine, 'sleep 1000')
        self.write(engine, {'live-restore': True})
        os.kill(engine.pid, signal.SIGHUP)
        self.eventually(lambda: self.info(engine)['LiveRestoreEnabled'])
        engine.note_containers()
        self.stopped_within(engine, 3)
        engine.start()
        self.assertTrue(engine.api.inspect(container)['State']['Running'])


class Alone(DaemonTest):
    def test_the_pid_file_says_who_runs_and_goes_with_it(self):
        engine = self.new().start()
        with open(engine.pidfile) as f:
            self.assertEqual(int(f.read()), engine.pid)
        engine.stop()
        self.assertFalse(os.path.exists(engine.pidfile))

    @case.lighterd_only
    def test_a_pid_file_of_a_living_engine_is_respected_and_a_stale_one_is_not(self):
        one = self.new().start()
        two = self.new(bridge='lt1', bip='172.28.7.1/24')
        two.options += ['--pidfile', one.pidfile]
        self.assertIn(f'failed to start daemon, ensure lighterd is not running or delete {one.pidfile}: '
                      f'process with PID {one.pid} is still running', self.fails(two))
        with open(one.pidfile) as f:
            self.assertEqual(int(f.read()), one.pid)
        one.kill()
        self.assertTrue(os.path.exists(one.pidfile))
        with open(one.pidfile, 'w') as f:
            f.write('1\n')  # the number was given to somebody else
        two.start()
        self.assertEqual(two.api.get('/_ping', version='').status, 200)

    @case.lighterd_only
    def test_a_second_engine_on_the_same_root_is_refused(self):
        one = self.new().start()
        for what, option, words in (('data-root', one.data_root, f'data root {one.data_root} is in use by another engine'),
                                    ('exec-root', one.exec_root, 'another engine is connected to the shim'),
                                    ('host', 'unix://' + one.socket, 'address already in use')):
            with self.subTest(what=what):
                two = self.new('--' + what, option, bridge='lt1', bip='172.28.7.1/24')
                self.assertIn(words, self.fails(two))
                self.assertEqual(one.api.get('/_ping', version='').status, 200)
        self.pull(one)
        self.assertEqual(one.api.output('busybox', ['echo', 'fine'])[1], 'fine\n')


class Permissions(DaemonTest):
    # Everything that another user could read, enter, write or connect to.
    FIND = ['find', '.', '-mindepth', '1', '(', '-readable', '-o', '-writable', '-o', '(', '-executable', '-type', 'd', ')', ')',
            '-not', '-type', 'l']

    def seen_by_others(self, folder):
        done = subprocess.run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', *self.FIND],
                              cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return done.stdout.split()

    def modes(self, top):
        """path -> mode of everything of ours: what lies inside the containers' and layers' own trees is theirs."""
        found = {}
        for folder, names, files in os.walk(top):
            names[:] = [n for n in names if n not in ('upper', 'work', 'merged', 'diff')]
            for name in names + files:
                path = os.path.join(folder, name)
                info = os.lstat(path)
                if not stat.S_ISLNK(info.st_mode):
                    found[os.path.relpath(path, top)] = stat.S_IMODE(info.st_mode)
        return found

    @case.lighterd_only
    def test_nothing_of_the_engine_is_open_to_other_users(self):
        os.umask(0)  # not to be trusted
        self.addCleanup(os.umask, 0o022)
        engine = self.new().start()
        os.chmod(engine.folder, 0o755)
        self.pull(engine)
        ended = self.container(engine, 'echo secret')
        engine.api.wait(ended)
        running = self.container(engine, 'echo secret; sleep 1000')
        def look(when):
            with self.subTest(when=when):
                self.assertEqual(stat.S_IMODE(os.stat(engine.data_root).st_mode) & ~0o710, 0)
                self.assertEqual(stat.S_IMODE(os.stat(engine.exec_root).st_mode) & ~0o700, 0)
                self.assertEqual([p for p in self.seen_by_others(engine.folder) if p not in ('./log', './pid')], [])
                for path, mode in self.modes(engine.data_root).items():
                    if os.path.basename(path) in ('hosts', 'hostname', 'resolv.conf'):
                        continue  # the container's /etc has them
                    self.assertEqual(mode & 0o026, 0, f'{path} {mode:o}')
                    if path.endswith('-json.log'):
                        self.assertEqual(mode, 0o640, path)
                for path, mode in self.modes(engine.exec_root).items():
                    self.assertEqual(mode & 0o077, 0, f'{path} {mode:o}')
        look('running')
        engine.kill()
        look('killed')
        engine.start()
        look('started again')
        engine.api.must(204, 'POST', f'/containers/{running}/stop', t=0)
        look('stopped')


class Neighbours(DaemonTest):
    @case.lighterd_only
    def test_two_engines_side_by_side(self):
        one, two = self.new().start(), self.new(bridge='lt1', bip='172.28.7.1/24').start()
        for engine in (one, two):
            self.pull(engine)
        a, b = (self.container(engine, 'echo up; sleep 1000', name='same-name') for engine in (one, two))
        self.assertEqual([len(engine.api.ps()) for engine in (one, two)], [1, 1])
        addresses = [engine.api.inspect(c)['NetworkSettings']['IPAddress'] for engine, c in ((one, a), (two, b))]
        self.assertTrue(addresses[0].startswith('172.29.0.') and addresses[1].startswith('172.28.7.'), addresses)
        two.kill()
        self.assertEqual(one.api.output('busybox', ['ping', '-c1', '-w5', addresses[0]])[0], 0)
        two.start()
        one.restart()  # stops its own
        self.assertEqual(one.api.inspect(a)['State']['Status'], 'exited')
        self.assertEqual(two.api.inspect(b)['State']['Status'], 'running')
        self.assertEqual(two.api.output('busybox', ['ping', '-c1', '-w5', addresses[1]])[0], 0)

    @case.lighterd_only
    def test_beside_dockerd(self):
        if not shutil.which('dockerd'):
            self.skipTest('dockerd is not there')
        one = self.new().start()
        peer = engines.Dockerd(case.LAB.space, case.LAB.registry, 'p', bip='172.28.8.1/24')
        case.LAB.engines.append(peer)
        self.addCleanup(self.end, peer)
        peer.start()
        for engine in (one, peer):
            self.pull(engine)
        a, b = (self.container(engine, 'sleep 1000', name='same-name') for engine in (one, peer))
        def address(engine, container):
            return engine.api.inspect(container)['NetworkSettings']['IPAddress']
        def reaches(engine, ip):
            return engine.api.output('busybox', ['ping', '-c1', '-w5', ip])[0] == 0
        self.assertTrue(reaches(one, address(one, a)))
        self.assertTrue(reaches(peer, address(peer, b)))
        one.restart()
        self.assertEqual(peer.api.inspect(b)['State']['Status'], 'running')
        self.assertTrue(reaches(peer, address(peer, b)))
        one.api.start(a)
        peer.restart()
        self.assertTrue(reaches(one, address(one, a)))
