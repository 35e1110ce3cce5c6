"""What fails at a gateway on its pole: its card's short messages, its certificate, its disk. Alarms pass, and somebody is told."""

from __future__ import annotations

import asyncio
import subprocess

from simulator.certificate import expired
from simulator.city import City
from simulator.plan import city as city_plan
from simulator.processes import program
from simulator.wan import resettle
from tests.journeys.stage import APART, GROUP, entries, journey, others, posted, sirens, sound, sounded, told

ONE_GROUP = city_plan(1, 3)
GATEWAY = "G000001"
DEADLINE_S = 4


async def technician(city: City, verb: str) -> str:
    """What `sereno-gateway` says at this gateway."""
    settings = city.folder / GATEWAY / "gateway.toml"
    command = [*program("gateway"), verb, "-s", str(settings)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_a_card_without_short_messages_is_no_silent_loss() -> None:
    """MQTT serves as before. With the WAN down too nothing reaches the group: a person is told at the deadline, and the
    gateway's log says why nothing goes. When MQTT is back what was pressed meanwhile is told, and nothing sounds that late."""

    async def walk(city: City) -> None:
        modem = city.modems[1]
        modem.act("sms_service", "off")
        first = (await city.alert("no-sms-1", group=1))["incident"]
        await sound(city)
        await sounded(city, first)
        await city.act(first, "stop")
        await told(city, first, "center 3: stopped")
        city.brokers["broker"].kill()
        await city.boards.press(GROUP[0], "silent")
        second = (await city.alert("no-sms-2", group=1))["incident"]
        seen = await city.until(second, lambda one: one["attention"], DEADLINE_S + 5)
        assert len(entries(seen, "deadline passed: nothing sounded")) == 1
        await city.services[GATEWAY].until_logged('"sms_not_sent"', "+CMS ERROR: 50")
        city.brokers["broker"].start()
        assert await others(city, first, second)
        assert sirens(city) == dict.fromkeys(GROUP, 1)

    journey(walk, modems=True, plan=ONE_GROUP, settings=f"{APART}\ndeadline_s = {DEADLINE_S}")


def test_an_expired_certificate_is_named_and_what_came_by_sms_waits_for_a_new_one() -> None:
    """No broker takes the gateway any longer; commands still reach it by SMS and wait there. `check` names the file and what to do,
    and once there is a certificate that is valid each siren sounds, once."""

    async def walk(city: City) -> None:
        file, service = city.device(GATEWAY) / "cert.pem", city.services[GATEWAY]
        valid = file.read_bytes()
        file.write_bytes(expired(valid, city.folder / "central" / "authority" / "municipality-1-key.pem"))
        await asyncio.to_thread(service.stop)
        before = service.logged
        service.start()
        await service.until_logged('"link_down"', '"uplink"', after=before)
        incident = (await city.alert("expired-1", group=1))["incident"]
        await told(city, incident, "C000003 is commanded by SMS too")
        for number in (1, 2, 3):
            await service.until_logged('"command_admitted"', f'"center": {number},', '"sms"', after=before)
        said = await technician(city, "check")
        assert f"{file} expired on" in said
        assert "enrol this gateway again" in said
        file.write_bytes(valid)
        await asyncio.to_thread(service.stop)
        service.start()
        await sound(city)
        await sounded(city, incident, timeout_s=40)
        assert sirens(city) == dict.fromkeys(GROUP, 1)

    journey(walk, modems=True, plan=ONE_GROUP)


def test_a_full_disk_holds_answers_and_no_command() -> None:
    """Commands pass and the siren sounds; what the centers answer waits with them, the status says what is full, and once there
    is room everything arrives by itself."""

    async def walk(city: City) -> None:
        # More than any disk has free: to the gateway it is full.
        await resettle(city, GATEWAY, "[uplink]", "[outbox]\nmin_free_mb = 100000000\n[uplink]")
        incident = (await city.alert("full-disk", group=1))["incident"]
        await sound(city)
        state = await posted(city, GATEWAY, lambda one: one["faults"])
        assert "MB must stay" in " ".join(state["faults"].values())
        assert (await city.incident(incident))["centers_sounded"] == 0
        assert "free some space" in await technician(city, "check")
        await resettle(city, GATEWAY, "min_free_mb = 100000000", "min_free_mb = 0")
        await sounded(city, incident, timeout_s=60)
        assert sirens(city) == dict.fromkeys(GROUP, 1)

    journey(walk, plan=ONE_GROUP)
