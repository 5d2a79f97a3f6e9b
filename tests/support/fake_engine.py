"""An engine that only remembers what it was asked, so that two clients can be held against each other request by
request. Its answers are canned: one container, one image, in every state a command needs."""

import base64
import http.server
import json
import os
import re
import socketserver
import tempfile
import threading
import urllib.parse

CONTAINER = {
    'Id': 'c' * 64, 'Name': '/web', 'Image': 'sha256:' + 'a' * 64, 'Created': '2024-01-02T03:04:05.678Z',
    'Path': 'sh', 'Args': ['-c', 'sleep 1'], 'RestartCount': 0, 'Driver': 'overlay2', 'Platform': 'linux',
    'State': {'Status': 'running', 'Running': True, 'Pid': 42, 'ExitCode': 0, 'StartedAt': '2024-01-02T03:04:06Z',
              'Health': {'Status': 'healthy', 'FailingStreak': 0, 'Log': [
                  {'Start': '2024-01-02T03:04:07.5+02:00', 'End': '2024-01-02T03:04:08Z', 'ExitCode': 0, 'Output': 'ok'}]}},
    'HostConfig': {'NetworkMode': 'default', 'Memory': 64, 'PidsLimit': 5, 'OomKillDisable': False, 'Init': None,
                   'RestartPolicy': {'Name': 'on-failure', 'MaximumRetryCount': 3}, 'LogConfig': {'Type': 'json-file', 'Config': {}},
                   'Ulimits': [{'Name': 'nofile', 'Soft': 1, 'Hard': 2}], 'CapAdd': None, 'Binds': ['/a:/b'],
                   'BlkioWeightDevice': [{'Path': '/dev/x', 'Weight': 3}], 'BlkioDeviceReadBps': [{'Path': '/dev/x', 'Rate': 9}],
                   'Devices': [{'PathOnHost': '/dev/a', 'PathInContainer': '/dev/b', 'CgroupPermissions': 'rwm'}],
                   'PortBindings': {'80/tcp': [{'HostIp': '', 'HostPort': '8080'}]}, 'ConsoleSize': [24, 80],
                   'Mounts': [{'Type': 'tmpfs', 'Target': '/t', 'TmpfsOptions': {'SizeBytes': 5, 'Mode': 0o1750}}]},
    'GraphDriver': {'Name': 'overlay2', 'Data': {'UpperDir': '/u', 'LowerDir': '/l'}},
    'Mounts': [{'Type': 'bind', 'Source': '/a', 'Destination': '/b', 'Mode': '', 'RW': True, 'Propagation': 'rprivate'}],
    'Config': {'Hostname': 'h', 'Env': ['A=1', 'B=2'], 'Cmd': ['sh', '-c', 'sleep 1'], 'Image': 'busybox', 'Labels': {'a.b': 'c', 'k': 'v'},
               'ExposedPorts': {'80/tcp': {}}, 'StopTimeout': 3, 'Tty': False, 'OpenStdin': False, 'Volumes': None,
               'Healthcheck': {'Test': ['CMD', 'x'], 'Interval': 90000000000, 'Timeout': 1500000, 'Retries': 2}},
    'NetworkSettings': {'Bridge': '', 'SandboxID': 's', 'Ports': {'80/tcp': [{'HostIp': '0.0.0.0', 'HostPort': '8080'}], '90/udp': None},
                        'IPAddress': '172.17.0.2', 'IPPrefixLen': 16, 'Gateway': '172.17.0.1',
                        'Networks': {'bridge': {'IPAMConfig': None, 'NetworkID': 'n', 'IPAddress': '172.17.0.2'}}}}
IMAGE = {'Id': 'sha256:' + 'a' * 64, 'RepoTags': ['busybox:latest'], 'RepoDigests': ['busybox@sha256:' + 'b' * 64],
         'Created': '2024-01-02T03:04:05Z', 'Architecture': 'amd64', 'Os': 'linux', 'Size': 12345678, 'Author': '',
         'Config': {'Env': ['PATH=/bin'], 'Cmd': ['sh'], 'Labels': {'l': 'v'}, 'ExposedPorts': {'80/tcp': {}}},
         'GraphDriver': {'Name': 'overlay2', 'Data': {}}, 'RootFS': {'Type': 'layers', 'Layers': ['sha256:' + 'd' * 64]},
         'Metadata': {'LastTagTime': '2024-01-02T03:04:05Z'}}
