"""A container's life through the API: create, start, attach, wait, stop, kill, restart, rename, list, remove."""

import json
import re
import time

import case

IMAGES = ['busybox', 'entry', 'layered']


class Life(case.EngineTest):
    def test_exit_codes_come_back(self):
        for code in (0, 1, 42, 255):
            self.assertEqual(self.sh(f'exit {code}')[0], code)

    def test_a_program_that_is_not_there_leaves_the_container_created(self):
        for cmd, code in ((['nothing-here'], 127), (['/etc/passwd'], 126)):
            container = self.create(cmd)
            reply = self.api.post(f'/containers/{container}/start')
            self.assertEqual(reply.status, 400, reply)
            self.assertRegex(reply.message, 'executable file not found|no such file or directory|permission denied')
            state = self.state(container)
            self.assertEqual((state['Status'], state['ExitCode']), ('created', code))

    def test_start_twice_and_stop_twice_are_304(self):
        container = self.run_(['sleep', '1000'])
        self.assertEqual(self.api.post(f'/containers/{container}/start').status, 304)
        self.assertEqual(self.api.post(f'/containers/{container}/stop', t=0).status, 204)
        self.assertEqual(self.api.post(f'/containers/{container}/stop', t=0).status, 304)
        self.assertEqual(self.state(container)['ExitCode'], 137)

    def test_stop_sends_the_stop_signal_of_the_image_or_the_request(self):
        script = 'trap "echo int; exit 3" INT; trap "echo term; exit 4" TERM; echo up; while :; do sleep 0.1; done'
        for config, code in (({}, 4), ({'StopSignal': 'SIGINT'}, 3)):
            container = self.run_(['sh', '-c', script], **config)
            self.eventually(lambda: b'up' in self.api.logs(container)[0])
            self.api.must(204, 'POST', f'/containers/{container}/stop', t=20)
            self.assertEqual(self.state(container)['ExitCode'], code)

    def test_kill_takes_names_and_numbers(self):
        for signal in ('KILL', 'SIGKILL', '9'):
            container = self.run_(['sleep', '1000'])
            self.api.must(204, 'POST', f'/containers/{container}/kill', signal=signal)
            self.assertEqual(self.api.wait(container), 137)
        self.assertIn('is not running', self.refused(409, 'POST', f'/containers/{container}/kill'))
        container = self.run_(['sleep', '1000'])
        self.refused(400, 'POST', f'/containers/{container}/kill', signal='NOSUCH')

    def test_restart_runs_it_again(self):
        container = self.run_(['sh', '-c', 'echo again; exec sleep 1000'])
        self.eventually(lambda: self.api.logs(container)[0] == b'again\n')
        first = self.state(container)['StartedAt']
        self.api.must(204, 'POST', f'/containers/{container}/restart', t=0)
        self.assertTrue(self.state(container)['Running'])
        self.assertNotEqual(self.state(container)['StartedAt'], first)
        self.eventually(lambda: self.api.logs(container)[0] == b'again\nagain\n')

    def test_wait_for_the_next_exit_and_for_removal(self):
        container = self.create(['sh', '-c', 'read x; exit 7'], OpenStdin=True, StdinOnce=True, AttachStdin=True,
                                host={'AutoRemove': True})
        waits = []
        for condition in ('next-exit', 'removed'):
            waits.append(self.api.open('POST', f'/containers/{container}/wait', condition=condition))
            self.assertEqual(waits[-1][1].status, 200)  # the headers are there before the exit is
        with self.api.hijack(f'/containers/{container}/attach', stdin=1, stream=1) as attached:
            self.assertEqual(attached.status, 101)
            self.api.start(container)
            attached.send(b'go\n')
        for connection, reply in waits:
            self.assertIn(b'"StatusCode":7', reply.read())
            connection.close()
        self.assertEqual(self.api.get(f'/containers/{container}/json').status, 404)

    @case.younger_than_peer
    def test_wait_for_an_unknown_condition_is_400(self):
        self.refused(400, 'POST', f'/containers/{self.create()}/wait', condition='sometime')

    def test_a_running_container_is_removed_by_force_only(self):
        container = self.run_(['sleep', '1000'])
        self.assertIn('container', self.refused(409, 'DELETE', f'/containers/{container}'))
        self.assertEqual(self.api.remove(container).status, 204)
        self.assertEqual(self.api.get(f'/containers/{container}/json').status, 404)

    def test_names_ids_and_prefixes_find_it(self):
        container = self.create(name='first-name')
        for name in (container, container[:12], container[:5], 'first-name'):
            self.assertEqual(self.api.inspect(name)['Id'], container)
        self.assertIn('is already in use by container', self.refused(
            409, 'POST', '/containers/create', {'Image': 'busybox'}, name='first-name'))
        self.api.must(204, 'POST', f'/containers/{container}/rename', name='second-name')
        self.assertEqual(self.api.inspect('second-name')['Name'], '/second-name')
        self.refused(404, 'GET', '/containers/first-name/json')

    def test_an_automatic_name_is_adjective_surname(self):
        self.assertRegex(self.api.inspect(self.create())['Name'], r'^/[a-z]+_[a-z]+\d?$')

    def test_the_image_gives_what_the_request_leaves_out(self):
        container = self.create(image='entry')
        seen = self.api.inspect(container)
        self.assertEqual((seen['Path'], seen['Args']), ('/bin/echo', ['entry', 'cmd']))
        self.assertEqual(seen['Config']['Labels'], {'l': 'v'})
        self.assertEqual(self.api.output('entry', None)[1], 'entry cmd\n')
        self.assertEqual(self.api.output('entry', ['mine'])[1], 'entry mine\n')
        self.assertEqual(self.api.output('entry', ['-c', 'pwd; id -u; echo $A'], Entrypoint=['/bin/sh'])[1],
                         '/made/by/engine\n1000\n1\n')

    def test_list_filters(self):
        one = self.run_(['sleep', '1000'], name='filter-one', Labels={'a': '1', 'b': '2'})
        two = self.create(['true'], name='filter-two', Labels={'a': '2'})
        def ids(**filters):
            return {c['Id'] for c in self.api.ps(**filters)} & {one, two}
        self.assertEqual(ids(name=['filter-']), {one, two})
        self.assertEqual(ids(name=['^/filter-one$']), {one})
        self.assertEqual(ids(label=['a']), {one, two})
        self.assertEqual(ids(label=['a=1']), {one})
        self.assertEqual(ids(label=['a', 'b']), {one})
        self.assertEqual(ids(status=['created']), {two})
        self.assertEqual(ids(status=['running', 'created']), {one, two})
        self.assertEqual(ids(id=[one[:8]]), {one})
        self.assertEqual(ids(ancestor=['busybox']), {one, two})
        self.assertEqual(ids(before=[two]), {one})
        self.assertEqual(ids(since=[one]), {two})
        row = next(c for c in self.api.ps() if c['Id'] == one)
        self.assertEqual((row['Names'], row['Image'], row['State'], row['Command']),
                         (['/filter-one'], 'busybox', 'running', 'sleep 1000'))
        self.assertTrue(row['Status'].startswith('Up '))
        self.assertEqual(next(c for c in self.api.ps() if c['Id'] == two)['Status'], 'Created')

    def test_top_lists_its_processes(self):
        container = self.run_(['sleep', '1234'])
        top = self.api.must(200, 'GET', f'/containers/{container}/top').json
        self.assertIn('PID', top['Titles'])
        self.assertEqual([row[-1] for row in top['Processes']], ['sleep 1234'])
        self.api.must(204, 'POST', f'/containers/{container}/kill')
        self.api.wait(container)
        self.refused(409, 'GET', f'/containers/{container}/top')

    def test_events_of_a_life_come_in_order(self):
        since = time.time()
        container = self.run_(['true'], name='eventful')
        self.api.wait(container)
        self.api.remove(container)
        actions = [e['Action'] for e in self.events(since, type=['container'], container=[container])]
        self.assertEqual([a for a in actions if a != 'attach'], ['create', 'start', 'die', 'destroy'])
        die = next(e for e in self.events(since, event=['die']) if e['Actor']['ID'] == container)
        self.assertEqual((die['Actor']['Attributes']['exitCode'], die['Actor']['Attributes']['name']), ('0', 'eventful'))

    def test_on_failure_is_tried_as_often_as_asked(self):
        container = self.run_(['sh', '-c', 'echo try; exit 3'],
                              host={'RestartPolicy': {'Name': 'on-failure', 'MaximumRetryCount': 2}})
        self.eventually(lambda: self.api.inspect(container)['RestartCount'] == 2 and not self.state(container)['Restarting']
                        and self.state(container)['Status'] == 'exited')
        self.assertEqual(self.api.logs(container)[0], b'try\n' * 3)
        self.assertEqual(self.state(container)['ExitCode'], 3)


