"""What both ends of every wire agree on: frames, keys, seals, replay windows, framing.

One source for CPython and MicroPython. Imports nothing outside this package and the few library modules that
both interpreters have. No sockets, clocks, files or logs in here.
"""
