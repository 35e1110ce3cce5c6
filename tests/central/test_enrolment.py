"""Enrolment: keys that stay on their device, names that may be certified, secrets that nobody else can read."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from central import pki
from central.commands.enroll import enrolment
from central.domain.errors import Refused
from tests.central.rig import square


def settings(folder: Path) -> Path:
    path = folder / "central.toml"
    path.write_text('state = "state"\nprocess = "S01"\n')
    return path


def request(key: ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "whatever it likes")])
    made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return made.public_bytes(Encoding.PEM)


def test_a_key_that_was_made_on_its_device_stays_there(tmp_path: Path) -> None:
    """With a certificate request no private key is written, and the certificate is for the device's key and our name."""
    key = ec.generate_private_key(ec.SECP256R1())
    with enrolment(settings(tmp_path)) as enrol:
        city = enrol.municipality("Godoy Cruz")
        name = enrol.gateway(city, tmp_path, request=request(key))
    assert not (tmp_path / name / "key.pem").exists()
    certificate = x509.load_pem_x509_certificate((tmp_path / name / "cert.pem").read_bytes())
    assert certificate.public_key() == key.public_key()
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == name


def test_a_request_that_is_not_one_is_refused(tmp_path: Path) -> None:
    """In one sentence, and nothing is enrolled."""
    with pytest.raises(Refused, match="certificate request"), enrolment(settings(tmp_path)) as enrol:
        enrol.gateway(enrol.municipality("Godoy Cruz"), tmp_path, request=b"hello")
    with enrolment(settings(tmp_path)) as enrol:
        assert enrol.municipality("Godoy Cruz") == 1


@pytest.mark.parametrize("key", ["", "ab" * 32])
def test_a_center_and_its_gateway_are_given_the_key_of_releases(tmp_path: Path, key: str) -> None:
    """That of the settings; without one a center takes no release at all, and a gateway keeps none."""
    path = settings(tmp_path)
    if key:
        path.write_text(path.read_text() + f'[releases]\nkey = "{key}"\n')
    with enrolment(path) as enrol:
        city = enrol.municipality("Godoy Cruz")
        group = enrol.group(city, "Villa", square(1))
        gateway = enrol.gateway(city, tmp_path)
        name = enrol.center(group, gateway, -34.6, -58.4, "127.0.0.1", 8883, tmp_path)
    device = json.loads((tmp_path / name / "device.json").read_text())
    keys = json.loads((tmp_path / gateway / "keys.json").read_text())
    assert device.get("release_key", "") == keys.get("release_key", "") == key


def test_only_names_of_devices_are_certified(tmp_path: Path) -> None:
    """A slash or a wildcard in a name would reach other devices' topics."""
    pki.create_authority(tmp_path / "authority")
    pki.issue_municipality(tmp_path / "authority", 1)
    for name in ("G1", "C000001/x", "#", "+", "S01 ", "", "C000000"):
        with pytest.raises(pki.AuthorityError):
            pki.issue_client(tmp_path / "authority", 1, name)


def test_every_device_has_keys_of_its_own_and_a_gateway_no_roots(tmp_path: Path) -> None:
    """Fifty centers, fifty roots; the gateway's copy of a center holds its local pair and nothing of the root."""
    with enrolment(settings(tmp_path)) as enrol:
        city = enrol.municipality("Godoy Cruz")
        group, gateway = enrol.group(city, "Villa", square(1)), enrol.gateway(city, tmp_path)
        names = [enrol.center(group, gateway, -32.9, -68.8, "127.0.0.1", 8883, tmp_path) for _ in range(50)]
    devices = [json.loads((tmp_path / name / "device.json").read_text()) for name in names]
    assert len({device["root"] for device in devices}) == 50
    for name, device in zip(names, devices, strict=True):
        local = (tmp_path / gateway / "centers" / f"{name}.json").read_text()
        assert set(json.loads(local)) == {"center", "group", "epoch", "down", "up"}
        assert device["root"] not in local


def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Mode 0600 on every file that holds one, also the master key and the authorities'."""
    with enrolment(settings(tmp_path)) as enrol:
        city = enrol.municipality("Godoy Cruz")
        group, gateway = enrol.group(city, "Villa", square(1)), enrol.gateway(city, tmp_path)
        center = enrol.center(group, gateway, -32.9, -68.8, "127.0.0.1", 8883, tmp_path)
        enrol.process(city, tmp_path)
    secret = [
        "key.pem",
        "broker-key.pem",
        "keys.json",
        "key.der",
        "device.json",
        "root-key.pem",
        "master.key",
        f"{center}.json",
    ]
    found = [path for path in tmp_path.rglob("*") if path.name in secret or path.name.endswith("-key.pem")]
    assert len(found) >= 9
    assert [path for path in found if stat.S_IMODE(path.stat().st_mode) != 0o600] == []


def test_a_replaced_card_gets_a_higher_outbox_epoch_and_its_centers_keys_again(tmp_path: Path) -> None:
    """Else its acks, counted from 1, would be taken for duplicates and confirmed unread."""
    with enrolment(settings(tmp_path)) as enrol:
        city = enrol.municipality("Godoy Cruz")
        group, gateway = enrol.group(city, "Villa", square(1)), enrol.gateway(city, tmp_path)
        center = enrol.center(group, gateway, -32.9, -68.8, "127.0.0.1", 8883, tmp_path)
    before = json.loads((tmp_path / gateway / "keys.json").read_text())
    local = (tmp_path / gateway / "centers" / f"{center}.json").read_text()
    with enrolment(settings(tmp_path)) as enrol:
        enrol.gateway(city, tmp_path / "new", again=1)
    after = json.loads((tmp_path / "new" / gateway / "keys.json").read_text())
    assert after["sequence_epoch"] == before["sequence_epoch"] + 1
    assert after["root"] != before["root"]
    assert (tmp_path / "new" / gateway / "centers" / f"{center}.json").read_text() == local


def test_a_root_whose_key_is_away_is_never_replaced(tmp_path: Path) -> None:
    """Every device trusts it: a second root would cut them all off. Devices are enrolled without its key."""
    with enrolment(settings(tmp_path)) as enrol:
        assert (enrol.root_authority(), enrol.root_authority()) == (True, False)
        city = enrol.municipality("Godoy Cruz")
    authority = tmp_path / "state" / "authority"
    root = (authority / "root.pem").read_bytes()
    (authority / "root-key.pem").rename(tmp_path / "safe.pem")
    with pytest.raises(Refused, match="key is away"), enrolment(settings(tmp_path)) as enrol:
        enrol.municipality("Luján")
    with enrolment(settings(tmp_path)) as enrol:
        assert enrol.gateway(city, tmp_path) == "G000001"
    assert root == (authority / "root.pem").read_bytes()