class Words(case.EngineTest):
    """What is refused, and how; what is asked in unusual states."""

    def test_names_that_cannot_be_given(self):
        one, two = self.create(name='name-one'), self.create(name='name-two')
        taken = f'Conflict. The container name "/name-one" is already in use by container "{one}". You have to remove ' \
                '(or rename) that container to be able to reuse that name.'
        self.assertEqual(self.refused(409, 'POST', '/containers/create', {'Image': 'busybox'}, name='name-one'), taken)
        self.assertEqual(self.refused(409, 'POST', f'/containers/{two}/rename', name='name-one'),
                         'Error when allocating new name: ' + taken)
        self.assertRegex(self.refused(400, 'POST', f'/containers/{two}/rename', name='a/b'),
                         r'^Error when allocating new name: Invalid container name \(/?a/b\), only \[a-zA-Z0-9\]'
                         r'\[a-zA-Z0-9_.-\] are allowed$')
        self.refused(400, 'POST', f'/containers/{two}/rename', name='')
        self.assertIn('same name as its current name', self.refused(400, 'POST', f'/containers/{two}/rename', name='name-two'))
        self.assertEqual(self.api.inspect(two)['Name'], '/name-two')
        self.assertIn('No such container: nobody', self.refused(404, 'POST', '/containers/nobody/rename', name='x1'))
        self.api.remove(one)
        self.api.must(204, 'POST', f'/containers/{two}/rename', name='name-one')

    def test_asked_of_one_that_does_not_run(self):
        container = self.create(['sleep', '1000'], StopSignal='SIGKILL')
        self.assertEqual(self.refused(409, 'POST', f'/containers/{container}/kill').lower(),
                         f'cannot kill container: {container}: container {container} is not running')
        self.assertEqual(self.refused(409, 'GET', f'/containers/{container}/top').lower(),
                         f'container {container} is not running')
        self.assertEqual(self.refused(409, 'POST', f'/containers/{container}/resize', h=1, w=1).lower(),
                         f'container {container} is not running')
        self.assertEqual(self.api.post(f'/containers/{container}/stop').status, 304)
        self.api.must(204, 'POST', f'/containers/{container}/restart')  # starts it
        self.assertTrue(self.state(container)['Running'])
        self.assertEqual(self.api.wait(self.create(['true'])), 0)  # not running: at once

    def test_a_stop_waits_as_long_as_it_is_told(self):
        script = 'trap "" TERM; echo up; while :; do sleep 0.1; done'
        for config, query, least, most in (({}, {'t': 1}, 1, 4), ({'StopTimeout': 1}, {}, 1, 4), ({'StopTimeout': 60}, {'t': 0}, 0, 3)):
            container = self.run_(['sh', '-c', script], **config)
            self.eventually(lambda: self.api.logs(container)[0] == b'up\n')
            began = time.monotonic()
            self.api.must(204, 'POST', f'/containers/{container}/stop', **query)
            self.assertTrue(least <= time.monotonic() - began <= most, (config, query, time.monotonic() - began))
            self.assertEqual(self.state(container)['ExitCode'], 137)
        patient = self.run_(['sh', '-c', 'trap "sleep 1.5; exit 3" TERM; echo up; while :; do sleep 0.1; done'], StopTimeout=1)
        self.eventually(lambda: self.api.logs(patient)[0] == b'up\n')
        self.api.must(204, 'POST', f'/containers/{patient}/stop', t=-1)
        self.assertEqual(self.state(patient)['ExitCode'], 3)

    def test_whoever_waits_hears_of_a_removal(self):
        container = self.run_(['sleep', '1000'])
        waits = [self.api.open('POST', f'/containers/{container}/wait', condition=c) for c in ('not-running', 'removed')]
        self.assertEqual(self.api.remove(container).status, 204)
        for connection, reply in waits:
            self.assertEqual((reply.status, json.loads(reply.read())['StatusCode']), (200, 137))
            connection.close()
        self.assertIn('No such container', self.refused(404, 'POST', f'/containers/{container}/wait'))

    def test_columns_of_top(self):
        container = self.run_(['sh', '-c', 'sleep 4321 & exec sleep 1234'])
        def top(args=None):
            return self.api.must(200, 'GET', f'/containers/{container}/top', ps_args=args).json
        self.eventually(lambda: len(top()['Processes']) == 2)
        self.assertEqual(top()['Titles'], ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'])
        self.assertEqual(top('aux')['Titles'], ['USER', 'PID', '%CPU', '%MEM', 'VSZ', 'RSS', 'TTY', 'STAT', 'START', 'TIME',
                                                'COMMAND'])
        self.assertEqual(top('-o pid,args')['Titles'], ['PID', 'COMMAND'])
        self.assertEqual(sorted(row[1] for row in top('-eo pid,args')['Processes']), ['sleep 1234', 'sleep 4321'])
        pid = str(self.state(container)['Pid'])
        self.assertIn(pid, {row[1] for row in top()['Processes']})
        self.assertGreaterEqual(self.api.get(f'/containers/{container}/top', ps_args='-o comm').status, 400)
        self.assertGreaterEqual(self.api.get(f'/containers/{container}/top', ps_args='-o pid=x').status, 400)
        self.assertGreaterEqual(self.api.get(f'/containers/{container}/top', ps_args='-o nonsense').status, 400)

    def test_more_filters_and_a_limit(self):
        ended = [self.run_(['sh', '-c', f'exit {code}']) for code in (0, 7)]
        for container in ended:
            self.api.wait(container)
        up = self.run_(['sleep', '1000'], ExposedPorts={'80/tcp': {}, '53/udp': {}}, host={'Binds': ['/tmp:/inside']})
        none = self.create(['true'], host={'NetworkMode': 'none'})
        ours = {*ended, up, none}
        def ids(all=True, **filters):
            return {c['Id'] for c in self.api.ps(all=all, **filters)} & ours
        self.assertEqual(ids(all=False), {up})
        self.assertEqual(ids(exited=['7']), {ended[1]})
        self.assertEqual(ids(exited=['7', '0']), set(ended))
        self.assertEqual(ids(all=False, status=['exited']), set(ended))
        self.assertEqual(ids(network=['none']), {none})
        self.assertEqual(ids(network=['bridge']), ours - {none})
        self.assertEqual(ids(volume=['/inside']), {up})
        self.assertEqual(ids(volume=['/tmp']), {up})
        self.assertEqual(ids(expose=['80']), {up})
        self.assertEqual(ids(expose=['50-60/udp']), {up})
        self.assertEqual(ids(expose=['81']), set())
        self.assertEqual(ids(publish=['80']), set())
        self.assertEqual(ids(health=['none']), ours)
        self.assertEqual(ids(health=['healthy']), set())
        self.assertEqual(ids(label=['nothing']), set())
        self.assertEqual(ids(**{'is-task': ['true']}), set())
        self.assertEqual(ids(**{'is-task': ['false']}), ours)
        self.assertEqual(ids(ancestor=['nothing-of-the-kind']), set())
        self.assertEqual(ids(name=['nothing'], status=['running']), set())
        legacy = self.api.must(200, 'GET', '/containers/json', filters='{"status":{"running":true}}').json
        self.assertEqual({c['Id'] for c in legacy} & ours, {up})
        newest = self.api.must(200, 'GET', '/containers/json', limit=2).json
        self.assertEqual([c['Id'] for c in newest], [none, up])
        sized = next(c for c in self.api.must(200, 'GET', '/containers/json', size=1).json if c['Id'] == up)
        self.assertGreater(sized['SizeRootFs'], 100000)
        for key, value in (('status', 'nonsense'), ('exited', 'x'), ('nonsense', 'x'), ('before', 'nobody'), ('since', 'nobody')):
            self.assertGreaterEqual(self.api.get('/containers/json', filters=json.dumps({key: [value]})).status, 400, key)


class Attach(case.EngineTest):
    def test_stdout_and_stderr_are_told_apart(self):
        container = self.create(['sh', '-c', 'echo out; echo err >&2'])
        with self.api.hijack(f'/containers/{container}/attach', stdout=1, stderr=1, stream=1) as attached:
            self.assertEqual((attached.status, attached.headers['upgrade']), (101, 'tcp'))
            self.api.start(container)
            self.assertEqual(attached.frames(), (b'out\n', b'err\n'))

    def test_closing_one_side_ends_stdin_and_output_goes_on(self):
        container = self.create(['sh', '-c', 'wc -c; echo done'], OpenStdin=True, StdinOnce=True, AttachStdin=True)
        with self.api.hijack(f'/containers/{container}/attach', stdin=1, stdout=1, stream=1) as attached:
            self.api.start(container)
            for _ in range(50):
                attached.send(b'x' * 10000)
            attached.half_close()
            self.assertEqual(attached.frames()[0], b'500000\ndone\n')

    def test_without_an_upgrade_the_answer_is_200(self):
        container = self.create(['echo', 'hi'])
        with self.api.hijack(f'/containers/{container}/attach', upgrade=False, stdout=1, stream=1) as attached:
            self.assertEqual((attached.status, attached.headers['content-type']),
                             (200, 'application/vnd.docker.raw-stream'))
            self.api.start(container)
            self.assertEqual(attached.frames()[0], b'hi\n')

    def test_a_terminal_detaches_by_its_keys_and_lives_on(self):
        container = self.create(['sh'], Tty=True, OpenStdin=True, AttachStdin=True)
        with self.api.hijack(f'/containers/{container}/attach', stdin=1, stdout=1, stderr=1, stream=1) as attached:
            self.api.start(container)
            attached.send(b'echo mark$((40+2))\n')
            attached.read_until(b'mark42\r\n')
            attached.send(b'\x10')
            time.sleep(0.1)
            attached.send(b'\x11')
            attached.read_all()
        self.assertTrue(self.state(container)['Running'])
        with self.api.hijack(f'/containers/{container}/attach', stdin=1, stdout=1, stream=1) as attached:
            attached.send(b'echo back$((1+1)); exit 5\n')
            attached.read_until(b'back2\r\n')
            attached.read_all()
        self.assertEqual(self.api.wait(container), 5)

    def test_a_terminal_has_the_size_that_was_set(self):
        container = self.run_(['sh'], Tty=True, OpenStdin=True)
        self.api.must(200, 'POST', f'/containers/{container}/resize', h=33, w=111)
        with self.api.hijack(f'/containers/{container}/attach', stdin=1, stdout=1, stream=1) as attached:
            attached.send(b'stty size\n')
            attached.read_until(b'33 111')

    def test_several_viewers_see_the_same(self):
        container = self.create(['sh', '-c', 'read x; echo "$x"; seq 1 5000'], OpenStdin=True)
        viewers = [self.api.hijack(f'/containers/{container}/attach', stdin=int(i == 0), stdout=1, stream=1)
                   for i in range(3)]
        self.api.start(container)
        viewers[0].send(b'go\n')
        wanted = b'go\n' + b''.join(b'%d\n' % i for i in range(1, 5001))
        for viewer in viewers:
            self.assertEqual(viewer.frames()[0], wanted)
            viewer.close()


class Images(case.EngineTest):
    def test_layers_change_hide_and_add(self):
        out = self.out('cat /etc/motd; ls /etc/shadow 2>&1; ls /var/log; cat /srv/link; stat -c %h /srv/hard', 'layered')
        self.assertTrue(re.fullmatch(r'third layer\nls: /etc/shadow: No such file or directory\nnew\n'
                                     r'hello from a layer\n2\n', out), out)

    def test_the_list_and_the_tags(self):
        self.api.must(201, 'POST', '/images/busybox/tag', repo='here/again', tag='v1')
        image = self.api.must(200, 'GET', '/images/busybox/json').json
        self.assertIn('here/again:v1', image['RepoTags'])
        gone = self.api.must(200, 'DELETE', '/images/here/again:v1').json
        self.assertEqual(gone, [{'Untagged': 'here/again:v1'}])
