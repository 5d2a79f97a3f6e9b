"""The engines and clients that are measured. Each engine has its own network namespace, registry, roots and socket."""

import os
import shutil
import subprocess
import sys
import tempfile
import time

import engine as engines


def progress(text):
    print(f'  {text}', file=sys.stderr, flush=True)


class Peer:
    """One engine with all that is its own."""

    def __init__(self, kind, storage):
        self.kind, self.lab = kind, engines.Lab(kind, name=f'bench-{kind}')
        self.lab.start_registry(storage)
        self.lab.registry_ready()
        self.engine = None
        self.old = []
        self.fresh()

    def fresh(self):
        """Another engine with empty roots. What the last one wrote stays until the end: see kernel.Disk."""
        if self.engine is not None:
            self.engine.remove_everything()
            self.engine.stop()
            self.old.append(f'{self.engine.folder}.old')
            os.rename(self.engine.folder, self.old[-1])
            self.engine.destroy()
            self.lab.engines.remove(self.engine)
        self.engine = self.lab.engine(name=self.kind)
        self.engine.start()
        return self.engine

    def processes(self):
        """Pids of the engine and its helpers, without what runs inside containers."""
        alive = engines.processes()
        inside = set()
        for row in self.engine.api.ps(all=False):
            inside.add(self.engine.api.inspect(row['Id'])['State']['Pid'])
        mine = {pid for pid, (_, line) in alive.items() if self.engine.folder in line}
        grown = True
        while grown:
            more = {pid for pid, (parent, _) in alive.items() if parent in mine} - mine - inside
            grown = bool(more)
            mine |= more
        return sorted(pid for pid in mine - inside if pid != os.getpid())

    def close(self):
        left = self.lab.close()
        for folder in self.old:
            shutil.rmtree(folder, ignore_errors=True)
        return left


class Client:
    def __init__(self, name, program):
        self.name, self.program = name, program
        self.home = tempfile.mkdtemp(prefix='lighter-bench-home.')

    def call(self, engine, *args, stdin=None, stdout=None):
        """(seconds, CPU seconds of the client)."""
        env = {'PATH': os.environ['PATH'], 'HOME': self.home, 'DOCKER_HOST': 'unix://' + engine.socket}
        return timed([self.program, *args], env, f'{self.name} {" ".join(args)} on {engine.kind}', engine.log_tail, stdin,
                     stdout)


def timed(command, env, what, explain=lambda: '', stdin=None, stdout=None):
    """(seconds, CPU seconds) of a program that must succeed."""
    begin = time.perf_counter()
    child = subprocess.Popen(command, env=env, stdin=stdin or subprocess.DEVNULL, stdout=stdout or subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    took = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stderr.close()
    if child.returncode:
        raise RuntimeError(f'{what} ended with {child.returncode}: {said.decode(errors="replace").strip()}\n{explain()}')
    return took, usage.ru_utime + usage.ru_stime


class Podman:
    """Podman without a service: every command is the whole engine, on roots of its own."""

    def __init__(self, space):
        self.space = space
        self.folder = tempfile.mkdtemp(prefix='p.')

    def call(self, *args):
        command = [*self.space.enter, 'podman', '--root', f'{self.folder}/root', '--runroot', f'{self.folder}/r', '--tmpdir',
                   f'{self.folder}/tmp', '--storage-driver', 'overlay', '--cgroup-manager', 'cgroupfs', '--events-backend', 'none']
        return timed([*command, *args], {'PATH': os.environ['PATH'], 'HOME': self.folder}, f'podman {" ".join(args)}')


def pairs(clients, peers):
    """The client and engine pairs of issue 2, as far as they exist."""
    wanted = [('docker', 'dockerd'), ('docker', 'lighterd'), ('lighter', 'lighterd'), ('lighter', 'dockerd')]
    return [(f'{c} + {e}', clients.get(c), peers.get(e)) for c, e in wanted]
