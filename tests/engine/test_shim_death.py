"""The shim dies, alone or with the engine: containers run on, and their output, input and ends are still told."""

import os
import signal

import case
import engine as engines
from execs import ExecTest


class ShimDeath(ExecTest):
    def shim(self):
        wanted = f'lighter-shim {self.engine.exec_root}'
        return next((pid for pid, (_, line) in engines.processes().items() if line == wanted), None)

    def kill_shim(self):
        shim = self.eventually(self.shim)
        os.kill(shim, signal.SIGKILL)
        return shim

    @case.lighterd_only
    def test_the_shim_alone(self):
        container = self.run_(['sh', '-c', 'echo up; read x; echo "got $x"; exit 6'], OpenStdin=True, StdinOnce=True)
        self.eventually(lambda: self.api.logs(container)[0] == b'up\n')
        dead = self.kill_shim()
        self.eventually(lambda: self.shim() not in (None, dead), 'another shim is there')
        self.assertEqual(self.state(container)['Status'], 'running')
        with self.api.hijack(f'/containers/{container}/attach', stdin=1, stdout=1, stream=1) as attached:
            attached.send(b'word\n')
            attached.half_close()
            self.assertEqual(attached.frames()[0], b'got word\n')
        self.assertIn(self.api.wait(container), (6, 255))  # 255: Linux before 6.15 does not tell
        self.assertEqual(self.sh('exit 3')[0], 3)

    @case.lighterd_only
    def test_the_shim_and_later_the_engine(self):
        container = self.run_(['sh', '-c', 'echo up; while [ ! -e /go ]; do sleep 0.1; done; echo down; exit 6'])
        self.eventually(lambda: self.api.logs(container)[0] == b'up\n')
        dead = self.kill_shim()
        self.eventually(lambda: self.shim() not in (None, dead), 'another shim is there')
        pid = self.state(container)['Pid']
        self.engine.kill()
        open(f'/proc/{pid}/root/go', 'w').close()
        self.engine.start()
        self.assertIn(self.api.wait(container), (6, 255))
        self.assertEqual(self.api.logs(container)[0], b'up\ndown\n')

    @case.lighterd_only
    def test_both_at_once(self):
        container = self.run_(['sleep', '1000'])
        ended = self.run_(['sleep', '2000'])
        pid = self.state(container)['Pid']
        self.engine.kill()
        self.kill_shim()
        os.kill(next(p for p, (_, line) in engines.processes().items() if line == 'sleep 2000'), signal.SIGKILL)
        self.engine.start()
        state = self.state(container)
        self.assertEqual((state['Status'], state['Pid']), ('running', pid))
        self.assertEqual((self.state(ended)['Status'], self.state(ended)['ExitCode']), ('exited', 255))
        self.engine.kill()
        self.engine.start()
        self.assertEqual(self.state(container)['Pid'], pid)
        self.api.must(204, 'POST', f'/containers/{container}/stop', t=0)
        self.assertIn(self.state(container)['ExitCode'], (137, 255))

    @case.lighterd_only
    def test_execs_go_on_under_another_shim(self):
        container = self.run_(['sleep', '1000'])
        script = 'echo up; read x; echo "got $x"; exit 7'
        talking = self.make(container, 'sh', '-c', script, AttachStdin=True, AttachStdout=True)
        terminal = self.make(container, 'sh', '-c', script, AttachStdin=True, AttachStdout=True, Tty=True)
        quiet = self.detached(container, 'sh', '-c', 'while [ ! -e /go ]; do sleep 0.1; done; exit 9')
        with self.attach(talking) as client, self.attach(terminal, tty=True) as screen:
            self.assertEqual(client.frame(), (1, b'up\n'))
            screen.read_until(b'up')
            dead = self.kill_shim()
            self.eventually(lambda: self.shim() not in (None, dead), 'another shim is there')
            client.send(b'word\n')
            self.assertEqual(client.frames()[0], b'got word\n')
            self.api.must(200, 'POST', f'/exec/{terminal}/resize', h=20, w=30)
            screen.send(b'line\n')
            screen.read_until(b'got line')
            screen.read_all()
        for exec_id in (talking, terminal):
            self.assertIn(self.until_ended(exec_id)['ExitCode'], (7, 255))
        self.engine.kill()
        self.engine.start()
        self.assertTrue(self.look(quiet)['Running'])  # the other shim held it
        self.run_in(container, 'touch', '/go')
        self.assertIn(self.until_ended(quiet)['ExitCode'], (9, 255))

    @case.lighterd_only
    def test_execs_whose_shim_and_engine_died_are_told_as_ended(self):
        container = self.run_(['sleep', '1000'])
        lost = self.detached(container, 'sleep', '2000')
        waiting = self.make(container, 'sh', '-c', 'exit 3')
        self.engine.kill()
        self.kill_shim()
        self.engine.start()
        self.assertEqual((self.look(lost)['Running'], self.look(lost)['ExitCode']), (False, 255))
        self.assertEqual(self.api.inspect(container)['ExecIDs'], [waiting])
        self.api.must(200, 'POST', f'/exec/{waiting}/start', {'Detach': True})
        self.assertEqual(self.until_ended(waiting)['ExitCode'], 3)
