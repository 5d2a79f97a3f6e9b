"""What a process sees from inside: capabilities, filters, mounts, devices, users, limits, files; Docker's defaults."""

import os
import time

import case

DEFAULT_CAPS = 0xa80425fb  # CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP ... AUDIT_WRITE


class Defaults(case.EngineTest):
    def status(self, **kw):
        lines = self.out('cat /proc/self/status', **kw).splitlines()
        return {line.split(':')[0]: line.split(':')[1].strip() for line in lines}

    def test_capabilities(self):
        seen = self.status()
        for name in ('CapPrm', 'CapEff', 'CapBnd'):
            self.assertEqual(int(seen[name], 16), DEFAULT_CAPS, name)
        self.assertEqual(int(seen['CapAmb'], 16), 0)
        self.assertEqual(int(self.status(host={'CapDrop': ['ALL']})['CapBnd'], 16), 0)
        self.assertEqual(int(self.status(host={'CapDrop': ['ALL'], 'CapAdd': ['NET_ADMIN']})['CapBnd'], 16), 1 << 12)
        self.assertEqual(int(self.status(User='user')['CapEff'], 16), 0)

    def test_a_filter_is_on_unless_asked_otherwise(self):
        self.assertEqual(self.status()['Seccomp'], '2')
        self.assertEqual(self.status(host={'SecurityOpt': ['seccomp=unconfined']})['Seccomp'], '0')
        self.assertEqual(self.status()['NoNewPrivs'], '0')
        self.assertEqual(self.status(host={'SecurityOpt': ['no-new-privileges']})['NoNewPrivs'], '1')

    def test_forbidden_calls_fail(self):
        for script in ('mount -t tmpfs x /mnt', 'unshare -m true', 'unshare -U true', 'mknod /x b 8 0 && cat /x',
                       'echo 1 > /proc/sys/kernel/panic', 'echo x > /proc/sysrq-trigger', 'mkdir /sys/fs/cgroup/memory/x',
                       'hostname other'):
            self.assertNotEqual(self.sh(script)[0], 0, script)

    def test_masked_and_read_only_paths(self):
        out = self.out('for f in kcore keys timer_list; do [ -e /proc/$f ] && wc -c < /proc/$f; done; '
                       'ls /proc/acpi /sys/firmware /proc/scsi 2>/dev/null | grep -v : ; true')
        self.assertEqual(set(out.split()) - {'0'}, set())
        mounts = self.out('cat /proc/mounts')
        for path in ('/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger', '/sys'):
            row = next((line.split() for line in mounts.splitlines() if line.split()[1] == path), None)
            if path in ('/proc/sys', '/sys') or row:
                self.assertIn('ro', row[3].split(','), path)

    def test_devices(self):
        names = self.out('ls /dev').split()
        self.assertEqual(sorted(set(names) - {'core'}), ['fd', 'full', 'mqueue', 'null', 'ptmx', 'pts', 'random', 'shm', 'stderr',
                                         'stdin', 'stdout', 'tty', 'urandom', 'zero'])
        self.assertEqual(self.out('df -k /dev/shm | tail -1').split()[1], '65536')
        self.assertEqual(self.out('df -k /dev/shm | tail -1', host={'ShmSize': 1 << 20}).split()[1], '1024')

    def test_only_standard_descriptors_are_open(self):
        self.assertEqual(self.out('cd /proc/self/fd && echo *').split()[:3], ['0', '1', '2'])
        # ls is the first process: a shell that runs it would open and close pipes of its own meanwhile.
        self.assertEqual(self.out('exec ls /proc/self/fd').split(), ['0', '1', '2', '3'])  # 3: the folder it reads
        for number in (0, 1, 2):
            self.assertRegex(self.out(f'exec readlink /proc/self/fd/{number}').strip(), '^(pipe:.*|/dev/null)$')

    def test_users_and_groups_come_from_the_image(self):
        self.assertEqual(self.out('id -u; id -g; id -G', User='user').split('\n')[0], '1000')
        self.assertEqual(set(self.out('id -G', User='user').split()), {'1000', '29', '44'})
        self.assertEqual(self.out('id -u; id -g', User='7:8'), '7\n8\n')
        self.assertEqual(set(self.out('id -G', User='7', host={'GroupAdd': ['video', '123']}).split()), {'0', '44', '123'})
        self.assertEqual(self.out('echo $HOME', User='user'), '/home/user\n')
        container = self.create(['true'], User='nobody-here')
        self.assertGreaterEqual(self.api.post(f'/containers/{container}/start').status, 400)

    def test_names_and_resolver_files(self):
        out = self.out('hostname; cat /etc/hostname; cat /etc/hosts', Hostname='boat',
                       host={'ExtraHosts': ['there:1.2.3.4'], 'Dns': ['9.9.9.9'], 'DnsSearch': ['a.b']})
        self.assertTrue(out.startswith('boat\nboat\n127.0.0.1\tlocalhost'))
        self.assertIn('1.2.3.4\tthere', out)
        self.assertRegex(out, r'\d+\.\d+\.\d+\.\d+\tboat')
        resolver = self.out('cat /etc/resolv.conf', host={'Dns': ['9.9.9.9'], 'DnsSearch': ['a.b']})
        self.assertIn('nameserver 9.9.9.9', resolver)
        self.assertIn('search a.b', resolver)

    def test_the_mark_of_a_container_and_mtab(self):
        self.assertEqual(self.out('cat /.dockerenv; stat -c "%a %u:%g %s" /.dockerenv; readlink /etc/mtab').split(),
                         ['755', '0:0', '0', '/proc/mounts'])
        container = self.api.run('busybox', ['rm', '/.dockerenv'])
        self.api.wait(container)
        self.api.start(container)  # it is not put back
        self.assertEqual(self.api.wait(container), 1)

    def test_limits_are_in_the_cgroup(self):
        host = {'Memory': 64 << 20, 'NanoCpus': 500000000, 'PidsLimit': 33, 'CpuShares': 300,
                'Ulimits': [{'Name': 'nofile', 'Soft': 123, 'Hard': 456}]}
        out = self.out('cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max '
                       '/sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/cpu/cpu.cfs_quota_us; ulimit -Sn; ulimit -Hn '
                       if self.api.get('/info').json['CgroupVersion'] == '1' else
                       'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max; echo 300; '
                       'cut -d" " -f1 /sys/fs/cgroup/cpu.max; ulimit -Sn; ulimit -Hn', host=host)
        self.assertEqual(out.split(), [str(64 << 20), '33', '300', '50000', '123', '456'])

    def test_out_of_memory_is_told(self):
        container = self.run_(['sh', '-c', 'tail /dev/zero'], host={'Memory': 16 << 20, 'MemorySwap': 16 << 20})
        self.assertEqual(self.api.wait(container), 137)
        self.eventually(lambda: self.state(container)['OOMKilled'])

    def test_a_kill_of_a_child_is_told_while_the_container_lives_on(self):
        script = 'tail /dev/zero; echo $?; while [ ! -e /go ]; do sleep 0.1; done; exit 3'
        container = self.run_(['sh', '-c', script], host={'Memory': 16 << 20, 'MemorySwap': 16 << 20})
        since = time.time()
        self.eventually(lambda: self.api.logs(container)[0] == b'137\n')
        state = self.eventually(lambda: self.state(container)['OOMKilled'] and self.state(container))
        self.assertTrue(state['Running'])
        self.assertEqual(len(self.events(since - 5, container=[container], event=['oom'])), 1)
        open(f'/proc/{state["Pid"]}/root/go', 'w').close()
        self.assertEqual(self.api.wait(container), 3)
        self.assertTrue(self.state(container)['OOMKilled'])
        self.assertEqual(len(self.events(since - 5, container=[container], event=['oom'])), 1)

    def test_who_is_killed_by_somebody_else_was_not_out_of_memory(self):
        container = self.run_(['sleep', '1000'], host={'Memory': 16 << 20})
        self.api.must(204, 'POST', f'/containers/{container}/kill')
        self.assertEqual(self.api.wait(container), 137)
        self.assertFalse(self.state(container)['OOMKilled'])

    def test_binds_of_and_below_the_kernels_folders(self):
        self.assertEqual(self.out('ls /sys/fs/cgroup > /dev/null; ls /sys/class/net',
                                  host={'Binds': ['/sys:/sys:ro'], 'NetworkMode': 'none'}).split().count('lo'), 1)
        folder = self.engine.folder + '/over-sys'
        self.assertEqual(self.sh('ls -A /sys', host={'Binds': [folder + ':/sys']})[:2], (0, ''))
        self.assertEqual(os.listdir(folder), [])  # nothing of ours is made in what hides it
        self.assertEqual(self.out('cat /proc/uptime', host={'Binds': ['/proc/version:/proc/uptime']}), open('/proc/version').read())
        for target in ('/proc', '/proc/sys', '/proc/self', '/proc/1', '/proc/../proc'):
            container = self.create(['true'], host={'Binds': [f'{folder}:{target}']})
            self.assertIn(self.api.post(f'/containers/{container}/start').status, (400, 500), target)
        for host in ({'Binds': ['/etc/passwd:/etc']}, {'Binds': [f'{folder}:/etc/passwd']}):
            container = self.create(['true'], host=host)
            reply = self.api.post(f'/containers/{container}/start')
            self.assertEqual(reply.status, 400)
            self.assertIn('Are you trying to mount a directory onto a file (or vice-versa)?', reply.message)

    @case.lighterd_only
    def test_128_layers_are_one_root(self):
        self.api.pull('deep', tag='latest')  # dockerd stops at 125
        self.assertEqual(self.out('cat /deep/last; ls /deep | wc -l; cat /deep/0 /deep/126', image='deep'), '126128\n0126')

    def test_tmpfs_options(self):
        def options(text):
            row = self.out('grep " /t " /proc/mounts', host={'Tmpfs': {'/t': text}}).split()
            return row[3].split(',')
        self.assertLessEqual({'rw', 'nosuid', 'nodev', 'noexec'}, set(options('')))
        self.assertLessEqual({'size=1024k', 'mode=700', 'uid=5', 'gid=6', 'nr_inodes=10'}, set(options('size=1m,mode=700,uid=5,gid=6,nr_inodes=10')))
        self.assertEqual({'nosuid', 'nodev', 'noexec'} & set(options('exec,suid,dev')), set())
        self.assertIn('ro', options('ro'))
        for wrong in ('bogus', 'size=zzz', 'size=-1', 'mode=99999999999', 'remount'):
            reply = self.api.post('/containers/create', {'Image': 'busybox', 'Cmd': ['true'], 'HostConfig': {'Tmpfs': {'/t': wrong}}})
            if reply.status == 201:
                self.addCleanup(lambda gone=reply.json['Id']: self.api.remove(gone))
                reply = self.api.post(f'/containers/{reply.json["Id"]}/start')
            self.assertIn(reply.status, (400, 500), wrong)

    def test_read_only_tmpfs_and_binds(self):
        self.assertNotEqual(self.sh('touch /x', host={'ReadonlyRootfs': True})[0], 0)
        self.assertEqual(self.sh('touch /scratch/x', host={'ReadonlyRootfs': True, 'Tmpfs': {'/scratch': ''}})[0], 0)
        folder = self.engine.folder + '/bound'
        self.assertEqual(self.sh('echo in > /mnt/deep/file', host={'Binds': [f'{folder}:/mnt/deep']})[0], 0)
        with open(folder + '/file') as f:
            self.assertEqual(f.read(), 'in\n')
        self.assertNotEqual(self.sh('touch /mnt/x', host={'Binds': [f'{folder}:/mnt:ro']})[0], 0)

    def test_networks(self):
        self.assertEqual(self.out('ls /sys/class/net', host={'NetworkMode': 'none'}).split(), ['lo'])
        self.assertEqual(self.out('ls /sys/class/net').split(), ['eth0', 'lo'])
        first = self.run_(['sleep', '1000'])
        address = self.api.inspect(first)['NetworkSettings']['Networks']['bridge']['IPAddress']
        self.assertEqual(self.sh(f'ping -c 1 -w 5 {address}')[0], 0)
        shared = self.out('ip -4 addr show eth0', host={'NetworkMode': 'container:' + first})
        self.assertIn(address + '/', shared)
        self.assertIn('lo', self.out('ls /sys/class/net', host={'NetworkMode': 'host'}).split())
