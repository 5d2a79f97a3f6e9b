"""What the benchmarks pull, kept in the registry storage of a build folder, made when first asked for."""

import fcntl
import hashlib
import os
import random

import images
import local_registry


def small_files(count=40_000, seed=11):
    """One layer of many files of a few hundred bytes to some KiB, as a language's packages are."""
    rng = random.Random(seed)
    pool = images.words(seed, 1_000_000)
    layer = images.Layer().dir('opt')
    for i in range(count):
        if i % 100 == 0:
            folder = f'opt/d{i // 100:04d}'
            layer.dir(folder)
        size = min(int(rng.lognormvariate(7.0, 1.0)), 60_000)
        start = rng.randrange(0, len(pool) - size)
        layer.file(f'{folder}/f{i:06d}', pool[start:start + size])
    return layer


MAKERS = {
    'busybox': lambda: images.Image([images.base_layer()]),
    'layered': lambda: images.Image([images.base_layer(), images.upper_layer(), images.third_layer()]),
    'big': images.big,
    'big-zstd': lambda: images.big(kind='oci', compression='zstd'),
    'one': lambda: images.Image(list(images.big_layers(count=1))),
    'small': lambda: images.Image([small_files()]),
    'many': lambda: images.Image(list(images.big_layers(count=40, total=40_000_000, files=2_000))),
}


def folder(build, names):
    """The storage, with the images of these names under library/."""
    key = hashlib.sha256()
    for source in (__file__, images.__file__, images.busybox_path()):
        with open(source, 'rb') as f:
            key.update(f.read())
    path = os.path.join(build, 'bench-images', key.hexdigest()[:16])
    os.makedirs(path, exist_ok=True)
    with open(path + '.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [name for name in names if not os.path.exists(os.path.join(path, 'made-' + name))]
        if missing:
            with local_registry.Registry(path) as registry:
                for name in missing:
                    registry.push('library/' + name, 'latest', MAKERS[name]())
                    with open(os.path.join(path, 'made-' + name), 'w'):
                        pass
    return path


def blobs(storage, name):
    """Paths of an image's layer blobs in the registry's storage, in order, and their media types."""
    import json
    tags = f'{storage}/docker/registry/v2/repositories/library/{name}/_manifests/tags/latest/current/link'

    def blob(digest):
        hexed = digest.partition(':')[2]
        return f'{storage}/docker/registry/v2/blobs/sha256/{hexed[:2]}/{hexed}/data'
    with open(tags) as f:
        manifest = blob(f.read().strip())
    with open(manifest) as f:
        return [blob(layer['digest']) for layer in json.load(f)['layers']]
