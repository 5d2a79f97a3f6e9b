"""Published ports: reached from everywhere, held against others, given back; over kills, flushes and restarts. Servers
and clients are sockets of this test, made in the namespaces of containers, of the engine and of a host outside."""

import contextlib
import socket
import subprocess
import threading

import case
import netns


class Inside(netns.Netns):
    """The network namespace of a container that runs."""

    def __init__(self, pid):
        self.path = f'/proc/{pid}/ns/net'
        self.enter = ['nsenter', f'--net={self.path}', '--']


class Server(threading.Thread):
    """Answers each connection, or datagram, with who it came from."""

    def __init__(self, space, port, udp=False):
        super().__init__(daemon=True)
        with space.inside():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind(('0.0.0.0', port))
        self.udp = udp
        if not udp:
            self.socket.listen(16)
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                if self.udp:
                    _, peer = self.socket.recvfrom(1000)
                    self.socket.sendto(peer[0].encode(), peer)
                else:
                    one, peer = self.socket.accept()
                    with one:
                        one.sendall(peer[0].encode())


def ask(space, host, port, udp=False, seconds=2):
    """What the server says: the address it sees; None when nobody answers."""
    with space.inside():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
    with client:
        client.settimeout(seconds)
        try:
            client.connect((host, port))
            client.send(b'?') if udp else None
            return client.recv(100).decode() or None
        except OSError:
            return None


