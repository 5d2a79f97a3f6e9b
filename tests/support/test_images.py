"""The registry folder that all tests pull from, made once per build folder: name -> image."""

import fcntl
import hashlib
import os
import shutil

import hostile_images
import images
import local_registry


def definitions():
    """What is under library/ in the tests' registry: (name, tag, image)."""
    base = images.base_layer()
    plain = images.Image([base])
    layered = [base, images.upper_layer(), images.third_layer()]
    arm = images.Image([images.Layer().file('arm', 'arm')], architecture='arm64', variant='v8')
    arm_oci = images.Image([images.Layer().file('arm', 'arm')], architecture='arm64', kind='oci')
    yield 'busybox', 'latest', plain
    yield 'busybox', 'other', images.Image([base, images.Layer().file('other', 'other')])
    yield 'layered', 'latest', images.Image(layered)
    yield 'oci', 'latest', images.Image(layered, kind='oci')
    yield 'zstd', 'latest', images.Image([base, images.Layer().file('zstd', 'zstd layer\n')], kind='oci', compression='zstd')
    yield 'tar', 'latest', images.Image([base, images.Layer().file('tar', 'plain layer\n')], kind='oci', compression='plain')
    yield 'centos', 'latest', images.centos_like(created='2024-01-02T00:00:00Z')
    yield 'multiarch', 'latest', images.Index([arm, plain])
    yield 'multiarch', 'oci', images.Index([arm_oci, images.Image([base], kind='oci')], 'oci')
    yield 'armonly', 'latest', images.Index([arm])
    yield 'entry', 'latest', images.Image([base], {
        'Entrypoint': ['/bin/echo', 'entry'], 'Cmd': ['cmd'], 'User': 'user', 'WorkingDir': '/made/by/engine',
        'Env': ['PATH=/bin', 'A=1'], 'Labels': {'l': 'v'}, 'StopSignal': 'SIGINT', 'ExposedPorts': {'80/tcp': {}}},
        created='2024-01-03T00:00:00Z')
    yield 'health', 'latest', images.Image([base], {'Cmd': ['sleep', '1000'], 'Healthcheck': {
        'Test': ['CMD-SHELL', 'test -e /ok'], 'Interval': 200_000_000, 'Retries': 2}})
    yield 'deep', 'latest', images.Image([base] + [
        images.Layer().dir('deep').file(f'deep/{i}', str(i)).file('deep/last', str(i)) for i in range(127)])
    yield 'hostile', 'latest', images.Image([base, hostile_layer()])
    yield from hostile_images.definitions(base)


def hostile_layer():
    """Entries that would leave the layer's folder if names or links were trusted."""
    layer = images.Layer()
    layer.symlink('escape', '/tmp/lighter-canary').file('escape/through-link', 'bad')
    layer.symlink('up', '../../../../../../tmp/lighter-canary').file('up/relative', 'bad')
    layer.file('fine', 'fine\n')
    return layer


def folder(build, big=False):
    """Where the filled registry storage is; made on first use (a lock keeps two test files from making it twice).
    `big` adds the benchmark's image, which takes a minute."""
    key = hashlib.sha256()
    for source in (__file__, images.__file__, hostile_images.__file__, images.busybox_path()):
        with open(source, 'rb') as f:
            key.update(f.read())
    parent = os.path.join(build, 'test-images')
    os.makedirs(parent, exist_ok=True)
    path = os.path.join(parent, key.hexdigest()[:16])
    with open(os.path.join(parent, 'lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(path, 'complete')):
            shutil.rmtree(path, ignore_errors=True)
            with local_registry.Registry(path) as registry:
                for name, tag, image in definitions():
                    registry.push('library/' + name, tag, image)
            with open(os.path.join(path, 'complete'), 'w'):
                pass
        if big and not os.path.exists(os.path.join(path, 'big')):
            with local_registry.Registry(path) as registry:
                registry.push('library/big', 'latest', images.big())
            with open(os.path.join(path, 'big'), 'w'):
                pass
    return path
