"""exec, pause, unpause, update, container prune, port: `lighter` beside the docker CLI; exec -it in a real terminal."""

import http.server
import json
import os
import re
import socketserver
import threading

from clients import CLIENTS
from compared import Compared

TERMINAL_PROMPT = r'^/ # $'


class ExecCommand(Compared):
    def setUp(self):
        self.container = self.run_(['sleep', '1000'], name='holder', Env=['IMAGE=1'])

    def exec_(self, *args, **kw):
        return self.same('exec', *args, **kw)

    def test_output_input_and_exit_codes(self):
        self.assertEqual(self.exec_('holder', 'echo', 'a  b', '-n'), (0, 'a b -n\n', ''))
        self.assertEqual(self.exec_('holder', 'sh', '-c', 'echo out; echo err >&2; exit 42'), (42, 'out\n', 'err\n'))
        self.assertEqual(self.exec_('-i', 'holder', 'cat', stdin=b'typed\n' * 50000)[1], 'typed\n' * 50000)
        self.assertEqual(self.exec_('holder', 'cat', stdin=b'not passed on\n')[1], '')
        self.assertEqual(self.exec_('holder', 'sh', '-c', 'kill -9 $$')[0], 137)
        self.assertEqual(self.exec_('holder', 'seq', '1', '100000')[1], ''.join(f'{i}\n' for i in range(1, 100001)))

    def test_126_and_127(self):
        for command, code in (('nope', 127), ('/no/such', 127), ('/etc/passwd', 126), ('/etc', 126)):
            self.assertEqual(self.exec_('holder', command)[0], code, command)
        self.assertEqual(self.exec_('-w', '/nope', 'holder', 'true')[0], self.exec_('-w', '/nope', 'holder', 'true')[0])
        self.assertNotEqual(self.exec_('-u', 'nobody-here', 'holder', 'true')[0], 0)
        self.exec_('-d', 'holder', 'nope')

    def test_flags(self):
        with open(os.path.join(self.engine.folder, 'env'), 'w') as f:
            f.write('# comment\nFROM_FILE=x y\nPASSED\n\n')
        file = f.name
        show = ['holder', 'sh', '-c', 'echo "$IMAGE $A $B $FROM_FILE $PASSED"; pwd; id; tty; true']
        for flags in ([], ['-e', 'A=1', '-e', 'B=two words'], ['-e', 'A'], ['-e', 'IMAGE'], ['--env-file', file],
                      ['-w', '/tmp'], ['-u', 'user'], ['-u', '7:8'], ['--user=0:8'], ['--privileged'],
                      ['-e', 'A=1', '--env-file', file, '-w', '/etc', '-u', '1000']):
            with self.subTest(flags=flags):
                self.assertEqual(self.exec_(*flags, *show, env={'A': 'client', 'PASSED': 'by client'})[0], 0)
        self.assertNotEqual(self.exec_('holder', 'grep', 'CapEff', '/proc/self/status')[1],
                            self.exec_('--privileged', 'holder', 'grep', 'CapEff', '/proc/self/status')[1])

    def test_detached_and_a_terminal_without_ours(self):
        self.assertEqual(self.exec_('-d', 'holder', 'sh', '-c', 'echo hi; echo x >> /detached'), (0, '', ''))
        self.eventually(lambda: self.exec_('holder', 'cat', '/detached')[1] == 'x\nx\n')
        self.assertEqual(self.exec_('-t', 'holder', 'sh', '-c', 'tty; echo $TERM; stty size')[1].split('\n')[0], '/dev/pts/0\r')
        self.assertEqual(self.exec_('-it', 'holder', 'true')[0], 1)
        self.exec_('-itd', 'holder', 'true')
        self.exec_('-t', '-d', 'holder', 'sleep', '0')

    def test_wrong_use(self):
        for args in ([], ['holder'], ['--nope', 'holder', 'true'], ['nobody', 'true'], ['-it', 'nobody', 'true'],
                     ['-e', '=x', 'holder', 'true'], ['--env-file', '/nope', 'holder', 'true'], ['holder', ''],
                     ['--detach-keys', 'ctrl-nope', 'holder', 'true'], ['-w', 'relative', 'holder', 'pwd'],
                     ['-u', '-1', 'holder', 'true'], ['-u', '', 'holder', 'id'], ['-u', ':', 'holder', 'id']):
            with self.subTest(args=args):
                self.exec_(*args)
        self.said('docker', ['pause', 'holder'])
        self.assertEqual(self.exec_('holder', 'true')[0], 1)
        self.said('docker', ['unpause', 'holder'])
        self.said('docker', ['kill', 'holder'])
        self.assertEqual(self.exec_('holder', 'true')[0], 1)

    def test_an_end_of_the_container_ends_the_client(self):
        for client in CLIENTS:
            with self.subTest(client=client):
                self.api.start('holder') if not self.state('holder')['Running'] else None
                running = self.started(client, ['exec', 'holder', 'sleep', '500'])
                self.eventually(lambda: 'sleep 500' in str(self.api.must(200, 'GET', '/containers/holder/top').json))
                self.api.must(204, 'POST', '/containers/holder/kill')
                running.communicate(timeout=30)
                self.assertEqual(running.returncode, 137)


