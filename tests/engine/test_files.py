"""A container's file system from outside: export, diff, commit, archive (`docker cp`), sizes. Checked against dockerd 20.10."""

import base64
import bz2
import gzip
import hashlib
import http.client
import io
import json
import lzma
import os
import shutil
import socket
import tarfile
import tempfile
import threading
import time
import urllib.parse

import case
import docker_api

IMAGES = ['busybox', 'layered']
PEER = os.environ.get('LIGHTER_TEST_ENGINE') == 'dockerd'
DIR, LINK, FIFO, SETUID = 1 << 31, 1 << 27, 1 << 25, 1 << 23  # Go's os.FileMode


def tar_of(*members):
    """Of (name, kind, content or target[, fields of TarInfo]); kind: f d l(ink) h(ard link) p(ipe)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as tar:
        for name, kind, what, *more in members:
            info = tarfile.TarInfo(name)
            info.mode = 0o755 if kind == 'd' else 0o644
            info.type = {'f': tarfile.REGTYPE, 'd': tarfile.DIRTYPE, 'l': tarfile.SYMTYPE, 'h': tarfile.LNKTYPE,
                         'p': tarfile.FIFOTYPE}[kind]
            if kind in 'lh':
                info.linkname = what
            for key, value in (more[0] if more else {}).items():
                setattr(info, key, value)
            info.size = len(what) if kind == 'f' else 0
            tar.addfile(info, io.BytesIO(what) if kind == 'f' else None)
    return out.getvalue()


def members(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {m.name: m for m in tar}


def content(data, name):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return tar.extractfile(name).read()


class FileTest(case.EngineTest):
    def archive(self, method, container, path, body=None, **params):
        query = urllib.parse.urlencode({'path': path, **params})
        headers = {'Content-Type': 'application/x-tar'} if body is not None else None
        return self.api.request(method, f'/containers/{container}/archive?{query}', body, headers=headers)

    def stat(self, container, path):
        reply = self.archive('HEAD', container, path)
        self.assertEqual(reply.status, 200, path)
        self.assertEqual(reply.body, b'')
        return json.loads(base64.b64decode(reply.headers['X-Docker-Container-Path-Stat'], validate=True))

    def get(self, container, path):
        reply = self.archive('GET', container, path)
        self.assertEqual(reply.status, 200, f'{path}: {reply}')
        self.assertEqual(reply.headers.get_content_type(), 'application/x-tar')
        return reply.body

    def put(self, container, path, *files, **params):
        reply = self.archive('PUT', container, path, tar_of(*files), **params)
        self.assertEqual(reply.status, 200, f'{path}: {reply}')

    def no_put(self, status, text, container, path, data, **params):
        reply = self.archive('PUT', container, path, data, **params)
        self.assertIn(reply.status, (status, 500) if PEER else (status,), str(reply))  # 20.10 says 500 to all of these
        self.assertIn(text, reply.message)

    def exec(self, container, script):
        made = self.api.must(201, 'POST', f'/containers/{container}/exec',
                             {'Cmd': ['sh', '-c', script], 'AttachStdout': True, 'AttachStderr': True}).json['Id']
        with self.api.hijack(f'/exec/{made}/start', {'Detach': False}) as session:
            out, err = docker_api.demux(session.read_all())
        self.assertEqual(err, b'', script)
        return out.decode()

    def changes(self, container):
        reply = self.api.must(200, 'GET', f'/containers/{container}/changes')
        found = reply.json or []
        for i, one in enumerate(found):  # a folder before what is in it
            above = os.path.dirname(one['Path'])
            self.assertTrue(above == '/' or above in {c['Path'] for c in found[:i]}, one)
        return sorted('CAD'[c['Kind']] + ' ' + c['Path'] for c in found)

    def export(self, container):
        reply = self.api.must(200, 'GET', f'/containers/{container}/export')
        self.assertEqual(reply.headers.get_content_type(), 'application/octet-stream')
        return reply.body

    def busy(self, script, **kw):
        """A container that has run the script, and goes on."""
        container = self.run_(['sh', '-c', f'{script}; echo ready; exec sleep 1000'], **kw)
        self.eventually(lambda: b'ready' in self.api.logs(container)[0], script)
        return container

    def folder(self):
        folder = tempfile.mkdtemp(prefix='lt-files.')
        self.addCleanup(shutil.rmtree, folder)
        return folder


CHANGES = """mkdir -p /new/sub; echo hi > /new/f; ln /new/f /new/hard; ln -s f /new/soft; mkfifo /new/pipe
echo x >> /etc/passwd; rm /bin/ls; rm -rf /home; chmod 711 /root; rm -rf /tmp; echo file > /tmp
touch /bin/busybox-not-there; rm /bin/busybox-not-there; rm -rf /run; mkdir /run; echo 1 > /run/one
cat /bin/cat > /new/copy; chmod 4755 /new/copy; chown 7:8 /new/sub; touch -d '2001-01-01 00:00:00' /new/f"""


class Diff(FileTest):
    def test_nothing_has_changed(self):
        container = self.create(['true'])
        self.assertEqual(self.api.must(200, 'GET', f'/containers/{container}/changes').body, b'null\n')
        self.api.start(container)
        self.api.wait(container)
        self.assertEqual(self.api.must(200, 'GET', f'/containers/{container}/changes').body, b'null\n')

    def test_kinds(self):
        folder = self.folder()
        container = self.busy(CHANGES, host={'Binds': [f'{folder}:/mnt/in', f'{folder}:/root/in:ro'], 'Tmpfs': {'/scratch': ''}})
        wanted = sorted(['A /new', 'A /new/copy', 'A /new/f', 'A /new/hard', 'A /new/pipe', 'A /new/soft', 'A /new/sub',
                         'A /mnt', 'A /mnt/in', 'A /scratch', 'C /bin', 'C /etc', 'C /etc/passwd', 'C /root', 'A /root/in',
                         'C /tmp', 'D /bin/ls', 'D /home', 'A /run/one', 'C /run'])
        self.assertEqual(self.changes(container), wanted)
        self.api.must(204, 'POST', f'/containers/{container}/stop?t=0')
        self.assertEqual(self.changes(container), wanted)

    def test_layers_below(self):
        """Whiteouts and folders replaced in an image's own layers are not the container's changes."""
        container = self.busy('mkdir -p /a/b; touch /a/b/c', image='layered')
        self.assertEqual(self.changes(container), ['A /a', 'A /a/b', 'A /a/b/c'])

    def test_no_such_container(self):
        for path in ('changes', 'export', 'archive?path=/'):
            self.assertEqual(self.refused(404, 'GET', f'/containers/nobody/{path}'), 'No such container: nobody')


class Export(FileTest):
    def test_whole_file_system(self):
        folder = self.folder()
        long = '/new/' + '/'.join(['d' * 90] * 4) + '/file-of-a-long-name-' + 'x' * 200
        container = self.busy(CHANGES + f'\nmkdir -p {os.path.dirname(long)}; echo long > {long}; mknod /new/null c 1 3;'
                              'nc -l -U /new/socket & sleep 0.2; dd if=/dev/zero of=/new/sparse bs=1 seek=9M count=1;'
                              'echo secret > /mounted/x', host={'Binds': [f'{folder}:/mounted']})
        for running in (True, False):
            data = self.export(container)
            found = members(data)
            self.assertFalse([n for n in found if n.startswith(('/', './')) or n in ('', '.')])
            self.assertEqual((found['new/f'].mtime, found['new/f'].size), (978307200, 3))
            self.assertEqual((found['new/hard'].type, found['new/hard'].linkname), (tarfile.LNKTYPE, 'new/f'))
            self.assertEqual((found['new/soft'].type, found['new/soft'].linkname), (tarfile.SYMTYPE, 'f'))
            self.assertEqual((found['new/sub'].uid, found['new/sub'].gid), (7, 8))
            self.assertEqual(found['new/copy'].mode & 0o7777, 0o4755)
            self.assertEqual(found['new/pipe'].type, tarfile.FIFOTYPE)
            self.assertEqual((found['new/null'].type, found['new/null'].devmajor, found['new/null'].devminor),
                             (tarfile.CHRTYPE, 1, 3))
            self.assertEqual(content(data, long[1:]), b'long\n')
            self.assertEqual(found['new/sparse'].size, 9 * 1024 * 1024 + 1)
            self.assertEqual(content(data, 'tmp'), b'file\n')
            self.assertEqual(list(found)[:1], ['.dockerenv'])
            self.assertEqual([n for n in found if n.startswith(('proc/', 'sys/', 'mounted/', 'home', 'bin/ls'))
                              and n != 'bin/lsattr' and not n.startswith('bin/ls')], [])
            self.assertNotIn('bin/ls', found)
            self.assertNotIn('new/socket', found)
            self.assertIn('mounted', found)
            self.assertEqual(content(data, 'etc/hosts'), b'')
            if running:
                self.api.must(204, 'POST', f'/containers/{container}/stop?t=0')

    def test_what_is_exported_can_be_imported(self):
        container = self.busy('echo kept > /kept')
        data = self.export(container)
        self.api.must(200, 'POST', '/images/create?fromSrc=-&repo=exported&changes=' + urllib.parse.quote('CMD ["cat", "/kept"]'),
                      data, headers={'Content-Type': 'application/x-tar'})
        self.addCleanup(lambda: self.api.delete('/images/exported?force=1'))
        made = self.run_(image='exported')
        self.assertEqual((self.api.wait(made), self.api.logs(made)[0]), (0, b'kept\n'))

    def test_a_client_that_goes_away(self):
        container = self.busy('dd if=/dev/zero of=/big bs=1M count=16 2>/dev/null')
        for _ in range(3):
            connection, reply = self.api.open('GET', f'/containers/{container}/export')
            self.assertEqual(len(reply.read(100_000)), 100_000)
            connection.close()
            reply.close()
        self.assertIn('big', members(self.export(container)))

    @case.lighterd_only
    def test_memory_stays_flat(self):
        def peak():
            with open(f'/proc/{self.engine.pid}/status') as f:
                return next(int(line.split()[1]) for line in f if line.startswith('VmRSS'))
        container = self.busy('dd if=/dev/zero of=/big bs=1M count=100 2>/dev/null')
        before = peak()
        connection, reply = self.api.open('GET', f'/containers/{container}/export')
        time.sleep(0.5)  # nobody reads: nothing gathers
        self.assertLess(peak() - before, 16 * 1024)
        reply.close()
        connection.close()

    @case.lighterd_only
    def test_nothing_stays_of_it(self):
        container = self.create(['true'])
        connection, reply = self.api.open('GET', f'/containers/{container}/export')
        self.get(container, '/etc')
        with open(f'/proc/{self.engine.pid}/mounts') as f:
            self.assertNotIn(container, f.read())
        reply.close()
        connection.close()


class Commit(FileTest):
    def commit(self, container, body=None, **params):
        query = urllib.parse.urlencode({'container': container, **params}, doseq=True)
        made = self.api.must(201, 'POST', '/commit?' + query, body).json
        self.assertEqual(list(made), ['Id'])
        self.addCleanup(lambda: self.api.delete(f'/images/{made["Id"]}?force=1'))
        return made['Id']

    def test_image_has_the_changes(self):
        container = self.busy(CHANGES + '\nsetfattr -n user.k -v v /new/f 2>/dev/null; true')
        before = time.time()
        image = self.commit(container, repo='made/here', tag='v1', comment='a comment', author='somebody')
        self.addCleanup(lambda: self.api.delete('/images/made/here:v1?force=1'))
        base = self.api.must(200, 'GET', '/images/busybox/json').json
        found = self.api.must(200, 'GET', '/images/made/here:v1/json').json
        self.assertEqual(found['Id'], image)
        self.assertEqual((found['Author'], found['Comment'], found['Parent']), ('somebody', 'a comment', base['Id']))
        self.assertEqual(found['Container'], container)
        self.assertEqual(found['RootFS']['Layers'][:-1], base['RootFS']['Layers'])
        self.assertGreaterEqual(found['Created'], time.strftime('%Y-%m-%dT%H:%M', time.gmtime(before - 60)))
        top, below = self.api.must(200, 'GET', '/images/made/here:v1/history').json[:2]
        self.assertEqual((top['Id'], top['Comment'], top['Tags']), (image, 'a comment', ['made/here:v1']))
        self.assertTrue(top['CreatedBy'].startswith('sh -c mkdir -p /new/sub'))
        self.assertEqual(below['Id'], base['Id'])
        out = self.out('cat /new/f /tmp /run/one; ls /run /home /bin/ls 2>&1; stat -c "%a %u %g %h %n" /new/copy /new/sub /new/f'
                       ' /root; readlink /new/soft; tail -1 /etc/passwd; test -p /new/pipe && echo pipe', image='made/here:v1')
        for line in ('hi', 'file', '4755 0 0 1 /new/copy', '644 0 0 2 /new/f', 'pipe', 'x', 'f', 'one'):
            self.assertIn(line, out.splitlines())
        for gone in ('/home', '/bin/ls'):
            self.assertIn(f'ls: {gone}: No such file or directory', out)

    def test_archive_of_it(self):
        """save rebuilds the layer from its skeleton, with the same diff id; only what differs is in it."""
        container = self.busy(CHANGES)
        self.commit(container, repo='made', tag='saved')
        found = self.api.must(200, 'GET', '/images/made:saved/json').json
        data = self.api.must(200, 'GET', '/images/made:saved/get').body
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            listed = json.load(tar.extractfile('manifest.json'))[0]['Layers']
            layer = tar.extractfile(listed[-1]).read()
        self.assertEqual('sha256:' + hashlib.sha256(layer).hexdigest(), found['RootFS']['Layers'][-1])
        names = members(layer)
        for name in ('bin/.wh.ls', '.wh.home', 'new/hard', 'etc/passwd', 'tmp', 'run/one', 'new/sub', 'root'):
            self.assertIn(name, names)
        self.assertIn('run/.wh..wh..opq', names)
        self.assertEqual(names['new/hard'].type, tarfile.LNKTYPE)
        if not PEER:  # dockerd has folders that were merely looked into
            self.assertEqual([n for n in names if n.startswith(('proc', 'sys', 'dev', '.dockerenv', 'etc/')) and n != 'etc/passwd'], [])

    def test_capabilities_of_files(self):
        """security.capability goes in, comes out, is a change, and is in the image."""
        key, net_bind = 'SCHILY.xattr.security.capability', '\1\0\0\2\0\4' + 14 * '\0'
        container = self.busy('cp /bin/cat /cap')
        self.commit(container, repo='made', tag='plain')
        again = self.busy('true', image='made:plain')
        same = members(self.get(again, '/cap'))['cap']
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode='w', format=tarfile.PAX_FORMAT) as tar:
            same.pax_headers = {key: net_bind}
            tar.addfile(same, io.BytesIO(content(self.get(again, '/cap'), 'cap')))
        self.assertEqual(self.archive('PUT', again, '/', out.getvalue()).status, 200)
        self.assertEqual(self.changes(again), ['C /cap'])
        self.commit(again, repo='made', tag='cap')
        for data in (self.get(again, '/cap'), self.export(again), self.export(self.create(image='made:cap'))):
            self.assertEqual(members(data)['cap'].pax_headers.get(key), net_bind)
        for container in (container, again):
            self.api.remove(container)

    def test_config(self):
        container = self.create(['sleep', '5'], Env=['A=1', 'B=2'], Labels={'one': '1'}, WorkingDir='/tmp', User='7')

        def config(body=None, **params):
            image = self.commit(container, body, **params)
            return self.api.must(200, 'GET', f'/images/{image}/json').json['Config']
        same = config()
        self.assertEqual((same['Cmd'], same['WorkingDir'], same['User'], same['Labels']), (['sleep', '5'], '/tmp', '7', {'one': '1'}))
        changed = config(changes=['CMD ["x", "y"]', 'ENV A=changed C=3', 'LABEL two=2', 'EXPOSE 80', 'USER nobody'])
        self.assertEqual(changed['Cmd'], ['x', 'y'])
        self.assertEqual(sorted(e for e in changed['Env'] if not e.startswith('PATH')), ['A=changed', 'B=2', 'C=3'])
        self.assertEqual((changed['Labels'], changed['User']), ({'one': '1', 'two': '2'}, 'nobody'))
        self.assertEqual(changed['ExposedPorts'], {'80/tcp': {}})
        body = config({'Cmd': ['own'], 'Env': ['A=own'], 'Labels': {'three': '3'}})
        self.assertEqual(body['Cmd'], ['own'])
        self.assertEqual(sorted(e for e in body['Env'] if not e.startswith('PATH')), ['A=own', 'B=2'])
        self.assertEqual((body['Labels'], body['WorkingDir']), ({'one': '1', 'three': '3'}, '/tmp'))
        entry = config(changes=['ENTRYPOINT ["/bin/echo"]'])
        self.assertEqual((entry['Entrypoint'], entry['Cmd']), (['/bin/echo'], None))

    def test_nothing_has_changed(self):
        container = self.create(['true'])
        image = self.commit(container)
        found = self.api.must(200, 'GET', f'/images/{image}/json').json
        self.assertEqual(found['RootFS'], self.api.must(200, 'GET', '/images/busybox/json').json['RootFS'])
        self.assertEqual(found['RepoTags'] or [], [])
        self.assertEqual(self.api.must(200, 'GET', f'/images/{image}/history').json[0]['Size'], 0)

    def test_commit_of_a_commit(self):
        first = self.busy('mkdir /d; echo 1 > /d/a; echo 1 > /d/b')
        self.commit(first, repo='made', tag='one')
        second = self.busy('rm /d/a; echo 2 > /d/c', image='made:one')
        self.commit(second, repo='made', tag='two')
        third = self.busy('rm -rf /d; mkdir /d; echo 3 > /d/e', image='made:two')
        self.commit(third, repo='made', tag='three')
        self.assertEqual(self.out('ls /d', image='made:two'), 'b\nc\n')
        self.assertEqual(self.out('ls /d', image='made:three'), 'e\n')
        self.assertEqual(self.changes(third), ['A /d/e', 'C /d', 'D /d/b', 'D /d/c'])

    def test_paused_meanwhile_and_told(self):
        container = self.busy('true', Labels={'mine': 'yes'})
        since = time.time()
        image = self.commit(container, repo='made', tag='told', comment='c')
        self.commit(container, pause=0)
        seen = [(e['Type'], e['Action'], e['Actor']) for e in self.events(since) if e['Action'] not in ('exec_die', 'create')]
        self.assertEqual([f'{t} {a}' for t, a, _ in seen], ['container pause', 'image tag', 'container commit', 'container unpause',
                                                           'container commit'])
        self.assertEqual(seen[1][2]['ID'], image)
        self.assertEqual(seen[1][2]['Attributes']['name'], 'made:told')
        attributes = seen[2][2]['Attributes']
        self.assertEqual((seen[2][2]['ID'], attributes['comment'], attributes['imageID'], attributes['imageRef'],
                          attributes['mine']), (container, 'c', image, 'made:told', 'yes'))
        self.assertEqual(self.state(container)['Status'], 'running')
        self.api.must(204, 'POST', f'/containers/{container}/pause')
        self.commit(container)
        self.assertEqual(self.state(container)['Status'], 'paused')

    def test_refusals(self):
        container = self.create(['true'])
        self.assertIn('invalid name or ID supplied', self.refused(400, 'POST', '/commit'))
        self.assertIn('No such container: nobody', self.refused(404, 'POST', '/commit?container=nobody'))
        self.assertEqual(self.refused(400, 'POST', f'/commit?container={container}&changes=FROM%20x'),
                         'from is not a valid change command')
        for bad in ('repo=BAD', 'repo=ok&tag=!!'):
            reply = self.api.post(f'/commit?container={container}&{bad}')
            self.assertEqual(reply.status, 500 if PEER else 400, reply)

    @case.lighterd_only
    def test_survives_the_engine(self):
        container = self.busy('echo kept > /kept')
        self.commit(container, repo='made', tag='kept')
        self.engine.kill()
        self.engine.start()
        self.assertEqual(self.out('cat /kept', image='made:kept'), 'kept\n')


    @case.lighterd_only
    def test_killed_while_it_is_paused(self):
        """What was committed only in part is no image, and the container runs on."""
        container = self.busy('dd if=/dev/zero of=/big bs=1M count=250 2>/dev/null')
        before = sorted(i['Id'] for i in self.api.must(200, 'GET', '/images/json').json)
        commit = socket.socket(socket.AF_UNIX)
        self.addCleanup(commit.close)
        commit.connect(self.engine.socket)
        commit.sendall(f'POST /commit?container={container} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'.encode())
        self.until_status(container, 'paused')
        self.engine.kill()
        self.engine.start()
        self.until_status(container, 'running')
        self.assertEqual(sorted(i['Id'] for i in self.api.must(200, 'GET', '/images/json').json), before)
        self.assertEqual(os.listdir(self.engine.data_root + '/staging'), [])
        self.assertEqual(self.exec(container, 'wc -c < /big').strip(), str(250 << 20))


class Read(FileTest):
    def test_stat_and_names(self):
        container = self.busy('mkdir -p /d/e; echo hi > /d/f; ln /d/f /d/g; ln -s f /d/l; ln -s /d /ld; ln -s ../../../etc /d/up;'
                              'ln -s /nowhere/x /d/broken; mkfifo /d/p; touch -d @1000 /d/f; chmod 4711 /d/f')
        for path, name, mode, target in (
                ('/d', 'd', DIR | 0o755, ''), ('/d/', 'd', DIR | 0o755, ''), ('/d/.', '.', DIR | 0o755, ''), ('d', 'd', DIR | 0o755, ''),
                ('/d/f', 'f', SETUID | 0o711, ''), ('/d/l', 'l', LINK | 0o777, '/d/f'), ('/ld', 'ld', LINK | 0o777, '/d'),
                ('/ld/', 'ld', DIR | 0o755, ''), ('/ld/f', 'f', SETUID | 0o711, ''), ('/d/up', 'up', LINK | 0o777, '/etc'),
                ('/d/broken', 'broken', LINK | 0o777, '/nowhere/x'), ('/d/p', 'p', FIFO | 0o644, ''), ('/../d', 'd', DIR | 0o755, ''),
                ('/', '/', DIR | 0o755, ''), ('/d/../d/f', 'f', SETUID | 0o711, '')):
            found = self.stat(container, path)
            self.assertEqual(sorted(found), ['linkTarget', 'mode', 'mtime', 'name', 'size'])
            self.assertEqual((found['name'], found['mode'], found['linkTarget']), (name, mode, target), path)
        self.assertEqual(self.stat(container, '/d/f')['mtime'], '1970-01-01T00:16:40Z')
        self.assertEqual(self.stat(container, '/d/f')['size'], 3)
        for path, first, link in (('/d', 'd', 'd/f'), ('/d/', 'd', 'd/f'), ('/d/.', '.', './f'), ('/ld/', 'ld', 'ld/f')):
            found = members(self.get(container, path))
            self.assertEqual(list(found), [first] + [f'{first}/{n}' for n in ('broken', 'e', 'f', 'g', 'l', 'p', 'up')], path)
            self.assertEqual(found[f'{first}/g'].linkname, link)
        self.assertEqual(list(members(self.get(container, '/d/f'))), ['f'])
        self.assertEqual(members(self.get(container, '/d/l'))['l'].linkname, 'f')
        self.assertEqual(content(self.get(container, '/d/f'), 'f'), b'hi\n')
        self.assertIn('/etc/passwd', members(self.get(container, '/')))
        for method in ('HEAD', 'GET', 'PUT'):
            for path, status in (('/nope', 404), ('/nope/x', 404), ('/d/broken/', 404), ('/d/f/', 500), ('/d/f/x', 500), ('', 400)):
                if (method, path) != ('PUT', '/d/f/'):
                    reply = self.archive(method, container, path, tar_of() if method == 'PUT' else None)
                    self.assertEqual(reply.status, status, f'{method} {path}')
        self.assertEqual(self.archive('GET', container[:12], '/nope').message,
                         f'Could not find the file /nope in container {container[:12]}')

    def test_kernel_file_systems_are_no_files(self):
        container = self.busy('true')
        self.assertEqual(list(members(self.get(container, '/proc'))), ['proc'])
        self.assertEqual(list(members(self.get(container, '/sys'))), ['sys'])
        for path in ('/proc/1/environ', '/sys/kernel', '/proc/self/root/etc/passwd'):
            self.assertEqual(self.archive('GET', container, path).status, 404, path)
        self.assertFalse([n for n in members(self.get(container, '/')) if n.startswith(('/proc/', '/sys/'))])

    def test_states_and_mounts(self):
        """Running, paused, stopped, never started; through bind mounts, and the engine's own files of /etc."""
        folder = self.folder()
        os.mkdir(folder + '/sub')
        with open(folder + '/sub/x', 'w') as f:
            f.write('mounted')
        fresh = self.create(['sleep', '1000'], host={'Binds': [folder + ':/m']}, Hostname='its-name')
        self.assertEqual(content(self.get(fresh, '/m/sub'), 'sub/x'), b'mounted')
        self.assertIn('passwd', members(self.get(fresh, '/etc/passwd')))
        self.put(fresh, '/', ('early', 'f', b'before the start'))
        self.put(fresh, '/m', ('there', 'f', b'1'))
        self.api.start(fresh)
        self.assertEqual(self.exec(fresh, 'cat /early; cat /m/there'), 'before the start1')
        self.assertEqual(content(self.get(fresh, '/etc/hostname'), 'hostname'), b'its-name\n')
        self.api.must(204, 'POST', f'/containers/{fresh}/pause')
        self.put(fresh, '/', ('frozen', 'f', b'2'))
        self.assertEqual(content(self.get(fresh, '/m/there'), 'there'), b'1')
        self.api.must(204, 'POST', f'/containers/{fresh}/unpause')
        self.assertEqual(self.exec(fresh, 'cat /frozen'), '2')
        self.api.must(204, 'POST', f'/containers/{fresh}/stop?t=0')
        self.put(fresh, '/tmp', ('late', 'f', b'3'))
        self.put(fresh, '/m', ('late', 'f', b'4'))
        self.assertEqual(content(self.get(fresh, '/etc/hostname'), 'hostname'), b'its-name\n')
        self.assertEqual(content(self.get(fresh, '/frozen'), 'frozen'), b'2')
        self.api.start(fresh)
        self.assertEqual(self.exec(fresh, 'cat /tmp/late /m/late'), '34')

    @case.lighterd_only  # dockerd reads the folder below
    def test_tmpfs_of_a_running_container(self):
        container = self.busy('echo in memory > /t/x', host={'Tmpfs': {'/t': ''}})
        self.assertEqual(content(self.get(container, '/t'), 't/x'), b'in memory\n')
        self.put(container, '/t', ('y', 'f', b'too'))
        self.assertEqual(self.exec(container, 'cat /t/y'), 'too')

    def test_events(self):
        container = self.busy('true')
        since = time.time()
        self.get(container, '/etc/passwd')
        self.put(container, '/tmp', ('x', 'f', b''))
        self.export(container)
        self.assertEqual([e['Action'] for e in self.events(since, container=[container])],
                         ['archive-path', 'extract-to-dir', 'export'])


