"""Debian's docker-registry on a free loopback port, filled over its own HTTP API."""

import http.client
import os
import shutil
import socket
import subprocess
import tempfile
import time
import warnings

import images

with warnings.catch_warnings():
    warnings.simplefilter('ignore', DeprecationWarning)
    import crypt

CONFIG = '''version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
http: {{addr: "{address}:{port}"{tls}}}
{auth}'''


def free_port(address='127.0.0.1'):
    with socket.socket() as s:
        s.bind((address, 0))
        return s.getsockname()[1]


class Registry:
    """Runs until close(). `run_in` (a list such as nsenter's) puts it in another network namespace. `tls` is (certificate,
    key), `client_ca` the authority of the client certificates it wants, `users` {name: password}, `token` the settings of
    its token authentication. With any of these push() is for another registry on the same folder."""

    def __init__(self, folder=None, address='127.0.0.1', port=None, run_in=(), tls=None, client_ca=None, users=None,
                 token=None):
        if not shutil.which('docker-registry'):
            raise FileNotFoundError('docker-registry is missing: tools/deps --install test')
        self._own_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix='lighter-registry.')
        self.address, self.port = address, port or free_port(address)
        os.makedirs(self.folder, exist_ok=True)
        # The folder may be another registry's at the same time.
        self.private = tempfile.mkdtemp(prefix='lighter-registry-own.')
        config = os.path.join(self.private, 'config.yml')
        with open(config, 'w') as f:
            f.write(CONFIG.format(root=self.folder, address=address, port=self.port, tls=self._tls(tls, client_ca),
                                  auth=self._auth(users, token)))
        self.log = open(os.path.join(self.private, 'log'), 'ab')
        self.process = subprocess.Popen([*run_in, 'docker-registry', 'serve', config], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, start_new_session=True)

    @staticmethod
    def _tls(tls, client_ca):
        if not tls:
            return ''
        clients = f', clientcas: ["{client_ca}"]' if client_ca else ''
        return f', tls: {{certificate: "{tls[0]}", key: "{tls[1]}"{clients}}}'

    def _auth(self, users, token):
        if token:
            return 'auth: {token: {' + ', '.join(f'{k}: "{v}"' for k, v in token.items()) + '}}\n'
        if not users:
            return ''
        path = os.path.join(self.private, 'htpasswd')
        with open(path, 'w') as f:
            for name, password in users.items():
                f.write(f'{name}:{crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))}\n')
        return f'auth: {{htpasswd: {{realm: here, path: "{path}"}}}}\n'

    @property
    def host(self):
        return f'{self.address}:{self.port}'

    def wait_ready(self):
        until = time.monotonic() + 20
        while True:
            try:
                connection = self._connect()
                connection.request('GET', '/v2/')
                if connection.getresponse().status == 200:
                    return self
            except OSError:
                pass
            if time.monotonic() > until or self.process.poll() is not None:
                raise RuntimeError(f'docker-registry does not answer on {self.host}')
            time.sleep(0.05)

    def _connect(self):
        return http.client.HTTPConnection(self.address, self.port, timeout=60)

    def _request(self, connection, method, path, body=None, headers=None):
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        data = reply.read()
        return reply.status, reply.headers, data

    def push_blob(self, name, blob):
        key = images.digest(blob)
        connection = self._connect()
        if self._request(connection, 'HEAD', f'/v2/{name}/blobs/{key}')[0] == 200:
            return key
        status, headers, data = self._request(connection, 'POST', f'/v2/{name}/blobs/uploads/')
        assert status == 202, (status, data)
        where = headers['Location'].split('://', 1)[-1]
        where = where[where.index('/'):]
        where += ('&' if '?' in where else '?') + 'digest=' + key
        status, _, data = self._request(connection, 'PUT', where, blob, {'Content-Type': 'application/octet-stream'})
        assert status == 201, (status, data)
        connection.close()
        return key

    def push(self, name, tag, image):
        """Puts an Image or an Index under name:tag; gives the manifest's digest."""
        if isinstance(image, images.Index):
            for member in image.images:
                self.push(name, images.digest(member.manifest), member)
        else:
            for blob in image.blobs():
                self.push_blob(name, blob)
        connection = self._connect()
        status, _, data = self._request(connection, 'PUT', f'/v2/{name}/manifests/{tag}', image.manifest,
                                        {'Content-Type': image.manifest_type})
        assert status == 201, (status, data)
        connection.close()
        return images.digest(image.manifest)

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.private, ignore_errors=True)
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.wait_ready()

    def __exit__(self, *_):
        self.close()
