"""Push: what goes to a registry and what is told meanwhile, against Debian's docker-registry and a scripted one."""

import base64
import contextlib
import io
import json
import os
import random
import shutil
import subprocess
import tarfile
import threading
import time

import case
import engine as engines
import fake_registry
import local_registry

IMAGES = ['busybox']
ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'


def auth(**fields):
    return {'X-Registry-Auth': base64.urlsafe_b64encode(json.dumps(fields).encode()).decode()}


ME = auth(username='me', password='pw')
NOBODY = auth()


def noise(size, seed=0):
    return random.Random(seed).randbytes(size)


def layer(number, size=1_500_000):
    return fake_registry.tar_layer({f'data{number}': noise(size, number), 'etc/': b''})


def strange(manifest):
    """A manifest that nobody would write twice the same: only the very bytes have its digest."""
    manifest['annotations'] = {'z': '1', 'a': '2'}


class Push(case.EngineTest):
    def setUp(self):
        self.api.pull('busybox', tag='latest')
        self.addCleanup(self.remove_images)

    def remove_images(self):
        for image in self.api.get('/images/json').json:
            self.api.delete(f'/images/{image["Id"]}', force=True)

    @contextlib.contextmanager
    def fake(self, tars=(), store=None, **want):
        """A scripted registry; with `tars`, an image team/app:1 of them, already pulled."""
        store = store or fake_registry.Store()
        image = {k: want.pop(k) for k in ('flavour', 'compress', 'edit_manifest') if k in want}
        with self.engine.space.inside():
            registry = fake_registry.FakeRegistry(store, **want)
        if tars:
            registry.image = store.add_image('team/app', '1', tars, **image)
        with registry:
            if tars:
                self.api.pull(registry.host + '/team/app:1')
                registry.log.clear()
            yield registry

    def real(self):
        """Debian's docker-registry, empty."""
        with self.engine.space.inside():
            port = local_registry.free_port()
        registry = local_registry.Registry(port=port, run_in=self.engine.space.enter)
        self.addCleanup(registry.close)

        def listens():
            with self.engine.space.inside(), contextlib.suppress(OSError):
                registry._connect().connect()
                return True
        self.eventually(listens, 'docker-registry listens')
        return registry

    def tag(self, source, name):
        repo, tag = name.rsplit(':', 1)
        self.api.must(201, 'POST', f'/images/{source}/tag', repo=repo, tag=tag)
        return name

    def told(self, name, headers=NOBODY, **kw):
        """All messages of a push; the tag of `name` goes as Docker's client sends it."""
        colon = name.rfind(':')
        if colon > name.rfind('/') and '@' not in name:
            name, kw['tag'] = name[:colon], name[colon + 1:]
        reply = self.api.request('POST', f'/images/{name}/push', headers=headers, timeout=120, **kw)
        self.assertEqual(reply.status, 200, reply)
        return [json.loads(line) for line in reply.body.splitlines() if line.strip()]

    def push(self, name, **kw):
        """A push that must succeed: (what came of it, the last status of each layer)."""
        messages = self.told(name, **kw)
        self.assertFalse([m for m in messages if 'error' in m], messages)
        return messages[-1]['aux'], {m['id']: m['status'] for m in messages if 'id' in m}

    def failed(self, name, **kw):
        messages = self.told(name, **kw)
        self.assertTrue(messages[0]['status'].startswith('The push refers to repository ['), messages)
        self.assertEqual(messages[-1]['error'], messages[-1]['errorDetail']['message'])
        self.assertFalse([m for m in messages if 'aux' in m], messages)
        return messages[-1]['error']

    @staticmethod
    def uploads(registry):
        """Sizes of the bodies that were sent for blobs, in order."""
        return [r['size'] for r in registry.requests('(PATCH|PUT) .*/blobs/') if r.get('size')]

    def assert_complete(self, registry, repository, tag, image_id, diff_ids):
        """The registry has the image: every blob is what the manifest says, every layer the tar it was."""
        media_type, manifest = registry.store.manifests[registry.store.tags[repository, tag]]
        document = json.loads(manifest)
        self.assertEqual(document['config']['digest'], image_id)
        found = []
        for blob in document['layers']:
            data = registry.store.read(blob['digest'])
            self.assertEqual((fake_registry.digest_of(data), len(data)), (blob['digest'], blob['size']))
            if data.startswith(ZSTD_MAGIC):
                tar = subprocess.run(['zstd', '-dqc'], input=data, stdout=subprocess.PIPE, check=True).stdout
            else:
                tar = subprocess.run(['gzip', '-dc'], input=data, stdout=subprocess.PIPE, check=True).stdout
            found.append(fake_registry.digest_of(tar))
        self.assertEqual(found, diff_ids)
        return media_type, document

    # --- what goes where ----------------------------------------------------------------------------------------

    def test_back_where_it_came_from_nothing_is_sent(self):
        for flavour, compress in (('docker', 'gzip'), ('oci', 'gzip'), ('oci', 'zstd')):
            if self.engine.kind == 'dockerd' and compress == 'zstd':
                continue
            with self.subTest(flavour + compress), \
                    self.fake([layer(1), layer(2, 1000)], flavour=flavour, compress=compress, edit_manifest=strange) as registry:
                name = self.tag(registry.host + '/team/app:1', registry.host + '/team/app:2')
                done, layers = self.push(name)
                self.remove_images()
                self.assertEqual(set(layers.values()), {'Layer already exists'})
                self.assertEqual(self.uploads(registry), [])
                self.assertEqual(registry.requests('POST .*uploads'), [])
                if self.engine.kind == 'lighterd':  # dockerd writes the manifest anew
                    self.assertEqual(done, {'Tag': '2', 'Digest': registry.image.digest, 'Size': len(registry.image.manifest)})
                    self.assertEqual(registry.store.tags['team/app', '2'], registry.image.digest)

    def test_elsewhere_it_is_the_same_image(self):
        other = self.real()
        with self.fake([layer(1), layer(2, 1000), layer(3, 0)], edit_manifest=strange) as registry:
            name = self.tag(registry.host + '/team/app:1', other.host + '/new/name:1')
            messages = self.told(name)
            self.assertEqual(messages[0], {'status': f'The push refers to repository [{other.host}/new/name]'})
            ids = [d[7:19] for d in reversed(registry.image.diff_ids)]
            self.assertEqual([(m['status'], m['id'], m['progressDetail']) for m in messages[1:4]], [('Preparing', i, {}) for i in ids])
            self.assertEqual({m['id'] for m in messages if m.get('status') == 'Pushed'}, set(ids))
            moving = [m for m in messages if m.get('status') == 'Pushing' and m['id'] == ids[2]]
            self.assertTrue(moving and all(m['progressDetail']['total'] >= 1_500_000 for m in moving), messages)
            done = messages[-1]
            self.assertEqual(done['progressDetail'], {})
            self.assertEqual(messages[-2], {'status': f'1: digest: {done["aux"]["Digest"]} size: {done["aux"]["Size"]}'})
            names = self.api.get(f'/images/{name}/json').json['RepoDigests']
            self.assertIn(other.host + '/new/name@' + done['aux']['Digest'], names)
            for _ in range(2):
                self.assertEqual(set(self.push(name)[1].values()), {'Layer already exists'})
            image_id = registry.image.config_digest
            self.api.must(200, 'DELETE', f'/images/{image_id}', force=True)
            self.api.pull(name)
            self.assertEqual(self.api.get(f'/images/{name}/json').json['Id'], image_id)
            # Known by two digests now; and there, it is the first of them.
            self.tag(name, registry.host + '/team/app:3')
            self.push(registry.host + '/team/app:3')

    def test_the_event(self):
        with self.fake() as registry:
            name = self.tag('busybox', registry.host + '/x/y:1')
            since = time.time()
            self.push(name)
            told = [e for e in self.events(int(since), type=['image']) if e['Action'] == 'push' and registry.host in e['Actor']['ID']]
            self.assertEqual([(e['Actor']['ID'], e['Actor']['Attributes']['name']) for e in told],
                             [(name, registry.host + '/x/y')])

    def test_all_tags(self):
        with self.fake() as registry:
            for tag in ('b', 'a'):
                self.tag('busybox', f'{registry.host}/x/y:{tag}')
            messages = self.told(registry.host + '/x/y')
            self.assertEqual([m['aux']['Tag'] for m in messages if 'aux' in m], ['a', 'b'])
            self.assertEqual(len({m['aux']['Digest'] for m in messages if 'aux' in m}), 1)
            statuses = [m['status'] for m in messages if 'id' in m and m['status'] != 'Pushing']
            self.assertEqual(statuses, ['Preparing', 'Pushed', 'Preparing', 'Layer already exists'])
            # A name with its tag needs no parameter.
            self.assertEqual(self.api.post(f'/images/{registry.host}/x/y:b/push', headers=NOBODY).status, 200)

    def test_what_cannot_be_pushed(self):
        self.assertEqual(self.failed('nope/nope:latest'), 'An image does not exist locally with the tag: nope/nope')
        self.assertEqual(self.failed('nope/nope'), 'An image does not exist locally with the tag: nope/nope')
        short = self.api.get('/images/busybox/json').json['Id'][7:19]
        self.assertEqual(self.failed(short), f'An image does not exist locally with the tag: {short}')
        bad = 500 if self.engine.kind == 'dockerd' else 400  # 400 since 25
        self.assertEqual(self.refused(bad, 'POST', '/images/busybox/push', headers=NOBODY, tag='no tag'), 'invalid tag format')
        self.assertIn('repository name', self.refused(bad, 'POST', '/images/UPPER/push', headers=NOBODY, tag='x'))
        self.assertEqual(self.refused(400, 'POST', '/images/busybox/push', tag='x'),
                         'Bad parameters and missing X-Registry-Auth: EOF')
        with self.fake() as registry:
            self.tag('busybox', registry.host + '/x/y:1')
            self.assertEqual(self.failed(registry.host + '/x/y:2'), f'tag does not exist: {registry.host}/x/y:2')
            self.assertEqual(self.failed(registry.host + '/x/y@sha256:' + 'a' * 64), 'cannot push a digest reference')
        name = self.tag('busybox', '127.0.0.1:1/x:1')
        self.assertEqual(self.failed(name), 'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused')

    @case.younger_than_peer
    def test_younger_rules(self):
        self.assertEqual(self.refused(400, 'POST', '/images/busybox/push', tag='x', version='v1.47'),
                         'bad parameters and missing X-Registry-Auth: invalid X-Registry-Auth header: EOF')
        with self.fake() as registry:
            name = self.tag('busybox', registry.host + '/x/y:1')
            self.assertIn('does not match the specified platform', self.failed(
                name, version='v1.47', platform='{"os":"linux","architecture":"arm64"}'))
            self.push(name, version='v1.47', platform='{"os":"linux","architecture":"amd64"}')
            self.push(name, version='v1.52', headers={})
            self.push(name, headers={}, body={'username': 'me', 'password': 'pw'})

    def test_loaded_and_imported(self):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode='w') as tar:
            info = tarfile.TarInfo('bin/x')
            info.size = 700_000
            tar.addfile(info, io.BytesIO(noise(info.size)))
        with self.fake() as registry:
            self.api.must(200, 'POST', '/images/create', body=out.getvalue(), headers={'Content-Type': 'application/x-tar'},
                          fromSrc='-', repo=registry.host + '/x/imported', tag='1')
            archive = self.api.must(200, 'GET', '/images/busybox/get').body
            self.api.must(200, 'DELETE', '/images/busybox', force=True)
            self.api.must(200, 'POST', '/images/load', body=archive, headers={'Content-Type': 'application/x-tar'})
            self.tag('busybox', registry.host + '/x/loaded:1')
            for name in ('imported', 'loaded'):
                self.push(f'{registry.host}/x/{name}:1')
                image = self.api.get(f'/images/{registry.host}/x/{name}:1/json').json
                media_type, document = self.assert_complete(registry, 'x/' + name, '1', image['Id'], image['RootFS']['Layers'])
                self.assertEqual((media_type, document['mediaType']), (fake_registry.DOCKER_MANIFEST,) * 2)
                self.assertEqual(document['layers'][0]['mediaType'], fake_registry.DOCKER_LAYER)

    @case.lighterd_only
    def test_zstd_on_request(self):
        with self.fake() as registry:
            name = self.tag('busybox', registry.host + '/x/y:1')
            self.push(name)
            _, layers = self.push(name, compression='zstd')  # what is there as gzip does not do
            self.assertEqual(set(layers.values()), {'Pushed'})
            image = self.api.get('/images/busybox/json').json
            media_type, document = self.assert_complete(registry, 'x/y', '1', image['Id'], image['RootFS']['Layers'])
            self.assertEqual(media_type, fake_registry.OCI_MANIFEST)
            self.assertEqual(document['layers'][0]['mediaType'], fake_registry.OCI_LAYER + '+zstd')
            self.api.must(200, 'DELETE', f'/images/{image["Id"]}', force=True)
            self.api.pull(name)
            self.assertEqual(self.api.get(f'/images/{name}/json').json['Id'], image['Id'])
            self.assertEqual(self.refused(400, 'POST', f'/images/{registry.host}/x/y/push', headers=NOBODY, compression='xz'),
                             'invalid compression "xz": must be gzip or zstd')

    @case.lighterd_only
    @case.unittest.skipUnless(shutil.which('skopeo') and shutil.which('dockerd'), 'no skopeo or dockerd here')
    def test_others_read_it(self):
        registry, image = self.real(), self.api.get('/images/busybox/json').json
        peer = engines.Dockerd(self.engine.space, None, 'peer', options=['--bridge', 'none', '--iptables=false'], bip=' ')
        peer.command = lambda: [w for w in engines.Dockerd.command(peer) if w not in ('--bip', ' ')]
        self.addCleanup(peer.destroy)
        peer.start()
        self.addCleanup(peer.stop)
        for packing in ('gzip', 'zstd'):
            name = self.tag('busybox', f'{registry.host}/x/y:{packing}')
            done, _ = self.push(name, compression=packing)
            seen = json.loads(self.engine.space.run('skopeo', 'inspect', '--tls-verify=false', 'docker://' + name))
            self.assertEqual(seen['Digest'], done['Digest'])
            folder = os.path.join(self.engine.folder, 'layout-' + packing)
            self.engine.space.run('skopeo', 'copy', '--src-tls-verify=false', 'docker://' + name, 'oci:' + folder + ':x')
            if packing == 'gzip':  # dockerd 20.10 knows no zstd
                peer.api.pull(name)
                self.assertEqual(peer.api.get(f'/images/{name}/json').json['Id'], image['Id'])

    @case.lighterd_only
    @case.unittest.skipUnless(shutil.which('docker'), 'no docker CLI here')
    def test_both_clients_say_the_same(self):
        with self.fake() as registry:
            name = registry.host + '/x/y'
            for tag in ('1', '2'):
                self.tag('busybox', f'{name}:{tag}')
            env = {'PATH': os.environ['PATH'], 'HOME': self.engine.folder, 'DOCKER_HOST': 'unix://' + self.engine.socket}
            for words in (['push', name + ':1'], ['push', '-a', name], ['push', '-q', name + ':1'], ['image', 'push', name + ':9'],
                          ['push', 'nope/nope']):
                said = []
                for client in (shutil.which('docker'), engines.program('lighter')):
                    registry.store.blobs.clear()
                    registry.store.links.clear()
                    done = subprocess.run([client, *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                    said.append((done.returncode, done.stdout, done.stderr))
                self.assertEqual(*said, words)

    # --- mounts -------------------------------------------------------------------------------------------------

    def test_a_layer_is_mounted_from_another_repository(self):
        for want in ({}, {'auth': 'bearer', 'users': {'me': 'pw'}, 'anonymous': False, 'pushers': ['me']}):
            with self.subTest(want.get('auth')), self.fake(per_repository=True, **want) as registry:
                self.push(self.tag('busybox', registry.host + '/x/one:1'), headers=ME)
                sent = self.uploads(registry)
                registry.log.clear()
                _, layers = self.push(self.tag('busybox', registry.host + '/x/two:1'), headers=ME)
                self.assertEqual(set(layers.values()), {'Mounted from x/one'})
                asked = registry.requests('POST .*uploads/.*mount=')[-1]['path']
                self.assertRegex(asked, r'^/v2/x/two/blobs/uploads/\?(from=x%2Fone&mount=|mount=)sha256%3A[0-9a-f]{64}')
                self.assertEqual(len(self.uploads(registry)), len(sent) - 1)  # the config alone
                if want:
                    scopes = [r['path'] for r in registry.requests('GET /token.*x%2Fone')]
                    self.assertTrue(scopes and all('x%2Ftwo%3Apush%2Cpull' in s and 'x%2Fone%3Apull' in s for s in scopes), scopes)

    def test_a_mount_that_is_refused_becomes_an_upload(self):
        with self.fake(per_repository=True, mounts=False) as registry:
            self.push(self.tag('busybox', registry.host + '/x/one:1'))
            registry.log.clear()
            _, layers = self.push(self.tag('busybox', registry.host + '/x/two:1'))
            self.assertEqual(set(layers.values()), {'Pushed'})
            self.assertEqual(len(registry.requests('POST .*/two/blobs/uploads/')), 2)  # the mount's own, and the config's
            registry.log.clear()
            registry.fault('POST .*mount=', status=405)
            _, layers = self.push(self.tag('busybox', registry.host + '/x/three:1'))
            self.assertEqual(set(layers.values()), {'Pushed'})
            self.assertEqual(registry.store.uploads, {})

    def test_a_note_that_is_not_true_any_more(self):
        with self.fake(per_repository=True) as registry:
            name = self.tag('busybox', registry.host + '/x/one:1')
            first, _ = self.push(name)
            registry.store.links.clear()
            registry.store.tags.clear()
            second, layers = self.push(name)
            self.assertEqual(set(layers.values()), {'Pushed'})
            self.assertEqual(first, second)

    # --- what goes wrong ----------------------------------------------------------------------------------------

    def assert_pushed_whole(self, registry, name):
        _, layers = self.push(name)
        image = self.api.get(f'/images/{name}/json').json
        self.assert_complete(registry, name.split('/', 1)[1].rsplit(':', 1)[0], name.rsplit(':', 1)[1], image['Id'],
                             image['RootFS']['Layers'])
        self.assertEqual(registry.store.uploads, {})
        return layers

    @case.lighterd_only
    def test_a_broken_upload_goes_on_where_it_stopped(self):
        with self.fake([layer(1)]) as source, self.fake(absolute=False) as registry:
            registry.fault('PATCH', times=1, break_at=400_001)
            registry.fault('PATCH', times=1, break_at=500_000)
            self.assert_pushed_whole(registry, self.tag(source.host + '/team/app:1', registry.host + '/x/y:1'))
            sent = [r['size'] for r in registry.requests('PATCH')]
            whole = len(registry.store.read(json.loads(registry.store.manifests[registry.store.tags['x/y', '1']][1])['layers'][0]['digest']))
            self.assertEqual(sent, [400_001, 500_000, whole - 900_001])
            self.assertEqual(len(registry.requests('GET .*uploads/')), 2)

    @case.lighterd_only
    def test_an_upload_that_is_lost_begins_anew(self):
        faults = {'forgotten': {'lose': True},               # the registry knows nothing of it
                  'more than was sent': {'break_at': 100_000}}
        with self.fake([layer(1)]) as source:
            for number, (what, fault) in enumerate(faults.items()):
                with self.subTest(what), self.fake() as registry:
                    registry.fault('PATCH', times=1, break_at=fault.get('break_at', 400_000), lose=fault.get('lose'))
                    if not fault.get('lose'):
                        registry.fault('GET .*uploads', upload_range='0-999999999')
                    self.assert_pushed_whole(registry, self.tag(source.host + '/team/app:1', registry.host + '/x/y:1'))
                    self.assertEqual(len(registry.requests('PATCH')), 2)

    @case.lighterd_only
    def test_what_passes_by_itself_is_waited_for(self):
        with self.fake([layer(1)]) as source, self.fake() as registry:
            registry.fault('POST .*uploads', times=1, status=429, headers={'Retry-After': '1'})
            registry.fault('PATCH', times=1, status=503)
            registry.fault('PUT .*manifests', times=1, status=500)
            messages = self.told(self.tag(source.host + '/team/app:1', registry.host + '/x/y:1'))
            self.assertIn('aux', messages[-1], messages)
            self.assertTrue([m for m in messages if m.get('status', '').startswith('Retrying in ')], messages)
            times = [r['time'] for r in registry.requests('POST .*uploads')]
            self.assertGreaterEqual(times[1] - times[0], 1)

    @case.lighterd_only
    def test_an_answer_that_was_lost(self):
        with self.fake([layer(1)]) as source, self.fake() as registry:
            registry.fault('PUT .*uploads', times=1, deaf=True)  # taken; nobody hears of it
            self.assert_pushed_whole(registry, self.tag(source.host + '/team/app:1', registry.host + '/x/y:1'))
            self.assertEqual(len(registry.requests('PATCH')), 1)

    def test_a_push_refused_half_way(self):
        with self.fake() as registry:
            name = self.tag('busybox', registry.host + '/x/y:1')
            # Whoever does not read the rest is heard all the same.
            registry.fault('(POST|PATCH|PUT) .*uploads', times=1, skip=1, status=413, early=True)
            if self.engine.kind == 'lighterd':
                self.assertEqual(self.failed(name), 'received unexpected HTTP status: 413 Request Entity Too Large')
            registry.faults.clear()
            registry.fault('PUT .*manifests', times=1, status=403, body=json.dumps({'errors': [{'code': 'DENIED', 'message': 'no no'}]}))
            self.assertEqual(self.failed(name), 'denied: no no')
            self.assertNotIn(registry.host + '/x/y@', str(self.api.get(f'/images/{name}/json').json['RepoDigests']))
            _, layers = self.push(name)
            self.assertEqual(set(layers.values()), {'Layer already exists'})

    @case.lighterd_only
    def test_a_registry_that_lies(self):
        with self.fake() as registry:
            name = self.tag('busybox', registry.host + '/x/y:1')
            for where in ('', 'ftp://x/', 'http://[::1', '/' + 'x' * 20_000, None):
                registry.faults.clear()
                registry.fault('POST .*uploads', location=where)
                self.assertEqual(self.failed(name), "the registry's answer has no usable Location")
            registry.faults.clear()
            registry.fault('PUT .*uploads', docker_digest='sha256:' + 'a' * 64)
            self.assertIn('the registry took blob sha256:', self.failed(name))
            registry.faults.clear()
            registry.fault('PUT .*manifests', docker_digest='sha256:' + 'a' * 64)
            self.assertIn('the registry took manifest sha256:', self.failed(name))
            registry.faults.clear()
            registry.fault('HEAD .*blobs', docker_digest='sha256:' + 'a' * 64)  # so it has something else
            registry.fault('POST .*uploads', times=1, headers={'X-Long': 'x' * 100_000, 'Location': '/x'}, status=202)
            self.push(name)  # as if there had been no answer

    @case.lighterd_only
    def test_nothing_secret_follows_to_another_host(self):
        store = fake_registry.Store()
        with self.fake([layer(1)]) as source, self.fake(store=store) as other, \
                self.fake(store=store, auth='basic', users={'me': 'pw'}, mounts=False) as registry:
            name = self.tag(source.host + '/team/app:1', registry.host + '/x/y:1')
            store.uploads['there'] = ['x/y', bytearray()]
            registry.fault('POST .*uploads', times=1, status=202, headers={'Location': other.url + '/v2/x/y/blobs/uploads/there?sig=1'})
            self.push(name, headers=ME)
            self.assertEqual([r['method'] for r in other.log], ['PATCH', 'PUT'])
            self.assertTrue(all('authorization' not in r['headers'] for r in other.log))
            self.assertRegex(other.log[-1]['path'], r'digest=sha256%3A')
            # A PATCH that is sent on: the whole of it goes to the other address.
            other.log.clear()
            store.uploads['there'] = ['x/z', bytearray()]
            name = self.tag(source.host + '/team/app:1', registry.host + '/x/z:1')
            store.blobs.clear()
            registry.fault('PATCH', times=1, redirect=other.url + '/v2/x/z/blobs/uploads/there!')
            self.push(name, headers=ME)
            self.assertEqual([r['method'] for r in other.log], ['PATCH', 'PUT'])
            self.assertTrue(all('authorization' not in r['headers'] for r in other.log))

    def test_who_may_push(self):
        with self.fake(auth='basic', users={'me': 'pw'}) as registry:
            name = self.tag('busybox', registry.host + '/x/y:1')
            self.assertEqual(self.failed(name), 'no basic auth credentials')
            if self.engine.kind == 'lighterd':  # dockerd 20.10 tries for 50 s
                self.assertEqual(self.failed(name, headers=auth(username='me', password='no')), 'unauthorized: authentication required')
            self.push(name, headers=ME)
        with self.fake(auth='bearer', users={'me': 'pw', 'you': 'pw'}, pushers=['me']) as registry:
            name = self.tag('busybox', registry.host + '/x/y:1')
            self.assertEqual(self.failed(name, headers=auth(username='me', password='no')), 'unauthorized: incorrect username or password')
            denied = 'denied: requested access to the resource is denied'
            self.assertEqual(self.failed(name, headers=auth(username='you', password='pw')), denied)
            self.assertEqual(self.failed(name), denied)
            self.push(name, headers=ME)
            self.assertIn('scope=repository%3Ax%2Fy%3Apush%2Cpull', registry.requests('GET /token')[-1]['path'])

    @case.lighterd_only
    def test_a_token_that_ends_in_the_middle(self):
        with self.fake([layer(1), layer(2)]) as source, \
                self.fake(auth='bearer', users={'me': 'pw'}, pushers=['me'], token_uses=3) as registry:
            self.push(self.tag(source.host + '/team/app:1', registry.host + '/x/y:1'), headers=ME)
            self.assertGreater(len(registry.requests('GET /token')), 2)

    @case.lighterd_only
    def test_a_layer_that_cannot_be_read_back(self):
        with self.fake([layer(1)]) as registry, self.fake() as target:
            name = self.tag(registry.host + '/team/app:1', target.host + '/x/y:1')
            diff_id = registry.image.diff_ids[0]
            folder = os.path.join(self.engine.data_root, 'layers')
            file, = [os.path.join(folder, i, 'diff/data1') for i in os.listdir(folder)
                     if os.path.exists(os.path.join(folder, i, 'diff/data1'))]
            with open(file, 'r+b') as data:
                data.seek(1_400_000)
                data.write(b'another')
            self.assertEqual(self.failed(name), f'layer {diff_id} is damaged: file data1 is not what it was')
            self.assertEqual((target.store.blobs, target.store.uploads), ({}, {}))
            os.rename(os.path.dirname(os.path.dirname(file)) + '/skeleton', self.engine.folder + '/skeleton')
            self.assertIn('kept no skeleton', self.failed(name))
            # Where it is already, nothing is to be read.
            self.push(self.tag(name, registry.host + '/team/app:2'))

    # --- at the same time ---------------------------------------------------------------------------------------

    def test_layers_go_side_by_side_and_no_more_than_five(self):
        with self.fake([layer(i, 700_000) for i in range(8)]) as source, self.fake() as registry:
            registry.fault('PATCH', sip=3_000_000)
            messages = self.told(self.tag(source.host + '/team/app:1', registry.host + '/x/y:1'))
            for status in ('Preparing', 'Pushed'):
                self.assertEqual(len([m for m in messages if m.get('status') == status]), 8, messages)
            self.assertGreaterEqual(len({m['id'] for m in messages if m.get('status') == 'Waiting'}), 3)
            self.assertIn(registry.uploading_max, (2, 3, 4, 5))

    @case.lighterd_only
    def test_two_pushes_of_the_same_send_it_once(self):
        with self.fake([layer(1), layer(2)]) as source, self.fake() as registry:
            name = self.tag(source.host + '/team/app:1', registry.host + '/x/y:1')
            registry.fault('PATCH', sip=5_000_000)
            results = []
            threads = [threading.Thread(target=lambda: results.append(self.push(name))) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(len(results), 2)
            self.assertEqual(results[0][0], results[1][0])
            self.assertEqual(len(registry.requests('PATCH')), 2)

    def start_push(self, name, registry):
        """A push under way: bytes of its layer are arriving."""
        repo, tag = name.rsplit(':', 1)
        connection, reply = self.api.open('POST', f'/images/{repo}/push', headers=NOBODY, tag=tag)
        self.eventually(lambda: registry.uploading > 0, 'a layer is on its way')
        return connection, reply

    def test_a_client_that_goes_away_ends_it(self):
        with self.fake([layer(1, 8_000_000)]) as source, self.fake(receive_bytes=65536) as registry:
            name = self.tag(source.host + '/team/app:1', registry.host + '/x/y:1')
            registry.fault('PATCH', sip=2_000_000)
            connection, reply = self.start_push(name, registry)
            reply.close()
            connection.close()
            self.eventually(lambda: registry.uploading == 0, 'nothing is sent any more', 5)
            self.assertLess(registry.requests('PATCH')[0]['size'], 7_000_000)
            if self.engine.kind == 'lighterd':
                self.eventually(lambda: registry.store.uploads == {}, 'the upload is given up', 5)
            registry.faults.clear()
            self.assertNotIn(('x/y', '1'), registry.store.tags)
            self.push(name)

    @case.lighterd_only
    def test_a_push_cut_by_kill_nine_keeps_what_is_there(self):
        with self.fake([layer(1, 600_000), layer(2, 3_000_000)]) as source, self.fake() as registry:
            name = self.tag(source.host + '/team/app:1', registry.host + '/x/y:1')
            registry.fault('PATCH', sip=1_000_000)
            client = self.start_push(name, registry)
            self.eventually(lambda: len(registry.store.blobs) == 1, 'the small layer is there')
            # Told or not: what is noted once is noted for good.
            time.sleep(0.2)
            self.engine.kill()
            client[0].close()
            self.engine.start()
            registry.faults.clear()
            registry.log.clear()
            registry.store.uploads.clear()  # what the engine that is gone had begun
            layers = self.assert_pushed_whole(registry, name)
            self.assertEqual(sorted(layers.values()), ['Layer already exists', 'Pushed'])


if __name__ == '__main__':
    case.unittest.main()
