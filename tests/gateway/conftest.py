"""The neighbourhood of the integration tests, its brokers running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.broker import mosquitto_path
from tests.gateway.rig import Neighbourhood


@pytest.fixture
def neighbourhood(tmp_path: Path) -> Iterator[Neighbourhood]:
    """Both brokers up; everything that a test starts through it is ended with it."""
    if mosquitto_path() is None:
        pytest.fail("mosquitto is not installed; run: apt-get install mosquitto")
    made = Neighbourhood(tmp_path)
    made.central_broker.start()
    made.local_broker.start()
    yield made
    made.close()
