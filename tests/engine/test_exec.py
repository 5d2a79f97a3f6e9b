"""Exec: create, start, streams, terminals, inspect, events, and what must not leak."""

import os
import signal
import time

import case
from execs import ExecTest


class Exec(ExecTest):
    def test_output_exit_code_and_inspect(self):
        container = self.run_(['sleep', '1000'])
        exec_id = self.make(container, 'sh', '-c', 'echo out; echo err >&2; exit 3', AttachStdout=True, AttachStderr=True)
        before = self.look(exec_id)
        self.assertEqual((before['Running'], before['ExitCode'], before['Pid'], before['CanRemove']), (False, None, 0, False))
        self.assertEqual(before['ProcessConfig'], {'tty': False, 'entrypoint': 'sh', 'privileged': False,
                                                   'arguments': ['-c', 'echo out; echo err >&2; exit 3']})
        self.assertEqual((before['OpenStdin'], before['OpenStdout'], before['OpenStderr']), (False, True, True))
        self.assertEqual((before['ContainerID'], before['DetachKeys'], before['ID']), (container, '', exec_id))
        self.assertEqual(self.api.inspect(container)['ExecIDs'], [exec_id])
        with self.attach(exec_id) as client:
            self.assertEqual((client.status, client.headers['upgrade'], client.headers['content-type']),
                             (101, 'tcp', 'application/vnd.docker.raw-stream'))
            self.assertIn('api-version', client.headers)
            self.assertEqual(client.frames(), (b'out\n', b'err\n'))
        self.assertEqual(self.look(exec_id)['ExitCode'], 3)
        self.assertFalse(self.look(exec_id)['Running'])
        self.eventually(lambda: self.api.inspect(container)['ExecIDs'] is None)

    @case.younger_than_peer
    def test_the_framed_stream_has_a_name_since_1_42(self):
        container = self.run_(['sleep', '1000'])
        exec_id = self.make(container, 'true', AttachStdout=True)
        with self.attach(exec_id, version='v1.42') as client:
            self.assertEqual(client.headers['content-type'], 'application/vnd.docker.multiplexed-stream')

    def test_without_an_upgrade_the_answer_is_200(self):
        container = self.run_(['sleep', '1000'])
        exec_id = self.make(container, 'echo', 'hi', AttachStdout=True)
        with self.attach(exec_id, upgrade=False) as client:
            self.assertEqual((client.status, client.headers['content-type']), (200, 'application/vnd.docker.raw-stream'))
            self.assertEqual(client.frames()[0], b'hi\n')

    def test_stdin_is_passed_on_and_ends_with_the_client(self):
        container = self.run_(['sleep', '1000'])
        exec_id = self.make(container, 'sh', '-c', 'wc -c; echo done', AttachStdin=True, AttachStdout=True)
        with self.attach(exec_id) as client:
            for _ in range(30):
                client.send(b'x' * 10000)
            client.half_close()
            self.assertEqual(client.frames()[0], b'300000\ndone\n')

    @case.younger_than_peer
    def test_bytes_sent_before_the_answer_are_stdin(self):
        container = self.run_(['sleep', '1000'])
        exec_id = self.make(container, 'cat', AttachStdin=True, AttachStdout=True)
        with self.attach(exec_id, early=b'early ') as client:
            client.send(b'late')
            client.half_close()
            self.assertEqual(client.frames()[0], b'early late')

    def test_what_is_asked_wrongly_is_refused(self):
        container = self.run_(['sleep', '1000'])
        path = f'/containers/{container}/exec'
        for body in ({'Cmd': []}, {}):
            self.assertIn('No exec command specified', self.refused(400, 'POST', path, body))
        reply = self.api.post(path, {'Cmd': ['true'], 'DetachKeys': 'ctrl-nope'})
        self.assertEqual(reply.message, 'Invalid escape keys (ctrl-nope) provided')
        self.assertIn(reply.status, (400, 500))
        self.assertIn('No such container', self.refused(404, 'POST', '/containers/nope/exec', {'Cmd': ['true']}))
        self.assertEqual(self.refused(404, 'GET', '/exec/nope/json'), 'No such exec instance: nope')
        self.assertEqual(self.refused(404, 'POST', '/exec/nope/start', {}), 'No such exec instance: nope')
        self.refused(404, 'POST', '/exec/nope/resize', h=1, w=1)
        stopped = self.create(['true'])
        self.assertIn('is not running', self.refused(409, 'POST', f'/containers/{stopped}/exec', {'Cmd': ['true']}))

    def test_it_starts_once(self):
        container = self.run_(['sleep', '1000'])
        exec_id = self.detached(container, 'sleep', '1000')
        self.assertIn('is already running', self.refused(409, 'POST', f'/exec/{exec_id}/start', {'Detach': True}))
        ended = self.make(container, 'true')
        self.attach(ended).read_all()
        self.assertIn('has already run', self.refused(409, 'POST', f'/exec/{ended}/start', {'Detach': True}))
        with self.attach(ended) as client:
            self.assertIn(b'has already run', client.read_all())

    def test_what_cannot_be_run_says_so_in_the_stream(self):
        container = self.run_(['sleep', '1000'])
        for config, words in (({'Cmd': ['nope']}, 'exec: "nope": executable file not found in $PATH'),
                              ({'Cmd': ['/no/such']}, 'stat /no/such: no such file or directory'),
                              ({'Cmd': ['/etc/passwd']}, 'exec: "/etc/passwd": permission denied'),
                              ({'Cmd': ['true'], 'WorkingDir': '/nope'}, 'chdir to cwd ("/nope") set in config.json failed: '
                               'no such file or directory'),
                              ({'Cmd': ['true'], 'User': 'nobody-here'}, 'unable to find user nobody-here')):
            exec_id = self.make(container, *config.pop('Cmd'), AttachStdout=True, **config)
            with self.attach(exec_id) as client:
                self.assertEqual(client.status, 101)
                kind, text = client.frame()
                self.assertEqual(kind, 1)
                self.assertIn(words, text.decode())
                self.assertTrue(text.endswith(b'\r\n'))
            self.assertIn(self.look(exec_id)['ExitCode'], (126, 127))
            self.assertFalse(self.look(exec_id)['Running'])

    @case.younger_than_peer
    def test_a_missing_program_has_code_127_and_another_126(self):
        container = self.run_(['sleep', '1000'])
        for cmd, code in ((['nope'], 127), (['/no/such'], 127), (['/etc/passwd'], 126), (['/etc'], 126)):
            exec_id = self.make(container, *cmd)
            self.refused(400, 'POST', f'/exec/{exec_id}/start', {'Detach': True})
            self.assertEqual(self.look(exec_id)['ExitCode'], code, cmd)

    def test_environment_folder_and_user(self):
        container = self.run_(['sleep', '1000'], Env=['A=image', 'B=image', 'PATH=/bin'], WorkingDir='/tmp', User='7:8')
        self.assertEqual(self.sh_in(container, 'echo $A $B $C; pwd; id -u; id -g', Env=['A=exec', 'C=new']),
                         'exec image new\n/tmp\n7\n8\n')
        self.assertEqual(self.sh_in(container, 'pwd; id -u; echo $HOME', WorkingDir='/etc', User='root'), '/etc\n0\n/root\n')
        self.assertNotIn('TERM=', self.sh_in(container, 'env'))

    def test_groups_are_the_containers_own(self):
        container = self.run_(['sleep', '1000'], host={'GroupAdd': ['77']})
        self.assertEqual(self.sh_in(container, 'id -G', User='root').split()[-1], '77')
        self.assertEqual(sorted(self.sh_in(container, 'id -G', User='1234').split()), ['0', '77'])
        self.assertEqual(self.sh_in(container, 'id -u; id -g', User='1234:4321'), '1234\n4321\n')

    def test_users_are_parsed_as_in_run(self):
        container = self.run_(['sh', '-c', 'echo 77:x:0:0::/:/bin/sh >> /etc/passwd; touch /ready; sleep 1000'])
        self.eventually(lambda: self.run_in(container, 'test', '-e', '/ready')[0] == 0)
        self.assertEqual(self.sh_in(container, 'id -u', User='77'), '77\n')
        for user in ('-1', '4294967295', '4294967296'):
            code, out, err = self.run_in(container, 'true', User=user)
            self.assertIn(code, (126, 127), user)
            self.assertIn('range', out + err)

    def test_capabilities_and_privileged(self):
        container = self.run_(['sleep', '1000'], host={'CapAdd': ['SYS_TIME'], 'CapDrop': ['CHOWN']})
        def caps(**config):
            lines = self.sh_in(container, 'grep Cap /proc/self/status', **config).split()
            return {lines[i].strip(':'): int(lines[i + 1], 16) for i in range(0, len(lines), 2)}
        root, user = caps(), caps(User='1000')
        self.assertEqual(root['CapEff'], root['CapBnd'])
        self.assertTrue(root['CapBnd'] >> 25 & 1)
        self.assertFalse(root['CapBnd'] & 1)
        for one in (root, user):
            self.assertEqual((one['CapInh'], one['CapAmb']), (0, 0))
        self.assertEqual((user['CapPrm'], user['CapEff']), (0, 0))
        self.assertEqual(user['CapBnd'], root['CapBnd'])

    @case.younger_than_peer  # which cannot give what its host does not have
    def test_privileged_has_the_capabilities_of_the_host(self):
        container = self.run_(['sleep', '1000'])
        line = self.sh_in(container, 'grep CapEff /proc/self/status', Privileged=True)
        self.assertTrue(int(line.split()[1], 16) >> 21 & 1)
        self.assertIn('Seccomp:\t2', self.sh_in(container, 'grep Seccomp: /proc/self/status', Privileged=True))

    def test_no_new_privileges_and_the_filter_hold_in_execs(self):
        container = self.run_(['sleep', '1000'], host={'SecurityOpt': ['no-new-privileges']})
        self.assertIn('NoNewPrivs:\t1', self.sh_in(container, 'grep NoNewPrivs /proc/self/status'))
        self.assertIn('Seccomp:\t2', self.sh_in(container, 'grep Seccomp: /proc/self/status'))
        plain = self.run_(['sleep', '1000'])
        self.assertIn('NoNewPrivs:\t0', self.sh_in(plain, 'grep NoNewPrivs /proc/self/status'))

    def test_limits_and_cgroup_are_the_containers(self):
        container = self.run_(['sleep', '1000'], host={'Ulimits': [{'Name': 'nofile', 'Soft': 55, 'Hard': 66}],
                                                       'OomScoreAdj': 321})
        self.assertEqual(self.sh_in(container, 'ulimit -Hn; cat /proc/self/oom_score_adj'), '66\n321\n')
        exec_id = self.detached(container, 'sleep', '4321')
        top = self.api.must(200, 'GET', f'/containers/{container}/top').json
        self.assertIn('sleep 4321', [row[-1] for row in top['Processes']])
        with open(f'/proc/{self.look(exec_id)["Pid"]}/cgroup') as f:
            self.assertIn(container, f.read())

    def test_events_of_an_exec(self):
        since = time.time()
        container = self.run_(['sleep', '1000'])
        exec_id = self.make(container, 'sh', '-c', 'exit 4')
        self.attach(exec_id).read_all()
        def mine():
            return [e for e in self.events(since, container=[container]) if e['Action'].startswith('exec')]
        self.eventually(lambda: len(mine()) == 3)
        self.assertEqual([e['Action'] for e in mine()],
                         ['exec_create: sh -c exit 4', 'exec_start: sh -c exit 4', 'exec_die'])
        self.assertEqual({e['Actor']['Attributes']['execID'] for e in mine()}, {exec_id})
        self.assertEqual(mine()[2]['Actor']['Attributes']['exitCode'], '4')
        self.assertEqual(len(self.events(since, event=['exec_create'], container=[container])), 1)

    def test_a_stop_of_the_container_ends_them(self):
        container = self.run_(['sleep', '1000'])
        running = self.detached(container, 'sleep', '1000')
        waiting = self.make(container, 'true')
        self.api.must(204, 'POST', f'/containers/{container}/stop', t=0)
        self.assertEqual(self.until_ended(running)['ExitCode'], 137)
        self.refused(404, 'GET', f'/exec/{waiting}/json')
        self.assertIn(self.api.post(f'/exec/{running}/start', {'Detach': True}).status, (409, 500))
        self.api.remove(container)
        self.refused(404, 'GET', f'/exec/{running}/json')

    def test_with_the_hosts_pids_they_end_too(self):
        container = self.run_(['sleep', '1000'], host={'PidMode': 'host'})
        running = self.detached(container, 'sleep', '1000')
        pid = self.look(running)['Pid']
        self.api.must(204, 'POST', f'/containers/{container}/stop', t=0)
        self.eventually(lambda: not os.path.exists(f'/proc/{pid}'))

    def test_a_client_that_goes_does_not_end_the_process(self):
        container = self.run_(['sleep', '1000'])
        exec_id = self.make(container, 'sh', '-c', 'sleep 1; touch /went-on; exit 5', AttachStdout=True)
        self.attach(exec_id).close()
        self.assertEqual(self.until_ended(exec_id)['ExitCode'], 5)
        self.assertEqual(self.run_in(container, 'test', '-e', '/went-on')[0], 0)

    def test_a_child_that_keeps_the_pipes_does_not_hold_the_client(self):
        container = self.run_(['sleep', '1000'])
        exec_id = self.make(container, 'sh', '-c', 'sleep 900 & echo parent', AttachStdout=True)
        began = time.monotonic()
        with self.attach(exec_id) as client:
            self.assertEqual(client.frames()[0], b'parent\n')
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(self.look(exec_id)['ExitCode'], 0)

    def test_much_output_comes_whole(self):
        container = self.run_(['sleep', '1000'])
        code, out, err = self.run_in(container, 'seq', '1', '200000')
        self.assertEqual((code, err, len(out)), (0, '', sum(len(str(i)) + 1 for i in range(1, 200001))))

    def test_no_descriptor_of_ours_is_there(self):
        container = self.run_(['sleep', '1000'])
        self.assertEqual(self.sh_in(container, 'ls /proc/self/fd').split(), ['0', '1', '2', '3'])
        for n in range(3, 20):
            code, out, err = self.run_in(container, 'pwd', WorkingDir=f'/proc/self/fd/{n}')
            self.assertNotEqual(code, 0, (n, out, err))

    def test_our_program_cannot_be_written(self):
        container = self.run_(['sh', '-c', 'printf "#!/proc/self/exe\\n" > /evil; chmod 755 /evil; touch /ready; sleep 1000'])
        self.eventually(lambda: self.run_in(container, 'test', '-e', '/ready')[0] == 0)
        self.run_in(container, '/evil')
        code, out, err = self.run_in(container, '/proc/self/exe')
        self.assertNotEqual(code, 0)
        self.assertEqual('', self.sh_in(container, 'for p in /proc/[0-9]*; do (echo x >> $p/exe) 2>/dev/null && echo $p; done; true'))


