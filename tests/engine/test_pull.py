"""POST /images/create: what a pull tells while it runs, whom it serves at once, what a kill, a full disk or a client that
leaves does to it. Where dockerd 20.10 knows the case it is checked against it too."""

import base64
import contextlib
import glob
import json
import os
import random
import subprocess
import time
import unittest

import case
import fake_registry

IMAGES = []
PULL_KILLS = int(os.environ.get('LIGHTER_PULL_KILLS', '6'))
OPTIONS = ['--max-download-attempts', '3']
WORDS = ['Pulling fs layer', 'Waiting', 'Downloading', 'Verifying Checksum', 'Download complete', 'Extracting',
         'Pull complete']


def noise(count, seed=1):
    return random.Random(seed).randbytes(count)


class PullTest(case.EngineTest):
    def tearDown(self):
        for image in self.api.get('/images/json').json:
            self.api.delete(f'/images/{image["Id"]}', force=True)

    @contextlib.contextmanager
    def fake(self, layers=None, **want):
        store = fake_registry.Store()
        image = store.add_image('team/app', '1', layers or [fake_registry.tar_layer({'etc/x': b'hi'})])
        with self.engine.space.inside():
            registry = fake_registry.FakeRegistry(store, **want)
        registry.image = image
        with registry:
            yield registry

    def folder(self, name):
        return os.path.join(self.engine.data_root, name)

    def nothing_under_way(self):
        self.assertEqual(os.listdir(self.folder('staging')), [])
        self.assertEqual(os.listdir(self.folder('ingest')), [])

    def failing(self, reference, **kw):
        """(status, message) of a pull that fails; status 200: in its stream."""
        reply = self.api.post('/images/create', fromImage=reference, timeout=120, **kw)
        lines = [json.loads(line) for line in reply.body.splitlines() if line.strip()]
        text = lines[-1].get('message') or lines[-1].get('error')
        self.assertTrue(text, lines)
        self.assertEqual(self.api.get('/images/json').json, [])
        return reply.status, text


