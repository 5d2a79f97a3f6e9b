"""What test files import: the lab that runner.py started, and a TestCase with the shortcuts everyone needs."""

import json
import os
import time
import unittest

LAB = None      # engine.Lab, set by runner.py
ENGINE = None   # the file's engine, already running, with the usual images pulled


# Rules that are younger than Debian's dockerd 20.10: it answers 500 or looks away, so it cannot check the test.
younger_than_peer = unittest.skipIf(os.environ.get('LIGHTER_TEST_ENGINE') == 'dockerd', 'dockerd 20.10 does otherwise')
lighterd_only = unittest.skipIf(os.environ.get('LIGHTER_TEST_ENGINE') == 'dockerd', 'a promise of lighterd alone')


class EngineTest(unittest.TestCase):
    """`self.api` talks to the file's engine; containers made with self.create() and self.run_() are removed."""

    maxDiff = 4000

    @property
    def engine(self):
        return ENGINE

    @property
    def api(self):
        return ENGINE.api

    def create(self, cmd=None, image='busybox', **kw):
        container = self.api.create(image, cmd, **kw)
        ENGINE.seen.add(container)
        self.addCleanup(lambda: self.api.remove(container, v=True))
        return container

    def run_(self, cmd=None, image='busybox', **kw):
        container = self.create(cmd, image, **kw)
        self.api.start(container)
        return container

    def sh(self, script, image='busybox', **kw):
        """Runs a shell script to its end: (exit code, stdout, stderr)."""
        container = self.run_(['/bin/sh', '-c', script], image, **kw)
        code = self.api.wait(container)
        out, err = self.api.logs(container, tty=bool(kw.get('Tty')))
        self.api.remove(container, v=True)
        return code, out.decode(errors='replace'), err.decode(errors='replace')

    def out(self, script, image='busybox', **kw):
        """stdout of a script that must succeed."""
        code, out, err = self.sh(script, image, **kw)
        self.assertEqual(code, 0, f'{script}: {out} {err}')
        return out

    def eventually(self, check, what='', seconds=15):
        """Waits until check() gives something true: its value."""
        until = time.monotonic() + seconds
        while True:
            value = check()
            if value:
                return value
            if time.monotonic() > until:
                self.fail(f'did not happen in {seconds} s: {what or check}')
            time.sleep(0.03)

    def state(self, container):
        return self.api.inspect(container)['State']

    def until_status(self, container, status, seconds=15):
        return self.eventually(lambda: self.state(container)['Status'] == status and self.state(container),
                               f'{container} becomes {status}', seconds)

    def refused(self, status, method, path, body=None, **kw):
        """The message of a request that must fail with this status."""
        reply = self.api.request(method, path, body, **kw)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply}')
        self.assertEqual(reply.headers.get_content_type(), 'application/json')
        return reply.message

    def events(self, since, until=None, **filters):
        """All events of a past span, as dicts."""
        reply = self.api.must(200, 'GET', '/events', since=since, until=until or time.time(),
                              filters=json.dumps(filters) if filters else None)
        return [json.loads(line) for line in reply.body.splitlines() if line.strip()]

