"""Parts of the program that are seldom needed: loaded when they are, and given back. Called by app.

On MicroPython every name of a program stays in a table that grows by doubling. Grown late, in a heap that is in pieces, the
next size no longer fits; so what an installer needs at any time is loaded once at the start, while there is room, and forgotten again.
"""

import gc
import sys

CONSOLE = ("firmware.console", "protocol.words")


def prepare():
    """Load and forget every part."""
    if sys.implementation.name != "micropython":
        return
    for name in CONSOLE:
        __import__(name)
        forget((name,))
    gc.collect()
    gc.threshold(gc.mem_free() // 8)


def forget(names):
    """Give back the memory of these modules, as far as nobody holds anything of them."""
    for name in names:
        sys.modules.pop(name, None)
        package, _, module = name.partition(".")
        if package in sys.modules and hasattr(sys.modules[package], module):
            delattr(sys.modules[package], module)
    gc.collect()
