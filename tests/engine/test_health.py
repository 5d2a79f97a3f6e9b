"""Healthchecks: states, the log, events, ps; checks that fail, hang, print much; pause, restart, a killed engine."""

import json
import os
import time

import case
from execs import ExecTest

IMAGES = ['busybox', 'health']
MS = 1_000_000


def check(*test, interval=100, timeout=5000, retries=2, **more):
    return {'Test': list(test), 'Interval': interval * MS, 'Timeout': timeout * MS, 'Retries': retries, **more}


class HealthTest(ExecTest):
    def health(self, container):
        return self.state(container).get('Health')

    def until_health(self, container, status, seconds=15):
        return self.eventually(lambda: self.health(container)['Status'] == status and self.health(container),
                               f'{container} becomes {status}', seconds)

    def status_events(self, container, since):
        return [e['Action'] for e in self.events(since, event=['health_status'], container=[container])]

    def listed(self, container):
        return next(one for one in self.api.ps() if one['Id'] == container)


class States(HealthTest):
    def test_from_starting_to_healthy_to_unhealthy_and_back(self):
        since = time.time()
        container = self.create(['sleep', '1000'], Healthcheck=check('CMD-SHELL', 'echo looked; test -e /good', interval=400))
        self.assertIsNone(self.health(container))
        self.api.start(container)
        first = self.health(container)
        self.assertEqual((first['Status'], first['FailingStreak'], first['Log'] or []), ('starting', 0, []))
        self.assertRegex(self.listed(container)['Status'], r'^Up .*\(health: starting\)$')
        self.run_in(container, 'touch', '/good')
        self.until_health(container, 'healthy')
        self.assertRegex(self.listed(container)['Status'], r'^Up .*\(healthy\)$')
        self.run_in(container, 'rm', '/good')
        bad = self.until_health(container, 'unhealthy')
        self.assertGreaterEqual(bad['FailingStreak'], 2)
        self.assertRegex(self.listed(container)['Status'], r'^Up .*\(unhealthy\)$')
        self.run_in(container, 'touch', '/good')
        good = self.until_health(container, 'healthy')
        self.assertEqual(good['FailingStreak'], 0)
        entry = good['Log'][-1]
        self.assertEqual((entry['ExitCode'], entry['Output']), (0, 'looked\n'))
        self.assertLess(entry['Start'], entry['End'])
        self.assertLessEqual(len(good['Log']), 5)
        self.eventually(lambda: len(self.status_events(container, since)) == 3)
        self.assertEqual(self.status_events(container, since),
                         ['health_status: healthy', 'health_status: unhealthy', 'health_status: healthy'])
        execs = [e['Action'] for e in self.events(since, container=[container]) if '/good; ' not in e['Action'] and 'looked' in e['Action']]
        self.assertEqual(execs[:2], ['exec_create: /bin/sh -c echo looked; test -e /good', 'exec_start: /bin/sh -c echo looked; test -e /good'])

    def test_forms_of_a_check(self):
        for test, healthy in ((['CMD', 'true'], True), (['CMD', 'test', '-e', '/nope'], False), (['CMD-SHELL', 'exit 0'], True),
                              (['CMD', '/no/such'], False), (['CMD-SHELL', 'kill -9 $$'], False)):
            with self.subTest(test=test):
                container = self.run_(['sleep', '1000'], Healthcheck=check(*test))
                health = self.until_health(container, 'healthy' if healthy else 'unhealthy')
                if test == ['CMD', '/no/such']:
                    self.assertIn('no such file or directory', health['Log'][-1]['Output'])
                    self.assertNotEqual(health['Log'][-1]['ExitCode'], 0)
        for test in (['NONE'], []):
            container = self.run_(['sleep', '1000'], Healthcheck={'Test': test})
            self.assertIsNone(self.health(container))
            self.assertRegex(self.listed(container)['Status'], r'^Up [^(]*$')

    def test_a_check_without_a_command_is_a_failing_one(self):
        container = self.run_(['sleep', '1000'], Healthcheck=check('CMD', retries=1))
        self.assertIn('No exec command specified', self.until_health(container, 'unhealthy')['Log'][-1]['Output'])
        self.assertTrue(self.state(container)['Running'])
        container = self.run_(['sleep', '1000'], Healthcheck=check('CMD', '', retries=1))
        self.until_health(container, 'unhealthy')

    def test_a_check_runs_as_the_containers_processes_do(self):
        container = self.run_(['sleep', '1000'], User='7:8', WorkingDir='/tmp', Env=['A=b'], Shell=['/bin/sh', '-c'],
                              Healthcheck=check('CMD-SHELL', 'echo $(id -u) $(id -g) $PWD $A; tty'))
        self.eventually(lambda: self.health(container)['Log'])
        self.assertEqual(self.health(container)['Log'][0]['Output'], '7 8 /tmp b\nnot a tty\n')

    def run_at_1_44(self, healthcheck):
        """The first version that has a start interval."""
        body = {'Image': 'busybox', 'Cmd': ['sleep', '1000'], 'Healthcheck': healthcheck}
        container = self.api.must(201, 'POST', '/containers/create', body, version='v1.44').json['Id']
        self.engine.seen.add(container)
        self.addCleanup(lambda: self.api.remove(container, v=True))
        self.api.start(container)
        return container

    @case.younger_than_peer
    def test_retries_and_start_period(self):
        container = self.run_at_1_44(check('CMD', 'false', interval=200, retries=3, StartPeriod=3000 * MS, StartInterval=200 * MS))
        self.eventually(lambda: len(self.health(container)['Log'] or []) >= 3)
        early = self.health(container)
        self.assertEqual((early['Status'], early['FailingStreak']), ('starting', 0))
        late = self.until_health(container, 'unhealthy')
        self.assertGreaterEqual(late['FailingStreak'], 3)
        self.assertEqual(len(late['Log']), 5)

    @case.younger_than_peer
    def test_the_start_interval(self):
        container = self.run_at_1_44(check('CMD', 'true', interval=60000, StartPeriod=60000 * MS, StartInterval=200 * MS))
        self.until_health(container, 'healthy', 5)

    def test_output_is_cut(self):
        container = self.run_(['sleep', '1000'], Healthcheck=check('CMD-SHELL', 'yes x | head -c 3000; yes y | head -c 3000 >&2', interval=300))
        self.eventually(lambda: self.health(container)['Log'])
        output = self.health(container)['Log'][0]['Output']
        self.assertEqual(len(output), 4096 + 3)
        self.assertTrue(output.startswith('x\nx\n') and output.endswith('...'))

    def test_filters(self):
        good = self.run_(['sleep', '1000'], Healthcheck=check('CMD', 'true'))
        bad = self.run_(['sleep', '1000'], Healthcheck=check('CMD', 'false'))
        none = self.run_(['sleep', '1000'])
        self.until_health(good, 'healthy')
        self.until_health(bad, 'unhealthy')
        for status, expected in (('healthy', good), ('unhealthy', bad), ('none', none)):
            self.assertEqual([one['Id'] for one in self.api.ps(health=[status])], [expected])

    @case.younger_than_peer
    def test_the_list_says_it_since_1_52(self):
        good = self.run_(['sleep', '1000'], Healthcheck=check('CMD', 'true'))
        none = self.run_(['sleep', '1000'])
        self.until_health(good, 'healthy')
        for version, expected in (('v1.52', {good: {'Status': 'healthy', 'FailingStreak': 0}, none: {'Status': 'none', 'FailingStreak': 0}}),
                                  ('v1.51', {good: None, none: None})):
            listed = self.api.must(200, 'GET', '/containers/json', version=version).json
            self.assertEqual({one['Id']: one.get('Health') for one in listed}, expected)

    def test_numbers_out_of_range(self):
        for key, value in (('Interval', 1), ('Timeout', 999_999), ('StartPeriod', 1), ('Retries', -1), ('Interval', -1)):
            self.refused(400, 'POST', '/containers/create', {'Image': 'busybox', 'Healthcheck': {'Test': ['CMD', 'true'], key: value}})


