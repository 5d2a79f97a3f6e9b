"""Logs: order, streams, since and tail, time stamps, follow, odd bytes, rotation, and what a restarted daemon keeps."""

import json
import re

import case
import docker_api


class Logs(case.EngineTest):
    def test_streams_and_tail(self):
        container = self.run_(['sh', '-c', 'for i in 1 2 3 4 5; do echo err$i >&2; done; sleep 0.3; '
                               'for i in 1 2 3 4 5; do echo out$i; done'])
        self.api.wait(container)
        out, err = self.api.logs(container)
        self.assertEqual(out, b''.join(b'out%d\n' % i for i in range(1, 6)))
        self.assertEqual(err, b''.join(b'err%d\n' % i for i in range(1, 6)))
        self.assertEqual(self.api.logs(container, stderr=False), (out, b''))
        self.assertEqual(self.api.logs(container, stderr=False, tail='2')[0], b'out4\nout5\n')
        self.assertEqual(self.api.logs(container, stdout=False, tail='2')[1], b'')  # the last two of all lines are counted
        self.assertEqual(self.api.logs(container, stdout=False, tail='6')[1], b'err5\n')
        self.assertEqual(self.api.logs(container, tail='0'), (b'', b''))
        self.refused(400, 'GET', f'/containers/{container}/logs')

    def test_time_stamps_have_nine_digits(self):
        container = self.run_(['echo', 'hi'])
        self.api.wait(container)
        self.assertRegex(self.api.logs(container, timestamps=1)[0].decode(),
                         r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z hi\n$')

    def test_following_ends_with_the_container(self):
        container = self.run_(['sh', '-c', 'echo first; read x; seq 1 3000'], OpenStdin=True)
        connection, reply = self.api.open('GET', f'/containers/{container}/logs', follow=1, stdout=1)
        self.assertEqual(reply.status, 200)
        with self.api.hijack(f'/containers/{container}/attach', stdin=1, stream=1) as attached:
            attached.send(b'\n')
        out, _ = docker_api.demux(reply.read())
        connection.close()
        self.assertEqual(out, b'first\n' + b''.join(b'%d\n' % i for i in range(1, 3001)))

    def test_odd_bytes_and_long_lines_come_back(self):
        container = self.run_(['sh', '-c', r'''printf 'a\000b\033[1m"\\\n'; printf '{"log":"forged"}\n'; '''
                               r'head -c 100000 /dev/zero | tr "\0" x; echo; printf end'])
        self.api.wait(container)
        out, _ = self.api.logs(container)
        self.assertEqual(out, b'a\0b\x1b[1m"\\\n{"log":"forged"}\n' + b'x' * 100000 + b'\nend')

    def test_the_file_is_dockers(self):
        container = self.run_(['sh', '-c', 'echo hi; echo bad >&2'])
        self.api.wait(container)
        with open(self.api.inspect(container)['LogPath']) as f:
            rows = [json.loads(line) for line in f]
        self.assertEqual({(r['log'], r['stream']) for r in rows}, {('hi\n', 'stdout'), ('bad\n', 'stderr')})
        for row in rows:
            self.assertTrue(re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z', row['time']), row)

    def test_rotation_keeps_the_newest(self):
        container = self.run_(['seq', '1', '20000'],
                              host={'LogConfig': {'Type': 'json-file', 'Config': {'max-size': '100k', 'max-file': '2'}}})
        self.api.wait(container)
        numbers = [int(line) for line in self.api.logs(container)[0].split()]
        self.assertEqual(numbers, list(range(numbers[0], 20001)))
        self.assertGreater(numbers[0], 1)

    def test_driver_none_cannot_be_read(self):
        container = self.run_(['echo', 'hi'], host={'LogConfig': {'Type': 'none'}})
        self.api.wait(container)
        reply = self.api.get(f'/containers/{container}/logs', stdout=1)
        self.assertIn(b'does not support reading', reply.body)

    @case.lighterd_only  # dockerd's own containerd does not come back after its kill -9
    def test_they_outlive_a_killed_daemon(self):
        container = self.run_(['sh', '-c', 'i=0; while [ $i -lt 40 ]; do echo $i; i=$((i+1)); sleep 0.1; done; exit 9'])
        self.eventually(lambda: b'5\n' in self.api.logs(container)[0])
        self.engine.kill()
        self.engine.start()
        self.assertEqual(self.api.wait(container), 9)
        self.assertEqual(self.api.logs(container)[0], b''.join(b'%d\n' % i for i in range(40)))
