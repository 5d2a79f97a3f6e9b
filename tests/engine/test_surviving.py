"""The engine goes and comes back: what runs on, what ended meanwhile, restart policies with Docker's waits, a full disk."""

import calendar
import os
import subprocess
import time

import case


class Away(case.EngineTest):
    """kill -9 with containers running."""

    def gone_and_back(self, meanwhile=lambda: None):
        self.engine.kill()
        meanwhile()
        self.engine.start()

    @case.lighterd_only
    def test_a_terminal_and_its_clients(self):
        container = self.create(['sh'], Tty=True, OpenStdin=True, AttachStdin=True, AttachStdout=True)
        attached = [self.api.hijack(f'/containers/{container}/attach', stdin=1, stdout=1, stream=1) for _ in range(2)]
        self.api.start(container)
        self.api.must(200, 'POST', f'/containers/{container}/resize', h=40, w=120)
        attached[0].send(b'X=kept; echo one$((1+0))\n')
        for client in attached:
            client.read_until(b'one1\r\n')
        before = self.state(container)
        self.gone_and_back()
        for client in attached:
            client.read_all(5)  # they see the end
            client.close()
        state = self.state(container)
        self.assertEqual((state['Status'], state['Pid'], state['StartedAt']), ('running', before['Pid'], before['StartedAt']))
        with self.api.hijack(f'/containers/{container}/attach', stdin=1, stdout=1, stream=1, logs=1) as again:
            again.read_until(b'one1\r\n')  # the log
            again.send(b'echo $X; stty size; exit 5\n')
            again.read_until(b'kept\r\n')
            again.read_until(b'40 120\r\n')
            again.read_all()
        self.assertEqual(self.api.wait(container), 5)
        self.assertTrue(self.api.logs(container, tty=True)[0].endswith(b'40 120\r\n'))

    @case.lighterd_only
    def test_streams_input_and_the_log(self):
        container = self.create(['sh', '-c', 'echo up; while read x; do echo "out $x"; echo "err $x" >&2; done; exit 6'],
                                OpenStdin=True, StdinOnce=True, AttachStdin=True)
        first = self.api.hijack(f'/containers/{container}/attach', stdin=1, stdout=1, stderr=1, stream=1)
        self.api.start(container)
        first.send(b'1\n')
        first.read_until(b'err 1\n')
        self.gone_and_back()
        first.read_all(5)
        first.close()
        with self.api.hijack(f'/containers/{container}/attach', stdin=1, stdout=1, stderr=1, stream=1) as second:
            second.send(b'2\n')
            second.read_until(b'err 2\n')
            self.assertEqual(self.state(container)['Status'], 'running')
            second.half_close()
            second.read_all()
        self.assertEqual(self.api.wait(container), 6)
        self.assertEqual(self.api.logs(container), (b'up\nout 1\nout 2\n', b'err 1\nerr 2\n'))

    @case.lighterd_only
    def test_what_ended_meanwhile(self):
        codes = {self.run_(['sh', '-c', f'trap "exit {code}" TERM; echo up; while :; do sleep 0.1; done']): code
                 for code in (0, 3, 255)}
        killed = self.run_(['sh', '-c', 'echo up; exec sleep 1000'])
        told = self.run_(['sh', '-c', 'echo up; sleep 1; echo in between; exit 9'])
        removed = self.run_(['sh', '-c', 'echo up; sleep 1'], host={'AutoRemove': True})
        made = self.create(['true'])
        for container in (*codes, killed, told, removed):
            self.eventually(lambda: self.api.logs(container)[0] == b'up\n')
        pids = {c: self.state(c)['Pid'] for c in (*codes, killed)}
        ended = []
        def meanwhile():
            for container, pid in pids.items():
                os.kill(pid, 9 if container == killed else 15)
            ended.append(time.time())
            time.sleep(2)
        self.gone_and_back(meanwhile)
        for container, code in {**codes, killed: 137, told: 9}.items():
            state = self.state(container)
            self.assertEqual((state['Status'], state['ExitCode'], state['Pid'], state['OOMKilled']),
                             ('exited', code, 0, False))
            finished = time.strptime(state['FinishedAt'].split('.')[0].rstrip('Z'), '%Y-%m-%dT%H:%M:%S')
            self.assertLess(abs(calendar.timegm(finished) - ended[0]), 2.1)  # when it was, not when it was seen
            row = next(r for r in self.api.ps() if r['Id'] == container)
            self.assertRegex(row['Status'], rf'^Exited \({code}\) .* ago$')
        self.assertEqual(self.api.logs(told)[0], b'up\nin between\n')
        self.assertEqual(self.state(made)['Status'], 'created')
        self.eventually(lambda: self.api.get(f'/containers/{removed}/json').status == 404)

    @case.lighterd_only
    def test_addresses_names_and_settings_are_kept(self):
        container = self.run_(['sleep', '1000'], name='keeps', Labels={'a': 'b'}, host={'Memory': 64 << 20})
        before = self.api.inspect(container)
        self.gone_and_back()
        after = self.api.inspect('keeps')
        for part in ('Config', 'HostConfig', 'NetworkSettings', 'State', 'Created', 'Mounts', 'LogPath'):
            self.assertEqual(after[part], before[part])
        other = self.run_(['sleep', '1000'])
        self.assertNotEqual(self.api.inspect(other)['NetworkSettings']['IPAddress'], before['NetworkSettings']['IPAddress'])
        self.assertTrue(next(r for r in self.api.ps() if r['Id'] == container)['Status'].startswith('Up '))
        self.assertEqual([row[-1] for row in self.api.must(200, 'GET', f'/containers/{container}/top').json['Processes']],
                         ['sleep 1000'])


