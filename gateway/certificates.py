"""The gateway's certificate files: read, compared, and made into TLS that verifies the other end fully.

Used by wiring for every connection and by `check`. Nothing here relaxes a verification.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from gateway.connection import NamedContext
from gateway.errors import SettingsWrong
from gateway.store.keys import secret_mode


def context(folder: Path, name: str) -> NamedContext:
    """TLS with our certificate and full verification of a broker's, issued to `name`; raises OSError or ssl.SSLError."""
    made = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    made.expected = name
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_verify_locations(folder / "ca.pem")
    made.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return made


def certificates(folder: Path, name: str) -> None:
    """Raise SettingsWrong with a sentence when our certificate files cannot be used to connect."""
    secret_mode(folder / "key.pem")
    certificate = certificate_of(folder / "cert.pem")
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if not common or common[0].value != name:
        raise SettingsWrong(f"{folder / 'cert.pem'} is not the certificate of {name}; copy that gateway's own folder")
    certificate_of(folder / "ca.pem")
    try:
        context(folder, name)
        key = load_pem_private_key((folder / "key.pem").read_bytes(), None)
    except (OSError, ValueError) as error:
        raise SettingsWrong(f"{folder / 'key.pem'} does not belong to cert.pem or cannot be read ({error})") from error
    whole = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*whole) != certificate.public_key().public_bytes(*whole):
        raise SettingsWrong(f"{folder / 'key.pem'} does not belong to cert.pem; copy that gateway's own folder")


def certificate_of(path: Path) -> x509.Certificate:
    """The first certificate in a PEM file; raises SettingsWrong with a sentence."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise SettingsWrong(f"{path} cannot be read ({error.strerror}); copy the folder that enrolment made") from error
    except ValueError as error:
        raise SettingsWrong(f"{path} is not a certificate in PEM; copy the folder that enrolment made") from error
