"""Engines under test: lighterd from the build folder, or Debian's dockerd as the peer the tests are checked against.

Each has roots, socket and network namespace of its own. close() stops it and leftovers() says what it forgot.
"""

import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time

import docker_api
import local_registry
import netns

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get('LIGHTER_BUILD', os.path.join(TOP, 'build')))
CGROUPS = '/sys/fs/cgroup'


def program(name):
    where = {'lighterd': 'src/daemon/lighterd', 'lighter': 'src/cli/lighter', 'lighter-shim': 'src/run/shim/lighter-shim'}
    return os.environ.get(name.upper().replace('-', '_'), os.path.join(BUILD, where[name]))


def mounts():
    with open('/proc/self/mountinfo') as f:
        return [line.split()[4] for line in f]


def processes():
    """pid -> (parent, command line) of everything alive."""
    found = {}
    for path in glob.glob('/proc/[0-9]*'):
        try:
            with open(path + '/stat') as f:
                stat = f.read()
            with open(path + '/cmdline', 'rb') as f:
                line = f.read().replace(b'\0', b' ').decode(errors='replace').strip()
        except OSError:
            continue
        rest = stat[stat.rindex(')') + 2:].split()
        if rest[0] != 'Z':
            found[int(os.path.basename(path))] = (int(rest[1]), line)
    return found


class Engine:
    """One engine; start() may be called again after stop() or kill()."""

    kind = bridge = bip = ''

    def __init__(self, space, registry=None, name='e', options=(), bridge=None, bip=None):
        self.space, self.name, self.options = space, name, list(options)
        self.folder = tempfile.mkdtemp(prefix=f'lt-{name}.')
        self.socket = os.path.join(self.folder, 'sock')
        self.data_root = os.path.join(self.folder, 'data')
        self.exec_root = os.path.join(self.folder, 'exec')
        self.pidfile = os.path.join(self.folder, 'pid')
        self.log = os.path.join(self.folder, 'log')
        self.registry = registry
        self.process = None
        self.api = docker_api.Api(self.socket)
        self.bridge, self.bip = bridge or self.bridge, bip or self.bip
        self.seen = set()  # ids of all containers that were ever listed

    def command(self):
        raise NotImplementedError

    def start(self, wait=True):
        if os.path.exists(self.pidfile):
            os.unlink(self.pidfile)
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen([*self.space.enter, *self.command()], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=30):
        until = time.monotonic() + seconds
        while True:
            try:
                if self.api.get('/_ping', version='', timeout=10).status == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f'{self.kind} did not come up (exit {self.process.poll()}):\n{self.log_tail()}')
            time.sleep(0.02)

    def log_tail(self, lines=30):
        with open(self.log, errors='replace') as f:
            return ''.join(f.readlines()[-lines:])

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        """kill -9 of the daemon alone."""
        self.note_containers()
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=40):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f'{self.kind} did not stop on SIGTERM')

    def restart(self):
        self.note_containers()
        self.stop()
        self.start()

    def note_containers(self):
        try:
            self.seen.update(c['Id'] for c in self.api.ps())
        except (OSError, AssertionError):
            pass

    def remove_everything(self):
        self.note_containers()
        for container in self.seen:
            self.api.remove(container, v=True)

    def cgroups(self):
        """cgroup folders that name a container of ours."""
        short = {c for c in self.seen}
        found = []
        for root, folders, _ in os.walk(CGROUPS):
            found += [os.path.join(root, f) for f in folders if any(c in f for c in short)]
        return found

    def leftovers(self):
        """After remove_everything() and stop(): what is still on the host, as sentences."""
        self.stop()
        found = [f'mount {m}' for m in mounts() if m.startswith(self.folder)]
        found += [f'cgroup {c}' for c in self.cgroups()]
        found += self.processes_left()
        containers = os.path.join(self.data_root, 'containers')
        if os.path.isdir(containers):
            found += [f'folder {containers}/{n}' for n in os.listdir(containers) if len(n) == 64]
        return found

    def processes_left(self, seconds=5):
        """The shim of lighterd ends by itself, two seconds after the engine that needed it."""
        until = time.monotonic() + seconds
        while True:
            found = [f'process {pid} {line}' for pid, (_, line) in processes().items()
                     if self.folder in line and pid != os.getpid() and 'tmux' not in line]
            if not found or time.monotonic() > until:
                return found
            time.sleep(0.1)

    def destroy(self):
        """Ends what still runs and removes the folder, whatever state it is in."""
        for pid, (_, line) in processes().items():
            if self.folder in line and pid != os.getpid():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        if self.process is not None:
            self.process.wait()
        for mount in sorted((m for m in mounts() if m.startswith(self.folder)), reverse=True):
            subprocess.run(['umount', '-l', mount], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)


