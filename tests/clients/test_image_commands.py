"""manifest inspect, system df, the prunes and login with each client against a real engine and real registries: what the
docker CLI says is what `lighter` must say."""

import json
import os
import subprocess
import tempfile
import unittest

import case
import clients
import compared
import local_registry

IMAGES = ['busybox', 'layered']


@unittest.skipUnless(len(clients.there) == 2, 'no docker CLI here, or lighter is not built')
class ImageCommands(clients.ClientTest):
    def inside(self, client, *args, home=None, stdin=''):
        """Run where the engine runs, as docker's `manifest` asks the registry itself: (code, output, errors)."""
        env = self.environment(**({'HOME': home} if home else {}))
        done = subprocess.run([*case.LAB.space.enter, clients.CLIENTS[client], *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=env, text=True, input=stdin, timeout=60)
        return done.returncode, done.stdout, done.stderr

    @case.lighterd_only  # docker's client asks the registry itself
    def test_manifest_inspect(self):
        for args in (['busybox'], ['-v', 'oci'], ['multiarch'], ['-v', 'multiarch'], ['nothing']):
            words = ['manifest', 'inspect', *args[:-1], '127.0.0.1:5000/library/' + args[-1]]
            theirs = self.inside('docker', *words, '--insecure')
            self.assertEqual(self.inside('lighter', *words), theirs, args)
        # An OCI index: docker's client makes Docker's kind of list of it, lighter shows it as it is.
        index = json.loads(self.inside('lighter', 'manifest', 'inspect', '127.0.0.1:5000/library/multiarch:oci')[1])
        self.assertEqual(index['mediaType'], 'application/vnd.oci.image.index.v1+json')
        for args in (['--insecure', 'busybox'], ['list', 'busybox']):
            self.assertEqual(self.inside('lighter', 'manifest', 'inspect', *args)[0], 1)

    def test_disk_usage(self):
        self.run_(['/bin/sleep', '1000'], Labels={'a': 'b'})
        for args in ([], ['-v'], ['--format', 'json'], ['-v', '--format', '{{range .Images}}{{.Repository}} {{.SharedSize}} {{.UniqueSize}};{{end}}']):
            theirs, ours = ([compared.masked(str(part)) for part in self.call(client, 'system', 'df', *args)] for client in ('docker', 'lighter'))
            self.assertEqual(ours, theirs, args)

    def test_system_prune(self):
        said = {}
        for client in ('docker', 'lighter'):
            self.api.must(200, 'POST', '/images/load', self.api.must(200, 'GET', '/images/layered/get').body)
            for name in ('busybox', 'layered'):
                self.api.must(201, 'POST', f'/images/{name}/tag', repo='prune/' + name, tag='1')
            stopped = self.create(['/bin/true'])
            code, out, err = self.call(client, 'system', 'prune', '-f')
            said[client] = code, out.replace(stopped, 'ID'), err
            self.assertEqual(self.api.request('GET', f'/containers/{stopped}/json').status, 404)
            for name in ('busybox', 'layered'):
                self.api.must(200, 'DELETE', f'/images/prune/{name}:1')
        self.assertEqual(said['lighter'], said['docker'])
        self.assertEqual(said['lighter'][0], 0)
        self.assertIn('Deleted Containers:\nID\n', said['lighter'][1])

    def test_login_to_a_private_registry(self):
        registry = local_registry.Registry(case.LAB.registry.folder, port=5005, run_in=case.LAB.space.enter, users={'me': 'hunter2'})
        self.addCleanup(registry.close)
        image = f'{registry.host}/library/busybox'
        said = {}
        for client in ('docker', 'lighter'):
            with tempfile.TemporaryDirectory(prefix='lt-home.') as home:
                def run(*args, **kw):
                    code, out, err = self.inside(client, *args, home=home, **kw)
                    return code, out.replace(home, 'HOME'), err.replace(home, 'HOME')
                self.eventually(lambda: 'connection refused' not in run('pull', '-q', image)[2])
                said[client] = [run('pull', '-q', image), run('login', '-u', 'me', '--password-stdin', registry.host, stdin='wrong\n'),
                                run('login', '-u', 'me', '--password-stdin', registry.host, stdin='hunter2\n'), run('pull', '-q', image),
                                run('login', registry.host), run('logout', registry.host), run('rmi', image)[0]]
                self.assertEqual(run('pull', '-q', image)[0], 1)
                self.assertEqual(os.stat(home + '/.docker/config.json').st_mode & 0o777, 0o600)
        said['docker'] = json.loads(json.dumps(said['docker']).replace("'docker log", "'lighter log"))
        self.assertEqual(json.loads(json.dumps(said['lighter'])), said['docker'])
        self.assertEqual([one[0] for one in said['lighter'][:-1]], [1, 1, 0, 0, 0, 0])


if __name__ == '__main__':
    unittest.main()
