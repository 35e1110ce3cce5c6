"""MQTT control packets in octets: version 5 (OASIS standard) and 3.1.1, only what a center says and hears. Pure."""

import struct

CONNACK = 2
PUBLISH = 3
PUBACK = 4
SUBACK = 9
PINGRESP = 13
DISCONNECT = 14

# Reasons of MQTT 5 in a PUBACK.
NOBODY_LISTENS = 0x10
REFUSED = 0x80

V5 = 5
V311 = 4

PINGREQ = b"\xc0\x00"
BYE = b"\xe0\x00"
MAX_PACKET = 4096


class PacketError(Exception):
    """The broker sent something that is not MQTT, or longer than a center takes."""


def text(value):
    """A length and the octets of a string."""
    octets = value.encode()
    return struct.pack(">H", len(octets)) + octets


def packet(first, body):
    """A whole packet: first octet, remaining length, body."""
    length = len(body)
    head = bytearray([first])
    while True:
        head.append(length & 0x7F | (0x80 if length > 0x7F else 0))
        length >>= 7
        if not length:
            return bytes(head) + body


def connect(name, version, keepalive_s, will_topic):
    """CONNECT with a clean session and the last will "0"."""
    none = b"\x00" if version == V5 else b""
    flags = 0x02 | 0x04 | 0x08  # clean, will, will QoS 1
    body = text("MQTT") + bytes([version, flags]) + struct.pack(">H", keepalive_s) + none
    return packet(0x10, body + text(name) + none + text(will_topic) + b"\x00\x010")


def subscribe(identifier, topic, version):
    """SUBSCRIBE to one topic with QoS 1."""
    none = b"\x00" if version == V5 else b""
    return packet(0x82, struct.pack(">H", identifier) + none + text(topic) + b"\x01")


def publish(identifier, topic, payload, version, again):
    """PUBLISH with QoS 1, never retained."""
    none = b"\x00" if version == V5 else b""
    return packet(0x32 | (0x08 if again else 0), text(topic) + struct.pack(">H", identifier) + none + payload)


def puback(identifier):
    """PUBACK."""
    return packet(0x40, struct.pack(">H", identifier))


def read_publish(first, body, version):
    """(topic, payload, retained, identifier or None) of a PUBLISH; raises PacketError."""
    try:
        at = 2 + struct.unpack_from(">H", body, 0)[0]
        topic = body[2:at].decode()
        identifier = None
        if first & 0x06:
            identifier = struct.unpack_from(">H", body, at)[0]
            at += 2
        if version == V5:
            length, at = _variable(body, at)
            at += length
    except (ValueError, IndexError, struct_error):
        raise PacketError("damaged publish")
    if at > len(body):
        raise PacketError("damaged publish")
    return topic, body[at:], bool(first & 0x01), identifier


def _variable(body, at):
    value = 0
    for place in range(4):
        octet = body[at + place]
        value |= (octet & 0x7F) << 7 * place
        if not octet & 0x80:
            return value, at + place + 1
    raise PacketError("damaged length")


# struct.error is ValueError on MicroPython, a class of its own on CPython.
struct_error = getattr(struct, "error", ValueError)
