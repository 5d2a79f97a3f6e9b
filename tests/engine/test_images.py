"""Images kept and thrown away: lists and their filters, inspect by version, removal in dockerd's order, prune."""
import hashlib
import json
import unittest

import case


class Images(case.EngineTest):
    def setUp(self):
        self.id = self.api.must(200, 'GET', '/images/busybox/json').json['Id']
        self.short = self.id[7:19]

    def tearDown(self):
        for image in self.list():
            for name in image['RepoTags']:
                if name.startswith('t/'):
                    self.api.delete(f'/images/{name}', force=1)

    def tag(self, repo, tag='latest'):
        self.api.must(201, 'POST', '/images/busybox/tag', repo=repo, tag=tag)

    def list(self, version='v1.41', filters=None, **kw):
        if filters is not None:
            kw['filters'] = json.dumps(filters)
        return self.api.request('GET', '/images/json', version=version, **kw).json

    def tags(self, **filters):
        return sorted(name for image in self.list(filters=filters) for name in image['RepoTags'] or [])

    def test_a_reference_filter_shows_only_the_names_it_fits(self):
        self.tag('t/one', 'v1')
        self.tag('t/one', 'v2')
        self.tag('t/two', 'v1')
        for pattern, names in (('t/one', ['t/one:v1', 't/one:v2']), ('t/*:v1', ['t/one:v1', 't/two:v1']),
                               ('*', None), ('t/[^o]*', ['t/two:v1']), ('t/?ne:v2', ['t/one:v2']), ('*ne', [])):
            with self.subTest(pattern):
                found = self.tags(reference=[pattern])
                if names is None:
                    self.assertNotIn('t/one:v1', found)  # a star does not cross a slash
                else:
                    self.assertEqual(found, names)

    def test_filters_that_do_not_exist_are_refused(self):
        self.refused(400, 'GET', '/images/json', filters=json.dumps({'name': ['x']}))
        self.refused(400, 'POST', '/images/prune', filters=json.dumps({'reference': ['x']}))
        self.refused(404, 'GET', '/images/json', filters=json.dumps({'before': ['no-such-image']}))

    def test_before_and_since_leave_the_image_itself_out(self):
        self.assertNotIn(self.id, [i['Id'] for i in self.list(filters={'before': ['busybox']})])
        self.assertNotIn(self.id, [i['Id'] for i in self.list(filters={'since': ['busybox']})])

    def test_names_come_sorted(self):
        self.tag('t/b')
        self.tag('t/a')
        names = self.api.must(200, 'GET', f'/images/{self.short}/json').json['RepoTags']
        self.assertEqual(names, sorted(names))

    def test_an_image_is_untagged_name_by_name(self):
        self.tag('t/one')
        done = self.api.must(200, 'DELETE', '/images/t/one').json
        self.assertEqual(done, [{'Untagged': 't/one:latest'}])
        self.refused(404, 'DELETE', '/images/t/one')

    def test_an_id_with_names_in_two_repositories_must_be_forced(self):
        self.tag('t/one')
        reply = self.api.delete(f'/images/{self.short}')
        self.assertEqual((reply.status, reply.message),
                         (409, f'conflict: unable to delete {self.short} (must be forced) - image is referenced in '
                               'multiple repositories'))
        self.assertIn('t/one:latest', self.tags())

    def test_a_running_container_keeps_its_image_whatever_is_asked(self):
        self.tag('t/one')
        container = self.run_(['sleep', '100'])
        reply = self.api.delete(f'/images/{self.short}', force=1)
        self.assertEqual((reply.status, reply.message),
                         (409, f'conflict: unable to delete {self.short} (cannot be forced) - image is being used by '
                               f'running container {container[:12]}'))
        self.assertIn('t/one:latest', self.tags())

    def chains(self, image):
        """The names of its layers, bottom first."""
        out = []
        for diff_id in image['RootFS']['Layers']:
            out.append('sha256:' + hashlib.sha256(f'{out[-1]} {diff_id}'.encode()).hexdigest() if out else diff_id)
        return out

    def layered(self):
        self.api.pull('layered', tag='latest')
        return self.api.must(200, 'GET', '/images/layered/json').json

    def test_removal_tells_names_then_the_image_then_its_own_layers_from_the_top(self):
        image = self.layered()
        self.api.must(201, 'POST', '/images/layered/tag', repo='t/layered', tag='v1')
        others = {chain for other in self.list() if other['Id'] != image['Id']
                  for chain in self.chains(self.api.must(200, 'GET', f'/images/{other["Id"]}/json').json)}
        own = [chain for chain in reversed(self.chains(image)) if chain not in others]
        self.assertGreater(len(own), 1)
        done = self.api.must(200, 'DELETE', f'/images/{image["Id"]}', force=1).json
        self.assertEqual(done, [{'Untagged': 'layered:latest'}, {'Untagged': image['RepoDigests'][0]},
                                {'Untagged': 't/layered:v1'}, {'Deleted': image['Id']}] +
                         [{'Deleted': chain} for chain in own])

    def test_a_stopped_container_makes_removal_ask_for_force_and_keeps_the_layers(self):
        image = self.layered()
        container = self.create(['cat', '/etc/motd'], 'layered')
        reply = self.api.delete('/images/layered')
        self.assertEqual((reply.status, reply.message),
                         (409, 'conflict: unable to remove repository reference "layered" (must force) - container '
                               f'{container[:12]} is using its referenced image {image["Id"][7:19]}'))
        done = self.api.must(200, 'DELETE', '/images/layered', force=1).json
        self.assertEqual(done, [{'Untagged': 'layered:latest'}, {'Untagged': image['RepoDigests'][0]},
                                {'Deleted': image['Id']}])
        self.api.start(container)
        self.assertEqual(self.api.wait(container), 0)

    def test_prune_of_dangling_images_leaves_what_has_a_name(self):
        self.tag('t/one')
        report = self.api.must(200, 'POST', '/images/prune').json
        self.assertEqual(report, {'ImagesDeleted': None, 'SpaceReclaimed': 0})
        self.assertIn('t/one:latest', self.tags())

    def test_prune_by_a_label_nobody_has_removes_nothing(self):
        filters = json.dumps({'dangling': ['false'], 'label': ['nobody=has-it']})
        report = self.api.must(200, 'POST', '/images/prune', filters=filters).json
        self.assertEqual(report['SpaceReclaimed'], 0)

    def test_fields_of_inspect_follow_the_version(self):
        old = self.api.request('GET', '/images/busybox/json', version='v1.41').json
        for key in ('Parent', 'Comment', 'DockerVersion', 'Author', 'VirtualSize', 'Container', 'ContainerConfig'):
            self.assertIn(key, old)
        self.assertIn('Hostname', old['Config'])
        self.assertEqual(old['RootFS']['Type'], 'layers')

    @case.younger_than_peer
    def test_fields_of_inspect_in_new_versions(self):
        middle = self.api.request('GET', '/images/busybox/json', version='v1.50').json
        self.assertNotIn('VirtualSize', middle)
        self.assertNotIn('Container', middle)
        self.assertNotIn('Hostname', middle['Config'])
        self.assertIn('OnBuild', middle['Config'])
        new = self.api.request('GET', '/images/busybox/json', version='v1.52').json
        for key in ('Parent', 'DockerVersion'):
            self.assertNotIn(key, new)
        self.assertNotIn('OnBuild', new['Config'])

    @case.younger_than_peer
    def test_another_platform_is_not_there(self):
        mine = self.api.must(200, 'GET', '/images/busybox/json').json['Architecture']
        other = json.dumps({'os': 'linux', 'architecture': 's390x'})
        reply = self.api.request('GET', '/images/busybox/json', version='v1.49', platform=other)
        self.assertEqual(reply.status, 404)
        self.assertIn(f'its platform (linux/{mine}', reply.message)
        reply = self.api.request('DELETE', '/images/busybox', version='v1.50', platforms=other)
        self.assertEqual(reply.status, 404)

    @case.younger_than_peer
    def test_manifests_tell_size_and_containers(self):
        container = self.create(['true'])
        found = self.list('v1.51', filters={'reference': ['busybox']}, manifests=1)
        one = found[0]['Manifests'][0]
        self.assertEqual(one['Kind'], 'image')
        self.assertIn(container, one['ImageData']['Containers'])
        self.assertEqual(one['ImageData']['Size']['Unpacked'], found[0]['Size'])
        self.assertGreaterEqual(found[0]['Containers'], 1)
        self.assertEqual(self.list('v1.50', filters={'reference': ['busybox']})[0]['Containers'], -1)

    def test_shared_size_is_told_when_asked_for(self):
        self.assertEqual({i['SharedSize'] for i in self.list()}, {-1})

    @case.younger_than_peer
    def test_shared_size_from_1_42_on(self):
        for image in self.list('v1.42', **{'shared-size': '1'}):
            self.assertTrue(0 <= image['SharedSize'] <= image['Size'])

    @case.younger_than_peer
    def test_the_build_cache_is_empty(self):
        self.assertEqual(self.api.must(200, 'POST', '/build/prune').json, {'CachesDeleted': None, 'SpaceReclaimed': 0})


if __name__ == '__main__':
    unittest.main()