LISTED = {'Id': 'c' * 64, 'Names': ['/web', '/other/link'], 'Image': 'busybox', 'ImageID': 'sha256:' + 'a' * 64, 'Command': "sh -c 'a <b>&'",
          'Created': 1700000000, 'SizeRw': 3, 'SizeRootFs': 1000, 'Labels': {'a.b': 'c', 'com.ex_am-ple': 'v'}, 'State': 'running',
          'Status': 'Up 3 hours', 'HostConfig': {'NetworkMode': 'default'}, 'NetworkSettings': {'Networks': {'bridge': {}}},
          'Ports': [{'IP': '0.0.0.0', 'PrivatePort': 80 + i, 'PublicPort': 8080 + i, 'Type': 'tcp'} for i in range(3)]
          + [{'IP': '::', 'PrivatePort': 80, 'PublicPort': 8080, 'Type': 'tcp'}, {'PrivatePort': 53, 'Type': 'udp'}],
          'Mounts': [{'Type': 'bind', 'Name': '', 'Source': '/a/folder/with/a/long/name', 'Destination': '/b'},
                     {'Type': 'volume', 'Name': 'vol', 'Driver': 'local', 'Destination': '/c'}]}
VERSION = {'Platform': {'Name': 'Some Engine'}, 'Version': '28.0.0', 'ApiVersion': '1.50', 'MinAPIVersion': '1.24', 'Os': 'linux', 'Arch': 'amd64',
           'KernelVersion': '6.1', 'GitCommit': 'abc', 'GoVersion': 'go1', 'BuildTime': '2024-01-02T03:04:05.000000000+00:00',
           'Components': [{'Name': 'Engine', 'Version': '28.0.0', 'Details': {
               'ApiVersion': '1.50', 'Arch': 'amd64', 'BuildTime': '2024-01-02', 'Experimental': 'false', 'GitCommit': 'abc', 'GoVersion': 'go1',
               'KernelVersion': '6.1', 'MinAPIVersion': '1.24', 'Os': 'linux'}}, {'Name': 'runc', 'Version': '1.1', 'Details': {'GitCommit': 'def'}}]}
INFO = {'ID': 'I', 'Containers': 3, 'ContainersRunning': 1, 'ContainersPaused': 0, 'ContainersStopped': 2, 'Images': 4, 'Driver': 'overlay2',
        'DriverStatus': [['Backing Filesystem', 'extfs'], ['a', 'b']], 'ServerVersion': '28.0.0', 'Name': 'host', 'NCPU': 2, 'MemTotal': 4096000000,
        'Plugins': {'Volume': ['local'], 'Network': ['bridge', 'host'], 'Log': ['json-file']}, 'Swarm': {'LocalNodeState': 'inactive'},
        'Runtimes': {'runc': {'path': 'runc', 'status': {'x': 'y'}}}, 'DefaultRuntime': 'runc', 'SecurityOptions': ['name=seccomp,profile=builtin'],
        'OperatingSystem': 'Debian', 'OSType': 'linux', 'Architecture': 'x86_64', 'KernelVersion': '6.1', 'LoggingDriver': 'json-file',
        'CgroupDriver': 'cgroupfs', 'CgroupVersion': '2', 'DockerRootDir': '/var/lib/x', 'Labels': ['a=b'], 'HttpProxy': 'http://p', 'Debug': True,
        'RegistryConfig': {'InsecureRegistryCIDRs': ['127.0.0.0/8'], 'IndexConfigs': {'docker.io': {'Name': 'docker.io', 'Secure': True}},
                           'Mirrors': ['http://m/']}, 'ContainerdCommit': {'ID': 'c'}, 'RuncCommit': {'ID': 'r'}, 'InitCommit': {'ID': 'i'},
        'LiveRestoreEnabled': True, 'Warnings': ['WARNING: one', 'WARNING: two']}
EVENTS = [{'Type': 'container', 'Action': 'die', 'Actor': {'ID': 'c' * 64, 'Attributes': {'name': 'web', 'exitCode': '3'}}, 'scope': 'local',
           'time': 1700000000, 'timeNano': 1700000000123456789, 'status': 'die', 'id': 'c' * 64, 'from': 'busybox'},
          {'Type': 'network', 'Action': 'connect', 'Actor': {'ID': 'n'}, 'scope': 'local', 'time': 1700000001, 'timeNano': 1700000001000000000}]
PULL = [{'status': 'Pulling from library/busybox', 'id': 'latest'}, {'status': 'Pulling fs layer', 'progressDetail': {}, 'id': 'aaaaaaaaaaaa'},
        {'status': 'Downloading', 'progressDetail': {'current': 5, 'total': 10}, 'progress': '[]', 'id': 'aaaaaaaaaaaa'},
        {'status': 'Pull complete', 'progressDetail': {}, 'id': 'aaaaaaaaaaaa'}, {'status': 'Digest: sha256:' + 'b' * 64},
        {'status': 'Status: Downloaded newer image for busybox:latest'}]
