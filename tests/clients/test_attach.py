"""Terminals attached to containers, with each client: detach keys in all their spellings, two viewers of one container,
leaving and coming back, what a pull shows while it runs."""

import threading
import unittest

import clients
import fake_engine
import terminal

IMAGES = ['busybox']
PROMPT = r'^/ # $'
SHELL = r'/ # \$ $'  # the outer shell's prompt behind the container's


@unittest.skipUnless(terminal.available, 'no tmux here (tools/deps --install)')
class Attach(clients.ClientTest):
    def shell(self, client, name, *flags, **kw):
        """A terminal in which `run -it` of a shell is at its prompt."""
        self.removed_after(name)
        t = self.terminal(client, **kw)
        t.type(f'{client} run -it --name {name} {" ".join(flags)} busybox')
        t.wait_for(PROMPT, 60)
        return t

    @clients.with_each
    def test_default_keys_leave_and_attach_comes_back(self, client):
        t = self.shell(client, 'left')
        t.type('x=kept')
        t.press('C-p', 'C-q')
        t.wait_for(SHELL)
        t.type('echo code $?')
        t.wait_for('^code 0$')
        self.assertTrue(self.state('left')['Running'])
        t.clear()
        t.type(f'{client} attach left')
        t.type('echo $x again')
        t.wait_for('^kept again$')
        t.press('C-p', 'C-q')
        t.wait_for('^(/ # )?read escape sequence\n\\$ $')
        t.type('echo code $?')
        t.wait_for('^code 1$')
        t.clear()
        t.type(f'{client} attach left')
        t.type('exit 5')
        t.wait_for(r'exit 5\n\$ $')
        t.type('echo code $?')
        t.wait_for('^code 5$')

    @clients.with_each
    def test_a_key_sequence_of_letters_and_its_broken_prefix(self, client):
        t = self.shell(client, 'letters', '--detach-keys', 'a,b,c')
        t.type('echo abxaabd')  # prefixes that break: every byte reaches the container
        t.wait_for('^abxaabd$')
        t.press('a', 'b', 'c')
        t.wait_for(r'/ # (ab)?\$ $')
        self.assertTrue(self.state('letters')['Running'])

    @clients.with_each
    def test_keys_of_start_and_attach(self, client):
        self.removed_after('keyed')
        self.api.create('busybox', ['sh'], name='keyed', Tty=True, OpenStdin=True)
        t = self.terminal(client)
        t.type(f'{client} start -ai --detach-keys ctrl-a keyed')
        t.press('Enter')
        t.wait_for(PROMPT)
        t.press('C-a')
        t.wait_for(SHELL)
        t.type('echo code $?')
        t.wait_for('^code 0$')
        t.clear()
        t.type(f'{client} attach --detach-keys ctrl-@,q keyed')
        t.press('Enter')
        t.wait_for(PROMPT)
        t.press('C-Space', 'q')
        t.wait_for('read escape sequence')
        self.assertTrue(self.state('keyed')['Running'])

    def test_wrong_keys_are_refused(self):
        for keys in ('nope', 'ctrl-1', 'ctrl-', 'a,,b', 'ctrl-a,'):
            with self.subTest(keys=keys):
                if 'docker' in clients.there:  # which lets the engine find out, and leaves a container behind
                    self.assertEqual(self.call('docker', 'run', '--name', self.removed_after('never'), '--detach-keys', keys, 'busybox', 'true')[:2],
                                     (1, ''))
                self.api.remove('never')
                self.assertEqual(self.call('lighter', 'run', '--name', 'never', '--detach-keys', keys, 'busybox', 'true'),
                                 (1, '', f'invalid detach keys ({keys})\n'))
                self.assertEqual(self.api.get('/containers/never/json').status, 404)
                for command in ('attach', 'start -ai'):
                    self.removed_after('waits')
                    self.api.start(self.api.create('busybox', ['sleep', '100'], name='waits'))
                    code, out, err = self.call('lighter', *command.split(), '--detach-keys', keys, 'waits')
                    self.assertEqual((code, out, err), (1, '', f'invalid detach keys ({keys})\n'))

    @clients.with_each
    def test_keys_come_from_the_configuration(self, client):
        t = self.terminal(client)
        name = self.removed_after('configured')
        t.run("mkdir -p ~/.docker; echo '{\"detachKeys\": \"ctrl-e,e\"}' > ~/.docker/config.json")
        t.type(f'{client} run -it --name {name} busybox')
        t.wait_for(PROMPT, 60)
        t.press('C-e', 'e')
        t.wait_for(SHELL)
        self.assertTrue(self.state(name)['Running'])

    @clients.with_each
    def test_two_terminals_on_one_container(self, client):
        one = self.shell(client, 'shared')
        other = self.terminal(client)
        other.type(f'{client} attach shared')
        other.press('Enter')
        other.wait_for(PROMPT)
        one.type('echo from $((1+0))ne')
        one.wait_for('^from 1ne$')
        other.wait_for('^from 1ne$')
        other.type('echo from tw$((0))')
        one.wait_for('^from tw0$')
        # The one that leaves takes nothing from the other.
        one.press('C-p', 'C-q')
        one.wait_for(SHELL)
        other.type('echo still $((40+2))')
        other.wait_for('^still 42$')
        other.type('exit 6')
        other.wait_for(r'exit 6\n\$ $')
        other.type('echo code $?')
        other.wait_for('^code 6$')

    @clients.with_each
    def test_both_terminals_end_with_the_container(self, client):
        one = self.shell(client, 'ending')
        other = self.terminal(client)
        other.type(f'{client} attach ending')
        other.press('Enter')
        other.wait_for(PROMPT)
        one.type('exit 9')
        for t in (one, other):
            t.wait_for(r'exit 9\n\$ $')
            t.type('echo code $?')
            t.wait_for('^code 9$')
            t.run('stty -a | grep -q " echo "')

    @clients.with_each
    def test_the_window_follows_in_attach_too(self, client):
        t = self.shell(client, 'sized', width=90, height=20)
        t.press('C-p', 'C-q')
        t.wait_for(SHELL)
        t.resize(70, 15)
        t.type(f'{client} attach sized')
        t.press('Enter')
        t.wait_for(PROMPT)
        t.type('stty size')
        t.wait_for('^15 70$')
        t.resize(101, 31)
        t.type('sleep 0.5; stty size')
        t.wait_for('^31 101$')
        t.type('exit')
        t.wait_for(r'exit\n\$ $')

    @clients.with_each
    def test_attach_without_a_terminal_is_refused(self, client):
        self.removed_after('tty')
        self.api.start(self.api.create('busybox', ['sh'], name='tty', Tty=True, OpenStdin=True))
        self.assertEqual(self.call(client, 'attach', 'tty'), (1, '', 'the input device is not a TTY\n'))
        self.assertEqual(self.call(client, 'run', '--rm', '-it', 'busybox'), (1, '', 'the input device is not a TTY\n'))


