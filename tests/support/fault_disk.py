"""An engine whose disk fails at a call of choice: its data root is a tmpfs of its own, fault_disk.c is preloaded."""

import errno
import mmap
import os
import struct
import subprocess

import engine as engines

LIBRARY = os.environ.get('FAULT_DISK', os.path.join(engines.BUILD, 'tests', 'engine', 'libfault_disk.so'))


class FaultyEngine(engines.Lighterd):
    """start() as usual. arm(n) makes the n-th change of the disk from now on fail, count() says how many there were."""

    def __init__(self, *args, size='64m', **kw):
        super().__init__(*args, **kw)
        os.mkdir(self.data_root)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size}', 'faulty', self.data_root], check=True)
        path = os.path.join(self.folder, 'control')
        with open(path, 'wb') as f:
            f.write(bytes(4096))
        self.control_file = open(path, 'r+b')
        self.control = mmap.mmap(self.control_file.fileno(), 4096)

    def command(self):
        preload = ['env', f'LD_PRELOAD={LIBRARY}', f'FAULT_ROOT={self.data_root}',
                   f'FAULT_CONTROL={self.folder}/control']
        return preload + super().command()

    def arm(self, fail_at, error=errno.ENOSPC, onwards=False):
        self.control[64:128] = bytes(64)
        self.control[:20] = struct.pack('5I', 0, error, onwards, 0, 0)
        self.control[:4] = struct.pack('I', fail_at)

    def disarm(self):
        self.control[:4] = bytes(4)

    def count(self):
        return struct.unpack('5I', self.control[:20])[3]

    def failed(self):
        return struct.unpack('5I', self.control[:20])[4]

    def failed_call(self):
        return self.control[64:128].rstrip(b'\0').decode()

    def copy_data(self, target):
        """Of a stopped engine, for put_data()."""
        subprocess.run(['cp', '-a', self.data_root + '/.', target], check=True)

    def put_data(self, source):
        subprocess.run(['find', self.data_root, '-mindepth', '1', '-delete'], check=True)
        subprocess.run(['cp', '-a', source + '/.', self.data_root], check=True)
