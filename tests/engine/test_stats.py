"""pause, update, prune and stats."""

import json
import time

import case


class Pause(case.EngineTest):
    def test_a_paused_container_stands_still(self):
        container = self.run_(['sh', '-c', 'while :; do echo x; sleep 0.05; done'])
        self.api.must(204, 'POST', f'/containers/{container}/pause')
        self.assertEqual((self.state(container)['Status'], self.state(container)['Paused']), ('paused', True))
        self.assertIn('already paused', self.refused(409, 'POST', f'/containers/{container}/pause'))
        self.assertIn('paused', self.refused(409, 'POST', f'/containers/{container}/exec', {'Cmd': ['true']}))
        time.sleep(0.3)
        before = len(self.api.logs(container)[0])
        time.sleep(0.4)
        self.assertEqual(len(self.api.logs(container)[0]), before)
        self.api.must(204, 'POST', f'/containers/{container}/unpause')
        self.eventually(lambda: len(self.api.logs(container)[0]) > before)

    def test_a_paused_container_can_be_stopped(self):
        container = self.run_(['sleep', '1000'])
        self.api.must(204, 'POST', f'/containers/{container}/pause')
        self.api.must(204, 'POST', f'/containers/{container}/stop', t=1)
        self.assertEqual(self.state(container)['Status'], 'exited')
        self.refused(409, 'POST', f'/containers/{container}/pause')


class Update(case.EngineTest):
    def test_limits_change_while_it_runs(self):
        container = self.run_(['sleep', '1000'], host={'Memory': 64 << 20})
        path = f'/containers/{container}/update'
        self.assertIn('Warnings', self.api.must(200, 'POST', path, {'Memory': 100 << 20, 'PidsLimit': 33}).json)
        host = self.api.inspect(container)['HostConfig']
        self.assertEqual((host['Memory'], host['MemorySwap'], host['PidsLimit']), (100 << 20, 128 << 20, 33))
        self.assertEqual(self.api.must(200, 'GET', f'/containers/{container}/stats', stream=0, **{'one-shot': 1})
                         .json['memory_stats']['limit'], 100 << 20)
        self.assertIn('already set memoryswap', self.refused(409, 'POST', path, {'Memory': 200 << 20}))
        self.assertIn('6MB', self.refused(400, 'POST', path, {'Memory': 1}))
        self.assertIn('CPUs', self.refused(400, 'POST', path, {'CpusetCpus': '0-1000'}))
        self.assertIn('restart policy', self.refused(400, 'POST', path, {'RestartPolicy': {'Name': 'x'}}))
        self.api.must(200, 'POST', path, {'RestartPolicy': {'Name': 'always'}})
        self.assertEqual(self.api.inspect(container)['HostConfig']['RestartPolicy']['Name'], 'always')


class Prune(case.EngineTest):
    def test_only_what_has_stopped_goes(self):
        running, stopped = self.run_(['sleep', '1000']), self.create(['true'], Labels={'keep': '1'})
        self.refused(400, 'POST', '/containers/prune', filters=json.dumps({'nope': ['x']}))
        kept = self.api.must(200, 'POST', '/containers/prune', filters=json.dumps({'label!': ['keep']})).json
        self.assertNotIn(stopped, kept['ContainersDeleted'] or [])
        gone = self.api.must(200, 'POST', '/containers/prune').json
        self.assertIn(stopped, gone['ContainersDeleted'])
        self.assertTrue(self.state(running)['Running'])


class Stats(case.EngineTest):
    def test_a_busy_container(self):
        container = self.run_(['sh', '-c', 'while :; do :; done'], host={'Memory': 64 << 20})
        stats = self.api.must(200, 'GET', f'/containers/{container}/stats', stream=0).json
        used = stats['cpu_stats']['cpu_usage']['total_usage'] - stats['precpu_stats']['cpu_usage']['total_usage']
        self.assertGreater(used, 10_000_000)
        self.assertGreater(stats['cpu_stats']['system_cpu_usage'], stats['precpu_stats']['system_cpu_usage'])
        self.assertEqual(stats['memory_stats']['limit'], 64 << 20)
        self.assertIn('pgfault', stats['memory_stats']['stats'])
        self.assertIn('eth0', stats['networks'])
        self.assertGreaterEqual(stats['pids_stats']['current'], 1)
        self.assertEqual((stats['id'], stats['name'][0]), (container, '/'))

    def test_one_shot_stream_and_stopped(self):
        container = self.run_(['sleep', '1000'])
        path = f'/containers/{container}/stats'
        one = self.api.must(200, 'GET', path, stream=0, **{'one-shot': 1}).json
        self.assertEqual(one['precpu_stats']['cpu_usage']['total_usage'], 0)
        self.refused(400, 'GET', path, **{'one-shot': 1})
        connection, reply = self.api.open('GET', path)
        first, second = json.loads(reply.readline()), json.loads(reply.readline())
        self.assertEqual(first['preread'], '0001-01-01T00:00:00Z')
        self.assertEqual(second['preread'], first['read'])
        connection.close()
        self.api.must(204, 'POST', f'/containers/{container}/stop', t=0)
        stopped = self.api.must(200, 'GET', path, stream=0).json
        self.assertEqual((stopped['read'], stopped['id'], stopped['memory_stats']), ('0001-01-01T00:00:00Z', container, {}))
