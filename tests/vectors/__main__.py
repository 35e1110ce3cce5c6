"""Writes protocol.json beside this file, after a deliberate change of the contract; a test compares it with the committed one."""

from __future__ import annotations

import json
from pathlib import Path

from tests.vectors import frames, published, refused, sequences

TARGET = Path(__file__).with_name("protocol.json")


def text() -> str:
    """The file's text."""
    vectors = {
        "about": "Octets in hex, 64-bit numbers as strings. Made by `python -m tests.vectors` from docs/protocol.md.",
        "codes": published.CODES,
        "hmac": published.HMAC,
        "hkdf": published.HKDF,
        "cbor": published.CBOR,
        "keys": frames.keys(),
        "frames": frames.frames(),
        "reports": frames.reports(),
        "bodies": frames.bodies(),
        "envelopes": frames.envelopes(),
        "unsealed": frames.unsealed(),
        "countersigned": frames.countersigned(),
        "refused": refused.refused(),
        "lines": sequences.lines(),
        "windows": sequences.windows(),
        "topics": sequences.topics(),
    }
    parts = [f'"{name}": {_part(part)}' for name, part in vectors.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _part(part: object) -> str:
    """One entry a line: a difference in review is a line, and the file stays readable."""
    if isinstance(part, list):
        return "[\n" + ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in part) + "\n]"
    return json.dumps(part, ensure_ascii=False)


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
    print(f"{TARGET.name} written")
