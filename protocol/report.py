"""The sealed report: a center's self-description, a short header and a JSON body under one tag.

The octets of the body are sealed as they were written: another JSON writer orders keys differently.
"""

import json
from collections import namedtuple

from protocol.body import BodyLayout
from protocol.errors import Malformed
from protocol.hmac import Mac
from protocol.messages import KIND_REPORT

MAX_BODY = 1024

# `body` is a dict of plain JSON values; `sequence` comes from the same persistent count as acks.
Report = namedtuple("Report", ("authority", "epoch", "center", "sequence", "body"))
_LAYOUT = BodyLayout(KIND_REPORT, "report", ("epoch", "center", "sequence"), "BII", MAX_BODY)
# What a report claims to be, not verified: its head (authority, epoch, center, sequence) and the octets of its body.
peek = _LAYOUT.peek


def seal(key: Mac, report: Report) -> bytes:
    """Header, JSON body, tag; raises Malformed when the body has more than 1,024 octets."""
    return _LAYOUT.seal(key, report[:4], json.dumps(report.body).encode())


def open(key: Mac, frame: bytes) -> Report:
    """The report of a sealed frame; raises Malformed or BadTag. The body is parsed only after the tag verified."""
    head, body = _LAYOUT.open(key, frame)
    try:
        content = json.loads(body.decode())
    except (ValueError, UnicodeError, RuntimeError):  # RuntimeError: nested deeper than the reader's stack
        raise Malformed("report: the body is not JSON")
    if not isinstance(content, dict):
        raise Malformed("report: the body is not an object")
    return Report(head.authority, head.epoch, head.center, head.sequence, content)
