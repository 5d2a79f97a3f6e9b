#!/usr/bin/env python3
"""The engine on Debian's own kernel with cgroup v2 alone: limits, devices, OOM, network, a killed daemon.

usage: cgroup_v2.py BUILD    (as root; tools/test --guest runs it)"""

import re
import sys

import guest

WORK_SECONDS = 400  # it ends by itself; a busy machine takes long


def main():
    machine = guest.Guest(sys.argv[1], 'cgroup_v2.sh')
    try:
        machine.add_disk('data', '512M')
        text = machine.live('READY', WORK_SECONDS)
    finally:
        machine.close()
    passed = re.findall(r'^ok .*', text, re.M)
    failures = re.findall(r'^FAIL.*', text, re.M)
    ended = 'WORKLOAD rc=0' in text
    print('\n'.join(passed + failures))
    if not ended:
        print('the workload did not end:\n' + text[-2000:])
    sys.exit(bool(failures) or not ended or not passed)


if __name__ == '__main__':
    main()