class Policies(case.EngineTest):
    SLACK = 3 if os.environ['LIGHTER_TEST_ENGINE'] == 'dockerd' else 0.5  # a start takes its time

    def policy(self, name, count=0):
        return {'RestartPolicy': {'Name': name, 'MaximumRetryCount': count}}

    def waits(self, container, since, number):
        """Seconds from each end to the start after it."""
        def told():
            events = self.events(since, type=['container'], container=[container], event=['start', 'die'])
            times = [(e['Action'], e['timeNano']) for e in events]
            pairs = [(b[1] - a[1]) / 1e9 for a, b in zip(times, times[1:]) if (a[0], b[0]) == ('die', 'start')]
            return len(pairs) >= number and pairs[:number]
        return self.eventually(told, 'restarts', 40)

    def test_the_wait_doubles(self):
        since = time.time()
        container = self.run_(['false'], host=self.policy('always'))
        waits = self.waits(container, since, 5)
        for wait, wanted in zip(waits, (0.1, 0.2, 0.4, 0.8, 1.6)):
            self.assertGreater(wait, wanted * 0.95, waits)
            self.assertLess(wait, wanted * 1.3 + self.SLACK, waits)
        # The next wait is 3.2 s: time to look.
        state = self.until_status(container, 'restarting')
        self.eventually(lambda: self.api.inspect(container)['RestartCount'] >= 6)
        state = self.state(container)
        self.assertEqual((state['Status'], state['Restarting'], state['Running'], state['ExitCode'], state['Pid']),
                         ('restarting', True, True, 1, 0))
        row = next(r for r in self.api.ps(all=False) if r['Id'] == container)
        self.assertEqual(row['State'], 'restarting')
        self.assertRegex(row['Status'], r'^Restarting \(1\) (Less than a second|\d seconds?) ago$')
        self.assertIn(container, {r['Id'] for r in self.api.ps(status=['restarting'])})
        self.assertIn('restarting', self.refused(409, 'DELETE', f'/containers/{container}'))
        self.assertIn('is restarting', self.api.get(f'/containers/{container}/top').message)
        reply = self.api.post(f'/containers/{container}/attach', stream=1, stdout=1)
        self.assertEqual((reply.status, b'is restarting' in reply.body), (409, True), reply)
        self.assertEqual(self.api.post(f'/containers/{container}/start').status, 304)
        count = self.api.inspect(container)['RestartCount']
        self.api.must(204, 'POST', f'/containers/{container}/stop')
        state = self.state(container)
        self.assertEqual((state['Status'], state['Restarting'], state['Running'], state['ExitCode']), ('exited', False, False, 1))
        time.sleep(4)
        self.assertEqual((self.state(container)['Status'], self.api.inspect(container)['RestartCount']), ('exited', count))
        # Started by hand it counts from nothing.
        since = time.time()
        self.api.start(container)
        self.assertLess(self.waits(container, since, 1)[0], 0.2 + self.SLACK)
        self.assertLess(self.api.inspect(container)['RestartCount'], count)

    def test_a_kill_and_a_removal_during_the_wait(self):
        for how in ('kill', 'remove'):
            container = self.run_(['false'], host=self.policy('always'))
            self.eventually(lambda: self.api.inspect(container)['RestartCount'] >= 5)
            self.until_status(container, 'restarting')
            if how == 'kill':
                self.assertEqual(self.api.post(f'/containers/{container}/kill').status, 204)
                self.until_status(container, 'exited', 2)
                time.sleep(3.5)
                self.assertEqual(self.state(container)['Status'], 'exited')
            else:
                self.assertEqual(self.api.remove(container).status, 204)

    @case.lighterd_only  # 20.10 tells the end before it counts
    def test_a_wait_for_the_end_ends_with_the_last_one(self):
        container = self.run_(['sh', '-c', 'exit 3'], host=self.policy('on-failure', 3))
        self.assertEqual(self.api.wait(container), 3)
        self.assertEqual(self.api.inspect(container)['RestartCount'], 3)
        self.assertEqual(self.state(container)['Status'], 'exited')

    def test_success_ends_on_failure(self):
        container = self.run_(['sh', '-c', '[ -e /was ] && exit 0; touch /was; exit 1'], host=self.policy('on-failure'))
        self.assertEqual(self.api.wait(container), 0)
        self.assertEqual(self.api.inspect(container)['RestartCount'], 1)

    def test_a_good_run_resets_the_wait(self):
        since = time.time()
        container = self.run_(['sh', '-c', 'echo x >> /runs; [ $(wc -l < /runs) = 4 ] && sleep 10.5; exit 1'],
                              host=self.policy('always'))
        waits = self.waits(container, since, 4)
        self.assertGreater(waits[2], 0.38, waits)
        self.assertLess(waits[3], 0.1 + self.SLACK, waits)  # 0.8 without

    def test_policies_that_cannot_be(self):
        for policy, words in (({'Name': 'sometimes'}, "invalid restart policy"),
                              ({'Name': 'always', 'MaximumRetryCount': 3}, 'maximum retry count'),
                              ({'Name': 'on-failure', 'MaximumRetryCount': -1}, 'maximum retry count cannot be negative')):
            self.assertIn(words, self.refused(400, 'POST', '/containers/create',
                                              {'Image': 'busybox', 'HostConfig': {'RestartPolicy': policy}}))
        self.assertIn('AutoRemove', self.refused(
            400, 'POST', '/containers/create', {'Image': 'busybox', 'HostConfig': {
                'AutoRemove': True, 'RestartPolicy': {'Name': 'always'}}}))

    @case.lighterd_only
    def test_after_a_stop_and_after_a_kill_of_the_engine(self):
        def make(policy, **kw):
            return self.run_(['sh', '-c', 'trap "exit 0" TERM; echo up; while :; do sleep 0.1; done'], host=self.policy(policy), **kw)
        made = {f'{policy} {fate}': make(policy) for policy in ('no', 'always', 'unless-stopped', 'on-failure')
                for fate in ('running', 'stopped')}
        removing = self.run_(['sleep', '1000'], StopSignal='SIGKILL', host={'AutoRemove': True})
        def statuses():
            return {name: self.state(c)['Status'] for name, c in made.items()}
        for name, container in made.items():
            self.eventually(lambda: self.api.logs(container)[0] == b'up\n')
            if name.endswith(' stopped'):
                self.api.must(204, 'POST', f'/containers/{container}/stop')
        self.engine.restart()
        self.eventually(lambda: statuses()['always running'] == 'running')
        time.sleep(0.5)
        self.assertEqual(statuses(), {
            'no running': 'exited', 'no stopped': 'exited', 'always running': 'running', 'always stopped': 'running',
            'unless-stopped running': 'running', 'unless-stopped stopped': 'exited',
            'on-failure running': 'exited', 'on-failure stopped': 'exited'})  # it ended with 0
        self.assertEqual(self.api.get(f'/containers/{removing}/json').status, 404)
        # Killed: what runs is left alone, and what ends meanwhile is started again.
        pids = {name: self.state(c)['Pid'] for name, c in made.items() if self.state(c)['Running']}
        self.engine.kill()
        os.kill(pids['always running'], 9)
        os.kill(pids['unless-stopped running'], 9)
        self.engine.start()
        for name in ('always running', 'unless-stopped running'):
            self.eventually(lambda: self.state(made[name])['Running'])
            self.assertNotEqual(self.state(made[name])['Pid'], pids[name])
        self.assertEqual(self.state(made['always stopped'])['Pid'], pids['always stopped'])

    @case.lighterd_only
    def test_counts_and_waits_outlive_the_engine(self):
        container = self.run_(['sh', '-c', 'exit 3'], host=self.policy('on-failure', 5))
        self.eventually(lambda: self.api.inspect(container)['RestartCount'] >= 3)
        self.engine.kill()
        self.engine.start()
        self.assertEqual(self.api.wait(container), 3)
        self.assertEqual(self.api.inspect(container)['RestartCount'], 5)
        self.assertLessEqual(len(self.events(0, container=[container], event=['start'])), 3)


