"""The default network as containers and their neighbours see it: addresses, the way out, isolation, a killed daemon."""

import os
import re
import subprocess

import case
import netns


class Network(case.EngineTest):
    def setUp(self):
        self.space = self.engine.space

    def sleeper(self, **kw):
        container = self.run_(['sleep', '300'], **kw)
        return container, self.api.inspect(container)

    def inside(self, info, *command):
        """(exit code, output) of a program of the host's in a container's network namespace."""
        done = subprocess.run(['nsenter', f'--net=/proc/{info["State"]["Pid"]}/ns/net', '--', *command],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def pings(self, enter, address):
        return any(subprocess.run([*enter, 'busybox', 'ping', '-c', '1', '-W', '1', address],
                                  stdout=subprocess.DEVNULL).returncode == 0 for _ in range(3))

    def enter(self, info):
        return ['nsenter', f'--net=/proc/{info["State"]["Pid"]}/ns/net', '--']

    def address(self, info):
        return info['NetworkSettings']['Networks']['bridge']['IPAddress']

    def test_inspect_says_what_the_container_has(self):
        container, info = self.sleeper()
        settings = info['NetworkSettings']['Networks']['bridge']
        code, shown = self.inside(info, 'ip', 'addr', 'show', 'eth0')
        self.assertEqual(code, 0)
        self.assertIn(f'inet {settings["IPAddress"]}/{settings["IPPrefixLen"]}', shown)
        self.assertIn(settings['MacAddress'], shown)
        self.assertNotIn('inet6', shown)
        self.assertEqual(settings['IPPrefixLen'], 24)
        self.assertEqual(settings['Gateway'], '172.29.0.1')
        self.assertIn('default via 172.29.0.1', self.inside(info, 'ip', 'route')[1])
        self.assertRegex(settings['MacAddress'], '^(02:42|[0-9a-f][26ae]):')
        self.api.must(204, 'POST', f'/containers/{container}/kill')
        self.until_status(container, 'exited')
        self.assertEqual(self.address(self.api.inspect(container)), '')

    def test_neighbours_reach_each_other_and_the_gateway(self):
        _, one = self.sleeper()
        _, two = self.sleeper()
        self.assertNotEqual(self.address(one), self.address(two))
        self.assertTrue(self.pings(self.enter(one), self.address(two)))
        self.assertTrue(self.pings(self.enter(two), '172.29.0.1'))
        self.assertTrue(self.pings(self.space.enter, self.address(one)))

    def test_the_world_is_reached_under_the_hosts_address_and_does_not_get_in(self):
        world = netns.neighbour(self.space, self.addCleanup)
        _, info = self.sleeper()
        self.assertTrue(self.pings(self.enter(info), '198.51.100.2'))
        if self.engine.kind == 'lighterd':  # dockerd 20.10 lets it in
            world.run('ip', 'route', 'add', '172.29.0.0/24', 'via', '198.51.100.1')
            self.assertFalse(self.pings(world.enter, self.address(info)))

    def test_none_has_loopback_alone_and_host_is_the_hosts(self):
        _, info = self.sleeper(host={'NetworkMode': 'none'})
        links = self.inside(info, 'ip', '-o', 'link')[1]
        self.assertEqual(len(re.findall('^[0-9]+: (?!(?:tunl0|sit0|gre0))', links, re.M)), 1, links)
        self.assertTrue(self.pings(self.enter(info), '127.0.0.1'))
        _, info = self.sleeper(host={'NetworkMode': 'host'})
        self.assertEqual(os.readlink(f'/proc/{info["State"]["Pid"]}/ns/net'),
                         os.readlink(f'/proc/{self.engine.pid}/ns/net'))

    def test_container_mode_shares_the_namespace(self):
        first, one = self.sleeper()
        _, two = self.sleeper(host={'NetworkMode': f'container:{first}'})
        self.assertEqual(*(os.readlink(f'/proc/{i["State"]["Pid"]}/ns/net') for i in (one, two)))

    def test_a_wanted_mac_is_used(self):
        _, info = self.sleeper(MacAddress='02:11:22:33:44:55')
        self.assertIn('02:11:22:33:44:55', self.inside(info, 'ip', 'link', 'show', 'eth0')[1])

    def test_a_restart_keeps_the_address(self):
        container, info = self.sleeper()
        for _ in range(3):
            self.api.must(204, 'POST', f'/containers/{container}/restart?t=0')
            again = self.api.inspect(container)
            self.assertEqual(self.address(again), self.address(info))
            self.assertTrue(self.pings(self.enter(again), '172.29.0.1'))

    def test_many_at_once_get_addresses_of_their_own(self):
        containers = [self.run_(['sleep', '300']) for _ in range(12)]
        addresses = [self.address(self.api.inspect(c)) for c in containers]
        self.assertEqual(len(set(addresses)), 12, addresses)
        for container in containers:
            self.api.remove(container, v=True)

    @case.lighterd_only
    def test_a_killed_daemon_takes_nobodys_network(self):
        container, info = self.sleeper()
        gone, _ = self.sleeper()
        self.engine.kill()
        self.assertTrue(self.pings(self.enter(info), '172.29.0.1'))
        self.engine.start()
        after = self.api.inspect(container)
        self.assertEqual(self.address(after), self.address(info))
        self.assertTrue(self.pings(self.enter(info), '172.29.0.1'))
        self.api.remove(gone, v=True)
        _, other = self.sleeper()
        self.assertNotEqual(self.address(other), self.address(info))
        self.assertTrue(self.pings(self.enter(other), self.address(info)))

    @case.lighterd_only
    def test_forwarding_is_switched_on_and_said(self):
        self.assertEqual(self.space.run('cat', '/proc/sys/net/ipv4/ip_forward').strip(), '1')
        with open(self.engine.log) as f:
            self.assertIn('net.ipv4.ip_forward was off and has been switched on', f.read())

    @case.lighterd_only
    def test_a_pool_that_is_empty_is_an_error_until_somebody_leaves(self):
        tiny = case.LAB.engine('tiny', bridge='lt7', bip='172.28.7.1/29').start()
        with open(tiny.log) as f:
            self.assertNotIn('switched on', f.read())  # it was on already
        tiny.api.pull('busybox', tag='latest')
        running = [tiny.api.run('busybox', ['sleep', '1000']) for _ in range(5)]
        addresses = {tiny.api.inspect(c)['NetworkSettings']['Networks']['bridge']['IPAddress'] for c in running}
        self.assertEqual(addresses, {f'172.28.7.{n}' for n in range(2, 7)})
        waiting = tiny.api.create('busybox', ['sleep', '1000'])
        reply = tiny.api.post(f'/containers/{waiting}/start')
        self.assertGreaterEqual(reply.status, 400)
        self.assertIn('no available', reply.message)
        tiny.api.remove(running[2])
        tiny.api.start(waiting)
        self.assertIn(tiny.api.inspect(waiting)['NetworkSettings']['Networks']['bridge']['IPAddress'], addresses)
        tiny.remove_everything()
        self.assertEqual(tiny.leftovers(), [])
        self.assertNotIn('lt7', self.space.links())

    @case.lighterd_only
    def test_no_link_is_left_when_containers_are_gone(self):
        def veths():
            return [link for link in self.space.links() if link.startswith('vethl')]
        for _ in range(5):
            self.out('true')
        # What stays are the namespaces that are kept ready.
        self.eventually(lambda: len(veths()) <= 2, 'links go')

    @case.lighterd_only
    def test_flushed_rules_come_back(self):
        self.space.run('nft', 'flush', 'ruleset')

        def back():
            self.out('true')  # a namespace was used up; the next is prepared, and the firewall looked at
            return any('lighter-lt0' in table for table in self.space.tables())
        self.eventually(back, 'the table is restored')
