"""One command with each client: what the docker CLI says is what `lighter` must say."""

import os
import re
import subprocess
import unittest

from clients import CLIENTS, ClientTest

# Ids, times and the client's own name are the only things that may differ.
MASKS = [(r'\b[0-9a-f]{64}\b', 'ID64'), (r'\b[0-9a-f]{12}\b', 'ID12'), (r'\d+ (seconds?|minutes?) ago', 'AGO'),
         (r'About a minute ago|Less than a second ago', 'AGO'), (r'Up (\d+ seconds?|Less than a second)', 'UP'),
         (r'\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)', 'TIME'), (r'\b(lighter|docker)\b', 'CLIENT'), (r' +', ' ')]


def masked(text, masks=()):
    for pattern, to in [*masks, *MASKS]:
        text = re.sub(pattern, to, text)
    return text


@unittest.skipUnless(CLIENTS['docker'], 'no docker CLI here (Debian: docker.io)')
@unittest.skipUnless(os.path.exists(CLIENTS['lighter']), 'lighter is not built')
class Compared(ClientTest):
    def started(self, client, args, env=()):
        return subprocess.Popen([CLIENTS[client], *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=self.environment(**dict(env)))

    def said(self, client, args, stdin=b'', masks=(), env=()):
        code, out, err = self.call(client, *args, stdin=stdin, env=self.environment(**dict(env)))
        return code, masked(out, masks), masked(err, masks)

    def same(self, *args, errors=True, **kw):
        """Runs it with each client; what docker answered."""
        theirs, ours = self.said('docker', args, **kw), self.said('lighter', args, **kw)
        shown = slice(None) if errors else slice(2)
        self.assertEqual(ours[shown], theirs[shown], args)
        return theirs
