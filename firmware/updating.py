"""A new program on its way in: offers and blocks from the link, fetches to it, and when to restart. Called by app.

The Updater decides what is taken; this only passes on, never works while an alarm runs, and holds the Updater's program only
while there is something to do.
"""

from firmware import later
from protocol import codes
from protocol.errors import ProtocolError
from protocol.messages import FETCH, Fetch
from protocol.release import BLOCK, OFFER

ASK_AGAIN_MS = 5000
# A program on trial that could not be confirmed in this time restarts, and so spends a try.
TRIAL_MS = 900000
# An alarm that has just ended may come again; a restart can wait.
QUIET_MS = 60000


class Updating:
    """`files` is the os module; `send` says a frame over the link, `note` an event of the center's.

    `running` is the sequence of the release that runs, 0 for a program that came by none. `working`: nothing else that
    takes long shall begin.
    """

    def __init__(self, board, files, identity, center, clock, send, note):
        self._board = board
        self._files = files
        self._identity = identity
        self._center = center
        self._clock = clock
        self._send = send
        self._note = note
        self._updater = None
        self._status = None
        self._refused = ""
        self._asked = None
        self._asked_ms = 0
        self._alarm_ms = None
        self.running = 0
        self.working = False
        if identity.release_key:
            self._begin()

    def status(self):
        """For the report; None where no release can be verified."""
        known = self._updater.status() if self._updater else self._status
        if known is None:
            return None
        return {
            "release": known["sequence"],
            "percent": known["percent"],
            "state": known["state"],
            "error": self._refused or known["last_error"],
        }

    def receive(self, frame):
        """An offer or a block; whatever is not sealed for this boot by central is not looked at."""
        if not self._identity.release_key:
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
            self._offered(body)
        elif self._updater and not len(self._center.running):
            self._updater.block(head.release, head.offset, body)

    def tick(self, linked, healthy):
        """A small piece of work; True when the board shall restart now."""
        updater = self._updater
        if updater is None:
            return False
        now_ms = self._clock.ms()
        if len(self._center.running):
            self._alarm_ms = now_ms
            return False
        if updater.on_trial:
            return self._trial(linked, healthy, now_ms)
        wanted = updater.wanted()
        if wanted is not None:
            if linked and (wanted != self._asked or now_ms - self._asked_ms >= ASK_AGAIN_MS):
                self._asked, self._asked_ms = wanted, now_ms
                fetch = Fetch(codes.CENTRAL, self._identity.epoch, self._identity.center, wanted[0], wanted[1])
                self._send(FETCH.seal(self._identity.pairs[codes.CENTRAL].up, fetch))
            return False
        self.working = updater.step()
        if updater.ready:
            return self._alarm_ms is None or now_ms - self._alarm_ms >= QUIET_MS
        if not self.working:
            self._end()
        return False

    def _begin(self):
        if self._updater is None:
            from firmware.slots import Updater

            self._updater = Updater(self._board.flash, self._files, self._identity.release_key, self._board.kind)
            self.running = self._updater.running_sequence

    def _end(self):
        """Nothing more to do: give the program of updates back, and tell of a release that failed."""
        updater = self._updater
        failed = updater.failed()
        if failed and failed != self._center.state.failed_release:
            self._center.state.failed_release = failed
            self._note(codes.UPDATE_FAILED)
        if updater.status()["sequence"] == 0:
            self._status = updater.status()
            self._updater = None
            later.forget(later.UPDATES)

    def _offered(self, manifest):
        try:
            self._begin()
            alarm = bool(len(self._center.running))
            self._refused = self._updater.offer(manifest, self._clock.now(), self._board.free(), alarm) or ""
        except MemoryError:
            self._refused = "no memory for it now"
        if self._refused:
            # Four octets of magic, then the sequence (protocol/manifest.py): central wants to know which release it is about.
            self._refused += ": %d" % int.from_bytes(manifest[4:8], "big")
            self._board.log("update refused: " + self._refused)

    def _trial(self, linked, healthy, now_ms):
        """A new program stays once central was heard and the drivers answer; one that does not get there starts anew."""
        self.working = True
        if linked and healthy and self._center.synchronised() and self._updater.confirm():
            self.working = False
            self._note(codes.UPDATED)
            return False
        return now_ms >= TRIAL_MS
