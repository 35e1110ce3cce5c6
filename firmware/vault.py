"""State in flash: two slots, a digest on each, written whole to a temporary file and renamed, never removed first.

On littlefs remove-then-rename lost counters on a model of power cuts; a rename over the older slot is atomic, and the
newer slot is never touched, so a cut at any moment leaves at least the state before.
"""

import json
from hashlib import sha256

from firmware.state import State, unpack
from protocol.errors import Malformed

SLOTS = ("state-a", "state-b")
_GENERATION = 4
_DIGEST = 32


class Vault:
    """`folder` is the device's folder with a slash at its end; `files` the os module, or one that fails in a test."""

    def __init__(self, folder, files, opened=open):
        self._folder = folder
        self._files = files
        self._open = opened
        self._generation = 0
        self._slot = 0

    def device(self):
        """The file that enrolment wrote."""
        with self._open(self._folder + "device.json") as file:
            return json.load(file)

    def load(self, epoch):
        """The newest whole state, or a new one; of one from another key epoch only the counters are not continued.

        Its boot count must be: central believes no hello with a lower one.
        """
        best = None
        for index, name in enumerate(SLOTS):
            found = self._read(name)
            if found and found[0] > self._generation:
                self._generation, best = found
                self._slot = index
        if best is None:
            return State(epoch)
        if best.epoch != epoch:
            best.renew(epoch)
        return best

    def save(self, state):
        """Write to the slot that is not the newest one; after it returns, the state survives a power cut."""
        self._generation += 1
        target = 1 - self._slot
        body = self._generation.to_bytes(_GENERATION, "big") + state.pack()
        path = self._folder + SLOTS[target]
        temporary = self._folder + "state-new"
        with self._open(temporary, "wb") as file:
            file.write(sha256(body).digest() + body)
        self._files.rename(temporary, path)
        sync = getattr(self._files, "sync", None)
        if sync:
            sync()
        self._slot = target

    def _read(self, name):
        """(generation, state) of a slot, or None when it is missing or damaged."""
        try:
            with self._open(self._folder + name, "rb") as file:
                content = file.read()
        except OSError:
            return None
        body = content[_DIGEST:]
        if sha256(body).digest() != content[:_DIGEST]:
            return None
        try:
            return int.from_bytes(body[:_GENERATION], "big"), unpack(body[_GENERATION:])
        except Malformed:
            return None
