"""save and load of an image of 664 MB, and the list of 500 images."""

import os
import time

import bench_images
import docker_api
import images
from kernel import Disk
from peers import Peer, progress
from table import Table, median, ratio

TAGS = 500


def measure_archives(clients, kinds, build, options):
    """(table, what was left behind), as an iterator."""
    progress('images')
    storage = bench_images.folder(build, ['busybox', 'big'])
    saved, loaded, written = {}, {}, {}
    with Disk() as disk:
        peers, left = {kind: Peer(kind, storage) for kind in kinds}, []
        try:
            own = [('docker + dockerd', 'docker', 'dockerd'), ('docker + lighterd', 'docker', 'lighterd'),
                   ('lighter + lighterd', 'lighter', 'lighterd')]
            for turn in range(options.pulls):
                for name, client, kind in own:
                    if client not in clients or kind not in peers:
                        continue
                    engine = peers[kind].fresh()
                    clients[client].call(engine, 'pull', '-q', 'big')
                    archive = os.path.join(disk.path, 'archive.tar')
                    with open(archive, 'wb') as out:
                        saved.setdefault(name, []).append(clients[client].call(engine, 'save', 'big', stdout=out)[0])
                    engine = peers[kind].fresh()
                    before = disk.written()
                    with open(archive, 'rb') as source:
                        loaded.setdefault(name, []).append(clients[client].call(engine, 'load', '-q', stdin=source)[0])
                    written.setdefault(name, []).append((disk.written() - before) / 1e6)
                    progress(f'{name}: save {saved[name][-1]:.1f} s, load {loaded[name][-1]:.1f} s')
        finally:
            for peer in peers.values():
                left += peer.close()
    rows = []
    for what, found, unit, word in (('save', saved, 's', 'faster'), ('load', loaded, 's', 'faster'),
                                    ('written by load', written, 'MB', 'less')):
        base = median(found.get('docker + dockerd'))
        for name, values in found.items():
            note = ratio(base, median(values), word) if name != 'docker + dockerd' else ''
            rows.append((f'{name}: {what}', f'{median(values):.1f} {unit}', note))
    yield Table(f'save and load of 664 MB: median of {options.pulls}', 's', rows), left


def list_once(connection):
    begin = time.perf_counter()
    connection.request('GET', '/images/json')
    reply = connection.getresponse()
    body = reply.read()
    assert reply.status == 200 and body.count(b'"Id"') >= TAGS, (reply.status, body[:200])
    return (time.perf_counter() - begin) * 1000


def measure_images(_clients, kinds, build, options):
    """GET /images/json with 500 images, as (table, what was left behind)."""
    storage = bench_images.folder(build, ['busybox'])
    found, left = {}, []
    with Disk():
        peers = {kind: Peer(kind, storage) for kind in kinds}
        try:
            for kind, peer in peers.items():
                for i in range(TAGS):
                    reply = peer.engine.api.post('/images/create', images.Layer().file(f'f{i}', str(i)).data, fromSrc='-',
                                                 repo=f'many{i}', tag='latest')
                    assert reply.status == 200, reply
                connection = docker_api.Unix(peer.engine.socket, 60)
                found[kind] = [list_once(connection) for _ in range(options.n + 1)][1:]
                connection.close()
        finally:
            for peer in peers.values():
                left += peer.close()
    base = median(found.get('dockerd'))
    yield Table(f'GET /images/json with {TAGS} images: median of {options.n}', 'ms', [
        (kind, median(values), ratio(base, median(values), 'faster') if kind == 'lighterd' else '')
        for kind, values in found.items()]), left
