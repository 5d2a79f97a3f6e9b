"""The guest of tools/guest with the engine's programs and a small registry inside, and its disks."""

import os
import shutil
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'tests', 'support'))
sys.dont_write_bytecode = True

import local_registry  # noqa: E402
import test_images  # noqa: E402

BOOT_SECONDS = 180


class Guest:
    """Made of `build`'s programs and a workload beside this file; with a folder of its own for what it leaves."""

    def __init__(self, build, workload):
        self.build = os.path.abspath(build)
        self.image = os.path.join(self.build, 'guest')
        self.folder = tempfile.mkdtemp(prefix='lighter-guest.')
        self.drives = []
        self._fill_registry(os.path.join(self.folder, 'registry'))
        programs = [os.path.join(self.build, p) for p in
                    ('src/daemon/lighterd', 'src/run/shim/lighter-shim', 'src/cli/lighter')]
        subprocess.check_call([os.path.join(TOP, 'tools', 'guest'), 'build', self.image,
                               os.path.join(TOP, 'tests', 'guest', workload), shutil.which('docker-registry'), *programs,
                               'registry=' + os.path.join(self.folder, 'registry')])

    @staticmethod
    def _fill_registry(path):
        with local_registry.Registry(path) as registry:
            for name, tag, image in test_images.definitions():
                if (name, tag) in (('busybox', 'latest'), ('layered', 'latest')):
                    registry.push('library/' + name, tag, image)
        for name in os.listdir(path):
            if name.startswith(('log-', 'config-')):
                os.unlink(os.path.join(path, name))
        with open(os.path.join(path, 'guest.yml'), 'w') as f:
            f.write(local_registry.CONFIG.format(root='/registry', address='127.0.0.1', port=5000, tls='', auth=''))

    def add_disk(self, name, size):
        """An ext4 disk that lives through all boots."""
        path = os.path.join(self.folder, name)
        subprocess.check_call(['truncate', '-s', size, path])
        subprocess.check_call(['mkfs.ext4', '-q', '-F', path])
        self.drives += ['-drive', f'file={path},if=virtio,format=raw,cache=writeback']

    def live(self, mark, seconds_after):
        """Boots, waits for `mark` on the serial line, then `seconds_after`, and kills the machine (earlier when it
        ends by itself): what it printed."""
        serial = os.path.join(self.folder, 'serial')
        with open(serial, 'wb') as out:
            machine = subprocess.Popen([os.path.join(TOP, 'tools', 'guest'), 'run', self.image, *self.drives],
                                       stdout=out, stderr=subprocess.STDOUT)
        until, marked = time.monotonic() + BOOT_SECONDS, False
        while time.monotonic() < until and machine.poll() is None:
            time.sleep(0.05)
            with open(serial, errors='replace') as f:
                if not marked and mark in f.read():
                    until, marked = time.monotonic() + seconds_after, True
        machine.kill()
        machine.wait()
        with open(serial, errors='replace') as f:
            return f.read()

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)
