"""From a tap to a siren and back, through everything that is real."""

from __future__ import annotations

import statistics
from pathlib import Path

from central.classes import SHIPPED
from simulator.city import City
from tests.journeys.stage import ALL, GROUP, journey, moved, sirens, sound, sounded


def test_a_general_alert_sounds_the_groups_centers_and_no_others() -> None:
    """Each of the group's centers once, each with a sealed and countersigned ack on the timeline; the next group stays silent."""

    async def walk(city: City) -> None:
        answer = await city.alert("journey-general", group=1)
        await sound(city)
        seen = await sounded(city, answer["incident"])
        assert {ack["center"] for ack in seen["acks"]} == set(GROUP)
        assert seen["state"] == "sounding"
        assert sirens(city) == dict.fromkeys(GROUP, 1)
        assert city.boards.snapshot("C000001").runtime.startswith("MicroPython")
        await city.act(answer["incident"], "stop")
        await city.boards.until(lambda: not any(city.boards.on(name) for name in GROUP), 10, "silence")
        stopped = await city.until(
            answer["incident"],
            lambda one: {ack["center"] for ack in one["acks"] if ack["status"] == "stopped"} == set(GROUP),
            10,
        )
        assert stopped["centers_sounded"] == 3

    journey(walk)


def test_gender_violence_moves_nothing_even_when_central_is_told_to() -> None:
    """First central's own refusal, with the shipped classes; then a central whose classes were changed to sound: the centers refuse."""

    async def walk(city: City) -> None:
        answer = await city.alert("journey-silent-1", class_="gender_violence", group=1)
        assert (await city.incident(answer["incident"]))["commands"] == []
        city.services["central"].stop()
        classes = city.folder / "classes.toml"
        loud = classes.read_text().replace(
            "silent = true\nhome = []", 'silent = false\nhome = ["siren", "strobe", "floodlight"]'
        )
        assert loud != classes.read_text()
        classes.write_text(loud)
        city.services["central"].start()
        await city.central_up()
        told = await city.alert("journey-silent-2", class_="gender_violence", group=2)
        seen = await city.until(told["incident"], lambda one: one["centers_answered"] == 3, 20)
        assert {ack["status"] for ack in seen["acks"]} == {"refused: class may not sound"}
        assert moved(city, outputs=("siren", "strobe", "floodlight", "indicator")) == {}

    journey(walk, classes=Path(SHIPPED).read_text(), settings="grouping_s = 0")


def test_the_same_alert_twice_is_one_incident_and_one_activation() -> None:
    """A phone that retries, and forty-five neighbours that press: one incident, one activation a center, everybody answered."""

    async def walk(city: City) -> None:
        first = await city.alert("journey-twice", group=1)
        again = await city.alert("journey-twice", group=1)
        assert again["incident"] == first["incident"]
        assert (first["repeated"], again["repeated"]) == (False, True)
        presses = [await city.alert(f"journey-press-{number:02d}", group=1) for number in range(45)]
        assert {press["incident"] for press in presses} == {first["incident"]}
        await sounded(city, first["incident"])
        assert sirens(city) == dict.fromkeys(GROUP, 1)
        assert len(await city.incidents()) == 1

    journey(walk)


def test_away_from_home_only_the_operators_know() -> None:
    """A member outside the polygon: an incident with the position, and no command."""

    async def walk(city: City) -> None:
        answer = await city.alert("journey-away", group=1, position={"lat": -32.89, "lon": -68.90, "accuracy_m": 10})
        seen = await city.incident(answer["incident"])
        assert seen["commands"] == []
        assert seen["alerts"][0]["lat"] == -32.89

    journey(walk)


def test_the_panic_button_sounds_at_once_and_the_group_follows() -> None:
    """The center's own siren without waiting for anybody, once; the others by central, under the incident the center minted."""

    async def walk(city: City) -> None:
        await city.boards.press("C000002")
        await sound(city, ("C000002",))
        await sound(city)
        incidents = await city.incidents()
        assert len(incidents) == 1
        incident = incidents[0]["id"]
        assert int(incident) >> 63 == 1
        assert int(incident) >> 32 & 0x7FFFFFFF == 2
        await city.until(incident, lambda seen: seen["centers_sounded"] == 3, 20)
        assert sirens(city) == dict.fromkeys(GROUP, 1)

    journey(walk)


def test_the_whole_path_on_mqtt_3_1_1() -> None:
    """A broker that does not speak version 5: every end falls back, and the alert arrives."""

    async def walk(city: City) -> None:
        answer = await city.alert("journey-311", group=1)
        await sound(city)
        await sounded(city, answer["incident"])
        assert sirens(city) == dict.fromkeys(GROUP, 1)

    journey(walk, broker="amqtt")


def test_nothing_moves_while_nothing_happens() -> None:
    """Starting a city moves no output at all."""

    async def walk(city: City) -> None:
        assert moved(city, ALL, ("siren", "strobe", "floodlight", "indicator")) == {}

    journey(walk)


def test_the_strobes_of_a_group_flash_together() -> None:
    """By the clock of their gateway: also one that comes later, whose flashes would begin anywhere otherwise."""

    async def walk(city: City) -> None:
        await city.boards.power(GROUP[2], False)
        answer = await city.alert("journey-strobes", group=1)
        await sounded(city, answer["incident"], 2)
        await city.boards.power(GROUP[2], True)
        await sounded(city, answer["incident"], 3)
        flashes = [lambda name=name: city.boards.times_on(name, "strobe") for name in GROUP]
        await city.boards.until(lambda: all(count() >= 8 for count in flashes), 20, "eight flashes of each")
        begins = [flash_times(city, name)[-6:] for name in GROUP]
        for mine in begins[1:]:
            offsets = [min(abs(at - other) for other in begins[0]) for at in mine]
            # Three processes and their broker share this machine; a person sees a tenth of a second.
            assert statistics.median(offsets) < 0.1, offsets

    journey(walk)


def flash_times(city: City, name: str) -> list[float]:
    """When a center's strobe went on, but for the first flash, which may begin in the middle of one."""
    times, level = [], False
    for at, outputs in city.boards.history(name):
        if "strobe" in outputs and not level:
            times.append(at)
        level = "strobe" in outputs
    return times[1:]
