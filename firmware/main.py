"""The program on the hardware: the board's own /main.py imports it from the slot that /boot.py chose (firmware/boards).

The first import switches the outputs off, before anything that takes time or may fail. Ends in a restart, never in silence.
"""

import gc

from firmware import board as hardware

if hasattr(gc, "threshold"):
    # Collected this often while the program loads, what stays of it lies together at the heap's beginning. Otherwise it is
    # strewn over all of it, and no piece is left that is large enough for TLS.
    gc.threshold(4096)

FLASH = "/device/"


def main():
    """Run the program; whatever ends it, the outputs go off and the board starts anew."""
    try:
        # Here, and not above: a damaged file of the program must end in a restart too.
        from firmware import install

        board = hardware.Board(FLASH)
        releases = install.finish(board)

        import asyncio

        from firmware.app import run

        asyncio.run(run(board, releases))
    except BaseException as error:
        hardware.outputs_off()
        print("the program ended: %r" % (error,))
    finally:
        hardware.restart()


main()
