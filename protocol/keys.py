"""Every key of a center or gateway, derived from its own 32 random octets made at commissioning.

No key is derived from a fleet secret: who opens one center learns nothing about another. The gateway is given
its centers' two LOCAL keys, never a root, so it cannot speak for central.
"""

from protocol.codes import CENTRAL, DRILL, LOCAL
from protocol.hmac import Mac, hkdf

ROOT_SIZE = 32
_SALT = b"sereno/1/key derivation, salt 32"

TO_CENTER = b"down"
FROM_CENTER = b"up"


def center_key(root: bytes, center: int, epoch: int, direction: bytes, authority: int) -> bytes:
    """The 32 octets that seal frames of one direction and one authority for `center` in key epoch `epoch`."""
    info = b"center %d epoch %d %s authority %d" % (center, epoch, direction, authority)
    return hkdf(_root(root), info, _SALT)


def gateway_key(root: bytes, gateway: int, direction: bytes) -> bytes:
    """The hop key that central and `gateway` share for one direction (`TO_CENTER` is towards the gateway)."""
    return hkdf(_root(root), b"gateway %d hop %s" % (gateway, direction), _SALT)


def vault_key(root: bytes, center: int) -> bytes:
    """The key under which a center's own settings are tagged in its flash."""
    return hkdf(_root(root), b"center %d vault" % center, _SALT)


class Pair:
    """The two seals between a center and one authority: `down` towards the center, `up` from it."""

    def __init__(self, down: bytes, up: bytes) -> None:
        self.down = Mac(down)
        self.up = Mac(up)


def center_pair(root: bytes, center: int, epoch: int, authority: int) -> Pair:
    """Both keys of one authority over `center`."""
    return Pair(
        center_key(root, center, epoch, TO_CENTER, authority),
        center_key(root, center, epoch, FROM_CENTER, authority),
    )


def center_pairs(root: bytes, center: int, epoch: int) -> dict[int, Pair]:
    """All that a center holds: a pair per authority."""
    return {authority: center_pair(root, center, epoch, authority) for authority in (CENTRAL, LOCAL, DRILL)}


def gateway_pair(root: bytes, gateway: int) -> Pair:
    """The hop keys between central and one gateway."""
    return Pair(gateway_key(root, gateway, TO_CENTER), gateway_key(root, gateway, FROM_CENTER))


def _root(root: bytes) -> bytes:
    if len(root) != ROOT_SIZE:
        raise ValueError("a root key has 32 octets, not %d" % len(root))
    return root
