"""The RS-485 line of a simulated board: same methods as firmware.rs485, over a loopback socket to simulator.serial_bus."""

import select
import socket


class Line:
    """Connects to the bus; `options` has its `port` on this machine."""

    def __init__(self, options):
        self._socket = socket.socket()
        self._socket.connect(socket.getaddrinfo("127.0.0.1", options["port"])[0][-1])
        self._socket.setsockopt(6, 1, 1)  # TCP_NODELAY by number: MicroPython has no name for it.
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def read(self):
        """What came; never waits. A line that was torn down is silent."""
        return self._socket.recv(2048) if self._poll.poll(0) else b""

    def write(self, octets):
        """Send; the milliseconds that it takes."""
        while octets:
            octets = octets[self._socket.send(octets) :]
        return 0

    def finish(self):
        """The bus needs no driver that is switched."""
