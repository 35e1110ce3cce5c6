"""The only loop: ties the pure center to board, flash and link. Everything here happens in one task turn or in order.

A fault in one message is logged and forgotten; a fault in the loop itself turns the outputs off and ends the program, and
the board starts it anew.
"""

import asyncio
import os

from firmware.center import OUTPUTS, SAVE, Center
from firmware.clock import Clock
from firmware.identity import Identity
from firmware.inputs import Button, Contact
from firmware.link import Link
from firmware.vault import Vault
from protocol import codes
from protocol.layout import NONCE_SIZE
from protocol.report import Report, seal
from protocol.topics import center_name

TICK_MS = 20
BEAT_S = 60
REPORT_S = 3600
# Lifetime goes to flash this often, so that a power cut gives back at most this much of a budget's waiting time.
SAVE_S = 900
BATTERY_LOW_MV = 11500
# A cabinet that rattles and mains that blink are no news.
LASTING_MS = 2000
VERSION = "0.1.0"


class App:
    """One run of the program on one board."""

    def __init__(self, board):
        board.outputs_off()
        self._board = board
        self._clock = Clock(board.ticks_ms)
        self._vault = Vault(board.flash, os)
        device = self._vault.device()
        self._identity = Identity(device)
        state = self._vault.load(self._identity.epoch)
        state.boot += 1
        self._state = state
        self._center = Center(self._identity, state, self._clock, board.random(NONCE_SIZE), board.boot_cause())
        self._saved_ms = 0
        self._save()
        self._beat_s = device.get("beat_s", BEAT_S)
        self._panic = Button(device.get("hold_ms", 1500))
        self._silent = Button(device.get("hold_ms", 1500))
        self._contacts = {name: Contact(LASTING_MS) for name in ("tamper", "mains", "battery_low")}
        self._link = Link(
            center_name(self._identity.center), board.flash, device["endpoints"], self._clock, board.random,
            self._received, self._arrived, self._connected, board.log,
        )  # fmt: skip
        self._link.aged = self._center.answers.aged
        self._link.clock_behind = self._clock_behind
        self._inputs = {}
        self._level = 0
        if not self._identity.loud:
            board.log("the table of loud classes does not verify: nothing is loud")

    async def run(self):
        """For ever; outputs are off whenever this ends, however it ends."""
        tasks = [asyncio.create_task(work) for work in (self._link.run(), self._beats())]
        try:
            await self._tick(tasks)
        finally:
            self._board.outputs_off()
            for task in tasks:
                task.cancel()

    async def _tick(self, tasks):
        while True:
            for task in tasks:
                if task.done():
                    # Neither link nor heartbeat may be dead while the watchdog is fed.
                    raise RuntimeError("a task of the program has ended")
            now_ms = self._clock.ms()
            self._look(now_ms)
            self._do(self._center.tick(self._board.measured()))
            self._show()
            if now_ms - self._saved_ms > SAVE_S * 1000 or self._center.answers.reserve():
                self._save()
            self._board.feed()
            await asyncio.sleep(TICK_MS / 1000)

    def _look(self, now_ms):
        """The inputs, and what they mean."""
        self._inputs = self._board.inputs()
        self._center.battery_mv = self._inputs["battery_mv"]
        if self._panic.update(self._inputs["panic"], now_ms):
            self._board.log("panic button")
            self._do(self._center.panic())
        if self._silent.update(self._inputs["silent"], now_ms):
            self._board.log("silent button")
            self._do(self._center.note(codes.SILENT_PANIC))
        if self._changed("tamper", self._inputs["tamper"], now_ms):
            self._do(self._center.note(codes.TAMPER))
        if self._changed("battery_low", self._inputs["battery_mv"] < BATTERY_LOW_MV, now_ms):
            self._do(self._center.note(codes.BATTERY_LOW))
        mains = self._changed("mains", self._inputs["mains"], now_ms)
        if mains is not None:
            self._do(self._center.note(codes.MAINS_BACK if mains else codes.MAINS_LOST))
            self._link_report()

    def _changed(self, name, level, now_ms):
        return self._contacts[name].update(level, now_ms)

    def _received(self, frame, retained):
        try:
            self._do(self._center.receive(frame, retained), True)
        except Exception as error:
            self._board.log("message failed: %r" % (error,))
        if self._center.synchronised() or self._center.synchronised(codes.LOCAL):
            self._link.proven = True

    def _do(self, actions, flash_first=False):
        """In order: flash before outputs, outputs before words.

        With `flash_first` nothing begins that the flash did not take; a person's own button sounds all the same.
        """
        if self._center.answers.reserve():
            self._save()
        for action in actions:
            if action == SAVE:
                if not self._save() and flash_first:
                    return self._do(self._center.unsaved())
            elif action == OUTPUTS:
                self._show()
            elif action[0] == "send" or self._link.up:
                # A hello is said only over a link: it is asked anew on each connection.
                self._link.send(action[1])

    def _show(self):
        wanted = self._center.wanted()
        if wanted != self._level:
            self._level = wanted
            self._board.set_outputs(wanted)

    def _save(self):
        """Whether the flash has the state; a flash that fails must not end the program, the siren is still there."""
        self._state.lifetime_s = self._center.lifetime_s()
        self._saved_ms = self._clock.ms()
        try:
            self._vault.save(self._state)
        except OSError as error:
            self._board.log("flash failed: %r" % (error,))
            return False
        return True

    def _connected(self):
        self._board.log("link: up")
        self._do(self._center.connected())
        self._link_report()

    def _arrived(self, frame):
        if self._center.answers.arrived(frame):
            self._save()

    async def _beats(self):
        reported_s = 0
        while True:
            if self._link.up and self._inputs:
                self._board_clock()
                for frame in self._center.beat(self._flags()):
                    self._link.send(frame)
                if self._center.lifetime_s() - reported_s > REPORT_S:
                    reported_s = self._center.lifetime_s()
                    self._link_report()
            await asyncio.sleep(self._beat_s)

    def _board_clock(self):
        """A board that checks certificates by a clock of its own is told the time once it is known."""
        tell = getattr(self._board, "set_clock", None)
        if tell and self._center.synchronised():
            tell(self._clock.now())

    def _clock_behind(self):
        behind = getattr(self._board, "clock_behind", None)
        if behind and not self._center.synchronised():
            behind()

    def _flags(self):
        inputs = self._inputs
        flags = codes.BEAT_MAINS if inputs["mains"] else 0
        flags |= codes.BEAT_TAMPER if inputs["tamper"] else 0
        flags |= codes.BEAT_SYNCHRONISED if self._center.synchronised() else 0
        return flags | (codes.BEAT_BATTERY_LOW if inputs["battery_mv"] < BATTERY_LOW_MV else 0)

    def _link_report(self):
        """The self-description: what runs here, since when and why, with the age of what is measured."""
        inputs = self._inputs or self._board.inputs()
        body = {
            "version": VERSION,
            "runtime": self._board.runtime(),
            "boot": self._state.boot,
            "cause": codes.BOOT_CAUSES.get(self._board.boot_cause(), "unknown"),
            "uptime_s": self._clock.ms() // 1000,
            "loud": sorted(self._identity.loud),
            "battery_mv": inputs["battery_mv"],
            "mains": inputs["mains"],
            "tamper": inputs["tamper"],
            "age_s": 0,
        }
        report = Report(
            codes.CENTRAL, self._identity.epoch, self._identity.center, self._center.answers.take(), body
        )  # fmt: skip
        self._link.send(seal(self._identity.pairs[codes.CENTRAL].up, report))


async def run(board):
    """Run the program on a board; ends only by an error, with the outputs off."""
    try:
        await App(board).run()
    finally:
        board.outputs_off()
