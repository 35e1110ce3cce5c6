"""Entry of the interpreter on a simulated board: `micropython main.py PORT NAME FOLDER`, started by simulator.board."""

import asyncio
import sys

from firmware.app import run
from simulator.device.board import Board

asyncio.run(run(Board(int(sys.argv[1]), sys.argv[2], sys.argv[3].rstrip("/") + "/")))
