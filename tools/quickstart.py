"""The second half of tools/quickstart: an engine of its own, an image, and a walk through the commands."""

import os
import re
import shutil
import signal
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, 'tests', 'support'))
sys.dont_write_bytecode = True

import engine as engines  # noqa: E402
import test_images        # noqa: E402

# What is typed, and a pattern its output must hold.
WALK = [
    ('{client} version --format "{{{{.Server.Version}}}}"', r'\d+\.\d+'),
    ('{client} run --rm busybox echo hello from a container', r'hello from a container'),
    ('{client} run -d --name web centos sh -c "echo started; exec sleep 1000"', r'[0-9a-f]{64}'),
    ('{client} ps', r'web'),
    ('{client} logs web', r'started'),
    ('{client} run --rm centos cat /etc/centos-release', r'CentOS Linux'),
    ('{client} run --rm --network none busybox ls /sys/class/net', r'^lo$'),
    ('{client} top web', r'sleep 1000'),
    ('{client} stop -t 0 web', r'web'),
    ('{client} ps -a', r'Exited \(137\)'),
    ('{client} rm web', r'web'),
    ('{client} images', r'centos'),
]


def walk(env):
    """Shows and checks every command, with `lighter` and, where there is one, the docker CLI: number of failures."""
    failures = 0
    for client in ('lighter', 'docker'):
        if not shutil.which(client, path=env['PATH']):
            print(f'\n(no {client} here: its walk is left out)')
            continue
        print(f'\n--- with {client}')
        for line, wanted in WALK:
            command = line.format(client=client)
            print(f'$ {command}', flush=True)
            done = subprocess.run(command, shell=True, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=120)
            print(done.stdout, end='', flush=True)
            if done.returncode or not re.search(wanted, done.stdout, re.M):
                failures += 1
                print(f'!!! exit code {done.returncode}; expected 0 and /{wanted}/')
    return failures


def shell(env):
    """A terminal is there: the article's command, then the user's own."""
    print('\n$ lighter run -i -t centos        (leave it with Ctrl-P Ctrl-Q, end it with exit)', flush=True)
    subprocess.run(['lighter', 'run', '-i', '-t', 'centos'], env=env)
    print('\nA shell with DOCKER_HOST set to this engine; `lighter ps -a`, `docker ps` ... work. `exit` ends everything.',
          flush=True)
    subprocess.run([os.environ.get('SHELL', '/bin/sh')], env={**env, 'PS1': '(lighter) $ '})


def main():
    for program in ('lighterd', 'lighter-shim', 'lighter'):
        if not os.path.exists(engines.program(program)):
            sys.exit(f'tools/quickstart: {engines.program(program)} is not built')
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    print('An engine of its own: network namespace, registry on 127.0.0.1, socket and roots under /tmp', flush=True)
    lab = engines.Lab('lighterd', name='quick')
    failures, left = 1, []
    try:
        lab.start_registry(test_images.folder(engines.BUILD))
        lab.registry_ready()
        engine = lab.engine(name='quickstart').start()
        env = {'PATH': os.path.dirname(engines.program('lighter')) + ':' + os.environ['PATH'], 'HOME': engine.folder,
               'TERM': os.environ.get('TERM', 'dumb'), 'DOCKER_HOST': 'unix://' + engine.socket}
        if sys.stdin.isatty() and sys.stdout.isatty() and '--walk' not in sys.argv:
            failures = 0
            shell(env)
        else:
            failures = walk(env)
    finally:
        left = lab.close()
    for line in left:
        print(f'LEFT BEHIND: {line}')
    print('\nquickstart: ' + ('everything worked and nothing is left behind' if not failures and not left
                              else f'{failures} failed, {len(left)} left behind'))
    sys.exit(1 if failures or left else 0)


if __name__ == '__main__':
    main()