PUSH = [{'status': 'The push refers to repository [docker.io/library/busybox]'}, {'status': 'Preparing', 'progressDetail': {}, 'id': 'aaaaaaaaaaaa'},
        {'status': 'Pushing', 'progressDetail': {'current': 5, 'total': 10}, 'progress': '[]', 'id': 'aaaaaaaaaaaa'},
        {'status': 'Pushed', 'progressDetail': {}, 'id': 'aaaaaaaaaaaa'}, {'status': 'latest: digest: sha256:' + 'b' * 64 + ' size: 528'},
        {'progressDetail': {}, 'aux': {'Tag': 'latest', 'Digest': 'sha256:' + 'b' * 64, 'Size': 528}}]
DENIED = [PUSH[0], {'errorDetail': {'message': 'denied: no'}, 'error': 'denied: no'}]


SEARCH = [{'name': 'nginx', 'description': 'A description of more than forty-five characters\nand of two lines', 'star_count': 12,
           'is_official': True, 'is_automated': False},
          {'name': 'me/nginx', 'description': '', 'star_count': 1, 'is_official': False, 'is_automated': True}]
HISTORY = [{'Id': 'sha256:' + 'a' * 64, 'Created': 1700000000, 'CreatedBy': '/bin/sh -c #(nop)\tCMD ["a command of more than forty-five characters"]',
            'Tags': ['busybox:latest'], 'Size': 0, 'Comment': 'x'},
           {'Id': '<missing>', 'Created': 1600000000, 'CreatedBy': 'ADD', 'Tags': None, 'Size': 4261550, 'Comment': ''}]
USAGE = {'LayersSize': 3000000, 'Images': [
             {'Id': 'sha256:' + 'a' * 64, 'RepoTags': ['busybox:latest', 'busybox:two'], 'RepoDigests': ['busybox@sha256:' + 'b' * 64],
              'Created': 1700000000, 'Size': 2000000, 'SharedSize': 500000, 'Labels': None, 'Containers': 2},
             {'Id': 'sha256:' + 'd' * 64, 'RepoTags': None, 'RepoDigests': None, 'Created': 1700000001, 'Size': 1500000, 'SharedSize': 500000,
              'Labels': {}, 'Containers': 0}],
         'Containers': [
             {'Id': 'c' * 64, 'Names': ['/web'], 'Image': 'busybox', 'ImageID': 'sha256:' + 'a' * 64, 'Command': "sh -c 'sleep 1'",
              'Created': 1700000000, 'SizeRw': 1234, 'SizeRootFs': 2001234, 'Labels': {}, 'State': 'running', 'Status': 'Up 2 hours',
              'Mounts': [{'Type': 'volume', 'Name': 'v1', 'Source': '/x', 'Destination': '/y', 'Driver': 'local'}]},
             {'Id': 'e' * 64, 'Names': ['/db'], 'Image': 'busybox', 'ImageID': 'sha256:' + 'a' * 64, 'Command': 'x', 'Created': 1700000000,
              'SizeRw': 66, 'SizeRootFs': 2001234, 'Labels': {}, 'State': 'exited', 'Status': 'Exited (0) 2 hours ago', 'Mounts': []}],
         'Volumes': [{'Name': 'v1', 'Driver': 'local', 'Mountpoint': '/m', 'Labels': None, 'Scope': 'local', 'Options': None,
                      'UsageData': {'Size': 777, 'RefCount': 1}},
                     {'Name': 'v2', 'Driver': 'local', 'Mountpoint': '/m', 'Labels': {'a': 'b'}, 'Scope': 'local', 'Options': None,
                      'UsageData': {'Size': 88, 'RefCount': 0}}],
         'BuildCache': [{'ID': 'abcdefghijklmno', 'Parents': ['p'], 'Type': 'regular', 'Description': 'x', 'InUse': False, 'Shared': False,
                         'Size': 99, 'CreatedAt': '2024-01-02T03:04:05Z', 'LastUsedAt': None, 'UsageCount': 3}]}


def lines(documents):
    return ''.join(json.dumps(document) + '\r\n' for document in documents)


def frame(stream, text):
    return bytes([stream, 0, 0, 0]) + len(text).to_bytes(4, 'big') + text