class Lighterd(Engine):
    kind = 'lighterd'
    bridge, bip = 'lt0', '172.29.0.1/24'

    def command(self):
        command = [program('lighterd'), '-H', 'unix://' + self.socket, '--data-root', self.data_root,
                   '--exec-root', self.exec_root, '--pidfile', self.pidfile, '--bridge', self.bridge,
                   '--bip', self.bip, '--default-address-pool', 'base=10.89.0.0/16,size=24']
        if self.registry:
            command += ['--registry-mirror', f'http://{self.registry.host}']
        return command + self.options


class Dockerd(Engine):
    kind = 'dockerd'
    bridge, bip = 'docker0', '172.29.0.1/24'

    def command(self):
        command = ['dockerd', '-H', 'unix://' + self.socket, '--data-root', self.data_root,
                   '--exec-root', self.exec_root, '--pidfile', self.pidfile, '--bip', self.bip, '--live-restore',
                   '--config-file', os.path.join(self.folder, 'daemon.json')]
        if self.registry:
            command += ['--registry-mirror', f'http://{self.registry.host}']
        return command + self.options

    def start(self, wait=True):
        config = os.path.join(self.folder, 'daemon.json')
        if not os.path.exists(config):  # the host's own is none of ours
            with open(config, 'w') as f:
                f.write('{}')
        return super().start(wait)

    def leftovers(self):
        # dockerd keeps mounts of its data root and of the host's namespace (--network host); they are no concern of ours.
        return [line for line in super().leftovers()
                if not line.endswith('/netns/default') and line != f'mount {self.data_root}']


KINDS = {'lighterd': Lighterd, 'dockerd': Dockerd}


class Lab:
    """Network namespace, registry with the test images, and engines: what one test file runs in."""

    def __init__(self, kind=None, name='lt'):
        self.kind = kind or os.environ.get('LIGHTER_TEST_ENGINE', 'lighterd')
        self.space = netns.Netns(f'{name}{os.getpid()}')
        self.registry = None
        self.engines = []

    def start_registry(self, folder):
        self.registry = local_registry.Registry(folder, port=5000, run_in=self.space.enter)

    def registry_ready(self):
        """The registry listens inside the namespace: ask from there."""
        ask = 'import socket,sys; socket.create_connection(("127.0.0.1", 5000), 5)'
        for _ in range(100):
            if subprocess.run([*self.space.enter, 'python3', '-c', ask], stderr=subprocess.DEVNULL).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError('the registry does not answer')

    def engine(self, name='e', **kw):
        engine = KINDS[self.kind](self.space, self.registry, name, **kw)
        self.engines.append(engine)
        return engine

    def close(self):
        """Ends everything; gives what the engines left behind, as sentences."""
        found = []
        for engine in self.engines:
            if engine.process is not None and engine.process.poll() is None:
                try:
                    engine.remove_everything()
                    found += engine.leftovers()
                except (OSError, AssertionError) as error:
                    found.append(f'while cleaning up: {error}')
            engine.destroy()
        if self.registry:
            self.registry.close()
        found += [f'veth {link}' for link in self.space.links() if link.startswith('veth')]
        self.space.close()
        return found