class Ports(case.EngineTest):
    def setUp(self):
        self.space = self.engine.space

    def publish(self, bindings, **kw):
        """A container with PortBindings: (id, its namespace, what inspect says of its ports)."""
        host = {'PortBindings': {port: [{'HostIp': ip, 'HostPort': str(number)} for ip, number in places]
                                 for port, places in bindings.items()}, **kw.pop('host', {})}
        exposed = {port: {} for port in [*bindings, *kw.pop('expose', ())]}
        container = self.run_(['sleep', '300'], host=host, ExposedPorts=exposed, **kw)
        return container, *self.seen(container)

    def seen(self, container):
        info = self.api.inspect(container)
        ports = {port: sorted((b['HostIp'], int(b['HostPort'])) for b in places if b['HostIp'] != '::')
                 for port, places in info['NetworkSettings']['Ports'].items() if places}
        return Inside(info['State']['Pid']), ports

    def start_refused(self, bindings, **kw):
        container = self.create(['sleep', '300'], ExposedPorts={p: {} for p in bindings}, host={
            'PortBindings': {p: [{'HostIp': ip, 'HostPort': str(n)} for ip, n in places]
                             for p, places in bindings.items()}})
        return container, self.refused(500, 'POST', f'/containers/{container}/start')

    def outside(self):
        return netns.neighbour(self.space, self.addCleanup)

    def held_elsewhere(self, port, host='0.0.0.0'):
        with self.space.inside():
            taken = socket.socket()
        taken.bind((host, port))
        taken.listen(1)
        self.addCleanup(taken.close)
        return taken

    def test_reached_from_everywhere_with_the_clients_address(self):
        world = self.outside()
        _, inside, ports = self.publish({'80/tcp': [('', 8080)]})
        self.assertEqual(ports, {'80/tcp': [('0.0.0.0', 8080)]})
        Server(inside, 80)
        self.assertEqual(ask(world, '198.51.100.1', 8080), '198.51.100.2')
        for address in ('127.0.0.1', '127.8.9.10', '172.29.0.1', '198.51.100.1'):
            self.assertTrue(ask(self.space, address, 8080), address)
        self.assertTrue(ask(inside, '172.29.0.1', 8080), 'itself by the address of the host')
        _, neighbour, _ = self.publish({})
        self.assertTrue(ask(neighbour, '172.29.0.1', 8080), 'a neighbour by the address of the host')
        self.assertTrue(ask(neighbour, '198.51.100.1', 8080), 'a neighbour by an address outside')
        self.assertIsNone(ask(world, '198.51.100.1', 80, seconds=1))

    def test_datagrams(self):
        world = self.outside()
        _, inside, ports = self.publish({'53/udp': [('', 5353)]})
        self.assertEqual(ports, {'53/udp': [('0.0.0.0', 5353)]})
        Server(inside, 53, udp=True)
        self.assertEqual(ask(world, '198.51.100.1', 5353, udp=True), '198.51.100.2')
        self.assertTrue(ask(self.space, '127.0.0.1', 5353, udp=True))

    def test_one_address_alone(self):
        world = self.outside()
        container, inside, ports = self.publish({'80/tcp': [('127.0.0.1', 8081), ('198.51.100.1', 8082)]})
        self.assertEqual(ports, {'80/tcp': [('127.0.0.1', 8081), ('198.51.100.1', 8082)]})
        Server(inside, 80)
        self.assertTrue(ask(self.space, '127.0.0.1', 8081))
        self.assertIsNone(ask(world, '198.51.100.1', 8081, seconds=1))
        # A neighbour that sends packets for 127.0.0.1 over the link.
        world.run('sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1')
        world.run('ip', 'addr', 'del', '127.0.0.1/8', 'dev', 'lo')
        world.run('ip', 'route', 'add', '127.0.0.1', 'via', '198.51.100.1', 'src', '198.51.100.2')
        self.assertIsNone(ask(world, '127.0.0.1', 8081, seconds=1))
        self.assertEqual(ask(world, '198.51.100.1', 8082), '198.51.100.2')
        self.assertIsNone(ask(self.space, '127.0.0.1', 8082, seconds=1))
        row = [row for row in self.api.ps() if row['Id'] == container][0]
        self.assertEqual(sorted((p['IP'], p['PrivatePort'], p['PublicPort'], p['Type']) for p in row['Ports']),
                         [('127.0.0.1', 80, 8081, 'tcp'), ('198.51.100.1', 80, 8082, 'tcp')])

    @case.lighterd_only
    def test_loopback_of_the_host_stays_its_own(self):
        """CVE-2020-8558: answers to 127.0.0.1 are routed, yet containers do not reach what listens there."""
        Server(self.space, 7777)
        _, inside, _ = self.publish({'80/tcp': [('127.0.0.1', 8083)]})
        inside.run('ip', 'addr', 'del', '127.0.0.1/8', 'dev', 'lo')
        inside.run('ip', 'route', 'add', '127.0.0.1', 'via', '172.29.0.1')
        inside.run('sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1')
        self.assertIsNone(ask(inside, '127.0.0.1', 7777, seconds=1))

    def test_chosen_ports(self):
        one, _, ports = self.publish({'80/tcp': [('', '')], '81/tcp': [('', 0)]})
        numbers = {places[0][1] for places in ports.values()}
        self.assertEqual((sorted(ports), len(numbers)), (['80/tcp', '81/tcp'], 2))
        self.assertTrue(all(32768 <= n <= 65535 for n in numbers), numbers)
        _, _, ports = self.publish({'90/tcp': [('', 9090)]}, expose=['91/tcp', '92/udp'], host={'PublishAllPorts': True})
        self.assertEqual(sorted(ports), ['90/tcp', '91/tcp', '92/udp'])
        self.assertEqual(ports['90/tcp'], [('0.0.0.0', 9090)])
        self.assertNotIn(ports['91/tcp'][0][1], numbers)

    @case.younger_than_peer
    def test_an_empty_list_is_a_port_of_the_engines_choice(self):
        _, _, ports = self.publish({'82/tcp': []})
        self.assertEqual(len(ports['82/tcp']), 1)

    @case.younger_than_peer
    def test_the_first_free_of_a_range(self):
        self.held_elsewhere(8500)
        _, _, ports = self.publish({'80/tcp': [('', '8500-8502')]})
        self.assertEqual(ports['80/tcp'], [('0.0.0.0', 8501)])
        _, _, ports = self.publish({'80/tcp': [('', '8500-8502')]})
        self.assertEqual(ports['80/tcp'], [('0.0.0.0', 8502)])
        self.start_refused({'80/tcp': [('', '8500-8502')]})

    def test_exposed_ones_are_not_published(self):
        container = self.run_(['sleep', '300'], ExposedPorts={'70/tcp': {}})
        self.assertEqual(self.api.inspect(container)['NetworkSettings']['Ports'], {'70/tcp': None})

    def test_taken_by_a_container(self):
        first, _, _ = self.publish({'80/tcp': [('', 8600)]})
        for ip in ('', '127.0.0.1') if self.engine.kind == 'lighterd' else ('',):
            second, message = self.start_refused({'81/tcp': [('', 8601)], '80/tcp': [(ip, 8600)]})
            self.assertIn(f'Bind for {ip or "0.0.0.0"}:8600 failed: port is already allocated', message)
            self.assertIn('driver failed programming external connectivity on endpoint', message)
            state = self.state(second)
            self.assertEqual((state['Status'], state['Running']), ('created', False))
        # Nothing of the refused start is held, and other protocols are other ports.
        third, _, _ = self.publish({'80/tcp': [('', 8601)], '80/udp': [('', 8600)]})
        self.api.remove(first)
        self.api.remove(third)
        self.api.start(second)

    def test_taken_by_a_process_and_never_stolen(self):
        taken = self.held_elsewhere(8700)
        container, message = self.start_refused({'80/tcp': [('', 8700)]})
        self.assertIn('address already in use', message)
        taken.close()
        self.api.start(container)
        with self.space.inside():
            late = socket.socket()
        late.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with self.assertRaises(OSError):
            late.bind(('0.0.0.0', 8700))
            late.listen(1)
        self.api.must(204, 'POST', f'/containers/{container}/kill')
        self.api.wait(container)
        self.held_elsewhere(8700)  # free again

    def test_a_restart_keeps_what_was_named_and_an_end_gives_it_back_at_once(self):
        container, inside, ports = self.publish({'80/tcp': [('', 8800)]})
        self.api.must(204, 'POST', f'/containers/{container}/restart?t=0')
        inside, again = self.seen(container)
        self.assertEqual(again, ports)
        Server(inside, 80)
        self.assertTrue(ask(self.space, '127.0.0.1', 8800))
        for _ in range(5):  # the port is free when the end is told
            one = self.run_(['true'], host={'PortBindings': {'80/tcp': [{'HostPort': '8801'}]}})
            self.api.wait(one)

    def test_refused_at_create(self):
        def create(status, **host):
            return self.refused(status, 'POST', '/containers/create', {'Image': 'busybox', 'HostConfig': host})
        for port, binding, word in (('eighty/tcp', '1', 'eighty'), ('80/tcp', 'x', 'x'), ('80/tcp', '70000', '70000'),
                                    ('99999/tcp', '1', '99999')):
            self.assertIn(f'invalid port specification: "{word}"',
                          create(400, PortBindings={port: [{'HostPort': binding}]}))
        first = self.create(['true'])
        self.assertIn('conflicting options: port publishing and the container type network mode',
                      create(400, NetworkMode=f'container:{first}', PortBindings={'80/tcp': [{'HostPort': '1'}]}))

    @case.lighterd_only
    def test_ipv6_is_refused_with_a_sentence(self):
        message = self.refused(501, 'POST', '/containers/create', {'Image': 'busybox', 'HostConfig': {
            'PortBindings': {'80/tcp': [{'HostIp': '::1', 'HostPort': '80'}]}}})
        self.assertIn('IPv6', message)

    @case.lighterd_only
    def test_a_killed_engine_keeps_them(self):
        container, inside, ports = self.publish({'80/tcp': [('', 8900), ('127.0.0.1', 8901)]})
        gone, _, _ = self.publish({'80/tcp': [('', 8902)]})
        Server(inside, 80)
        self.engine.kill()
        self.assertTrue(ask(self.space, '127.0.0.1', 8900), 'while no engine is there')
        self.engine.start()
        self.assertEqual(self.seen(container)[1], ports)
        self.assertTrue(ask(self.space, '127.0.0.1', 8900))
        self.assertTrue(ask(self.space, '127.0.0.1', 8901))
        _, message = self.start_refused({'80/tcp': [('', 8900)]})
        self.assertIn('port is already allocated', message)
        self.api.remove(gone, force=True)
        self.publish({'80/tcp': [('', 8902)]})

    @case.lighterd_only
    def test_flushed_rules_come_back_with_them(self):
        _, inside, _ = self.publish({'80/tcp': [('', 9100)]})
        Server(inside, 80)
        self.space.run('nft', 'flush', 'ruleset')
        self.assertIsNone(ask(self.space, '127.0.0.1', 9100, seconds=1))
        self.eventually(lambda: self.out('true') == '' and ask(self.space, '127.0.0.1', 9100), 'the port works again')

    @case.lighterd_only
    def test_nothing_is_left(self):
        self.space.run('nft', 'flush', 'ruleset')
        container, _, _ = self.publish({'80/tcp': [('', 9200), ('127.0.0.1', 9201)], '81/udp': [('', 9200)]})
        self.assertIn('9200', self.space.run('nft', 'list', 'ruleset'))
        self.api.remove(container, force=True)
        self.assertNotIn('920', subprocess.run([*self.space.enter, 'nft', 'list', 'ruleset'], stdout=subprocess.PIPE,
                                               text=True).stdout)