class Told(PullTest):
    def shape(self, messages):
        """The stream without what depends on timing: (whole-image lines, words of each layer in order of appearance)."""
        whole, layers = [], {}
        for message in messages:
            status, name = message['status'], message.get('id', '')
            if status in WORDS or status == 'Already exists':
                words = layers.setdefault(name, [])
                self.assertRegex(name, '^[0-9a-f]{12}$')
                self.assertIn('progressDetail', message)
                if status not in words:
                    words.append(status)
                detail = message['progressDetail']
                if status in ('Downloading', 'Extracting') and detail:
                    self.assertGreater(detail['total'], 0)
                    self.assertLessEqual(0, detail['current'])
                    self.assertLessEqual(detail['current'], detail['total'])
                elif status not in ('Downloading', 'Extracting'):
                    self.assertEqual(detail, {})
            else:
                self.assertNotIn('progressDetail', message)
                whole.append((name, status))
        return whole, layers

    def in_order(self, words, wanted=('Pulling fs layer', 'Download complete', 'Pull complete')):
        self.assertEqual(words, [w for w in WORDS if w in words])
        for word in wanted:
            self.assertIn(word, words)

    def test_a_new_image_by_tag(self):
        whole, layers = self.shape(self.api.pull('layered', tag='latest'))
        digest = self.api.get('/images/layered/json').json['RepoDigests'][0].split('@')[1]
        self.assertEqual(whole, [('latest', 'Pulling from library/layered'), ('', f'Digest: {digest}'),
                                 ('', 'Status: Downloaded newer image for layered:latest')])
        self.assertEqual(len(layers), 3)
        for words in layers.values():
            self.in_order(words)
        # Of layers this small dockerd tells what there is time for.
        for word in ('Downloading', 'Verifying Checksum', 'Extracting'):
            self.assertTrue(any(word in words for words in layers.values()), word)

    def test_the_same_again(self):
        first = self.api.pull('busybox', tag='latest')
        again = self.api.pull('busybox', tag='latest')
        self.assertEqual(self.shape(again), ([('latest', 'Pulling from library/busybox'), ('', first[-2]['status']),
                                              ('', 'Status: Image is up to date for busybox:latest')], {}))

    def test_layers_that_are_here(self):
        self.api.pull('busybox', tag='latest')
        whole, layers = self.shape(self.api.pull('busybox', tag='other'))
        self.assertEqual(whole[-1], ('', 'Status: Downloaded newer image for busybox:other'))
        words = list(layers.values())
        self.assertEqual(words[0], ['Already exists'])
        self.in_order(words[1])

    def test_by_digest(self):
        first = self.api.pull('busybox', tag='latest')
        digest = first[-2]['status'].removeprefix('Digest: ')
        for image in self.api.get('/images/json').json:
            self.api.delete(f'/images/{image["Id"]}', force=True)
        whole, _ = self.shape(self.api.pull('busybox', tag=digest))
        self.assertEqual(whole, [(f'docker.io/library/busybox@{digest}', 'Pulling from library/busybox'),
                                 ('', f'Digest: {digest}'),
                                 ('', f'Status: Downloaded newer image for busybox@{digest}')])
        again, _ = self.shape(self.api.pull(f'busybox@{digest}'))
        self.assertEqual(again[-1], ('', f'Status: Image is up to date for busybox@{digest}'))

    def test_all_tags(self):
        for name in ('busybox', 'busybox:'):
            messages = self.api.pull(name)
            whole, _ = self.shape(messages)
            self.assertEqual([w for w in whole if w[1].startswith('Pulling')],
                             [('latest', 'Pulling from library/busybox'), ('other', 'Pulling from library/busybox')])
            self.assertEqual(sum(w[1].startswith('Digest: ') for w in whole), 2)
            self.assertEqual([w for w in whole if w[1].startswith('Status: ')],
                             [('', 'Status: Downloaded newer image for busybox' if name == 'busybox' else
                               'Status: Image is up to date for busybox')])
        tags = sorted(t for i in self.api.get('/images/json').json for t in i['RepoTags'])
        self.assertEqual(tags, ['busybox:latest', 'busybox:other'])

    @case.younger_than_peer  # 125 layers are too many for it
    def test_more_layers_than_downloads_at_once(self):
        whole, layers = self.shape(self.api.pull('deep', tag='latest'))
        self.assertEqual(len(layers), 128)
        for words in layers.values():
            self.in_order(words)
        self.assertGreater(sum('Waiting' in words for words in layers.values()), 60)

    def test_platforms(self):
        for platform, architecture in (('linux/arm64', 'arm64'), ('linux/amd64', 'amd64'), ('arm64', 'arm64')):
            self.api.pull('multiarch', tag='latest', platform=platform)
            self.assertEqual(self.api.get('/images/multiarch/json').json['Architecture'], architecture)
        last = self.api.post('/images/create', fromImage=f'{case.LAB.registry.host}/library/multiarch', tag='latest',
                             platform='linux/s390x').body.splitlines()[-1]
        self.assertIn('no matching manifest for linux/s390x in the manifest list entries', json.loads(last).get('error', ''))

    def test_an_event_follows(self):
        since = time.time()
        self.api.pull('busybox', tag='latest')
        events = self.events(since, type=['image'])
        self.assertEqual([(e['Action'], e['Actor']['ID'], e['Actor']['Attributes']['name']) for e in events],
                         [('pull', 'busybox:latest', 'busybox')])

    def test_bytes_while_downloading_and_extracting(self):
        with self.fake([fake_registry.tar_layer({'big': noise(8_000_000)})]) as registry:
            registry.fault('GET .*/blobs/' + registry.image.layers[0][0], rate=8_000_000)
            messages = self.api.pull(registry.host + '/team/app:1')
            size = len(registry.image.layers[0][1])
            for word in ('Downloading', 'Extracting'):
                told = [m['progressDetail'] for m in messages if m['status'] == word and m['progressDetail']]
                self.assertTrue(all(t['total'] == size for t in told))
                counts = [t['current'] for t in told]
                self.assertEqual(counts, sorted(counts))
                self.assertGreater(len(counts), 3 if word == 'Downloading' else 0, word)
                self.assertLessEqual(counts[-1], size)
                self.assertGreater(counts[-1], size * 0.9)


