"""Octets that must not be taken, with the reader, the key it holds and the error it must raise.

Where the tag is not what is wrong, it is a good one: the check under test is then the only one that can refuse.
"""

from __future__ import annotations

import struct

from tests.vectors.frames import (
    DOWNWARDS,
    FIELDS,
    KINDS,
    NONCE,
    OTHER_ROOT,
    ROOT,
    TYPICAL,
    body_of,
    center_key,
    countersigned,
    digest,
    enveloped,
    first,
    gateway_key,
    octets_of,
    plain_tag,
    presence,
    receipt,
    reported,
    tag,
)

Line = dict[str, str]


def _line(why: str, reader: str, octets: bytes, error: str, key: bytes = b"", nonce: bytes = bytes(8)) -> Line:
    return {
        "why": why,
        "reader": reader,
        "key": key.hex(),
        "nonce": nonce.hex(),
        "octets": octets.hex(),
        "error": error,
    }


def _center_frames() -> list[Line]:
    lines = []
    for kind in FIELDS:
        down = kind in DOWNWARDS
        direction, nonce = ("down", NONCE) if down else ("up", bytes(8))
        key = center_key(direction, 0)
        body = body_of(kind, 0, TYPICAL[kind])
        good = body + tag(key, kind, body, nonce)

        def resealed(octets: bytes, kind: str = kind, key: bytes = key, nonce: bytes = nonce) -> bytes:
            return octets + tag(key, kind, octets, nonce)

        def say(why: str, octets: bytes, error: str, kind: str = kind, key: bytes = key, nonce: bytes = nonce) -> None:
            lines.append(_line(why, kind, octets, error, key, nonce))

        for version in (0, 2, 3):
            say(f"version {version}", resealed(first(kind, 0, version) + body[1:]), "Malformed")
        for other in KINDS:
            if other != kind:
                say(f"kind {other}", resealed(first(other) + body[1:]), "Malformed")
        say("nothing", b"", "Malformed")
        say("an octet short, sealed so", resealed(body[:-1]), "Malformed")
        say("an octet long, sealed so", resealed(body + b"\x00"), "Malformed")
        say("an octet after the tag", good + b"\x00", "Malformed")
        say("the tag's last octet missing", good[:-1], "Malformed")
        say("no tag", body, "Malformed")
        for at in (0, 7, 15):
            say(
                f"tag octet {at} changed",
                good[: at - 16] + bytes([good[at - 16] ^ 1]) + good[len(good) + at - 15 :],
                "BadTag",
            )
        say("a tag of zeros", body + bytes(16), "BadTag")
        for authority in (1, 2, 3):
            say(f"authority {authority} claimed", first(kind, authority) + good[1:], "BadTag")
        for at in range(1, len(body)):
            say(f"body octet {at} changed", good[:at] + bytes([good[at] ^ 0x80]) + good[at + 1 :], "BadTag")
        say("key of the other direction", good, "BadTag", key=center_key("up" if down else "down", 0))
        say("key of authority 1", good, "BadTag", key=center_key(direction, 1))
        say("key of another center", good, "BadTag", key=center_key(direction, 0, center=43))
        say("key of the next epoch", good, "BadTag", key=center_key(direction, 0, epoch=4))
        say("key of another root", good, "BadTag", key=center_key(direction, 0, root=OTHER_ROOT))
        say("nonce of another boot", good, "BadTag", nonce=bytes([nonce[0] ^ 1]) + nonce[1:])
        say("nonce left out of the tag", body + plain_tag(key, kind, body), "BadTag")
        for other in KINDS:
            if other != kind:
                say(f"sealed as {other}", body + tag(key, other, body, nonce), "BadTag")
    return lines


