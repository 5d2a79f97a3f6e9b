"""The command lines under test: `lighter` of the build folder and the docker CLI, called alone or in a real terminal."""

import functools
import os
import shutil
import signal
import subprocess

import case
import engine as engines
import terminal

CLIENTS = {'docker': shutil.which('docker'), 'lighter': engines.program('lighter')}


there = [client for client, path in CLIENTS.items() if path and os.path.exists(path)]


def with_each(test):
    """A test method that gets a client's name, run once for each."""
    @functools.wraps(test)
    def run(self):
        for client in there:
            with self.subTest(client=client):
                test(self, client)
    return run


class ClientTest(case.EngineTest):
    def environment(self, **more):
        return {'PATH': os.environ['PATH'], 'HOME': self.engine.folder, 'DOCKER_HOST': 'unix://' + self.engine.socket, **more}

    def call(self, client, *args, stdin=b'', env=None, timeout=60):
        """(exit code, standard output, standard error)."""
        done = subprocess.run([CLIENTS[client], *args], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=env or self.environment(), timeout=timeout)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def begin(self, client, *args, **kw):
        """Runs on in the background; stdout and stderr are pipes."""
        kw = {'stdin': subprocess.DEVNULL, **kw}
        # A shell without job control may have handed down SIGINT ignored: a client would not get it then.
        process = subprocess.Popen([CLIENTS[client], *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment(),
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **kw)

        def end():
            process.kill()
            process.communicate()
        self.addCleanup(end)
        return process

    def terminal(self, client, **kw):
        """A shell in a terminal that finds the client under its own name."""
        if not CLIENTS[client] or not os.path.exists(CLIENTS[client]):
            self.skipTest(f'{client} is not there')
        folder = os.path.join(self.engine.folder, 'bin-' + client)
        os.makedirs(folder, exist_ok=True)
        if not os.path.exists(os.path.join(folder, client)):
            os.symlink(CLIENTS[client], os.path.join(folder, client))
        env = {'DOCKER_HOST': 'unix://' + self.engine.socket, 'PATH': folder + ':' + os.environ['PATH']}
        screen = terminal.Terminal(env, **kw)
        self.addCleanup(screen.close)
        return screen

    def removed_after(self, name):
        """`name` is removed when the test ends, and now if an earlier run left it."""
        self.api.remove(name)
        self.addCleanup(lambda: self.api.remove(name))
        return name
