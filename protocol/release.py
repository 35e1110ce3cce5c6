"""How a new program reaches a center: the offer (a signed manifest), and its image block by block.

The seal says who passes it on; whether it may be installed is decided by the manifest's own signature, at the center.
"""

from protocol.body import BodyLayout
from protocol.messages import KIND_BLOCK, KIND_OFFER

# A block is held in the memory of a board beside everything else; the last one of an image is shorter.
BLOCK_SIZE = 512
MAX_MANIFEST = 256

# The body is the manifest as it was signed.
OFFER = BodyLayout(KIND_OFFER, "offer", ("epoch", "center"), "BI", MAX_MANIFEST)

# The body is the part of the image of `release` that begins at `offset`.
BLOCK = BodyLayout(KIND_BLOCK, "block", ("epoch", "center", "release", "offset"), "BIII", BLOCK_SIZE)
