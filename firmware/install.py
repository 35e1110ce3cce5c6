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
# What the last judgement was: release and size while it is fetched, the error, the sequence that was refused, tries.
JUDGED = "judged"
TRIES = 5


def finish(board):
    """What is known of releases, a dict for firmware.updating; None where none can be verified.

    Where there is something to judge or to install, the board restarts after it, and this does not return.
    """
    board.outputs_off()
    folder = board.flash
    known = light(folder)
    if known["trial"]:
        return known
    incoming = _octets(folder + INCOMING)
    whole = known["size"] and Fetched(folder, os).length(known["size"]) == known["size"]
    if not incoming and not whole:
        return known
    if known["tries"] >= TRIES:
        known["size"], known["error"] = 0, "not installed in %d tries: %d" % (TRIES, known["release"])
    _remember(folder, known, known["tries"] + 1 if known["size"] or incoming else 0)
    if incoming or known["size"]:
        try:
            _heavy(board, known, incoming)
        except Exception as error:
            known["error"] = "%r: %d" % (error, known["release"])
            board.log("update: " + known["error"])
    board.restart()


def light(folder):
    """What some small files say, without the program of updates."""
    state = boot.read(folder) or {"trial": "", "failed": 0, "why": ""}
    running = [slot for slot in boot.SLOTS if folder + slot in sys.path]
    known = {"release": 0, "size": 0, "error": "", "refused": 0, "tries": 0}
    try:
        known.update(json.loads(_octets(folder + JUDGED).decode() or "{}"))
        sequence = int(_octets(folder + running[0] + "/contents").split()[0].decode()) if running else 0
    except (ValueError, IndexError):
        sequence = 0
    if state["why"] and not known["error"]:
        known["error"] = "%s: %d" % (state["why"], state["failed"])
    known["running"], known["slot"] = sequence, running[0] if running else ""
    known["trial"] = bool(running) and running[0] == state["trial"]
    known["failed"] = state["failed"]
    return known


def _heavy(board, known, incoming):
    from firmware.identity import Identity
    from firmware.slots import Updater
    from firmware.vault import Vault
    from protocol.manifest import unpack

    key = Identity(Vault(board.flash, os, feed=board.feed).device()).release_key
    updater = Updater(board.flash, os, key, board.kind)
    known["error"] = ""
    if incoming:
        os.remove(board.flash + INCOMING)
        sequence = int.from_bytes(incoming[8:12], "big")
        reason = updater.offer(incoming[4:], int.from_bytes(incoming[:4], "big"), board.free(), False)
        if reason:
            known["refused"], known["error"] = sequence, "%s: %d" % (reason, sequence)
            board.log("update refused: " + known["error"])
    while updater.step():
        board.feed()
    told = updater.status()
    known["error"] = known["error"] or told["last_error"]
    known["release"] = known["size"] = 0
    if told["state"] == "fetching":
        known["release"], known["size"] = told["sequence"], unpack(_octets(board.flash + "offer")).size
    _remember(board.flash, known, 0)
    board.log("update: release %d, %s" % (told["sequence"], known["error"] or told["state"]))


def _remember(folder, known, tries):
    kept = {name: known[name] for name in ("release", "size", "error", "refused")}
    kept["tries"] = known["tries"] = tries
    with open(folder + JUDGED + "-new", "w") as file:
        json.dump(kept, file)
    os.rename(folder + JUDGED + "-new", folder + JUDGED)


def _octets(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