class Refused(PullTest):
    """What a registry's refusal becomes: status and words."""

    def test_refusals(self):
        body = '{"errors":[{"code":"%s","message":"%s","detail":{"Tag":"1"}}]}'
        peer = self.engine.kind == 'dockerd'
        cases = {
            'manifest unknown': ({'status': 404, 'body': body % ('MANIFEST_UNKNOWN', 'manifest unknown')}, 404,
                                 'manifest for {name}:1 not found: manifest unknown: manifest unknown'),
            'name unknown': ({'status': 404, 'body': body % ('NAME_UNKNOWN', 'repository name not known to registry')}, 404,
                             'repository {name} not found: name unknown: repository name not known to registry'),
            'denied': ({'status': 403, 'body': body % ('DENIED', 'requested access to the resource is denied')}, 404,
                       "pull access denied for {name}, repository does not exist or may require 'docker login': denied: "
                       'requested access to the resource is denied'),
            'unauthorized': ({'status': 401, 'body': body % ('UNAUTHORIZED', 'authentication required')},
                             500, 'unauthorized: authentication required'),
            'too many': ({'status': 429, 'body': body % ('TOOMANYREQUESTS', 'slow down')}, 500,
                         'toomanyrequests: slow down'),
            'a bare 404': ({'status': 404}, 500, 'error parsing') if peer else ({'status': 404}, 404, 'manifest unknown'),
            'a bare 500': ({'status': 500}, 500, 'received unexpected HTTP status: 500 Internal Server Error'),
            'a bare 503': ({'status': 503}, 500, 'received unexpected HTTP status: 503 Service Unavailable'),
        }
        for name, (fault, status, text) in cases.items():
            with self.subTest(name), self.fake() as registry:
                registry.fault('(GET|HEAD) .*/manifests/', **fault)
                said = self.failing(registry.host + '/team/app:1')
                self.assertEqual(said[0], status, said)
                self.assertIn(text.format(name=registry.host + '/team/app'), said[1])

    def test_references_that_are_none(self):
        for name, text in {'UPPER': 'must be lowercase', 'a b': 'invalid reference format',
                           'a//b': 'invalid reference format', 'x' * 300: 'must not be more than 255 characters',
                           'a:' + 't' * 129: 'invalid reference format', 'a@sha256:12': 'invalid',
                           '../x': 'invalid reference format', 'a\nb': 'invalid reference format'}.items():
            with self.subTest(name):
                reply = self.api.post('/images/create', fromImage=name)
                self.assertEqual(reply.status, 400, reply)
                self.assertIn(text, reply.message)
        self.assertEqual(self.api.post('/images/create', fromImage='scratch', tag='latest').status, 403)

    @case.lighterd_only
    def test_documents_of_two_kinds_and_of_another_time(self):
        def with_manifests(document):
            document['manifests'] = []
        with self.fake() as registry:
            store = registry.store
            layer = [fake_registry.tar_layer({'x': b'y'})]
            store.add_image('team/app', 'both', layer, edit_manifest=with_manifests)
            store.add_image('team/app', 'fs', layer, edit_manifest=lambda d: d.update(fsLayers=[]))
            store.add_manifest('team/app', 'old', 'application/vnd.docker.distribution.manifest.v1+prettyjws',
                               b'{"schemaVersion":1,"name":"team/app","tag":"old","fsLayers":[],"history":[]}')
            for tag, text in (('both', 'must not have "manifests"'), ('fs', 'schema 1 support has been removed'),
                              ('old', 'schema 1 support has been removed')):
                self.assertIn(text, self.failing(f'{registry.host}/team/app:{tag}')[1])
            self.assertEqual(registry.requests('/blobs/'), [])

    @case.lighterd_only
    def test_an_index_that_lies_about_its_manifest(self):
        def wrong(by):
            return lambda d: d['manifests'][0].update(size=d['manifests'][0]['size'] + by)
        with self.fake() as registry:
            for tag, edit in (('less', wrong(-1)), ('more', wrong(1)),
                              ('type', lambda d: d['manifests'][0].update(mediaType=fake_registry.OCI_INDEX))):
                registry.store.add_index('team/app', tag, [(registry.image, 'amd64', None)], edit=edit)
                said = self.failing(f'{registry.host}/team/app:{tag}')[1]
                self.assertRegex(said, 'does not have the [0-9]+ bytes its index says|its index says')
            self.assertEqual(registry.requests('/blobs/'), [])

    @case.lighterd_only
    def test_graphs_of_indexes_cost_a_bounded_number_of_requests(self):
        with self.fake() as registry:
            store = registry.store
            inner = registry.image
            for depth in range(1, 9):
                digest = store.add_index('team/app', f'deep{depth}', [(inner, 'amd64', None)])
                inner = fake_registry.Image(digest, store.manifests[digest][1], fake_registry.OCI_INDEX, None, None, [], [])
            messages = self.api.pull(f'{registry.host}/team/app:deep2')
            self.assertIn('Downloaded newer', messages[-1]['status'])
            self.tearDown()
            registry.log.clear()
            self.assertIn('nested too deep', self.failing(f'{registry.host}/team/app:deep8')[1])
            self.assertLessEqual(len(registry.requests('/manifests/')), 6)
            wide = store.add_index('team/app', 'wide', [(registry.image, 'amd64', None)] * 3000)
            del wide
            self.assertIn('more than the limit of 2048', self.failing(f'{registry.host}/team/app:wide')[1])


