"""The board's own /main.py, laid down once: runs the program of the slot. Whatever is wrong with it ends in a restart.

Ctrl-C in the first second gives the prompt, for whoever has the cabinet open; a closed cabinet restarts.
"""

import sys
import time

import machine

prompt = 0
try:
    import firmware.main  # noqa: F401 - it is the program, and restarts the board when it ends
except KeyboardInterrupt:
    prompt = machine.Pin(12 if sys.platform == "rp2" else 18, machine.Pin.IN, machine.Pin.PULL_UP).value()
except BaseException as error:
    print("main: %r" % (error,))
if not prompt:
    time.sleep(2)  # so that a console can say what was wrong
    machine.reset()
