"""A center without identity: outputs off, no link, and a console that takes what enrolment made. Called by app.run.

It refuses everything but provisioning: there is no key by which anything could be believed.
"""

import asyncio
import json
import os
from binascii import a2b_base64, b2a_base64

from protocol.errors import ProtocolError

NAMES = ("device.json", "ca.der", "cert.der", "key.der")
# Written last: with it the center has an identity.
LAST = "device.json"
TICK_MS = 50
HELP = """this center is factory-new: it refuses everything but provisioning
put FILE BASE64   add octets to one of device.json, ca.der, cert.der, key.der
drop              forget what was put
provision         take it over and start"""


class Factory:
    """`put` gathers each file beside its place; `provision` checks them, and gives them their places."""

    def __init__(self, folder, files=os):
        self._folder = folder
        self._files = files
        self._begun = set()
        self.done = False

    def answer(self, line):
        """The lines to print for a line that was typed; `done` once the center has an identity."""
        words = line.split()
        if len(words) == 3 and words[0] == "put" and words[1] in NAMES:
            return self._put(words[1], words[2])
        if words == ["drop"]:
            self._begun.clear()
            return "forgotten"
        if words == ["provision"]:
            return self._provision()
        return HELP if words else ""

    def _put(self, name, text):
        try:
            octets = a2b_base64(text)
            if b2a_base64(octets).strip() != text.encode():
                # MicroPython skips what is none.
                raise ValueError
        except ValueError:
            return "that is not base64: nothing was added"
        try:
            with open(self._folder + name + "-put", "ab" if name in self._begun else "wb") as file:
                file.write(octets)
        except OSError as error:
            return "flash failed: %s" % error
        self._begun.add(name)
        return "ok"

    def _provision(self):
        missing = [name for name in NAMES if name not in self._begun]
        if missing:
            return "missing: " + " ".join(missing)
        from firmware.identity import Identity
        from firmware.link import tls_context

        # Whatever is wrong, the next attempt begins with nothing.
        self._begun.clear()
        try:
            with open(self._folder + LAST + "-put") as file:
                device = json.load(file)
            Identity(device)
            if "serial" not in device and not [
                "%s:%d %s" % (one["host"], one["port"], one["name"]) for one in device["endpoints"]
            ]:
                raise ValueError("no endpoints")
            for name in NAMES[1:]:
                self._files.rename(self._folder + name + "-put", self._folder + name)
            tls_context(self._folder)
            self._files.rename(self._folder + LAST + "-put", self._folder + LAST)
        except (ProtocolError, ValueError, KeyError, TypeError, OSError) as error:
            return "not provisioned, put all four files again: %r" % (error,)
        self.done = True
        return "provisioned"


async def wait(board):
    """Serve the console until the center is provisioned, then restart."""
    board.outputs_off()
    board.say(HELP)
    factory = Factory(board.flash)
    while not factory.done:
        line = board.typed()
        if line is not None:
            board.say(factory.answer(line))
        board.look()
        board.feed()
        await asyncio.sleep(TICK_MS / 1000)
    board.restart()