class Terminals(ExecTest):
    def test_a_terminal_has_its_size_and_keys(self):
        container = self.run_(['sleep', '1000'])
        exec_id = self.make(container, 'sh', Tty=True, AttachStdin=True, AttachStdout=True, AttachStderr=True,
                            DetachKeys='ctrl-x,x')
        self.assertEqual(self.look(exec_id)['DetachKeys'], 'GHg=')
        since = time.time()
        with self.attach(exec_id, tty=True) as client:
            self.api.must(200, 'POST', f'/exec/{exec_id}/resize', h=33, w=111)
            client.send(b'stty size; tty; echo $TERM\n')
            client.read_until(b'33 111\r\n/dev/pts/')
            client.read_until(b'xterm\r\n')
            client.send(b'\x18x')
            client.read_all()
        if os.environ.get('LIGHTER_TEST_ENGINE') == 'dockerd':
            return  # takes the keys for a failure
        self.assertTrue(self.look(exec_id)['Running'])
        self.eventually(lambda: [e for e in self.events(since, event=['exec_detach'])
                                 if e['Actor']['Attributes']['execID'] == exec_id])

    @case.younger_than_peer
    def test_the_size_may_come_with_create_or_start(self):
        container = self.run_(['sleep', '1000'])
        for where in ('create', 'start'):
            body = {'Cmd': ['stty', 'size'], 'Tty': True, 'AttachStdout': True}
            start = {'Tty': True}
            (body if where == 'create' else start)['ConsoleSize'] = [21, 99]
            exec_id = self.api.must(201, 'POST', f'/containers/{container}/exec', body, version='v1.42').json['Id']
            with self.api.hijack(f'/exec/{exec_id}/start', start, version='v1.42') as client:
                self.assertEqual(client.read_all(), b'21 99\r\n', where)
        self.assertIn('ConsoleSize', self.refused(400, 'POST', f'/containers/{container}/exec',
                                                  {'Cmd': ['x'], 'Tty': True, 'ConsoleSize': [1, 70000]}, version='v1.42'))

    def test_resize_waits_for_the_start(self):
        container = self.run_(['sleep', '1000'])
        exec_id = self.detached(container, 'sleep', '1000')
        self.api.must(200, 'POST', f'/exec/{exec_id}/resize', h=1, w=2)
        self.refused(400, 'POST', f'/exec/{exec_id}/resize', h='x', w=2)


