#!/usr/bin/env python3
"""Power cuts: boots the guest on two disks, kills the machine at a random moment, boots again on what the disks kept, N times.

usage: power_cut.py BUILD [--rounds 10] [--seed N]    (as root; tools/test --guest runs it)

The host's page cache plays the part of a disk's cache that survives: what is lost is what the guest had not submitted. The
workload (power_cut.sh) checks what was acknowledged and prints FAIL lines."""

import argparse
import random
import re
import sys
import time

import guest

WORK_SECONDS = 25


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('build')
    parser.add_argument('--rounds', type=int, default=10)
    parser.add_argument('--seed', type=int, default=int(time.time()))
    options = parser.parse_args()
    random.seed(options.seed)
    machine = guest.Guest(options.build, 'power_cut.sh')
    bad = 0
    try:
        machine.add_disk('data', '512M')
        machine.add_disk('acks', '32M')
        print(f'seed {options.seed}', flush=True)
        for number in range(1, options.rounds + 1):
            cut_after = random.uniform(0, WORK_SECONDS)
            text = machine.live('CHECKED', cut_after)
            failures = re.findall(r'^(?:FAIL|.*EXT4-fs error).*', text, re.M)
            checked = re.search(r'CHECKED (\d+)', text)
            acks = len(re.findall(r'^ACK', text, re.M))
            wrong = failures or not checked
            bad += bool(wrong)
            print(f'life {number}: checked {checked and checked.group(1)}, then {acks} acknowledgements in '
                  f'{cut_after:.1f} s, cut:', '; '.join(failures[:4]) if wrong else 'ok', flush=True)
            if not checked:
                print(text[-1500:])
    finally:
        machine.close()
    print(f'{options.rounds} power cuts, {bad} bad')
    sys.exit(bool(bad))


if __name__ == '__main__':
    main()
