"""What is enrolled, in memory: groups, centers, and the seals of every device. Read again when it changed.

Implements the ports Keys and Places for the flows.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from central.domain.alert import Position
from central.domain.group import Center, Group
from central.store.keyring import Keyring, KeyringError
from protocol.keys import Pair
from protocol.topics import center_name, gateway_name


class Devices:
    """The registry as flows see it; `refresh` now and then."""

    def __init__(self, db: sqlite3.Connection, keyring: Keyring) -> None:
        self._db = db
        self._keyring = keyring
        self._groups: dict[int, Group] = {}
        self._centers: dict[int, tuple[Center, int, bytes, int]] = {}
        self._gateways: dict[int, tuple[bytes, Ed25519PublicKey, int]] = {}
        self._municipalities: dict[int, str] = {}
        self._seen: tuple[int, ...] = ()

    def refresh(self) -> bool:
        """Read all again when something was enrolled since; whether it was."""
        if self._state() == self._seen:
            return False
        self.reload()
        return True

    def _state(self) -> tuple[int, ...]:
        """Rises with every enrolment: rows are added, and a replaced gateway has a higher epoch. Nothing is changed in place."""
        row = self._db.execute(
            'SELECT (SELECT count(*) FROM municipality), (SELECT count(*) FROM "group"), (SELECT count(*) FROM center),'
            " (SELECT count(*) FROM gateway), (SELECT total(sequence_epoch) FROM gateway)"
        ).fetchone()
        return tuple(int(value) for value in row)

    def reload(self) -> None:
        """Read all rows again."""
        db = self._db
        self._seen = self._state()
        self._municipalities = dict(db.execute("SELECT number, name FROM municipality").fetchall())
        self._gateways = {
            number: (root, Ed25519PublicKey.from_public_bytes(key), municipality)
            for number, root, key, municipality in db.execute(
                "SELECT number, root, sign_key, municipality FROM gateway ORDER BY number"
            )
        }
        groups = {
            number: Group(number, municipality, name, tuple((lon, lat) for lon, lat in json.loads(polygon)))
            for number, municipality, name, polygon in db.execute(
                'SELECT number, municipality, name, polygon FROM "group"'
            )
        }
        self._centers = {}
        members: dict[int, list[Center]] = {}
        for number, group, gateway, lat, lon, root, epoch in db.execute(
            'SELECT number, "group", gateway, lat, lon, root, epoch FROM center ORDER BY number'
        ):
            center = Center(number, gateway, lat, lon)
            self._centers[number] = (center, group, root, epoch)
            members.setdefault(group, []).append(center)
        self._groups = {
            number: replace(group, centers=tuple(members.get(number, ()))) for number, group in groups.items()
        }

    def damaged(self) -> list[str]:
        """Devices whose root the master key does not open; raises KeyringError when it opens none: it is another's key."""
        names = []
        wrapped = [(center_name(number), root) for number, (_, _, root, _) in self._centers.items()]
        wrapped += [(gateway_name(number), root) for number, (root, _, _) in self._gateways.items()]
        for name, root in wrapped:
            try:
                self._keyring.unwrap(name, root)
            except KeyringError:
                names.append(name)
        if wrapped and len(names) == len(wrapped):
            raise KeyringError(
                "the master key is not the one that wrapped this database's keys; put the right one back"
            )
        return names

    # Keys

    def center(self, number: int, authority: int) -> Pair:
        """The seals between an authority and a center; raises KeyError."""
        _, _, root, epoch = self._centers[number]
        return self._keyring.center(number, root, epoch, authority)

    def gateway(self, number: int) -> Pair:
        """The hop seals of a gateway; raises KeyError."""
        return self._keyring.gateway(number, self._gateways[number][0])

    def verify(self, gateway: int, signature: bytes, signed: bytes) -> bool:
        """Whether a gateway made this Ed25519 signature; raises KeyError for an unknown one."""
        try:
            self._gateways[gateway][1].verify(signature, signed)
        except InvalidSignature:
            return False
        return True

    def public_key(self, gateway: int) -> bytes:
        """A gateway's Ed25519 public key, 32 octets; raises KeyError."""
        return self._gateways[gateway][1].public_bytes_raw()

    # Places

    def group(self, number: int) -> Group | None:
        """A group by number."""
        return self._groups.get(number)

    def groups(self) -> list[Group]:
        """All groups."""
        return list(self._groups.values())

    def gateways(self) -> list[int]:
        """Every gateway, by number."""
        return sorted(self._gateways)

    def gateways_of(self, municipality: int) -> list[int]:
        """The gateways of a municipality, by number."""
        return [number for number, (_, _, whose) in self._gateways.items() if whose == municipality]

    def names_of(self, municipality: int) -> set[str]:
        """The names of a municipality's devices."""
        groups = {number for number, group in self._groups.items() if group.municipality == municipality}
        centers = {center_name(number) for number, (_, group, _, _) in self._centers.items() if group in groups}
        return centers | {gateway_name(number) for number in self.gateways_of(municipality)}

    def group_at(self, municipality: int, position: Position) -> Group | None:
        """The nearest group that holds a position."""
        holding = [g for g in self._groups.values() if g.municipality == municipality and g.holds(position)]
        return min(holding, key=lambda group: group.distance_m(position), default=None)

    def municipality_of(self, group: int) -> int:
        """The municipality of a group; raises KeyError."""
        return self._groups[group].municipality

    def gateway_groups(self, gateway: int) -> list[int]:
        """The groups that have a center on a gateway, by number."""
        return sorted({group for center, group, _, _ in self._centers.values() if center.gateway == gateway})

    def gateway_municipality(self, gateway: int) -> int:
        """The municipality of a gateway; raises KeyError."""
        return int(self._gateways[gateway][2])

    def center_gateway(self, center: int) -> int:
        """The gateway of a center; raises KeyError."""
        return self._centers[center][0].gateway

    def center_group(self, center: int) -> int:
        """The group of a center; raises KeyError."""
        return self._centers[center][1]
