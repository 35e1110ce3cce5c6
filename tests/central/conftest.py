"""One enrolment for the whole run; every test works on a copy of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from central.store.unit import Unit
from tests.central.rig import Installation, Rig, enrol
from tests.central.shelf import Shelf

Disk = Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="session")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The installation that the others are copies of; never changed."""
    return enrol(tmp_path_factory.mktemp("enrolled") / "city")


@pytest.fixture
def installation(enrolled: Installation, tmp_path: Path) -> Installation:
    """An installation of the test's own."""
    return enrolled.copy(tmp_path / "city")


@pytest.fixture
def rig(installation: Installation) -> Iterator[Rig]:
    """The flows on the test's own installation."""
    made = Rig(installation)
    yield made
    made.close()


@pytest.fixture
def shelf(rig: Rig) -> Shelf:
    """Releases beside a rig whose three centers have said hello."""
    for center in (1, 2, 3):
        rig.greet(center)
    rig.taken()
    return Shelf(rig)


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk that has no room for an incident, for as long as the context lasts."""

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    @contextmanager
    def lasting() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(Unit, "add_incident", full)
            yield

    return lasting
