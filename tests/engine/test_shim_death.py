"""The shim dies, alone or with the engine: containers run on, and their output, input and ends are still told."""

import os
import signal

import case
import engine as engines


class ShimDeath(case.EngineTest):
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
