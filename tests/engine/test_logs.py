"""Logs: order, streams, since and tail, time stamps, follow, odd bytes, rotation, and what a restarted daemon keeps."""

import calendar
import glob
import json
import os
import random
import re
import time

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


class File(case.EngineTest):
    """The file itself, as other programs read it (and as cuts of the power leave it)."""

    def files(self, container):
        """Oldest first."""
        path = self.api.inspect(container)['LogPath']
        return sorted(glob.glob(path + '.*'), key=lambda p: -int(p.rsplit('.', 1)[1])) + [path]

    def rows(self, container):
        rows = []
        for path in self.files(container):
            with open(path, 'rb') as f:
                rows += [json.loads(line) for line in f]
        return rows

    def test_every_byte_of_a_record_is_dockers(self):
        container = self.run_(['printf', r'a\tb\001<&>"\\\177\033[1m\xe2\x80\xa8 \xc3\xa4 \xff\xfe \xe2\x82 \r\n'])
        self.api.wait(container)
        with open(self.api.inspect(container)['LogPath'], 'rb') as f:
            line = f.read()
        self.assertRegex(line, rb'^\{"log":"[^\n]*","stream":"stdout","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"\}\n$')
        self.assertEqual(line[:line.index(b',"stream"')],
                         rb'{"log":"a\u0009b\u0001\u003c\u0026\u003e\"\\' + b'\x7f' + rb'\u001b[1m\u2028 ' + b'\xc3\xa4'
                         + rb' \ufffd\ufffd \ufffd\ufffd \r\n"')
        self.assertEqual(self.api.logs(container)[0], 'a\tb\1<&>"\\\x7f\x1b[1m\u2028 \xe4 \ufffd\ufffd \ufffd\ufffd \r\n'.encode())

    def test_long_lines_are_records_of_16_kib(self):
        container = self.run_(['sh', '-c', 'head -c 40000 /dev/zero | tr "\\0" x; echo; echo next'])
        self.api.wait(container)
        rows = [r['log'] for r in self.rows(container)]
        self.assertEqual([len(r) for r in rows], [16384, 16384, 40000 - 2 * 16384 + 1, 5])
        self.assertEqual([r.endswith('\n') for r in rows], [False, False, True, True])
        self.assertEqual(len({r['time'] for r in self.rows(container)[:3]}), 1)

    @case.lighterd_only  # a follower of 20.10's loses lines at a rotation
    def test_rotation_keeps_size_and_number_and_loses_nothing(self):
        container = self.create(['sh', '-c', 'i=0; while [ $i -lt 4000 ]; do echo line-$i; i=$((i+1)); done'],
                                host={'LogConfig': {'Type': 'json-file', 'Config': {'max-size': '20k', 'max-file': '50'}}})
        self.api.start(container)
        connection, reply = self.api.open('GET', f'/containers/{container}/logs', follow=1, stdout=1)
        followed = docker_api.demux(reply.read())[0]
        connection.close()
        wanted = b''.join(b'line-%d\n' % i for i in range(4000))
        self.assertEqual(self.api.wait(container), 0)
        self.assertEqual(followed, wanted)
        self.assertEqual(self.api.logs(container)[0], wanted)
        self.assertEqual(''.join(r['log'] for r in self.rows(container)).encode(), wanted)
        files = self.files(container)
        self.assertGreater(len(files), 10)
        for path in files[:-1]:
            size = os.stat(path).st_size
            self.assertLessEqual(size, 20 * 1024)
            self.assertGreater(size, 20 * 1024 - 200)

    def test_the_number_of_files_is_kept(self):
        container = self.run_(['seq', '1', '20000'],
                              host={'LogConfig': {'Type': 'json-file', 'Config': {'max-size': '50k', 'max-file': '3'}}})
        self.api.wait(container)
        self.assertEqual(len(self.files(container)), 3)
        numbers = [int(r['log']) for r in self.rows(container)]
        self.assertEqual(numbers, list(range(numbers[0], 20001)))

    @case.lighterd_only
    def test_logs_are_bounded_by_default(self):
        container = self.run_(['sh', '-c', 'head -c 60000000 /dev/zero | tr "\\0" x'])
        self.api.wait(container)
        self.assertEqual(len(self.files(container)), 3)
        self.assertLess(sum(os.stat(p).st_size for p in self.files(container)), 31 << 20)

    def test_since_until_and_tail(self):
        container = self.run_(['sh', '-c', 'for i in 1 2 3 4 5; do echo $i; sleep 0.2; done'])
        self.api.wait(container)
        lines = self.api.logs(container, timestamps=1)[0].decode().split('\n')[:-1]
        def seconds(line):
            day, fraction = line.split(' ')[0][:-1].split('.')
            return f'{int(calendar.timegm(time.strptime(day, "%Y-%m-%dT%H:%M:%S")))}.{fraction}'
        times = [seconds(line) for line in lines]
        def got(**query):
            return self.api.logs(container, **query)[0].decode().split()
        self.assertEqual(got(since=times[2]), ['3', '4', '5'])
        self.assertEqual(got(until=times[2]), ['1', '2', '3'])
        self.assertEqual(got(since=times[1], until=times[3]), ['2', '3', '4'])
        self.assertEqual(got(since=times[1], tail=2), ['4', '5'])
        self.assertEqual(got(tail=2), ['4', '5'])
        self.assertEqual(got(tail='all'), ['1', '2', '3', '4', '5'])
        self.assertEqual(got(tail=0), [])
        self.assertEqual(got(since=int(times[4].split('.')[0]) + 5), [])
        self.assertEqual(got(until=0), ['1', '2', '3', '4', '5'])

    @case.lighterd_only
    def test_a_log_that_was_cut_and_spoilt_is_read_as_far_as_it_is_whole(self):
        container = self.run_(['sh', '-c', 'echo first; echo second'])
        self.api.wait(container)
        path = self.api.inspect(container)['LogPath']
        with open(path, 'rb') as f:
            good = f.read()
        record = b'{"log":"third\\n","stream":"stdout","time":"2030-01-02T03:04:05Z"}\n'
        for spoilt, wanted in ((b'\0' * 5000, b''), (b'garbage\n' + record, b'third\n'), (b'\0' * 4096 + record, b'third\n'),
                               (b'{"log":"torn', b''), (b'{"log":"torn\n' + record, b'third\n'),
                               (b'{}\n[]\nnull\n\n' + record, b'third\n'), (b'\xff\xfe\n' + record, b'third\n'),
                               (b'x' * 3000000 + b'\n' + record, b'third\n'), (record[:-1], b'')):
            with self.subTest(spoilt=spoilt[:40]):
                with open(path, 'wb') as f:
                    f.write(good + spoilt)
                self.assertEqual(self.api.logs(container)[0], b'first\nsecond\n' + wanted)
                self.assertTrue(self.api.logs(container, tail=1)[0] in (wanted, b'second\n'))
        # What is written next does not disappear in a torn line.
        with open(path, 'wb') as f:
            f.write(good + b'{"log":"torn')
        self.api.start(container)
        self.api.wait(container)
        self.assertEqual(self.api.logs(container)[0], b'first\nsecond\n' * 2)
        with open(path, 'wb') as f:
            f.write(good + b'\0' * 8000)
        self.api.start(container)
        self.api.wait(container)
        self.assertEqual(self.api.logs(container)[0], b'first\nsecond\n' * 2)
        os.unlink(path)
        self.assertEqual(self.api.logs(container)[0], b'')

    @case.lighterd_only
    def test_a_link_in_the_place_of_the_log_is_not_followed(self):
        container = self.create(['echo', 'hi'])
        path = self.api.inspect(container)['LogPath']
        canary = os.path.join(self.engine.folder, 'canary')
        with open(canary, 'w') as f:
            f.write('untouched')
        os.symlink(canary, path)
        self.api.start(container)
        self.assertEqual(self.api.wait(container), 0)
        with open(canary) as f:
            self.assertEqual(f.read(), 'untouched')
        self.assertNotIn(b'untouched', self.api.get(f'/containers/{container}/logs', stdout=1).body)

    def test_driver_none_in_dockers_words(self):
        container = self.run_(['echo', 'hi'], host={'LogConfig': {'Type': 'none'}})
        self.api.wait(container)
        self.assertEqual(self.refused(501, 'GET', f'/containers/{container}/logs', stdout=1),
                         'configured logging driver does not support reading')
        self.assertEqual(self.api.inspect(container)['LogPath'], '')
        container = self.create(['echo', 'hi'], host={'LogConfig': {'Type': 'none'}})
        with self.api.hijack(f'/containers/{container}/attach', stdout=1, stream=1) as attached:
            self.api.start(container)
            self.assertEqual(attached.frames()[0], b'hi\n')