class FullDisk(case.EngineTest):
    """The data root on a file system of 40 MB."""

    def setUp(self):
        self.small = case.LAB.engine(name='f', **({'bridge': 'lt2', 'bip': '172.28.9.1/24'}
                                                  if case.LAB.kind == 'lighterd' else {'bip': '172.28.9.1/24'}))
        os.mkdir(self.small.data_root)
        self.addCleanup(self.end)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=40m,nr_inodes=8000', 'tmpfs', self.small.data_root], check=True)
        self.small.start()

    def end(self):
        self.small.remove_everything()
        self.small.stop()
        subprocess.run(['umount', '-l', self.small.data_root], check=True)
        self.assertEqual(self.small.leftovers(), [])
        self.small.destroy()
        case.LAB.engines.remove(self.small)

    def fill(self):
        self.filler = os.path.join(self.small.data_root, 'filler')
        with open(self.filler, 'wb', buffering=0) as f:
            try:
                while f.write(b'x' * 4096):
                    pass
            except OSError:
                pass

    @case.lighterd_only
    def test_everything_answers_and_recovers(self):
        api = self.small.api
        api.pull('busybox', tag='latest')
        runs = api.run('busybox', ['sh', '-c', 'i=0; while :; do echo line-$i; i=$((i+1)); sleep 0.05; done'])
        made = api.create('busybox', ['echo', 'made'])
        old = api.run('busybox', ['echo', 'old'])
        self.assertEqual(api.wait(old), 0)
        self.small.seen.update((runs, made, old))
        self.fill()
        reply = api.post('/containers/create', {'Image': 'busybox', 'Cmd': ['true']})
        self.assertEqual(reply.status, 500, reply)
        self.assertIn('no space left on device', reply.message)
        reply = api.post(f'/containers/{made}/start')
        self.assertIn(reply.status, (204, 500), reply)
        if reply.status == 500:
            self.assertIn('no space left on device', reply.message)
        self.assertEqual(api.inspect(runs)['State']['Status'], 'running')
        self.assertTrue(api.logs(runs)[0].startswith(b'line-0\n'))
        self.assertEqual(api.logs(old)[0], b'old\n')
        self.assertEqual(len(api.ps()), 3)
        reply = api.post('/images/create', fromImage='layered', tag='latest')
        self.assertIn(b'no space left on device', reply.body)
        self.assertEqual(api.get('/images/layered/json').status, 404)
        reply = api.remove(old)
        self.assertIn(reply.status, (204, 500), reply)
        # A kill of the daemon now must not be the end of it either.
        self.small.kill()
        os.unlink(self.filler)
        self.small.start()
        self.assertEqual(api.inspect(runs)['State']['Status'], 'running')
        self.fill()
        time.sleep(0.3)
        os.unlink(self.filler)
        # There is room again: everything works, without a restart.
        self.assertEqual(api.output('busybox', ['echo', 'fine'])[1], 'fine\n')
        api.pull('layered', tag='latest')
        count = len(api.logs(runs)[0].splitlines())
        self.eventually(lambda: len(api.logs(runs)[0].splitlines()) > count, 'its output is logged again')
        lines = api.logs(runs)[0].split()
        self.assertTrue(all(line.startswith(b'line-') for line in lines))
        if api.get(f'/containers/{made}/json').json['State']['Status'] == 'created':
            api.start(made)
        self.assertEqual(api.wait(made), 0)
        self.assertEqual(api.remove(runs).status, 204)
        folders = os.listdir(os.path.join(self.small.data_root, 'containers'))
        self.assertEqual(sorted(folders), sorted(c['Id'] for c in api.ps()))
        self.assertEqual(os.listdir(os.path.join(self.small.data_root, 'staging')), [])

    @case.lighterd_only
    def test_no_inodes_left(self):
        api = self.small.api
        api.pull('busybox', tag='latest')
        folder = os.path.join(self.small.data_root, 'many')
        os.mkdir(folder)
        try:
            for number in range(10000):
                open(os.path.join(folder, str(number)), 'w').close()
        except OSError:
            pass
        reply = api.post('/containers/create', {'Image': 'busybox', 'Cmd': ['true']})
        self.assertEqual(reply.status, 500, reply)
        self.assertIn('no space left on device', reply.message)
        subprocess.run(['rm', '-r', folder], check=True)
        self.assertEqual(api.output('busybox', ['echo', 'fine'])[1], 'fine\n')

    @case.lighterd_only
    def test_the_exec_root_is_full(self):
        """It is on a tmpfs that others fill: what containers put out is logged all the same."""
        small = case.LAB.engine(name='x', bridge='lt3', bip='172.28.10.1/24')
        os.mkdir(small.exec_root)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small.exec_root], check=True)
        try:
            api = small.start().api
            api.pull('busybox', tag='latest')
            runs = [api.run('busybox', ['sh', '-c', 'echo up; read x; head -c 200000 /dev/zero | tr "\\0" x; echo; printf end'],
                            OpenStdin=True) for _ in range(4)]
            small.seen.update(runs)
            for container in runs:
                self.eventually(lambda: api.logs(container)[0] == b'up\n')
            with open(os.path.join(small.exec_root, 'filler'), 'wb', buffering=0) as f:
                try:
                    while f.write(b'x' * 4096):
                        pass
                except OSError:
                    pass
            for container in runs:
                with api.hijack(f'/containers/{container}/attach', stdin=1, stream=1) as attached:
                    attached.send(b'go\n')
                    self.assertEqual(api.wait(container), 0)
                self.assertEqual(api.logs(container)[0], b'up\n' + b'x' * 200000 + b'\nend')
            self.assertIsNone(small.process.poll())
            os.unlink(os.path.join(small.exec_root, 'filler'))
            small.remove_everything()
            small.stop()
        finally:
            small.destroy()
            subprocess.run(['umount', '-l', small.exec_root], stderr=subprocess.DEVNULL)
            case.LAB.engines.remove(small)
