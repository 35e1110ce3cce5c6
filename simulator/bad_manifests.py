"""Every way in which a manifest or its image may be wrong, for campaign T17. Each gives something that a board must not install."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from firmware.ed25519 import ORDER
from protocol.manifest import SIGNED, SIZE
from simulator import release

# What runs on the board that is attacked, and what an honest release would be.
RUNNING = 50
NEXT = 51


@dataclass(frozen=True)
class Offer:
    """What a board is offered: a manifest, the image that is given for it, and the time there (None: not known)."""

    manifest: bytes
    image: bytes
    now: int | None = release.ISSUED


class Forger:
    """Has an honest release, another one, a key of its own, and everything that was ever sent; not the release key.

    Kinds that say `signed` are releases that the real key did sign, for another board, another time, another place.
    """

    def __init__(self, dice: random.Random, files: dict[str, bytes]) -> None:
        self._dice = dice
        self.image = release.image(files)
        self.manifest = release.manifest(self.image, NEXT)
        self._other_image = release.image({**files, "firmware/other.py": b"print('other')\n"})
        self._other = release.manifest(self._other_image, NEXT + 1)
        self.kinds: dict[str, Callable[[], Offer]] = {
            "a bit turned": self._bit,
            "several octets changed": self._octets,
            "cut short": self._cut,
            "longer": self._longer,
            "noise": self._noise,
            "another version of the format": self._version,
            "signed with another key": self._key,
            "signature of another manifest": self._swapped,
            "signature in a second form": self._second_form,
            "signature for another purpose": self._purpose,
            "no signature": self._unsigned,
            "a size that lies": lambda: self._field(40, 4),
            "a digest that lies": lambda: self._field(44, 32),
            "a higher sequence": lambda: self._field(4, 4),
            "a later expiry": lambda: self._field(80, 4),
            "a lower minimum": self._minimum,
            "another board made ours": self._board_changed,
            "signed for another board": lambda: self._signed(board=self._dice.choice(("pico_w", "esp32_s3", "unix2"))),
            "signed, older or the same": lambda: self._signed(sequence=self._dice.randint(1, RUNNING)),
            "signed, over a later one": lambda: self._signed(minimum_from=self._dice.randint(NEXT, 99), sequence=100),
            "signed, expired": lambda: self._signed(expiry=release.ISSUED - self._dice.randrange(10**8)),
            "signed, before the time is known": lambda: Offer(self.manifest, self.image, None),
            "signed, too large": lambda: self._signed(size=self._dice.randrange(300_000, 1 << 32)),
            "signed, its size a lie": lambda: self._signed(size=len(self.image) + self._dice.choice((-1, 1, 512))),
            "signed, an image with a bit turned": self._image_bit,
            "signed, the image of another": lambda: Offer(self.manifest, self._other_image[: len(self.image)]),
            "signed, an image that leaves its slot": self._escape,
        }

    def _turned(self, octets: bytes, bit: int) -> bytes:
        return octets[: bit >> 3] + bytes([octets[bit >> 3] ^ 1 << (bit & 7)]) + octets[(bit >> 3) + 1 :]

    def _of(self, manifest: bytes) -> Offer:
        return Offer(manifest, self.image)

    def _bit(self) -> Offer:
        return self._of(self._turned(self.manifest, self._dice.randrange(SIZE * 8)))

    def _octets(self) -> Offer:
        spoiled = bytearray(self.manifest)
        for at in self._dice.sample(range(SIZE), self._dice.randint(2, 40)):
            spoiled[at] ^= self._dice.randint(1, 255)
        return self._of(bytes(spoiled))

    def _cut(self) -> Offer:
        return self._of(self.manifest[: self._dice.randrange(SIZE)])

    def _longer(self) -> Offer:
        return self._of(self.manifest + self._dice.randbytes(self._dice.randint(1, 200)))

    def _noise(self) -> Offer:
        return self._of(self.manifest[:4] + self._dice.randbytes(SIZE - 4))

    def _version(self) -> Offer:
        return self._of(self._resigned(b"SRM" + bytes([self._dice.choice((0, 2, 3, 255))]) + self.manifest[4:SIGNED]))

    def _key(self) -> Offer:
        return self._of(release.manifest(self.image, NEXT, seed=self._dice.randbytes(32)))

    def _swapped(self) -> Offer:
        return self._of(self.manifest[:SIGNED] + self._other[SIGNED:])

    def _second_form(self) -> Offer:
        scalar = int.from_bytes(self.manifest[SIGNED + 32 :], "little") + ORDER * self._dice.randint(1, 15)
        return self._of(self.manifest[: SIGNED + 32] + (scalar % (1 << 256)).to_bytes(32, "little"))

    def _purpose(self) -> Offer:
        body = self.manifest[:SIGNED]
        return self._of(
            body + release.sign(self._dice.choice((b"", b"sereno/2 release\0", b"sereno/1 frame\0")) + body)
        )

    def _unsigned(self) -> Offer:
        return self._of(self.manifest[:SIGNED] + self._dice.choice((bytes(64), b"\x01" + bytes(63), b"\xff" * 64)))

    def _field(self, at: int, size: int) -> Offer:
        lie = self._dice.randbytes(size)
        while lie == self.manifest[at : at + size]:
            lie = self._dice.randbytes(size)
        return self._of(self.manifest[:at] + lie + self.manifest[at + size :])

    def _minimum(self) -> Offer:
        signed = release.manifest(self.image, NEXT + 9, minimum_from=RUNNING + 1)
        return self._of(signed[:76] + self._dice.randint(0, RUNNING).to_bytes(4, "big") + signed[80:])

    def _board_changed(self) -> Offer:
        signed = release.manifest(self.image, NEXT, board=self._dice.choice(("pico_w", "esp32_s3")))
        return self._of(signed[:8] + self.manifest[8:24] + signed[24:])

    def _signed(self, sequence: int = NEXT, **other: Any) -> Offer:
        return self._of(release.manifest(self.image, sequence, **other))

    def _image_bit(self) -> Offer:
        return Offer(self.manifest, self._turned(self.image, self._dice.randrange(len(self.image) * 8)))

    def _escape(self) -> Offer:
        path = self._dice.choice(
            ("../boot.py", "boot.py", "firmware/../../main.py", "slots-a", "device.json", "firmware/x")
        )
        image = release.image({path: b"x" * self._dice.randint(0, 900)})
        return Offer(release.manifest(image, NEXT), image)

    def _resigned(self, body: bytes) -> bytes:
        return body + release.sign(b"sereno/1 release\0" + body)
