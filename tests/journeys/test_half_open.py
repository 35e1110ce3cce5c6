"""A line that stands and carries nothing, and brokers that start again: what is relied on is what was heard."""

from __future__ import annotations

import asyncio
import time

import pytest

from simulator.city import City
from simulator.plan import city as city_plan
from simulator.wan import resettle, wan
from tests.journeys.stage import APART, GROUP, entries, journey, posted, sirens, sound, sounded, told

FROZEN, MINE = "G000001", ("C000001", "C000002")
HUNG, THEIRS = "G000002", ("C000003", "C000004")
# Until a command without an answer goes by SMS too, and as much for the messages and a busy machine.
AFTER_S, SPARE_S = 8.0, 5.0
# When nothing is heard by then a person is told; no command outlives it.
DEADLINE_S = 3
# Both ends call a line dead that has been silent for so long; then a round, and the state is posted each 5 s.
LOST_S, ROUND_S, POSTED_S = 90.0, 1.0, 8.0


def test_a_half_open_line_and_a_hung_modem_in_two_neighbourhoods(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where TCP stands and nothing comes through, the alert sounds by SMS 8 s later, and 90 s after the last word neither end relies on
    MQTT any longer. Where the modem answers nothing, MQTT serves, the ladder goes up to the supply, and then SMS serves again."""
    # The gateway's relay is a mock; this journey does to the modem what the relay would.
    monkeypatch.setenv("SERENO_GATEWAY_ALLOW_MOCK", "1")

    async def walk(city: City) -> None:
        await resettle(city, HUNG, "[uplink]", '[gpio]\nbackend = "mock"\nmodem_power = 17\n[uplink]')
        await asyncio.gather(half_open(city), hung(city))
        assert sirens(city) == {"C000001": 2, "C000002": 2, "C000003": 2, "C000004": 2}

    journey(walk, modems=True, plan=city_plan(2, 2), settings=APART)


async def half_open(city: City) -> None:
    """The first neighbourhood."""
    async with wan(city, FROZEN) as line:
        await posted(city, FROZEN, lambda state: state["uplink"]["proven"], LOST_S)
        frozen = time.monotonic()
        assert line.half_open() == 1
        await line.refuse()
        first = (await city.alert("half-open-1", group=1))["incident"]
        await sound(city, MINE, AFTER_S + SPARE_S)
        assert time.monotonic() - frozen > AFTER_S, "it went another way"
        seen = await sounded(city, first, len(MINE), AFTER_S + SPARE_S)
        assert len(entries(seen, "commanded by SMS too (counter 1): no answer yet")) == len(MINE)
        late = lambda: time.monotonic() > frozen + LOST_S + ROUND_S  # noqa: E731
        await posted(city, FROZEN, lambda state: late() and not state["uplink"]["proven"], LOST_S + POSTED_S)
        assert time.monotonic() < frozen + LOST_S + POSTED_S
        second = (await city.alert("half-open-2", group=1))["incident"]
        text = await told(city, second, "commanded by SMS too", AFTER_S / 2)
        assert "nothing was heard from it for" in text
        await sounded(city, second, len(MINE))


async def hung(city: City) -> None:
    """The second neighbourhood."""
    modem, service = city.modems[2], city.services[HUNG]
    modem.act("hang")
    state = await posted(city, HUNG, lambda one: not one["sms"]["ready"], 90)
    assert state["sms"]["trouble"]
    first = (await city.alert("hung-modem-1", group=2))["incident"]
    await sound(city, THEIRS)
    seen = await sounded(city, first, len(THEIRS))
    assert not entries(seen, "SMS")
    await service.until_logged('"modem_helped"', '"reset"', timeout_s=90)
    await service.until_logged('"modem_helped"', '"power"', timeout_s=90)
    modem.act("power_cycle")
    state = await posted(city, HUNG, lambda one: one["sms"]["ready"], 60)
    assert state["sms"]["ladder"]["power"]["successes"] == 1
    city.brokers["broker"].kill()
    second = (await city.alert("hung-modem-2", group=2))["incident"]
    await sounded(city, second, len(THEIRS))


def test_a_command_that_was_held_up_beyond_its_time_dies_at_the_centers() -> None:
    """It waits on a line that carries nothing downwards, and comes when it has expired. The gateway, whose clock nobody vouches
    for, cannot tell and passes it on; no siren moves. Both brokers start again, and a fresh one sounds, once."""

    async def walk(city: City) -> None:
        await resettle(city, FROZEN, "[local]", '[clock]\ntrust = "never"\n[local]')
        async with wan(city, FROZEN) as line:
            state = await posted(city, FROZEN, lambda one: one["uplink"]["connected"])
            assert state["clock"] == {"sane": True, "trusted": False}
            assert line.half_open(["down"]) == 1
            asked = time.monotonic()
            stale = (await city.alert("held-up-1", group=1))["incident"]
            # Its time is in whole seconds, and the center's clock too.
            late = lambda: time.monotonic() > asked + DEADLINE_S + 2  # noqa: E731
            await city.until(stale, lambda one: one["attention"] and late(), DEADLINE_S + SPARE_S)
            line.heal()
            await told(city, stale, "center 3: refused")
            assert len(entries(await city.incident(stale), "stale")) == len(GROUP)
            for name in ("broker", f"{FROZEN} broker"):
                await asyncio.to_thread(city.brokers[name].restart)
            await posted(city, FROZEN, lambda one: one["uplink"]["proven"] and one["local"]["connected"], 60)
            assert sirens(city) == {}
            fresh = (await city.alert("fresh-one", group=1))["incident"]
            await sounded(city, fresh)
            assert sirens(city) == dict.fromkeys(GROUP, 1)

    journey(walk, plan=city_plan(1, 3), settings=f"{APART}\ndeadline_s = {DEADLINE_S}")
