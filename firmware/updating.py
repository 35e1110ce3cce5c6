"""A new program on its way in, while the program runs: offers are kept, blocks fetched, a trial confirmed, and when to restart.

Whether a release is taken, and what is laid down, is firmware.install's business at a start; nothing here works during an alarm.
Called by app.
"""

from firmware import boot
from firmware.fetched import BLOCK as BLOCK_SIZE
from firmware.fetched import Fetched
from firmware.install import INCOMING
from protocol import codes
from protocol.errors import ProtocolError
from protocol.layout import authority_of, kind_of
from protocol.messages import FETCH, Fetch
from protocol.release import BLOCK, OFFER

ASK_AGAIN_MS = 5000
# A program on trial that could not be confirmed in this time restarts, and so spends a try.
TRIAL_MS = 900000
# An alarm that has just ended may come again; a restart can wait.
QUIET_MS = 60000


class Updating:
    """`files` is the os module; `known` what firmware.install found, None where no release can be verified.

    `send` says a frame over the link, `note` an event. `running` is the sequence of the release that runs, 0 for a program
    that came by none; `busy`: a trial is not confirmed yet.
    """

    def __init__(self, board, files, known, identity, center, clock, send, note, opened=open):
        self._board = board
        self._files = files
        self._known = known
        self._identity = identity
        self._center = center
        self._clock = clock
        self._send = send
        self._note = note
        self._open = opened
        self._fetched = None
        self._have = 0
        self._asked = None
        self._asked_ms = 0
        self._alarm_ms = None
        self._restart = False
        if not identity.release_key:
            known = self._known = None
        self.running = known["running"] if known else 0
        self.busy = bool(known and known["trial"])
        if known and known["size"]:
            self._fetched = Fetched(board.flash, files, opened)
            self._have = self._fetched.length(known["size"])

    def status(self):
        """For the report; None where no release can be verified."""
        known = self._known
        if known is None:
            return None
        state = "trial" if self.busy else "fetching" if self._fetched else "idle"
        return {
            "release": known["release"],
            "percent": 100 * self._have // known["size"] if self._fetched else 0,
            "state": state,
            "error": known["error"],
        }

    def receive(self, frame):
        """An offer of central's, or a block, from the gateway too; what is not sealed for this boot is not looked at."""
        if self._known is None or len(self._center.running):
            return
        try:
            layout = OFFER if kind_of(frame) == OFFER.kind else BLOCK
            authority = authority_of(frame)
            # Whoever gave the blocks: the image is worth something by the digest that was signed, and by that alone.
            if authority != codes.CENTRAL and (layout is OFFER or authority != codes.LOCAL):
                return
            nonce = self._center.sessions[authority].nonce
            head, body = layout.open(self._identity.pairs[authority].down, frame, nonce)
        except ProtocolError:
            return
        if (head.epoch, head.center) != (self._identity.epoch, self._identity.center):
            return
        if layout is OFFER:
            self._offered(body)
        else:
            self._block(head.release, head.offset, body)

    def tick(self, linked, healthy):
        """A small piece of work; True when the board shall restart now."""
        known = self._known
        if known is None:
            return False
        if known["failed"] and known["failed"] != self._center.state.failed_release:
            self._center.state.failed_release = known["failed"]
            self._note(codes.UPDATE_FAILED)
        now_ms = self._clock.ms()
        if len(self._center.running):
            self._alarm_ms = now_ms
            return False
        if self.busy:
            return self._trial(linked, healthy, now_ms)
        if self._restart:
            return self._alarm_ms is None or now_ms - self._alarm_ms >= QUIET_MS
        if self._fetched and linked:
            self._fetch(known, now_ms)
        return False

    def _fetch(self, known, now_ms):
        if self._have == self._asked and now_ms - self._asked_ms < ASK_AGAIN_MS:
            return
        self._asked, self._asked_ms = self._have, now_ms
        fetch = Fetch(codes.CENTRAL, self._identity.epoch, self._identity.center, known["release"], self._have)
        self._send(FETCH.seal(self._identity.pairs[codes.CENTRAL].up, fetch))

    def _block(self, release, offset, octets):
        known = self._known
        wanted = self._fetched and (release, offset) == (known["release"], self._have)
        if not wanted or len(octets) != min(BLOCK_SIZE, known["size"] - offset):
            return
        try:
            self._fetched.write(offset, octets)
        except OSError:
            # Not again before the next start: flash wears.
            self._fetched = None
            known["error"] = "flash failed: %d" % release
            return
        self._have += len(octets)
        self._restart = self._have == known["size"]

    def _offered(self, manifest):
        """Kept for the next start, which judges it; what this program has refused before costs no restart again."""
        known = self._known
        # Four octets of magic, then the sequence (protocol/manifest.py).
        sequence = int.from_bytes(manifest[4:8], "big")
        now = self._clock.now()
        # Whether it has expired is judged by central's time; the gateway's would not do.
        if self.busy or self._restart or not self._center.synchronised():
            return
        if sequence in (self.running, known["release"]) or sequence in known["refused"]:
            return
        if sequence == known["failed"]:
            known["error"] = "failed before: %d" % sequence
            return
        try:
            with self._open(self._board.flash + INCOMING + "-new", "wb") as file:
                file.write(now.to_bytes(4, "big") + manifest)
            self._files.rename(self._board.flash + INCOMING + "-new", self._board.flash + INCOMING)
        except OSError:
            known["error"] = "flash failed: %d" % sequence
            return
        self._restart = True

    def _trial(self, linked, healthy, now_ms):
        """A new program stays once central was heard and the drivers answer; one that does not get there starts anew."""
        if not (linked and healthy and self._center.synchronised()):
            return now_ms >= TRIAL_MS
        state = boot.read(self._board.flash, self._open)
        state["active"], state["trial"], state["why"] = self._known["slot"], "", ""
        state["highest"] = max(state["highest"], self.running)
        try:
            boot.store(self._board.flash, self._files, state, self._open)
        except OSError:
            return now_ms >= TRIAL_MS
        self.busy = False
        self._known["error"] = ""
        self._note(codes.UPDATED)
        return False
