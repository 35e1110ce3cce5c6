"""The gateway's countersignature on a center's ack, and the same octets as COSE_Sign1 evidence (RFC 9052, 4.2).

The signature is over the Sig_structure, so that central can hand a third party a COSE_Sign1 that any COSE library
verifies with the gateway's public key. Making and checking Ed25519 signatures is the edges' business.
"""

import struct
from collections import namedtuple

from protocol.cbor import Tagged, encode
from protocol.errors import Malformed
from protocol.layout import kind_of, pack_numbers
from protocol.messages import ACK

# `ack` is the center's sealed frame, unaltered; `sequence` is the gateway's outbox number (epoch in the top octet).
Countersigned = namedtuple("Countersigned", ("ack", "gateway", "sequence", "time", "bearer", "rssi", "signature"))

SIGNATURE_SIZE = 64
_STAMP = ">HIIBB"
PAYLOAD_SIZE = ACK.size + struct.calcsize(_STAMP)
SIZE = PAYLOAD_SIZE + SIGNATURE_SIZE

_EDDSA = -8  # RFC 9053, 2.2
_PROTECTED = encode({1: _EDDSA})


def payload(message: Countersigned) -> bytes:
    """The 56 octets that are signed: the ack and the gateway's stamp; raises Malformed for what is not an ack."""
    if len(message.ack) != ACK.size or kind_of(message.ack) != ACK.kind:
        raise Malformed("%d octets cannot be a sealed ack" % len(message.ack))
    stamp = (message.gateway, message.sequence, message.time, message.bearer, message.rssi)
    return bytes(message.ack + pack_numbers(_STAMP, *stamp))


def to_sign(message: Countersigned) -> bytes:
    """The Sig_structure over which the Ed25519 signature is made and checked."""
    return encode(["Signature1", _PROTECTED, b"", payload(message)])


def pack(message: Countersigned) -> bytes:
    """The 120 octets for the wire; raises Malformed."""
    if len(message.signature) != SIGNATURE_SIZE:
        raise Malformed("a signature has %d octets, not %d" % (SIGNATURE_SIZE, len(message.signature)))
    return payload(message) + bytes(message.signature)


def unpack(octets: bytes) -> Countersigned:
    """A countersigned ack from its octets, nothing verified; raises Malformed."""
    if len(octets) != SIZE or kind_of(octets) != ACK.kind:
        raise Malformed("%d octets cannot be a countersigned ack" % len(octets))
    gateway, sequence, time, bearer, rssi = struct.unpack(_STAMP, octets[ACK.size : PAYLOAD_SIZE])
    return Countersigned(octets[: ACK.size], gateway, sequence, time, bearer, rssi, octets[PAYLOAD_SIZE:])


def kept(octets: bytes) -> Countersigned:
    """An ack as central keeps it: countersigned, or the 56 octets of one that came in a batch, its signature empty."""
    return (
        unpack(octets + bytes(SIGNATURE_SIZE))._replace(signature=b"")
        if len(octets) == PAYLOAD_SIZE
        else unpack(octets)
    )


def evidence(message: Countersigned, key_id: bytes) -> bytes:
    """The countersigned ack as a tagged COSE_Sign1 message with `key_id` (the gateway's name) unprotected."""
    return encode(Tagged(18, [_PROTECTED, {4: key_id}, payload(message), message.signature]))
