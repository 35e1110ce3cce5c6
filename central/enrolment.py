"""Enrolment: municipalities, groups, gateways, centers, processes, keys and tokens; rows, and the files of each device.

Behind `sereno-central enroll`. Every file with a secret has mode 0600; a device that is enrolled again gets new keys
(and a gateway a higher outbox epoch). The formats are in docs/operations.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import sqlite3
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from central import pki
from central.domain.errors import NotFound, Refused
from central.domain.group import Ring, polygon_problem
from central.settings import SMS_NUMBER
from central.store.keyring import Keyring
from protocol.codes import LOCAL
from protocol.hmac import Mac
from protocol.keys import FROM_CENTER, TO_CENTER, center_key, vault_key
from protocol.topics import center_name, gateway_name, number_of


def secret_hash(secret: str) -> bytes:
    """What is kept of an app's key or an operator's token: they are 256 random bits, so one hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


class Enrolment:
    """Writes rows through `db` (committed by each call) and files below the folders it is given.

    `release_key` (hexadecimal) is what centers verify releases with, and gateways the images they keep; one that is given none
    takes no release.
    """

    def __init__(
        self, db: sqlite3.Connection, keyring: Keyring, authority: Path, loud: list[int], release_key: str | None = None
    ) -> None:
        self._db = db
        self._keyring = keyring
        self._authority = authority
        self._loud = loud
        self._release_key = release_key

    def root_authority(self) -> bool:
        """The root authority where there is none yet; whether it was made."""
        # Asked of the certificate: its key may be away in a safe place, and every device trusts that one root.
        if (self._authority / "root.pem").exists():
            return False
        pki.create_authority(self._authority)
        return True

    def municipality(self, name: str) -> int:
        """A municipality with an issuing authority of its own; its number. Raises Refused without the root's key."""
        self.root_authority()
        if not (self._authority / "root-key.pem").exists():
            raise Refused(f"the root authority's key is away; bring root-key.pem back to {self._authority} for this")
        number = self._insert("INSERT INTO municipality (name) VALUES (?)", name)
        pki.issue_municipality(self._authority, number)
        return number

    def group(self, municipality: int, name: str, polygon: Ring) -> int:
        """A group of a municipality; raises Refused for a polygon that cannot be one."""
        self._need("municipality", municipality)
        problem = polygon_problem(polygon)
        if problem:
            raise Refused(problem)
        return self._insert(
            'INSERT INTO "group" (municipality, name, polygon) VALUES (?, ?, ?)',
            municipality,
            name,
            json.dumps(polygon),
        )

    def gateway(
        self,
        municipality: int,
        out: Path,
        again: int | None = None,
        request: bytes | None = None,
        number: str | None = None,
    ) -> str:
        """A gateway: certificate, hop root, signing key, its local broker's certificate; its name.

        `again` is the number of a gateway whose card is replaced: new keys, the next outbox epoch. `request` is a
        certificate request of the device: its key was made there and stays there. `number` is where it takes short messages.
        """
        self._need("municipality", municipality)
        own = again or self._next("gateway")
        name = gateway_name(own)
        root, signer = self._keyring.new_root(), Ed25519PrivateKey.generate()
        epoch = 1
        row = self._db.execute("SELECT sequence_epoch FROM gateway WHERE number = ?", (own,)).fetchone()
        if again is not None:
            if row is None:
                raise NotFound(f"there is no gateway {name}")
            epoch = row[0] % 255 + 1
        self._db.execute(
            "INSERT INTO gateway (number, municipality, root, sign_key, sequence_epoch) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (number) DO UPDATE SET root = excluded.root, sign_key = excluded.sign_key,"
            " sequence_epoch = excluded.sequence_epoch, hop_down = 0, hop_up = 0, hop_ordered = 0",
            (own, municipality, self._keyring.wrap(name, root), signer.public_key().public_bytes_raw(), epoch),
        )
        folder = _folder(out / name)
        keys = {
            "gateway": own,
            "root": root.hex(),
            "sequence_epoch": epoch,
            "sign": signer.private_bytes_raw().hex(),
        }
        if self._release_key is not None:
            keys["release_key"] = self._release_key
        _write(folder / "keys.json", json.dumps(keys, indent=1).encode(), secret=True)
        self._client_files(folder, municipality, name, request)
        broker = pki.issue_server(self._authority, municipality, name, [name, "localhost", "127.0.0.1"])
        _write(folder / "broker-cert.pem", broker.chain_pem)
        _write(folder / "broker-key.pem", broker.key_pem(), secret=True)
        _write(folder / "broker-ca.pem", pki.trust_pem(self._authority))
        (folder / "centers").mkdir(exist_ok=True)
        if again is not None:
            for center, group, wrapped, key_epoch in self._db.execute(
                'SELECT number, "group", root, epoch FROM center WHERE gateway = ?', (own,)
            ).fetchall():
                local_root = self._keyring.unwrap(center_name(center), wrapped)
                _write_local_keys(folder, center, group, key_epoch, local_root)
        if number is not None:
            self.sms_number(name, number)
        return name

    def sms_number(self, gateway: str, number: str) -> None:
        """Where a gateway takes short messages, in international form; empty takes it away. Raises Refused, NotFound."""
        if number and not re.fullmatch(SMS_NUMBER, number):
            raise Refused(f"{number!r} is not a number in international form: + and 8 to 15 digits, as +5492614000001")
        own = number_of(gateway)
        self._need("gateway", own)
        self._db.execute("UPDATE gateway SET sms_number = ? WHERE number = ?", (number or None, own))

    def center(self, group: int, gateway: str, lat: float, lon: float, host: str, port: int, out: Path) -> str:
        """An alarm center of a group behind a gateway: its own folder, and its local keys in the gateway's; its name."""
        municipality = self._need("group", group)["municipality"]
        gateway_number = number_of(gateway)
        self._need("gateway", gateway_number)
        if not (-90 <= lat <= 90 and -180 <= lon <= 180):
            raise Refused(f"latitude {lat} and longitude {lon} are no place on Earth (degrees, WGS 84)")
        number = self._next("center")
        name, root = center_name(number), self._keyring.new_root()
        self._db.execute(
            'INSERT INTO center (number, "group", gateway, lat, lon, root) VALUES (?, ?, ?, ?, ?, ?)',
            (number, group, gateway_number, lat, lon, self._keyring.wrap(name, root)),
        )
        folder = _folder(out / name)
        device = {
            "center": number,
            "group": group,
            "gateway": gateway,
            "epoch": 0,
            "root": root.hex(),
            "loud": self._loud,
            "loud_tag": Mac(vault_key(root, number)).tag(b"sereno/1 loud\0" + bytes(self._loud)).hex(),
            "panic_class": 1,
            "endpoints": [{"host": host, "port": port, "name": gateway}],
        }
        if self._release_key is not None:
            device["release_key"] = self._release_key
        _write(folder / "device.json", json.dumps(device, indent=1).encode(), secret=True)
        issued = pki.issue_client(self._authority, municipality, name)
        _write(folder / "ca.der", issued.root.public_bytes(Encoding.DER))
        _write(folder / "cert.der", issued.certificate.public_bytes(Encoding.DER))
        _write(folder / "key.der", issued.key_der(), secret=True)
        _write_local_keys(_folder(out / gateway), number, group, 0, root)
        return name

    def process(self, municipality: int, out: Path, request: bytes | None = None) -> str:
        """A certificate for one central process; its name. `request` as for a gateway."""
        self._need("municipality", municipality)
        taken = [int(path.name[1:]) for path in out.glob("S[0-9][0-9]")]
        name = f"S{max(taken, default=0) + 1:02d}"
        self._client_files(_folder(out / name), municipality, name, request)
        return name

    def broker(self, municipality: int, names: list[str], out: Path) -> None:
        """The certificate of the broker beside central, valid for `names`."""
        self._need("municipality", municipality)
        folder = _folder(out)
        issued = pki.issue_server(self._authority, municipality, names[0], names)
        _write(folder / "broker-cert.pem", issued.chain_pem)
        _write(folder / "broker-key.pem", issued.key_pem(), secret=True)
        _write(folder / "broker-ca.pem", pki.trust_pem(self._authority))

    def credential(self, kind: str, municipality: int, name: str) -> str:
        """An app's key or an operator's token: shown once, only its hash is kept."""
        self._need("municipality", municipality)
        secret = f"{kind}_{secrets.token_urlsafe(32)}"
        self._db.execute(
            "INSERT INTO credential VALUES (?, ?, ?, ?, ?)",
            (secret_hash(secret), kind, municipality, name, int(time.time())),
        )
        return secret

    def _client_files(self, folder: Path, municipality: int, name: str, request: bytes | None = None) -> None:
        issued = pki.issue_client(self._authority, municipality, name, request)
        _write(folder / "cert.pem", issued.chain_pem)
        if issued.key is not None:
            _write(folder / "key.pem", issued.key_pem(), secret=True)
        _write(folder / "ca.pem", pki.root_pem(self._authority))

    def _need(self, table: str, number: int) -> Any:
        row = self._db.execute(f'SELECT * FROM "{table}" WHERE number = ?', (number,)).fetchone()
        if row is None:
            raise NotFound(f"there is no {table} {number}; enroll it first")
        return row

    def _next(self, table: str) -> int:
        return int(self._db.execute(f'SELECT coalesce(max(number), 0) + 1 FROM "{table}"').fetchone()[0])

    def _insert(self, query: str, *values: Any) -> int:
        return int(self._db.execute(query, values).lastrowid or 0)


def _write_local_keys(gateway_folder: Path, center: int, group: int, epoch: int, root: bytes) -> None:
    """The pair of the local authority, which is all that a gateway is given of a center."""
    keys = {
        "center": center,
        "group": group,
        "epoch": epoch,
        "down": center_key(root, center, epoch, TO_CENTER, LOCAL).hex(),
        "up": center_key(root, center, epoch, FROM_CENTER, LOCAL).hex(),
    }
    folder = _folder(gateway_folder / "centers")
    _write(folder / f"{center_name(center)}.json", json.dumps(keys, indent=1).encode(), secret=True)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _write(path: Path, content: bytes, *, secret: bool = False) -> None:
    """Write whole or not at all; a secret is never readable by others, not even for a moment."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if secret else 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)
