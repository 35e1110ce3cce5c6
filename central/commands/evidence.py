"""`sereno-central evidence`: what a third party needs to verify, offline, what the centers of an incident said."""

from __future__ import annotations

from pathlib import Path

from central.devices import Devices
from central.domain.errors import NotFound
from central.settings import Settings
from central.store.database import connect
from central.store.keyring import Keyring
from central.store.reader import Reader
from protocol import countersign
from protocol.gateway import speaker_name
from protocol.topics import gateway_name

_README = """\
Evidence of incident {incident}

Each .cose file is one answer of an alarm center, countersigned by the gateway that carried it: a COSE_Sign1
message (RFC 9052), EdDSA (RFC 9053), key id = the gateway's name. The .pub file of that name holds its Ed25519 public
key in hexadecimal. Any COSE library verifies them. The payload is 56 octets: the center's sealed ack (44) and the
gateway's stamp (gateway, sequence, Unix time, bearer, signal); docs/protocol.md gives every field.

Each .not-countersigned file is such a payload without a signature: it came by SMS, two answers in one message, where
two signatures have no room. The center's own seal is in it; the gateway's word is missing, so it is the weaker evidence.
"""


def export(settings: Settings, incident: int, out: Path) -> int:
    """Write the files; how many acks. Raises NotFound when the incident has none."""
    reader = Reader(settings.database)
    devices = Devices(connect(settings.database, read_only=True), Keyring.load(settings.master_key))
    devices.reload()
    rows = reader.evidence(incident)
    if not rows:
        raise NotFound(f"no ack is stored for incident {incident}")
    out.mkdir(parents=True, exist_ok=True)
    for center, sequence, octets in rows:
        message = countersign.kept(octets)
        name, stem = gateway_name(message.gateway), f"{speaker_name(center)}-{sequence}"
        if not message.signature:
            (out / f"{stem}.not-countersigned").write_bytes(octets)
            continue
        (out / f"{stem}.cose").write_bytes(countersign.evidence(message, name.encode()))
        (out / f"{name}.pub").write_text(devices.public_key(message.gateway).hex() + "\n")
    (out / "README.txt").write_text(_README.format(incident=incident))
    return len(rows)
