"""Chooses the slot whose program starts. Laid down once as /choose.py, for the board's own /boot.py; no update replaces it.

So it asks for nothing but the interpreter, and what it reads and writes is a contract with every release: `slots-a` and
`slots-b` (SHA-256, then JSON), and `contents` in each slot. Whatever it finds, it starts something, and never raises.
"""

import json
import sys
from hashlib import sha256

SLOTS = ("a", "b")
STATES = ("slots-a", "slots-b")
TRIES = 3
_BLOCK = 512


def choose(folder, files, opened=open, path=None):
    """The slot to start ("a", "b", or None where there are none), put first in `path` (sys.path).

    `folder` ends with a slash; `files` is the os module. A slot on trial is started only after one of its tries has been
    counted off in flash; without any left, or damaged, it has failed.
    """
    slot = None
    try:
        slot = _choice(folder, files, opened)
    except Exception as error:
        print("slots: %r" % (error,))
        slot = _present(folder, files, SLOTS)
    if slot:
        path = sys.path if path is None else path
        path.insert(0, folder + slot)
    return slot


def _choice(folder, files, opened):
    state = read(folder, opened) or found(folder, opened)
    trial = state["trial"]
    if trial:
        spent = state["tries"] <= 0
        if not spent and complete(folder, trial, opened):
            state["tries"] -= 1
            try:
                store(folder, files, state, opened)
                return trial
            except OSError as error:
                # A try that cannot be counted is not taken: it might be taken for ever.
                print("slots: %r" % (error,))
        else:
            fail(state, "trial failed" if spent else "trial damaged")
            try:
                store(folder, files, state, opened)
            except OSError as error:
                print("slots: %r" % (error,))
    order = (state["active"], "b" if state["active"] == "a" else "a")
    for slot in order:
        if complete(folder, slot, opened):
            return slot
    # Neither is whole. A program with a damaged part may still sound the siren; none at all never does.
    return _present(folder, files, order)


def fail(state, why):
    """The trial is over: its sequence is not tried again."""
    state["failed"], state["why"] = state["sequence"], why
    state["trial"] = ""


def read(folder, opened=open):
    """The newest whole state, or None."""
    best = None
    for name in STATES:
        try:
            with opened(folder + name, "rb") as file:
                content = file.read()
            if sha256(content[32:]).digest() == content[:32]:
                state = json.loads(content[32:].decode())
                if best is None or state["generation"] > best["generation"]:
                    best = state
        except (OSError, ValueError):
            pass
    return best


def store(folder, files, state, opened=open):
    """Write the state over the older file, by one rename; after it returns, the state survives a power cut."""
    written = dict(state)
    written["generation"] += 1
    body = json.dumps(written).encode()
    with opened(folder + "slots-new", "wb") as file:
        file.write(sha256(body).digest() + body)
    # Generations take turns, so the older of the two files is the one that is written over.
    files.rename(folder + "slots-new", folder + STATES[written["generation"] % 2])
    state["generation"] = written["generation"]
    sync = getattr(files, "sync", None)
    if sync:
        sync()


def complete(folder, slot, opened=open):
    """The sequence of the release in a slot whose every file is as `contents` says, else None.

    Lines of `contents`: sequence and version; for each file its SHA-256 and path; the SHA-256 of all lines above.
    """
    total = sha256()
    sequence = None
    try:
        with opened(folder + slot + "/contents", "rb") as file:
            for line in file:
                words = line.decode().split()
                if len(words) == 1:
                    return sequence if words[0] == total.digest().hex() else None
                if sequence is None:
                    sequence = int(words[0])
                elif words[0] != digest(folder + slot + "/" + words[1], opened).hex():
                    return None
                total.update(line)
    except (OSError, ValueError, IndexError):
        pass
    return None


def digest(path, opened=open):
    """The SHA-256 of a file."""
    total = sha256()
    with opened(path, "rb") as file:
        while True:
            block = file.read(_BLOCK)
            if not block:
                return total.digest()
            total.update(block)


def found(folder, opened=open):
    """A state for flash that has none: from the factory, or both files damaged.

    Of two whole slots the older one has been good before; the newer one is on trial, so that a bad one cannot stay.
    """
    sequences = [complete(folder, slot, opened) for slot in SLOTS]
    first, second = [sequence or 0 for sequence in sequences]
    state = {
        "generation": 0,
        "active": "a",
        "trial": "",
        "tries": 0,
        "sequence": 0,
        "failed": 0,
        "why": "",
        "highest": 0,
    }
    if second and (not first or second < first):
        state["active"] = "b"
    if first and second and first != second:
        state["trial"], state["tries"], state["sequence"] = ("a" if first > second else "b"), TRIES, max(first, second)
    return state


def _present(folder, files, order):
    for slot in order:
        try:
            files.stat(folder + slot + "/firmware")
            return slot
        except OSError:
            pass
    return None