def _envelopes() -> list[Line]:
    key = gateway_key("down")
    good = enveloped(octets_of("command") + receipt(), "down")

    def sealed(body: bytes, name: str = "hop") -> bytes:
        return body + plain_tag(key, name, body)

    def inside(octets: bytes) -> bytes:
        return sealed(first("hop") + struct.pack(">HI", 7, 70_001) + octets)

    sign = enveloped(b"", "down")
    lines = [
        _line("nothing", "hop", b"", "Malformed", key),
        _line("version 0", "hop", sealed(first("hop", 0, 0) + good[1:-16]), "Malformed", key),
        _line("version 2", "hop", sealed(first("hop", 0, 2) + good[1:-16]), "Malformed", key),
        _line("a command's kind", "hop", sealed(first("command") + good[1:-16]), "Malformed", key),
        _line("shorter than its head and tag", "hop", sealed(good[:6]), "Malformed", key),
        _line("sealed as a report", "hop", sealed(good[:-16], "report"), "BadTag", key),
        _line("sealed for the other direction", "hop", enveloped(b"", "up"), "BadTag", key),
        _line("another gateway's key", "hop", good, "BadTag", gateway_key("down", 8)),
        _line("another root", "hop", good, "BadTag", gateway_key("down", 7, ROOT)),
        _line("cut", "hop", good[:-1], "BadTag", key),
        _line("longer", "hop", good + b"\x00", "BadTag", key),
        _line("a sign of life under a whole tag", "hop", inside(b""), "Malformed", key),
        _line("a sign of life under the rest of its tag", "hop", sign[:7] + inside(b"")[-8:], "BadTag", key),
        _line("a sign of life of another sequence", "hop", sign[:6] + b"\xff" + sign[7:], "BadTag", key),
        _line("a sign of life an octet short", "hop", sign[:-1], "Malformed", key),
        _line("a sign of life an octet longer", "hop", sign + b"\x00", "Malformed", key),
        _line("a frame inside is cut", "hop", inside(octets_of("command")[:-1]), "Malformed", key),
        _line("an octet after a frame inside", "hop", inside(octets_of("command") + b"\x00"), "Malformed", key),
        _line("an envelope inside an envelope", "hop", inside(bytes([0x40 | 9 << 2]) + bytes(20)), "Malformed", key),
        _line("an envelope inside", "hop", inside(enveloped(b"", "down")), "Malformed", key),
        _line(
            "a countersigned ack inside", "hop", inside(bytes.fromhex(str(countersigned()["octets"]))), "Malformed", key
        ),
    ]
    for at in range(len(good)):
        changed = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        # The lowest bit of the first octet is the authority's, and the tag covers it as well.
        lines.append(_line(f"octet {at} changed", "hop", changed, "BadTag", key))
    return lines


def _reports() -> list[Line]:
    key = center_key("up", 0)
    good = reported(b'{"modelo": "SL-2"}')
    lines = [
        _line("version 2", "report", reported(b"{}", 2), "Malformed", key),
        _line("no head", "report", good[:5], "Malformed", key),
        _line("a head alone", "report", good[:10], "Malformed", key),
        _line("a head and half a tag", "report", good[:10] + bytes(8), "Malformed", key),
        _line(
            "a tag that begins within the head",
            "report",
            good[:9] + plain_tag(key, "report", good[:9]),
            "Malformed",
            key,
        ),
        _line("an octet too many, well sealed", "report", reported(b'{"a": "' + b"x" * 1016 + b'"}'), "Malformed", key),
        _line("no body", "report", reported(b""), "Malformed", key),
        _line("not JSON", "report", reported(b'{"a": '), "Malformed", key),
        _line("not UTF-8", "report", reported(b'{"a": "\xff\xfe"}'), "Malformed", key),
        _line("an array", "report", reported(b"[1]"), "Malformed", key),
        _line("a number", "report", reported(b"7"), "Malformed", key),
        _line("nested as deep as it fits", "report", reported(b"[" * 1024), "Malformed", key),
        _line("nested as deep as it fits, objects", "report", reported(b'{"":' * 256), "Malformed", key),
        _line("sealed as a beat", "report", good[:-16] + plain_tag(key, "beat", good[:-16]), "BadTag", key),
        _line("with a nonce, as other frames", "report", good[:-16] + tag(key, "report", good[:-16]), "BadTag", key),
        _line("key of the other direction", "report", good, "BadTag", center_key("down", 0)),
        _line("cut", "report", good[:-1], "BadTag", key),
    ]
    for at in range(1, len(good)):
        lines.append(_line(f"octet {at}", "report", good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :], "BadTag", key))
    return lines


def _unsealed() -> list[Line]:
    whole = bytes.fromhex(str(countersigned()["octets"]))
    lines = []
    for reader, octets in (
        ("receipt", receipt()),
        ("presence", presence()),
        ("digest", digest(2)),
        ("countersigned", whole),
    ):
        name = "ack" if reader == "countersigned" else reader
        lines += [
            _line("nothing", reader, b"", "Malformed"),
            _line("an octet short", reader, octets[:-1], "Malformed"),
            _line("an octet long", reader, octets + b"\x00", "Malformed"),
            _line("version 2", reader, first(name, 0, 2) + octets[1:], "Malformed"),
            _line("another kind", reader, first("hello" if name != "hello" else "ack") + octets[1:], "Malformed"),
        ]
    # Of the same length: only the kind tells them apart.
    lines.append(_line("an empty digest", "receipt", digest(0), "Malformed"))
    lines.append(_line("a receipt", "digest", receipt(), "Malformed"))
    return lines


def refused() -> list[Line]:
    """All of them."""
    return _center_frames() + _envelopes() + _reports() + _unsealed()
