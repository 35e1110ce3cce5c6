"""Measures the center's program inside its own interpreter: `micropython measure.py FOLDER COMMANDS ROUNDS`, started by simulator.bench_center.

A command is given to the program as the link gives it; what is timed is how long it takes until the output is played and until
the answer is said, beside the two things that it cannot do without: opening the seal and writing the state to flash.
"""

import gc
import json
import os
import sys
import time
from array import array

from firmware.app import App
from firmware.readings import Readings
from protocol import codes
from protocol.layout import kind_of
from protocol.messages import COMMAND, HELLO, KIND_ACK, KIND_HELLO, TIME, Command, Time

NOW = 1800000000


class Board:
    """What is played is noted with the time; nothing else happens. The methods are those of firmware.board."""

    kind = "unix"

    def __init__(self, flash):
        self.flash = flash
        self.played_us = 0
        self.later_ms = 0  # how much later it is than the interpreter thinks
        self._readings = Readings()

    def play(self, _score):
        self.played_us = time.ticks_us()

    def outputs_off(self):
        pass

    def look(self):
        return self._readings

    def hold(self, _hold_ms):
        pass

    def feed(self):
        pass

    def random(self, count):
        return bytes(count)

    def ticks_ms(self):
        return (time.ticks_ms() + self.later_ms) & 0x3FFFFFFF

    def boot_cause(self):
        return 1

    def runtime(self):
        return "measure"

    def log(self, text):
        print(text, file=sys.stderr)


def synchronise(app):
    """Answer the hellos, so that commands are taken."""
    hellos = []
    app.link.up = True
    app.link.send = hellos.append
    app._do(app.center.tick(0))
    for frame in hellos:
        if kind_of(frame) == KIND_HELLO:
            hello = HELLO.peek(frame)
            answer = Time(hello.authority, hello.epoch, hello.center, NOW, 0, 0, hello.request)
            app._received(TIME.seal(app.identity.pairs[hello.authority].down, answer, hello.nonce), False)


def sealed(app, counter):
    """A command that lights the indicator: it spends no budget."""
    identity = app.identity
    command = Command(
        0, identity.epoch, identity.center, identity.group, counter, app.clock.now(), 300, counter, 1, codes.GENERAL,
        codes.ACTIVATE | codes.INDICATOR, 1, 0,
    )  # fmt: skip
    return COMMAND.seal(identity.pairs[0].down, command, bytes(8))


def measure(folder, commands, rounds):
    """Prints a line of JSON per round and series: microseconds, and the octets that one command took of the heap."""
    board = Board(folder)
    app = App(board)
    synchronise(app)
    answered = [0]

    def said(frame):
        if kind_of(frame) == KIND_ACK:
            answered[0] = time.ticks_us()

    app.link.send = said
    # Room for all results before anything runs: lists that grow need ever larger pieces of the heap.
    names = ("opened", "saved", "played", "answered", "octets")
    seen = [{name: array("l", [0] * commands) for name in names} for _ in range(rounds)]
    counter = 0
    for one in seen:
        for at in range(commands):
            counter += 1
            frame = sealed(app, counter)
            gc.collect()
            began = time.ticks_us()
            COMMAND.open(app.identity.pairs[0].down, frame, bytes(8))
            one["opened"][at] = time.ticks_diff(time.ticks_us(), began)
            began = time.ticks_us()
            app._save()
            one["saved"][at] = time.ticks_diff(time.ticks_us(), began)
            gc.collect()
            gc.disable()
            before = gc.mem_alloc()
            began = time.ticks_us()
            app._received(frame, False)
            one["played"][at] = time.ticks_diff(board.played_us, began)
            one["answered"][at] = time.ticks_diff(answered[0], began)
            one["octets"][at] = gc.mem_alloc() - before
            gc.enable()
            # What the command before it lit goes off, and is measured off.
            board.later_ms += 2000
            app._do(app.center.tick(0))
            board.later_ms += 2000
            app._do(app.center.tick(0))
    for one in seen:
        for name in names:
            print(json.dumps([name, list(one[name])]))
    print(json.dumps(["heap", [gc.mem_alloc(), gc.mem_free()]]))


os.stat(sys.argv[1])
measure(sys.argv[1].rstrip("/") + "/", int(sys.argv[2]), int(sys.argv[3]))
