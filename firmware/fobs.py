"""The panic fobs of a center: which of them was pressed, whether it is to be believed, and whether it may sound.

Called by app with what firmware/radio.py heard. It writes nothing: while `changed`, the caller stores `entries()` and
`spent` before anything moves, and then clears it.
"""

from binascii import hexlify, unhexlify
from collections import namedtuple

from firmware.radio import FIXED, ROLLING

SLOTS = 32
# How far a rolling fob's counter may be ahead: pressed out of reach so often, and so far that two presses in a row are
# asked for. The windows of Microchip's own decoders (AN661): what is further ahead was sent before.
AHEAD = 16
RESYNC = 32768
# A fixed code can be recorded and sent by anybody: what it may sound is counted in lifetime seconds (firmware/budget).
HOUR_S = 3600
DAY_S = 24 * 3600
PER_DAY = 2
REPORT_S = 60

SILENT = "silent"
ACTIONS = ("panic", SILENT)
WITHIN_HOUR = "sounded within the hour"
WITHIN_DAY = "fixed fobs sounded twice within 24 hours"

# assurance: "rolling" or "fixed"; reason: why it does not sound, "" when it does.
Press = namedtuple("Press", ("slot", "action", "assurance", "sounds", "reason"))


class Fobs:
    """`entries` as the vault keeps them, `spent` the soundings of fixed fobs: list of (lifetime second, slot).

    An entry: slot 1 to 32; kind; id (20 bits of a fixed fob, serial of a rolling one); action; button, the mask of
    those that count, 0 for any; of a rolling fob also key (16 hex digits) and counter, the last one accepted.
    """

    def __init__(self, entries, spent=None):
        self._entries = [dict(entry) for entry in entries]
        self.spent = [tuple(one) for one in spent or ()]
        self.changed = False
        self._ahead = {}  # slot: counter of the first of two presses that take up a fob far ahead
        self._reported = {}  # slot: when a fixed fob was last told of

    def entries(self):
        """Plain dicts for the vault."""
        return [dict(entry) for entry in self._entries]

    def heard(self, code, now_s):
        """A Press, or None for what is nobody's, a replay, a button that does not count, or told of a minute ago.

        `now_s` is in lifetime seconds.
        """
        kind, identity, buttons = _read(code)
        entry = self._known(kind, identity)
        if entry is None or (kind == ROLLING and not self._counts_on(entry, code[1])):
            return None
        if entry["button"] and not entry["button"] & buttons:
            return None
        slot, action = entry["slot"], entry["action"]
        reason = SILENT if action == SILENT else ""
        if kind == ROLLING:
            return Press(slot, action, "rolling", not reason, reason)
        reason = reason or self._limit(slot, now_s)
        if reason and now_s - self._reported.get(slot, -REPORT_S) < REPORT_S:
            return None
        self._reported[slot] = now_s
        if not reason:
            self.spent.append((now_s, slot))
            self.changed = True
        return Press(slot, action, "fixed", not reason, reason)

    def pair(self, code, action="panic", button=0, maker_key=None):
        """Take up the fob that sent `code`: (slot, "") or (0, what is wrong, a sentence for the installer).

        `maker_key` is the 16 hex digits of a rolling fob's maker; the fob's own key follows from it and the serial.
        """
        kind, identity, buttons = _read(code)
        known = self._known(kind, identity)
        if known:
            return 0, "this fob is already in slot %d" % known["slot"]
        if action not in ACTIONS or not 0 <= button <= 15:
            return 0, "the action is panic or silent, and the buttons are a mask of 4 bits"
        taken = [entry["slot"] for entry in self._entries]
        free = [slot for slot in range(1, SLOTS + 1) if slot not in taken]
        if not free:
            return 0, "all %d slots are taken: unpair a fob first" % SLOTS
        entry = {"slot": free[0], "kind": kind, "id": identity, "action": action, "button": button}
        if kind == ROLLING:
            try:
                entry["key"] = fob_key(maker_key, identity)
            except (TypeError, ValueError):
                return 0, "a rolling fob needs its maker's key, 16 hex digits"
            plain = decrypt(code[1][2], entry["key"])
            if not _whole(plain, identity, buttons):
                return 0, "this is not the key of the fob's maker"
            entry["counter"] = plain & 0xFFFF
        self._entries.append(entry)
        self.changed = True
        return free[0], ""

    def unpair(self, slot):
        """Forget the fob of a slot; whether there was one."""
        left = [entry for entry in self._entries if entry["slot"] != slot]
        if len(left) == len(self._entries):
            return False
        self._entries = left
        self._ahead.pop(slot, None)
        self._reported.pop(slot, None)
        self.changed = True
        return True

    def _known(self, kind, identity):
        for entry in self._entries:
            if entry["kind"] == kind and entry["id"] == identity:
                return entry
        return None

    def _counts_on(self, entry, value):
        """Whether a rolling fob sent this, and never before; its counter is then taken up."""
        serial, buttons, hopping = value
        plain = decrypt(hopping, entry["key"])
        if not _whole(plain, serial, buttons):
            return False
        slot, counter = entry["slot"], plain & 0xFFFF
        ahead = counter - entry["counter"] & 0xFFFF
        if not 0 < ahead <= RESYNC:
            return False
        if ahead > AHEAD and self._ahead.get(slot) != counter - 1 & 0xFFFF:
            self._ahead[slot] = counter
            return False
        self._ahead.pop(slot, None)
        entry["counter"] = counter
        self.changed = True
        return True

    def _limit(self, slot, now_s):
        """Why a fixed fob may not sound now; "" when it may."""
        self.spent = [(at, who) for at, who in self.spent if now_s - at < DAY_S]
        for at, who in self.spent:
            if who == slot and now_s - at < HOUR_S:
                return WITHIN_HOUR
        return WITHIN_DAY if len(self.spent) >= PER_DAY else ""


def _read(code):
    """(kind, id, buttons) of a code."""
    kind, value = code
    return (kind, value >> 4, value & 15) if kind == FIXED else (kind, value[0], value[1])


def _whole(plain, serial, buttons):
    """Whether a decrypted hopping code fits the open part of its frame: buttons, and ten bits of the serial."""
    return plain >> 28 == buttons and plain >> 16 & 0x3FF == serial & 0x3FF


def decrypt(cipher, key):
    """KeeLoq: 32 bits under a key of 16 hex digits; raises ValueError and TypeError for another key.

    The register's states are one sequence of bits, 32 of them a state, so that no round needs a large integer.
    """
    key = unhexlify(key)
    if len(key) != 8:
        raise ValueError("a key has 16 hex digits")
    bits = bytearray(560)
    for at in range(32):
        bits[528 + at] = cipher >> at & 1
    for at in range(527, -1, -1):
        index = bits[at + 1] | bits[at + 9] << 1 | bits[at + 20] << 2 | bits[at + 26] << 3 | bits[at + 31] << 4
        known = bits[at + 32] ^ bits[at + 16] ^ key[7 - (at >> 3 & 7)] >> (at & 7)
        bits[at] = (known ^ 0x3A5C742E >> index) & 1
    plain = 0
    for at in range(31, -1, -1):
        plain = plain << 1 | bits[at]
    return plain


def fob_key(maker_key, serial):
    """A rolling fob's key, 16 hex digits, of its maker's: Microchip's "normal learning" (AN744)."""
    halves = [decrypt(serial | mark, maker_key) for mark in (0x60000000, 0x20000000)]
    return hexlify(b"".join([half.to_bytes(4, "big") for half in halves])).decode()
