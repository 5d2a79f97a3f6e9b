#!/usr/bin/env python3
"""login, logout and what other commands make of the credentials, with `lighter` and with the docker CLI against an engine
that only remembers: requests, output, exit codes, what a credential helper is asked and what config.json says must be equal.
Needs neither root nor an engine."""

import base64
import json
import os
import pty
import re
import select
import shutil
import stat
import subprocess
import sys
import tempfile
import termios
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))

import engine as engines
import fake_engine

CLIENTS = {'docker': shutil.which('docker'), 'lighter': engines.program('lighter')}
HUB = 'https://index.docker.io/v1/'
HELPER = r'''#!/bin/sh
in=$(cat)
echo "$1 <$in>" >> "$CREDENTIAL_LOG"
case "$1 $in" in
  *fail*) echo "no good"; exit 1 ;;
  get\ *token*) echo '{"ServerURL":"x","Username":"<token>","Secret":"idtoken"}' ;;
  get\ *known*) echo '{"ServerURL":"x","Username":"me","Secret":"pw"}' ;;
  get\ *) echo "credentials not found in native keychain"; exit 1 ;;
esac
'''
NOT_A_TTY = 'Error: Cannot perform an interactive login from a non TTY device\n'


def auth(pair, **more):
    return {'auth': base64.b64encode(pair.encode()).decode(), **more}


class Home:
    """A user's home folder with config.json, and a helper in PATH."""

    def __init__(self, config=None):
        self.path = tempfile.mkdtemp(prefix='lt-login.')
        self.config = os.path.join(self.path, '.docker/config.json')
        self.log = os.path.join(self.path, 'log')
        if config is not None:
            os.mkdir(os.path.dirname(self.config), 0o700)
            with open(self.config, 'w') as file:
                file.write(config if isinstance(config, str) else json.dumps(config))
        helper = os.path.join(self.path, 'bin/docker-credential-fake')
        os.mkdir(os.path.dirname(helper))
        with open(helper, 'w') as file:
            file.write(HELPER)
        os.chmod(helper, 0o755)

    def env(self, engine):
        return {'PATH': f'{self.path}/bin:{os.environ["PATH"]}', 'HOME': self.path, 'CREDENTIAL_LOG': self.log, 'TERM': 'xterm',
                'DOCKER_HOST': 'unix://' + engine.socket_path, 'DOCKER_CLI_DISABLE_OAUTH_LOGIN': '1'}

    def read(self, path):
        if not os.path.exists(path):
            return None
        with open(path) as file:
            return file.read()


