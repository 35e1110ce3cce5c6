"""A neighbourhood whose WAN is down: a press sounds all of it at once, and central learns it when it can."""

from __future__ import annotations

from simulator.city import City
from tests.journeys.stage import GROUP, LOUD, OTHERS, journey, moved, others, sirens, sound

# From the end of the hold at one center to the sirens of the others.
NEIGHBOURS_S = 0.5


def first_on(city: City, name: str) -> float:
    """When a siren went on for the first time."""
    return next(at for at, outputs in city.boards.history(name) if "siren" in outputs)


def test_a_press_with_the_wan_down_sounds_the_group_and_is_told_later() -> None:
    """Within half a second of the pressed center; each siren once, also when central adopts the incident and commands it."""

    async def walk(city: City) -> None:
        city.brokers["broker"].kill()
        await city.boards.press(GROUP[0])
        await sound(city, GROUP)
        own = first_on(city, GROUP[0])
        late = {name: first_on(city, name) - own for name in GROUP[1:]}
        assert max(late.values()) < NEIGHBOURS_S, late
        city.brokers["broker"].start()
        (incident,) = await others(city)
        seen = await city.until(incident, lambda one: one["centers_sounded"] == len(GROUP), 40)
        assert seen["alerts"][0]["source"] == "button"
        assert sirens(city) == dict.fromkeys(GROUP, 1)
        assert moved(city, OTHERS) == {}

    journey(walk)


def test_a_silent_press_with_the_wan_down_moves_nothing_and_is_told_later() -> None:
    """Nobody in the street learns of it; an operator does."""

    async def walk(city: City) -> None:
        city.brokers["broker"].kill()
        await city.boards.press(GROUP[0], "silent")
        await city.boards.until_said(GROUP[0], "event 0x21", 10)
        city.brokers["broker"].start()
        (incident,) = await others(city)
        assert (await city.incident(incident))["alerts"][0]["source"] == "button"
        assert moved(city, outputs=(*LOUD, "indicator")) == {}

    journey(walk)
