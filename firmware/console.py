"""The installer's console on the serial port: one line in, some lines out. Called by app; no secret is ever in an answer.

Whoever reaches it stands in the open cabinet. It can make this center sound nothing, and forget only when told its name.
"""

from firmware.description import describe
from protocol import codes
from protocol.topics import center_name

NO_RECEIVER = "no receiver is fitted: set rf yes, then restart"
HELP = """help                     this list
identify                 who this is; its indicator blinks for 10 s
status                   outputs, supply, drivers, link, program
test                     the inaudible test of every driver
settings                 every setting, its value and what is allowed
set NAME VALUE           change one
pair panic|silent [KEY]  the next fob pressed within 30 s; KEY is its maker's, 16 hex digits, for rolling codes
pair                     what became of it
fobs                     the fobs that are paired
unpair SLOT              forget one
journal [COUNT]          what happened, newest last
restart                  start anew
erase NAME               forget everything; NAME is this center's, for example C000001"""


class Console:
    """`app` gives identity, board, center, watch, settings, journal, test(), configure() and erase()."""

    def __init__(self, app):
        self._app = app

    def answer(self, line):
        """The lines to print for a line that was typed."""
        words = line.split()
        if not words:
            return ""
        # MicroPython takes no name of more than 255 octets; the longest command has 9.
        name = words[0][:20]
        action = getattr(self, "_do_" + name.lower().replace("-", "_"), None)
        if action is None:
            return "there is no command %s; help lists them" % name
        try:
            return action(words[1:])
        except (IndexError, ValueError):
            return "that is not how %s is used; help shows it" % name
        except MemoryError:
            raise
        except Exception as error:
            # No line that somebody types may end the program: an alarm may be running.
            return "%s failed: %r" % (name, error)

    def _do_help(self, _):
        return HELP

    def _do_identify(self, _):
        app = self._app
        app.center.running.blink()
        name = app.settings.get("name")
        return "%s%s, group %d, gateway %s, board %s, firmware %s, key epoch %d" % (
            center_name(app.identity.center), " (%s)" % name if name else "", app.identity.group,
            app.identity.gateway or "unknown", app.board.kind, app.version, app.identity.epoch,
        )  # fmt: skip

    def _do_status(self, _):
        told = describe(self._app)
        health = told.pop("health", None) or {}
        lines = ["%s: %s" % (name, told[name]) for name in sorted(told)]
        for name in sorted(health):
            lines.append("%s: %s" % (name, health[name]))
        return "\n".join(lines)

    def _do_test(self, _):
        app = self._app
        if len(app.center.running):
            return "not while an alarm runs"
        whole = app.test()
        drivers = app.watch.supervision.drivers.describe(app.clock.ms())
        lines = ["%-10s %s" % (name, " ".join([str(part) for part in drivers[name][:2]])) for name in sorted(drivers)]
        lines.append("battery    %d mV, mains %s" % (app.readings.battery_mv, "yes" if app.readings.mains else "no"))
        return "\n".join(lines + ["passed" if whole else "FAILED"])

    def _do_self_test(self, words):
        return self._do_test(words)

    def _do_settings(self, _):
        return "\n".join(["%-22s %-10s %s (%s)" % row for row in self._app.settings.rows()])

    def _do_set(self, words):
        problem = self._app.settings.set(words[0], " ".join(words[1:]))
        if problem:
            return problem
        kept = self._app.settings.save()
        self._app.configure()
        value = next(row[1] for row in self._app.settings.rows() if row[0] == words[0])
        return "%s = %s%s" % (words[0], value, "" if kept else "; flash does NOT keep it")

    def _do_pair(self, words):
        watch = self._app.watch
        if watch.fobs is None:
            return NO_RECEIVER
        if not words:
            return watch.paired or "no fob was heard yet"
        if words[0] not in ("panic", "silent") or (words[1:] and len(bytes.fromhex(words[1])) != 8):
            raise ValueError
        watch.pair(words[0], words[1] if len(words) > 1 else None)
        return "press the fob now; pair tells what became of it"

    def _do_fobs(self, _):
        # The slot says enough: a code is what one needs to imitate a fixed fob.
        if self._app.watch.fobs is None:
            return NO_RECEIVER
        rows = ["%2d %-6s %s" % (fob["slot"], fob["action"], "fixed" if fob["kind"] == 1 else "rolling")
                for fob in self._app.watch.fobs.entries()]  # fmt: skip
        return "\n".join(rows) or "none"

    def _do_unpair(self, words):
        watch = self._app.watch
        if watch.fobs is None:
            return NO_RECEIVER
        if not watch.fobs.unpair(int(words[0])):
            return "there is no fob in slot %s" % words[0]
        return "forgotten" if watch.keep() else "flash does NOT forget it"

    def _do_journal(self, words):
        rows = self._app.journal.last(int(words[0]) if words else 20)
        return (
            "\n".join(["%9d s  boot %-5d %s %d" % (row[0], row[1], _word(row[2]), row[3]) for row in rows]) or "empty"
        )

    def _do_restart(self, _):
        if len(self._app.center.running):
            return "not while an alarm runs"
        self._app.board.say("restarting")
        return self._app.board.restart()

    def _do_erase(self, words):
        if words[0] != center_name(self._app.identity.center):
            return "that is not this center's name: nothing was erased"
        self._app.erase()
        return "erasing"


def _word(what):
    return {0x100: "started, cause"}.get(what) or codes.status_name(what)
