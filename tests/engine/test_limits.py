"""Numbers and lists at their edges (security-cases.md C1, C2, L7): the cgroup holds exactly what was asked, or the answer is an
error; nothing is wrapped, bent to what fits, or expanded. `young` marks what Debian's dockerd leaves to the kernel or bends."""

import time

import case

GiB = 1 << 30
TOP = (1 << 63) - 1
REFUSED = 'refused'
young = object()

# The file of each field: v1 (folder/file), v2.
FILES = {'CpuShares': ('cpu/cpu.shares', None), 'CpusetCpus': ('cpuset/cpuset.cpus', 'cpuset.cpus'),
         'Memory': ('memory/memory.limit_in_bytes', 'memory.max'), 'PidsLimit': ('pids/pids.max', 'pids.max'),
         'CpuQuota': ('cpu/cpu.cfs_quota_us', 'cpu.max'), 'CpuPeriod': ('cpu/cpu.cfs_period_us', None),
         'MemoryReservation': ('memory/memory.soft_limit_in_bytes', 'memory.low'),
         'MemorySwappiness': ('memory/memory.swappiness', None)}


class Limits(case.EngineTest):
    @property
    def v2(self):
        return self.api.get('/info').json['CgroupVersion'] == '2'

    def create_reply(self, host, **config):
        reply = self.api.post('/containers/create', {'Image': 'busybox', 'Cmd': ['true'], 'HostConfig': host, **config})
        if reply.status == 201:
            self.addCleanup(lambda: self.api.remove(reply.json['Id'], v=True))
        return reply

    def answer(self, host, script='true'):
        """Output of a container with this HostConfig, or REFUSED (at create or at start)."""
        reply = self.create_reply(host, Cmd=['/bin/sh', '-c', script])
        if reply.status != 201:
            self.assertEqual(reply.status, 400, f'{host}: {reply}')
            return REFUSED
        container = reply.json['Id']
        started = self.api.post(f'/containers/{container}/start')
        if started.status != 204:
            if self.engine.kind == 'lighterd':
                self.assertEqual(started.status, 400, f'{host}: {started}')
            return REFUSED
        self.api.wait(container)
        return self.api.logs(container)[0].decode().strip()

    def check(self, field, values, **more):
        file = FILES[field][self.v2]
        if file is None:
            return
        for value, wanted, *marks in values:
            if marks and self.engine.kind != 'lighterd':
                continue
            got = self.answer({field: value, **more}, f'cat /sys/fs/cgroup/{file}')
            if self.v2 and file == 'cpu.max':
                got = got.split(' ')[0]
            self.assertEqual(got, str(wanted), f'{field}={value!r}')

    def test_shares(self):
        self.check('CpuShares', [(2, 2), (3, 3), (262143, 262143), (262144, 262144), (0, 1024),
                                 (1, REFUSED), (262145, REFUSED), (1 << 31, REFUSED), (1 << 32, REFUSED), (TOP, REFUSED),
                                 (-1, REFUSED), (TOP + 1, REFUSED), (1e30, REFUSED)])

    def test_memory(self):
        self.check('Memory', [(6 << 20, 6 << 20), (GiB, GiB), (1 << 32, 1 << 32), (1 << 40, 1 << 40), (-1, REFUSED), (1, REFUSED),
                              ((6 << 20) - 1, REFUSED), (TOP + 1, REFUSED), (1e30, REFUSED), (-(1 << 63), REFUSED)])
        self.check('MemoryReservation', [(6 << 20, 6 << 20), ((6 << 20) - 1, REFUSED)])
        for memory in (1 << 62, (1 << 62) + 4096, TOP):
            # Twice that is no number any more; nothing may wrap to a small one.
            reply = self.create_reply({'Memory': memory})
            self.assertEqual(reply.status, 201)
            swap = self.api.inspect(reply.json['Id'])['HostConfig']['MemorySwap']
            if self.engine.kind == 'lighterd':
                self.assertEqual(swap, -1)
                self.api.start(reply.json['Id'])
                self.assertEqual(self.api.wait(reply.json['Id']), 0)

    def test_swap(self):
        if self.v2:
            return
        file = '/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes'
        if self.sh(f'cat {file}')[0] != 0:
            return  # a kernel without swap accounting
        def got(swap):
            return self.answer({'Memory': 64 << 20, 'MemorySwap': swap}, f'cat {file}')
        self.assertEqual(got(0), str(128 << 20))
        self.assertEqual(got(64 << 20), str(64 << 20))
        self.assertEqual(got(100 << 20), str(100 << 20))
        self.assertGreater(int(got(-1)), 1 << 60)
        self.assertEqual(got((64 << 20) - 1), REFUSED)

    def test_pids(self):
        self.check('PidsLimit', [(1, 1), (2, 2), (4194304, 4194304), (0, 'max'), (-1, 'max'), (-2, 'max'),
                                 (4194305, REFUSED), (1 << 31, REFUSED), (1 << 32, REFUSED), (TOP, REFUSED)])

    def test_quota_and_period(self):
        self.check('CpuQuota', [(1000, 1000), (1 << 31, 1 << 31), (999, REFUSED), (1, REFUSED), (-2, REFUSED, young),
                                (TOP, REFUSED), (TOP + 1, REFUSED)])
        self.check('CpuPeriod', [(1000, 1000), (1000000, 1000000), (999, REFUSED), (1000001, REFUSED), (-1, REFUSED)],
                   CpuQuota=1000)
        quota = FILES['CpuQuota'][self.v2]
        for nano, wanted in ((10_000_000, '1000'), (500_000_000, '50000'), (999_999_999, '99999'), (1_000_000_000, '100000')):
            self.assertEqual(self.answer({'NanoCpus': nano}, f'cut -d" " -f1 /sys/fs/cgroup/{quota}'), wanted)
        for nano in (9_999_999, -1, 1 << 40, TOP, TOP + 1, 1e30):
            self.assertEqual(self.answer({'NanoCpus': nano}), REFUSED, nano)
        if self.engine.kind == 'lighterd':  # dockerd makes "no limit at all" of these
            for nano in (1, 9_999):
                self.assertEqual(self.answer({'NanoCpus': nano}), REFUSED, nano)

    def test_swappiness_and_weights(self):
        if not self.v2:
            self.check('MemorySwappiness', [(0, 0), (100, 100), (101, REFUSED), (-2, REFUSED), (TOP, REFUSED)])
        for weight in (1, 9, 1001, 65535, 65536, -1):
            self.assertEqual(self.create_reply({'BlkioWeight': weight}).status, 400, weight)

    def test_shared_memory(self):
        size = "df -k /dev/shm | tail -1 | awk '{print $2}'"
        for asked, wanted in ((4096, '4'), (1, '4'), (1 << 20, '1024'), (1 << 40, str(1 << 30)), (0, '65536')):
            self.assertEqual(self.answer({'ShmSize': asked}, size), wanted, asked)
        for asked in (-1, TOP + 1, 1e30):
            self.assertEqual(self.answer({'ShmSize': asked}), REFUSED, asked)

    def test_ulimits(self):
        def got(name, soft, hard, letter='n'):
            return self.answer({'Ulimits': [{'Name': name, 'Soft': soft, 'Hard': hard}]}, f'ulimit -S{letter}; ulimit -H{letter}')
        self.assertEqual(got('nofile', 0, 0).split()[-1:], ['0'] if got('nofile', 0, 0) != REFUSED else [REFUSED])
        self.assertEqual(got('nofile', 5, 10), '5\n10')
        self.assertEqual(got('core', -1, -1, 'c'), 'unlimited\nunlimited')
        self.assertEqual(got('data', 1 << 32, 1 << 40, 'd'), f'{1 << 22}\n{1 << 30}')
        self.assertEqual(got('nofile', 1 << 40, 1 << 40), REFUSED)  # above fs.nr_open
        for soft, hard in ((5, 3), (-1, 5)):
            self.assertEqual(got('nofile', soft, hard), REFUSED, (soft, hard))
        for name in ('bogus', '', 'RLIMIT_NOFILE', 'nofile '):
            self.assertEqual(got(name, 1, 1), REFUSED, name)
        if self.engine.kind == 'lighterd':
            for soft, hard in ((-2, -2), (-(1 << 63), 5), (0, -2)):
                self.assertEqual(got('nofile', soft, hard), REFUSED, (soft, hard))

    def test_oom_score(self):
        for value in (-1001, 1001, 1 << 31, 1 << 32):
            self.assertEqual(self.create_reply({'OomScoreAdj': value}).status, 400, value)
        for value in (0, 1, 1000):
            self.assertEqual(self.answer({'OomScoreAdj': value}, 'cat /proc/self/oom_score_adj'), str(value))

    def test_cpusets(self):
        available = self.out('cat /sys/fs/cgroup/' + ('cpuset.cpus.effective' if self.v2 else 'cpuset/cpuset.cpus')).strip()
        self.check('CpusetCpus', [('0', '0'), ('0,0', '0'), ('0-0', '0')])
        for text in ('0,', ' 0', '0\n', '0 ', ',', '-', '0-', '-1', '1-0', 'a', 'all', '0:1', '0x0', '0-1:1/2', '0--1'):
            reply = self.create_reply({'CpusetCpus': text})
            self.assertEqual(reply.status, 400, repr(text))
            self.assertEqual(reply.message, f'Invalid value {text} for cpuset cpus: invalid format: {text}')
        for text in ('999', '0-999', '0,999', '8192'):
            reply = self.create_reply({'CpusetCpus': text})
            self.assertEqual((reply.status, reply.message),
                             (400, f'Requested CPUs are not available - requested {text}, available: {available}'))
        reply = self.create_reply({'CpusetMems': '777'})
        self.assertEqual(reply.status, 400)
        self.assertIn('Requested memory nodes are not available - requested 777, available: ', reply.message)

    def test_giant_lists_cost_nothing(self):
        began = time.monotonic()
        for text in ('0-8193', '1-9223372036854775807', '0-18446744073709551615', '0-99999999999999999999999999',
                     ','.join(['0-8192'] * 50000)):
            for field in ('CpusetCpus', 'CpusetMems'):
                reply = self.create_reply({field: text})
                self.assertEqual(reply.status, 400, text[:40])
        self.assertLess(time.monotonic() - began, 5 if self.engine.kind == 'lighterd' else 60)

    def test_device_rules(self):
        for rule in ('c 1:3 rwm', 'c *:* rwm', 'b 8:* r', 'a *:* rwm', 'c 4095:1048575 m'):
            self.assertEqual(self.answer({'DeviceCgroupRules': [rule]}), '', rule)
        for rule in ('', 'c', 'c 1:3', 'x 1:3 r', 'c 1*:3 r', 'c 1:3 rwmr', 'c 1:3 r junk', ' c 1:3 r', 'c -1:3 r', 'c 1:3 x',
                     'b 99999999999:1 r', 'c 1:3 rwm\nc 1:1 rwm'):
            self.assertEqual(self.answer({'DeviceCgroupRules': [rule]}), REFUSED, rule)
        for mode in ('xyz', 'rwx', 'rwmrwm'):
            self.assertEqual(self.answer({'Devices': [{'PathOnHost': '/dev/null', 'PathInContainer': '/dev/x',
                                                       'CgroupPermissions': mode}]}), REFUSED, mode)

    def test_sysctls(self):
        def value_of(key, value, **host):
            return self.answer({'Sysctls': {key: value}, **host}, 'cat /proc/sys/' + key.replace('.', '/'))
        for key, value in (('net.ipv4.ip_forward', '1'), ('net.ipv4.ping_group_range', '0\t5'), ('kernel.msgmax', '65536'),
                           ('fs.mqueue.msg_max', '20'), ('kernel.sem', '250\t32000\t100\t128'), ('kernel.domainname', 'a.b'),
                           ('net.ipv4.conf.lo.forwarding', '1')):
            self.assertEqual(value_of(key, value), value, key)
        panic = '/proc/sys/kernel/panic'
        with open(panic) as f:
            before = f.read()
        for key in ('kernel.panic', 'kernel.core_pattern', 'kernel.modprobe', 'kernel.hostname', 'vm.swappiness', 'fs.file-max',
                    'net/../kernel/panic', 'net.ipv4.ip_forward=1', 'net.a+b', 'net.ipv4.nope', 'user.max_user_namespaces',
                    'net..ipv4', '.net.ipv4.ip_forward', '', 'net.', 'net', 'kernel', 'kernel.shm_rmid_forced/', 'net.ipv4.ip_forward\n'):
            self.assertEqual(value_of(key, '1'), REFUSED, repr(key))
        for value in ('1\nkernel.panic=5', 'abc', '1+kernel.panic=5', ''):
            got = value_of('net.ipv4.ip_forward', value)
            if value or self.engine.kind == 'lighterd':
                self.assertIn(got, (REFUSED, '0', '1') if not value else (REFUSED,), repr(value))
        self.assertEqual(value_of('net.ipv4.ip_forward', '1', NetworkMode='host'), REFUSED)
        self.assertEqual(value_of('kernel.msgmax', '65536', IpcMode='host'), REFUSED)
        with open(panic) as f:
            self.assertEqual(f.read(), before)

    def test_numbers_of_the_wrong_type(self):
        for text in ('1.5', '"1"', 'true', '[]', '{}', '1e3', '-0.1', '0x10', 'NaN', '9223372036854775808', '1e30'):
            for field in ('Memory', 'CpuShares', 'PidsLimit', 'NanoCpus', 'ShmSize', 'OomScoreAdj'):
                body = '{"Image":"busybox","Cmd":["true"],"HostConfig":{"%s":%s}}' % (field, text)
                reply = self.api.post('/containers/create', body, headers={'Content-Type': 'application/json'})
                self.assertEqual(reply.status, 400, f'{field}: {text}: {reply}')
        body = '{"Image":"busybox","Cmd":["true"],"HostConfig":{"Memory":-0,"CpuShares":-0}}'
        reply = self.api.post('/containers/create', body, headers={'Content-Type': 'application/json'})
        self.assertEqual(reply.status, 201)
        self.api.remove(reply.json['Id'])
