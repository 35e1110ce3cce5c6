"""Both brokers of the simulator enforce the shipped rules."""

import pytest

from protocol.topics import DOWN, LINK, UP, topic
from simulator import small_broker
from simulator.small_broker import allowed


@pytest.mark.parametrize(
    ("role", "owner", "client", "name", "writes", "verdict"),
    [
        ("broker", "S01", "S01", topic("G000001", DOWN), True, True),
        ("broker", "S01", "S01", topic("+", UP), False, True),
        ("broker", "S01", "G000001", topic("G000001", UP), True, True),
        ("broker", "S01", "G000001", topic("G000001", DOWN), False, True),
        ("broker", "S01", "G000001", topic("G000002", DOWN), False, False),
        ("broker", "S01", "G000001", topic("G000002", UP), True, False),
        ("broker", "S01", "G000001", topic("+", DOWN), False, False),
        ("broker", "S01", "G000001", "#", False, False),
        ("gateway", "G000001", "G000001", topic("C000001", DOWN), True, True),
        ("gateway", "G000001", "G000001", topic("C000001", UP), True, False),
        ("gateway", "G000001", "G000001", topic("+", LINK), False, True),
        ("gateway", "G000001", "C000001", topic("C000002", DOWN), True, False),
        ("gateway", "G000001", "C000001", topic("C000001", DOWN), False, True),
    ],
)
def test_the_small_broker_grants_what_the_access_list_grants(
    monkeypatch: pytest.MonkeyPatch, role: str, owner: str, client: str, name: str, writes: bool, verdict: bool
) -> None:
    """A device reads its own topic and writes as itself; only the owner of the role reaches others."""
    monkeypatch.setattr(small_broker._Rules, "role", role)
    monkeypatch.setattr(small_broker._Rules, "owner", owner)
    assert allowed(client, name, writes=writes) is verdict