class Amount(case.EngineTest):
    TINY = int(os.environ.get('LIGHTER_TINY_WRITES', '1000000'))  # the full run: 10000000
    LINE = int(os.environ.get('LIGHTER_LINE_BYTES', '134217728'))  # and 1073741824

    def anonymous(self):
        with open(f'/proc/{self.engine.pid}/smaps_rollup') as f:
            return sum(int(line.split()[1]) for line in f if line.startswith('Anonymous:'))

    def peak(self, container, seconds=250):
        """How much larger the engine was while it ran, in KiB."""
        before, most = self.anonymous(), 0
        self.api.start(container)
        until = time.monotonic() + seconds
        while self.state(container)['Running']:
            most = max(most, self.anonymous())
            self.assertLess(time.monotonic(), until, 'it takes too long')
            time.sleep(0.05)
        return most - before

    @case.lighterd_only
    def test_tiny_writes_and_an_endless_line_take_no_memory(self):
        for name, script in (('writes of one byte', f'dd if=/dev/zero bs=1 count={self.TINY} 2>/dev/null'),
                             ('writes of one byte to a terminal', 'dd if=/dev/zero bs=1 count=200000 2>/dev/null'),
                             ('one endless line', f'head -c {self.LINE} /dev/zero | tr "\\0" x')):
            with self.subTest(what=name):
                container = self.create(['sh', '-c', script], Tty='terminal' in name,
                                        host={'LogConfig': {'Type': 'json-file', 'Config': {'max-size': '5m', 'max-file': '2'}}})
                began = time.monotonic()
                peak = self.peak(container)
                print(f'  {name}: {time.monotonic() - began:.1f} s, {peak} KiB more')
                self.assertLess(peak, 8 * 1024)
                self.assertEqual(self.state(container)['ExitCode'], 0)


class Killed(case.EngineTest):
    @case.lighterd_only
    def test_sequence_numbers_are_continuous_across_kills_and_rotation(self):
        for name, script in (('steady', 'i=0; while [ ! -e /stop ]; do echo $i; i=$((i+1)); done'),
                             ('unfinished lines', 'i=0; while [ ! -e /stop ]; do printf "$i "; i=$((i+1)); '
                              '[ $((i % 7)) = 0 ] && echo; done')):
            with self.subTest(what=name):
                container = self.run_(['sh', '-c', script], host={
                    'LogConfig': {'Type': 'json-file', 'Config': {'max-size': '300k', 'max-file': '1000'}}})
                pid = self.state(container)['Pid']
                for _ in range(5):
                    time.sleep(random.uniform(0.05, 0.2))
                    self.engine.kill()
                    time.sleep(random.uniform(0, 0.2))
                    self.engine.start()
                open(f'/proc/{pid}/root/stop', 'w').close()
                self.api.wait(container)
                numbers = [int(word) for word in self.api.logs(container)[0].split()]
                gaps = [(a, b) for a, b in zip(numbers, numbers[1:]) if b != a + 1]
                self.assertEqual((numbers[0], gaps), (0, []), f'{len(numbers)} numbers')
