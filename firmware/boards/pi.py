"""The alarm center on a Raspberry Pi as a program: `python -m firmware.boards.pi /etc/sereno/center`, started by systemd. CPython only.

Outputs are off before the center's program is loaded and at every end. `python -m firmware.boards.pi --off` switches
them off and does nothing else: for what is left after a program that was killed.
"""

import os
import signal
import socket
import sys
import time

USAGE = "usage: python -m firmware.boards.pi FOLDER (of the center's files), or --off"
# What the folder of the center has only on CPython: the key in the form that its TLS reads (firmware.link).
KEY_FILES = ("key.pem", "cert.pem")
# A terminal that closes ends the program too, and unheard it would leave the outputs as they are.
ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
POWER_ON, KILLED, ASKED, UNKNOWN = 1, 2, 3, 0


class CannotRun(Exception):
    """One sentence for a technician."""


class Watchdog:
    """Tells systemd (sd_notify(3), WATCHDOG_USEC) and the chip's own watchdog that the program lives.

    `environment` is os.environ, `device` a path: a chip's watchdog that is not there, or somebody else's, is done without.
    """

    def __init__(self, environment, device, log):
        self._address = environment.get("NOTIFY_SOCKET", "")
        if self._address[:1] == "@":
            self._address = "\0" + self._address[1:]
        # Four times within the time that systemd waits; twice a second for a chip alone, whose watchdog waits 15 s.
        self._every_s = int(environment.get("WATCHDOG_USEC") or 2000000) / 4e6
        self._due_s = 0.0
        self._chip = None
        try:
            self._chip = os.open(device, os.O_WRONLY)
        except OSError as error:
            log("no watchdog of the chip: %s: %s" % (device, error.strerror))

    def ready(self):
        """The program has started."""
        self._tell(b"READY=1")

    def feed(self):
        """It lives; as often as one likes."""
        now_s = time.monotonic()
        if now_s < self._due_s:
            return
        self._due_s = now_s + self._every_s
        self._tell(b"WATCHDOG=1")
        if self._chip is not None:
            os.write(self._chip, b"\0")

    def close(self):
        """An end with the outputs off: the chip shall not start the machine anew (the magic close of watchdog-api.rst)."""
        if self._chip is not None:
            os.write(self._chip, b"V")
            os.close(self._chip)
            self._chip = None

    def _tell(self, octets):
        if self._address:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
                try:
                    out.sendto(octets, self._address)
                except OSError:
                    pass  # systemd waits for the next one.


def lgpio(folder):
    """The pins of this machine, through lgpio and nothing else; raises CannotRun."""
    # The library makes its pipes in this folder, and without one in whatever folder it is started.
    os.environ["LG_WD"] = folder
    try:
        from gpiozero.pins.lgpio import LGPIOFactory

        return LGPIOFactory()
    except ImportError as error:
        raise CannotRun("%s is missing: install python3-lgpio and python3-gpiozero" % error.name) from error
    except Exception as error:
        raise CannotRun(
            "the pins cannot be opened (%s): is this a Raspberry Pi, and is the user in the groups gpio and spi?"
            % error
        ) from error


def opened(factory):
    """Every pin, the outputs low; raises CannotRun."""
    from firmware.boards.raspberry_pi import Pins

    try:
        return Pins(factory)
    except Exception as error:
        raise CannotRun("the pins are not free (%s): does another program use them?" % error) from error


def run(folder, pins, environment, device="/dev/watchdog"):
    """The center's program on these pins, until it asks for a restart or a signal ends it (SystemExit), or it fails."""
    for number in ENDS:
        signal.signal(number, _end)
    # The player needs the interpreter for a moment in each period; the program must not keep it for 5 ms.
    sys.setswitchinterval(0.001)
    flash = folder.rstrip("/") + "/"
    board = watchdog = None
    started = Started(environment.get("RUNTIME_DIRECTORY", ""))
    try:
        import asyncio

        from firmware.app import run as center
        from firmware.boards.raspberry_pi import Board
        from firmware.settings import Settings
        from firmware.vault import Unprovisioned, Vault

        watchdog = Watchdog(environment, device, print)
        settings = Settings(flash, os)
        try:
            settings.load(Vault(flash, os, feed=watchdog.feed).device())
        except Unprovisioned:
            pass  # The program says it, and waits for its files.
        forget_key(flash)
        board = Board(flash, pins, watchdog, settings, started.cause)
        board.start()
        watchdog.ready()
        asyncio.run(center(board))
    except SystemExit:
        started.orderly()
        raise
    finally:
        # Where this fails, the chip's watchdog is not closed either, and starts the machine anew.
        pins.write(0)
        if board is not None:
            board.close()
        # An erased center has nothing left of its key, and no other one needs it before its next start.
        forget_key(flash)
        if watchdog is not None:
            watchdog.close()
        pins.close()


def _end(*_):
    # What comes now must not be ended half way.
    for number in ENDS:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(0)


class Started:
    """Why the program was started, by a file in `folder`, which lasts as long as the machine runs (systemd's RuntimeDirectory)."""

    def __init__(self, folder):
        self._path = folder and folder + "/ran"
        self.cause = UNKNOWN
        if folder:
            try:
                with open(self._path) as file:
                    self.cause = ASKED if file.read() == "ended" else KILLED
            except FileNotFoundError:
                self.cause = POWER_ON
            self._write("")

    def orderly(self):
        """This end was wanted."""
        if self._path:
            self._write("ended")

    def _write(self, text):
        with open(self._path, "w") as file:
            file.write(text)


def forget_key(flash):
    """Overwrite and remove the files that only CPython's TLS needs; they are made anew from the vault's."""
    for name in KEY_FILES:
        try:
            with open(flash + name, "r+b") as file:
                file.write(bytes(os.fstat(file.fileno()).st_size))
                os.fsync(file.fileno())
            os.remove(flash + name)
        except FileNotFoundError:
            pass


def main(arguments, environment):
    """Exit code 0 for a restart or an end that were asked for, 1 for what a technician must put right, 2 for a wrong call."""
    if len(arguments) != 1 or (arguments[0] != "--off" and not os.path.isdir(arguments[0])):
        print(USAGE, file=sys.stderr)
        return 2
    off = arguments[0] == "--off"
    try:
        # First of all: the outputs low.
        pins = opened(lgpio(environment.get("RUNTIME_DIRECTORY") or ("." if off else arguments[0])))
        if off:
            pins.close()
        else:
            run(arguments[0], pins, environment)
    except CannotRun as error:
        print("sereno-center: %s" % error, file=sys.stderr)
        return 1
    except Exception as error:
        print("sereno-center: the program ended: %r" % error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
