"""What travels on an RS-485 line that centers share: polls of the gateway, and the answers of centers. Both ends use it.

The contract is in docs/protocol.md (Serial lines). Nothing here is sealed: what may be obeyed, the frame's own seal decides.
"""

import struct
from collections import namedtuple

from protocol.errors import Malformed
from protocol.framing import encode

# Frames up to this size are brief: all but reports, offers and blocks.
BRIEF_SIZE = 128

# In an answer.
ANSWER = 0x80
# In a poll: the gateway knows nothing of this center yet; only a brief frame may be answered.
FIRST = 0x01
BRIEF = 0x02
# In an answer: another frame waits.
MORE = 0x04

_HEAD = ">IBHH"
HEAD_SIZE = 9

# `mark` is the center's number for the answer's frame, 1 to 65535, and 0 without one; in a poll, that of the last answer
# that came whole. `taken` in a poll is the mark of a frame that the gateway has stored, or 0.
Message = namedtuple("Message", ("center", "control", "mark", "taken", "frame"))


def pack(center: int, control: int, mark: int, taken: int, frame: bytes) -> bytes:
    """The octets of a message on the line. The zero before them ends whatever noise came first."""
    return b"\0" + encode(struct.pack(_HEAD, center, control, mark, taken) + frame)


def unpack(octets: bytes) -> Message:
    """The message in what came whole through the framing; raises Malformed."""
    if len(octets) < HEAD_SIZE:
        raise Malformed("too short for a line")
    return Message(*struct.unpack(_HEAD, octets[:HEAD_SIZE]) + (octets[HEAD_SIZE:],))
