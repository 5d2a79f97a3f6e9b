"""Pulls: seconds until everything is on the disk, CPU, memory and bytes written, for images of several shapes, beside
dockerd, Podman and the floor."""

import os
import shutil
import subprocess
import tempfile
import time

import bench_images
from kernel import Disk, Peak, cpu_seconds, pss
from peers import Peer, Podman, pairs, progress
from table import Table, median, ratio

TOOLS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHAPES = {
    'big': 'cold pull of 10 gzip layers, 664 MB of tar',
    'big-zstd': 'cold pull of 10 zstd layers, 664 MB of tar',
    'one': 'cold pull of one gzip layer, 670 MB of tar',
    'small': 'cold pull of one gzip layer of 40,000 small files',
    'many': 'cold pull of 40 gzip layers, 40 MB of tar',
}
COLUMNS = (('seconds', 'faster', 's'), ('CPU of client and engine', 'less', 's'), ('peak PSS of the daemon', 'less', 'MB'),
           ('PSS above idle, 3 s after', '', 'MB'), ('written to the disk', 'less', 'MB'))
SETTLE = 3  # seconds


def compile_floor(folder):
    compiler, program = shutil.which('clang-19') or shutil.which('cc'), os.path.join(folder, 'pull_floor')
    if not compiler:
        return None
    subprocess.run([compiler, '-O2', '-pthread', '-o', program, os.path.join(TOOLS, 'pull_floor.c'), '-lisal', '-lcrypto',
                    '-lzstd'], check=True)
    return program


def floor_once(disk, program, blobs):
    folder = tempfile.mkdtemp(prefix='floor.')
    before = disk.written()
    done = subprocess.run([program, folder, *blobs], check=True, stdout=subprocess.PIPE, text=True)
    seconds, cpu = map(float, done.stdout.split())
    return seconds, cpu, None, None, (disk.written() - before) / 1e6


def pull_once(disk, client, peer, image):
    engine = peer.fresh()
    time.sleep(SETTLE)
    idle = sum(map(pss, peer.processes()))
    before, written = {pid: cpu_seconds(pid) for pid in peer.processes()}, disk.written()
    with Peak(lambda daemon=engine.pid: [daemon]) as peak:
        seconds, client_cpu = client.call(engine, 'pull', '-q', image)
    seconds += disk.sync()
    cpu = sum(cpu_seconds(pid) - before.get(pid, 0.0) for pid in peer.processes())
    written = disk.written() - written
    time.sleep(SETTLE)
    return seconds, client_cpu + cpu, peak.kib / 1024, (sum(map(pss, peer.processes())) - idle) / 1024, written / 1e6


def podman_once(disk, space, image):
    podman, written = Podman(space), disk.written()
    seconds, cpu = podman.call('pull', '-q', '--tls-verify=false', f'docker://127.0.0.1:5000/library/{image}')
    seconds += disk.sync()
    figures = seconds, cpu, None, None, (disk.written() - written) / 1e6
    shutil.rmtree(podman.folder + '.old', ignore_errors=True)
    return figures


def measure_shape(clients, kinds, storage, options, image):
    """The table of one image, and what the engines left behind."""
    seen, left = {}, []
    with Disk() as disk:
        peers = {kind: Peer(kind, storage) for kind in kinds}
        floor = compile_floor(disk.path)
        try:
            for turn in range(options.pulls):
                ways = [(name, lambda c=client, p=peer: pull_once(disk, c, p, image))
                        for name, client, peer in pairs(clients, peers)
                        if client and peer and name != 'lighter + dockerd' and not (image == 'big-zstd' and peer.kind == 'dockerd')]
                if shutil.which('podman'):
                    ways.append(('podman', lambda: podman_once(disk, next(iter(peers.values())).lab.space, image)))
                if floor:
                    ways.append(('floor', lambda: floor_once(disk, floor, bench_images.blobs(storage, image))))
                for name, measure in ways:
                    seen.setdefault(name, []).append(measure())
                    progress(f'pull of {image}, {turn + 1} of {options.pulls}, {name}: {seen[name][-1][0]:.1f} s')
        finally:
            for peer in peers.values():
                left += peer.close()
    return Table(f'{SHAPES[image]}: median of {options.pulls}', 's', list(rows(seen))), left


def rows(seen):
    for index, (what, word, unit) in enumerate(COLUMNS):
        middle = {name: median([v[index] for v in values if v[index] is not None]) for name, values in seen.items()}
        for name, values in seen.items():
            if middle[name] is None:
                continue
            each = [v[index] for v in values]
            notes = [f'({min(each):.1f} to {max(each):.1f})']
            if name.endswith('lighterd'):
                for other in ('docker + dockerd', 'podman') if word else ():
                    if middle.get(other):
                        notes.append(f'{ratio(middle[other], middle[name], word)} than {other}')
                if middle.get('floor'):
                    notes.append(f'{middle[name] / middle["floor"]:.2f} of the floor')
            yield f'{name}: {what}', f'{middle[name]:.1f} {unit}', ', '.join(notes)


def measure_pull(clients, kinds, build, options):
    shapes = options.image or list(SHAPES)
    progress('images')
    storage = bench_images.folder(build, ['busybox', *shapes])
    for image in shapes:
        yield measure_shape(clients, kinds, storage, options, image)
