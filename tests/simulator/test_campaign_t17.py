"""Campaign T17, shortened: power cuts in updates and bad manifests of every kind."""

from __future__ import annotations

import random

from firmware.manifest import read
from simulator import campaign_t17, release
from simulator.bad_manifests import Forger
from simulator.slots import KEY
from tests.both.updated import NEW


def test_a_cut_update_ends_and_nothing_bad_is_installed() -> None:
    """Sixty cuts, twenty offers of each kind; every property held, and each was tried."""
    trial = campaign_t17.campaign(60, 540, seed=20261124)
    assert trial.violations == []
    assert trial.installed == 0
    assert trial.cuts >= 60
    assert trial.boots > trial.cuts
    assert sum(trial.offered.values()) == 540
    assert len(trial.offered) == 27
    assert min(trial.offered.values()) == 20
    # All but those without a time, and those of what runs: they get no further than the program.
    assert trial.judged >= 500


def test_the_honest_release_of_a_forger_would_be_taken() -> None:
    """What is refused is refused for what is wrong with it: the manifest that they all begin with is a good one."""
    forger = Forger(random.Random(1), NEW)
    assert read(forger.manifest, KEY).sequence == 51
    honest = {kind for kind, make in forger.kinds.items() if make().manifest == forger.manifest}
    assert honest == {
        "signed, before the time is known",
        "signed, an image with a bit turned",
        "signed, the image of another",
    }
    signed = [make().manifest for kind, make in forger.kinds.items() if kind.startswith("signed, ")]
    assert len(signed) == 9
    assert sum(_signed(manifest) for manifest in signed) == 8  # the size of the too large one is none that is read


def _signed(manifest: bytes) -> bool:
    from protocol.errors import Malformed

    try:
        return read(manifest, release.public_key()).sequence > 0
    except Malformed:
        return False