# The first pattern that fits `METHOD path` answers: (status, body).
ANSWERS = [
    (r'\w+ /_ping', 200, 'OK'),
    (r'GET /images/search', 200, SEARCH),
    (r'GET /images/get', 200, b'an archive'),
    (r'POST /images/load', 200, lines([{'stream': 'Loaded image: busybox:latest\n'}])),
    (r'GET /images/.*/history', 200, HISTORY),
    (r'POST /auth', 200, {'Status': 'Login Succeeded', 'IdentityToken': ''}),
    (r'GET /system/df', 200, USAGE),
    (r'POST /containers/prune', 200, {'ContainersDeleted': ['c' * 64], 'SpaceReclaimed': 1000}),
    (r'POST /networks/prune', 200, {'NetworksDeleted': ['n1']}),
    (r'POST /volumes/prune', 200, {'VolumesDeleted': ['v1'], 'SpaceReclaimed': 20}),
    (r'POST /images/prune', 200, {'ImagesDeleted': [{'Untagged': 'a:b'}, {'Deleted': 'sha256:' + 'a' * 64}], 'SpaceReclaimed': 3000}),
    (r'POST /build/prune', 200, {'CachesDeleted': ['x'], 'SpaceReclaimed': 5}),
    (r'POST /containers/create', 201, {'Id': 'c' * 64, 'Warnings': ['a warning']}),
    (r'\w+ /containers/nope.*', 404, {'message': 'No such container: nope'}),
    (r'\w+ /(images|networks|volumes|plugins)/nope.*', 404, {'message': 'No such image: nope'}),
    (r'GET /containers/json', 200, [LISTED]),
    (r'GET /containers/\w+/json', 200, CONTAINER),
    (r'GET /containers/\w+/top', 200, {'Titles': ['PID', 'CMD'], 'Processes': [['1', 'sh'], ['22', 'sleep 1']]}),
    (r'GET /containers/\w+/logs', 200, frame(1, b'out\n') + frame(2, b'err\n')),
    (r'POST /containers/\w+/wait', 200, {'StatusCode': 7}),
    (r'(POST|DELETE) /containers/.*', 204, ''),
    (r'GET /images/json', 200, [{'Id': 'sha256:' + 'a' * 64, 'RepoTags': ['busybox:latest', 'busybox:other'], 'RepoDigests': ['busybox@sha256:' + 'b' * 64],
                                 'Created': 1700000000, 'Size': 12345678, 'SharedSize': -1, 'Containers': -1, 'Labels': None}]),
    (r'GET /images/.*/json', 200, IMAGE),
    (r'POST /images/create', 200, lines(PULL)),
    (r'POST /images/.*/tag', 201, ''),
    (r'POST /images/.*denied/push', 200, lines(DENIED)),
    (r'POST /images/.*/push', 200, lines(PUSH)),
    (r'DELETE /images/.*', 200, [{'Untagged': 'busybox:latest'}, {'Deleted': 'sha256:' + 'a' * 64}]),
    (r'GET /version', 200, VERSION),
    (r'GET /info', 200, INFO),
    (r'GET /events', 200, lines(EVENTS)),
]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        if 'chunked' in self.headers.get('Transfer-Encoding', ''):
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
        url = urllib.parse.urlsplit(self.path)
        if self.server.pull and url.path.endswith('/images/create'):
            return self.stream(self.server.pull())
        path = re.sub(r'^/v[\d.]+', '', url.path)
        if path != '/_ping':
            try:
                sent = json.loads(body) if body else None
            except ValueError:
                sent = body.decode(errors='replace')
            query = sorted(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
            if auth := self.headers.get('X-Registry-Auth'):
                query.append(('X-Registry-Auth', json.loads(base64.urlsafe_b64decode(auth + '=='))))
            self.server.asked.append((self.command + ' ' + urllib.parse.unquote(url.path), query, sent))
        for pattern, status, answer in [*self.server.answers, *ANSWERS]:
            if re.fullmatch(pattern, f'{self.command} {path}'):
                break
        else:
            status, answer = 404, {'message': 'page not found'}
        data = answer if isinstance(answer, bytes) else answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header('Api-Version', self.server.version)
        self.send_header('Ostype', 'linux')
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        if self.command != 'HEAD' and status != 204:
            self.wfile.write(data)

    def stream(self, parts):
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        for part in parts:
            self.wfile.write(b'%x\r\n%s\r\n' % (len(part), part))
            self.wfile.flush()
        self.wfile.write(b'0\r\n\r\n')

    do_GET = do_POST = do_HEAD = do_DELETE = do_PUT = answer


class FakeEngine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Listens from the start; take() gives what was asked since."""

    daemon_threads = True

    def __init__(self, version='1.50'):
        self.folder = tempfile.TemporaryDirectory(prefix='lt-fake.')
        self.socket_path = os.path.join(self.folder.name, 'sock')
        self.version, self.asked = version, []
        self.answers = []  # before ANSWERS
        self.pull = None  # gives the parts of what /images/create answers, as they are due
        super().__init__(self.socket_path, Handler)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True)
        self.thread.start()

    def get_request(self):
        request, _ = super().get_request()
        return request, ('client', 0)

    def handle_error(self, request, client_address):
        pass  # a client that has gone

    def take(self):
        asked, self.asked = self.asked, []
        return asked

    def close(self):
        self.shutdown()
        self.server_close()
        self.folder.cleanup()
