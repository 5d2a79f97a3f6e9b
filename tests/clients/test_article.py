"""The article's steps in a real terminal: run -i -t centos from nothing, type, leave it with Ctrl-P Ctrl-Q, find it in
ps, come back, exit. Once with lighter, once with the docker CLI; the two screens must say the same."""

import re
import unittest

import clients
import terminal
from clients import CLIENTS

IMAGES = []
PROMPT = r'^\[root@[0-9a-f]{12} /\]# $'
MASKS = [(r'\b[0-9a-f]{12}\b', 'ID'), (r'\b[a-z]+_[a-z]+\d*\b', 'NAME'), (r'(\d+ seconds?|Less than a second)', 'AGE'),
         (r'sha256:[0-9a-f]{64}', 'DIGEST'), (r'\b(lighter|docker) ', 'CLIENT '), (r' +', ' ')]


def masked(text):
    for pattern, to in MASKS:
        text = re.sub(pattern, to, text)
    return text


@unittest.skipUnless(terminal.available, 'no tmux here (tools/deps --install)')
class Article(clients.ClientTest):
    def forget(self):
        self.engine.remove_everything()
        self.api.delete('/images/centos', force=True)

    def walk(self, client):
        """The article; every screen on the way, masked."""
        self.forget()
        t = self.terminal(client)
        screens = []
        t.clear()
        t.type(f'{client} run -i -t centos')
        t.wait_for(PROMPT, 60)
        shown = t.screen()
        self.assertIn("Unable to find image 'centos:latest' locally", shown)
        self.assertEqual(len(re.findall(r'^[0-9a-f]{12}: Pull complete', shown, re.M)), 4, shown)
        self.assertIn('Status: Downloaded newer image for centos:latest', shown)
        t.type('cat /etc/centos-release; echo $((6*7)) | tee /answer; tty')
        t.wait_for(r'^CentOS Linux release.*\n42\n/dev/pts/0\n' + PROMPT)
        t.press('C-p', 'C-q')
        t.wait_for(r'/\]# \$ $')
        screens.append(t.screen())
        screens.append(t.run(f'{client} ps'))
        container = re.search(r'^([0-9a-f]{12}) +centos +"/bin/bash" .* Up ', screens[-1], re.M).group(1)
        screens.append(t.run('stty -a | grep -o -w -e -echo -e echo -e -icanon -e icanon'))
        self.assertEqual(screens[-1], 'icanon\necho\n[0]')
        t.clear()
        t.type(f'{client} attach {container}')
        t.press('Enter')
        t.wait_for(PROMPT)
        t.type('cat /answer; exit')
        t.wait_for(r'^\[root@.*\]# cat /answer; exit\n42\nexit\n\$ $')
        screens.append(t.run(f'{client} ps -a'))
        self.assertRegex(screens[-1], container + r' +centos +"/bin/bash" .* Exited \(0\) ')
        screens.append(t.run(f'{client} ps -q'))
        self.assertEqual(screens[-1], '[0]')
        screens.append(t.run(f'{client} logs {container}').replace('\r', ''))
        self.assertIn('CentOS Linux release', screens[-1])
        screens.append(t.run(f'{client} rm -f {container}'))
        return [masked(screen) for screen in screens]

    def test_with_lighter(self):
        self.walk('lighter')

    def test_with_docker(self):
        self.walk('docker')

    def test_both_clients_show_the_same(self):
        theirs, ours = self.walk('docker'), self.walk('lighter')
        for number, (their, our) in enumerate(zip(theirs, ours)):
            with self.subTest(screen=number):
                self.assertEqual(our, their)

    def test_the_window_has_the_terminals_size_and_follows_it(self):
        for client in CLIENTS:
            with self.subTest(client=client):
                t = self.terminal(client, width=90, height=20)
                t.type(f'{client} run --rm -it centos')
                t.wait_for(PROMPT, 60)
                t.type('stty size')
                t.wait_for('^20 90$')
                t.resize(111, 33)
                t.type('sleep 0.5; stty size')
                t.wait_for('^33 111$')
                t.type('exit 3')
                t.wait_for(r'^exit\n\$ $')
                t.type('echo code $?')
                t.wait_for('^code 3$')

    def test_ctrl_c_is_the_containers(self):
        for client in CLIENTS:
            with self.subTest(client=client):
                t = self.terminal(client)
                t.type(f'{client} run --rm -it centos')
                t.wait_for(PROMPT, 60)
                t.type('sleep 1000')
                t.press('C-c')
                t.type('echo still $((1+1)) here')
                t.wait_for('^still 2 here$')
                t.type('exit')
                t.wait_for(r'^exit\n\$ $')

    def test_ctrl_c_ends_a_foreground_run_without_a_terminal(self):
        for client in CLIENTS:
            with self.subTest(client=client):
                t = self.terminal(client)
                t.type(f"{client} run --rm centos sh -c 'trap \"echo caught; exit 9\" INT; echo up; while :; do sleep 0.1; done'")
                t.wait_for('^up$', 60)
                t.press('C-c')
                t.wait_for(r'^(\^C)?caught\n\$ $')
                t.type('echo code $?')
                t.wait_for('^code 9$')

    def test_other_detach_keys_and_a_broken_sequence(self):
        for client in CLIENTS:
            with self.subTest(client=client):
                t = self.terminal(client)
                t.type(f'{client} run -it --name keys-{client} --detach-keys ctrl-x,d centos')
                t.wait_for(PROMPT, 60)
                t.type('cat > /typed')
                t.press('C-p', 'C-x', 'x', 'Enter', 'C-d')
                t.type('od -An -c /typed')
                t.wait_for(r'020 +030 +x +\\n')
                t.press('C-x', 'd')
                t.wait_for(r'/\]# \$ $')
                self.assertTrue(self.state(f'keys-{client}')['Running'])
                self.api.remove(f'keys-{client}')
