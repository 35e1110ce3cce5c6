"""Every frame, envelope, key and countersignature of the contract, as octets."""

from __future__ import annotations

import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ROOT = bytes(range(32))
OTHER_ROOT = bytes(range(100, 132))
NONCE = bytes.fromhex("a1b2c3d4e5f60718")
SEED = hashlib.sha256(b"sereno test vectors: the gateway's Ed25519 seed").digest()

VERSION = 1
KINDS = {"command": 1, "ack": 2, "hello": 3, "time": 4, "beat": 5, "report": 6, "hop": 9, "receipt": 10}
KINDS |= {"presence": 11, "digest": 12, "confirm": 7, "fetch": 8, "offer": 13, "block": 14}
# Name, width in octets; the authority is in the first octet.
FIELDS = {
    "command": "epoch 1 center 4 group 2 counter 4 issued 4 ttl 2 incident 8 activation 1 class_ 1 action 1 duration 2 flags 1",
    "ack": "epoch 1 center 4 counter 4 incident 8 status 1 outputs 1 sequence 4 age 2 battery 2",
    "hello": "epoch 1 center 4 boot 4 nonce -8 request 2 central 4 local 4 drill 4 sequence 4 cause 1",
    "time": "epoch 1 center 4 time 4 ms 2 floor 4 request 2",
    "confirm": "epoch 1 center 4 sequence 4",
    "fetch": "epoch 1 center 4 release 4 offset 4",
    "beat": "epoch 1 center 4 sequence 4 uptime 4 battery 2 flags 1 outputs 1 verdict 1",
}
TYPICAL = {
    "command": (3, 42, 7, 1001, 1_800_000_000, 120, 7_549_747_200_123_456, 2, 5, 0x13, 60, 0),
    "ack": (3, 42, 1001, (1 << 63) | (42 << 32) | 77, 0x02, 0x03, 78, 4, 12_870),
    "hello": (3, 42, 19, NONCE, 513, 1001, 12, 4, 78, 2),
    "time": (3, 42, 1_800_000_001, 250, 990, 513),
    "confirm": (3, 42, 77),
    "fetch": (3, 42, 12, 34_816),
    "beat": (3, 42, 79, 86_400, 12_870, 0x05, 0x08, 1),
}
DOWNWARDS = ("command", "time", "confirm")


def derived(root: bytes, info: str) -> bytes:
    """One key by the contract's HKDF."""
    return HKDF(SHA256(), 32, b"sereno/1/key derivation, salt 32", info.encode()).derive(root)


def center_key(direction: str, authority: int, root: bytes = ROOT, center: int = 42, epoch: int = 3) -> bytes:
    """The key of one direction and authority of a center."""
    return derived(root, f"center {center} epoch {epoch} {direction} authority {authority}")


def gateway_key(direction: str, gateway: int = 7, root: bytes = OTHER_ROOT) -> bytes:
    """The hop key of one direction."""
    return derived(root, f"gateway {gateway} hop {direction}")


def first(kind: str, authority: int = 0, version: int = VERSION) -> bytes:
    """The first octet: vvkkkkaa."""
    return bytes([int(f"{version:02b}{KINDS[kind]:04b}{authority:02b}", 2)])


def tag(key: bytes, name: str, body: bytes, nonce: bytes = bytes(8)) -> bytes:
    """The 16 octets that end a sealed center frame."""
    return hmac.new(key, b"sereno/1 " + name.encode() + b"\x00" + nonce + body, "sha256").digest()[:16]


def plain_tag(key: bytes, name: str, body: bytes) -> bytes:
    """The same without nonce: reports and hop envelopes."""
    return hmac.new(key, b"sereno/1 " + name.encode() + b"\x00" + body, "sha256").digest()[:16]


def named(kind: str) -> list[tuple[str, int]]:
    """The fields of a frame with their widths; a negative width is octets."""
    words = FIELDS[kind].split()
    return [(name, int(width)) for name, width in zip(words[::2], words[1::2], strict=True)]


def body_of(kind: str, authority: int, values: tuple[int | bytes, ...]) -> bytes:
    """The octets before the tag."""
    out = first(kind, authority)
    for (_, width), value in zip(named(kind), values, strict=True):
        out += value if isinstance(value, bytes) else value.to_bytes(width, "big")
    return out


