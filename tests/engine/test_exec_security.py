"""security-cases.md for execs, row by row: L2, L8, L9, L10, L12, L15, L16, H6."""

import os
import signal
import subprocess
import time

import case
import engine as engines
from execs import ExecTest

IMAGES = ['busybox', 'centos']
CAP_CHOWN, CAP_NET_BIND_SERVICE, CAP_SYS_ADMIN, CAP_SYS_TIME = 0, 10, 21, 25


def open_descriptors(pid):
    return len(os.listdir(f'/proc/{pid}/fd'))


def anonymous_kib(pid):
    with open(f'/proc/{pid}/status') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('RssAnon'))


class Descriptors(ExecTest):
    def test_l2_only_standard_descriptors_are_open(self):
        container = self.run_(['sleep', '1000'])
        streams = [self.api.open('GET', '/events') for _ in range(200)]
        try:
            for tty in (False, True):
                exec_id = self.make(container, 'ls', '/proc/self/fd', AttachStdout=True, Tty=tty)
                with self.attach(exec_id, tty=tty) as client:
                    shown = client.read_all() if tty else client.frames()[0]
                self.assertEqual(shown.split(), [b'0', b'1', b'2', b'3'])  # 3: the folder it lists
        finally:
            for connection, _ in streams:
                connection.close()

    def test_l2_a_working_directory_that_leaves_the_container(self):
        container = self.run_(['sh', '-c', 'for n in 3 4 5 6 7 8 9 10 11 12; do ln -s /proc/self/fd/$n /l$n; done; '
                               'ln -s /proc/1/root /r; ln -s /proc/self/cwd /c; touch /ready; sleep 1000'])
        self.eventually(lambda: self.run_in(container, 'test', '-e', '/ready')[0] == 0)
        for n in range(3, 13):
            for folder in (f'/proc/self/fd/{n}', f'/l{n}', f'/proc/1/fd/{n}', f'/l{n}/../../..'):
                code, out, err = self.run_in(container, 'pwd', WorkingDir=folder)
                self.assertNotEqual(code, 0, (folder, out, err))
        canary = f'/lighter-canary-{os.getpid()}'
        for folder in ('/r', '/c', '/proc/self/cwd', '/proc/self/root', '/proc/1/root', '/r/../../..'):
            open(canary, 'w').close()
            try:
                code, out, err = self.run_in(container, 'sh', '-c', f'ls -d .{canary} ./..{canary}; pwd', WorkingDir=folder)
            finally:
                os.unlink(canary)
            if code == 0:
                self.assertTrue(out.startswith('/'), (folder, out, err))
                self.assertNotIn('canary', out)


