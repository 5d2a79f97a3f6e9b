"""A small Docker Engine API client over a unix socket: plain requests, streams, and hijacked connections."""

import http.client
import json
import socket
import struct
import time
import urllib.parse

VERSION = 'v1.41'  # the newest that Debian's dockerd speaks: the same test runs against both engines


class Unix(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__('localhost', timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = dial(self.path, self.timeout)


def dial(path, timeout=30):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(timeout)
    sock.connect(path)
    return sock


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def message(self):
        return self.json['message']

    @property
    def text(self):
        return self.body.decode(errors='replace')

    def __repr__(self):
        return f'<{self.status} {self.body[:300]!r}>'


class ApiError(AssertionError):
    def __init__(self, what, reply):
        super().__init__(f'{what}: {reply.status} {reply.text.strip()}')
        self.reply = reply


def query(values):
    flat = []
    for key, value in values.items():
        if value is None:
            continue
        if isinstance(value, (dict, list)):
            value = json.dumps(value)
        if isinstance(value, bool):
            value = '1' if value else '0'
        flat.append((key, str(value)))
    return '?' + urllib.parse.urlencode(flat) if flat else ''


class Hijacked:
    """A connection after 101 or 200: raw bytes both ways."""

    def __init__(self, sock, status, headers, rest):
        self.sock, self.status, self.headers, self.buffer = sock, status, headers, rest
        self.closed = False

    def send(self, data):
        self.sock.sendall(data)

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def fill(self, timeout=10):
        """Reads once more; False at the end."""
        if self.closed:
            return False
        self.sock.settimeout(timeout)
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b''
        if not data:
            self.closed = True
            return False
        self.buffer += data
        return True

    def read_all(self, timeout=20):
        while self.fill(timeout):
            pass
        out, self.buffer = self.buffer, b''
        return out

    def read_until(self, wanted, timeout=10):
        """Everything up to and with `wanted`."""
        until = time.monotonic() + timeout
        while wanted not in self.buffer:
            if not self.fill(max(0.1, until - time.monotonic())):
                raise AssertionError(f'the stream ended before {wanted!r}: {self.buffer[-500:]!r}')
        at = self.buffer.index(wanted) + len(wanted)
        out, self.buffer = self.buffer[:at], self.buffer[at:]
        return out

    def frame(self, timeout=10):
        """One multiplexed frame as (stream, payload); None at the end."""
        while True:
            if len(self.buffer) >= 8:
                kind, size = struct.unpack('>BxxxI', self.buffer[:8])
                if len(self.buffer) >= 8 + size:
                    payload, self.buffer = self.buffer[8:8 + size], self.buffer[8 + size:]
                    return kind, payload
            if not self.fill(timeout):
                assert not self.buffer, f'a torn frame at the end: {self.buffer!r}'
                return None

    def frames(self, timeout=20):
        """(stdout, stderr) of everything to the end."""
        out = {1: b'', 2: b'', 3: b''}
        while True:
            got = self.frame(timeout)
            if got is None:
                assert not out[3], out[3]
                return out[1], out[2]
            out[got[0]] += got[1]

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def demux(data):
    """(stdout, stderr) of a whole multiplexed body."""
    out, at = {1: [], 2: [], 3: []}, 0
    while at < len(data):
        kind, size = struct.unpack_from('>BxxxI', data, at)
        assert len(data) >= at + 8 + size, 'a torn frame'
        out[kind].append(data[at + 8:at + 8 + size])
        at += 8 + size
    assert not out[3], out[3]
    return b''.join(out[1]), b''.join(out[2])


class Api:
    def __init__(self, path):
        self.path = path

    # --- requests ---------------------------------------------------------------------------------------------

    def request(self, method, path, body=None, headers=None, version=VERSION, timeout=60, **params):
        connection = Unix(self.path, timeout)
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault('Content-Type', 'application/json')
        prefix = '/' + version if version else ''
        connection.request(method, prefix + path + query(params), body, headers)
        reply = connection.getresponse()
        result = Reply(reply.status, reply.headers, reply.read())
        connection.close()
        return result

    def get(self, path, **kw):
        return self.request('GET', path, **kw)

    def post(self, path, body=None, **kw):
        return self.request('POST', path, body, **kw)

    def delete(self, path, **kw):
        return self.request('DELETE', path, **kw)

    def must(self, status, method, path, body=None, **kw):
        reply = self.request(method, path, body, **kw)
        if reply.status != status:
            raise ApiError(f'{method} {path}', reply)
        return reply

    def open(self, method, path, body=None, headers=None, version=VERSION, timeout=60, **params):
        """A reply whose body is still to come: (connection, reply)."""
        connection = Unix(self.path, timeout)
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault('Content-Type', 'application/json')
        connection.request(method, f'/{version}{path}{query(params)}', body, headers)
        return connection, connection.getresponse()

    def hijack(self, path, body=None, upgrade=True, version=VERSION, timeout=30, early=b'', **params):
        sock = dial(self.path, timeout)
        data = json.dumps(body).encode() if body is not None else b''
        lines = [f'POST /{version}{path}{query(params)} HTTP/1.1', 'Host: localhost', f'Content-Length: {len(data)}']
        if data:
            lines.append('Content-Type: application/json')
        if upgrade:
            lines += ['Connection: Upgrade', 'Upgrade: tcp']
        sock.sendall('\r\n'.join(lines).encode() + b'\r\n\r\n' + data + early)
        buffer = b''
        while b'\r\n\r\n' not in buffer:
            got = sock.recv(65536)
            if not got:
                raise AssertionError(f'closed before a reply: {buffer!r}')
            buffer += got
        head, rest = buffer.split(b'\r\n\r\n', 1)
        first, *others = head.decode().split('\r\n')
        headers = {k.lower(): v.strip() for k, v in (line.split(':', 1) for line in others)}
        return Hijacked(sock, int(first.split()[1]), headers, rest)

    # --- the nouns --------------------------------------------------------------------------------------------

    def pull(self, image, **params):
        """All progress messages; fails when the pull does."""
        reply = self.post('/images/create', fromImage=image, timeout=300, **params)
        if reply.status != 200:
            raise ApiError('pull ' + image, reply)
        messages = [json.loads(line) for line in reply.body.splitlines() if line.strip()]
        for message in messages:
            assert 'error' not in message, message
        return messages

    def create(self, image, cmd=None, name=None, host=None, **config):
        body = {'Image': image, **config}
        if cmd is not None:
            body['Cmd'] = cmd
        if host is not None:
            body['HostConfig'] = host
        return self.must(201, 'POST', '/containers/create', body, name=name).json['Id']

    def start(self, container):
        self.must(204, 'POST', f'/containers/{container}/start')

    def run(self, image, cmd=None, **kw):
        """Created and started: its id."""
        container = self.create(image, cmd, **kw)
        self.start(container)
        return container

    def wait(self, container, timeout=60, **params):
        return self.must(200, 'POST', f'/containers/{container}/wait', timeout=timeout, **params).json['StatusCode']

    def inspect(self, container):
        return self.must(200, 'GET', f'/containers/{container}/json').json

    def remove(self, container, force=True, **params):
        return self.request('DELETE', f'/containers/{container}', force=force, **params)

    def logs(self, container, stdout=True, stderr=True, tty=False, **params):
        reply = self.must(200, 'GET', f'/containers/{container}/logs', stdout=stdout, stderr=stderr, **params)
        return (reply.body, b'') if tty else demux(reply.body)

    def output(self, image, cmd, **kw):
        """Runs to its end: (exit code, stdout, stderr); removed afterwards."""
        container = self.run(image, cmd, **kw)
        try:
            code = self.wait(container)
            out, err = self.logs(container, tty=bool(kw.get('Tty')))
            return code, out.decode(errors='replace'), err.decode(errors='replace')
        finally:
            self.remove(container, v=True)

    def ps(self, all=True, **filters):
        return self.must(200, 'GET', '/containers/json', all=all,
                         filters=json.dumps(filters) if filters else None).json
