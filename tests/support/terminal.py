"""A real terminal (tmux, detached, its own server): type, press keys, read the screen, change its size."""

import os
import re
import shutil
import subprocess
import tempfile
import time

available = shutil.which('tmux') is not None


class Terminal:
    """A shell whose prompt is `$ `, in a window of the given size. Everything that was ever shown is in screen()."""

    def __init__(self, env, width=100, height=30):
        self.folder = tempfile.mkdtemp(prefix='lighter-tmux.')
        self.server = os.path.join(self.folder, 'server')
        shell = ['env', '-i', 'PS1=$ ', 'TERM=screen', 'HOME=' + self.folder, 'PATH=' + os.environ['PATH'],
                 *(f'{key}={value}' for key, value in env.items()), '/bin/sh']
        self._tmux('-f', '/dev/null', 'new-session', '-d', '-x', str(width), '-y', str(height), *shell)
        self._tmux('set', '-g', 'history-limit', '10000')
        self.wait_for(r'^\$ $')

    def _tmux(self, *args):
        return subprocess.run(['tmux', '-S', self.server, *args], check=True, stdout=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, text=True).stdout

    def type(self, text):
        """The text and Enter."""
        self._tmux('send-keys', '-l', text)
        self._tmux('send-keys', 'Enter')

    def press(self, *keys):
        """Keys in tmux's names: C-p, Enter, Up."""
        self._tmux('send-keys', *keys)

    def resize(self, width, height):
        self._tmux('resize-window', '-x', str(width), '-y', str(height))

    def screen(self):
        """Every line since the start (or clear()), without trailing blanks; long lines are joined again."""
        lines = self._tmux('capture-pane', '-p', '-J', '-S', '-').splitlines()
        return '\n'.join(line.rstrip() for line in lines).rstrip('\n')

    def clear(self):
        """Forgets what was shown; the shell's prompt must be up."""
        self.type('clear')
        time.sleep(0.3)
        self._tmux('clear-history')

    def wait_for(self, pattern, seconds=30):
        """Until the screen has it; gives the match."""
        until = time.monotonic() + seconds
        while True:
            shown = self.screen()
            # The prompt waits at the end: its blank is gone from screen().
            match = re.search(pattern, shown + (' ' if shown.endswith('$') or shown.endswith('#') else ''), re.M)
            if match:
                return match
            if time.monotonic() > until:
                raise AssertionError(f'{pattern!r} did not appear in {seconds} s on this screen:\n{shown}')
            time.sleep(0.05)

    def settled(self):
        """The screen once it has stopped changing."""
        shown = self.screen()
        while True:
            time.sleep(0.2)
            now = self.screen()
            if now == shown:
                return now
            shown = now

    def run(self, command, seconds=30):
        """A command at the shell's prompt, to its end: what it printed."""
        self.clear()
        self.type(command + '; echo "[$?]"')
        self.wait_for(r'^\[\d+\]$\n\$ $', seconds)
        return self.screen().split('\n', 1)[1].rpartition('\n$')[0]

    def close(self):
        subprocess.run(['tmux', '-S', self.server, 'kill-server'], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