class Credentials(ExecTest):
    def status(self, container, **config):
        lines = self.sh_in(container, 'grep -E "^(Cap|NoNewPrivs|Groups|Uid|Gid)" /proc/self/status', **config).splitlines()
        return {line.split(':')[0]: line.split(':')[1].split() for line in lines}

    def capabilities(self, container, **config):
        return {k: int(v[0], 16) for k, v in self.status(container, **config).items() if k.startswith('Cap')}

    def test_l8_capabilities(self):
        cases = (({}, {CAP_CHOWN, CAP_NET_BIND_SERVICE}, {CAP_SYS_ADMIN, CAP_SYS_TIME}),
                 ({'CapAdd': ['SYS_TIME'], 'CapDrop': ['CHOWN']}, {CAP_SYS_TIME}, {CAP_CHOWN, CAP_SYS_ADMIN}),
                 ({'CapDrop': ['ALL']}, set(), {CAP_CHOWN, CAP_NET_BIND_SERVICE, CAP_SYS_TIME}),
                 ({'CapDrop': ['ALL'], 'CapAdd': ['NET_BIND_SERVICE']}, {CAP_NET_BIND_SERVICE}, {CAP_CHOWN, CAP_SYS_TIME}))
        for host, has, lacks in cases:
            container = self.run_(['sh', '-c', 'grep Cap /proc/self/status; sleep 1000'], host=host)
            for user in ('', '0', '1000', '1000:0'):
                with self.subTest(host=host, user=user):
                    caps = self.capabilities(container, User=user)
                    self.assertEqual((caps['CapInh'], caps['CapAmb']), (0, 0))
                    for bit in has:
                        self.assertTrue(caps['CapBnd'] >> bit & 1, bit)
                    for bit in lacks:
                        self.assertFalse(caps['CapBnd'] >> bit & 1, bit)
                    if user.startswith('1000'):
                        self.assertEqual((caps['CapPrm'], caps['CapEff']), (0, 0))
                    else:
                        self.assertEqual((caps['CapPrm'], caps['CapEff']), (caps['CapBnd'], caps['CapBnd']))
            first = self.api.logs(container)[0].decode().split()
            self.assertEqual([int(word, 16) for word in first[1::2]], list(self.capabilities(container).values()))

    def test_l9_groups_are_the_containers_own(self):
        container = self.run_(['sh', '-c', 'echo me:x:500:501::/:/bin/sh >> /etc/passwd; '
                               'printf "one:x:601:me\\ntwo:x:602:other,me\\nthree:x:603:other\\n" >> /etc/group; '
                               'echo secret > /f; chown 0:601 /f; chmod 070 /f; touch /ready; sleep 1000'],
                              host={'GroupAdd': ['77']})
        self.eventually(lambda: self.run_in(container, 'test', '-e', '/ready')[0] == 0)
        for user, uid, gid, groups in (('me', '500', '501', {'501', '601', '602', '77'}), ('500', '500', '501', {'501', '601', '602', '77'}),
                                       ('me:two', '500', '602', {'602', '77'}), ('500:602', '500', '602', {'602', '77'}),
                                       ('9999', '9999', '0', {'0', '77'}), ('9999:9998', '9999', '9998', {'9998', '77'})):
            with self.subTest(user=user):
                status = self.status(container, User=user)
                self.assertEqual((status['Uid'][0], status['Gid'][0]), (uid, gid))
                self.assertEqual(set(self.sh_in(container, 'id -G', User=user).split()), groups)
        self.assertEqual(self.sh_in(container, 'cat /f', User='me'), 'secret\n')
        self.assertNotEqual(self.run_in(container, 'cat', '/f', User='500:9')[0], 0)

    def test_l10_users_are_parsed_as_in_run(self):
        container = self.run_(['sh', '-c', 'printf "77:x:0:0::/:/bin/sh\\n077:x:0:0::/:/bin/sh\\n-1:x:0:0::/:/bin/sh\\n" >> /etc/passwd; '
                               'touch /ready; sleep 1000'])
        self.eventually(lambda: self.run_in(container, 'test', '-e', '/ready')[0] == 0)
        for user in ('77', '077', '0', '1', '2147483647', '2147483648', '4294967294', '4294967295', '4294967296', '99999999999999999999',
                     '-1', '+1', '1 ', ' 1', '1x', '0x1', '77:-1', '77:4294967295', '77:4294967296', '1:2:3', ':5', '5:', 'nobody-here'):
            with self.subTest(user=user):
                code, out, _ = self.run_in(container, 'id', '-u', User=user)
                if code != 0:
                    self.assertIn(code, (126, 127))
                else:
                    digits = user.split(':')[0].strip().lstrip('+')
                    self.assertEqual(int(out), int(digits) if digits.isdigit() else 0)
                    self.assertNotIn(user, ('-1', '4294967295', '4294967296', '77:-1', '77:4294967296', 'nobody-here'))
                self.assertEqual(self.as_first_process(user), (code != 0, out if code == 0 else ''))

    def as_first_process(self, user):
        """Whether a run with this user fails, and the number it had; of an image without the odd names."""
        if user.split(':')[0].strip() in ('77', '077', '-1'):
            code, out, _ = self.run_in(self.run_(['sleep', '1000'], User=''), 'id', '-u', User=user)
            return code != 0, out if code == 0 else ''
        container = self.create(['id', '-u'], User=user)
        started = self.api.post(f'/containers/{container}/start')
        if started.status != 204:
            return True, ''
        self.api.wait(container)
        return False, self.api.logs(container)[0].decode()

    def test_l12_set_id_and_no_new_privileges(self):
        setup = 'cp /bin/bash /set-id; chmod 4755 /set-id; touch /ready; exec sleep 1000'
        for option, expected in (([], '0'), (['no-new-privileges'], '1000')):
            container = self.run_(['sh', '-c', setup], 'centos', host={'SecurityOpt': option})
            self.eventually(lambda: self.run_in(container, 'test', '-e', '/ready')[0] == 0)
            for privileged in (False, True):
                with self.subTest(option=option, privileged=privileged):
                    code, out, err = self.run_in(container, '/set-id', '-p', '-c', 'echo $EUID', User='1000', Privileged=privileged)
                    self.assertEqual((code, out), (0, expected + '\n'), err)
                    self.assertIn(f'NoNewPrivs:\t{1 if option else 0}', self.sh_in(container, 'cat /proc/self/status', Privileged=privileged))