class Ends(HealthTest):
    def test_a_check_past_its_time_is_killed_with_what_it_started(self):
        container = self.run_(['sleep', '1000'], Healthcheck=check('CMD-SHELL', 'echo before; sleep 5432; true', interval=200, timeout=500, retries=1))
        health = self.until_health(container, 'unhealthy')
        self.assertEqual(health['Log'][0]['ExitCode'], -1)
        self.assertIn('Health check exceeded timeout (500ms)', health['Log'][0]['Output'])
        if os.environ.get('LIGHTER_TEST_ENGINE') != 'dockerd':
            self.assertIn('500ms): before\n', health['Log'][0]['Output'])
            self.eventually(lambda: len(health['Log']) and len(self.health(container)['Log']) >= 3)
            top = self.api.must(200, 'GET', f'/containers/{container}/top').json
            self.assertLessEqual(len([row for row in top['Processes'] if 'sleep 5432' in row[-1]]), 1)

    def test_a_stop_ends_the_check_and_a_start_begins_anew(self):
        container = self.run_(['sleep', '1000'], Healthcheck=check('CMD', 'true'))
        self.until_health(container, 'healthy')
        self.api.must(204, 'POST', f'/containers/{container}/stop', t=0)
        self.assertEqual(self.health(container)['Status'], 'unhealthy')
        self.assertRegex(self.listed(container)['Status'], r'^Exited \(137\)')
        count = len(self.health(container)['Log'])
        time.sleep(0.4)
        self.assertEqual(len(self.health(container)['Log']), count)
        self.api.start(container)
        self.assertIn(self.health(container)['Status'], ('starting', 'healthy'))
        self.until_health(container, 'healthy')

    def test_a_paused_container_is_not_looked_at(self):
        container = self.run_(['sleep', '1000'], Healthcheck=check('CMD', 'true', interval=200))
        self.until_health(container, 'healthy')
        self.api.must(204, 'POST', f'/containers/{container}/pause')
        self.assertEqual(self.health(container)['Status'], 'unhealthy')
        last = self.health(container)['Log'][-1]
        time.sleep(0.6)
        self.assertEqual(self.health(container)['Log'][-1], last)
        self.api.must(204, 'POST', f'/containers/{container}/unpause')
        self.until_health(container, 'healthy')

    def test_nothing_is_left_of_many_checks(self):
        container = self.run_(['sleep', '1000'], Healthcheck=check('CMD', 'true', interval=1))
        self.until_health(container, 'healthy')
        def descriptors():
            return len(os.listdir(f'/proc/{self.engine.pid}/fd'))
        before = descriptors()
        first = self.health(container)['Log'][-1]['Start']
        self.eventually(lambda: self.health(container)['Log'][0]['Start'] > first)
        time.sleep(2)
        self.api.must(204, 'POST', f'/containers/{container}/pause')
        self.eventually(lambda: descriptors() <= before + 2, f'{before}')
        self.api.must(204, 'POST', f'/containers/{container}/unpause')


