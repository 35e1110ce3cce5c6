"""A gateway of which nothing is left but its modem: the same octets by SMS, and each siren once."""

from __future__ import annotations

import time

from simulator.city import City
from simulator.modem.device import Times
from simulator.plan import city as city_plan
from simulator.wan import move, wan
from tests.journeys.stage import APART, GROUP, entries, journey, posted, sirens, sound, sounded, told

# A modem that needs 2 s for a message, as a SIM7600 does.
SLOW = Times(sending=2.0)
ONE_GROUP = city_plan(1, 3)


def quiet(city: City) -> bool:
    """Whether no siren of the group is on."""
    return not any(city.boards.on(name) for name in GROUP)


def test_an_alert_sounds_is_answered_and_is_ended_by_sms_alone() -> None:
    """With central's broker gone for good the group sounds within 20 s, answers, and its receipts come; then an operator
    stops it with one message, every siren is silent within 20 s, and the gateway's proof stands on the timeline."""

    async def walk(city: City) -> None:
        city.brokers["broker"].kill()
        for modem in city.modems:
            modem.device.times = SLOW
        asked = time.monotonic()
        incident = (await city.alert("sms-only", group=1))["incident"]
        await sound(city, timeout_s=20)
        seen = await sounded(city, incident, timeout_s=60)
        assert time.monotonic() - asked < 60
        by_sms = [entry for entry in seen["timeline"] if entry["kind"] == "sms"]
        assert len(by_sms) == len(GROUP)
        assert all("the broker is not connected" in entry["text"] for entry in by_sms)
        assert all(", by SMS" in text for text in entries(seen, ": sounding (siren"))
        await city.act(incident, "stop")
        await city.boards.until(lambda: quiet(city), 20, "silence")
        assert await told(city, incident, "gateway 1: every center of the gateway is silent (3)", 40)
        assert await told(city, incident, "G000001 is told by SMS to stop its group")
        await posted(city, "G000001", lambda state: state["outbox"]["waiting"] == 0, 90)
        assert sirens(city) == dict.fromkeys(GROUP, 1)

    journey(walk, modems=True, plan=ONE_GROUP)


def test_the_wan_goes_when_the_command_has_left_and_comes_back_somewhere_else() -> None:
    """No answer gets through by MQTT; all come by SMS, once each. Central's broker is not where it was any more: the new address goes
    by SMS too, nobody visits the gateway, and MQTT brings nothing a second time and serves the next alert."""

    async def walk(city: City) -> None:
        async with wan(city, "G000001") as line:
            # Commands get through, answers do not, and then nothing does.
            line.half_open(["up"])
            first = (await city.alert("wan-goes", group=1))["incident"]
            await sound(city)
            await line.refuse()
            line.cut()
            seen = await sounded(city, first)
            assert len(entries(seen, ", by SMS")) == 2 * len(GROUP)
            assert (await move(city, "G000001", line))["fits_sms"]
            state = await posted(
                city, "G000001", lambda one: one["uplink"]["proven"] and not one["outbox"]["waiting"], 60
            )
            assert state["sms"]["ready"]
            answers = [entry for entry in (await city.incident(first))["timeline"] if entry["actor"] in GROUP]
            assert len(answers) == 2 * len(GROUP)
            await city.act(first, "stop")
            second = (await city.alert("wan-is-back", group=1))["incident"]
            await sound(city)
            assert not entries(await sounded(city, second), "SMS")
            assert sirens(city) == dict.fromkeys(GROUP, 2)

    journey(walk, modems=True, plan=ONE_GROUP, settings=APART)


def test_a_center_that_was_without_power_is_commanded_by_sms() -> None:
    """Its hello, its time and the command that it missed all go by SMS; it sounds once, the others not again."""

    async def walk(city: City) -> None:
        await city.boards.power("C000003", False)
        city.brokers["broker"].kill()
        incident = (await city.alert("sms-power", group=1))["incident"]
        await sound(city, GROUP[:2])
        await city.boards.power("C000003", True)
        await sound(city, ("C000003",), 30)
        seen = await sounded(city, incident, timeout_s=30)
        assert len(entries(seen, "C000003 is commanded by SMS too")) == 2
        assert sirens(city) == dict.fromkeys(GROUP, 1)

    journey(walk, modems=True, plan=ONE_GROUP)
