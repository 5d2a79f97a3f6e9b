"""Clients that are slow, broken or hostile: nothing they send is run twice or by half, nobody else waits for them, and the
engine is as small afterwards as before (security-cases H1-H3, H5-H7, H9, H10). Most of it is a promise of lighterd alone:
dockerd's HTTP server takes more."""

import json
import os
import re
import resource
import socket
import threading
import time

import case
import docker_api
import engine as engines

JSON = {'Content-Type': 'application/json'}


class BadClients(case.EngineTest):
    def talk(self, data, timeout=5):
        """Sends bytes, half-closes, gives everything that comes back."""
        with docker_api.dial(self.engine.socket, timeout) as sock:
            out = b''
            try:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                while got := sock.recv(65536):
                    out += got
            except (TimeoutError, ConnectionError):
                pass
            return out

    def footprint(self):
        """(descriptors, threads, anonymous memory in KiB) of the engine."""
        pid = self.engine.pid
        with open(f'/proc/{pid}/smaps_rollup') as f:
            anonymous = sum(int(line.split()[1]) for line in f if line.startswith('Anonymous:'))
        return len(os.listdir(f'/proc/{pid}/fd')), len(os.listdir(f'/proc/{pid}/task')), anonymous

    def settled(self, before, kib):
        """Descriptors and memory are back where they were, up to `kib`."""
        def back():
            now = self.footprint()
            return now[0] <= before[0] and now[2] <= before[2] + kib
        self.eventually(back, f'{before} before, {self.footprint()} now', 20)

    def alive(self):
        self.assertEqual(self.api.get('/_ping', version='').status, 200)


class Framing(BadClients):
    @case.lighterd_only
    def test_nothing_behind_a_malformed_request_is_run(self):
        create = b'POST /v1.41/containers/create?name=smuggled HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n' \
                 b'Content-Length: 19\r\n\r\n{"Image":"busybox"}'
        post = b'POST /v1.41/containers/none/kill HTTP/1.1\r\nHost: d\r\n'
        chunked = post + b'Transfer-Encoding: chunked\r\n\r\n'
        for bad in (post + b'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
                    post + b'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n',
                    post + b'Content-Length: 0\r\nContent-Length: 6\r\n\r\n',
                    post + b'Content-Length: 0, 6\r\n\r\n', post + b'Content-Length: +0\r\n\r\n',
                    post + b'Content-Length: -1\r\n\r\n', post + b'Content-Length: 0 0\r\n\r\n',
                    post + b'Content-Length: 0x0\r\n\r\n', post + b'Content-Length : 0\r\n\r\n',
                    post + b'Transfer-Encoding: gzip\r\n\r\n', post + b'Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n',
                    post + b'Transfer-Encoding: xchunked\r\n\r\n', post + b'X: a\n\r\n', post + b'X: a\rb\r\n\r\n',
                    post + b'X: a\r\n folded\r\n\r\n', post + b'X: a\0b\r\n\r\n', post + b'X y: 1\r\n\r\n',
                    post + b'Host: second\r\n\r\n', b'POST / HTTP/1.1\r\n\r\n', b'GET\0 / HTTP/1.1\r\nHost: d\r\n\r\n',
                    b'GET / HTTP/1.1\nHost: d\n\n', b'GET  / HTTP/1.1\r\nHost: d\r\n\r\n',
                    chunked + b'x\r\n', chunked + b'-1\r\na\r\n0\r\n\r\n', chunked + b'1\na\r\n0\r\n\r\n',
                    chunked + b'1\r\nab\r\n0\r\n\r\n', chunked + b'FFFFFFFFFFFFFFFFF\r\n', chunked + b'1 \r\na\r\n0\r\n\r\n'):
            with self.subTest(bad=bad):
                out = self.talk(bad + create)
                statuses = re.findall(rb'HTTP/1\.1 (\d+) ', out)
                # A bad chunk may come after the answer to its request's head; nothing comes after it.
                self.assertIn(statuses, ([b'400'], [b'404'], [b'404', b'400'], [b'409'], [b'505']), out)
                self.assertTrue(b'400' in statuses or bad.startswith(chunked), out)
                self.assertEqual(self.api.get('/containers/smuggled/json').status, 404)
        self.assertEqual(self.api.ps(), [])
        self.alive()

    def test_half_requests_leave_nothing(self):
        whole = b'POST /v1.41/containers/create?name=half HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n' \
                b'Content-Length: 19\r\n\r\n{"Image":"busybox"}'
        before = self.footprint()
        for size in range(0, len(whole), 3):
            self.talk(whole[:size])
        self.assertEqual(self.api.get('/containers/half/json').status, 404)
        self.settled(before, 4096)

    @case.lighterd_only
    def test_heads_and_bodies_have_limits(self):
        for data, status in ((b'GET /_ping HTTP/1.1\r\nHost: d\r\nX: ' + b'a' * (1 << 20) + b'\r\n\r\n', b'431'),
                             (b'GET /_ping HTTP/1.1\r\nHost: d\r\n' + b'X: a\r\n' * 10000 + b'\r\n', b'431'),
                             (b'GET /' + b'a' * (1 << 20) + b' HTTP/1.1\r\nHost: d\r\n\r\n', b'4')):
            out = self.talk(data)
            self.assertTrue(out.startswith(b'HTTP/1.1 ' + status), out[:200])
        before = self.footprint()
        huge = b'POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n'
        for framing in (b'Content-Length: 1073741824\r\n\r\n', b'Transfer-Encoding: chunked\r\n\r\n'):
            with docker_api.dial(self.engine.socket, 10) as sock:
                piece = b'{"Image":"' + b'x' * 65526
                piece = piece if b'Length' in framing else b'%x\r\n%s\r\n' % (len(piece), piece)
                sent = 0
                try:
                    sock.sendall(huge + framing)
                    for _ in range(1024):  # 64 MiB
                        sock.sendall(piece)
                        sent += len(piece)
                except (ConnectionError, TimeoutError):
                    pass
                sock.settimeout(5)
                try:
                    self.assertIn(sock.recv(100)[:12], (b'HTTP/1.1 413', b'HTTP/1.1 400'))
                except ConnectionError:
                    pass
                self.assertLess(sent, 16 << 20)
        self.settled(before, 8192)
        self.alive()


