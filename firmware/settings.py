"""What may be set at a center, as data, and where it is kept. Called by app and by the console; reads no clock, prints nothing.

Three layers: the value that was set here (in flash), else the one of enrolment (`settings` in device.json), else the
schema's default. Nothing damaged, unknown or out of range stops the program: the layer below counts.
"""

import json
from hashlib import sha256

from firmware.slotted import Slotted

INT = "whole number"
BOOL = "yes or no"
CHOICE = "one of"
TEXT = "text"

# (name, type, default, minimum and maximum | choices | greatest length, what it is). Names with a dot are read together:
# get("nominal_ma") is {"siren": 900, ...} of those above 0.
SCHEMA = (
    ("name", TEXT, "", 40, "what people call this place"),
    ("hold_ms", INT, 1500, (300, 5000), "how long a button is held until it counts"),
    ("siren", CHOICE, "relay", ("relay", "pwm"), "a siren with its own sound, or a horn driven with one"),
    ("siren_hz", INT, 1000, (200, 4000), "pitch of a horn driven by pwm"),
    ("microphone", BOOL, False, None, "a microphone is fitted that hears the siren"),
    ("siren_db", INT, 95, (40, 140), "louder than this is a siren"),
    ("heard_db", INT, 85, (40, 140), "the own siren is at least so loud"),
    ("motion", BOOL, False, None, "a motion detector is fitted"),
    ("light", BOOL, False, None, "a light sensor is fitted"),
    ("rf", BOOL, False, None, "a receiver for fobs is fitted"),
    ("tamper", CHOICE, "report", ("report", "erase"), "what an opened cabinet does: tell, or erase the vault too"),
    ("mains_defer_s", INT, 120, (0, 7200), "how long mains must be away until it is told"),
    ("battery_ah", INT, 7, (1, 200), "capacity of the battery"),
    ("chemistry", CHOICE, "sla", ("sla", "lifepo4"), "kind of the battery"),
    ("nominal_ma.siren", INT, 0, (0, 20000), "current of the siren when it was fitted, 0 unknown"),
    ("nominal_ma.strobe", INT, 0, (0, 20000), "the same of the strobe"),
    ("nominal_ma.floodlight", INT, 0, (0, 20000), "the same of the floodlight"),
    ("nominal_ma.indicator", INT, 0, (0, 20000), "the same of the indicator"),
    ("open_percent", INT, 30, (1, 99), "less of the nominal current is a cut wire"),
    ("short_percent", INT, 250, (101, 1000), "more of it is a short circuit"),
    ("test_hour", INT, 11, (0, 23), "hour of the daily test of the outputs"),
    ("beat_s", INT, 60, (1, 3600), "between heartbeats"),
    ("report_s", INT, 3600, (60, 86400), "between reports"),
)

_WORDS = {"yes": True, "on": True, "true": True, "1": True, "no": False, "off": False, "false": False, "0": False}