class Progress(clients.ClientTest):
    """A pull that stands still where the test wants to look."""

    STEPS = [[{'status': 'Pulling from library/busybox', 'id': 'latest'}, {'status': 'Pulling fs layer', 'progressDetail': {}, 'id': 'a' * 12},
              {'status': 'Waiting', 'progressDetail': {}, 'id': 'b' * 12}],
             [{'status': 'Downloading', 'progressDetail': {'current': 1234567, 'total': 5000000}, 'id': 'a' * 12}],
             [{'status': 'Downloading', 'progressDetail': {'current': 5000000, 'total': 5000000}, 'id': 'a' * 12},
              {'status': 'Downloading', 'progressDetail': {'current': 300, 'total': 1000}, 'id': 'b' * 12}],
             [{'status': 'Verifying Checksum', 'progressDetail': {}, 'id': 'a' * 12}, {'status': 'Extracting', 'progressDetail': {
                 'current': 2500000, 'total': 5000000}, 'id': 'a' * 12}, {'status': 'Download complete', 'progressDetail': {}, 'id': 'b' * 12}],
             [{'status': 'Extracting', 'progressDetail': {'current': 3, 'units': 's'}, 'id': 'b' * 12}],
             [{'status': 'Pull complete', 'progressDetail': {}, 'id': 'a' * 12}, {'status': 'Pull complete', 'progressDetail': {}, 'id': 'b' * 12},
              {'status': 'Digest: sha256:' + 'c' * 64}, {'status': 'Status: Downloaded newer image for busybox:latest'}]]

    def screens(self, client, width):
        """The terminal after each step of the pull."""
        go, shown = threading.Semaphore(0), []
        engine = fake_engine.FakeEngine()
        self.addCleanup(engine.close)

        def steps():
            for step in self.STEPS:
                yield fake_engine.lines(step).encode()
                go.acquire()
        engine.pull = steps
        t = self.terminal(client, width=width)
        t.run(f'export DOCKER_HOST=unix://{engine.socket_path}')
        t.clear()
        t.type(f'{client} pull busybox')
        for step in self.STEPS:
            t.wait_for(step[-1]['status'])
            shown.append(t.settled())
            go.release()
        t.wait_for(r'^docker.io/library/busybox:latest\n\$ $')
        return [*shown, t.screen()]

    @unittest.skipUnless(terminal.available, 'no tmux here (tools/deps --install)')
    def test_bars_are_dockers(self):
        for width in (100, 160):
            said = {client: self.screens(client, width) for client in clients.there}
            if len(said) < 2:
                self.skipTest('no docker CLI to compare with')
            for number, (theirs, ours) in enumerate(zip(said['docker'], said['lighter'])):
                with self.subTest(width=width, step=number):
                    self.assertEqual(ours.replace('lighter', 'docker'), theirs)
            self.assertIn('[====', ''.join(said['lighter']) if width > 110 else '[====')
