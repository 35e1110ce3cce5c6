"""The heavy part of an update, at a start, before the program loads: an offer is judged, an image verified and unpacked.

In a running program there is no memory for it in one piece. It takes a board some twenty seconds, in which it hears nothing, and ends
in a restart, so that the program finds the heap clean; firmware.updating does the rest while the program runs. Called by main.
"""

import json
import os
import sys

from firmware import boot
from firmware.fetched import Fetched

# An offer that came over the link: Unix seconds then (4 octets), and the manifest.
INCOMING = "offer-in"
# What the last judgements were: release and size while it is fetched, the error, the sequences that were refused and those whose
# image came to nothing while the release `by` ran, tries.
JUDGED = "judged"
REFUSED = 4
# So many times in a row one and the same image may turn out not to be the signed one, or not to fit, before it is refused.
SPOILED = 3
TRIES = 5


def finish(board, files=os, opened=open, path=None):
    """What is known of releases, a dict for firmware.updating. `path` is sys.path, in which boot put the slot that runs.

    Where there is something to judge or to install, the board restarts after it, and this does not return.
    """
    board.outputs_off()
    folder = board.flash
    known = light(folder, opened, sys.path if path is None else path)
    if known["trial"]:
        return known
    incoming = _octets(folder + INCOMING, opened)
    whole = known["size"] and Fetched(folder, files, opened).length(known["size"]) == known["size"]
    if not incoming and not whole:
        return known
    try:
        if known["tries"] >= TRIES:
            known["size"], known["error"] = 0, "not installed in %d tries: %d" % (TRIES, known["release"])
            if incoming:
                files.remove(folder + INCOMING)
                incoming = b""
        _remember(folder, known, known["tries"] + 1 if known["size"] or incoming else 0, files, opened)
        if incoming or known["size"]:
            _heavy(board, known, incoming, files, opened)
    except Exception as error:
        # Whatever it is, the program before goes on; after some tries it is given up.
        known["error"] = "%r: %d" % (error, known["release"])
        board.log("update: " + known["error"])
        if isinstance(error, OSError):
            # A flash that takes nothing would be tried for ever.
            return known
    board.restart()


def light(folder, opened=open, path=()):
    """What some small files say, without the program of updates."""
    state = boot.read(folder, opened) or {"trial": "", "failed": 0, "why": ""}
    running = [slot for slot in boot.SLOTS if folder + slot in path]
    known = {"release": 0, "size": 0, "error": "", "refused": [], "spoiled": [], "by": 0, "tries": 0}
    try:
        known.update(json.loads(_octets(folder + JUDGED, opened).decode() or "{}"))
        sequence = int(_octets(folder + running[0] + "/contents", opened).split()[0].decode()) if running else 0
    except (ValueError, IndexError):
        sequence = 0
    if state["why"] and not known["error"]:
        known["error"] = "%s: %d" % (state["why"], state["failed"])
    known["running"], known["slot"] = sequence, running[0] if running else ""
    known["trial"] = bool(running) and running[0] == state["trial"]
    known["failed"] = state["failed"]
    if known["by"] != sequence:
        # Another program may be offered what the one before it had to refuse.
        known["refused"], known["spoiled"], known["by"] = [], [], sequence
    return known


def _heavy(board, known, incoming, files, opened):
    from firmware.identity import Identity
    from firmware.slots import Updater
    from firmware.vault import Vault

    key = Identity(Vault(board.flash, files, opened, board.feed).device()).release_key
    updater = Updater(board.flash, files, key, board.kind, known["slot"], known["running"], opened)
    known["error"] = ""
    if incoming:
        files.remove(board.flash + INCOMING)
        sequence = int.from_bytes(incoming[8:12], "big")
        reason = updater.offer(incoming[4:], int.from_bytes(incoming[:4], "big"), board.free())
        if reason:
            _refuse(known, sequence)
            known["error"] = "%s: %d" % (reason, sequence)
            board.log("update refused: " + known["error"])
    offered = updater.offered
    for _ in updater.work():
        board.feed()
    if offered and not updater.offered:
        # Not for ever: flash wears, and a board that restarts hears nothing.
        known["spoiled"] = (known["spoiled"] + [offered.sequence])[-SPOILED:]
        if known["spoiled"] == [offered.sequence] * SPOILED:
            _refuse(known, offered.sequence)
    known["error"] = known["error"] or updater.error
    known["release"] = known["size"] = 0
    if updater.offered and not updater.ready and not updater.stopped:
        known["release"], known["size"] = offered.sequence, offered.size
    _remember(board.flash, known, 0, files, opened)
    board.log("update: " + (known["error"] or ("ready" if updater.ready else "fetching")))


def _refuse(known, sequence):
    known["refused"] = (known["refused"] + [sequence])[-REFUSED:]


def _remember(folder, known, tries, files, opened):
    kept = {name: known[name] for name in ("release", "size", "error", "refused", "spoiled", "by")}
    kept["tries"] = known["tries"] = tries
    with opened(folder + JUDGED + "-new", "wb") as file:
        file.write(json.dumps(kept).encode())
    files.rename(folder + JUDGED + "-new", folder + JUDGED)


def _octets(path, opened):
    try:
        with opened(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