@case.lighterd_only
class Cut(PullTest):
    """Kills, clients that go, disks that fill."""

    def layers(self):
        return [fake_registry.tar_layer({f'{i}/big': noise(1_500_000, i), f'{i}/small': b'%d' % i}) for i in range(4)]

    def parts(self):
        return {os.path.basename(p).removesuffix('.part'): os.path.getsize(p)
                for p in glob.glob(self.folder('ingest/*.part'))}

    def start_pull(self, reference):
        """A client that has sent its request and reads nothing more than the first line."""
        connection, reply = self.api.open('POST', '/images/create', fromImage=reference)
        self.addCleanup(connection.close)
        self.assertEqual(reply.status, 200)
        self.assertIn(b'Pulling from', reply.readline())
        reply.connection = connection
        return reply

    @staticmethod
    def leave(reply):
        reply.close()
        reply.connection.close()

    def test_a_pull_killed_at_random_bytes_goes_on_where_it_stopped(self):
        rng = random.Random(7)
        with self.fake(self.layers()) as registry:
            reference = registry.host + '/team/app:1'
            total = sum(len(data) for _, data in registry.image.layers)
            registry.fault('GET .*/blobs/', rate=1_500_000)
            kept = {}
            for _ in range(PULL_KILLS):
                self.start_pull(reference)
                step = total // (PULL_KILLS + 2)
                wanted = sum(kept.values()) + rng.randrange(step // 4, step)
                self.eventually(lambda: sum(self.parts().values()) >= wanted, 'bytes on disk')
                self.engine.kill()
                kept, seen = self.parts(), len(registry.log)
                self.engine.start()
                self.assertEqual(os.listdir(self.folder('staging')), [])
                self.assertEqual(self.api.get('/images/json').json, [])
            registry.faults.clear()
            self.assertIn('Downloaded newer', self.api.pull(reference)[-1]['status'])
            asked = {r['path'].rsplit(':', 1)[1]: r['headers'].get('range') for r in registry.log[seen:]
                     if '/blobs/' in r['path']}
            for digest, size in kept.items():
                if size == len(registry.store.read('sha256:' + digest)):
                    self.assertNotIn(digest, asked)  # all of it was here
                elif size:
                    self.assertEqual(asked[digest], f'bytes={size}-')
            self.nothing_under_way()
            self.assertEqual(self.api.get('/images/json').json[0]['Id'], registry.image.config_digest)

    def test_two_clients_one_download_and_one_of_them_leaves(self):
        with self.fake(self.layers()) as registry:
            reference = registry.host + '/team/app:1'
            registry.fault('GET .*/blobs/', rate=2_000_000)
            first, second = self.start_pull(reference), self.start_pull(reference)
            self.leave(first)
            rest = [json.loads(line) for line in second.read().splitlines() if line.strip()]
            self.assertIn('Status: Downloaded newer image', rest[-1]['status'])
            for digest, _ in registry.image.layers:
                self.assertEqual(len(registry.requests(digest)), 1)
            self.nothing_under_way()

    def test_when_the_last_client_leaves_the_download_ends(self):
        with self.fake(self.layers()) as registry:
            reference = registry.host + '/team/app:1'
            registry.fault('GET .*/blobs/', rate=300_000)
            clients = [self.start_pull(reference), self.start_pull(reference)]
            self.eventually(lambda: registry.concurrent > 0, 'a blob is on its way')
            for client in clients:
                self.leave(client)
            self.eventually(lambda: registry.concurrent == 0, 'nothing is sent any more', 5)
            self.eventually(lambda: os.listdir(self.folder('staging')) == [], 'staging is empty', 5)
            kept = self.parts()
            registry.faults.clear()
            seen = len(registry.log)
            self.api.pull(reference)
            asked = {r['path'].rsplit(':', 1)[1]: r['headers'].get('range') for r in registry.log[seen:]
                     if '/blobs/' in r['path']}
            for digest, size in kept.items():
                if size:
                    self.assertEqual(asked[digest], f'bytes={size}-')

    def test_a_full_disk_ends_a_pull_and_room_lets_it_pass(self):
        root = os.path.join(self.engine.folder, 'small')
        os.makedirs(root, exist_ok=True)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', root], check=True)
        self.addCleanup(subprocess.run, ['umount', '-l', root])
        engine = case.LAB.engine('full', bridge='lt8')
        engine.data_root = os.path.join(root, 'data')
        engine.start()
        self.addCleanup(case.LAB.engines.remove, engine)
        self.addCleanup(engine.destroy)
        self.addCleanup(engine.stop)
        with self.fake([fake_registry.tar_layer({f'{i}/big': noise(9_000_000, i)}) for i in range(4)]) as registry:
            def used():
                return sum(os.path.getsize(p) for n in ('staging', 'ingest', 'layers')
                           for p in glob.glob(f'{engine.data_root}/{n}/**', recursive=True) if os.path.isfile(p))
            # Too large as it comes; and so small that only unpacking tells.
            registry.store.add_image('team/app', 'zip', [fake_registry.tar_layer({f'{i}/big': noise(9000, i) * 1000})
                                                         for i in range(4)])
            for tag in ('1', 'zip'):
                reply = engine.api.post('/images/create', fromImage=f'{registry.host}/team/app:{tag}')
                said = json.loads(reply.body.splitlines()[-1])
                self.assertIn('no space left on device', said['error'].lower())
                self.assertEqual(registry.requests('/blobs/' + registry.image.layers[0][0]), [])
                self.assertEqual(used(), 0)
                self.assertEqual(engine.api.get('/images/json').json, [])
            self.assertEqual(engine.api.get('/_ping', version='').status, 200)
            # It fits without what is kept for going on later: that is given up first.
            subprocess.run(['mount', '-o', 'remount,size=44m', root], check=True)
            messages = engine.api.pull(registry.host + '/team/app:1')
            self.assertIn('Downloaded newer', messages[-1]['status'])
            self.assertEqual(os.listdir(engine.data_root + '/ingest'), [])
            self.assertEqual(os.listdir(engine.data_root + '/staging'), [])


if __name__ == '__main__':
    unittest.main()