class Settings:
    """`fobs` is a list of dicts that only firmware.fobs understands; they are kept in the same file, by the same `save`.

    `folder` has a slash at its end; `files` is the os module, or one that fails in a test.
    """

    def __init__(self, folder, files, opened=open):
        self._slots = Slotted(folder, "settings", files, opened)
        self._defaults = {row[0]: row[2] for row in SCHEMA}
        self._set = {}
        self._salt = ""
        self.fobs = []

    def load(self, device):
        """Read flash over the enrolment's values (`device` is device.json as a dict); problem sentences, to be logged."""
        problems = []
        self._salt = str(device.get("root", ""))
        self._defaults = {row[0]: row[2] for row in SCHEMA}
        self._defaults.update(_valid(device.get("settings"), problems))
        document = self._slots.read(_document) or {"values": {}, "fobs": []}
        self._set = _valid(document["values"], problems)
        self.fobs = document["fobs"]
        return problems

    def get(self, name):
        """The value now: int, bool or str; a dict for the first part of dotted names; None for an unknown name."""
        if name in self._set:
            return self._set[name]
        if name in self._defaults:
            return self._defaults[name]
        parts = [row[0] for row in SCHEMA if row[0].startswith(name + ".")]
        return {part[len(name) + 1 :]: self.get(part) for part in parts if self.get(part)} if parts else None

    def set(self, name, text):
        """Take over what a person typed; None, or the sentence that says what is allowed. `save` keeps it."""
        for row in SCHEMA:
            if row[0] == name:
                break
        else:
            return "there is no setting %s; there are: %s" % (name, ", ".join([row[0] for row in SCHEMA]))
        value = text
        if row[1] == BOOL:
            value = _WORDS.get(text.strip().lower())
        elif row[1] == INT:
            digits = text.strip()
            # int() takes more than a person means by a number, and not the same on every interpreter.
            value = int(digits) if digits and len(digits) < 8 and not digits.strip("0123456789") else None
        elif row[1] == CHOICE:
            value = text.strip().lower()
        if not _allowed(row, value):
            return "%s must be %s, not '%s'" % (name, _range(row), text)
        self._set[name] = value
        return None

    def save(self):
        """Whether flash has the values that were set and the fobs; a power cut leaves all of them or all from before."""
        try:
            self._slots.write(json.dumps({"values": self._set, "fobs": self.fobs}).encode())
        except OSError:
            return False
        return True

    def digest(self):
        """The configuration's hash for reports, 8 hex digits: equal values give equal hashes.

        Fobs count but for their running counters, salted, so that nobody finds a short code by trying all of them.
        """
        lines = ["%s=%s\n" % (row[0], _text(self.get(row[0]))) for row in SCHEMA]
        for fob in self.fobs:
            lines.append(",".join(["%s:%s" % (key, fob[key]) for key in sorted(fob) if key != "counter"]) + "\n")
        if self.fobs:
            lines.append(self._salt)
        return sha256("".join(lines).encode()).digest()[:4].hex()

    def rows(self):
        """(name, value, what is allowed, what it is), all text, in the schema's order; never anything of a fob."""
        return [(row[0], _text(self.get(row[0])), _range(row), row[4]) for row in SCHEMA]


def _document(octets):
    """The settings file; raises ValueError for anything else."""
    document = json.loads(octets)
    if not isinstance(document, dict) or not isinstance(document.get("values"), dict):
        raise ValueError("no settings")
    fobs = document.get("fobs")
    if not isinstance(fobs, list) or not all([isinstance(fob, dict) for fob in fobs]):
        raise ValueError("no fobs")
    return document


def _valid(values, problems):
    """Those of a dict that the schema allows, dotted; of the others a sentence each."""
    found = {}
    for name, value in (values if isinstance(values, dict) else {}).items():
        if isinstance(value, dict):
            found.update(_valid({"%s.%s" % (name, part): value[part] for part in value}, problems))
            continue
        for row in SCHEMA:
            if row[0] == name and _allowed(row, value):
                found[name] = value
        if name not in found:
            problems.append("setting %s is unknown or out of range: not used" % name)
    return found


def _allowed(row, value):
    if row[1] == BOOL:
        return value is True or value is False
    if row[1] == INT:
        return isinstance(value, int) and not isinstance(value, bool) and row[3][0] <= value <= row[3][1]
    if row[1] == CHOICE:
        return value in row[3]
    # Control characters would break lines of a console; half a surrogate cannot be written.
    return (
        isinstance(value, str)
        and len(value) <= row[3]
        and not any([ord(one) < 32 or 127 <= ord(one) < 160 or 0xD800 <= ord(one) < 0xE000 for one in value])
    )


def _range(row):
    if row[1] == INT:
        return "a whole number from %d to %d" % row[3]
    if row[1] == CHOICE:
        return " or ".join(row[3])
    return BOOL if row[1] == BOOL else "a line of at most %d characters" % row[3]


def _text(value):
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
