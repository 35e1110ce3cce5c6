"""Entry on the hardware: the board's own `main.py` is the line `import firmware.main`. Ends in a restart, never in silence.

The first import switches the outputs off, before anything that takes time or may fail.
"""

from firmware import board as hardware  # isort: split

import asyncio
import json
import sys

from firmware.app import run

RESTART_MS = 2000


def main():
    """Run the program; whatever ends it, the outputs go off and the board starts anew."""
    try:
        with open(hardware.FLASH + "network.json") as file:
            settings = json.load(file)
        asyncio.run(run(hardware.Board(settings)))
    except BaseException as error:
        hardware.outputs_off()
        sys.print_exception(error)
    finally:
        hardware.restart(RESTART_MS)


main()
