"""Clients without a terminal: standard input and its end, -a, signals passed on, exit codes, and which engine is asked."""

import os
import signal
import subprocess
import time
import unittest

import case
import clients

IMAGES = ['busybox']
# Says every signal it gets, ends at the second TERM.
LISTENS = '''for s in HUP INT QUIT USR1 USR2 ALRM; do trap "echo got $s" $s; done
trap 'echo got TERM; test -n "$t" && exit 44; t=1' TERM
echo up; while :; do sleep 0.05; done'''


class Streams(clients.ClientTest):
    @clients.with_each
    def test_input_ends_where_ours_ends(self, client):
        self.assertEqual(self.call(client, 'run', '--rm', '-i', 'busybox', 'sh', '-c', 'cat; echo after', stdin=b'hi\n'),
                         (0, 'hi\nafter\n', ''))
        self.assertEqual(self.call(client, 'run', '--rm', '-i', 'busybox', 'wc', '-c', stdin=bytes(300000))[1].strip(), '300000')
        self.assertEqual(self.call(client, 'run', '--rm', '-i', 'busybox', 'cat', stdin=b''), (0, '', ''))
        # Without -i the container's input is empty, ours is not read.
        self.assertEqual(self.call(client, 'run', '--rm', 'busybox', 'cat', stdin=b'hi\n'), (0, '', ''))

    @clients.with_each
    def test_a_half_closed_input_still_shows_what_comes_later(self, client):
        began = time.monotonic()
        out = self.call(client, 'run', '--rm', '-i', 'busybox', 'sh', '-c', 'cat; sleep 1; echo late', stdin=b'early\n')
        self.assertEqual(out, (0, 'early\nlate\n', ''))
        self.assertGreater(time.monotonic() - began, 1)

    @clients.with_each
    def test_a_container_that_ends_does_not_wait_for_our_input(self, client):
        process = self.begin(client, 'run', '--rm', '-i', 'busybox', 'sh', '-c', 'read line; echo $line', stdin=subprocess.PIPE)
        process.stdin.write(b'one\n')
        process.stdin.flush()  # and stays open
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(process.stdout.read(), b'one\n')

    @clients.with_each
    def test_dash_a_chooses_streams(self, client):
        both = ['busybox', 'sh', '-c', 'echo out; echo err >&2; cat']
        self.assertEqual(self.call(client, 'run', '--rm', '-a', 'stdout', *both), (0, 'out\n', ''))
        self.assertEqual(self.call(client, 'run', '--rm', '-a', 'STDERR', *both), (0, '', 'err\n'))
        self.assertEqual(self.call(client, 'run', '--rm', '-a', 'stdout', '-a', 'stderr', *both), (0, 'out\n', 'err\n'))
        self.assertEqual(self.call(client, 'run', '--rm', '-i', '-a', 'stdin', '-a', 'stdout', *both, stdin=b'in\n'),
                         (0, 'out\nin\n', ''))
        # Only input: nothing is shown; the container gets it and ends.
        code, out, err = self.call(client, 'run', '-i', '-a', 'stdin', '--name', self.removed_after('fed'), 'busybox', 'sh', '-c',
                                   'cat > /fed; test "$(cat /fed)" = in && exit 8', stdin=b'in\n')
        self.until_status('fed', 'exited')
        self.assertEqual((code, out, err, self.state('fed')['ExitCode']), (code, '', '', 8))

    @clients.with_each
    def test_start_and_attach_stream_too(self, client):
        self.removed_after('again')
        self.api.create('busybox', ['sh', '-c', 'cat; echo end >&2; exit 5'], name='again', OpenStdin=True, StdinOnce=True)
        self.assertEqual(self.call(client, 'start', '-a', '-i', 'again', stdin=b'x\n'), (5, 'x\n', 'end\n'))
        self.assertEqual(self.call(client, 'start', '-ai', 'again', stdin=b'y\n'), (5, 'y\n', 'end\n'))
        self.removed_after('running')
        self.api.start(self.api.create('busybox', ['sh', '-c', 'read a; echo $a; exit 3'], name='running', OpenStdin=True))
        self.assertEqual(self.call(client, 'attach', 'running', stdin=b'typed\n'), (3, 'typed\n', ''))

    @clients.with_each
    def test_no_stdin_keeps_ours(self, client):
        self.removed_after('deaf')
        self.api.start(self.api.create('busybox', ['sh', '-c', 'trap "exit 4" TERM; echo up; while :; do sleep 0.05; done'],
                                       name='deaf', OpenStdin=True))
        process = self.begin(client, 'attach', '--no-stdin', 'deaf')
        time.sleep(1)
        self.assertIsNone(process.poll(), 'the end of our input ended it')
        self.api.post('/containers/deaf/kill', signal='TERM')
        self.assertEqual(process.wait(30), 4)


