"""Images that would break out, redirect, block or exhaust an engine that trusts them (security-cases.md, sections 1 and 6).

The canary is a folder of the host, /tmp/lighter-canary, which tests make and look at: nothing may appear or change there.
"""

import tarfile

import images

CANARY = '/tmp/lighter-canary'
UP = '../../../../../../../..'
GIANT = 48 << 20  # far above any real passwd; gzip makes 48 KB of it

# name -> (what the layer above busybox does, config)
RECIPES = {
    'h-proc-link': (lambda l: l.symlink('proc', '/etc'), {}),
    'h-proc-file': (lambda l: l.file('proc', 'no folder'), {}),
    'h-sys-link': (lambda l: l.symlink('sys', UP + CANARY), {}),
    'h-dev-link': (lambda l: l.symlink('dev', CANARY), {}),
    'h-dev-file': (lambda l: l.file('dev', 'no folder'), {}),
    # What lies in the image's own /dev must not be what is used in ours.
    'h-dev-inside': (lambda l: l.symlink('dev/null', '/proc/sysrq-trigger').file('dev/zero', 'no device')
                     .symlink('dev/console', CANARY + '/console').symlink('dev/ptmx', CANARY + '/ptmx')
                     .symlink('dev/pts', CANARY).symlink('dev/shm', CANARY).symlink('dev/mqueue', CANARY), {}),
    'h-etc-link': (lambda l: l.symlink('etc', CANARY), {}),
    'h-etc-files': (lambda l: l.symlink('etc/hosts', CANARY + '/hosts').symlink('etc/hostname', UP + CANARY + '/hostname')
                    .symlink('etc/resolv.conf', '/etc/passwd'), {}),
    'h-links': (lambda l: l.symlink('root-of-host', UP + '/').symlink('abs', CANARY).symlink('rel', UP + CANARY)
                .symlink('loop', 'loop').symlink('into-proc', '/proc/sys').symlink('fd', '/proc/self/fd')
                .symlink('cwd', '/proc/self/cwd').symlink('fine', '/var/log')
                .symlink('file', '/etc/motd').file('etc/motd', 'of the image\n'), {}),
    'h-passwd-giant': (lambda l: l.file('etc/passwd', b'root:x:0:0:' + b'a' * GIANT), {'User': 'root'}),
    'h-passwd-many': (lambda l: l.file('etc/passwd', b'root:x:0:0::/:\n' * (GIANT // 15)), {'User': 'root'}),
    'h-group-giant': (lambda l: l.file('etc/group', b'g:x:1:' + b'root,' * (GIANT // 5)), {'User': 'root'}),
    'h-passwd-fifo': (lambda l: l.entry('etc/passwd', tarfile.FIFOTYPE, 0o666), {'User': 'root'}),
    'h-passwd-device': (lambda l: l.entry('etc/passwd', tarfile.CHRTYPE, 0o666, dev=(1, 5)), {'User': 'root'}),
    'h-passwd-folder': (lambda l: l.whiteout('etc/passwd').dir('etc/passwd'), {'User': 'root'}),
    'h-passwd-link': (lambda l: l.symlink('etc/passwd', UP + CANARY + '/passwd'), {'User': 'canary'}),
    'h-passwd-proc': (lambda l: l.symlink('etc/passwd', '/proc/self/environ'), {'User': 'root'}),
    'h-group-fifo': (lambda l: l.entry('etc/group', tarfile.FIFOTYPE, 0o666), {'User': 'root:root'}),
    'h-numbers': (lambda l: l.file('etc/passwd', 'root:x:0:0::/root:\n4242:x:0:0::/root:\n-1:x:0:0::/:\n4294967295:x:0:0::/:\n'
                                   '+7:x:0:0::/:\n0x10:x:16:16::/:\n')
                  .file('etc/group', 'root:x:0:\n500:x:0:\n4294967295:x:0:\n'), {}),
    'h-cwd': (lambda l: l, {'WorkingDir': '/proc/self/fd/7'}),
    'h-cwd-link': (lambda l: l.symlink('work', '/proc/self/fd/7'), {'WorkingDir': '/work'}),
    'h-cwd-up': (lambda l: l, {'WorkingDir': '/proc/1/cwd'}),
    'h-self': (lambda l: l.file('self', '#!/proc/self/exe\n', 0o755), {'Entrypoint': ['/proc/self/exe'], 'Cmd': ['x']}),
    'h-env': (lambda l: l, {'Env': ['PATH=/bin', 'LD_PRELOAD=/evil.so', 'NOTIFY_SOCKET=@x', 'LISTEN_FDS=3', 'HOME='],
                            'Labels': {'io.containerd.runtime': '/evil', 'lighter.privileged': 'true',
                                       'com.docker.security.seccomp': 'unconfined', 'org.opencontainers.image.stopSignal': '9',
                                       'run.oci.hooks.prestart': '/evil', 'io.kubernetes.cri-o.Devices': '/dev/sda'},
                            'StopSignal': 'SIGRTMIN+3', 'Healthcheck': {'Test': ['NONE']},
                            'HostConfig': {'Privileged': True}, 'Privileged': True, 'Runtime': '/evil'}),
    'h-signal': (lambda l: l, {'StopSignal': '9999'}),
}


def definitions(base):
    for name, (change, config) in RECIPES.items():
        yield name, 'latest', images.Image([base, change(images.Layer())], config)
