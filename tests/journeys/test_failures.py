"""What breaks in the middle of an alert, and what must be true afterwards: nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio

from simulator.city import City
from tests.journeys.stage import GROUP, journey, sirens, sound, sounded


def test_central_killed_right_after_it_answered() -> None:
    """202 means saved: the central that comes back commands, and each siren sounds once."""

    async def walk(city: City) -> None:
        city.brokers["broker"].kill()
        answer = await city.alert("failure-central", group=1)
        city.services["central"].kill()
        city.brokers["broker"].start()
        city.services["central"].start()
        await city.central_up()
        await sound(city)
        await sounded(city, answer["incident"], timeout_s=40)
        assert sirens(city) == dict.fromkeys(GROUP, 1)

    journey(walk)


def test_gateway_killed_before_and_during_an_alert() -> None:
    """The command waits for its return; acks that it had not carried are carried then."""

    async def walk(city: City) -> None:
        city.services["G000001"].kill()
        answer = await city.alert("failure-gateway", group=1)
        city.services["G000001"].start()
        await sound(city)
        city.services["G000001"].restart()
        await sounded(city, answer["incident"], timeout_s=40)
        assert sirens(city) == dict.fromkeys(GROUP, 1)

    journey(walk)


def test_both_brokers_killed_in_the_middle_of_an_alert() -> None:
    """Brokers keep nothing; everybody subscribes again, and the same command is known by its counter."""

    async def walk(city: City) -> None:
        answer = await city.alert("failure-brokers", group=1)
        for name in ("broker", "G000001 broker"):
            city.brokers[name].restart()
        await sound(city, timeout_s=40)
        await sounded(city, answer["incident"], timeout_s=60)
        assert sirens(city) == dict.fromkeys(GROUP, 1)

    journey(walk)


def test_a_center_without_power_is_commanded_when_it_comes_back() -> None:
    """Its siren sounds late and once; those that were there are not commanded again."""

    async def walk(city: City) -> None:
        await city.boards.power("C000003", False)
        answer = await city.alert("failure-power", group=1)
        await sound(city, GROUP[:2])
        await city.boards.power("C000003", True)
        await sound(city, ("C000003",), 30)
        await sounded(city, answer["incident"], timeout_s=30)
        assert sirens(city) == dict.fromkeys(GROUP, 1)

    journey(walk)


def test_a_power_cut_while_it_sounds_does_not_sound_again() -> None:
    """After the start the outputs are off, and a command issued anew for the same activation moves nothing."""

    async def walk(city: City) -> None:
        answer = await city.alert("failure-cut", group=1)
        await sound(city)
        await sounded(city, answer["incident"])
        await city.boards.power("C000001", False)
        await city.boards.power("C000001", True)

        def greeted(center: dict[str, object]) -> bool:
            report = center["report"]
            return center["center"] == "C000001" and isinstance(report, dict) and report.get("boot") == 2

        async def back() -> None:
            while not any(greeted(center) for center in await city.centers()):
                pass

        await asyncio.wait_for(back(), 20)
        assert sirens(city) == dict.fromkeys(GROUP, 1)
        assert not city.boards.on("C000001")

    journey(walk)


def test_a_dead_interpreter_leaves_the_siren_on_until_the_watchdog_acts() -> None:
    """Outputs latch on a board of its own; the watchdog turns them off and starts the firmware again, which stays silent."""

    async def walk(city: City) -> None:
        await city.alert("failure-dead", group=1)
        await sound(city)
        await city.boards.kill("C000001")
        assert city.boards.on("C000001")
        await city.boards.until(lambda: not city.boards.on("C000001"), 10, "the watchdog")
        assert city.boards.snapshot("C000001").resets == 1
        await city.boards.until(lambda: city.boards.snapshot("C000001").pid is not None, 10)
        assert city.boards.times_on("C000001") == 1

    journey(walk, watchdog_s=2.0)


def test_nobody_answers_and_a_person_is_told() -> None:
    """With no center there, the deadline calls for attention, once."""

    async def walk(city: City) -> None:
        for name in GROUP:
            await city.boards.power(name, False)
        answer = await city.alert("failure-nobody", group=1)
        seen = await city.until(answer["incident"], lambda one: one["attention"], 15)
        entries = [entry for entry in seen["timeline"] if entry["kind"] == "attention"]
        assert len(entries) == 1
        assert "nothing sounded" in entries[0]["text"]

    journey(walk, settings="deadline_s = 3")