class Signals(clients.ClientTest):
    def listening(self, client, *words):
        process = self.begin(client, *words)
        self.assertEqual(process.stdout.readline(), b'up\n')
        time.sleep(0.3)  # docker's client listens for signals a moment later
        return process

    @clients.with_each
    def test_run_passes_signals_on(self, client):
        process = self.listening(client, 'run', '--rm', '--name', self.removed_after('listens'), 'busybox', 'sh', '-c', LISTENS)
        for name in ('HUP', 'QUIT', 'USR1', 'USR2', 'ALRM', 'TERM'):
            process.send_signal(getattr(signal, 'SIG' + name))
            self.assertEqual(process.stdout.readline().decode(), f'got {name}\n')
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 44)

    @clients.with_each
    def test_attach_and_start_pass_them_on(self, client):
        self.removed_after('listens')
        self.api.create('busybox', ['sh', '-c', LISTENS], name='listens')
        process = self.listening(client, 'start', '-a', 'listens')
        process.send_signal(signal.SIGUSR1)
        self.assertEqual(process.stdout.readline(), b'got USR1\n')
        other = self.begin(client, 'attach', 'listens')
        time.sleep(0.7)
        other.send_signal(signal.SIGHUP)
        self.assertEqual(other.stdout.readline(), b'got HUP\n')
        other.send_signal(signal.SIGTERM)
        self.assertEqual(other.stdout.readline(), b'got TERM\n')
        other.send_signal(signal.SIGTERM)
        self.assertEqual((other.wait(30), process.wait(30)), (44, 44))

    @clients.with_each
    def test_the_third_time_the_client_gives_up(self, client):
        process = self.listening(client, 'run', '--name', self.removed_after('stubborn'), 'busybox', 'sh', '-c', LISTENS)
        for name in ('INT', 'TERM'):
            process.send_signal(getattr(signal, 'SIG' + name))
            self.assertEqual(process.stdout.readline().decode(), f'got {name}\n')
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(30), 1)
        self.assertEqual(process.stderr.read(), b'\ngot 3 SIGTERM/SIGINTs, forcefully exiting\n')
        self.assertTrue(self.state('stubborn')['Running'])

    def test_without_proxy_the_container_hears_nothing(self):
        # docker's client wants to be asked three times here; lighter ends as any program would.
        process = self.listening('lighter', 'run', '--sig-proxy=false', '--name', self.removed_after('alone'), 'busybox', 'sh', '-c', LISTENS)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), -signal.SIGTERM)
        self.assertTrue(self.state('alone')['Running'])
        self.assertNotIn('got', self.call('lighter', 'logs', 'alone')[1])


class ExitCodes(clients.ClientTest):
    @clients.with_each
    def test_the_containers_own_and_dockers(self, client):
        wanted = [(0, ['true']), (1, ['false']), (42, ['sh', '-c', 'exit 42']), (255, ['sh', '-c', 'exit 255']),
                  (126, ['/etc/passwd']), (126, ['/tmp']), (127, ['nothing-here']), (127, ['/nothing/here']),
                  (139, ['sh', '-c', 'sh -c "kill -SEGV \\$\\$"; exit $?'])]
        for code, command in wanted:
            self.assertEqual(self.call(client, 'run', '--rm', 'busybox', *command)[0], code, command)
        for words in (['run', '--nope', 'busybox'], ['run'], ['run', '--rm', '--name', '-bad', 'busybox'], ['run', '-m', 'x', 'busybox'],
                      ['run', '--pull', 'never', 'not/here'], ['create', '--nope', 'busybox']):
            code, out, err = self.call(client, *words)
            self.assertEqual((code, out), (1 if words == ['run'] else 125, ''), words)
            self.assertTrue(err)

    @clients.with_each
    def test_a_signal_from_outside_is_128_and_more(self, client):
        for name, code in (('KILL', 137), ('TERM', 143), ('USR1', 138)):
            process = self.begin(client, 'run', '--init', '--name', self.removed_after('ended'), 'busybox', 'sleep', '100')
            self.eventually(lambda: self.api.get('/containers/ended/json').status == 200 and self.state('ended')['Running'], 'it runs')
            self.assertEqual(self.call(client, 'kill', '-s', name, 'ended')[0], 0)
            self.assertEqual(process.wait(30), code)
            self.assertEqual(self.call(client, 'wait', 'ended')[1], f'{code}\n')
            self.api.remove('ended')

    @clients.with_each
    def test_init_hands_the_code_on(self, client):
        self.assertEqual(self.call(client, 'run', '--rm', '--init', 'busybox', 'sh', '-c', 'exit 9')[0], 9)
        self.assertEqual(self.call(client, 'run', '--rm', '--init', 'busybox', 'sh', '-c', 'kill -9 $$')[0], 137)


