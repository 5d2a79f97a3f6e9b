"""What the kernel knows of processes and disks, and a disk of one's own."""

import os
import re
import subprocess
import tempfile
import threading
import time

TICK = os.sysconf('SC_CLK_TCK')
SECTOR = 512  # of /sys/block/*/stat, whatever the device's


def pss(pid):
    """KiB of memory that is this process's, its share of shared pages included; 0 when it is gone."""
    try:
        with open(f'/proc/{pid}/smaps_rollup') as f:
            return int(re.search(r'^Pss:\s+(\d+)', f.read(), re.M).group(1))
    except (OSError, AttributeError):
        return 0


def cpu_seconds(pid):
    """Its own and that of the children it has waited for."""
    try:
        with open(f'/proc/{pid}/stat') as f:
            fields = f.read().rpartition(')')[2].split()
    except OSError:
        return 0.0
    return sum(int(fields[i]) for i in (11, 12, 13, 14)) / TICK


class Peak(threading.Thread):
    """The largest sum of PSS seen while it runs."""

    def __init__(self, pids):
        super().__init__(daemon=True)
        self.pids, self.kib, self.over = pids, 0, threading.Event()

    def run(self):
        while not self.over.is_set():
            self.kib = max(self.kib, sum(map(pss, self.pids())))
            self.over.wait(0.05)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


class Disk:
    """A new ext4 on a loop device, mounted at `path`, where temporary folders are made meanwhile. On a used one, ext4
    looks for minutes at every inode that was just deleted, one by one, whenever it wants a free one: what somebody
    deleted before decides the figures. And what is written to this one nobody else writes."""

    GIGABYTES = 40  # sparse: what is not written takes no room

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix='lt-b.', dir='/var/tmp')
        self.file, self.path = os.path.join(self.folder, 'disk'), os.path.join(self.folder, 'mnt')
        os.mkdir(self.path)
        subprocess.run(['truncate', '-s', f'{self.GIGABYTES}G', self.file], check=True)
        subprocess.run(['mkfs.ext4', '-q', '-F', '-m', '0', '-E', 'nodiscard', self.file], check=True)
        self.device = subprocess.run(['losetup', '--direct-io=on', '-f', '--show', self.file], check=True,
                                     stdout=subprocess.PIPE, text=True).stdout.strip()
        # noinit_itable: nothing is written behind the measurement's back.
        subprocess.run(['mount', '-o', 'noatime,noinit_itable', self.device, self.path], check=True)
        self.before, tempfile.tempdir = tempfile.tempdir, self.path
        return self

    def sync(self):
        """Seconds until all is written: what is left to do for an engine that did not see to it."""
        begin = time.perf_counter()
        subprocess.run(['sync', '-f', self.path], check=True)
        return time.perf_counter() - begin

    def written(self):
        """Bytes that reached the device, after a sync."""
        self.sync()
        with open(f'/sys/block/{os.path.basename(self.device)}/stat') as f:
            return int(f.read().split()[6]) * SECTOR

    def __exit__(self, *_):
        tempfile.tempdir = self.before
        for _ in range(50):
            if subprocess.run(['umount', self.path], stderr=subprocess.DEVNULL).returncode == 0:
                break
            time.sleep(0.1)
        else:
            subprocess.run(['umount', '-l', self.path])
        subprocess.run(['losetup', '-d', self.device])
        os.unlink(self.file)
        os.rmdir(self.path)
        os.rmdir(self.folder)
