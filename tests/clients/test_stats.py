"""stats: `lighter` beside the docker CLI, the table in a real terminal, and the numbers docker makes of the same answer."""

import http.server
import json
import os
import re
import socketserver
import threading

from clients import CLIENTS
from compared import Compared

NUMBERS = [(r'\d+(\.\d+)?(%|B|kB|MB|GB|KiB|MiB|GiB)', r'N\2'), (r'\bN(B|kB|MB|GB|KiB|MiB|GiB)\b', 'N')]
COLUMNS = ['BlockIO', 'CPUPerc', 'Container', 'ID', 'MemPerc', 'MemUsage', 'Name', 'NetIO', 'PIDs']


class Stats(Compared):
    def test_without_streaming(self):
        self.run_(['sleep', '1000'], name='one')
        self.create(['true'], name='two')
        for args in ([], ['one'], ['two'], ['one', 'two'], ['-a'], ['nobody'], ['one', 'nobody', 'nobody-2'], ['--no-trunc', 'one'],
                     ['--format', '{{.Name}} {{.PIDs}}'], ['--format', 'table {{.Name}}\t{{.MemUsage}}'],
                     ['--format', 'json', 'one'], ['--format', '{{json .}}', 'one'], ['--format', '{{.Nope}}', 'one'],
                     ['--format', '{{.Nope', 'one'], ['--format', '{{.Container}} {{.ID}}', 'one'], ['--nope']):
            with self.subTest(args=args):
                self.same('stats', '--no-stream', *args, masks=NUMBERS)

    def test_nothing_runs(self):
        self.same('stats', '--no-stream')

    def test_the_live_table_follows_what_happens(self):
        self.run_(['sleep', '1000'], name='first')
        for client in CLIENTS:
            with self.subTest(client=client):
                t = self.terminal(client, width=150, height=15)
                t.type(f'clear; {client} stats')
                t.wait_for(r'^CONTAINER ID +NAME +CPU % +MEM USAGE / LIMIT +MEM % +NET I/O +BLOCK I/O +PIDS\n'
                           r'[0-9a-f]{12} +first +\d+\.\d\d% +[\d.]+[KM]?i?B / [\d.]+GiB +\d+\.\d\d% .* 1\n?')
                name = f'second-{client}'
                self.run_(['sleep', '1000'], name=name)
                t.wait_for(rf'^[0-9a-f]{{12}} +{name} +\d+\.\d\d%')
                self.api.remove(name)
                self.eventually(lambda: name not in t.screen(), t.screen)
                t.press('C-c')
                t.wait_for(r'^\$ $')


class Answers(http.server.BaseHTTPRequestHandler):
    """An engine whose containers are what their names say."""

    def do_GET(self):
        path = re.sub(r'^/v[0-9.]+', '', self.path)
        name = path.split('/')[2] if path.startswith('/containers/') else ''
        cpu = {'cpu_usage': {'total_usage': 3_000_000_000, 'percpu_usage': [1, 2, 3]}, 'system_cpu_usage': 90_000_000_000, 'online_cpus': 4}
        stats = {'name': '/' + name, 'id': 'c' * 64, 'read': '2020-01-01T00:00:00Z', 'preread': '2020-01-01T00:00:00Z',
                 'cpu_stats': cpu, 'precpu_stats': {'cpu_usage': {'total_usage': 1_234_567_890}, 'system_cpu_usage': 80_000_000_000},
                 'memory_stats': {'usage': 123456789, 'limit': 1 << 31, 'stats': {'inactive_file': 23456789}},
                 'networks': {'eth0': {'rx_bytes': 1234, 'tx_bytes': 99}, 'eth1': {'rx_bytes': 1_000_000, 'tx_bytes': 5}},
                 'blkio_stats': {'io_service_bytes_recursive': [{'op': 'Read', 'value': 5000}, {'op': 'write', 'value': 123},
                                                                {'op': 'Total', 'value': 9999}, {'op': '', 'value': 1}]},
                 'pids_stats': {'current': 17}}
        if name == 'v1':
            stats['memory_stats']['stats'] = {'total_inactive_file': 1000, 'inactive_file': 5}
        if name == 'odd':
            cpu['online_cpus'] = 0
            stats['memory_stats'] = {'usage': 5, 'limit': 0, 'stats': {'inactive_file': 6}}
            stats['networks'] = None
            stats['blkio_stats'] = {'io_service_bytes_recursive': None}
        if name == 'back':
            stats['precpu_stats']['cpu_usage']['total_usage'] = 4_000_000_000
        body = json.dumps(stats if name else {}).encode()
        self.send_response(200)
        for key, value in (('Content-Type', 'application/json'), ('Api-Version', '1.50'), ('Ostype', 'linux'), ('Content-Length', str(len(body)))):
            self.send_header(key, value)
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    do_HEAD = do_GET

    def address_string(self):
        return 'client'

    def log_message(self, *_):
        pass


class Percentages(Compared):
    def test_they_are_made_as_docker_makes_them(self):
        path = os.path.join(self.engine.folder, 'stats.sock')
        with socketserver.ThreadingUnixStreamServer(path, Answers) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            for name in ('plain', 'v1', 'odd', 'back'):
                with self.subTest(name=name):
                    answer = self.same('stats', '--no-stream', '--format', ' '.join('{{.%s}}' % c for c in COLUMNS), name,
                                       env={'DOCKER_HOST': 'unix://' + path})
                    self.assertEqual(answer[0], 0)
            server.shutdown()
