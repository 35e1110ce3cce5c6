"""Runs the test functions of the modules named on the command line, on whichever interpreter this is.

Prints `N passed, M failed` and ends with 1 when something failed. No pytest here: MicroPython runs it too.
"""

import sys

try:
    from traceback import print_exception
except ImportError:
    print_exception = sys.print_exception


def main(names):
    """Import each module and call its test_ functions."""
    passed = failed = 0
    for name in names:
        module = __import__(name, None, None, ("test",))
        for attribute in sorted(dir(module)):
            if not attribute.startswith("test_"):
                continue
            try:
                getattr(module, attribute)()
                passed += 1
            except Exception as error:
                failed += 1
                print("FAILED", name, attribute)
                print_exception(error)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


sys.exit(main(sys.argv[1:]))
