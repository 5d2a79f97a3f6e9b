"""API versions: which are spoken, and what an answer looks like to a client of another time."""

import json
import time

import case


class Versions(case.EngineTest):
    @case.younger_than_peer
    def test_every_version_from_24_to_55_is_spoken(self):
        for minor in range(24, 56):
            reply = self.api.get('/version', version=f'v1.{minor}')
            self.assertEqual((reply.status, reply.headers['Api-Version']), (200, '1.55'), minor)
        self.assertEqual(self.api.get('/_ping', version='v1.30').status, 200)

    def test_others_are_refused_in_dockers_words(self):
        newest = self.api.get('/_ping', version='').headers['Api-Version']
        self.assertEqual(self.refused(400, 'GET', '/info', version='v1.99'),
                         f'client version 1.99 is too new. Maximum supported API version is {newest}')
        if self.engine.kind == 'lighterd':
            reply = self.api.get('/info', version='v1.23')
            self.assertEqual((reply.status, reply.headers.get_content_type()), (400, 'text/plain'))
            self.assertEqual(reply.text, 'client version 1.23 is too old. Minimum supported API version is 1.24, '
                             'please upgrade your client to a newer version\n')
        # It is the path that is looked at first.
        self.assertEqual(self.refused(404, 'GET', '/nothing', version='v1.99'), 'page not found')

    @case.younger_than_peer
    def test_a_call_that_is_younger_than_the_version_says_since_when(self):
        self.assertEqual(self.refused(400, 'GET', '/images/busybox/attestations', version='v1.54'),
                         'GET /images/busybox/attestations requires minimum API version 1.55')
        self.refused(501, 'GET', '/images/busybox/attestations', version='v1.55')

    def test_headers_are_on_every_answer(self):
        for method, path, status in (('GET', '/info', 200), ('GET', '/nothing', 404), ('GET', '/containers/none/json', 404),
                                     ('POST', '/containers/create', 400), ('GET', '/containers/json', 200)):
            reply = self.api.request(method, path)
            if self.engine.kind == 'lighterd':
                self.assertEqual(reply.status, status, path)
            elif path == '/nothing':
                continue
            self.assertRegex(reply.headers['Api-Version'], r'^1\.\d+$')
            self.assertEqual(reply.headers['Docker-Experimental'], 'false')
            self.assertEqual(reply.headers['Ostype'], 'linux')
            self.assertRegex(reply.headers['Server'], r'^Docker/[0-9].* \(linux\)$')
            self.assertEqual(reply.headers.get_content_type(), 'application/json')
            self.assertTrue(reply.body.endswith(b'\n'))

    def test_ping_by_head_and_get(self):
        for method in ('GET', 'HEAD'):
            reply = self.api.request(method, '/_ping', version='')
            self.assertEqual(reply.status, 200)
            self.assertEqual(reply.headers['Content-Type'], 'text/plain; charset=utf-8')
            self.assertEqual(reply.headers['Pragma'], 'no-cache')
            self.assertEqual(reply.headers['Cache-Control'], 'no-cache, no-store, must-revalidate')
            self.assertEqual(reply.headers['Docker-Experimental'], 'false')
            if self.engine.kind == 'lighterd':
                self.assertEqual(reply.headers['Builder-Version'], '1')
                self.assertEqual(reply.headers['Swarm'], 'inactive')
        self.assertEqual(self.api.request('HEAD', '/_ping', version='').headers['Content-Length'], '0')

    def test_unknown_paths_methods_and_options(self):
        for method, path in (('GET', '/'), ('GET', '/containers'), ('GET', '/containers/'),
                             ('PUT', '/containers/create'), ('PATCH', '/info'), ('GET', '/images'), ('POST', '/info')):
            reply = self.api.request(method, path)
            self.assertEqual((reply.status, reply.json), (404, {'message': 'page not found'}), (method, path, reply))
        for path in ('/info', '/containers/json', '/nothing'):
            reply = self.api.request('OPTIONS', path)
            self.assertEqual((reply.status, reply.body), (200, b''))

    @case.lighterd_only
    def test_what_is_not_built_says_so(self):
        for method, path in (('GET', '/networks'), ('POST', '/volumes/create'), ('POST', '/build'), ('POST', '/session'),
                             ('GET', '/system/df'), ('POST', '/images/load')):
            reply = self.api.request(method, path)
            if reply.status != 501:
                continue  # it has been built since
            self.assertIn('not implemented by this engine yet', reply.message)
        for method, path in (('GET', '/swarm'), ('GET', '/nodes'), ('POST', '/services/create'), ('GET', '/secrets')):
            self.assertIn('This node is not a swarm manager', self.refused(503, method, path))


