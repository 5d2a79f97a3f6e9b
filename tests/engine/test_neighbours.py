"""Two engines and a dockerd in one network namespace: different roots, bridges and pools, the same container names, and none
notices when another is killed, restarted or stopped. What an engine made goes with it."""

import os
import shutil
import subprocess
import unittest

import case
import engine as engines
import netns

IMAGES = None
PEER = shutil.which('dockerd')


def setUpModule():
    case.LAB.registry_ready()


@case.lighterd_only
class Neighbours(unittest.TestCase):
    def setUp(self):
        self.space = case.LAB.space
        self.world = netns.Netns(f'ltw{os.getpid()}')
        self.addCleanup(self.world.close)
        self.space.run('ip', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'up0', 'netns', self.world.name)
        self.addCleanup(lambda: self.space.run('ip', 'link', 'del', 'up0', check=False))
        for space, address in ((self.space, '198.51.100.1/24'), (self.world, '198.51.100.2/24')):
            space.run('ip', 'addr', 'add', address, 'dev', 'up0')
            space.run('ip', 'link', 'set', 'up0', 'up')
        self.engines = []

    def engine(self, kind, name, bridge, bip):
        made = kind(self.space, case.LAB.registry, name, bridge=bridge, bip=bip)
        case.LAB.engines.append(made)
        made.start()
        made.api.pull('busybox', tag='latest')
        self.engines.append(made)
        return made

    def run_same(self, engine):
        container = engine.api.run('busybox', ['sleep', '1000'], name='same')
        engine.seen.add(container)
        return container

    def address(self, engine):
        return engine.api.inspect('same')['NetworkSettings']['Networks']['bridge']['IPAddress']

    def pings(self, engine, address, tries=3):
        pid = engine.api.inspect('same')['State']['Pid']
        return any(subprocess.run(['nsenter', f'--net=/proc/{pid}/ns/net', '--', 'busybox', 'ping', '-c', '1', '-W', '1', address],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0 for _ in range(tries))

    def all_well(self, *engines_):
        for engine in engines_:
            self.assertEqual(engine.api.inspect('same')['State']['Status'], 'running', engine.name)
            self.assertTrue(self.pings(engine, engine.bip.split('/')[0]), f'{engine.name}: gateway')
            self.assertTrue(self.pings(engine, '198.51.100.2'), f'{engine.name}: the world')

    def tables(self, bridge):
        return [table for table in self.space.tables() if table.endswith(f'lighter-{bridge}')]

    def test_side_by_side(self):
        one = self.engine(engines.Lighterd, 'one', 'lt0', '172.29.0.1/24')
        two = self.engine(engines.Lighterd, 'two', 'lt1', '172.30.0.1/24')
        peer = [self.engine(engines.Dockerd, 'peer', 'docker0', '172.31.0.1/24')] if PEER else []
        everyone = [one, two, *peer]
        for engine in everyone:
            self.run_same(engine)
        self.assertEqual(len({self.address(engine) for engine in everyone}), len(everyone))
        self.all_well(*everyone)
        for a in everyone:
            for b in everyone:
                if a is not b:
                    self.assertFalse(self.pings(a, self.address(b), 1), f'{a.name} reaches into {b.name}')
                    self.assertEqual([c['Names'] for c in a.api.ps()], [['/same']])

        one.kill()
        self.all_well(two, *peer)
        one.start()
        self.all_well(*everyone)
        for round_ in range(2):
            one.api.must(204, 'POST', '/containers/same/restart', t=0)
            two.api.must(204, 'POST', '/containers/same/restart', t=0)
            self.all_well(*everyone)

        chains = self.space.run('iptables-save', check=False) if peer else ''
        one.remove_everything()
        one.stop()
        self.assertNotIn('lt0', self.space.links())
        self.assertEqual(self.tables('lt0'), [])
        self.assertEqual(len(self.tables('lt1')), 1)
        self.assertEqual([link for link in self.space.links() if link.startswith('vethl') and link[5:9] == self.tag(one)], [])
        self.all_well(two, *peer)
        if peer:
            kept = [line for line in self.space.run('iptables-save').splitlines() if 'lt0' not in line and line[0] not in '#:']
            self.assertEqual(kept, [line for line in chains.splitlines() if 'lt0' not in line and line[0] not in '#:'])
            peer[0].remove_everything()
            peer[0].stop()
            self.all_well(two)
        one.start()
        self.run_same(one)
        self.all_well(one, two)
        two.remove_everything()
        two.stop()
        self.all_well(one)
        one.remove_everything()
        one.kill()  # nothing runs: what the killed one left goes with the next
        one.start()
        one.stop()
        self.assertEqual([link for link in self.space.links() if link.startswith(('lt', 'vethl'))], [])
        self.assertEqual([table for table in self.space.tables() if 'lighter-lt' in table], [])

    def tag(self, engine):
        """The four digits of the engine's links: one that runs has some ready."""
        return f'{tag(engine.exec_root):04x}'


def tag(exec_root):
    value = 0xcbf29ce484222325
    for byte in exec_root.encode():
        value = (value ^ byte) * 0x100000001b3 & (1 << 64) - 1
    value ^= value >> 32
    return (value ^ value >> 16) & 0xffff
