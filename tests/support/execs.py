"""Test classes that run commands in containers."""

import case


class ExecTest(case.EngineTest):
    def make(self, container, *cmd, **config):
        """An exec that was not started: its id."""
        return self.api.must(201, 'POST', f'/containers/{container}/exec', {'Cmd': list(cmd), **config}).json['Id']

    def look(self, exec_id):
        return self.api.must(200, 'GET', f'/exec/{exec_id}/json').json

    def attach(self, exec_id, tty=False, **kw):
        return self.api.hijack(f'/exec/{exec_id}/start', {'Detach': False, 'Tty': tty}, **kw)

    def run_in(self, container, *cmd, **config):
        """(exit code, stdout, stderr) of a command in the container."""
        exec_id = self.make(container, *cmd, AttachStdout=True, AttachStderr=True, **config)
        with self.attach(exec_id) as client:
            out, err = client.frames()
        return self.look(exec_id)['ExitCode'], out.decode(errors='replace'), err.decode(errors='replace')

    def sh_in(self, container, script, **config):
        code, out, err = self.run_in(container, 'sh', '-c', script, **config)
        self.assertEqual(code, 0, f'{script}: {out} {err}')
        return out

    def detached(self, container, *cmd, **config):
        exec_id = self.make(container, *cmd, **config)
        self.api.must(200, 'POST', f'/exec/{exec_id}/start', {'Detach': True})
        return exec_id

    def until_ended(self, exec_id, seconds=15):
        return self.eventually(lambda: (lambda e: e['ExitCode'] is not None and not e['Running'] and e)(self.look(exec_id)),
                               f'{exec_id} ends', seconds)