class Parameters(case.EngineTest):
    def test_booleans_are_dockers(self):
        stopped = self.create(['true'])
        for text in ('1', 'true', 'True', 'yes', 'on', 'x', '2', ' 1 '):
            self.assertEqual([r['Id'] for r in self.api.get('/containers/json', all=text).json], [stopped], text)
        for text in ('', '0', 'no', 'false', 'FALSE', 'none', ' 0 '):
            self.assertEqual(self.api.get('/containers/json', all=text).json, [], text)

    def test_a_form_is_as_good_as_a_query(self):
        container = self.run_(['sleep', '1000'], name='by-form')
        form = {'Content-Type': 'application/x-www-form-urlencoded'}
        self.assertEqual(self.api.request('POST', f'/containers/{container}/rename', 'name=renamed+%2D', form).status, 400)
        self.assertEqual(self.api.request('POST', f'/containers/{container}/rename', 'name=renamed', form).status, 204)
        self.assertEqual(self.api.request('POST', f'/containers/{container}/rename', 'name=again', form, name='query').status, 204)
        self.assertEqual(self.api.inspect('again')['Id'], container)
        self.assertEqual(self.api.request('POST', f'/containers/{container}/stop', 't=0', form).status, 204)
        # Nor does a strange type spoil a request whose parameters are in the query.
        self.assertEqual(self.api.request('POST', f'/containers/{container}/rename', 'x', {'Content-Type': 'x; y='},
                                          name='last').status, 204)

    def test_keys_match_whatever_their_case(self):
        reply = self.api.must(201, 'POST', '/containers/create', {
            'image': 'busybox', 'CMD': ['true'], 'attachStdin': True, 'openSTDIN': True,
            'hostconfig': {'memory': 64 << 20, 'restartPOLICY': {'name': 'always'}}, 'unknown': {'x': [1]}})
        self.addCleanup(lambda: self.api.remove(reply.json['Id']))
        seen = self.api.inspect(reply.json['Id'])
        self.assertEqual((seen['Config']['Cmd'], seen['Config']['OpenStdin'], seen['HostConfig']['Memory'],
                          seen['HostConfig']['RestartPolicy']['Name']), (['true'], True, 64 << 20, 'always'))

    def test_the_body_says_that_it_is_json(self):
        body = '{"Image":"busybox"}'
        for kind, right in (('application/json', True), ('application/json; charset=utf-8', True), ('text/plain', False),
                            ('application/x-www-form-urlencoded', False)):
            reply = self.api.request('POST', '/containers/create', body, {'Content-Type': kind})
            self.assertEqual(reply.status == 201, right, (kind, reply))
            if right:
                self.api.remove(reply.json['Id'])
            elif self.engine.kind == 'lighterd':
                self.assertEqual((reply.status, reply.message), (400, f"unsupported Content-Type header ({kind}): must be "
                                                                 "'application/json'"))

    def test_html_is_not_escaped(self):
        container = self.create(['echo', '<a> & b'], Labels={'x': '<&>'})
        self.assertIn(b'<a> & b', self.api.get(f'/containers/{container}/json').body)
        self.assertIn(b'"<&>"', self.api.get('/containers/json', all=1).body)


