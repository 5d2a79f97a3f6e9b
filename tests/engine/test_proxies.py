"""The engine's own way out through a proxy: HTTP_PROXY, HTTPS_PROXY and NO_PROXY of its environment, `proxies` of daemon.json,
for a pull over plain HTTP and over TLS (CONNECT)."""

import http.server
import json
import os
import shutil
import socket
import tempfile
import threading
import unittest

import case
import certificates
import local_registry


class Proxy(http.server.ThreadingHTTPServer):
    """Forwards GET and CONNECT inside the engine's namespace and remembers what it was asked. Every name is this host."""

    daemon_threads = True

    def __init__(self, space):
        self.space, self.asked = space, []
        with space.inside():
            super().__init__(('127.0.0.1', 0), Handler)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True)
        self.thread.start()

    def dial(self, host):
        with self.space.inside():
            return socket.create_connection(('127.0.0.1', int(host.rpartition(':')[2])), 10)

    def take(self):
        asked, self.asked = self.asked, []
        return asked

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def note(self, host):
        self.server.asked.append((self.command, host, self.headers.get('Proxy-Authorization')))

    def do_CONNECT(self):
        self.note(self.path)
        there = self.server.dial(self.path)
        self.send_response(200)
        self.end_headers()
        self.pump(there)

    def do_GET(self):
        host = self.path.split('/')[2]
        self.note(host)
        there = self.server.dial(host)
        lines = [f'{self.command} /{self.path.split("/", 3)[3]} HTTP/1.0', f'Host: {host}', 'Connection: close']
        lines += [f'{k}: {v}' for k, v in self.headers.items() if k.lower() not in ('host', 'connection', 'proxy-authorization')]
        there.sendall('\r\n'.join([*lines, '', '']).encode())
        while data := there.recv(65536):
            self.wfile.write(data)
        there.close()
        self.close_connection = True

    do_HEAD = do_GET

    def pump(self, there):
        def copy(source, target):
            try:
                while data := source.recv(65536):
                    target.sendall(data)
                target.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        back = threading.Thread(target=copy, args=(there, self.connection), daemon=True)
        back.start()
        copy(self.connection, there)
        back.join()
        there.close()
        self.close_connection = True


class Proxies(case.EngineTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='lt-proxies.')
        space = case.LAB.space
        authority = certificates.Authority(cls.folder)
        cls.tls = local_registry.Registry(case.LAB.registry.folder, port=5443, run_in=space.enter,
                                          tls=authority.issue('tls.test', 'tls.test'))
        cls.proxy = Proxy(space)
        cls.plain_host, cls.tls_host = 'plain.test:5000', 'tls.test:5443'  # names that only the proxy knows

    @classmethod
    def tearDownClass(cls):
        cls.proxy.close()
        cls.tls.close()
        shutil.rmtree(cls.folder, ignore_errors=True)

    def start(self, env, config=None):
        """Another engine with that environment."""
        path = os.path.join(self.folder, 'daemon.json')
        with open(path, 'w') as file:
            json.dump(config or {}, file)
        options = ['--config-file', path, '--insecure-registry', self.plain_host, '--insecure-registry', self.tls_host]
        engine = case.LAB.engine('proxied', options=options, bridge='lt9', bip='172.28.0.1/24')
        engine.registry = None
        before = dict(os.environ)
        os.environ.update(env)
        try:
            engine.start()
        finally:
            os.environ.clear()
            os.environ.update(before)
        self.addCleanup(engine.stop)
        return engine

    def pull(self, engine, host):
        self.proxy.take()
        reply = engine.api.request('POST', '/images/create', fromImage=f'{host}/library/busybox', tag='latest')
        lines = [json.loads(line) for line in reply.body.splitlines()]
        engine.api.request('DELETE', f'/images/{host}/library/busybox')
        return reply.status == 200 and 'error' not in lines[-1], self.proxy.take()

    def test_the_environment(self):
        port = self.proxy.server_port
        engine = self.start({'HTTP_PROXY': f'http://me:secret@127.0.0.1:{port}', 'https_proxy': f'http://127.0.0.1:{port}'})
        done, asked = self.pull(engine, self.plain_host)
        self.assertTrue(done)
        gets = {entry for entry in asked if entry[0] == 'GET'}
        self.assertEqual(gets, {('GET', self.plain_host, 'Basic bWU6c2VjcmV0')})
        done, asked = self.pull(engine, self.tls_host)
        self.assertTrue(done)
        self.assertEqual(set(asked), {('CONNECT', self.tls_host, None)})
        info = engine.api.get('/info').json
        self.assertNotIn('secret', json.dumps(info))
        self.assertTrue(info['HttpProxy'].endswith(f'@127.0.0.1:{port}'))

    def test_names_that_need_no_proxy(self):
        port = self.proxy.server_port
        engine = self.start({'HTTP_PROXY': f'http://127.0.0.1:{port}', 'HTTPS_PROXY': f'http://127.0.0.1:{port}', 'NO_PROXY': 'x,.test'})
        self.assertEqual(self.pull(engine, self.tls_host), (False, []))
        self.assertEqual(self.pull(engine, '127.0.0.1:5000'), (True, []))  # this host never does

    def test_daemon_json_wins(self):
        port = self.proxy.server_port
        engine = self.start({'HTTP_PROXY': 'http://127.0.0.1:1', 'HTTPS_PROXY': 'http://127.0.0.1:1'},
                            {'proxies': {'http-proxy': f'http://127.0.0.1:{port}', 'https-proxy': f'http://127.0.0.1:{port}'}})
        done, asked = self.pull(engine, self.tls_host)
        self.assertTrue(done)
        self.assertEqual({entry[0] for entry in asked}, {'CONNECT'})


if __name__ == '__main__':
    unittest.main()
