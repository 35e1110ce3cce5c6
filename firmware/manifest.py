"""Whether a release may be fetched: its manifest's signature, board, sequence, time and size. Pure; called by slots.

The layout is protocol.manifest's. It decides, and fetches nothing.
"""

from protocol.errors import BadTag, Malformed
from protocol.manifest import CONTEXT, SIGNED, SIZE, unpack

# Octets of flash for each octet of an image, looked at before anything is fetched: measured on littlefs in blocks of 4 kB, a
# slot takes 3.3 times its image. What is really needed is reckoned from the image itself, once it is there.
ROOM = 3


def read(octets, release_key):
    """The manifest that the holder of the release key (32 octets, Ed25519) signed; raises Malformed or BadTag."""
    if len(octets) != SIZE:
        raise Malformed("%d octets cannot be a signed manifest" % len(octets))
    manifest = unpack(octets)
    # Here, and not above: it is needed for seconds in years.
    from firmware.ed25519 import verify

    if not verify(release_key, CONTEXT + octets[:SIGNED], octets[SIGNED:]):
        raise BadTag("nobody signed this manifest with the release key")
    return manifest


def acceptable(manifest, running_sequence, board_class, now, free_octets):
    """None when this release may be fetched, else why not.

    `now` is Unix seconds, `free_octets` what an image and its slot may take.
    """
    if manifest.board != board_class:
        return "for another board"
    if manifest.sequence == running_sequence:
        return "running already"
    if manifest.sequence < running_sequence:
        return "older than what runs"
    if manifest.minimum_from > running_sequence:
        return "needs a release between"
    if now >= manifest.expiry:
        return "expired"
    if manifest.size * ROOM > free_octets:
        return "too large"
    return None
