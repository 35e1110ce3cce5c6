"""The only loop: ties the pure center to board, flash and link. Everything here happens in one task turn or in order.

A fault in one message is logged and forgotten; a fault in the loop itself turns the outputs off and ends the program, and
the board starts it anew.
"""

import asyncio
import gc
import os

from firmware import later
from firmware.center import ERASE, OUTPUTS, SAVE, Center
from firmware.clock import Clock
from firmware.description import describe
from firmware.identity import Identity
from firmware.journal import Journal
from firmware.settings import Settings
from firmware.updating import Updating
from firmware.vault import Unprovisioned, Vault
from firmware.watch import Watch
from protocol import codes
from protocol.layout import NONCE_SIZE, kind_of
from protocol.messages import ACK, KIND_ACK
from protocol.release import BLOCK, OFFER
from protocol.report import Report, seal
from protocol.topics import center_name

try:
    from firmware.release import VERSION  # written into each image when it is built
except ImportError:
    VERSION = "unreleased"

TICK_MS = 20
# Lifetime goes to flash this often, so that a power cut gives back at most this much of a budget's waiting time.
SAVE_S = 900
AGAIN_S = 30
# What happened goes to the journal's flash a moment later: the siren and its answer go first.
JOURNAL_MS = 2000
# The console's program is given back after this long without a line.
CONSOLE_MS = 60000
# The last words of a vault that is to be erased need this long to leave.
ERASE_MS = 3000
STARTED = 0x100


