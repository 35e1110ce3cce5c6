"""A machine for the tests of this folder, with a neighbourhood's keys and the shipped wheel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.gateway_wheel import build
from tests.deploy.machine import Machine
from tests.gateway.rig import Neighbourhood


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gateway's wheel, as it is shipped."""
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def neighbourhood(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbourhood]:
    """Keys and certificates; no broker of it runs, so the WAN is down."""
    made = Neighbourhood(tmp_path_factory.mktemp("neighbourhood"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, wheel: Path, neighbourhood: Neighbourhood) -> Iterator[Machine]:
    """A machine on which the gateway is installed and runs, without a WAN."""
    stage = tmp_path_factory.mktemp("stage")
    made = Machine(stage)
    try:
        made.boot()
        folder = made.folder("stick", wheel, neighbourhood.keys)
        neighbourhood.local_broker.port = made.broker_port
        done = made.install(folder, "install", "--keys", f"{folder}/G000001", "--central", "127.0.0.1")
        assert done.returncode == 0, done.stdout + done.stderr + made.log()
        yield made
    finally:
        made.end()