class FromTheImage(HealthTest):
    def test_what_is_not_given_is_the_images(self):
        container = self.create(None, 'health')
        own = self.api.inspect(container)['Config']['Healthcheck']
        self.assertEqual(own, {'Test': ['CMD-SHELL', 'test -e /ok'], 'Interval': 200 * MS, 'Retries': 2})
        other = self.create(None, 'health', Healthcheck={'Retries': 7})
        self.assertEqual(self.api.inspect(other)['Config']['Healthcheck'], {**own, 'Retries': 7})
        off = self.run_(None, 'health', Healthcheck={'Test': ['NONE']})
        self.assertIsNone(self.health(off))
        self.api.start(container)
        self.until_health(container, 'unhealthy')


@case.lighterd_only
class Survival(HealthTest):
    def test_health_lives_through_a_killed_engine(self):
        container = self.run_(['sleep', '1000'], Healthcheck=check('CMD-SHELL', 'echo one >> /looks; test ! -e /bad', interval=500, retries=3))
        paused = self.run_(['sleep', '1000'], Healthcheck=check('CMD', 'true', interval=60000))
        before = self.until_health(container, 'healthy')
        since = time.time()
        self.engine.kill()
        self.engine.start()
        after = self.health(container)
        self.assertEqual((after['Status'], after['Log'][0]), ('healthy', before['Log'][0]))
        self.assertEqual(self.health(paused)['Status'], 'starting')
        self.eventually(lambda: self.health(container)['Log'][-1]['Start'] > before['Log'][-1]['Start'])
        self.run_in(container, 'touch', '/bad')
        self.until_health(container, 'unhealthy')
        self.assertEqual(self.status_events(container, since), ['health_status: unhealthy'])

    def test_a_check_that_hung_when_the_engine_died_is_ended(self):
        container = self.run_(['sleep', '1000'], Healthcheck=check('CMD-SHELL', 'sleep 4321; true', interval=200, timeout=60000))
        def hanging():
            top = self.api.must(200, 'GET', f'/containers/{container}/top', ps_args='-o pid,args').json
            return [row[0] for row in top['Processes'] if row[-1].startswith('/bin/sh -c sleep 4321') or row[-1] == 'sleep 4321']
        self.eventually(hanging)
        first = set(hanging())
        self.engine.kill()
        self.engine.start()
        self.eventually(lambda: hanging() and not first & set(hanging()))
        self.assertTrue(json.dumps(self.health(container)))