def readable(value: int | bytes, width: int) -> int | str:
    """A value for JSON: octets in hex, 64-bit numbers as decimal strings."""
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if width == 8 else value


def sealed(kind: str, authority: int, values: tuple[int | bytes, ...] | None = None) -> dict[str, object]:
    """One vector of a sealed center frame."""
    values = TYPICAL[kind] if values is None else values
    down = kind in DOWNWARDS
    key = center_key("down" if down else "up", authority)
    nonce = NONCE if down else bytes(8)
    body = body_of(kind, authority, values)
    pairs = [[name, readable(v, width)] for (name, width), v in zip(named(kind), values, strict=True)]
    return {
        "kind": kind,
        "key": key.hex(),
        "nonce": nonce.hex(),
        "fields": [["authority", authority], *pairs],
        "octets": (body + tag(key, kind, body, nonce)).hex(),
    }


def frames() -> list[dict[str, object]]:
    """Every sealed frame under every authority, and with all fields at their ends."""
    made = [sealed(kind, authority) for kind in FIELDS for authority in (0, 1, 2)]
    for kind in FIELDS:
        for fill in (0, 0xFF):
            values = tuple(
                bytes([fill] * 8) if width < 0 else int.from_bytes(bytes([fill] * width), "big")
                for _, width in named(kind)
            )
            made.append(sealed(kind, 0, values))
    return made


def octets_of(kind: str, authority: int = 0) -> bytes:
    """A typical frame's octets."""
    return bytes.fromhex(str(sealed(kind, authority)["octets"]))


def reported(body: bytes, version: int = VERSION) -> bytes:
    """A sealed report with any body."""
    octets = first("report", 0, version) + struct.pack(">BII", 3, 42, 80) + body
    return octets + plain_tag(center_key("up", 0), "report", octets)


def reports() -> list[dict[str, object]]:
    """`writes` says whether sealing the body gives these octets too (one key, so no order)."""
    texts = [('{"modelo": "SL-2"}', True), ("{}", True), ('{"a":[1,{"b":null}],"c":"\\u00f1 ñ","d":true}', False)]
    texts.append(('{"relleno": "' + "x" * (1024 - 15) + '"}', True))
    key = center_key("up", 0).hex()
    return [
        {"key": key, "fields": [0, 3, 42, 80], "text": text, "writes": w, "octets": reported(text.encode()).hex()}
        for text, w in texts
    ]


def bodied(kind: str, values: tuple[int, ...], body: bytes, authority: int = 0) -> bytes:
    """A sealed offer or block with any body."""
    fields = {"offer": ">BI", "block": ">BIII"}[kind]
    octets = first(kind, authority) + struct.pack(fields, *values) + body
    key = center_key("down", authority)
    return octets + hmac.new(key, b"sereno/1 " + kind.encode() + b"\x00" + NONCE + octets, "sha256").digest()[:16]


def bodies() -> list[dict[str, object]]:
    """Offers and blocks, from nothing to the longest body."""
    key = center_key("down", 0).hex()
    cases = [("offer", (3, 42), size) for size in (0, 1, 256)] + [
        ("block", (3, 42, 12, 34_816), n) for n in (0, 7, 512)
    ]
    return [
        {
            "kind": kind,
            "key": key,
            "nonce": NONCE.hex(),
            "fields": [0, *values],
            "body": bytes(n % 251 for n in range(size)).hex(),
            "octets": bodied(kind, values, bytes(n % 251 for n in range(size))).hex(),
        }
        for kind, values, size in cases
    ]


def enveloped(inside: bytes, direction: str, sequence: int = 70_001) -> bytes:
    """A hop envelope of gateway 7; half a tag when nothing is inside."""
    body = first("hop") + struct.pack(">HI", 7, sequence) + inside
    return body + plain_tag(gateway_key(direction), "hop", body)[: 16 if inside else 8]


def receipt() -> bytes:
    """A receipt's octets."""
    return first("receipt") + struct.pack(">II", 0x01000009, 0x80000005)


def presence() -> bytes:
    """A change of presence."""
    return first("presence") + struct.pack(">IBI", 42, 1, 301)