class Cgroups(ExecTest):
    def test_l15_the_control_groups_cannot_be_written_or_mounted(self):
        container = self.run_(['sleep', '1000'])
        script = ('find /sys/fs/cgroup -type f | while read f; do (echo 1 > "$f") 2>/dev/null && echo "wrote $f"; done; '
                  'mkdir /sys/fs/cgroup/new 2>/dev/null && echo made; mkdir /m; '
                  'for c in memory rdma cpu; do mount -t cgroup -o $c none /m 2>/dev/null && echo mounted; done; '
                  'mount -t cgroup2 none /m 2>/dev/null && echo mounted2; '
                  'mount -o remount,rw /sys/fs/cgroup 2>/dev/null && echo remounted; '
                  'unshare -UrmC true 2>/dev/null && echo unshared; unshare -Ur true 2>/dev/null && echo unshared; true')
        for user in ('', '1000'):
            self.assertEqual(self.sh_in(container, script, User=user), '')
            self.run_in(container, 'rmdir', '/m')


class Numbers(ExecTest):
    def take_number(self, pid):
        """A process of ours with this number, which has just become free."""
        for _ in range(200):
            with open('/proc/sys/kernel/ns_last_pid', 'w') as f:
                f.write(str(pid - 1))
            one = subprocess.Popen(['sleep', '1000'])
            if one.pid == pid:
                self.addCleanup(lambda: (one.kill(), one.wait()))
                return one
            one.kill()
            one.wait()
        self.skipTest('the number was taken by somebody else')

    def reused(self, shim_dies):
        container = self.run_(['sleep', '1000'])
        running = self.detached(container, 'sleep', '1001')
        pid, exec_pid = self.state(container)['Pid'], self.look(running)['Pid']
        self.engine.kill()
        if shim_dies:
            line = f'lighter-shim {self.engine.exec_root}'
            os.kill(next(p for p, (_, words) in engines.processes().items() if words == line), signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        self.eventually(lambda: not os.path.exists(f'/proc/{pid}') and not os.path.exists(f'/proc/{exec_pid}'))
        strangers = [self.take_number(pid), self.take_number(exec_pid)]
        self.engine.start()
        self.assertEqual(self.state(container)['Status'], 'exited')
        self.assertFalse(self.look(running)['Running'])
        self.refused(409, 'POST', f'/containers/{container}/exec', {'Cmd': ['true']})
        self.refused(409, 'POST', f'/containers/{container}/kill')
        self.api.post(f'/containers/{container}/stop', t=0)
        self.api.remove(container)
        for stranger in strangers:
            self.assertIsNone(stranger.poll())

    @case.lighterd_only
    def test_l16_a_number_used_anew_while_the_engine_was_away(self):
        self.reused(shim_dies=False)

    @case.lighterd_only
    def test_l16_a_number_used_anew_while_nobody_was_there(self):
        self.reused(shim_dies=True)


class Leaks(ExecTest):
    ROUNDS = 250

    def rounds(self, container):
        self.run_in(container, 'true')
        # The client goes before the process, and a child keeps the pipes after it.
        self.attach(self.make(container, 'sleep', '0.05', AttachStdin=True, AttachStdout=True)).close()
        self.attach(self.make(container, 'sh', '-c', 'sleep 0.1 & exit 1', AttachStdout=True)).close()
        self.attach(self.make(container, 'true', Tty=True, AttachStdin=True, AttachStdout=True), tty=True).close()

    @case.lighterd_only
    def test_h6_a_thousand_execs_leave_nothing(self):
        container = self.run_(['sleep', '1000'])
        shim = next(p for p, (_, line) in engines.processes().items() if line == f'lighter-shim {self.engine.exec_root}')
        def idle():
            return self.api.inspect(container)['ExecIDs'] is None
        for _ in range(20):
            self.rounds(container)
        self.eventually(idle)
        time.sleep(0.5)
        before = open_descriptors(self.engine.pid), open_descriptors(shim), anonymous_kib(self.engine.pid)
        for _ in range(self.ROUNDS):
            self.rounds(container)
        self.eventually(idle, seconds=30)
        self.eventually(lambda: open_descriptors(self.engine.pid) <= before[0] + 2 and open_descriptors(shim) <= before[1] + 1)
        # Records are kept for five minutes: 1,000 of them.
        self.assertLess(anonymous_kib(self.engine.pid) - before[2], 8 * 1024)
        self.assertEqual(len(self.api.must(200, 'GET', f'/containers/{container}/top').json['Processes']), 1)
