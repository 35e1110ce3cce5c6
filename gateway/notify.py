"""Word to systemd over its socket (sd_notify(3)): ready, alive, what goes on, ending. Called by `__main__`.

Where no systemd waits for word (no NOTIFY_SOCKET) it does nothing, and it never raises: the sirens do not depend on it.
"""

from __future__ import annotations

import os
import socket


def tell(*assignments: str) -> bool:
    """Send `READY=1` and the like in one datagram; False when nobody is there to be told."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        # An abstract socket's name begins with a zero octet, which no environment variable can hold.
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            # The manager may be busy: a word that cannot be said now is said with the next one.
            line.settimeout(1.0)
            line.connect(address)
            line.sendall("\n".join(assignments).encode())
    except OSError:
        return False
    return True


def watchdog_s() -> float | None:
    """Seconds within which systemd wants `WATCHDOG=1` from this process, or None when it does not (sd_watchdog_enabled(3))."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        return int(os.environ["WATCHDOG_USEC"]) / 1e6 or None
    except (KeyError, ValueError):
        return None
