"""What a process may do: capabilities, groups, set-id programs, filtered calls, devices, cgroups, descriptors (rows L2, L8, L9,
L12, L14, L15 of the security cases). The same numbers come from Debian's dockerd, apart from what is marked."""

import os
import shutil
import subprocess

import case
import engine as engines

DEFAULT = 0xa80425fb
PROBE = os.path.join(engines.BUILD, 'tests', 'engine', 'probe')

EPERM, ENOSYS = '1', '38'


def numbers(text):
    """"1 3-5" as a set"""
    found = set()
    for part in text.split():
        first, _, last = part.partition('-')
        found.update(range(int(first), int(last or first) + 1))
    return found


class Privileges(case.EngineTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = case.ENGINE.folder + '/probe'
        os.makedirs(cls.folder, exist_ok=True)
        shutil.copy(PROBE, cls.folder + '/probe')
        shutil.copy(PROBE, cls.folder + '/suid')
        os.chmod(cls.folder + '/suid', 0o6755)

    def probe(self, *words, program='probe', host=None, **kw):
        host = {'Binds': [self.folder + ':/p'], **(host or {})}
        container = self.run_([f'/p/{program}', *words], host=host, **kw)
        self.assertEqual(self.api.wait(container), 0)
        out = self.api.logs(container)[0].decode()
        self.api.remove(container)
        return out

    def status(self, **kw):
        return {line.split(':')[0]: line.split(':')[1].strip() for line in self.out('cat /proc/self/status', **kw).splitlines()}

    def sets(self, **kw):
        """(inheritable, permitted, effective, bounding, ambient)"""
        seen = self.status(**kw)
        return tuple(int(seen['Cap' + name], 16) for name in ('Inh', 'Prm', 'Eff', 'Bnd', 'Amb'))

    def test_capability_sets(self):
        # A host that holds back some capabilities lets dockerd give out all or none.
        every = self.api.post(f'/containers/{self.create(["true"], host={"Privileged": True})}/start').status == 204
        known = int(self.status(host={'Privileged': True})['CapBnd'], 16) if every else 0
        self.assertNotEqual(known, DEFAULT)
        net_admin, chown, sys_admin = 1 << 12, 1 << 0, 1 << 21
        for host, mask in (({}, DEFAULT),
                           ({'CapAdd': ['NET_ADMIN']}, DEFAULT | net_admin),
                           ({'CapAdd': ['CAP_NET_ADMIN']}, DEFAULT | net_admin),
                           ({'CapAdd': ['net_admin']}, DEFAULT | net_admin),
                           ({'CapDrop': ['CHOWN']}, DEFAULT & ~chown),
                           ({'CapDrop': ['ALL']}, 0),
                           ({'CapAdd': ['ALL']}, known),
                           ({'CapAdd': ['ALL'], 'CapDrop': ['CHOWN', 'SYS_ADMIN']}, known & ~chown & ~sys_admin),
                           ({'CapAdd': ['CHOWN'], 'CapDrop': ['ALL']}, chown),
                           ({'Privileged': True, 'CapDrop': ['ALL']}, known)):
            if not every and ({'ALL'} & set(host.get('CapAdd', [])) or host.get('Privileged')):
                continue
            self.assertEqual(self.sets(host=host)[1:], (mask, mask, mask, 0), host)
            self.assertEqual(self.sets(host=host, User='1000')[1:], (0, 0, mask, 0), host)
            if self.engine.kind == 'lighterd':  # dockerd 20.10 before CVE-2022-24769 fills it
                self.assertEqual(self.sets(host=host)[0], 0)
        for host in ({'CapAdd': ['NOPE']}, {'CapDrop': ['NOPE']}, {'CapAdd': ['']}, {'CapAdd': ['CAP_']}, {'CapAdd': ['41']}):
            self.assertEqual(self.api.post('/containers/create', {'Image': 'busybox', 'HostConfig': host}).status, 400, host)

    def test_groups(self):
        def groups(user, *more):
            return sorted(int(g) for g in self.out('id -G', User=user, host={'GroupAdd': list(more)}).split())
        self.assertEqual(groups(''), [0])
        self.assertEqual(groups('user'), [29, 44, 1000])
        self.assertEqual(groups('1000'), [29, 44, 1000])
        self.assertEqual(groups('user:audio'), [29])
        self.assertEqual(groups('user:7'), [7])
        self.assertEqual(groups('4321'), [0])
        self.assertEqual(groups('4321:4321'), [4321])
        self.assertEqual(groups('daemon'), [1, 44])
        self.assertEqual(groups('', 'video', '777'), [0, 44, 777])
        for user in ('nope', 'user:nope'):
            self.assertGreaterEqual(self.api.post(f'/containers/{self.create(["id"], User=user)}/start').status, 400)
        self.assertGreaterEqual(self.api.post(f'/containers/{self.create(["id"], host={"GroupAdd": ["nope"]})}/start').status, 400)
        # A group that forbids its own members what others may: the primary group must be among the groups (CVE-2022-36109).
        script = 'echo x > /tmp/f; chmod 0707 /tmp/f; chown 0:1000 /tmp/f; su user -s /bin/sh -c "cat /tmp/f"; echo $?'
        self.assertEqual(self.sh(script)[1], '1\n')
        path = self.engine.folder + '/forbids'
        with open(path, 'w') as f:
            f.write('x')
        os.chown(path, 0, 1000)
        os.chmod(path, 0o707)
        self.assertNotEqual(self.sh('cat /f', User='user', host={'Binds': [path + ':/f']})[0], 0)

    def test_set_id_programs(self):
        self.assertEqual(self.probe('ids', User='1000:1000'), '1000 1000 0\n')
        self.assertEqual(self.probe('ids', program='suid', User='1000:1000'), '1000 0 0\n')
        for option in ('no-new-privileges', 'no-new-privileges:true', 'no-new-privileges=true'):
            self.assertEqual(self.probe('ids', program='suid', User='1000:1000', host={'SecurityOpt': [option]}), '1000 1000 1\n')
        self.assertEqual(self.probe('ids', program='suid', User='1000:1000',
                                    host={'SecurityOpt': ['no-new-privileges=false']}), '1000 0 0\n')
        self.assertEqual(self.probe('ids', host={'SecurityOpt': ['no-new-privileges'], 'CapAdd': ['NET_ADMIN']}), '0 0 1\n')

    def test_only_three_descriptors(self):
        many = [open('/dev/null') for _ in range(100)]
        running = [self.run_(['sleep', '1000'], Tty=tty, OpenStdin=True) for tty in (False, True)]
        for kw in ({}, {'Tty': True}, {'OpenStdin': True}, {'host': {'Init': True}}, {'User': '1000'},
                   {'Tty': True, 'host': {'Init': True}}):
            self.assertEqual(self.probe('fds', **kw).split() if not kw.get('Tty') else ['0', '1', '2'], ['0', '1', '2'], kw)
            if kw.get('Tty'):
                container = self.run_(['/p/probe', 'fds'], **{**kw, 'host': {'Binds': [self.folder + ':/p'], **kw.get('host', {})}})
                self.api.wait(container)
                self.assertEqual(self.api.logs(container, tty=True)[0].split(), [b'0', b'1', b'2'], kw)
        for container in running:
            self.api.remove(container)
        del many

    def test_calls_are_answered_as_under_docker(self):
        """What our filter decides, call by call, against a table: what the default of Docker allows is not EPERM."""
        for kw in ({}, {'host': {'CapAdd': ['SYS_ADMIN']}}, {'host': {'CapAdd': ['ALL']}})[:3 if self.engine.kind == 'lighterd' else 2]:
            shown = dict(line.split(' ', 1) for line in self.probe('asks', **kw).splitlines())
            admin = bool(kw)
            for space in ('mount', 'cgroup', 'uts', 'ipc', 'user', 'pid', 'net'):
                for call in ('clone', 'unshare'):
                    self.assertEqual(shown[f'{call}_{space}'] != EPERM, admin, f'{call}_{space} {kw}: {shown[f"{call}_{space}"]}')
            for person in ('0', '8', '20000', '20008', 'ffffffff'):
                self.assertEqual(shown['personality_' + person], 'ok')
            for person in ('1', '40000', '400000'):
                self.assertEqual(shown['personality_' + person], EPERM)
            for family in (1, 2, 10, 16, 17):
                self.assertNotEqual(shown[f'socket_{family}'], EPERM, family)
            self.assertEqual(shown['clone_plain'], 'ok')
            self.assertEqual(shown['ptrace'], 'ok')
            self.assertEqual(shown['keyctl'], EPERM)
            self.assertEqual(shown['userfaultfd'], EPERM)
            self.assertEqual(shown['chroot'], 'ok')
            if self.engine.kind == 'lighterd':  # younger than 20.10
                self.assertEqual((shown['socket_38'], shown['socket_40']), (EPERM, EPERM))  # ALG, VSOCK
                self.assertEqual(shown['io_uring_setup'], EPERM)
                if not admin:
                    self.assertEqual(shown['clone3'], ENOSYS)

    def test_every_call_is_answered_as_under_docker(self):
        """The numbers that answer EPERM to arguments that are none; compared with Debian's dockerd but for what is younger."""
        if os.uname().machine != 'x86_64':
            self.skipTest('the numbers are those of x86_64')
        shown = dict(line.split(' ', 1) for line in self.probe('calls', '64').splitlines())
        of_the_kernel = {446}  # landlock_restrict_self, without no_new_privs
        denied = {int(number) for number, result in shown.items() if result == EPERM} - of_the_kernel
        wanted = numbers('56 103 134 136 139 153 155-156 163-185 212 227 236-239 246 248-250 256 272 279 298 300 304 308 312-313 '
                         '320-321 323 337-423 425-433 438 440 442-443 450 459-461')
        if self.engine.kind == 'dockerd':
            wanted = wanted - numbers('425-427 450 459-461') | numbers('135 303 310-311 329-331')
        self.assertEqual(sorted(denied ^ wanted), [], 'where answers differ')
        for number in ('435', '599'):  # clone3, and what is younger than the list
            self.assertEqual(shown[number], ENOSYS)
        shown = dict(line.split(' ', 1) for line in self.probe('calls', '32').splitlines())
        self.assertIn(shown['21'], (EPERM, 'signal 11'))  # mount, by the way of the 32-bit calls; a kernel without them

    def test_no_restart_widens_what_was_asked(self):
        host = {'CapDrop': ['ALL'], 'CapAdd': ['KILL'], 'ReadonlyRootfs': True, 'SecurityOpt': ['no-new-privileges'], 'Memory': 32 << 20,
                'PidsLimit': 10, 'Ulimits': [{'Name': 'nofile', 'Soft': 50, 'Hard': 60}]}
        container = self.run_(['sleep', '1000'], User='7:8', host=host)

        def seen():
            info = self.api.inspect(container)
            pid = info['State']['Pid']
            with open(f'/proc/{pid}/status') as f:
                status = [line for line in f if line.startswith(('Cap', 'Seccomp', 'NoNewPrivs', 'Uid', 'Gid', 'Groups'))]
            with open(f'/proc/{pid}/mountinfo') as f:
                mounts = [' '.join(line.split()[4:6]) for line in f]
            with open(f'/proc/{pid}/limits') as f:
                return info['HostConfig'], status, mounts, f.read()
        before = seen()
        self.api.must(204, 'POST', f'/containers/{container}/restart', t=0)
        self.assertEqual(seen(), before)
        if self.engine.kind == 'lighterd':
            self.engine.kill()
            self.engine.start()
            self.assertEqual(seen(), before)
            self.api.must(204, 'POST', f'/containers/{container}/restart', t=0)
            self.assertEqual(seen(), before)

    def test_devices(self):
        for device in ('b 254 0', 'b 8 0', 'c 1 1', 'c 10 229'):
            code, out, err = self.sh(f'mknod /d {device} && head -c 1 /d; echo $?')
            self.assertIn('not permitted', err, device)
        self.assertEqual(self.out('head -c 3 /dev/zero | wc -c; echo x > /dev/full 2>/dev/null || echo full').split(), ['3', 'full'])

    def test_cgroups_and_namespaces_are_closed(self):
        script = ('find /sys/fs/cgroup -type f | while read f; do [ -w $f ] && (echo 0 > $f) 2>/dev/null && echo WRITTEN $f; done; '
                  'mkdir /sys/fs/cgroup/x /sys/fs/cgroup/*/x 2>/dev/null && echo MADE; '
                  'for t in "cgroup -o memory" "cgroup -o rdma" cgroup2 proc sysfs tmpfs; do mount -t $t x /mnt 2>/dev/null && echo MOUNTED $t; done; '
                  'mount -o remount,rw /sys 2>/dev/null && echo REMOUNTED; umount /proc/sys 2>/dev/null && echo UNCOVERED; '
                  'unshare -U true 2>/dev/null && echo USER; unshare -m true 2>/dev/null && echo MOUNT; true')
        for user in ('0', '1000'):
            self.assertEqual(self.out('mkdir -p /mnt 2>/dev/null; ' + script, User=user), '')

    @case.lighterd_only
    def test_no_socket_of_ours_is_reached_from_the_hosts_network(self):
        container = self.run_(['sleep', '1000'], host={'NetworkMode': 'host'})
        pid = self.state(container)['Pid']
        listed = subprocess.run(['nsenter', f'--net=/proc/{pid}/ns/net', 'cat', '/proc/net/unix'],
                                stdout=subprocess.PIPE, text=True, check=True).stdout
        inodes = {line.split()[6]: line.split()[7] for line in listed.splitlines()[1:] if len(line.split()) > 7}
        ours = set()
        for process, (_, line) in engines.processes().items():
            if self.engine.folder in line:
                for fd in os.listdir(f'/proc/{process}/fd'):
                    try:
                        link = os.readlink(f'/proc/{process}/fd/{fd}')
                    except OSError:
                        continue
                    if link.startswith('socket:['):
                        ours.add(link[8:-1])
        self.assertTrue(ours)
        for inode in ours & set(inodes):
            self.assertTrue(inodes[inode].startswith('/'), inodes[inode])  # abstract ones have no folder that protects them

    @case.lighterd_only
    def test_state_is_closed_to_other_users(self):
        container = self.run_(['sh', '-c', 'echo secret; sleep 1000'])
        self.eventually(lambda: self.api.logs(container)[0])
        os.chmod(self.engine.folder, 0o755)  # the test's own folder is in the way
        found = subprocess.run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'find', self.engine.data_root,
                                self.engine.exec_root, '-mindepth', '1'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        self.assertEqual(found, '')
        for path, most in ((self.engine.data_root, 0o710), (self.engine.exec_root, 0o700), (self.engine.socket, 0o660)):
            self.assertEqual(os.stat(path).st_mode & 0o777 & ~most, 0, path)
        log = self.api.inspect(container)['LogPath']
        self.assertEqual(os.stat(log).st_mode & 0o777 & ~0o640, 0)