class Slow(BadClients):
    @case.lighterd_only
    def test_a_thousand_slow_connections_bother_nobody(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
        self.alive()
        before = self.footprint()
        heads = (b'', b'GET /_ping HT', b'POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n'
                 b'Content-Length: 5000\r\n\r\n{"Image":"b', b'GET /v1.41/events HTTP/1.1\r\nHost: d\r\n\r\n')
        held, full = [], 0
        while len(held) < 1000:
            try:
                sock = docker_api.dial(self.engine.socket)
            except BlockingIOError:  # they come faster than a busy machine lets the engine take them
                full += 1
                time.sleep(0.01)
                continue
            held.append(sock)
            self.addCleanup(sock.close)
            sock.sendall(heads[len(held) % len(heads)])
        print(f'  the backlog was full {full} times')
        took = []
        for _ in range(100):
            began = time.monotonic()
            self.alive()
            took.append(time.monotonic() - began)
        during = self.footprint()
        print(f'  1,000 slow connections: ping {sorted(took)[50] * 1e3:.1f} ms in the middle, {max(took) * 1e3:.1f} ms at most, '
              f'{(during[2] - before[2]) / 1000:.1f} KiB a connection')
        self.assertLess(sorted(took)[50], 0.05)
        self.assertLess(max(took), 1)
        self.assertLess(during[2] - before[2], 16 * 1024)
        self.assertEqual(self.api.output('busybox', ['echo', 'fine'])[1], 'fine\n')
        for sock in held:
            sock.close()
        self.settled(before, 4096)

    @case.lighterd_only
    def test_a_reader_that_stops_costs_a_bounded_buffer(self):
        container = self.create(['sh', '-c', 'read x; head -c 100000000 /dev/zero | tr "\\0" x; echo done >&2'], OpenStdin=True,
                                host={'LogConfig': {'Type': 'json-file', 'Config': {'max-size': '1m', 'max-file': '2'}}})
        with self.api.hijack(f'/containers/{container}/attach', stdin=1, stdout=1, stream=1) as stalled, \
                self.api.hijack(f'/containers/{container}/attach', stderr=1, stream=1) as other:
            self.api.start(container)
            before = self.footprint()
            connection, follow = self.api.open('GET', f'/containers/{container}/logs', follow=1, stdout=1)
            stalled.send(b'go\n')
            self.assertEqual(other.read_until(b'done\n', 60)[8:], b'done\n')  # the program went on to its end
            self.assertLess(self.footprint()[2] - before[2], 24 * 1024)
            connection.close()
            self.assertEqual(self.api.wait(container), 0)
        self.settled(before, 8192)


class Documents(BadClients):
    def create_status(self, body):
        reply = self.api.request('POST', '/containers/create', body, JSON)
        if reply.status == 201:
            self.api.remove(reply.json['Id'])
        return reply

    @case.younger_than_peer
    def test_json_of_every_wrong_kind_is_400_and_names_the_field(self):
        for body, words in ((b'{', ''), (b'', 'config cannot be empty'), (b'[]', 'array'), (b'"text"', ''), (b'5', ''),
                            (b'{"Image":5}', 'Image'), (b'{"Image":"busybox","Cmd":{}}', 'Cmd'),
                            (b'{"Image":"busybox","HostConfig":{"Memory":"1"}}', 'Memory'),
                            (b'{"Image":"busybox","HostConfig":{"Memory":1e30}}', 'Memory'),
                            (b'{"Image":"busybox","HostConfig":{"Memory":9223372036854775808}}', 'Memory'),
                            (b'{"Image":"busybox","HostConfig":{"Memory":1.5}}', 'Memory'),
                            (b'{"Image":"busybox","HostConfig":{"Memory":NaN}}', ''),
                            (b'{"Image":"busybox","Tty":"yes"}', 'Tty'),
                            (b'{"Image":"busybox","Image":"other"}', 'Image'),
                            (b'{"Image":"busybox","image":"other"}', 'Image'),
                            (b'{"Image":"busybox"} {}', 'unexpected content after JSON'),
                            (b'{"Image":"busybox"}x', 'unexpected content after JSON'),
                            (b'{"Image":"busy\\u0000box"}', 'Image'), (b'{"Image":"busybox","Cmd":["a\\u0000b"]}', 'Cmd'),
                            (b'{"Image":"busybox","Env":["A=\\u0000"]}', 'Env'),
                            (b'{"Image":"\xff\xfe"}', ''), (b'{"Image":"\\ud800"}', ''), (b'{"Image":"busybox",}', ''),
                            (b'{"X":' + b'[' * 200 + b']' * 200 + b'}', 'depth'), (b'[' * 100000, ''),
                            (b'{"a":' * 100000, ''), (b'{"Image":"busybox","Labels":{"a":"1","a":"2"}}', 'Labels'),
                            (b'\x00' * 100, ''), (b'\xef\xbb\xbf{"Image":"busybox"}', '')):
            with self.subTest(body=body[:60]):
                reply = self.create_status(body)
                self.assertEqual(reply.status, 400, reply)
                self.assertIn(words, reply.message)
        self.assertEqual(self.api.ps(), [])

    def test_large_documents_are_read_or_refused(self):
        env = [f'V{i}=' + 'x' * 1000 for i in range(1000)]
        reply = self.create_status(json.dumps({'Image': 'busybox', 'Cmd': ['true'], 'Env': env}))
        self.assertEqual(reply.status, 201, reply)
        if self.engine.kind == 'lighterd':
            out = self.talk(b'POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n'
                            b'Content-Length: 8388608\r\n\r\n')
            self.assertTrue(out.startswith(b'HTTP/1.1 413'), out)
        self.alive()

    @case.lighterd_only
    def test_names_ids_and_paths_stay_names(self):
        for name in ('..', '../x', '.', '-x', '%2e%2e', 'a' * 4096, 'x\u00e9', 'a b', 'a\x00b', 'a/b', '/', '//', 'a\nb'):
            reply = self.api.post('/containers/create', {'Image': 'busybox'}, name=name)
            self.assertEqual(reply.status, 400, (name, reply))
        for name in ('..', '%2e%2e', '..%2f..%2fetc', 'a%00b', '%ff%fe', 'x' * 4096, '-x', '.', "a';--", '%2e%2e%2f' * 50):
            for method, path in (('GET', f'/containers/{name}/json'), ('DELETE', f'/containers/{name}'),
                                 ('GET', f'/images/{name}/json'), ('POST', f'/containers/{name}/start'),
                                 ('GET', f'/containers/{name}/logs?stdout=1')):
                reply = self.api.request(method, path)
                self.assertIn(reply.status, (400, 404) if self.engine.kind == 'lighterd' else (301, 400, 404), (method, path))
        self.alive()

    @case.lighterd_only
    def test_queries_of_every_wrong_kind(self):
        container = self.create(['true'])
        for path, params in (('/containers/json', {'limit': 'x'}), ('/containers/json', {'limit': '99999999999999999999'}),
                             ('/containers/json', {'filters': '{"status":["nonsense"]}'}),
                             ('/containers/json', {'filters': '{"exited":["x"]}'}),
                             ('/containers/json', {'filters': '{"nonsense":["x"]}'}),
                             ('/events', {'since': 'yesterday', 'until': 1}), ('/events', {'since': 5, 'until': 'x'}),
                             ('/events', {'filters': '{"nonsense":["x"]}', 'until': 1}),
                             (f'/containers/{container}/logs', {'stdout': 1, 'since': 'x'})):
            with self.subTest(path=path, params=params):
                reply = self.api.get(path, **params)
                self.assertGreaterEqual(reply.status, 400, reply)
                if self.engine.kind == 'lighterd':
                    self.assertEqual(reply.status, 400, reply)
                    self.assertTrue(reply.message)
        for filters in ('{', '[]', '5', '{"name":5}', '{"name":[5]}', '{"name":{"x":1}}', '{"a":' * 50):
            self.assertGreaterEqual(self.api.get('/containers/json', filters=filters).status, 400, filters)
        # A pattern that takes ages elsewhere is matched in time, or is none.
        began = time.monotonic()
        for pattern in ('(a+)+$', '(' * 2000 + ')' * 2000, '[', 'a{1000}{1000}', '^' + '(a|aa)+' * 20 + '$'):
            self.api.get('/containers/json', all=1, filters=json.dumps({'name': [pattern]}))
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(self.api.logs(container, tail='nonsense'), (b'', b''))
        self.alive()


class Hijacked(BadClients):
    def test_early_bytes_go_to_stdin_after_101_and_nowhere_after_an_error(self):
        container = self.create(['cat'], OpenStdin=True, StdinOnce=True)
        self.api.start(container)
        with self.api.hijack(f'/containers/{container}/attach', stdin=1, stdout=1, stream=1, early=b'early\n') as attached:
            self.assertEqual(attached.status, 101)
            attached.send(b'late\n')
            attached.half_close()
            self.assertEqual(attached.frames()[0], b'early\nlate\n')
        smuggled = b'POST /v1.41/containers/create?name=smuggled HTTP/1.1\r\nHost: d\r\n' \
                   b'Content-Type: application/json\r\nContent-Length: 19\r\n\r\n{"Image":"busybox"}'
        with self.api.hijack('/containers/nobody/attach', stdin=1, stream=1, early=b'x' * 100 + smuggled) as attached:
            self.assertEqual(attached.status, 404)
        self.assertEqual(self.api.get('/containers/smuggled/json').status, 404)

    def test_clients_that_vanish_leave_nothing(self):
        container = self.run_(['sh', '-c', 'while :; do echo line; sleep 0.01; done'], OpenStdin=True)
        def once():
            for query in ({'stdin': 1, 'stdout': 1, 'stream': 1}, {'stdout': 1, 'stream': 1, 'logs': 1}):
                with self.api.hijack(f'/containers/{container}/attach', **query) as attached:
                    attached.fill()
            for method, path, query in (('GET', f'/containers/{container}/logs', {'follow': 1, 'stdout': 1}),
                                        ('GET', '/events', {}), ('POST', f'/containers/{container}/wait', {})):
                connection, _ = self.api.open(method, path, **query)
                connection.close()
        for _ in range(20):
            once()
        time.sleep(1.5)
        before = self.footprint()
        for _ in range(150):
            once()
        self.settled(before, 4096)

    def test_a_child_that_keeps_the_pipe_does_not_keep_the_client(self):
        before = self.footprint()
        container = self.create(['sh', '-c', 'sleep 54321 & echo up'], host={'PidMode': 'host'})
        with self.api.hijack(f'/containers/{container}/attach', stdout=1, stream=1) as attached:
            self.api.start(container)
            self.assertEqual(attached.frames()[0], b'up\n')
        self.assertEqual(self.api.wait(container), 0)
        # In the host's pid namespace no kernel ends it together with the first process.
        self.eventually(lambda: 'sleep 54321' not in [line for _, line in engines.processes().values()])
        self.api.remove(container)
        if self.engine.kind == 'lighterd':
            self.settled(before, 8192)


class Storm(BadClients):
    @case.lighterd_only
    def test_many_kinds_of_nonsense_at_once(self):
        """Eight clients send random bytes, cut requests and strange queries for some seconds; a ninth works."""
        until, wrong = time.monotonic() + 5, []
        words = [b'GET ', b'POST ', b'/v1.41', b'/containers/', b'json', b'?filters={', b'\r\n', b'Host: d', b'Content-Length: 9',
                 b' HTTP/1.1', b'\0\xff', b'{"Image":', b'Transfer-Encoding: chunked', b'Upgrade: tcp', b'Connection: Upgrade',
                 b'/attach', b'/events?until=1', b'%00', b'..', b'\r\n\r\n']
        def nonsense(seed):
            import random
            rng = random.Random(seed)
            while time.monotonic() < until:
                self.talk(b''.join(rng.choice(words) for _ in range(rng.randrange(1, 30))), 0.2)
        threads = [threading.Thread(target=nonsense, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        pid = self.engine.pid
        while time.monotonic() < until:
            if self.api.output('busybox', ['echo', 'fine'])[1] != 'fine\n':
                wrong.append('a container')
        for thread in threads:
            thread.join()
        self.assertEqual((wrong, self.engine.process.poll(), self.engine.pid), ([], None, pid))
        self.assertEqual(self.api.ps(), [])
