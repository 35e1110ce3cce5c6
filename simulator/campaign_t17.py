"""Campaign T17: power cuts anywhere in an update, and manifests of every wrong kind, against the firmware's own way of updating.

Nothing is installed that the release key did not sign for this board, and a board always starts a whole release. Verified
with the firmware's own Ed25519; flash is `simulator.flash`, with torn writes.
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from firmware.install import JUDGED
from protocol.errors import Malformed
from simulator import release
from simulator.bad_manifests import NEXT, RUNNING, Forger, Offer
from simulator.flash import Flash, PowerCut
from simulator.slots import Device, activate, enrol, put

_OLDER = RUNNING - 1
_TRIES = 3


@dataclass
class Trial:
    """What was done, and every way in which it went wrong."""

    cuts: int = 0
    boots: int = 0
    offered: Counter[str] = field(default_factory=Counter)
    judged: int = 0
    installed: int = 0
    violations: list[str] = field(default_factory=list)


def campaign(cuts: int, manifests: int, seed: int) -> Trial:
    """`cuts` power cuts, each with the boots that follow, and `manifests` bad offers."""
    dice = random.Random(seed)  # noqa: S311 - reproducible by its seed
    trial = Trial()
    programs = [program(dice) for _ in range(8)]
    while trial.cuts < cuts:
        _cut(trial, dice, *dice.sample(programs, 3))
    _forge(trial, dice, manifests, programs[0], programs[1])
    return trial


def program(dice: random.Random) -> dict[str, bytes]:
    """Some files of a release, from empty to several blocks."""
    files = {"firmware/main.mpy": dice.randbytes(dice.randint(1, 700)), "protocol/__init__.mpy": b""}
    for number in range(dice.randint(1, 5)):
        folder = dice.choice(("firmware", "firmware/boards", "protocol"))
        files[f"{folder}/part{number}.{dice.choice(('mpy', 'py'))}"] = dice.randbytes(
            dice.choice((0, 1, 511, 512, 513, 1700))
        )
    return files


_signed: dict[bytes, bytes] = {}


def _made(files: dict[str, bytes]) -> tuple[bytes, bytes]:
    """(image, manifest) of the release after the one that runs; each program is signed once."""
    image = release.image(files)
    if image not in _signed:
        _signed[image] = release.manifest(image, NEXT)
    return image, _signed[image]


def _board(flash: Flash, old: dict[str, bytes], older: dict[str, bytes]) -> Device:
    put(flash, "a", old, RUNNING)
    put(flash, "b", older, _OLDER)
    activate(flash, "a")
    enrol(flash)
    return Device(flash, flash.open)


def _life(trial: Trial, device: Device, old: dict[str, bytes], new: dict[str, bytes]) -> None:
    """Start a whole program, and go on with whatever is left of the update, to its confirmation."""
    device.start()
    _whole(trial, device, old, new)
    if device.updating.running != NEXT:
        why = device.update(*_made(new))
        if why:
            trial.violations.append(f"an honest release was not taken: {why}")
        _whole(trial, device, old, new)
    device.confirm()


def _whole(trial: Trial, device: Device, old: dict[str, bytes], new: dict[str, bytes]) -> None:
    sequence = device.updating.running
    if device.program() != {RUNNING: old, NEXT: new}.get(sequence):
        trial.violations.append(f"cut {trial.cuts}: slot {device.slot!r} started with sequence {sequence}, not whole")


def _cut(
    trial: Trial, dice: random.Random, old: dict[str, bytes], older: dict[str, bytes], new: dict[str, bytes]
) -> None:
    """One update with a cut, sometimes with a second one in what the first left to do."""
    flash = Flash(late=dice.random() < 0.5)
    device = _board(flash, old, older)
    # Three cuts in one update may spend the three tries of a good release; two leave it one.
    for _ in range(dice.choice((1, 1, 2))):
        # How many operations there are shows only afterwards, and a cut behind the last one counts for none.
        flash.dies_at, flash.torn = dice.randint(1, 110), dice.randrange(256)
        with suppress(PowerCut):
            _life(trial, device, old, new)
        trial.cuts += flash.operations >= flash.dies_at
        flash.revive()
    _life(trial, device, old, new)
    for _ in range(_TRIES + 1):
        device.start()
    trial.boots += device.starts
    if device.program() != new or device.updating.busy:
        trial.violations.append(f"cut {trial.cuts}: the update did not come to stay: {device.updating.status()}")


def _forge(trial: Trial, dice: random.Random, count: int, old: dict[str, bytes], new: dict[str, bytes]) -> None:
    """Bad offers of every kind in turn to one board, which must stay as it is; in the end it takes the honest one."""
    flash = Flash()
    device = _board(flash, old, {"firmware/main.mpy": b"older"})
    device.start()
    before = dict(flash.files)
    forger = Forger(dice, new)
    for number in range(count):
        kind = list(forger.kinds)[number % len(forger.kinds)]
        trial.offered[kind] += 1
        trial.judged += _attack(device, forger.kinds[kind]())
        if device.program() != old or device.updating.busy or _lasting(flash.files) != _lasting(before):
            trial.installed += 1
            trial.violations.append(f"{kind}: installed, or flash was changed: {device.updating.status()}")
            flash.files = dict(before)
    _forgetful(device).now = release.ISSUED
    device.start()
    if device.update(forger.image, forger.manifest):
        trial.violations.append("after all of that the honest release was not taken")
    trial.boots += device.starts


def _attack(device: Device, offer: Offer) -> bool:
    """Everything that an offer may bring about, to a start after it; whether the board kept it to judge it."""
    _forgetful(device).now = offer.now
    device.start()
    kept = False
    # No frame holds a manifest that is much too long.
    with suppress(Malformed):
        kept = device.offer(offer.manifest)
    device.start()
    device.fetch(offer.image)
    device.start()
    return kept


def _forgetful(device: Device) -> Device:
    """A board that remembers no refusal: of a sequence that was refused it would judge no other offer."""
    device.files.files.pop(JUDGED, None)
    return device


def _lasting(files: dict[str, bytes]) -> dict[str, bytes]:
    """What no offer may change: all but the slot that does not run, and what was taken of a signed offer."""
    return {name: octets for name, octets in files.items() if not name.startswith(("b/", "image", "offer", JUDGED))}