class Write(FileTest):
    def test_files(self):
        container = self.busy('mkdir -p /d/e; echo hi > /d/f; ln -s /tmp /d/lk; ln -s ../../../etc /d/up')
        self.put(container, '/d', ('own', 'f', b'x', {'uid': 7, 'gid': 8, 'mode': 0o4755, 'mtime': 1000}),
                 ('n1/n2/n3', 'f', b'deep'), ('sub', 'd', '', {'mtime': 2000, 'mode': 0o700}), ('sub/a', 'f', b'a'),
                 ('soft', 'l', 'own'), ('abs', 'l', '/etc/passwd'), ('/rooted', 'f', b'r'),
                 ('hard', 'h', 'rooted'), ('pipe', 'p', ''), ('lk/through', 'f', b't'), ('.', 'd', '', {'mode': 0o711}))
        self.assertEqual(self.exec(container, 'cd /d; stat -c "%a %u %g %h %Y %F %n" own sub soft hard pipe; cat n1/n2/n3 rooted'
                                   ' /tmp/through; readlink abs; stat -c %a . n1'),
                         '4755 7 8 1 1000 regular file own\n700 0 0 2 2000 directory sub\n777 0 0 1 0 symbolic link soft\n'
                         '644 0 0 2 0 regular file hard\n644 0 0 1 0 fifo pipe\ndeeprt/etc/passwd\n755\n755\n')
        # A folder below a link is found inside the container.
        self.put(container, '/d', ('up/made', 'f', b'1'))
        self.put(container, '/d/lk', ('by-link', 'f', b'1'))
        self.assertEqual(self.exec(container, 'ls /etc/made /tmp/by-link'), '/etc/made\n/tmp/by-link\n')
        # What is there is replaced, by another type too.
        self.put(container, '/d', ('f', 'd', ''), ('f/in', 'f', b'in'), ('e', 'f', b'was a folder'), ('lk', 'f', b'was a link'))
        self.assertEqual(self.exec(container, 'cat /d/f/in /d/e /d/lk; ls /tmp'), 'inwas a folderwas a linkby-link\nthrough\n')

    def test_no_overwrite(self):
        container = self.busy('mkdir -p /d/e; echo hi > /d/f')
        self.no_put(500, 'cannot overwrite non-directory "/d/f" with directory "/d"', container, '/d', tar_of(('f', 'd', '')),
                    noOverwriteDirNonDir='true')
        self.no_put(500, 'cannot overwrite directory "/d/e" with non-directory "/d"', container, '/d', tar_of(('e', 'f', b'')),
                    noOverwriteDirNonDir='1')
        self.put(container, '/d', ('e', 'd', ''), ('f', 'f', b'new'), noOverwriteDirNonDir='true')
        self.assertEqual(self.exec(container, 'cat /d/f'), 'new')

    @case.lighterd_only  # 20.10 looks for the user on the host
    def test_owner_is_the_containers_user(self):
        container = self.busy('true', User='user')
        uid = self.exec(container, 'id -u; id -g').split()
        self.put(container, '/tmp', ('x', 'f', b'', {'uid': 77, 'gid': 78}), copyUIDGID='true')
        self.assertEqual(self.exec(container, 'stat -c "%u %g" /tmp/x').split(), uid)

    def test_read_only(self):
        folder = self.folder()
        host = {'ReadonlyRootfs': True, 'Binds': [f'{folder}:/rw', f'{folder}:/ro:ro']}
        for container in (self.run_(['sleep', '1000'], host=host), self.create(['true'], host=host)):
            one = tar_of(('x', 'f', b'1'))
            self.no_put(403, 'container rootfs is marked read-only', container, '/tmp', one)
            self.no_put(403, 'mounted volume is marked read-only', container, '/ro', one)
            self.put(container, '/rw', ('x', 'f', b'1'))
            self.assertTrue(os.path.exists(folder + '/x'))
            os.unlink(folder + '/x')

    def test_what_is_no_folder_and_what_is_mounted(self):
        folder = self.folder()
        container = self.busy('true', host={'Binds': [f'{folder}:/m']})
        self.no_put(500, 'extraction point is not a directory', container, '/etc/passwd', tar_of())
        self.no_put(500, 'unlinkat /etc/hosts: device or resource busy', container, '/etc', tar_of(('hosts', 'f', b'x')))
        self.no_put(500, 'device or resource busy', container, '/', tar_of(('m', 'f', b'x')))
        self.assertIn('localhost', self.exec(container, 'cat /etc/hosts'))
        self.put(container, '/', ('m', 'd', '', {'mode': 0o750}), ('m/x', 'f', b'1'))
        self.assertEqual(os.listdir(folder), ['x'])

    def test_compressed(self):
        container = self.busy('true')
        for name, data in (('gz', gzip.compress), ('xz', lzma.compress), ('bz2', bz2.compress)):
            reply = self.archive('PUT', container, '/tmp', data(tar_of((name, 'f', name.encode()))))
            if name == 'gz' or PEER:
                self.assertEqual(reply.status, 200)
                self.assertEqual(self.exec(container, f'cat /tmp/{name}'), name)
            else:
                self.assertIn(reply.status, (200, 400))

    def test_hostile_archives(self):
        """Nothing outside changes, the engine lives, and the words are Docker's."""
        container = self.busy('mkdir /d; ln -s / /d/root')
        for data, text in ((tar_of(('../esc', 'f', b'x')), '"../esc" is outside of "/d"'),
                           (tar_of(('a/../../esc', 'f', b'x')), 'is outside of "/d"'),
                           (tar_of(('l', 'l', '../etc/passwd')), 'invalid symlink "/d/l" -> "../etc/passwd"'),
                           (tar_of(('h', 'h', '../etc/passwd')), 'invalid hardlink'),
                           (b'garbage' * 300, 'invalid tar'), (b'short', 'unexpected EOF'),
                           (gzip.compress(tar_of(('x', 'f', b'x' * 5000)))[:60], 'unexpected EOF')):
            if PEER and text == 'invalid tar':
                text = 'invalid tar header'
            self.no_put(400, text, container, '/d', data)
        self.no_put(500, 'no such file or directory', container, '/d', tar_of(('h', 'h', 'nothing')))
        self.put(container, '/d', ('root/esc-by-link', 'f', b'inside'))
        self.assertEqual(self.exec(container, 'cat /esc-by-link; ls /d /esc 2>/dev/null; true'), 'inside/d:\nroot\n')
        self.assertFalse(os.path.exists('/esc-by-link'))

    def test_cve_2018_15664_link_race(self):
        """A process exchanges a folder with a link to / during copies both ways: the host is never read or written."""
        canary = self.folder()
        with open(canary + '/secret', 'w') as f:
            f.write('of the host')
        inside = canary.lstrip('/')
        container = self.busy(f'mkdir -p /{inside} /w; echo of the container > /{inside}/secret; cd /w;'
                              f'(while :; do ln -s / sw; rm sw; mkdir -p sw/{inside}; rm -rf sw; done) 2>/dev/null & true')
        until = time.monotonic() + 2
        seen = set()
        while time.monotonic() < until:
            reply = self.archive('GET', container, f'/w/sw/{inside}/secret')
            if reply.status == 200:
                try:
                    seen.add(content(reply.body, 'secret'))
                except (KeyError, tarfile.ReadError):
                    pass
            self.archive('PUT', container, f'/w/sw/{inside}', tar_of(('written', 'f', b'x')))
            self.archive('PUT', container, '/w', tar_of((f'sw/{inside}/written', 'f', b'x')))
        self.assertEqual(seen - {b'of the container\n'}, set())
        self.assertEqual(os.listdir(canary), ['secret'])
        self.assertEqual(self.archive('HEAD', container, '/').status, 200)

    def test_cve_2019_14271_nothing_of_the_container_runs(self):
        """Trojan libraries and decompressors in the image stay what they are: files."""
        trap = '#!/bin/sh\necho trapped > /trapped\n'
        container = self.busy('for d in /lib /usr/lib /lib/x86_64-linux-gnu /usr/bin; do mkdir -p $d; done;'
                              f"for f in /usr/bin/xz /usr/bin/unpigz /bin/gzip /usr/bin/gunzip; do rm -f $f; printf '{trap}' > $f;"
                              ' chmod 755 $f; done;'
                              'for l in libnss_files.so.2 libnss_compat.so.2 libc.so.6; do cp /bin/busybox /lib/$l; done;'
                              'echo "passwd: evil" > /etc/nsswitch.conf')
        for data in (tar_of(('x', 'f', b'1')), gzip.compress(tar_of(('x', 'f', b'1'))), lzma.compress(tar_of(('x', 'f', b'1')))):
            self.archive('PUT', container, '/tmp', data)
            self.archive('PUT', container, '/tmp', data, copyUIDGID='true')
        self.get(container, '/etc')
        self.assertEqual(self.exec(container, 'ls /trapped 2>/dev/null; true'), '')
        self.assertFalse(os.path.exists('/trapped'))

    def test_cve_2021_41089_modes_of_what_links_lead_to(self):
        """Files whose names are links to others inside: the links go, what they led to keeps mode and owner."""
        container = self.busy('mkdir /d; for n in a b c; do touch /t$n; chmod 600 /t$n; ln -s /t$n /d/$n; done')
        self.put(container, '/d', ('a', 'f', b'', {'mode': 0o777, 'uid': 9}), ('b', 'd', '', {'mode': 0o777, 'uid': 9}),
                 ('c', 'p', '', {'mode': 0o777, 'uid': 9}))
        self.assertEqual(self.exec(container, 'stat -c "%a %u" /ta /tb /tc'), '600 0\n' * 3)

    def test_a5_files_that_change_while_they_are_read(self):
        container = self.busy('mkdir /d; (while :; do dd if=/dev/zero of=/d/f bs=64k count=100; : > /d/f; rm -rf /d/x;'
                              ' mkdir -p /d/x/y; touch /d/x/y/z; done) 2>/dev/null & true')
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            try:
                self.archive('GET', container, '/d')
            except (OSError, http.client.HTTPException):
                pass  # an answer that ends early
        self.assertEqual(self.archive('HEAD', container, '/d').status, 200)

    @case.lighterd_only
    def test_a_start_waits_for_an_upload(self):
        """Two mounts never write to one folder: a stopped container is not started while files go in."""
        container = self.create(['cat', '/put'])
        data = tar_of(('put', 'f', b'x' * 5000))
        upload = socket.socket(socket.AF_UNIX)
        self.addCleanup(upload.close)
        upload.connect(self.engine.socket)
        upload.sendall(f'PUT /containers/{container}/archive?path=/ HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n'
                       .encode() + data[:2000])
        started = []
        starter = threading.Thread(target=lambda: started.append(self.api.request('POST', f'/containers/{container}/start').status))
        time.sleep(0.3)
        starter.start()
        time.sleep(0.3)
        self.assertEqual(started, [])
        upload.sendall(data[2000:])
        self.assertIn(b' 200 ', upload.recv(4096))
        starter.join(20)
        self.assertEqual(started, [204])
        self.assertEqual(self.api.wait(container), 0)
        self.assertEqual(self.api.logs(container)[0], b'x' * 5000)

    @case.lighterd_only
    def test_an_upload_that_breaks_off(self):
        """The client vanishes: what was complete stays, and the container can be used."""
        container = self.create(['true'])
        data = tar_of(('whole', 'f', b'1'), ('cut', 'f', b'x' * 50000))
        upload = socket.socket(socket.AF_UNIX)
        upload.connect(self.engine.socket)
        upload.sendall(f'PUT /containers/{container}/archive?path=/ HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n'
                       .encode() + data[:20000])
        time.sleep(0.3)
        upload.close()
        self.api.start(container)
        self.assertEqual(self.api.wait(container), 0)


class Sizes(FileTest):
    def test_bytes_of_what_was_written(self):
        image = self.api.must(200, 'GET', '/images/busybox/json').json['Size']
        container = self.busy('head -c 1000 /dev/zero > /a; ln /a /b; head -c 10 /dev/zero > /etc/passwd; rm /bin/ls; mkdir /d')
        found = self.api.must(200, 'GET', f'/containers/{container}/json?size=1').json
        self.assertEqual((found['SizeRw'], found['SizeRootFs']), (1010, image + 1010))
        listed = self.api.must(200, 'GET', '/containers/json?size=1').json
        one = next(c for c in listed if c['Id'] == container)
        self.assertEqual((one['SizeRw'], one['SizeRootFs']), (1010, image + 1010))
        plain = self.api.must(200, 'GET', f'/containers/{container}/json').json
        self.assertNotIn('SizeRw', plain)
        idle = self.run_(['sleep', '1000'])
        one = next(c for c in self.api.must(200, 'GET', '/containers/json?size=1').json if c['Id'] == idle)
        self.assertEqual((one.get('SizeRw'), one['SizeRootFs']), (None, image))
