"""A new program on its way in: offers and blocks from the link, fetches to it, and when to restart. Called by app.

The Updater decides what is taken; this only passes on, and never works while an alarm runs.
"""

from protocol import codes
from protocol.errors import ProtocolError
from protocol.messages import FETCH, Fetch
from protocol.release import BLOCK, OFFER

ASK_AGAIN_MS = 5000
# A program on trial that could not be confirmed in this time restarts, and so spends a try.
TRIAL_S = 900
# An alarm that has just ended may come again; a restart can wait.
QUIET_MS = 60000


class Updating:
    """`files` is the os module; `send` says a frame over the link, `note` an event of the center's."""

    def __init__(self, board, files, identity, center, clock, send, note):
        self._board = board
        self._identity = identity
        self._center = center
        self._clock = clock
        self._send = send
        self._note = note
        self._updater = None
        if identity.release_key:
            from firmware.slots import Updater

            self._updater = Updater(board.flash, files, identity.release_key, board.kind)
        self._asked = None
        self._asked_ms = 0
        self._alarm_ms = None
        self._working = False
        self.refused = ""

    def busy(self):
        """Whether flash is being written or a trial is not confirmed yet."""
        return self._updater is not None and (self._working or self._updater.on_trial or self._updater.ready)

    def running(self):
        """The sequence of the release that runs, 0 for a program that came by none."""
        return self._updater.running_sequence if self._updater else 0

    def status(self):
        """For the report; None where no release can be verified."""
        if self._updater is None:
            return None
        known = self._updater.status()
        return {
            "release": known["sequence"],
            "percent": known["percent"],
            "state": known["state"],
            "error": self.refused or known["last_error"],
        }

    def receive(self, frame):
        """An offer or a block; whatever is not sealed for this boot by central is not looked at."""
        if self._updater is None:
            return
        key, nonce = self._identity.pairs[codes.CENTRAL].down, self._center.sessions[codes.CENTRAL].nonce
        layout = OFFER if frame[0] >> 2 & 0x0F == OFFER.kind else BLOCK
        try:
            head, body = layout.open(key, frame, nonce)
        except ProtocolError:
            return
        if (head.authority, head.epoch, head.center) != (codes.CENTRAL, self._identity.epoch, self._identity.center):
            return
        if layout is OFFER:
            alarm = bool(len(self._center.running))
            self.refused = self._updater.offer(body, self._clock.now(), self._board.free(), alarm) or ""
            if self.refused:
                self._board.log("update: refused: %s" % self.refused)
        elif not len(self._center.running):
            self._updater.block(head.release, head.offset, body)

    def tick(self, linked, healthy):
        """A small piece of work; True when the board shall restart now."""
        if self._updater is None:
            return False
        now_ms = self._clock.ms()
        if len(self._center.running):
            self._alarm_ms = now_ms
            return False
        if self._updater.on_trial:
            return self._trial(linked, healthy, now_ms)
        wanted = self._updater.wanted()
        if wanted is not None:
            if linked and (wanted != self._asked or now_ms - self._asked_ms >= ASK_AGAIN_MS):
                self._asked, self._asked_ms = wanted, now_ms
                fetch = Fetch(codes.CENTRAL, self._identity.epoch, self._identity.center, wanted[0], wanted[1])
                self._send(FETCH.seal(self._identity.pairs[codes.CENTRAL].up, fetch))
            return False
        self._working = self._updater.step()
        failed = self._updater.failed()
        if failed and failed != self._center.state.failed_release:
            self._center.state.failed_release = failed
            self._note(codes.UPDATE_FAILED)
        quiet = self._alarm_ms is None or now_ms - self._alarm_ms >= QUIET_MS
        return self._updater.ready and quiet

    def _trial(self, linked, healthy, now_ms):
        """A new program stays once central was heard and the drivers answer; one that does not get there starts anew."""
        if linked and healthy and self._center.synchronised() and self._updater.confirm():
            self._note(codes.UPDATED)
            return False
        return now_ms >= TRIAL_S * 1000
