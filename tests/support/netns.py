"""A network namespace for one test run: engines, registries and bridges inside never meet the host's."""

import contextlib
import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000


def run(*args, check=True, **kw):
    return subprocess.run(args, check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw).stdout


class Netns:
    def __init__(self, name):
        self.name = name
        self.path = f'/run/netns/{name}'
        run('ip', 'netns', 'add', name)
        # Not `ip netns exec`: that one mounts a new /sys, which hides the cgroup mounts.
        self.enter = ['nsenter', f'--net={self.path}', '--']
        self.run('ip', 'link', 'set', 'lo', 'up')

    def run(self, *args, check=True, **kw):
        return run(*self.enter, *args, check=check, **kw)

    @contextlib.contextmanager
    def inside(self):
        """Sockets that this thread makes meanwhile belong to this namespace."""
        libc = ctypes.CDLL(None, use_errno=True)

        def enter(path):
            fd = os.open(path, os.O_RDONLY)
            failed = libc.setns(fd, CLONE_NEWNET)
            os.close(fd)
            if failed:
                raise OSError(ctypes.get_errno(), 'setns')
        before = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
        try:
            enter(self.path)
            yield self
        finally:
            enter(f'/proc/self/fd/{before}')
            os.close(before)

    def links(self):
        """Names of the links inside, without lo and what the kernel makes by itself."""
        names = [line.split(': ')[1].split('@')[0] for line in self.run('ip', '-o', 'link').splitlines()]
        kernel = {'lo', 'tunl0', 'gre0', 'gretap0', 'erspan0', 'ip_vti0', 'ip6_vti0', 'sit0', 'ip6tnl0', 'ip6gre0'}
        return sorted(set(names) - kernel)

    def tables(self):
        """The nft tables inside."""
        return sorted(line for line in self.run('nft', 'list', 'tables', check=False).splitlines() if line.strip())

    def close(self):
        if os.path.exists(self.path):
            run('ip', 'netns', 'del', self.name, check=False)


def neighbour(space, add_cleanup):
    """A host on a link of `space`: its namespace, 198.51.100.2; `space` is 198.51.100.1 there."""
    world = Netns(f'ltw{os.getpid()}')
    add_cleanup(world.close)
    link = f'ltw{os.getpid() % 100000}'
    space.run('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', link, 'netns', world.name)
    add_cleanup(lambda: space.run('ip', 'link', 'del', link, check=False))
    for one, address in ((space, '198.51.100.1/24'), (world, '198.51.100.2/24')):
        one.run('ip', 'addr', 'add', address, 'dev', link)
        one.run('ip', 'link', 'set', link, 'up')
    return world
