"""What is asked of registries straight: POST /auth, GET /distribution/{name}/json, GET /images/search."""

import base64
import json
import os
import subprocess
import sys
import unittest

import case

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = r'''
import json, sys
sys.path.insert(0, sys.argv[1])
from fake_registry import *
want = json.loads(sys.argv[2])
store = Store()
image = store.add_image("team/app", "1", [tar_layer({"etc/x": b"hi"})], "oci")
index = store.add_index("team/app", "all", [(image, "amd64", None), (image, "arm64", "v8")])
results = [{"name": "nginx", "description": "d", "star_count": 12, "is_official": True, "is_automated": True},
           {"name": "me/nginx", "description": "", "star_count": 1, "is_official": False, "is_automated": False}]
with FakeRegistry(store, anonymous=False, users={"me": "hunter2"}, identity_tokens=["idtok"], **want) as registry:
    registry.fault("GET /v1/search", status=200, body=json.dumps({"results": results}),
                   headers={"Content-Type": "application/json"})
    print(json.dumps({"host": registry.host, "image": image.digest, "index": index}), flush=True)
    for line in sys.stdin:
        print(json.dumps([{k: v for k, v in r.items() if k != "time"} for r in registry.log]), flush=True)
'''


class FakeRegistry:
    """tests/support/fake_registry.py inside the engine's network namespace."""

    def __init__(self, space, **want):
        self.process = subprocess.Popen(
            [*space.enter, sys.executable, '-c', SCRIPT, os.path.join(HERE, '../support'), json.dumps(want)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        told = json.loads(self.process.stdout.readline())
        self.host, self.image, self.index = told['host'], told['image'], told['index']

    def log(self):
        self.process.stdin.write('\n')
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def header(**auth):
    return {'X-Registry-Auth': base64.urlsafe_b64encode(json.dumps(auth).encode()).decode()}


class Registries(case.EngineTest):
    def registry(self, **want):
        return FakeRegistry(self.engine.space, **want)

    def login(self, registry, password, **more):
        return self.api.request('POST', '/auth', {'username': 'me', 'password': password,
                                                  'serveraddress': registry.host, **more})

    def test_login_by_password(self):
        for auth in ('basic', 'bearer'):
            with self.subTest(auth), self.registry(auth=auth) as registry:
                reply = self.login(registry, 'hunter2')
                self.assertEqual(reply.status, 200, reply)
                self.assertEqual(reply.json, {'Status': 'Login Succeeded', 'IdentityToken': ''})

    def test_a_wrong_password_is_refused_and_not_shown(self):
        with self.registry(auth='basic') as registry:
            message = self.login(registry, 'wrong-one').message
            self.assertIn(f'login attempt to http://{registry.host}/v2/ failed with status: 401 Unauthorized', message)
            self.assertNotIn('wrong-one', message)
        with self.registry(auth='bearer') as registry:
            reply = self.login(registry, 'wrong-one')
            self.assertEqual(reply.status, 500 if self.engine.kind == 'dockerd' else 401, reply)  # 401 since 23.0
            self.assertIn(f'Get "http://{registry.host}/v2/": unauthorized: incorrect username or password',
                          reply.message)
            self.assertNotIn('wrong-one', reply.message)

    def test_login_asks_for_an_identity_token_without_a_scope(self):
        with self.registry(auth='bearer') as registry:
            self.assertEqual(self.login(registry, 'hunter2').status, 200)
            asked = [r['path'] for r in registry.log() if r['path'].startswith('/token')]
            self.assertIn('offline_token=true', asked[0])
            self.assertIn('account=me', asked[0])
            self.assertNotIn('scope=', asked[0])

    def test_distribution_of_an_index_and_an_image(self):
        with self.registry() as registry:
            told = self.api.must(200, 'GET', f'/distribution/{registry.host}/team/app:all/json').json
            self.assertEqual(told['Descriptor']['digest'], registry.index)
            self.assertEqual(told['Descriptor']['mediaType'], 'application/vnd.oci.image.index.v1+json')
            self.assertEqual([p['architecture'] for p in told['Platforms']], ['amd64', 'arm64'])

    @case.younger_than_peer
    def test_distribution_of_an_image(self):
        with self.registry() as registry:
            told = self.api.must(200, 'GET', f'/distribution/{registry.host}/team/app:1/json').json
            self.assertEqual(told['Descriptor']['digest'], registry.image)
            self.assertEqual(told['Platforms'], [{'architecture': 'amd64', 'os': 'linux'}])
            self.assertIn('manifest unknown', self.refused(404, 'GET',
                                                           f'/distribution/{registry.host}/team/app:no/json'))

    def test_distribution_uses_the_credentials(self):
        for auth in ('basic', 'bearer'):
            with self.subTest(auth), self.registry(auth=auth) as registry:
                path = f'/distribution/{registry.host}/team/app:all/json'
                self.assertGreaterEqual(self.api.request('GET', path).status, 400)
                self.api.must(200, 'GET', path, headers=header(username='me', password='hunter2'))

    @case.lighterd_only
    def test_registries_hear_which_client_asks(self):
        with self.registry() as registry:
            self.api.must(200, 'GET', f'/distribution/{registry.host}/team/app:all/json',
                          headers={'User-Agent': 'Docker-Client/28.2.2 (linux)', 'X-Meta-Site': 'a1'})
            heard = registry.log()[-1]['headers']
            self.assertRegex(heard['user-agent'], r'^lighter/\S+ kernel/\S+ os/linux arch/\w+ '
                             r'UpstreamClient\(Docker-Client/28\.2\.2 \\\(linux\\\)\)$')
            self.assertEqual(heard['x-meta-site'], 'a1')

    @case.lighterd_only
    def test_search_of_a_private_index(self):
        with self.registry() as registry:
            def found(**query):
                reply = self.api.must(200, 'GET', '/images/search', term=f'{registry.host}/nginx', **query)
                return [one['name'] for one in reply.json]
            self.assertEqual(found(), ['nginx', 'me/nginx'])
            self.assertEqual(found(filters=json.dumps({'is-official': ['false']})), ['me/nginx'])
            self.assertEqual(found(filters=json.dumps({'stars': ['5']})), ['nginx'])
            self.assertEqual(found(filters=json.dumps({'is-automated': ['true']})), [])
            asked = registry.log()[0]
            self.assertEqual(asked['path'], '/v1/search?q=nginx&n=25')

    def test_a_search_that_cannot_be(self):
        self.assertIn('imit 101 is outside the range of [1, 100]',
                      self.refused(400, 'GET', '/images/search', term='x', limit=101))
        self.assertIn('invalid filter', self.refused(400, 'GET', '/images/search', term='x',
                                                     filters=json.dumps({'nothing': ['1']})))
        self.assertIn('should not have a scheme', self.api.request('GET', '/images/search', term='http://x/y').message)


if __name__ == '__main__':
    unittest.main()
