"""The daemon's flags and daemon.json as containers feel them, and a reload."""

import json
import os
import signal

import case

PROFILE = {'defaultAction': 'SCMP_ACT_ALLOW',
           'syscalls': [{'names': ['mkdir', 'mkdirat'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 13}]}
PROFILE_PATH = f'/tmp/lt-profile-{os.getpid()}.json'
CONFIG_PATH = f'/tmp/lt-daemon-{os.getpid()}.json'
with open(PROFILE_PATH, 'w') as f:
    json.dump(PROFILE, f)
with open(CONFIG_PATH, 'w') as f:
    json.dump({'labels': ['stage=first']}, f)

OPTIONS = ['--default-ulimit', 'nofile=123:456', '--no-new-privileges', '--seccomp-profile', PROFILE_PATH,
           '--default-shm-size', '8m', '--init', '--config-file', CONFIG_PATH]


def tearDownModule():
    os.unlink(PROFILE_PATH)
    os.unlink(CONFIG_PATH)


class Settings(case.EngineTest):
    def test_default_limits_hold_unless_the_container_has_its_own(self):
        self.assertEqual(self.out('ulimit -n'), '123\n')
        own = {'Ulimits': [{'Name': 'nofile', 'Soft': 50, 'Hard': 60}]}
        self.assertEqual(self.out('ulimit -n', HostConfig=own), '50\n')

    def test_no_new_privileges_is_the_default_and_can_be_overridden(self):
        self.assertIn('1', self.out('grep NoNewPrivs /proc/self/status'))
        own = {'SecurityOpt': ['no-new-privileges=false']}
        self.assertIn('0', self.out('grep NoNewPrivs /proc/self/status', HostConfig=own))

    def test_the_seccomp_profile_is_the_daemons(self):
        self.assertIn('Permission denied', self.out('mkdir /made 2>&1; true'))
        self.out('mkdir /made', HostConfig={'SecurityOpt': ['seccomp=builtin']})

    def test_shm_and_init(self):
        self.assertIn('8192', self.out('df -k /dev/shm'))
        self.assertNotEqual(self.out('cat /proc/1/comm'), 'sh\n')

    def test_a_reload_takes_what_is_new_and_refuses_what_is_wrong(self):
        self.assertEqual(self.api.must(200, 'GET', '/info').json['Labels'], ['stage=first'])
        with open(CONFIG_PATH, 'w') as f:
            json.dump({'labels': ['stage=second']}, f)
        os.kill(case.ENGINE.pid, signal.SIGHUP)
        self.eventually(lambda: self.api.must(200, 'GET', '/info').json['Labels'] == ['stage=second'])
        with open(CONFIG_PATH, 'w') as f:
            f.write('{"labels": 3}')
        os.kill(case.ENGINE.pid, signal.SIGHUP)
        self.eventually(lambda: 'not reloaded' in case.ENGINE.log_tail())
        self.assertEqual(self.api.must(200, 'GET', '/info').json['Labels'], ['stage=second'])

    def test_restart_keeps_a_container_that_removes_itself(self):
        container = self.run_(['sleep', '1000'], HostConfig={'AutoRemove': True}, StopSignal='SIGKILL')
        self.api.must(204, 'POST', f'/containers/{container}/restart', t=0)
        self.assertTrue(self.state(container)['Running'])
        self.assertTrue(self.api.inspect(container)['HostConfig']['AutoRemove'])
        self.api.must(204, 'POST', f'/containers/{container}/stop', t=0)
        self.eventually(lambda: self.api.request('GET', f'/containers/{container}/json').status == 404)
