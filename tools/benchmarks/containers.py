"""Containers: how long one takes, and what the engine keeps for it."""

import os
import shutil
import statistics
import subprocess
import tempfile
import time

import images
from kernel import pss
from peers import pairs, progress
from table import Table, ratio

TOOLS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def floor(rounds):
    """Milliseconds the kernel alone needs per container; empty without a compiler."""
    compiler = shutil.which('clang-19') or shutil.which('cc')
    if not compiler:
        return []
    with tempfile.TemporaryDirectory(prefix='lighter-floor.') as folder:
        program, root = os.path.join(folder, 'floor'), os.path.join(folder, 'root')
        subprocess.run([compiler, '-O2', '-Wall', '-o', program, os.path.join(TOOLS, 'floor.c')], check=True)
        for name in ('bin', 'proc', 'dev', 'sys'):
            os.makedirs(os.path.join(root, name))
        shutil.copy(images.busybox_path(), os.path.join(root, 'bin', 'true'))
        work = os.path.join(folder, 'work')
        os.mkdir(work)
        done = subprocess.run([program, root, work, str(rounds)], check=True, stdout=subprocess.PIPE, text=True)
        return [float(word) for word in done.stdout.split()]


def measure_run(clients, peers, options):
    rows = pairs(clients, peers)
    there = [(name, client, peer) for name, client, peer in rows if client and peer]
    took = {name: [] for name, *_ in rows}
    for peer in peers.values():
        peer.engine.api.pull('busybox', tag='latest')
    for turn in range(options.n + 1):  # the first turn is not counted
        for name, client, peer in there:
            seconds, _ = client.call(peer.engine, 'run', '--rm', 'busybox', 'true')
            if turn:
                took[name].append(seconds * 1000)
        if turn and turn % 10 == 0:
            progress(f'run: {turn} of {options.n} turns')
    middle = {name: statistics.median(values) if values else None for name, values in took.items()}
    base = middle['docker + dockerd']
    bottom = floor(options.n)
    table = []
    for name, *_ in rows:
        values = took[name]
        spread = f'(fastest {min(values):.1f}, slowest {max(values):.1f})' if values else ''
        table.append((name, middle[name], f'{ratio(base, middle[name], "faster") if name != "docker + dockerd" else "":14} {spread}'))
    table.append(('floor: the kernel alone', statistics.median(bottom) if bottom else None, 'clone, namespaces, overlay, exec'))
    return Table(f'run --rm busybox true, default bridge: median of {options.n} turns', 'ms', table)


def containers(engine, count):
    return [engine.api.run('busybox', ['sleep', '100000'], name=f'bench-{i}') for i in range(count)]


def measure_idle(_clients, peers, options):
    sums, running = {}, {}
    for kind, peer in peers.items():
        engine = peer.fresh()
        engine.api.pull('layered', tag='latest')
        engine.api.pull('busybox', tag='latest')
        for _ in range(20):
            engine.api.output('busybox', ['true'])
        time.sleep(3)
        sums[kind] = sum(map(pss, peer.processes())) / 1024
        containers(engine, 20)
        time.sleep(3)
        running[kind] = sum(map(pss, peer.processes())) / 1024
        engine.remove_everything()
    table = []
    for what, found in (('after 20 runs', sums), ('with 20 running', running)):
        for kind in ('dockerd', 'lighterd'):
            helpers = 'dockerd + containerd + shims' if kind == 'dockerd' else 'lighterd + lighter-shim'
            note = ratio(found.get('dockerd'), found.get(kind), 'less') if kind == 'lighterd' else ''
            table.append((f'{helpers}, {what}', found.get(kind), note))
    return Table('idle memory (PSS of all its processes, without those in containers)', 'MB', table)


def measure_procs(_clients, peers, options):
    table = []
    for kind in ('dockerd', 'lighterd'):
        if kind not in peers:
            table.append((kind, None, ''))
            continue
        peer = peers[kind]
        peer.engine.api.pull('busybox', tag='latest')
        peer.engine.api.output('busybox', ['true'])  # what starts with the first container is no part of each
        before = len(peer.processes())
        containers(peer.engine, 10)
        more = len(peer.processes()) - before
        table.append((kind, f'{more / 10:g}', f'({before} processes before, {before + more} with 10 containers)'))
        peer.engine.remove_everything()
    return Table('processes of the engine per running container', '', table)
