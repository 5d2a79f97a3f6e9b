"""The same session with `lighter` and with the docker CLI against one engine: output and exit codes must be equal."""

import os
import re
import shutil
import subprocess
import unittest

import case
import engine as engines

IMAGES = ['busybox', 'centos', 'entry']
CLIENTS = {'lighter': engines.program('lighter'), 'docker': shutil.which('docker')}

# Ids, times and the client's own name are the only things that may differ.
MASKS = [(r'\b[0-9a-f]{64}\b', 'ID64'), (r'\b[0-9a-f]{12}\b', 'ID12'), (r'\d+ (seconds?|minutes?) ago', 'AGO'),
         (r'About a minute ago|Less than a second ago', 'AGO'), (r'Up (\d+ seconds?|Less than a second)', 'UP'),
         (r'\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)', 'TIME'), (r'\b(lighter|docker)\b', 'CLIENT'), (r' +', ' ')]


def masked(text):
    for pattern, to in MASKS:
        text = re.sub(pattern, to, text)
    return text


@unittest.skipUnless(CLIENTS['docker'], 'no docker CLI here (Debian: docker.io)')
@unittest.skipUnless(os.path.exists(CLIENTS['lighter']), 'lighter is not built')
class SameAsDocker(case.EngineTest):
    def call(self, client, args, stdin=b''):
        env = {'PATH': os.environ['PATH'], 'HOME': self.engine.folder, 'DOCKER_HOST': 'unix://' + self.engine.socket}
        done = subprocess.run([CLIENTS[client], *args], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=env, timeout=60)
        return done.returncode, masked(done.stdout.decode()), masked(done.stderr.decode())

    def same(self, *args, stdin=b'', errors=True):
        """Runs it with each client; what docker answered."""
        theirs = self.call('docker', args, stdin)
        ours = self.call('lighter', args, stdin)
        self.assertEqual(ours[:2], theirs[:2], args)
        if errors:
            self.assertEqual(ours[2], theirs[2], args)
        return theirs

    def test_run_gives_output_and_exit_code(self):
        self.assertEqual(self.same('run', '--rm', 'busybox', 'echo', 'hi'), (0, 'hi\n', ''))
        self.assertEqual(self.same('run', '--rm', 'busybox', 'sh', '-c', 'echo err >&2; exit 42'), (42, '', 'err\n'))
        self.assertEqual(self.same('run', '--rm', '-i', 'busybox', 'cat', stdin=b'typed\n')[1], 'typed\n')
        self.assertEqual(self.same('run', '--rm', 'entry')[1], 'entry cmd\n')
        self.assertEqual(self.same('run', '--rm', 'centos', 'bash', '-c', 'echo $BASH')[1], '/bin/bash\n')

    def test_run_gives_125_126_127(self):
        self.assertEqual(self.same('run', '--rm', 'busybox', 'nothing-here', errors=False)[0], 127)
        self.assertEqual(self.same('run', '--rm', 'busybox', '/etc/passwd', errors=False)[0], 126)
        self.assertEqual(self.same('run', '--rm', '--name', '-bad', 'busybox', errors=False)[0], 125)

    def test_flags_reach_the_container(self):
        for flags, script in ((['-e', 'A=b c'], 'echo $A'), (['-w', '/srv/new'], 'pwd'), (['-u', 'user'], 'id'),
                              (['-u', '7:8'], 'id'), (['-h', 'myhost'], 'hostname'), (['--read-only'], 'touch /x; echo $?'),
                              (['--tmpfs', '/scratch:size=1m'], 'df -k /scratch | tail -1'),
                              (['--cap-drop', 'ALL'], 'grep Cap /proc/self/status'),
                              (['--add-host', 'there:1.2.3.4'], 'grep there /etc/hosts'),
                              (['--network', 'none'], 'ls /sys/class/net'), (['--ulimit', 'nofile=123:456'], 'ulimit -n'),
                              (['--entrypoint', '/bin/echo'], 'x'), (['--init'], 'readlink -f /proc/1/exe >/dev/null; echo ok')):
            with self.subTest(flags=flags):
                self.same('run', '--rm', *flags, 'busybox', 'sh', '-c', script)

    def test_a_session(self):
        for client in ('docker', 'lighter'):
            self.addCleanup(lambda c=client: self.api.remove('walk'))
        walk = [['run', '-d', '--name', 'walk', 'busybox', 'sh', '-c', 'echo one; echo two >&2; exec sleep 1000'],
                ['ps'], ['ps', '-a', '--format', '{{.Names}} {{.Image}} {{.Status}}'], ['ps', '-q', '--filter', 'name=walk'],
                ['logs', 'walk'], ['logs', '--tail', '1', 'walk'], ['inspect', '-f', '{{.State.Status}} {{.Name}}', 'walk'],
                ['rename', 'walk', 'walk2'], ['rename', 'walk2', 'walk'], ['start', 'walk'], ['restart', '-t', '0', 'walk'],
                ['stop', '-t', '0', 'walk'], ['wait', 'walk'], ['ps', '-a', '--format', '{{.Names}} {{.State}}'],
                ['rm', 'walk'], ['rm', 'walk'], ['logs', 'walk'], ['images', '--format', '{{.Repository}}:{{.Tag}}'],
                ['tag', 'busybox', 'other/name:v1'], ['rmi', 'other/name:v1'], ['rmi', 'no-such-image']]
        seen = {client: [(args, *self.call(client, args)) for args in walk] for client in ('docker', 'lighter')}
        for theirs, ours in zip(seen['docker'], seen['lighter']):
            with self.subTest(command=theirs[0]):
                self.assertEqual(ours, theirs)

    def test_wrong_use_fails_alike(self):
        for args in (['run'], ['rm'], ['ps', '--no-such-flag'], ['no-such-command'], ['inspect', 'nobody'], ['start', 'nobody']):
            with self.subTest(args=args):
                self.same(*args, errors=False)
