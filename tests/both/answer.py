"""Opens what it is given, line by line: `reader key nonce octets` in hex in, the fields or the refusal out.

Run by a test as a program under MicroPython, which compares the answers with CPython's.
"""

import sys

from protocol.errors import ProtocolError
from protocol.hmac import Mac
from tests.both.readers import LAYOUTS, read


def told(value):
    """A value in words that are the same on both interpreters."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str):
        return '"' + value.encode().hex()
    if isinstance(value, dict):
        return "{" + ",".join(sorted(["%s:%s" % (told(key), told(item)) for key, item in value.items()])) + "}"
    if isinstance(value, (tuple, list)):
        return "[" + ",".join([told(item) for item in value]) + "]"
    return str(value)


def answer(line):
    """The answer to one line; a sealed center frame that opened is sealed again too."""
    reader, key, nonce, octets = line.split(" ")
    mac = Mac(bytes.fromhex(key))
    nonce = bytes.fromhex(nonce)
    try:
        message = read(reader, mac, nonce, bytes.fromhex(octets))
        again = LAYOUTS[reader].seal(mac, message, nonce).hex() if reader in LAYOUTS else "-"
    except ProtocolError as error:
        return type(error).__name__
    return "%s %s" % (told(message), again)


if __name__ == "__main__":
    for asked in sys.stdin:
        print(answer(asked.rstrip("\n")))
