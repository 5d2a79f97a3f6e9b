"""The same session with `lighter` and with the docker CLI against one engine: output and exit codes must be equal."""

from compared import Compared

IMAGES = ['busybox', 'centos', 'entry']


class SameAsDocker(Compared):
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
        seen = {client: [(args, *self.said(client, args)) for args in walk] for client in ('docker', 'lighter')}
        for theirs, ours in zip(seen['docker'], seen['lighter']):
            with self.subTest(command=theirs[0]):
                self.assertEqual(ours, theirs)

    def test_wrong_use_fails_alike(self):
        for args in (['run'], ['rm'], ['ps', '--no-such-flag'], ['no-such-command'], ['inspect', 'nobody'], ['start', 'nobody']):
            with self.subTest(args=args):
                self.same(*args, errors=False)
