"""Entry of the interpreter on a simulated board: `micropython main.py PORT NAME FOLDER`, started by simulator.interpreter.

As on a board: boot chooses the slot whose program starts. A folder without slots starts the program of this checkout.
"""

import gc
import sys

if hasattr(gc, "threshold"):
    # As firmware.main does it: what is loaded stays together at the heap's beginning.
    gc.threshold(4096)

import asyncio
import os

from firmware import boot

FOLDER = sys.argv[3].rstrip("/") + "/"

if boot.choose(FOLDER, os):
    # What was loaded to choose belongs to the board; everything else comes from the slot.
    for name in list(sys.modules):
        if name.split(".")[0] in ("firmware", "protocol"):
            del sys.modules[name]

from firmware import install
from simulator.device.board import Board

board = Board(int(sys.argv[1]), sys.argv[2], FOLDER)
releases = install.finish(board)

from firmware.app import run

asyncio.run(run(board, releases))
