"""The commands of compare_cli.py that need a real engine, with both clients against the file's own: output, errors and
exit codes must be equal. The rest of that list is what test_requests.py asks of a remembered engine; all of it, by hand:

    LIGHTER_COMPARE=all tests/support/runner.py tests/clients/test_compare.py
"""

import os
import sys
import tempfile
import unittest

import clients

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare_cli

IMAGES = ['busybox', 'centos']

# A line of the list that makes or uses containers, or asks for what the engine says. `create` with a wrong flag does not.
CORE = ('run --rm', 'start', 'stop', 'kill', 'restart', 'wait', 'rm ', 'logs', 'top', 'attach', 'inspect', 'ps', 'create --name {n} -e',
        'create --name {n} -l', 'create --name {n} busybox', 'create --name {n} -it', 'run --name', 'rename', 'rmi', 'tag', 'pull busybox', 'events')
# Looked at in test_requests.py already, flag by flag.
CLIENT_ONLY = ('--mount nope', '--format', ' -f ', '--filter', '--ulimit n', '--env-file /', '--label-file', '--memory', '--cpus')

# May differ: why.
ALLOWED = {
    'inspect {n}': 'docker looks for a network of that name, which this engine does not have yet',
    'inspect nope-{n}': 'the same',
    'run --rm --detach-keys nope busybox true': 'lighter tells it before there is a container',
    'run --rm --detach-keys ctrl-1 busybox true': 'the same',
    'rmi centos': 'who comes first removes it',
    'ps -h': 'help is our own',
}


def is_core(line):
    return os.environ.get('LIGHTER_COMPARE') == 'all' or (line.startswith(CORE) and not any(word in line for word in CLIENT_ONLY))


@unittest.skipUnless(len(clients.there) == 2, 'no docker CLI here, or lighter is not built')
class Compare(clients.ClientTest):
    def test_both_clients_say_the_same(self):
        programs = [clients.CLIENTS['docker'], clients.CLIENTS['lighter']]
        with tempfile.TemporaryDirectory(prefix='lt-compare.') as folder:
            compare_cli.write_files(folder)
            for line, stdin in compare_cli.cases():
                if not is_core(line):
                    continue
                with self.subTest(line=line):
                    theirs, ours = compare_cli.answers(line, stdin, programs, folder, self.environment())
                    if line not in ALLOWED:
                        self.assertEqual(ours, theirs)
