#!/usr/bin/env python3
"""Runs one test file (or some of its tests) against one engine, in a network namespace of its own.

usage: runner.py FILE.py [--engine lighterd|dockerd] [-k PATTERN] [-v]

The file may set IMAGES (what to pull before the tests; None starts no engine) and OPTIONS (flags for the engine).
Ends non-zero when a test failed or when the engine left something on the host.
"""

import argparse
import importlib.util
import os
import shutil
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True


class Result(unittest.TextTestResult):
    """One line per test that failed or was skipped; one per test with -v."""

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        took = time.monotonic() - self.began
        if took > 5:
            self.stream.writeln(f'  [{took:.1f} s] {test.id()}')


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('file')
    parser.add_argument('--engine', choices=['lighterd', 'dockerd'],
                        default=os.environ.get('LIGHTER_TEST_ENGINE', 'lighterd'))
    parser.add_argument('-k', action='append', default=None)
    parser.add_argument('-v', action='store_true')
    parser.add_argument('--keep-log', help='where to copy the engine\'s log')
    options = parser.parse_args()
    os.environ['LIGHTER_TEST_ENGINE'] = options.engine
    if os.geteuid() != 0:
        sys.exit('these tests start containers: run them as root')

    import case
    import engine
    import test_images

    program = engine.program('lighterd') if options.engine == 'lighterd' else shutil.which('dockerd')
    if not program or not os.path.exists(program):
        print(f'skipped: {options.engine} is not there ({program})')
        sys.exit(77)  # meson's word for a skipped test

    spec = importlib.util.spec_from_file_location(os.path.basename(options.file)[:-3], options.file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)

    case.LAB = engine.Lab(options.engine)
    left, result = [], None
    try:
        wanted = getattr(module, 'IMAGES', ['busybox'])
        case.LAB.start_registry(test_images.folder(engine.BUILD))
        case.LAB.registry_ready()
        if wanted is not None:
            case.ENGINE = case.LAB.engine(options=getattr(module, 'OPTIONS', ())).start()
            for image in wanted:
                case.ENGINE.api.pull(image, tag='latest')
        loader = unittest.TestLoader()
        if options.k:
            loader.testNamePatterns = [p if '*' in p else f'*{p}*' for p in options.k]
        result = unittest.TextTestRunner(verbosity=2 if options.v else 1, resultclass=Result).run(
            loader.loadTestsFromModule(module))
        if case.ENGINE is not None and (options.keep_log or not result.wasSuccessful()):
            print(f'--- the end of the log of {options.engine}\n{case.ENGINE.log_tail(40)}', file=sys.stderr)
    finally:
        if options.keep_log and case.ENGINE is not None:
            shutil.copy(case.ENGINE.log, options.keep_log)
        left = case.LAB.close()
    for line in left:
        print(f'LEFT BEHIND: {line}')
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses) + bool(left)
    skipped = len(result.skipped)
    print(f'{os.path.basename(options.file)}: {result.testsRun + bool(left) - failed - skipped} passed, {failed} failed, '
          f'{skipped} skipped')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
