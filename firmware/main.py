"""The program on the hardware: the board's own /main.py imports it from the slot that /boot.py chose (firmware/boards).

The first import switches the outputs off, before anything that takes time or may fail. Ends in a restart, never in silence.
"""

from firmware import board as hardware

FLASH = "/device/"


def main():
    """Run the program; whatever ends it, the outputs go off and the board starts anew."""
    try:
        # Here, and not above: a damaged file of the program must end in a restart too.
        import asyncio

        from firmware.app import run

        asyncio.run(run(hardware.Board(FLASH)))
    except BaseException as error:
        hardware.outputs_off()
        print("the program ended: %r" % (error,))
    finally:
        hardware.restart()


main()