class ExecInATerminal(Compared):
    def setUp(self):
        self.container = self.run_(['sleep', '1000'], name='holder')

    def test_a_shell_its_size_and_its_end(self):
        for client in CLIENTS:
            with self.subTest(client=client):
                t = self.terminal(client, width=90, height=20)
                t.type(f'{client} exec -it holder sh')
                t.wait_for(TERMINAL_PROMPT)
                t.type('stty size; tty')
                t.wait_for(r'^20 90\n/dev/pts/0$')
                t.resize(111, 33)
                t.type('sleep 0.5; stty size')
                t.wait_for('^33 111$')
                t.type('sleep 1000')
                t.press('C-c')
                t.type('echo still $((1+1)) here')
                t.wait_for('^still 2 here$')
                t.type('exit 5')
                t.wait_for(r'exit 5\n\$ $')
                t.type('echo code $?; stty -a | grep -o -w -e -icanon -e icanon')
                t.wait_for('^code 5\nicanon$')

    def test_the_first_size_is_there_at_once(self):
        for client in CLIENTS:
            with self.subTest(client=client):
                t = self.terminal(client, width=77, height=22)
                self.assertIn('22 77', t.run(f'{client} exec -t holder stty size'))

    def test_detach_keys_leave_it_running(self):
        for client in CLIENTS:
            for flags, keys in (('', ('C-p', 'C-q')), ('--detach-keys ctrl-x,d', ('C-x', 'd'))):
                with self.subTest(client=client, keys=keys):
                    t = self.terminal(client)
                    t.type(f'{client} exec -it {flags} holder sh -c "echo up; sleep 777"')
                    t.wait_for('^up$')
                    t.press(*keys)
                    t.wait_for(r'read escape sequence\n\$ $')
                    t.type('echo code $?')
                    t.wait_for('^code 1$')
                    top = self.api.must(200, 'GET', '/containers/holder/top').json
                    self.assertIn('sleep 777', [row[-1] for row in top['Processes']])
                    self.api.must(204, 'POST', '/containers/holder/restart', t=0)


