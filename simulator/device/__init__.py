"""What stands in for the hardware inside the interpreter: a board over a socket. Runs on MicroPython, and on CPython as a fallback."""
