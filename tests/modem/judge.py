"""gammu as the judge of our PDUs: another program's reading and writing of the same standard.

`read` and `write` run this file once under the system's python, which has gammu's binding (Debian: python3-gammu),
with many cases as JSON lines. A missing judge fails the test.
"""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

SYSTEM_PYTHON = "/usr/bin/python3"
MISSING = "the judge of the short messages is missing: apt-get install gammu python3-gammu"


def read(pdus: list[str]) -> list[dict[str, Any]]:
    """The fields gammu reads in each PDU, `{"error": ...}` where it refuses; octets in hexadecimal."""
    return _ask([{"read": pdu} for pdu in pdus])


def write(layout: str, messages: list[dict[str, Any]]) -> list[str]:
    """The PDUs gammu writes; `layout` is Submit or Deliver, octets in a message are `{"hex": ...}`."""
    answers = _ask([{"layout": layout, "write": message | {"Type": layout}} for message in messages])
    refused = [answer for answer in answers if "error" in answer]
    assert refused == []
    return [answer["pdu"] for answer in answers]


def _ask(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    assert Path(SYSTEM_PYTHON).exists(), MISSING
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    run = subprocess.run([SYSTEM_PYTHON, __file__], input=lines, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr.strip().rpartition("\n")[2]
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(cases) == len(answers)
    return answers


def _blank() -> dict[str, Any]:
    """A message with every field the binding insists on."""
    zeros = (
        "Folder Location InboxFolder DeliveryStatus ReplyViaSameSMSC MessageReference ReplaceMessage RejectDuplicates"
    )
    fixed = {"Name": "", "Memory": "SM", "State": "UnSent", "Class": -1, "UDH": {"Type": "NoUDH", "Text": b""}}
    times = dict.fromkeys(("DateTime", "SMSCDateTime"), datetime(2026, 3, 4, 5, 6, 7))
    return dict.fromkeys(zeros.split(), 0) | fixed | times


def _answer(gammu: Any, case: dict[str, Any]) -> dict[str, Any]:
    try:
        if "read" in case:
            return gammu.DecodePDU(bytes.fromhex(case["read"]), True)
        return {"pdu": gammu.EncodePDU(_blank() | case["write"], case["layout"]).hex()}
    except (gammu.GSMError, ValueError) as refusal:
        return {"error": repr(refusal)}


def _main() -> None:
    try:
        import gammu
    except ImportError:
        sys.exit(MISSING)
    for line in sys.stdin:
        case = json.loads(line, object_hook=lambda value: bytes.fromhex(value["hex"]) if "hex" in value else value)
        print(
            json.dumps(
                _answer(gammu, case), default=lambda value: value.hex() if isinstance(value, bytes) else str(value)
            )
        )


if __name__ == "__main__":
    _main()
