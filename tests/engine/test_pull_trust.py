"""Whom a pull believes and whom it tells what: TLS with certs.d, htpasswd, token services, mirrors, insecure registries,
and that no secret is said aloud (security-cases R1, R2, R8). With Debian's docker-registry and with a scripted one."""

import base64
import contextlib
import http.server
import json
import os
import shutil
import socket
import ssl
import tempfile
import threading
import time
import urllib.parse

import case
import certificates
import engine
import fake_registry
import local_registry
import test_images

IMAGES = None
ADDRESS = '10.99.7.1'   # not loopback: those are insecure without being told
HOSTS = '127.0.0.1 localhost\n' + ADDRESS + ' reg.test other.test\n'


class Place:
    """Wraps a command: /etc/docker and /etc/hosts are ours there."""

    def __init__(self, space, folder):
        self.space, self.folder = space, folder
        script = 'mount --bind "$0/docker" /etc/docker && mount --bind "$0/hosts" /etc/hosts && exec "$@"'
        self.enter = [*space.enter, 'unshare', '-m', 'sh', '-c', script, folder]

    def __getattr__(self, name):
        return getattr(self.space, name)


def auth(**fields):
    return {'X-Registry-Auth': base64.urlsafe_b64encode(json.dumps(fields).encode()).decode()}