class Shapes(case.EngineTest):
    """The gates of engine-api-notes.md, section 2, as far as what they are about is built."""

    def container(self, version, container):
        return self.api.must(200, 'GET', f'/containers/{container}/json', version=version).json

    def image(self, version, name='busybox'):
        return self.api.must(200, 'GET', f'/images/{name}/json', version=version).json

    @case.younger_than_peer
    def test_media_types_of_streams(self):
        plain, tty = self.run_(['echo', 'hi']), self.run_(['echo', 'hi'], Tty=True)
        for version, container, wanted in (('v1.41', plain, 'raw'), ('v1.42', plain, 'multiplexed'), ('v1.55', tty, 'raw')):
            reply = self.api.get(f'/containers/{container}/logs', stdout=1, version=version)
            self.assertEqual(reply.headers['Content-Type'], f'application/vnd.docker.{wanted}-stream')
            with self.api.hijack(f'/containers/{container}/attach', stdout=1, logs=1, version=version) as attached:
                self.assertEqual(attached.headers['content-type'], f'application/vnd.docker.{wanted}-stream')

    @case.younger_than_peer
    def test_images(self):
        self.assertEqual(self.image('v1.43')['VirtualSize'], self.image('v1.43')['Size'])
        self.assertNotIn('VirtualSize', self.image('v1.44'))
        self.assertEqual((self.image('v1.43')['Created'], self.image('v1.44')['Created']), ('2024-01-01T00:00:00Z',) * 2)
        self.assertIn('ContainerConfig', self.image('v1.44'))
        self.assertNotIn('ContainerConfig', self.image('v1.45'))
        self.assertNotIn('Container', self.image('v1.45'))
        self.assertIn('AttachStdin', self.image('v1.49')['Config'])
        config = self.image('v1.50')['Config']
        self.assertEqual({'Hostname', 'Domainname', 'AttachStdin', 'Tty', 'OpenStdin', 'StdinOnce', 'Image'} & set(config), set())
        self.assertEqual((config['User'], config['Entrypoint'] or None), ('', None))
        self.assertEqual(self.image('v1.51')['Parent'], '')
        newest = self.image('v1.52')
        self.assertEqual({'Parent', 'Author', 'DockerVersion'} & set(newest), set())
        self.assertNotIn('Entrypoint', newest['Config'])
        self.assertNotIn('', newest['Config'].values())

    @case.younger_than_peer
    def test_the_list_of_images(self):
        self.create(['true'])
        def row(version, **query):
            return next(r for r in self.api.must(200, 'GET', '/images/json', version=version, **query).json
                        if 'busybox:latest' in r['RepoTags'])
        self.assertEqual((row('v1.50')['Containers'], row('v1.51')['Containers']), (-1, 1))
        self.assertEqual((row('v1.43')['VirtualSize'], 'VirtualSize' in row('v1.44')), (row('v1.43')['Size'], False))
        self.assertEqual((row('v1.55')['SharedSize'], row('v1.55', **{'shared-size': 1})['SharedSize']), (-1, 0))
        self.api.pull('layered', tag='latest')
        self.assertEqual(row('v1.55', **{'shared-size': 1})['SharedSize'], row('v1.55')['Size'])

    @case.younger_than_peer
    def test_containers(self):
        container = self.run_(['sleep', '1000'], host={'Annotations': {'a': 'b'}}, name='shape')
        old, new = (self.container(v, container)['NetworkSettings'] for v in ('v1.51', 'v1.52'))
        self.assertEqual(old['IPAddress'], old['Networks']['bridge']['IPAddress'])
        self.assertTrue(old['IPAddress'])
        for key in ('EndpointID', 'Gateway', 'GlobalIPv6Address', 'GlobalIPv6PrefixLen', 'IPAddress', 'IPPrefixLen',
                    'IPv6Gateway', 'MacAddress'):
            self.assertEqual(old[key], old['Networks']['bridge'][key])
            self.assertNotIn(key, new)
        self.assertEqual(self.container('v1.52', container)['GraphDriver']['Name'], 'overlay2')
        def row(version):
            return self.api.must(200, 'GET', '/containers/json', version=version).json[0]
        self.assertNotIn('Annotations', row('v1.45')['HostConfig'])

    @case.younger_than_peer
    def test_what_older_clients_create(self):
        def made(version, body):
            reply = self.api.must(201, 'POST', '/containers/create', {'Image': 'busybox', **body}, version=version)
            self.addCleanup(lambda: self.api.remove(reply.json['Id']))
            return self.container(version, reply.json['Id'])
        self.assertEqual(made('v1.39', {})['HostConfig']['IpcMode'], 'shareable')
        self.assertEqual(made('v1.40', {})['HostConfig']['IpcMode'], 'private')
        self.assertEqual(made('v1.41', {'HostConfig': {'ConsoleSize': [10, 20]}})['HostConfig']['ConsoleSize'], [0, 0])
        self.assertEqual(made('v1.42', {'HostConfig': {'ConsoleSize': [10, 20]}})['HostConfig']['ConsoleSize'], [10, 20])
        self.assertIn('is not supported', self.refused(400, 'POST', '/containers/create', {
            'Image': 'busybox', 'HostConfig': {'Capabilities': ['CHOWN']}}, version='v1.40'))
        two = {'EndpointsConfig': {'bridge': {}, 'other': {}}}
        self.assertEqual(self.refused(400, 'POST', '/containers/create', {'Image': 'busybox', 'NetworkingConfig': two},
                                      version='v1.43'), 'Container cannot be created with multiple network endpoints')

    @case.younger_than_peer
    def test_signals_of_a_stop_are_heard_since_42(self):
        script = 'trap "exit 3" INT; trap "exit 4" TERM; echo up; while :; do sleep 0.1; done'
        for version, code in (('v1.41', 4), ('v1.42', 3)):
            container = self.run_(['sh', '-c', script])
            self.eventually(lambda: self.api.logs(container)[0] == b'up\n')
            self.api.must(204, 'POST', f'/containers/{container}/stop', t=20, signal='INT', version=version)
            self.assertEqual(self.state(container)['ExitCode'], code)

    @case.younger_than_peer
    def test_events(self):
        since = time.time()
        self.create(['true'])
        def told(version, accept=None):
            reply = self.api.get('/events', since=since, until=time.time(), version=version,
                                 headers={'Accept': accept} if accept else None)
            return reply.headers['Content-Type'], reply.body
        kind, body = told('v1.51')
        first = json.loads(body.splitlines()[0])
        self.assertEqual((kind, first['status'], first['from'], first['id']),
                         ('application/json', 'create', 'busybox', first['Actor']['ID']))
        kind, body = told('v1.52')
        first = json.loads(body.splitlines()[0])
        self.assertEqual((kind, {'status', 'id', 'from'} & set(first)), ('application/jsonl', set()))
        for accept, wanted in (('application/x-ndjson', 'application/x-ndjson'), ('application/json-seq', 'application/json-seq'),
                               ('*/*', 'application/jsonl'), ('text/html, application/json-seq;q=0.5', 'application/json-seq')):
            kind, body = told('v1.53', accept)
            self.assertEqual((kind, body.startswith(b'\x1e')), (wanted, 'seq' in wanted))
        self.assertEqual(told('v1.51', 'application/json-seq')[0], 'application/json')

    @case.younger_than_peer
    def test_info(self):
        old, new = (self.api.must(200, 'GET', '/info', version=v).json for v in ('v1.48', 'v1.49'))
        self.assertIn('Expected', old['RuncCommit'])
        self.assertNotIn('Expected', new['RuncCommit'])
        self.assertEqual((old.get('FirewallBackend'), new['FirewallBackend']['Driver']), (None, 'nftables'))
        self.assertEqual(new['SecurityOptions'][0], 'name=seccomp,profile=builtin')
