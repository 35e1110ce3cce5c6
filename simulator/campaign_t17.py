"""Campaign T17: power cuts anywhere in an update, and manifests of every wrong kind, against the firmware's own boot and updater.

Nothing is installed that the release key did not sign for this board, and a board always starts a whole release. Verified
with the firmware's own Ed25519; flash is `simulator.flash`, with torn writes.
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from simulator import release
from simulator.bad_manifests import NEXT, RUNNING, Forger, Offer
from simulator.flash import Flash, PowerCut
from simulator.slots import FREE, Device, activate, put

_OLDER = RUNNING - 1
# After so many images that were spoiled a board refuses the offer until its next start.
_RESTART_EVERY = 3
_TRIES = 3


@dataclass
class Trial:
    """What was done, and every way in which it went wrong."""

    cuts: int = 0
    boots: int = 0
    offered: Counter[str] = field(default_factory=Counter)
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


_signed: dict[int, tuple[bytes, bytes]] = {}


def _made(files: dict[str, bytes]) -> tuple[bytes, bytes]:
    """(image, manifest) of the release after the one that runs; each program is signed once."""
    if id(files) not in _signed:
        image = release.image(files)
        _signed[id(files)] = image, release.manifest(image, NEXT)
    return _signed[id(files)]


def _board(flash: Flash, old: dict[str, bytes], older: dict[str, bytes]) -> Device:
    put(flash, "a", old, RUNNING)
    put(flash, "b", older, _OLDER)
    activate(flash, "a")
    return Device(flash)


def _life(trial: Trial, device: Device, old: dict[str, bytes], new: dict[str, bytes]) -> None:
    """Start a whole program, and go on with whatever is left of the update, to its confirmation."""
    _start(trial, device)
    sequence = device.updater.running_sequence
    if device.program() != {RUNNING: old, NEXT: new}.get(sequence):
        trial.violations.append(f"cut {trial.cuts}: slot {device.slot!r} started with sequence {sequence}, not whole")
    if device.updater.running_sequence != NEXT:
        why = device.take(*_made(new))
        if why:
            trial.violations.append(f"an honest release was not taken: {why}")
        _start(trial, device)
    device.updater.confirm()


def _start(trial: Trial, device: Device) -> None:
    trial.boots += 1
    device.start()


def _cut(
    trial: Trial, dice: random.Random, old: dict[str, bytes], older: dict[str, bytes], new: dict[str, bytes]
) -> None:
    """One update with a cut, sometimes with a second one in what the first left to do."""
    flash = Flash(late=dice.random() < 0.5)
    device = _board(flash, old, older)
    # Three cuts in one update may spend the three tries of a good release; two leave it one.
    for _ in range(dice.choice((1, 1, 2))):
        # How many operations there are shows only afterwards, and a cut behind the last one counts for none.
        flash.dies_at, flash.torn = dice.randint(1, 90), dice.randrange(256)
        with suppress(PowerCut):
            _life(trial, device, old, new)
        trial.cuts += flash.operations >= flash.dies_at
        flash.revive()
    _life(trial, device, old, new)
    for _ in range(_TRIES + 1):
        _start(trial, device)
    if device.program() != new or device.updater.on_trial:
        trial.violations.append(f"cut {trial.cuts}: the update did not come to stay: {device.updater.status()}")


def _forge(trial: Trial, dice: random.Random, count: int, old: dict[str, bytes], new: dict[str, bytes]) -> None:
    """Bad offers of every kind in turn to one board, which must stay as it is; in the end it takes the honest one."""
    flash = Flash()
    device = _board(flash, old, {"firmware/main.mpy": b"older"})
    _start(trial, device)
    before = dict(flash.files)
    forger = Forger(dice, new)
    for number in range(count):
        kind = list(forger.kinds)[number % len(forger.kinds)]
        trial.offered[kind] += 1
        _attack(device, forger.kinds[kind]())
        if device.updater.ready or _lasting(flash.files) != _lasting(before):
            trial.installed += 1
            trial.violations.append(f"{kind}: installed, or flash was changed: {device.updater.status()}")
            flash.files = dict(before)
        if number % _RESTART_EVERY == 0 or device.updater.ready:
            _start(trial, device)
            if device.program() != old:
                trial.violations.append(f"{kind}: another program started")
    if device.start().take(forger.image, forger.manifest):
        trial.violations.append("after all of that the honest release was not taken")


def _attack(device: Device, offer: Offer) -> None:
    if device.updater.offer(offer.manifest, offer.now, FREE, False) is None:
        device.fetch(offer.image)


def _lasting(files: dict[str, bytes]) -> dict[str, bytes]:
    """What no offer may change: all but the slot that does not run, and what was taken of a signed offer."""
    return {name: octets for name, octets in files.items() if not name.startswith(("b/", "image", "offer"))}
