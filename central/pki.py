"""The certificate authorities: an offline root, one issuing authority per municipality, and the leaves below it.

Called by enrolment. Keys are EC P-256. It never overwrites a key that exists, and knows nothing of rows or sockets.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocol.errors import Malformed
from protocol.topics import number_of

ROOT_DAYS = 7300
ISSUING_DAYS = 3650
LEAF_DAYS = 825

# Certificates count from a little earlier: a device whose clock is some minutes slow must still connect.
_BACKDATE = timedelta(hours=1)


class AuthorityError(Exception):
    """An authority is missing, exists already, or is asked for a name that it may not certify."""


@dataclass(frozen=True)
class Authority:
    """A key that signs certificates, and its own certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


@dataclass(frozen=True)
class Issued:
    """A leaf: its key and certificate, the chain to send (PEM, leaf first, no root), and the root."""

    key: ec.EllipticCurvePrivateKey | None
    certificate: x509.Certificate
    chain_pem: bytes
    root: x509.Certificate

    def key_pem(self) -> bytes:
        """The private key in PKCS 8 PEM; raises AuthorityError when the device made its own key."""
        return self._private(Encoding.PEM)

    def key_der(self) -> bytes:
        """The private key in DER (SEC 1, which mbedTLS reads)."""
        return self._private(Encoding.DER)

    def _private(self, encoding: Encoding) -> bytes:
        if self.key is None:
            raise AuthorityError("the private key of this certificate never left its device")
        shape = PrivateFormat.PKCS8 if encoding is Encoding.PEM else PrivateFormat.TraditionalOpenSSL
        return self.key.private_bytes(encoding, shape, NoEncryption())


def create_authority(folder: Path) -> None:
    """Make the root authority in `folder` (root.pem, root-key.pem); raises AuthorityError if it is there."""
    if (folder / "root-key.pem").exists():
        raise AuthorityError(f"{folder} already holds a root authority; it is never overwritten")
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _subject("Sereno root")
    certificate = _authority_builder(name, name, key, ROOT_DAYS, path_length=1).sign(key, hashes.SHA256())
    _write_secret(folder / "root-key.pem", _pem(key))
    (folder / "root.pem").write_bytes(certificate.public_bytes(Encoding.PEM))


def issue_municipality(folder: Path, municipality: int) -> None:
    """Make the issuing authority of one municipality under the root in `folder`; leaves an existing one alone."""
    if _municipality_key(folder, municipality).exists():
        return
    root = _load(folder, "root")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(f"Sereno municipality {municipality}")
    builder = _authority_builder(subject, root.certificate.subject, key, ISSUING_DAYS, path_length=0)
    certificate = builder.sign(root.key, hashes.SHA256())
    _write_secret(_municipality_key(folder, municipality), _pem(key))
    (folder / f"municipality-{municipality}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))


def issue_client(
    folder: Path,
    municipality: int,
    name: str,
    request_pem: bytes | None = None,
    days: int = LEAF_DAYS,
    not_before: datetime | None = None,
) -> Issued:
    """A client certificate whose common name is a device's name.

    With `request_pem` (a certificate request) the key stays on the device that made it; otherwise one is made
    here. Raises AuthorityError for a name that is not a device's, or a request that is not validly signed.
    """
    try:
        number_of(name)
    except Malformed as error:
        raise AuthorityError(str(error)) from error
    return _issue(folder, municipality, name, ExtendedKeyUsageOID.CLIENT_AUTH, [], request_pem, days, not_before)


def issue_server(
    folder: Path,
    municipality: int,
    name: str,
    dns_names: list[str],
    days: int = LEAF_DAYS,
    not_before: datetime | None = None,
) -> Issued:
    """A broker's certificate, valid for `dns_names` (an address among them becomes an IP entry as well)."""
    return _issue(folder, municipality, name, ExtendedKeyUsageOID.SERVER_AUTH, dns_names, None, days, not_before)


def trust_pem(folder: Path) -> bytes:
    """What a broker trusts its clients by: the root and every issuing authority."""
    files = [folder / "root.pem", *sorted(folder.glob("municipality-*.pem"))]
    return b"".join(path.read_bytes() for path in files if not path.name.endswith("-key.pem"))


def root_pem(folder: Path) -> bytes:
    """The root certificate, what clients trust a broker by."""
    return (folder / "root.pem").read_bytes()


def _issue(
    folder: Path,
    municipality: int,
    name: str,
    usage: x509.ObjectIdentifier,
    dns_names: list[str],
    request_pem: bytes | None,
    days: int,
    not_before: datetime | None,
) -> Issued:
    issuing = _load(folder, f"municipality-{municipality}")
    root = x509.load_pem_x509_certificate(root_pem(folder))
    key: ec.EllipticCurvePrivateKey | None = None
    if request_pem is None:
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key()
    else:
        public = _requested_key(request_pem)
    builder = _builder(_subject(name), issuing.certificate.subject, public, days, not_before)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    builder = builder.add_extension(_key_usage(certificates=False), critical=True)
    alternatives: list[x509.GeneralName] = [x509.DNSName(entry) for entry in dns_names]
    alternatives += [x509.IPAddress(ip_address(entry)) for entry in dns_names if _is_address(entry)]
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    certificate = builder.sign(issuing.key, hashes.SHA256())
    chain = b"".join(part.public_bytes(Encoding.PEM) for part in (certificate, issuing.certificate))
    return Issued(key, certificate, chain, root)


def _requested_key(request_pem: bytes) -> ec.EllipticCurvePublicKey:
    try:
        request = x509.load_pem_x509_csr(request_pem)
    except ValueError as error:
        raise AuthorityError("the certificate request is not PEM (-----BEGIN CERTIFICATE REQUEST-----)") from error
    public = request.public_key()
    if not request.is_signature_valid or not isinstance(public, ec.EllipticCurvePublicKey):
        raise AuthorityError("the certificate request is not validly signed by an EC key")
    return public


def _authority_builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int, path_length: int
) -> x509.CertificateBuilder:
    builder = _builder(subject, issuer, key.public_key(), days, None)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    return builder.add_extension(_key_usage(certificates=True), critical=True)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, days: int, not_before: datetime | None
) -> x509.CertificateBuilder:
    start = not_before or datetime.now(UTC) - _BACKDATE
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
    )


def _key_usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _load(folder: Path, stem: str) -> Authority:
    certificate, key = folder / f"{stem}.pem", folder / f"{stem}-key.pem"
    if not certificate.exists() or not key.exists():
        raise AuthorityError(f"{folder} holds no {stem} authority; run `sereno-central enroll` for it first")
    private = load_pem_private_key(key.read_bytes(), None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise AuthorityError(f"{key} is not an EC key")
    return Authority(private, x509.load_pem_x509_certificate(certificate.read_bytes()))


def _municipality_key(folder: Path, municipality: int) -> Path:
    return folder / f"municipality-{municipality}-key.pem"


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _is_address(entry: str) -> bool:
    try:
        ip_address(entry)
    except ValueError:
        return False
    return True


def _write_secret(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
