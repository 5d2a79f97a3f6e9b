"""The API's outer shape: headers, versions, errors, framing, and what clients do at the edges."""

import re

import case
import docker_api


class Shape(case.EngineTest):
    def test_ping_says_the_version_on_a_bare_path(self):
        for method, body in (('GET', b'OK'), ('HEAD', b'')):
            reply = self.api.request(method, '/_ping', version='')
            self.assertEqual((reply.status, reply.body), (200, body))
            self.assertRegex(reply.headers['Api-Version'], r'^1\.\d+$')
            self.assertEqual(reply.headers['Ostype'], 'linux')
            self.assertRegex(reply.headers['Server'], r'^Docker/.* \(linux\)$')
            self.assertIn('no-store', reply.headers['Cache-Control'])

    def test_version_names_the_same_api_as_ping(self):
        ping = self.api.get('/_ping', version='').headers['Api-Version']
        version = self.api.get('/version').json
        self.assertEqual(version['ApiVersion'], ping)
        self.assertEqual(version['Os'], 'linux')
        self.assertEqual(version['Components'][0]['Name'], 'Engine')

    def test_a_version_out_of_range_is_400(self):
        self.assertIn('client version 9.99 is too new. Maximum supported API version is',
                      self.refused(400, 'GET', '/info', version='v9.99'))
        old = self.api.get('/info', version='v1.1')  # such a client gets its errors as plain text
        self.assertEqual(old.status, 400)
        self.assertIn('client version 1.1 is too old. Minimum supported API version is', old.text)

    def test_unknown_path_and_wrong_method_are_404(self):
        for method, path in (('GET', '/nothing/here'), ('PUT', '/containers/json'), ('POST', '/_ping')):
            self.assertEqual(self.refused(404, method, path), 'page not found')

    def test_missing_things_are_named(self):
        self.assertIn('No such container: nobody', self.refused(404, 'GET', '/containers/nobody/json'))
        self.assertIn('No such image: nothing:latest', self.refused(404, 'GET', '/images/nothing/json'))
        self.assertIn('No such image: nothing', self.refused(404, 'POST', '/containers/create', {'Image': 'nothing'}))

    @case.younger_than_peer
    def test_a_body_that_is_not_json_is_400(self):
        for body in ('{', '{"Image": 5}', '[]', '"text"'):
            reply = self.api.request('POST', '/containers/create', body, {'Content-Type': 'application/json'})
            self.assertEqual(reply.status, 400, (body, reply))
        self.assertEqual(self.api.get('/_ping', version='').status, 200)

    def test_a_body_of_another_type_is_refused(self):
        reply = self.api.request('POST', '/containers/create', '{}', {'Content-Type': 'text/plain'})
        self.assertGreaterEqual(reply.status, 400)
        self.assertEqual(self.api.ps(), [])

    @case.younger_than_peer
    def test_create_without_a_config_is_400(self):
        self.assertIn('empty', self.refused(400, 'POST', '/containers/create', version='v1.41'))

    def test_unknown_filter_is_400(self):
        self.assertIn("nothing", self.refused(400, 'GET', '/containers/json', filters='{"nothing":["x"]}'))

    @case.younger_than_peer
    def test_a_filter_that_is_not_json_is_400(self):
        self.refused(400, 'GET', '/containers/json', filters='{broken')

    def test_names_are_checked(self):
        for name in ('a', '-x', 'a/b', '../x', 'ä', 'x y'):
            self.assertIn('Invalid container name', self.refused(
                400, 'POST', '/containers/create', {'Image': 'busybox'}, name=name))

    def test_keys_of_the_body_match_whatever_their_case(self):
        reply = self.api.must(201, 'POST', '/containers/create', {'image': 'busybox', 'hostconfig': {'Memory': 67108864}})
        self.addCleanup(lambda: self.api.remove(reply.json['Id']))
        self.assertEqual(self.api.inspect(reply.json['Id'])['HostConfig']['Memory'], 67108864)


class Wire(case.EngineTest):
    def talk(self, data, timeout=5):
        """Sends bytes, half-closes, gives everything that comes back."""
        with docker_api.dial(self.engine.socket, timeout) as sock:
            sock.sendall(data)
            out = b''
            try:
                while True:
                    got = sock.recv(65536)
                    if not got:
                        return out
                    out += got
            except (TimeoutError, ConnectionResetError):
                return out

    def test_pipelined_requests_are_answered_in_order(self):
        one = b'GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n'
        two = b'GET /v1.41/nothing HTTP/1.1\r\nHost: d\r\n\r\n'
        last = b'GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n'
        out = self.talk(one + two + last)
        statuses = re.findall(rb'HTTP/1\.1 (\d+) ', out)
        self.assertEqual(statuses, [b'200', b'404', b'200'])

    def test_garbage_is_400_and_the_engine_goes_on(self):
        for data in (b'\0\1\2\3\r\n\r\n', b'GET\r\n\r\n', b'GET / HTTP/1.1\r\nContent-Length: -1\r\nHost: d\r\n\r\n',
                     b'POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 1, 2\r\n\r\n{}'):
            out = self.talk(data, 3)
            if out:
                self.assertIn(b' 400 ', out.split(b'\r\n')[0], data)
            self.assertEqual(self.api.get('/_ping', version='').status, 200)

    def test_a_chunked_request_body_is_read(self):
        body = b'{"Image":"busybox"}'
        out = self.talk(b'POST /v1.41/containers/create?name=chunky HTTP/1.1\r\nHost: d\r\nConnection: close\r\n'
                        b'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n'
                        + b''.join(b'1\r\n%c\r\n' % c for c in body) + b'0\r\n\r\n')
        self.addCleanup(lambda: self.api.remove('chunky'))
        self.assertIn(b' 201 ', out.split(b'\r\n')[0])
        self.assertEqual(self.api.inspect('chunky')['Config']['Image'], 'busybox')
