"""The writing half of CBOR (RFC 8949), deterministic (4.2.1): what a COSE structure needs, and no more.

A third party verifies evidence with a COSE library of theirs; nothing here reads CBOR.
"""

_UINT, _NINT, _BYTES, _TEXT, _ARRAY, _MAP, _TAG = range(7)


class Tagged:
    """A value under a CBOR tag (RFC 8949, 3.4)."""

    def __init__(self, tag: int, value: object) -> None:
        self.tag = tag
        self.value = value


def encode(value: object) -> bytes:
    """CBOR of ints, bytes, str, lists, dicts with int keys, and Tagged; raises TypeError for anything else."""
    if isinstance(value, bool):
        raise TypeError("booleans are not used on our wires")
    if isinstance(value, int):
        return _head(_UINT, value) if value >= 0 else _head(_NINT, -1 - value)
    if isinstance(value, bytes):
        return _head(_BYTES, len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return _head(_TEXT, len(text)) + text
    if isinstance(value, (list, tuple)):
        return _head(_ARRAY, len(value)) + b"".join([encode(item) for item in value])
    if isinstance(value, dict):
        pairs = sorted([(encode(key), encode(item)) for key, item in value.items()])
        return _head(_MAP, len(pairs)) + b"".join([key + item for key, item in pairs])
    if isinstance(value, Tagged):
        return _head(_TAG, value.tag) + encode(value.value)
    raise TypeError("no CBOR for %r" % (value,))


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    for extra, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * size:
            return bytes([major << 5 | extra]) + argument.to_bytes(size, "big")
    raise TypeError("%d is too large for CBOR" % argument)