class TokenService(http.server.BaseHTTPRequestHandler):
    """Gives me:hunter2 tokens for what is asked, signed as docker-registry wants them."""
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get('Authorization')))
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        if self.headers.get('Authorization') != 'Basic ' + base64.b64encode(b'me:hunter2').decode():
            return self.reply(401, {'details': 'incorrect username or password'})
        access = []
        for scope in query.get('scope', []):
            kind, name, actions = scope.split(':', 2)
            access.append({'type': kind, 'name': name, 'actions': actions.split(',')})
        claims = {'iss': 'tokens', 'aud': query['service'][0], 'sub': 'me', 'exp': 4102444800, 'nbf': 0, 'iat': 0,
                  'jti': os.urandom(8).hex(), 'access': access}
        return self.reply(200, {'token': certificates.jwt(claims, *self.server.signer)})

    def reply(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Trust(case.EngineTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='lt-trust.')
        os.makedirs(cls.folder + '/docker/certs.d')
        with open(cls.folder + '/hosts', 'w') as file:
            file.write(HOSTS)
        space = case.LAB.space
        space.run('ip', 'addr', 'add', ADDRESS + '/32', 'dev', 'lo')
        cls.place = Place(space, cls.folder)
        cls.ca = certificates.Authority(cls.folder + '/ca', 'Our CA')
        cls.good = cls.ca.issue('good', 'reg.test', ADDRESS)
        cls.storage = test_images.folder(engine.BUILD)
        cls.own = case.LAB.engine('trust', options=['--max-download-attempts', '2', '--debug'])
        cls.own.space, cls.own.registry = cls.place, None
        cls.own.start()

    @classmethod
    def tearDownClass(cls):
        cls.own.stop()
        shutil.rmtree(cls.folder, ignore_errors=True)

    @property
    def api(self):
        return self.own.api

    def tearDown(self):
        for image in self.api.get('/images/json').json:
            self.api.delete(f'/images/{image["Id"]}', force=True)
        shutil.rmtree(self.folder + '/docker/certs.d')
        os.makedirs(self.folder + '/docker/certs.d')

    # --- what a test sets up ------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def fake(self, address=ADDRESS, image=True, **want):
        """A scripted registry in the engine's namespace, holding team/app:1."""
        store = fake_registry.Store()
        if image:
            store.add_image('team/app', '1', [fake_registry.tar_layer({'etc/x': b'hi'})])
        with self.own.space.inside():
            registry = fake_registry.FakeRegistry(store, host=address, **want)
        with registry:
            yield registry

    def real(self, folder=None, **want):
        """Debian's docker-registry on the tests' images, or on a folder of its own."""
        with self.own.space.inside():
            port = local_registry.free_port(ADDRESS)
        registry = local_registry.Registry(folder or self.storage, address=ADDRESS, port=port, run_in=self.own.space.space.enter,
                                           **want)
        self.addCleanup(registry.close)

        def listens():
            with self.own.space.inside(), contextlib.suppress(OSError):
                socket.create_connection((ADDRESS, port), 5).close()
                return True
        self.eventually(listens, 'docker-registry listens')
        return registry

    def certs_d(self, place, client=None, **files):
        """Puts our authority (and a client certificate) where Docker looks for those of `place`."""
        folder = f'{self.folder}/docker/certs.d/{place}'
        os.makedirs(folder, exist_ok=True)
        shutil.copy(self.ca.crt, folder + '/ca.crt')
        if client:
            shutil.copy(client[0], folder + '/client.cert')
            shutil.copy(client[1], folder + '/client.key')
        for name, text in files.items():
            with open(f'{folder}/{name.replace("_", ".")}', 'w') as file:
                file.write(text)

    def good_pull(self, reference, **kw):
        messages = self.api.pull(reference, **kw)
        self.assertIn('Status: Downloaded newer image for', messages[-1]['status'])
        return messages

    def bad_pull(self, reference, **kw):
        """The message of a pull that fails before or after its first line."""
        reply = self.api.post('/images/create', fromImage=reference, timeout=120, **kw)
        lines = [json.loads(line) for line in reply.body.splitlines() if line.strip()]
        text = lines[-1].get('message') or lines[-1].get('error')
        self.assertTrue(text, lines)
        self.assertEqual(self.api.get('/images/json').json, [])
        return text

    # --- TLS ----------------------------------------------------------------------------------------------------

    def test_an_authority_is_found_by_host_and_port_without_a_restart(self):
        registry = self.real(tls=self.good)
        reference = f'reg.test:{registry.port}/library/busybox:latest'
        self.assertIn('x509: certificate signed by unknown authority', self.bad_pull(reference))
        self.certs_d(f'reg.test:{registry.port}')
        self.good_pull(reference)
        # Another name of the same host is another registry.
        reply = self.api.post('/images/create', fromImage=f'{ADDRESS}:{registry.port}/library/layered:latest')
        self.assertIn('x509: certificate signed by unknown authority', reply.message)

    def test_what_is_wrong_with_a_certificate_is_said(self):
        other = certificates.Authority(self.folder + '/other-ca', 'Other CA')
        kinds = {'late': (self.ca.issue('late', 'reg.test', ends=-3600),
                          'x509: certificate has expired or is not yet valid: current time'),
                 'early': (self.ca.issue('early', 'reg.test', begins=86400),
                           'x509: certificate has expired or is not yet valid: current time'),
                 'elsewhere': (self.ca.issue('elsewhere', 'elsewhere.test'),
                               'x509: certificate is valid for elsewhere.test, not reg.test'),
                 'stranger': (other.issue('stranger', 'reg.test'), 'x509: certificate signed by unknown authority'),
                 'self-signed': ((other.crt, other.key), 'x509: ')}
        for name, (pair, text) in kinds.items():
            with self.subTest(name), self.fake(tls=pair) as registry:
                self.certs_d(f'reg.test:{registry.port}')
                said = self.bad_pull(f'reg.test:{registry.port}/team/app:1')
                self.assertIn(f'Get "https://reg.test:{registry.port}/v2/": ', said)
                self.assertIn(text, said)
                self.assertEqual(registry.log, [])

    def test_plain_http_is_no_way_out(self):
        registry = self.real()
        self.assertEqual(self.bad_pull(f'reg.test:{registry.port}/library/busybox:latest'),
                         f'Get "https://reg.test:{registry.port}/v2/": http: server gave HTTP response to HTTPS client')
        with self.fake() as registry:
            self.assertEqual(self.bad_pull(f'reg.test:{registry.port}/team/app:1'), f'Get "https://reg.test:{registry.port}'
                             '/v2/": tls: first record does not look like a TLS handshake')
            self.assertEqual(registry.log, [])

    def test_client_certificates(self):
        client = self.ca.issue('client', 'client')
        registry = self.real(tls=self.good, client_ca=self.ca.crt)
        place = f'reg.test:{registry.port}'
        self.certs_d(place)
        self.assertRegex(self.bad_pull(f'{place}/library/busybox:latest'), 'tls: |certificate required|EOF|reset')
        self.certs_d(place, client)
        self.good_pull(f'{place}/library/busybox:latest')

    def test_a_client_certificate_without_its_key_is_told(self):
        with self.fake(tls=self.good) as registry:
            self.certs_d(f'reg.test:{registry.port}', client_cert='x')
            self.assertRegex(self.bad_pull(f'reg.test:{registry.port}/team/app:1'), 'missing key client.key for client '
                             'certificate client.cert. .*CA certificates (must|should) use the extension .crt')

    def test_insecure_by_name_by_range_and_by_what_a_name_resolves_to(self):
        for insecure in ('{name}:{port}', '{address}/32', '10.96.0.0/12'):
            for tls in (self.good, None):
                with self.subTest(insecure=insecure, tls=bool(tls)), self.fake(tls=tls) as registry:
                    flag = insecure.format(name='reg.test', port=registry.port, address=ADDRESS)
                    with self.another('insecure', ['--insecure-registry', flag]) as other:
                        messages = other.api.pull(f'reg.test:{registry.port}/team/app:1')
                        self.assertIn('Downloaded newer', messages[-1]['status'])

    @contextlib.contextmanager
    def another(self, name, options):
        """A second engine with these flags."""
        other = case.LAB.engine(name, options=options, bridge='lt9' if self.own.kind == 'lighterd' else 'none')
        other.space, other.registry = self.place, None
        other.start()
        try:
            yield other
        finally:
            other.stop()
            case.LAB.engines.remove(other)
            other.destroy()

    # --- who is told what ---------------------------------------------------------------------------------------

    def test_htpasswd(self):
        registry = self.real(tls=self.good, users={'me': 'hunter2'})
        place = f'reg.test:{registry.port}'
        self.certs_d(place)
        self.assertIn('no basic auth credentials', self.bad_pull(f'{place}/library/busybox:latest'))
        said = self.bad_pull(f'{place}/library/busybox:latest', headers=auth(username='me', password='wrong-one'))
        self.assertIn('unauthorized: authentication required', said)
        self.good_pull(f'{place}/library/busybox:latest', headers=auth(username='me', password='hunter2'))

    def token_service(self):
        """It, and what a registry is told of it."""
        signer = self.ca.issue('tokens', 'tokens', rsa=True)
        chain = self.folder + '/tokens.crt'
        shutil.copy(self.ca.crt, chain)
        with self.own.space.inside():
            service = http.server.ThreadingHTTPServer((ADDRESS, 0), TokenService)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.ca.issue('auth', 'other.test'))
        service.socket = context.wrap_socket(service.socket, server_side=True, do_handshake_on_connect=False)
        service.asked, service.signer = [], signer
        thread = threading.Thread(target=service.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        self.addCleanup(service.server_close)
        self.addCleanup(service.shutdown)
        realm = f'https://other.test:{service.server_address[1]}/token'
        return service, {'realm': realm, 'service': 'our registry', 'issuer': 'tokens', 'rootcertbundle': chain}

    def test_a_token_service(self):
        service, token = self.token_service()
        registry = self.real(tls=self.good, token=token)
        place = f'reg.test:{registry.port}'
        self.certs_d(place)  # for its token service as well, as in Docker
        said = self.bad_pull(f'{place}/library/busybox:latest', headers=auth(username='me', password='wrong-one'))
        self.assertIn('unauthorized: incorrect username or password', said)
        self.good_pull(f'{place}/library/busybox:latest', headers=auth(username='me', password='hunter2'))
        path, header = service.asked[-1]
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
        self.assertEqual(query['scope'], ['repository:library/busybox:pull'])
        self.assertEqual(query['service'], ['our registry'])
        self.assertTrue(header.startswith('Basic '))

    def test_pushes_by_tls_with_passwords_and_tokens(self):
        service, token = self.token_service()
        me = auth(username='me', password='hunter2')
        source = self.real(tls=self.good)
        self.certs_d(f'reg.test:{source.port}')
        self.good_pull(f'reg.test:{source.port}/library/busybox:latest')
        image = self.api.get('/images/json').json[0]['Id']
        for want in ({'users': {'me': 'hunter2'}}, {'token': token}):
            folder = tempfile.mkdtemp(prefix='lt-registry.')
            self.addCleanup(shutil.rmtree, folder)
            registry = self.real(folder, tls=self.good, **want)
            place = f'reg.test:{registry.port}'
            self.certs_d(place)
            for name in ('one', 'two'):
                self.api.must(201, 'POST', f'/images/{image}/tag', repo=f'{place}/team/{name}', tag='1')

            def push(headers, name='one'):
                reply = self.api.must(200, 'POST', f'/images/{place}/team/{name}/push', headers=headers, tag='1')
                return [json.loads(line) for line in reply.body.splitlines() if line.strip()]
            self.assertIn('no basic auth credentials' if 'users' in want else 'unauthorized: incorrect username or password',
                          push(auth())[-1]['error'])
            self.assertIn('unauthorized', push(auth(username='me', password='no'))[-1]['error'])
            self.assertEqual([m['status'] for m in push(me) if 'id' in m][-1], 'Pushed')
            self.assertEqual([m['status'] for m in push(me, 'two') if 'id' in m][-1], 'Mounted from team/one')
        scopes = [urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)['scope'] for path, _ in service.asked]
        self.assertIn(['repository:team/one:push,pull'], scopes)
        self.assertIn(['repository:team/one:pull', 'repository:team/two:push,pull'], [sorted(s) for s in scopes])
        self.api.must(200, 'DELETE', f'/images/{image}', force=True)
        self.good_pull(f'{place}/team/two:1', headers=me)
        self.assertEqual(self.api.get('/images/json').json[0]['Id'], image)

    def test_credentials_do_not_follow_a_redirect(self):
        with self.fake(tls=self.good) as other, \
                self.fake(tls=self.good, auth='basic', users={'me': 'hunter2'}, anonymous=False) as registry:
            self.certs_d(f'reg.test:{registry.port}')
            registry.fault('GET .*/blobs/', redirect=f'https://reg.test:{other.port}')
            self.good_pull(f'reg.test:{registry.port}/team/app:1', headers=auth(username='me', password='hunter2'))
            self.assertEqual(len(other.log), 2)
            self.assertTrue(all('authorization' not in r['headers'] for r in other.log))

    @case.lighterd_only
    def test_a_redirect_does_not_leave_tls(self):
        with self.fake('127.0.0.1') as plain, self.fake(tls=self.good) as registry:
            self.certs_d(f'reg.test:{registry.port}')
            registry.fault('GET .*/blobs/', redirect=plain.url)
            self.assertIn('redirects from https to http, refused', self.bad_pull(f'reg.test:{registry.port}/team/app:1'))
            self.assertEqual(plain.log, [])

    @case.lighterd_only
    def test_what_an_insecure_registry_redirects_to_is_verified(self):
        stranger = certificates.Authority(self.folder + '/stranger')
        with self.fake(tls=(stranger.issue('x', 'reg.test'))) as other, self.fake('127.0.0.1', tls=self.good) as registry:
            registry.fault('GET .*/blobs/', redirect=f'https://reg.test:{other.port}')
            self.assertIn('x509: certificate signed by unknown authority', self.bad_pull(registry.host + '/team/app:1'))
            self.assertEqual(other.log, [])

    @case.lighterd_only
    def test_a_token_service_must_speak_tls(self):
        with self.fake('127.0.0.1') as service, \
                self.fake(tls=self.good, auth='bearer', realm=service.url + '/token') as registry:
            self.certs_d(f'reg.test:{registry.port}')
            said = self.bad_pull(f'reg.test:{registry.port}/team/app:1', headers=auth(username='me', password='hunter2'))
            self.assertIn(f'token realm {service.url}/token is not https', said)
            self.assertEqual(service.log, [])

    def test_the_registry_hears_which_client_asks(self):
        with self.fake('127.0.0.1') as registry:
            self.good_pull(registry.host + '/team/app:1', headers={
                'User-Agent': 'Docker-Client/28.2.2 (linux)', 'X-Meta-Site': 'a1'})
            heard = [r['headers'] for r in registry.log]
            self.assertRegex(heard[0]['user-agent'], r'^(lighter|docker)/\S+ .*kernel/\S+ os/linux arch/\w+ '
                             r'UpstreamClient\(Docker-Client/28\.2\.2 \\\(linux\\\)\)$')
            self.assertTrue(all(h['user-agent'] == heard[0]['user-agent'] for h in heard))
            self.assertTrue(all(h.get('x-meta-site') == 'a1' for h in heard), heard)

    # --- mirrors ------------------------------------------------------------------------------------------------

    def test_mirrors_that_do_not_help_are_passed_over(self):
        hello = auth(username='me', password='hunter2')
        with self.fake('127.0.0.1', image=False) as lacks, self.fake('127.0.0.1') as refuses, \
                self.fake('127.0.0.1') as lies, self.fake('127.0.0.1') as fine:
            for registry in (refuses, lies, fine):
                image = registry.store.add_image('library/thing', 'latest', [fake_registry.tar_layer({'x': b'y'})])
            refuses.fault('GET .*/manifests/', status=403)
            lies.fault('GET .*/manifests/', replace=b'{"schemaVersion":2}')
            with self.own.space.inside():
                nobody = local_registry.free_port()
            mirrors = [f'http://127.0.0.1:{nobody}', lacks.url, refuses.url, lies.url, fine.url]
            with self.another('mirrors', [w for m in mirrors for w in ('--registry-mirror', m)]) as other:
                messages = other.api.pull('thing', tag='latest', headers=hello)
            self.assertEqual(messages[-1]['status'], 'Status: Downloaded newer image for thing:latest')
            self.assertEqual(messages[-2]['status'], 'Digest: ' + image.digest)
            for registry in (lacks, refuses, lies, fine):
                self.assertGreater(len(registry.log), 0)
                self.assertTrue(all('authorization' not in r['headers'] for r in registry.log))

    # --- secrets ------------------------------------------------------------------------------------------------

    @case.lighterd_only  # dockerd quotes what a storage answers
    def test_secrets_are_said_nowhere(self):
        """Planted in passwords, tokens and signed addresses; looked for in all that the engine says."""
        planted = ['hunter2-secret', 'tok-secret', 'signature-secret', 'identity-secret']
        hello = auth(username='me', password='hunter2-secret')
        said = []
        with self.fake('127.0.0.1') as storage, \
                self.fake('127.0.0.1', auth='bearer', users={'me': 'hunter2-secret'}, anonymous=False) as registry:
            registry.new_token = lambda scope: 'tok-secret'
            registry.token_ok = lambda header: header == 'Bearer tok-secret'
            reference = registry.host + '/team/app:1'
            signed = storage.url + '/x?X-Amz-Signature=signature-secret!'
            for fault in ({'redirect': signed}, {'status': 403}, {'reset_at': 10}, {'corrupt_at': 5}):
                registry.faults.clear()
                registry.fault('GET .*/blobs/', **fault)
                storage.faults.clear()
                storage.fault('GET /x', status=403, body='signature-secret')
                said.append(self.bad_pull(reference, headers=hello))
            registry.faults.clear()
            registry.fault('GET /token', status=500)
            said.append(self.bad_pull(reference, headers=hello))
            registry.faults.clear()
            said.append(self.bad_pull(reference, headers=auth(username='me', password='hunter2-secret-not')))
            said.append(self.bad_pull(reference, headers=auth(identitytoken='identity-secret')))
            said.append(json.dumps(self.good_pull(reference, headers=hello)))
        said.append(self.api.must(200, 'GET', '/events', since=1, until=time.time()).text)
        self.assertIn('team/app', said[-1])
        with open(self.own.log, errors='replace') as log:
            said.append(log.read())
        self.assertGreater(len(said[-1]), 100)
        for word in planted:
            for text in said:
                self.assertNotIn(word, text)


if __name__ == '__main__':
    import unittest
    unittest.main()