class Changes(Compared):
    def test_pause_and_unpause(self):
        self.run_(['sleep', '1000'], name='one')
        self.run_(['sleep', '1000'], name='two')
        before = None
        for client in ('docker', 'lighter'):
            seen = [self.said(client, words) for words in (
                ['pause', 'one', 'nobody', 'two'], ['ps', '--format', '{{.Names}} {{.State}} {{.Status}}'], ['pause', 'one', 'two'],
                ['container', 'unpause', 'one', 'two'], ['unpause', 'two', 'nobody'], ['pause'], ['unpause', '--nope'])]
            before = before or seen
            self.assertEqual(seen, before)
        self.assertEqual(seen[0][:2], (1, 'one\ntwo\n'))
        self.assertEqual(seen[3], (0, 'one\ntwo\n', ''))

    def test_update(self):
        self.run_(['sleep', '1000'], name='one', host={'Memory': 64 << 20})
        self.create(['true'], name='two')
        for args in (['-m', '100m', '--memory-swap', '200m', 'one'], ['--cpus', '0.5', 'one', 'two', 'nobody'],
                     ['--cpu-shares', '512', 'one'], ['--pids-limit', '55', 'one'], ['--pids-limit', '-1', 'one'],
                     ['--restart', 'on-failure:3', 'one'], ['--restart', 'always', 'two', 'one'], ['--restart', 'no', 'one'],
                     ['--cpuset-cpus', '0', 'one'], ['--cpuset-mems', '0', 'one'], ['--memory-reservation', '50m', 'one'],
                     ['--cpu-period', '50000', 'one'], ['--cpu-quota', '10000', 'two'],
                     ['--cpu-period', '50000', '--cpu-quota', '1', 'two']):
            with self.subTest(args=args):
                self.same('update', *args)
                self.same('inspect', '-f', '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} '
                          '{{.HostConfig.NanoCpus}} {{.HostConfig.CpuShares}} {{.HostConfig.PidsLimit}} '
                          '{{.HostConfig.CpusetCpus}} {{.HostConfig.MemoryReservation}} {{.HostConfig.CpuPeriod}}', 'one', 'two')

    def test_update_wrong_use(self):
        self.run_(['sleep', '1000'], name='one', host={'Memory': 64 << 20})
        for args in ([], ['one'], ['--nope', 'one'], ['-m', 'x', 'one'], ['-m', '1', 'one'], ['-m', '500m', 'one'],
                     ['--cpus', 'x', 'one'], ['--cpus', '1.0000000001', 'one'], ['--cpus', '1000', 'one'],
                     ['--blkio-weight', '5', 'one'], ['--blkio-weight', '70000', 'one'], ['--restart', 'maybe', 'one'],
                     ['--restart', 'on-failure:x', 'one'], ['--restart', ':3', 'one'], ['--restart', 'always:3', 'one'],
                     ['--cpu-period', 'x', 'one'], ['--cpu-period', '1', 'one'], ['--pids-limit', 'x', 'one'],
                     ['--memory-swap', '1m', 'one'], ['-c', 'x', 'one'], ['--cpuset-cpus', '99', 'one']):
            with self.subTest(args=args):
                self.same('update', *args)

    def test_container_prune(self):
        for client in CLIENTS:
            self.run_(['sleep', '1000'], name=f'runs-{client}')
            self.create(['true'], name=f'kept-{client}', Labels={'keep': '1'})
        seen = {}
        for client in ('docker', 'lighter'):
            self.create(['true'], name=f'gone-{client}')
            seen[client] = [self.said(client, words, stdin) for words, stdin in (
                (['container', 'prune'], b'n\n'), (['container', 'prune'], b''), (['container', 'prune'], b'yes\n'),
                (['container', 'prune', '--filter', 'label!=keep'], b'y\n'),
                (['container', 'prune', '-f', '--filter', 'label=nothing-has-it'], b''),
                (['container', 'prune', '-f', '--filter', 'nope=1'], b''), (['container', 'prune', '-f', '--filter', 'x'], b''),
                (['container', 'prune', '-f', '--filter', 'until=1h'], b''), (['container', 'prune', 'extra'], b''))]
        self.assertEqual(seen['lighter'], seen['docker'])
        self.assertIn('Deleted Containers:\nID64\n', seen['lighter'][3][1])
        self.assertEqual(sorted(one['Names'][0] for one in self.api.ps()),
                         ['/kept-docker', '/kept-lighter', '/runs-docker', '/runs-lighter'])

    def configured(self, *filters):
        folder = os.path.join(self.engine.folder, 'config')
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, 'config.json'), 'w') as f:
            json.dump({'pruneFilters': filters}, f)
        return {'DOCKER_CONFIG': folder}

    def test_prune_filters_of_the_users_configuration(self):
        self.create(['true'], name='young')
        for filters in (['until=1h'], ['bad', 'until=1h'], ['until=1h', 'until=2h'], ['nope=1']):
            self.same('container', 'prune', '-f', env=self.configured(*filters))
        # docker 28.2 overlooks labels there, and what they were to protect goes.
        self.create(['true'], name='kept', Labels={'keep': '1'})
        env = self.configured('label!=keep')
        self.assertIn('Deleted Containers:\nID64\n\n', self.said('lighter', ['container', 'prune', '-f'], env=env)[1])
        self.assertEqual([one['Names'][0] for one in self.api.ps()], ['/kept'])
        given = self.said('lighter', ['container', 'prune', '-f', '--filter', 'label=keep'], env=env)
        self.assertIn('Deleted Containers:\nID64\n\n', given[1])


class Answers(http.server.BaseHTTPRequestHandler):
    """An engine that knows one container with ports."""

    def do_GET(self):
        path = re.sub(r'^/v[0-9.]+', '', self.path)
        ports = {'443/tcp': [{'HostIp': '0.0.0.0', 'HostPort': '10'}, {'HostIp': '::', 'HostPort': '10'}], '90/tcp': None,
                 '80/tcp': [{'HostIp': '127.0.0.1', 'HostPort': '9'}], '53/udp': [{'HostIp': '', 'HostPort': '053'}]}
        known = path.startswith('/_ping') or path.startswith('/containers/web/json')
        body = json.dumps({'Id': 'x', 'NetworkSettings': {'Ports': ports}} if known else {'message': 'No such container: x'}).encode()
        self.send_response(200 if known else 404)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Api-Version', '1.50')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    do_HEAD = do_GET

    def address_string(self):
        return 'client'

    def log_message(self, *_):
        pass


class Port(Compared):
    def test_port(self):
        path = os.path.join(self.engine.folder, 'ports.sock')
        with socketserver.ThreadingUnixStreamServer(path, Answers) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            for args in (['web'], ['web', '80'], ['web', '443/tcp'], ['web', '53/udp'], ['web', '53'], ['web', '90'], ['web', 'x'],
                         ['web', '99999'], ['web', ''], ['web', '80/'], ['nobody'], [], ['web', '80', 'x']):
                with self.subTest(args=args):
                    self.same('port', *args, env={'DOCKER_HOST': 'unix://' + path})
            server.shutdown()