@case.lighterd_only
class Survival(ExecTest):
    def test_execs_live_through_a_killed_engine(self):
        container = self.run_(['sleep', '1000'])
        long = self.detached(container, 'sh', '-c', 'while ! test -e /go; do echo waiting; sleep 0.05; done; exit 9',
                             AttachStdout=True)
        over = self.detached(container, 'sh', '-c', 'exit 6')
        waiting = self.make(container, 'sh', '-c', 'exit 7')
        meanwhile = self.detached(container, 'sh', '-c', 'sleep 0.5; exit 8')
        self.until_ended(over)
        self.engine.kill()
        time.sleep(1)
        self.engine.start()
        self.assertEqual(self.until_ended(meanwhile)['ExitCode'], 8)
        self.assertEqual(self.look(over)['ExitCode'], 6)
        self.assertTrue(self.look(long)['Running'])
        self.assertEqual(sorted(self.api.inspect(container)['ExecIDs']), sorted([long, waiting]))
        self.refused(409, 'POST', f'/exec/{long}/start', {'Detach': True})
        self.api.must(200, 'POST', f'/exec/{waiting}/start', {'Detach': True})
        self.assertEqual(self.until_ended(waiting)['ExitCode'], 7)
        self.run_in(container, 'touch', '/go')
        self.assertEqual(self.until_ended(long)['ExitCode'], 9)

    def test_nothing_is_left_after_many(self):
        container = self.run_(['sleep', '1000'])
        def count():
            return len(os.listdir(f'/proc/{self.engine.pid}/fd')), len(os.listdir(f'/proc/{self.engine.pid}/task'))
        for _ in range(20):
            self.run_in(container, 'true')
        before = count()
        for i in range(150):
            if i % 3 == 0:
                self.run_in(container, 'true')
            elif i % 3 == 1:
                self.attach(self.make(container, 'sleep', '0.1', AttachStdin=True, AttachStdout=True)).close()
            else:
                self.attach(self.make(container, 'sh', '-c', 'sleep 0.2 & exit 1', AttachStdout=True)).close()
        self.eventually(lambda: self.api.inspect(container)['ExecIDs'] is None)
        self.eventually(lambda: count()[0] <= before[0] + 2, f'{before} {count()}')
        self.assertLessEqual(count()[1], before[1] + 2)

    def test_a_reader_that_stalls_costs_the_others_nothing(self):
        container = self.run_(['sleep', '1000'])
        stalled = self.make(container, 'sh', '-c', 'yes | head -c 50000000; touch /done', AttachStdout=True)
        with self.attach(stalled):
            self.assertEqual(self.sh_in(container, 'echo fine'), 'fine\n')
            self.eventually(lambda: self.run_in(container, 'test', '-e', '/done')[0] == 0, seconds=30)
