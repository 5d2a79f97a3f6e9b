"""Events: their order and attributes, filters, the past, and a stream that comes as things happen."""

import json
import time

import case


class Events(case.EngineTest):
    def names(self, since, **filters):
        return [f"{e['Type']} {e['Action']}" for e in self.events(since, **filters)]

    def test_a_short_life(self):
        since = time.time()
        container = self.create(['sh', '-c', 'exit 3'], name='lives', Labels={'l': 'v'})
        self.api.start(container)
        self.api.wait(container)
        self.eventually(lambda: 'network disconnect' in self.names(since))
        self.api.remove(container)
        told = self.events(since)
        self.assertEqual([f"{e['Type']} {e['Action']}" for e in told if e['Type'] == 'container'],
                         ['container create', 'container start', 'container die', 'container destroy'])
        self.assertEqual({f"{e['Type']} {e['Action']}" for e in told if e['Type'] == 'network'},
                         {'network connect', 'network disconnect'})
        for event in told:
            self.assertEqual(event['scope'], 'local')
            self.assertEqual(event['timeNano'] // 10**9, event['time'])
            if event['Type'] == 'container':
                attributes = event['Actor']['Attributes']
                self.assertEqual(event['Actor']['ID'], container)
                self.assertEqual((attributes['name'], attributes['image'], attributes['l']), ('lives', 'busybox', 'v'))
            else:
                self.assertEqual(event['Actor']['Attributes']['container'], container)
                self.assertEqual(event['Actor']['Attributes']['name'], 'bridge')
        die = [e for e in told if e['Action'] == 'die'][0]
        self.assertEqual(die['Actor']['Attributes']['exitCode'], '3')

    def test_stop_kill_rename_restart(self):
        container = self.run_(['sleep', '1000'], name='before', StopSignal='SIGKILL')
        since = time.time()
        self.api.must(204, 'POST', f'/containers/{container}/rename', name='after')
        self.api.must(204, 'POST', f'/containers/{container}/restart', t=5)
        self.api.must(204, 'POST', f'/containers/{container}/stop', t=5)
        told = self.events(since, type=['container'])
        self.assertEqual([e['Action'] for e in told],
                         ['rename', 'kill', 'die', 'stop', 'start', 'restart', 'kill', 'die', 'stop'])
        self.assertEqual(told[0]['Actor']['Attributes']['oldName'], '/before')
        self.assertEqual(told[0]['Actor']['Attributes']['name'], 'after')
        self.assertEqual(told[1]['Actor']['Attributes']['signal'], '9')

    def test_filters(self):
        since = time.time()
        one = self.run_(['true'], name='first', Labels={'which': 'one'})
        two = self.run_(['true'], name='second')
        for container in (one, two):
            self.api.wait(container)
        self.assertEqual({e['Actor']['ID'] for e in self.events(since, container=['first'])}, {one})
        self.assertEqual({e['Actor']['ID'] for e in self.events(since, container=[two[:12]])}, {two})
        self.assertEqual({e['Actor']['ID'] for e in self.events(since, label=['which=one'])}, {one})
        self.assertEqual([e['Action'] for e in self.events(since, event=['die'], container=['second'])], ['die'])
        self.assertEqual(self.events(since, image=['nothing']), [])
        self.assertEqual({e['Action'] for e in self.events(since, image=['busybox'], type=['container'])},
                         {'create', 'start', 'die'})

    def test_tagging_and_removing_an_image(self):
        since = time.time()
        self.api.must(201, 'POST', '/images/busybox/tag', repo='other', tag='name')
        self.api.must(200, 'DELETE', '/images/other:name')
        told = self.events(since, type=['image'])
        self.assertEqual([e['Action'] for e in told], ['tag', 'untag'])
        self.assertEqual(told[0]['Actor']['Attributes']['name'], 'other:name')
        self.assertTrue(told[0]['Actor']['ID'].startswith('sha256:'))

    def test_a_stream_comes_as_things_happen(self):
        container = self.create(['true'])
        connection, reply = self.api.open('GET', '/events', filters=json.dumps({'container': [container]}))
        self.assertEqual(reply.status, 200)
        self.api.start(container)
        self.assertEqual(json.loads(reply.readline())['Action'], 'start')
        self.assertEqual(json.loads(reply.readline())['Action'], 'die')
        connection.close()

    def test_until_in_the_future_ends_the_stream(self):
        begin = time.time()
        self.assertEqual(self.events(begin, until=begin + 0.5, container=['nobody']), [])
        self.assertGreaterEqual(time.time(), begin + 0.5)

    def test_since_after_until_is_400(self):
        self.assertIn('cannot be after', self.refused(400, 'GET', '/events', since=20, until=10))
