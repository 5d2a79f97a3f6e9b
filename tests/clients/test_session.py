"""One scripted session, each client against each engine: docker against dockerd says what is right, and lighter and
lighterd, together and mixed, say the same apart from ids, times and what each calls itself. lighterd is the file's
engine; a dockerd of its own runs beside it. Where there is none, lighterd alone is compared with itself."""

import os
import re
import shlex
import shutil
import subprocess
import unittest

import case
import engine as engines

IMAGES = ['busybox']
CLIENTS = {'docker': shutil.which('docker'), 'lighter': engines.program('lighter')}

# A line: what is typed; `| text` is what comes in on standard input.
SESSION = r"""
pull centos
images --format '{{.Repository}}:{{.Tag}} {{.ID}}'
run --name one busybox echo hello
ps -a --format '{{.Names}} {{.Image}} {{.Command}} {{.Status}} {{.Ports}}'
logs one
inspect one --format '{{.State.Status}} {{.State.ExitCode}} {{.Config.Image}} {{.Config.Cmd}} {{.Path}} {{.Args}}'
inspect one --format '{{.HostConfig.NetworkMode}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.ShmSize}} {{.HostConfig.IpcMode}}'
start -a one
start one
wait one
rm one
rm one
run --rm busybox sh -c 'echo out; echo err >&2; exit 3'
run --rm -i busybox sh -c 'cat; echo end' | typed\n
run -a stdout --rm busybox sh -c 'echo out; echo err >&2'
run -a stderr --rm busybox sh -c 'echo out; echo err >&2'
run -a stdin -a stdout -i --rm busybox tr a-z A-Z | quiet\n
run --rm busybox nothing-here
run --rm busybox /etc/passwd
run --rm busybox sh -c 'kill -TERM $$'
run --rm --name -bad busybox true
run --rm centos sh -c 'cat /etc/centos-release; id; pwd; env | grep -v HOSTNAME | sort'
run --rm -e A=1 -w /srv -u 1000:100 busybox sh -c 'echo $A; pwd; id'
run --rm -h there --add-host other:1.2.3.4 busybox sh -c 'hostname; grep -e there -e other /etc/hosts | cut -f2'
run --rm --read-only --tmpfs /t busybox sh -c 'touch /t/x && touch /x'
run --rm --cap-drop ALL --cap-add chown busybox grep -e CapEff -e CapBnd /proc/self/status
run --rm --network none busybox ip -o -4 address
run --rm --init busybox sh -c 'ls /proc | grep -c ^1$'
run --rm --ulimit nofile=100:200 -m 64m busybox sh -c 'ulimit -Sn; ulimit -Hn'
run -d --name two -l k=v busybox sh -c 'trap "echo bye; exit 7" TERM; echo up; while :; do sleep 0.1; done'
ps --filter label=k=v --format '{{.Names}} {{.State}} {{.Labels}}'
logs two
top two -o comm
kill -s USR2 two-nope
stop two
wait two
logs --tail 1 two
inspect two --format '{{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Running}}'
restart two
rename two three
ps --format '{{.Names}}'
rm three
rm -f three
rm -f three
tag busybox mine/own:v1
images mine/own --format '{{.Repository}}:{{.Tag}}'
rmi mine/own:v1
rmi mine/own:v1
rmi centos
create --name four busybox true
start four
wait four
ps -aq --filter name=four --filter exited=0 --no-trunc
rm four
pull 127.0.0.1:5000/library/nope
pull 127.0.0.1:5000/library/busybox:nope
run --rm 127.0.0.1:5000/library/nope
pull -q 127.0.0.1:5000/library/busybox
rmi 127.0.0.1:5000/library/busybox
container inspect nope
image inspect nope
""".strip().splitlines()

MASKS = [(r'\bsha256:[0-9a-f]{64}\b', 'DIGEST'), (r'\b[0-9a-f]{64}\b', 'ID64'), (r'\b[0-9a-f]{12}\b', 'ID12'),
         (r'\d+ (seconds?|minutes?) ago|Less than a second ago', 'AGO'), (r'\bdocker: ', 'CLIENT: '), (r'\blighter: ', 'CLIENT: '),
         (r"'(docker|lighter) ", "'CLIENT ")]
# What lighterd answers as today's Docker does, and 20.10 did otherwise: the line, and what lighterd says.
YOUNGER = {
    'image inspect nope': (1, '[]\n', 'Error response from daemon: No such image: nope:latest\n'),
    "inspect one --format '{{.HostConfig.NetworkMode}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.ShmSize}} {{.HostConfig.IpcMode}}'":
        (0, 'bridge no 67108864 private\n', ''),
    'kill -s USR2 two-nope': (1, '', 'Error response from daemon: cannot kill container: two-nope: No such container: two-nope\n'),
    'rm three': (1, '', 'Error response from daemon: cannot remove container "/three": container is running: stop the container before '
                 'removing or force remove\n'),
}


def masked(text):
    for pattern, to in MASKS:
        text = re.sub(pattern, to, text)
    # Layers come side by side: which one says something first, and whether a quick one says that it is verified, is chance.
    lines = [line for line in text.splitlines(True) if line != 'ID12: Verifying Checksum\n']
    layers = sorted(line for line in lines if line.startswith('ID12: '))
    return ''.join(layers.pop(0) if line.startswith('ID12: ') else line for line in lines)


def start_error(text):
    """A container that could not start: the daemon's words are runc's with dockerd; only what went wrong is compared."""
    found = re.search(r'(exec: "[^"]*": (?:executable file not found in \$PATH|permission denied|stat [^:]*: no such file or directory))', text)
    return f'could not start: {found.group(1)}' if found else text


@unittest.skipUnless(CLIENTS['docker'], 'no docker CLI here')
class Session(case.EngineTest):
    def script(self, client, engine):
        """Everything that was said, line by line."""
        env = {'PATH': os.environ['PATH'], 'HOME': self.engine.folder, 'DOCKER_HOST': 'unix://' + engine.socket}
        said = []
        for line in SESSION:
            typed, _, given = line.partition(' | ') if ' | ' in line and not line.rstrip().endswith("'") else (line, '', '')
            done = subprocess.run([CLIENTS[client], *shlex.split(typed)], input=given.encode().decode('unicode_escape').encode(),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, timeout=60)
            said.append((line, done.returncode, masked(done.stdout.decode()), masked(start_error(done.stderr.decode()))))
        return said

    def test_each_client_against_each_engine(self):
        lighterd = self.engine
        if not shutil.which('dockerd'):
            self.skipTest('no dockerd here (tools/deps --install peer)')
        dockerd = engines.KINDS['dockerd'](case.LAB.space, case.LAB.registry, 'peer', bip='172.30.0.1/24')
        case.LAB.engines.append(dockerd)
        dockerd.start()
        dockerd.api.pull('busybox', tag='latest')
        right = self.script('docker', dockerd)
        for client, engine in (('lighter', dockerd), ('docker', lighterd), ('lighter', lighterd)):
            for theirs, ours in zip(right, self.script(client, engine)):
                wanted = YOUNGER.get(ours[0], theirs[1:]) if engine is lighterd else theirs[1:]
                with self.subTest(client=client, engine=engine.kind, line=ours[0]):
                    self.assertEqual(ours[1:], wanted)
