"""MQTT topics and the names of devices in them.

The same three topics exist on both brokers: between central and gateways, and between a gateway and its centers.
A name is also the certificate's common name and the MQTT client id, and the broker's access list is written in
terms of it; so it has a fixed alphabet, and none of MQTT's special characters.
"""

from protocol.errors import Malformed

_PREFIX = "sereno/1/"
_KINDS = {"C": 6, "G": 6, "S": 2}
# A gateway's number travels in two octets.
_HIGHEST = {"C": 999999, "G": 65535, "S": 99}

DOWN = "down"  # towards the device: commands, time, receipts
UP = "up"  # from the device: acks, hellos, heartbeats, reports
LINK = "link"  # the device's last will ("0") and its greeting ("1"); a hint, never a proof


def center_name(number: int) -> str:
    """`C000042` for center 42."""
    return _name("C", number)


def gateway_name(number: int) -> str:
    """`G000007` for gateway 7."""
    return _name("G", number)


def process_name(number: int) -> str:
    """`S01` for the first central process."""
    return _name("S", number)


def number_of(name: str) -> int:
    """The number in a device's name; raises Malformed for anything that is not exactly a name."""
    digits = _KINDS.get(name[:1])
    rest = name[1:]
    if digits is None or len(rest) != digits or not all(["0" <= c <= "9" for c in rest]):
        raise Malformed("%r is not a device name: one of C000001, G000001, S01" % name)
    number = int(rest)
    if not 0 < number <= _HIGHEST[name[0]]:
        raise Malformed("%r is not a device name: numbers go from 1 to %d" % (name, _HIGHEST[name[0]]))
    return number


def topic(name: str, direction: str) -> str:
    """The topic of a device: `sereno/1/C000042/down`; `+` as the name subscribes to all devices."""
    return _PREFIX + name + "/" + direction


def parse(text: str) -> tuple[str, str]:
    """A topic's device name and direction; raises Malformed for anything else."""
    parts = text.split("/")
    if len(parts) != 4 or not text.startswith(_PREFIX) or parts[3] not in (DOWN, UP, LINK):
        raise Malformed("%r is not one of our topics" % text)
    number_of(parts[2])
    return parts[2], parts[3]


def _name(letter: str, number: int) -> str:
    if not 0 < number <= _HIGHEST[letter]:
        raise Malformed("no %s device has the number %d" % (letter, number))
    return letter + ("%0*d" % (_KINDS[letter], number))