@unittest.skipUnless(CLIENTS['docker'], 'no docker CLI here')
@unittest.skipUnless(os.path.exists(CLIENTS['lighter']), 'lighter is not built')
class LoginTest(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.fake = fake_engine.FakeEngine()

    @classmethod
    def tearDownClass(cls):
        cls.fake.close()

    def setUp(self):
        self.fake.answers = []
        self.fake.take()

    def answer(self, status, body, path=r'POST /auth'):
        self.fake.answers = [(path, status, body)]

    def one(self, client, args, config=None, stdin=b'', keep=None):
        home = keep or Home(config)
        self.addCleanup(shutil.rmtree, home.path, ignore_errors=True)
        done = subprocess.run([CLIENTS[client], *args], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=home.env(self.fake), timeout=30)
        said = [text.decode().replace(home.path, 'HOME').replace('lighter', 'docker').replace('\n\nSRun', '\n\nRun')
                for text in (done.stdout, done.stderr)]
        config = home.read(home.config)
        return {'code': done.returncode, 'out': said[0], 'err': said[1], 'asked': self.fake.take(),
                'config': json.loads(config) if config else None, 'helper': home.read(home.log), 'text': config, 'home': home}

    def both(self, *args, config=None, stdin=b''):
        """What docker does, and lighter does as well."""
        theirs, ours = (self.one(client, args, config, stdin) for client in ('docker', 'lighter'))
        for key in ('code', 'out', 'err', 'asked', 'config', 'helper'):
            self.assertEqual(ours[key], theirs[key], (args, key))
        return ours

    # --- login ----------------------------------------------------------------------------------------------------

    def test_password(self):
        for args in (['-u', 'me', '-p', 'p:w', 'docker.io'], ['--username=me', '-p', 'pw', 'https://host:5000/v1/x']):
            did = self.both('login', *args)
            self.assertEqual((did['code'], did['out']), (0, 'Login Succeeded\n'))
            self.assertIn('unencrypted', did['err'])
            self.assertEqual(stat.S_IMODE(os.stat(did['home'].config).st_mode), 0o600)

    def test_password_from_stdin(self):
        for stdin in (b'secret\r\n', b' two words\n\n'):
            did = self.both('login', '-u', 'me', '--password-stdin', 'host:5000', stdin=stdin)
            self.assertNotIn('--password via', did['err'])
        self.assertEqual(self.one('lighter', ['login', '-u', 'me', '--password-stdin'], stdin=b' \n')['err'], 'password is empty\n')

    def test_wrong_flags(self):
        # Those that need no home of their own are among the lines of test_requests.py.
        self.assertEqual(self.both('login')['err'], NOT_A_TTY)

    def test_refused(self):
        self.answer(401, {'message': 'no'})
        did = self.both('login', '-u', 'me', '-p', 'pw', 'host:5000')
        self.assertEqual((did['code'], did['config']), (1, None))

    def test_identity_token_instead_of_the_password(self):
        self.answer(200, {'Status': 'Login Succeeded', 'IdentityToken': 'tok'})
        did = self.both('login', '-u', 'me', '-p', 'pw', 'host:5000')
        self.assertEqual(did['config']['auths'], {'host:5000': auth('me:', identitytoken='tok')})
        self.assertNotIn('unencrypted', did['err'])
        self.both('login', '-u', 'a', '-p', 'b', 'x', config={'credsStore': 'fake'})

    def test_stored_credentials_are_tried(self):
        stored = {'auths': {'host:5000': auth('a:b')}}
        self.assertIn('existing credentials', self.both('login', 'host:5000', config=stored)['err'])
        for status in (401, 500):
            self.answer(status, {'message': 'no'})
            self.assertTrue(self.both('login', 'host:5000', config=stored)['err'].endswith(NOT_A_TTY))

    def test_helpers(self):
        store = {'credsStore': 'fake'}
        self.both('login', '-u', 'a', '-p', 'b<&', 'host:5000', config=store)
        for server in ('known', 'token', 'failing'):
            self.both('login', server, config=store)
        self.both('login', '-u', 'a', '-p', 'b', 'fail', config={'credHelpers': {'fail': 'fake'}})
        self.both('login', '-u', 'a', '-p', 'b', 'x', config={'credsStore': 'nothere'})

    def test_the_rest_of_the_file_stays(self):
        text = '{\n    "unknown": {"a": [1, 2e3,  "\\u00e9"]},\n\n    "auths": {\n        "z": {"auth": "YTpi"}\n    },\n    "psFormat": "x"\n}\n'
        did = self.one('lighter', ['login', '-u', 'me', '-p', 'pw', 'host:5000'], text)
        entry = '"host:5000": {\n        \t"auth": "bWU6cHc="\n        }'
        self.assertEqual(did['text'], text.replace('"YTpi"}\n', '"YTpi"},\n        ' + entry + '\n'))
        self.one('lighter', ['logout', 'host:5000'], keep=did['home'])
        self.assertEqual(did['home'].read(did['home'].config), text)

    def test_a_link_is_followed_and_kept(self):
        home = Home({})
        os.rename(home.config, home.path + '/real.json')
        os.symlink('../real.json', home.config)
        self.one('lighter', ['login', '-u', 'me', '-p', 'pw', 'host:5000'], keep=home)
        self.assertTrue(os.path.islink(home.config))
        self.assertIn('host:5000', json.loads(home.read(home.path + '/real.json'))['auths'])

    # --- logout ---------------------------------------------------------------------------------------------------

    def test_logout(self):
        self.both('logout', 'host:5000')
        both = {'auths': {'host:5000': auth('a:b'), 'http://host:5000': auth('a:b'), 'z': {}}, 'psFormat': 'x'}
        self.assertEqual(self.both('logout', 'host:5000', config=both)['config'], {'auths': {'z': {}}, 'psFormat': 'x'})
        self.both('logout', 'https://host:5000/v1/', config={'auths': {'host:5000': auth('a:b'), 'https://host:5000/v1/': auth('c:d')}})
        self.both('logout', config={'auths': {HUB: auth('a:b')}})
        self.both('logout', 'docker.io', config={'auths': {HUB: auth('a:b')}})
        self.both('logout', 'host:5000', config={'credHelpers': {'host:5000': 'fake'}, 'auths': {'host:5000': {}}})

    # --- what pull sends ------------------------------------------------------------------------------------------

    def test_credentials_go_along(self):
        for config in (None, {'auths': {'host:5000': auth('a:b')}}, {'auths': {'host:5000': auth('a:b:c', identitytoken='it')}},
                       {'auths': {'https://host:5000/v1/': auth('a:b')}},
                       {'auths': {'host:5000': {'username': 'u', 'password': 'p'}}}, {'auths': {HUB: auth('a:b')}},
                       {'auths': {'host:5000': {'registrytoken': 'rt', 'email': 'e'}}},
                       {'credHelpers': {'host:5000': 'nothere'}, 'auths': {'host:5000': auth('a:b')}}):
            self.both('pull', '-q', 'busybox' if config and HUB in config.get('auths', ()) else 'host:5000/a/b', config=config)
        self.both('pull', '-q', 'busybox', config={'auths': {'docker.io': auth('a:b')}})
        for image in ('known:1/x', 'token:1/x', 'fail:1/x'):
            self.both('pull', '-q', image, config={'credsStore': 'fake'})
        self.both('search', 'known:1/x', config={'credsStore': 'fake'})
        sent = [self.one(client, ['create', '-q', '--pull', 'always', 'known:1/x'], {'credsStore': 'fake'})['asked'][0]
                for client in CLIENTS]
        self.assertEqual(sent[0], sent[1])

    def test_credentials_from_the_environment(self):
        home = Home({'auths': {'host:5000': auth('file:x')}})
        env = {**home.env(self.fake), 'DOCKER_AUTH_CONFIG': json.dumps({'auths': {'host:5000': auth('env:y')}})}
        subprocess.run([CLIENTS['lighter'], 'pull', '-q', 'host:5000/x'], env=env, stdout=subprocess.DEVNULL, check=True)
        (_, query, _), = self.fake.take()
        self.assertEqual(dict(query)['X-Registry-Auth'], {'username': 'env', 'password': 'y', 'serveraddress': 'host:5000'})
        shutil.rmtree(home.path)

    def test_proxies_reach_containers(self):
        """`proxies` of config.json become variables of the containers."""
        proxies = {'httpProxy': 'http://p:1', 'httpsProxy': 'http://p:2', 'noProxy': 'a,b', 'ftpProxy': 'f', 'allProxy': 'all'}
        mine = ['-e', 'HTTP_PROXY=mine', '-e', 'no_proxy', '-e', 'A=b']
        for config, more in (({'default': proxies}, mine), ({'default': proxies, 'unix://' + self.fake.socket_path: {'noProxy': 'x'}}, [])):
            env = [sorted(self.one(client, ['create', *more, 'busybox'], {'proxies': config})['asked'][0][2]['Env']) for client in CLIENTS]
            self.assertEqual(env[1], env[0])
            self.assertGreater(len(env[1]), 1)

    # --- on a terminal --------------------------------------------------------------------------------------------

    def terminal(self, client, args, steps, config=None):
        """Types each answer when its question has come: what is shown, whether it was echoed, the exit code."""
        home = Home(config)
        self.addCleanup(shutil.rmtree, home.path, ignore_errors=True)
        child, fd = pty.fork()
        if child == 0:
            os.execve(CLIENTS[client], [client, *args], home.env(self.fake))
        shown, seen, echo, until = b'', 0, [], time.monotonic() + 15
        while time.monotonic() < until:
            if select.select([fd], [], [], 0.05)[0]:
                try:
                    shown += os.read(fd, 4096)
                except OSError:
                    break
            if steps and steps[0][0] in shown[seen:]:
                time.sleep(0.05)
                echo.append(bool(termios.tcgetattr(fd)[3] & termios.ECHO))
                seen = len(shown)
                os.write(fd, steps[0][1])
                steps = steps[1:]
        try:
            after = bool(termios.tcgetattr(fd)[3] & termios.ECHO)
        except termios.error:
            after = None
        os.close(fd)
        _, status = os.waitpid(child, 0)
        text = shown.decode().replace(home.path, 'HOME').replace('lighter', 'docker')
        return text, echo, os.waitstatus_to_exitcode(status), self.fake.take(), home.read(home.config), after

    def test_questions(self):
        cases = [(['login', 'host:5000'], [(b'Username: ', b'me\n'), (b'Password: ', b'pw\n')]),
                 (['login'], [(b'Username: ', b'me\n'), (b'Password: ', b'pw\n')])]
        for args, steps in cases:
            theirs, ours = (self.terminal(client, args, steps)[:5] for client in ('docker', 'lighter'))
            self.assertEqual(ours, theirs, args)
        self.assertIn('Username Required', self.terminal('lighter', ['login', 'host:5000'], [(b'Username: ', b'\n')])[0])

    def test_an_interrupt_gives_the_terminal_back(self):
        shown, echo, code, asked, config, _ = self.terminal('lighter', ['login', '-u', 'me', 'host:5000'], [(b'Password: ', b'\x03')])
        self.assertEqual((echo, code, asked, config), ([False], -2, [], None))

    def test_a_pull_that_needs_a_login_asks(self):
        self.answer(401, {'message': 'no'}, r'POST /images/create')
        shown, echo, code, asked, _, _ = self.terminal('lighter', ['pull', 'host:5000/x'], [(b'Username: ', b'me\n'), (b'Password: ', b'pw\n')])
        self.assertIn('Login prior to pull:', shown)
        self.assertEqual([dict(query)['X-Registry-Auth'] for _, query, _ in asked],
                         [{}, {'username': 'me', 'password': 'pw', 'serveraddress': 'host:5000'}])
        self.assertEqual(code, 1)


if __name__ == '__main__':
    unittest.main()