class App:
    """One run of the program on one board; `releases` is what firmware.install found. Raises Unprovisioned."""

    def __init__(self, board, releases=None):
        board.outputs_off()
        self.board = board
        self.version = VERSION
        self.clock = Clock(board.ticks_ms)
        self._vault = Vault(board.flash, os, feed=board.feed)
        device = self._vault.device()
        self.identity = Identity(device)
        state = self._vault.load(self.identity.epoch)
        state.boot += 1
        self._state = state
        self.settings = Settings(board.flash, os)
        for problem in self.settings.load(device):
            board.log(problem)
        self.center = Center(self.identity, state, self.clock, board.random(NONCE_SIZE), board.boot_cause())
        self._saved_ms = 0
        self._save()
        self.journal = Journal(board.flash, os)
        self._journal_ms = None
        self._note_journal(STARTED, board.boot_cause())
        self.watch = Watch(board, self.center, self.settings, self.clock, self.identity.center * 97 % 256)
        # Of the two links the other one takes no memory.
        if "serial" in device:
            from firmware.serial_link import SerialLink as Link
        else:
            from firmware.link import Link
        way = board.line(device["serial"]) if "serial" in device else device["endpoints"]
        name = center_name(self.identity.center)
        self.link = Link(name, board.flash, way, self.clock, board.random, self._received, self._connected, board.log)
        self.link.aged = self.center.answers.aged
        self.link.clock_behind = self._clock_behind
        self.updating = Updating(
            board, os, releases, self.identity, self.center, self.clock, self.link.send, self._news
        )
        self.readings = board.look()
        self._console = self._reported_ms = self._erase_ms = None
        self._typed_ms = 0
        self._score = ()
        if not self.identity.loud:
            board.log("the table of loud classes does not verify: nothing is loud")

    async def run(self):
        """For ever; outputs are off whenever this ends, however it ends."""
        tasks = [asyncio.create_task(work) for work in (self.link.run(), self._beats())]
        try:
            await self._loop(tasks)
        finally:
            self.board.outputs_off()
            for task in tasks:
                task.cancel()

    async def _loop(self, tasks):
        while True:
            for task in tasks:
                if task.done():
                    # Neither link nor heartbeat may be dead while the watchdog is fed.
                    raise RuntimeError("a task of the program has ended")
            self._tick(self.clock.ms())
            self.board.feed()
            await asyncio.sleep(TICK_MS / 1000)

    def _tick(self, now_ms):
        readings = self.readings = self.board.look()
        self.center.battery_mv = readings.battery_mv
        for status, slot, sounds in self.watch.look(readings, now_ms):
            if status in codes.PRESSES:
                self.board.log("event 0x%02x" % status)
                self._do(self.center.press(status, slot, sounds))
                self._note_journal(status, slot or 0)
            else:
                self._news(status)
        self._do(self.center.tick(readings.measured()))
        self._show()
        if self.watch.second(now_ms, self.updating.busy):
            self.test()
        self._housekeeping(now_ms)

    def _housekeeping(self, now_ms):
        """What can wait: console, flash, a program that waits for its restart, an erasure that was ordered."""
        line = self.board.typed()
        if line is not None:
            self.board.say(self._answer(line, now_ms))
        elif self._console is not None and now_ms - self._typed_ms > CONSOLE_MS:
            self._console = None
            later.forget(later.CONSOLE)
        kept = self.watch.supervision
        if now_ms - self._saved_ms > SAVE_S * 1000 or self.center.answers.reserve() or kept.history_changed:
            kept.history_changed = False
            self._save()
        if self._journal_ms is not None and now_ms - self._journal_ms >= JOURNAL_MS:
            self._journal_ms = None if self.journal.flush() else now_ms
        if self.updating.tick(self.link.up, self.watch.supervision.verdict() < 2):
            self.board.log("restarting into the new program")
            self._save()
            self.journal.flush()
            self.board.restart()
        if self._erase_ms is not None and now_ms >= self._erase_ms:
            self.board.outputs_off()
            self._vault.erase()
            self.board.restart()

    def configure(self):
        """The settings have changed."""
        self.watch.configure()
        self._report()

    def test(self):
        """The inaudible test; whether it found nothing. What it found is news at the next tick."""
        whole = self.watch.test()
        self.board.log("self-test: %s" % ("passed" if whole else "failed"))
        self._save()
        self._report()
        return whole

    def erase(self):
        """Forget everything, in a moment."""
        self._do(self.center.note(codes.ERASED) + [ERASE])

    def _news(self, status):
        """An event of the center's own health: told until confirmed, and described at once."""
        self.board.log("event 0x%02x" % status)
        self._do(self.center.note(status))
        self._note_journal(status, 0)
        if status == codes.TAMPER and self.settings.get("tamper") == "erase":
            self.erase()
        if status != codes.MOTION:
            self._report()

    def _note_journal(self, what, detail):
        self.journal.add(self.center.lifetime_s(), self._state.boot, what, detail)
        if self._journal_ms is None:
            self._journal_ms = self.clock.ms()

    def _received(self, frame, retained):
        try:
            if kind_of(frame) in (OFFER.kind, BLOCK.kind):
                if not retained:
                    self.updating.receive(frame)
            else:
                self._do(self.center.receive(frame, retained), True)
        except Exception as error:
            self.board.log("message failed: %r" % (error,))
        if self.center.synchronised() or self.center.synchronised(codes.LOCAL):
            self.link.proven = True

    def _do(self, actions, flash_first=False):
        """In order: flash before outputs, outputs before words.

        With `flash_first` nothing begins that the flash did not take; a person's own button sounds all the same.
        """
        if self.center.answers.reserve():
            self._save()
        for action in actions:
            if action == SAVE:
                if not self._save() and flash_first:
                    return self._do(self.center.unsaved())
            elif action == OUTPUTS:
                self._show()
            elif action == ERASE:
                self._vault.doom()
                self._erase_ms = self.clock.ms() + ERASE_MS
            elif action[0] == "send" or self.link.up:
                # A hello is said only over a link: it is asked anew on each connection.
                self.link.send(action[1])
                if action[0] == "send" and flash_first and kind_of(action[1]) == KIND_ACK:
                    ack = ACK.peek(action[1])
                    self._note_journal(ack.status, ack.counter)

    def _show(self):
        score = self.center.running.score()
        if score is not self._score:
            self._score = score
            self.board.play(score)

    def _save(self):
        """Whether the flash has the state; a flash that fails must not end the program, the siren is still there."""
        self._state.lifetime_s = self.center.lifetime_s()
        self._saved_ms = self.clock.ms()
        try:
            self._vault.save(self._state)
        except OSError as error:
            # Tried again soon: numbers that flash does not know of are in use meanwhile.
            self._saved_ms -= (SAVE_S - AGAIN_S) * 1000
            self.board.log("flash failed: %r" % (error,))
            return False
        return True

    def _connected(self):
        self.board.log("link: up")
        self._do(self.center.connected())
        self._report()

    async def _beats(self):
        while True:
            if self.link.up:
                if self.center.synchronised():
                    # A board that checks certificates by a clock of its own is told the time once it is known.
                    self.board.set_clock(self.clock.now())
                for frame in self.center.beat(self._flags(), self.watch.supervision.verdict()):
                    self.link.send(frame)
                if self.clock.ms() - (self._reported_ms or 0) > self.settings.get("report_s") * 1000:
                    self._report()
            await asyncio.sleep(self.settings.get("beat_s"))

    def _clock_behind(self):
        if not self.center.synchronised():
            self.board.clock_behind()

    def _flags(self):
        readings = self.readings
        flags = codes.BEAT_MAINS if readings.mains else 0
        flags |= codes.BEAT_TAMPER if readings.tamper else 0
        flags |= codes.BEAT_SYNCHRONISED if self.center.synchronised() else 0
        return flags | (codes.BEAT_BATTERY_LOW if self.watch.supervision.battery.low else 0)

    def _report(self):
        self._reported_ms = self.clock.ms()
        report = Report(
            codes.CENTRAL, self.identity.epoch, self.identity.center, self.center.answers.take(), describe(self)
        )  # fmt: skip
        self.link.send(seal(self.identity.pairs[codes.CENTRAL].up, report))

    def _answer(self, line, now_ms):
        self._typed_ms = now_ms
        try:
            if self._console is None:
                # Only an installer needs it: until then it takes no memory.
                gc.collect()
                from firmware.console import Console

                self._console = Console(self)
            return self._console.answer(line)
        except MemoryError:
            gc.collect()
            return "no memory for that now; restart, then try again"


async def run(board, releases=None):
    """Run the program on a board; ends only by an error, with the outputs off."""
    later.prepare()
    try:
        try:
            app = App(board, releases)
        except Unprovisioned as error:
            from firmware import factory

            board.log(str(error))
            return await factory.wait(board)
        await app.run()
    finally:
        board.outputs_off()