@unittest.skipUnless(os.path.exists(clients.CLIENTS['lighter']), 'lighter is not built')
class WhichEngine(clients.ClientTest):
    """What lighter itself decides: which socket, and what it says when nobody is there."""

    def ask(self, *words, **env):
        env = {'PATH': os.environ['PATH'], 'HOME': self.engine.folder, **env}
        return self.call('lighter', *words, env=env)

    def test_the_order_of_flag_and_environment(self):
        here, nowhere = 'unix://' + self.engine.socket, 'unix:///nowhere.sock'
        self.assertEqual(self.ask('-H', here, 'ps', '-q', DOCKER_HOST=nowhere, LIGHTER_HOST=nowhere)[0], 0)
        self.assertEqual(self.ask('ps', '-q', DOCKER_HOST=nowhere, LIGHTER_HOST=here)[0], 0)
        self.assertEqual(self.ask('ps', '-q', DOCKER_HOST=here)[0], 0)
        self.assertEqual(self.ask('--host', self.engine.socket, 'ps', '-q')[0], 0)
        self.assertEqual(self.ask('ps', '-q', LIGHTER_HOST=nowhere, DOCKER_HOST=here)[0], 1)

    def test_no_engine_one_sentence(self):
        for words, code in ((['ps'], 1), (['run', '--rm', 'busybox'], 125), (['images'], 1), (['inspect', 'x'], 1), (['stop', 'x'], 1),
                            (['pull', 'x'], 1), (['events'], 1), (['logs', 'x'], 1)):
            got, out, err = self.ask(*words, DOCKER_HOST='unix:///nowhere.sock')
            self.assertEqual(got, code, words)
            sentence = ('Cannot connect to the engine at unix:///nowhere.sock. Start one with `lighterd` (or `systemctl start lighter`), '
                        'or name another with -H.')
            self.assertEqual(err.splitlines()[0].removeprefix('lighter: '), sentence, words)
        got, out, err = self.ask('-H', 'tcp://127.0.0.1:1', 'ps')
        self.assertEqual((got, out), (1, ''))
        self.assertIn('Cannot connect to the engine at tcp://127.0.0.1:1. ', err)

    def test_what_asks_for_tls_is_not_sent_in_the_open(self):
        refused = 'Failed to initialize: unable to resolve docker endpoint: TLS towards the engine is not built yet\n'
        for words, env in ((['-H', 'tcp://127.0.0.1:1', '--tlsverify'], {}), (['-H', 'tcp://127.0.0.1:1', '--tls'], {}),
                           (['--tlsverify'], {}), (['-H', 'tcp://127.0.0.1:1', '--tlscacert', '/x'], {}),
                           ([], {'DOCKER_HOST': 'tcp://127.0.0.1:1', 'DOCKER_TLS_VERIFY': '1'})):
            with self.subTest(words=words, env=env):
                self.assertEqual(self.ask(*words, 'ps', **env), (1, '', refused))
        self.assertEqual(self.ask('ps', '-q', DOCKER_HOST='unix://' + self.engine.socket, DOCKER_TLS_VERIFY='1')[0], 0)

    def test_contexts_are_dockers(self):
        folder = os.path.join(self.engine.folder, '.docker', 'contexts', 'meta', 'aa')
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, 'meta.json'), 'w') as f:
            f.write('{"Name": "there", "Metadata": {}, "Endpoints": {"docker": {"Host": "unix://%s"}}}' % self.engine.socket)
        nowhere = {'DOCKER_HOST': 'unix:///nowhere.sock'}
        self.assertEqual(self.ask('-c', 'there', 'ps', '-q', **nowhere)[0], 0)
        self.assertEqual(self.ask('ps', '-q', DOCKER_CONTEXT='there')[0], 0)
        self.assertEqual(self.ask('ps', '-q', DOCKER_CONTEXT='there', **nowhere)[0], 1)
        self.assertEqual(self.ask('-c', 'there', 'version', '-f', '{{.Client.Context}}')[1], 'there\n')
        self.assertEqual(self.ask('-c', 'nope', 'ps')[0], 1)