def digest(count: int) -> bytes:
    """A digest of so many heartbeats, the ages counting up from 65,530."""
    beats = b"".join(struct.pack(">H", 65_530 + n) + octets_of("beat") for n in range(count))
    return first("digest") + struct.pack(">II", 1_800_000_002, 0x01000003) + beats


def envelopes() -> list[dict[str, object]]:
    """Both directions, nothing to several frames, one of variable size at the end."""
    report = reported(b'{"modelo": "SL-2"}')
    cases = [
        ("down", [octets_of("command"), octets_of("command", 2), octets_of("time"), receipt()]),
        ("down", []),
        ("up", []),
        ("up", [octets_of("hello"), presence(), octets_of("ack"), octets_of("beat"), report]),
        ("up", [presence(), digest(3)]),
        ("up", [octets_of("fetch"), octets_of("ack")]),
        ("down", [octets_of("confirm"), bodied("offer", (3, 42), bytes(200))]),
        ("down", [octets_of("time"), bodied("block", (3, 42, 12, 34_816), bytes(512))]),
    ]
    return [
        {
            "key": gateway_key(direction).hex(),
            "gateway": 7,
            "sequence": 70_001,
            "frames": [frame.hex() for frame in inside],
            "octets": enveloped(b"".join(inside), direction).hex(),
        }
        for direction, inside in cases
    ]


def unsealed() -> dict[str, object]:
    """What travels inside envelopes without a seal of its own."""
    return {
        "receipt": {"fields": [0x01000009, 0x80000005], "octets": receipt().hex()},
        "presence": {"fields": [42, 1, 301], "octets": presence().hex()},
        "digests": [
            {
                "fields": [1_800_000_002, 0x01000003],
                "beats": [[65_530 + n, octets_of("beat").hex()] for n in range(count)],
                "octets": digest(count).hex(),
            }
            for count in (0, 1, 5)
        ],
    }


def countersigned() -> dict[str, object]:
    """The 120 octets, the Sig_structure and the COSE_Sign1 of the same, written out by hand (RFC 9052, 4.2 and 4.4)."""
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    stamp = (7, 0x01000009, 1_800_000_003, 1, 71)
    payload = octets_of("ack") + struct.pack(">HIIBB", *stamp)
    structure = b"\x84\x6aSignature1\x43\xa1\x01\x27\x40\x58\x38" + payload
    signature = key.sign(structure)
    return {
        "seed": SEED.hex(),
        "public": key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex(),
        "ack": octets_of("ack").hex(),
        "stamp": list(stamp),
        "signature": signature.hex(),
        "sig_structure": structure.hex(),
        "octets": (payload + signature).hex(),
        "key_id": "G000007",
        "cose_sign1": (
            b"\xd2\x84\x43\xa1\x01\x27\xa1\x04\x47G000007\x58\x38" + payload + b"\x58\x40" + signature
        ).hex(),
    }


def keys() -> list[dict[str, object]]:
    """Derived keys; each line differs from the first in one thing."""
    lines: list[dict[str, object]] = []
    for root, center, epoch, direction, authority in [
        *((ROOT, 42, 3, direction, authority) for direction in ("down", "up") for authority in (0, 1, 2)),
        (OTHER_ROOT, 42, 3, "down", 0),
        (ROOT, 43, 3, "down", 0),
        (ROOT, 42, 255, "down", 0),
        (ROOT, 4_294_967_295, 0, "up", 2),
    ]:
        value = center_key(direction, authority, root, center, epoch).hex()
        arguments = [root.hex(), center, epoch, direction, authority]
        lines.append({"of": "center", "arguments": arguments, "key": value})
    for root, gateway, direction in [(OTHER_ROOT, 7, "down"), (OTHER_ROOT, 7, "up"), (ROOT, 7, "up"), (ROOT, 8, "up")]:
        value = gateway_key(direction, gateway, root).hex()
        lines.append({"of": "gateway", "arguments": [root.hex(), gateway, direction], "key": value})
    lines.append({"of": "vault", "arguments": [ROOT.hex(), 42], "key": derived(ROOT, "center 42 vault").hex()})
    return lines
