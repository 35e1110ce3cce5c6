"""The sealed report: a center's self-description, a short header and a JSON body under one tag.

The octets of the body are sealed as they were written, never re-encoded: another JSON writer orders keys
differently.
"""

import json
from collections import namedtuple

from protocol.errors import BadTag, Malformed
from protocol.hmac import TAG_SIZE, Mac, same
from protocol.layout import Layout
from protocol.messages import KIND_REPORT

MAX_BODY = 1024

# `body` is a dict of plain JSON values; `sequence` comes from the same persistent count as acks.
Report = namedtuple("Report", ("authority", "epoch", "center", "sequence", "body"))
_Head = namedtuple("_Head", ("authority", "epoch", "center", "sequence"))
_HEAD = Layout(KIND_REPORT, "report", "BII", _Head)
_CONTEXT = b"sereno/1 report\0"


def seal(key: Mac, report: Report) -> bytes:
    """Header, JSON body, tag; raises Malformed when the body has more than 1,024 octets."""
    body = json.dumps(report.body).encode()
    if len(body) > MAX_BODY:
        raise Malformed("a report body has at most %d octets, not %d" % (MAX_BODY, len(body)))
    signed = _HEAD.pack(_Head(*report[:4])) + body
    return signed + key.tag(_CONTEXT + signed)


def peek(frame: bytes) -> int:
    """The center that a report claims to come from, not verified."""
    return int(_split(frame)[0].center)


def open(key: Mac, frame: bytes) -> Report:
    """The report of a sealed frame; raises Malformed or BadTag. The body is parsed only after the tag verified."""
    head, body = _split(frame)
    if not same(key.tag(_CONTEXT + frame[:-TAG_SIZE]), frame[-TAG_SIZE:]):
        raise BadTag("report: tag does not verify")
    try:
        content = json.loads(body.decode())
    except (ValueError, UnicodeError, RuntimeError):  # RuntimeError: nested deeper than the reader's stack
        raise Malformed("report: the body is not JSON")
    if not isinstance(content, dict):
        raise Malformed("report: the body is not an object")
    return Report(head.authority, head.epoch, head.center, head.sequence, content)


def _split(frame: bytes) -> tuple[_Head, bytes]:
    if not _HEAD.body_size + TAG_SIZE <= len(frame) <= _HEAD.body_size + MAX_BODY + TAG_SIZE:
        raise Malformed("%d octets cannot be a report" % len(frame))
    return _HEAD.unpack(frame[: _HEAD.body_size]), frame[_HEAD.body_size : -TAG_SIZE]
