"""GET /system/df in every version's shape, and the prunes of kinds that there are none of."""

import unittest

import case

IMAGES = ['busybox', 'layered', 'entry']


class DiskUsage(case.EngineTest):
    def df(self, version='v1.41', **kw):
        return self.api.must(200, 'GET', '/system/df', version=version, **kw).json

    def test_images_are_counted_as_the_list_counts_them(self):
        usage = self.df()
        listed = {i['Id']: i for i in self.api.get('/images/json', version='v1.42', **{'shared-size': '1'}).json} \
            if self.engine.kind == 'lighterd' else {i['Id']: i for i in self.api.get('/images/json').json}
        self.assertEqual({i['Id'] for i in usage['Images']}, set(listed))
        for image in usage['Images']:
            self.assertEqual(image['Size'], listed[image['Id']]['Size'])
            self.assertEqual(image['Containers'], 0)
            self.assertGreater(image['SharedSize'], 0)  # they all begin with the same layer
        # What is shared is counted once.
        self.assertEqual(usage['LayersSize'], sum(i['Size'] - i['SharedSize'] for i in usage['Images']) + usage['Images'][0]['SharedSize'])
        self.assertEqual((usage['Volumes'], usage['BuildCache']), ([], usage['BuildCache'] and []))

    def test_containers_with_what_they_wrote(self):
        stopped = self.create(['/bin/sh', '-c', 'head -c 100000 /dev/zero > /file'])
        self.api.start(stopped)
        self.api.wait(stopped)
        running = self.run_(['/bin/sleep', '1000'])
        usage = self.df()
        found = {c['Id']: c for c in usage['Containers']}
        self.assertEqual(set(found), {stopped, running})
        self.assertEqual(found[stopped]['State'], 'exited')
        self.assertGreaterEqual(found[stopped]['SizeRw'], 100000)
        self.assertLess(found[running].get('SizeRw', 0), 1000)
        image, = (i for i in usage['Images'] if 'busybox:latest' in i['RepoTags'])
        self.assertEqual(image['Containers'], 2)
        self.assertEqual(found[stopped]['SizeRootFs'], found[stopped]['SizeRw'] + image['Size'])

    @case.younger_than_peer
    def test_only_the_kinds_asked_for(self):
        usage = self.df('v1.50', type='container')
        self.assertEqual(usage, {'LayersSize': 0, 'Images': None, 'Containers': [], 'Volumes': None, 'BuildCache': None})
        usage = self.api.must(200, 'GET', '/system/df?type=image&type=build-cache', version='v1.50').json
        self.assertEqual((len(usage['Images']), usage['Containers'], usage['BuildCache']), (3, None, []))
        self.assertEqual(self.refused(400, 'GET', '/system/df', version='v1.50', type='nope'), 'unknown object type: nope')
        self.assertEqual(len(self.df('v1.41', type='container')['Images']), 3)  # not known yet
        self.assertNotIn('BuilderSize', usage)

    @case.younger_than_peer
    def test_sums_since_1_52(self):
        old = self.df('v1.51')
        self.assertEqual(set(old), {'LayersSize', 'Images', 'Containers', 'Volumes', 'BuildCache'})
        self.run_(['/bin/sleep', '1000'])
        usage, verbose = self.df('v1.52'), self.df('v1.55', verbose=1)
        self.assertEqual(set(usage), {*old, 'ImageUsage', 'ContainerUsage', 'VolumeUsage', 'BuildCacheUsage'})
        self.assertEqual(set(verbose), {'ImageUsage', 'ContainerUsage', 'VolumeUsage', 'BuildCacheUsage'})
        images = usage['ImageUsage']
        self.assertEqual((images['TotalCount'], images['ActiveCount'], images['TotalSize']), (3, 1, usage['LayersSize']))
        used, = (i for i in usage['Images'] if i['Containers'])
        self.assertEqual(images['Reclaimable'], usage['LayersSize'] - (used['Size'] - used['SharedSize']))
        self.assertNotIn('Items', images)
        self.assertEqual((len(verbose['ImageUsage']['Items']), len(verbose['ContainerUsage']['Items'])), (3, 1))
        self.assertEqual(verbose['ContainerUsage']['ActiveCount'], 1)
        self.assertEqual(self.df('v1.52', type='volume', verbose=1),
                         {'VolumeUsage': {'ActiveCount': 0, 'TotalCount': 0, 'Reclaimable': 0, 'TotalSize': 0}})

    def test_nothing_to_prune(self):
        for path in ('/networks/prune', '/volumes/prune', '/build/prune'):
            self.assertFalse(any(self.api.must(200, 'POST', path).json.values()), path)
        self.refused(400, 'POST', '/networks/prune', filters='{"nope":["x"]}')
        self.refused(400, 'POST', '/volumes/prune', filters='{"nope":["x"]}')


if __name__ == '__main__':
    unittest.main()
