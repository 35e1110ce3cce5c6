"""Opens the TLS stream of a link with TCP_NODELAY: an ack behind a PUBACK otherwise waits 40 ms for the peer's delayed ACK.

MicroPython's own open_connection gives no way to the socket; the few lines below do what it does, and set the option.
"""

import asyncio
import sys

_TCP, _NODELAY = 6, 1
_IN_PROGRESS = 115  # of Linux and lwIP; the ports with other numbers answer 119 or 36.
_IN_PROGRESS_TOO = (119, 36, 10036)


async def open_stream(host, port, context, name):
    """(reader, writer) over TLS to a broker whose certificate must be issued to `name`."""
    if sys.implementation.name != "micropython":
        reader, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=name)
        writer.get_extra_info("socket").setsockopt(_TCP, _NODELAY, 1)
        return reader, writer
    import socket

    info = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
    raw = socket.socket(info[0], info[1], info[2])
    try:
        raw.setsockopt(_TCP, _NODELAY, 1)
    except (OSError, AttributeError):
        pass  # lwIP of some boards does not know the option; it works, 40 ms slower.
    raw.setblocking(False)
    try:
        raw.connect(info[-1])
    except OSError as error:
        if error.errno != _IN_PROGRESS and error.errno not in _IN_PROGRESS_TOO:
            raw.close()
            raise
    try:
        await _writable(raw)
        tls = context.wrap_socket(raw, server_hostname=name, do_handshake_on_connect=False)
    except BaseException:  # Also when given up for taking too long: a socket left open is a socket less.
        raw.close()
        raise
    tls.setblocking(False)
    stream = asyncio.StreamWriter(tls, {})
    return stream, stream


def _writable(raw):
    """Until a connection is made or has failed; MicroPython awaits generators, and its queue wakes the task."""
    from asyncio import core

    yield core._io_queue.queue_write(raw)
