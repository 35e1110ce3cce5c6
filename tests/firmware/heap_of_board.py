"""How much heap a board's own files hold: `heap_of_board.py PLATFORM` prints octets of modules, of the board, of the receiver."""

import gc
import sys

from tests.firmware.chip import Chip


def held():
    """Octets in use."""
    gc.collect()
    return gc.mem_alloc()


chip = Chip(sys.argv[1])
chip.modules()
before = held()
file = chip.start()
modules = held()
board = file.Board("/tmp/sereno-no-such-device/")
made = held()
board.receive()
print(modules - before, made - modules, held() - made)
