"""A broker's certificate as it would be after its time: signed by the same issuing authority. Used by the soak.

It makes no keys and no authorities; those are central's (`sereno-central enroll`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from simulator.errors import SimulatorError


def expired(chain: bytes, key: Path, days: int = 3) -> bytes:
    """The chain (PEM, leaf first) with a leaf that ended `days` ago and is otherwise the same; `key` is the issuer's."""
    signer = load_pem_private_key(key.read_bytes(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise SimulatorError(f"{key} is not an EC key")
    leaf, *issuers = x509.load_pem_x509_certificates(chain)
    ended = datetime.now(UTC) - timedelta(days=days)
    builder = x509.CertificateBuilder(
        issuer_name=leaf.issuer,
        subject_name=leaf.subject,
        public_key=leaf.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=ended - timedelta(days=825),
        not_valid_after=ended,
        extensions=list(leaf.extensions),
    )
    made = builder.sign(signer, hashes.SHA256())
    return b"".join(one.public_bytes(Encoding.PEM) for one in (made, *issuers))
