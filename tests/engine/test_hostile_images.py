"""Images that try to break out (tests/support/hostile_images.py): what the container gets is its own, and the host's canary
stays as it was. Rows L1 to L5, L11, C6 of the security cases."""

import os
import shutil
import time

import case
import engine as engines
import hostile_images

IMAGES = ['busybox', *hostile_images.RECIPES]
CANARY = hostile_images.CANARY


def canary():
    """Everything about the folder that an escape would change."""
    found = []
    for root, folders, files in os.walk(CANARY):
        for name in sorted(folders + files) + ['.']:
            info = os.lstat(os.path.join(root, name))
            found.append((os.path.join(root, name), info.st_mode, info.st_uid, info.st_gid, info.st_size, info.st_mtime_ns))
    return found


def setUpModule():
    shutil.rmtree(CANARY, ignore_errors=True)
    os.makedirs(CANARY + '/folder')
    for name in ('hosts', 'hostname', 'console', 'ptmx'):
        with open(f'{CANARY}/{name}', 'w') as f:
            f.write('of the host\n')
    with open(CANARY + '/passwd', 'w') as f:
        f.write('canary:x:4242:4242::/:\n')


def tearDownModule():
    shutil.rmtree(CANARY, ignore_errors=True)


class Hostile(case.EngineTest):
    def setUp(self):
        self.before = canary()
        self.mounts = self.host_mounts()

    def tearDown(self):
        self.assertEqual(canary(), self.before, 'the canary')
        self.assertEqual(self.host_mounts(), self.mounts)

    def host_mounts(self):
        """Where something is mounted; what other tests have below /tmp and /run at the same time is theirs."""
        return [path for path in engines.mounts() if path.startswith(CANARY) or not path.startswith(('/tmp/', '/run/'))]

    def start(self, image, cmd=('true',), **kw):
        """(status of the start, message, seconds)"""
        container = self.create(list(cmd), image, **kw)
        began = time.monotonic()
        reply = self.api.post(f'/containers/{container}/start')
        took = time.monotonic() - began
        if reply.status == 204:
            self.api.wait(container)
            return 204, ''.join(part.decode(errors='replace') for part in self.api.logs(container, tty=kw.get('Tty', False))), took
        self.assertEqual(self.state(container)['Status'], 'created')
        return reply.status, reply.message, took

    def test_proc_and_sys_must_be_real_folders(self):
        for image in ('h-proc-link', 'h-proc-file', 'h-sys-link'):
            status, message, _ = self.start(image)
            self.assertIn(status, (400, 500), f'{image}: {message}')

    def test_dev_is_ours_whatever_the_image_has_there(self):
        for kw in ({}, {'Tty': True}, {'host': {'ReadonlyRootfs': True}}, {'Tty': True, 'host': {'ReadonlyRootfs': True}}):
            script = 'stat -c "%t:%T %F" /dev/null /dev/zero; ls -ld /dev/ptmx | sed "s/.*dev/dev/"; mount | grep -c " /dev/"'
            status, out, _ = self.start('h-dev-inside', ['/bin/sh', '-c', script], **kw)
            self.assertEqual(status, 204, out)
            lines = out.replace('\r', '').splitlines()
            self.assertEqual(lines[:3], ['1:3 character special file', '1:5 character special file', 'dev/ptmx -> pts/ptmx'])
            status, out, _ = self.start('h-dev-link', ['/bin/ls', '-a', '/dev/'], **kw)
            if status == 204:  # resolved inside; or refused
                self.assertIn('null', out)
            status, out, _ = self.start('h-dev-file', **kw)
            self.assertIn(status, (400, 500), out)

    def test_files_of_etc_stay_inside(self):
        status, out, _ = self.start('h-etc-files', ['/bin/cat', '/etc/hosts', '/etc/hostname'], Hostname='boat')
        if status == 204:
            self.assertIn('localhost', out)
            self.assertIn('boat', out)
        self.start('h-etc-link', ['/bin/ls', '/etc/'])

    def test_mount_targets_resolve_inside(self):
        volume = self.engine.folder + '/volume'
        os.makedirs(volume, exist_ok=True)
        for target in ('/abs/x', '/rel/x', '/root-of-host/tmp/x', f'/root-of-host{CANARY}/x', '/fine/x', '/abs', '/rel'):
            for host in ({'Binds': [f'{volume}:{target}']}, {'Tmpfs': {target: ''}},
                         {'Mounts': [{'Type': 'bind', 'Source': volume, 'Target': target}]}):
                status, out, _ = self.start('h-links', ['/bin/touch', target + '/made'], host=host)
                self.assertEqual(status, 204, f'{target}: {out}')
        for target in ('/loop/x', '/fd/3', '/fd/7/x', '/into-proc/kernel', '/proc/self/fd', '/proc/1/root'):
            status, out, _ = self.start('h-links', host={'Binds': [f'{volume}:{target}']})
            self.assertIn(status, (400, 500), f'{target}: {out}')
        self.assertEqual(os.listdir(volume), ['made'])

    def test_masked_and_read_only_paths_resolve_inside(self):
        host = {'MaskedPaths': ['/file', '/abs', '/nothing-there'], 'ReadonlyPaths': ['/fine', '/rel']}
        status, out, _ = self.start('h-links', ['/bin/sh', '-c', 'wc -c < /etc/motd; touch /var/log/x 2>/dev/null; echo $?'],
                                    host=host)
        self.assertEqual((status, out), (204, '0\n1\n'))

    def test_working_directories_by_magic_links_are_refused(self):
        for image in ('h-cwd', 'h-cwd-link'):
            status, message, _ = self.start(image)
            self.assertIn(status, (400, 500), f'{image}: {message}')
        for number in range(3, 30):
            for cwd in (f'/proc/self/fd/{number}', f'/fd/{number}', f'/proc/1/fd/{number}'):
                status, out, _ = self.start('h-links', ['/bin/pwd'], WorkingDir=cwd)
                self.assertIn(status, (400, 500), f'{cwd}: {out}')
        # Their own first process' folder is none of ours.
        for image, cwd in (('h-cwd-up', None), ('h-links', '/cwd')):
            status, out, _ = self.start(image, ['/bin/sh', '-c', 'pwd; ls ../../../..'], **({'WorkingDir': cwd} if cwd else {}))
            if status == 204:
                self.assertNotIn('unreachable', out)
                self.assertNotIn('lighter', out)

    def test_accounts_are_read_within_bounds(self):
        heap = self.memory()
        for image in ('h-passwd-giant', 'h-passwd-many', 'h-group-giant', 'h-passwd-fifo', 'h-passwd-device', 'h-passwd-folder',
                      'h-passwd-link', 'h-passwd-proc', 'h-group-fifo'):
            status, message, took = self.start(image, ['/bin/busybox', 'id'])
            self.assertLess(took, 5, image)
            if self.engine.kind == 'lighterd':
                self.assertEqual(status, 400, f'{image}: {message}')
        if self.engine.kind == 'lighterd':
            self.assertLess(self.memory() - heap, 16 << 10, 'KiB of the daemon')

    def memory(self):
        with open(f'/proc/{self.engine.pid}/status') as f:
            return next(int(line.split()[1]) for line in f if line.startswith('VmHWM'))

    def test_digits_are_numbers_whatever_accounts_are_called(self):
        def ids(user, **kw):
            status, out, _ = self.start('h-numbers', ['/bin/sh', '-c', 'id -u; id -g; id -G'], User=user, **kw)
            return out.split('\n')[:3] if status == 204 else status
        self.assertEqual(ids('4242'), ['4242', '0', '0'])
        self.assertEqual(ids('0:500'), ['0', '500', '500'])
        self.assertEqual(ids('16'), ['16', '16', '16'])
        for user in ('-1', '4294967295', '4294967296', '99999999999999999999', '0:-1', '0:4294967295', '0:4294967296'):
            self.assertIn(ids(user), (400, 500), user)
        self.assertEqual(ids('007')[0], '7')
        self.assertEqual(ids('+7')[0], '7')
        if self.engine.kind == 'lighterd':  # dockerd stops at 2^31
            self.assertEqual(ids('2147483648')[0], '2147483648')
            self.assertEqual(ids('4294967294:4294967294')[:2], ['4294967294'] * 2)
            self.assertEqual(ids('0', host={'GroupAdd': ['4294967295']}), 400)

    def test_the_program_that_starts_it_is_out_of_reach(self):
        binary = os.path.realpath('/proc/%d/exe' % self.engine.pid)
        with open(binary, 'rb') as f:
            before = f.read()
        self.start('h-self')
        self.start('h-self', ['/self'], Entrypoint=[])
        script = ('for i in $(seq 300); do for p in /proc/[0-9]*; do (echo x > $p/exe) 2>/dev/null && echo WRITTEN $p; done; done; true')
        for host in ({}, {'Init': True}):
            self.assertNotIn('WRITTEN', self.out(script, host=host))
        with open(binary, 'rb') as f:
            self.assertEqual(f.read(), before)

    def test_a_config_selects_no_setting(self):
        container = self.run_(['/bin/sleep', '100'], 'h-env')
        info = self.api.inspect(container)
        self.assertFalse(info['HostConfig']['Privileged'])
        self.assertIn(info['HostConfig']['Runtime'], ('runc', 'lighter'))
        self.assertEqual(info['Config']['StopSignal'], 'SIGRTMIN+3')
        pid = info['State']['Pid']
        with open(f'/proc/{pid}/status') as f:
            status = dict(line.split(':', 1) for line in f)
        self.assertEqual(int(status['CapBnd'], 16), 0xa80425fb)
        self.assertEqual(status['Seccomp'].strip(), '2')
        with open(f'/proc/{pid}/environ') as f:
            self.assertIn('LD_PRELOAD=/evil.so', f.read().split('\0'))
        reply = self.api.post('/containers/create', {'Image': 'h-signal', 'Cmd': ['true']})
        if reply.status == 201:
            self.api.remove(reply.json['Id'])
        self.assertIn(reply.status, (201, 400))
