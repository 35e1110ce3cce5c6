"""Root on central's broker, and a center in the wrong hands: they can delay, and that is all."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import ssl
import subprocess
import time
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from protocol import codes, gateway, hop
from protocol.keys import center_pair, gateway_pair
from protocol.messages import ACK, Ack
from protocol.topics import DOWN, UP, topic
from simulator.city import City
from simulator.hostile import Target
from simulator.plan import city as city_plan
from simulator.processes import program
from simulator.wire import Wire
from tests.journeys.stage import GROUP, journey, others, posted, sirens, sound, sounded

ONE_GROUP = city_plan(1, 3)
GATEWAY, ROUNDS = "G000001", 40
NOT_A_KEY = bytes(range(32))


def root_on_the_broker(city: City) -> Wire:
    """A client that the broker's owner lets in under a name of its own, and that reads and writes everything."""
    settings, out = city.folder / "central.toml", city.folder / "devices"
    enroll = [*program("central"), "enroll", "process", "--out", str(out), "-s", str(settings), "--json"]
    name = json.loads(subprocess.run(enroll, capture_output=True, text=True, check=True).stdout)["process"]
    with (city.folder / "broker" / "acl").open("a") as acl:
        acl.write(f"\nuser {name}\ntopic readwrite sereno/#\n")
    os.kill(city.brokers["broker"].pid, signal.SIGHUP)
    return Wire(name, city.device(name), city.brokers["broker"].port)


def sequence_of(envelope: bytes) -> int:
    """The number of a hop envelope, which anybody can read."""
    return int.from_bytes(envelope[3:7], "big")


def forged(sequence: int, dice: random.Random) -> list[bytes]:
    """What looks like central's newest word to a gateway: receipts of what it may have kept, a command, a stop; none under its key."""
    key, target = gateway_pair(NOT_A_KEY, 1).down, Target(1, 1, NOT_A_KEY)
    frames = [
        hop.receipt(hop.Receipt(1 << 24 | dice.randrange(1, 40), (1 << 32) - 1)),
        target.seal(target.command(int(time.time()), counter=dice.randrange(1, 99))),
        gateway.stop_group(gateway.StopGroup(dice.randrange(1, 1 << 31), int(time.time()), 60, 1, 1)),
    ]
    return frames + [hop.seal(key, 1, sequence + place, [frame]) for place, frame in enumerate(frames)]


def test_root_on_centrals_broker_only_delays() -> None:
    """Forged receipts delete no ack, forged envelopes move no output, nor do old ones, also at a gateway that has lost its memory.
    Central's own word goes through again as soon as it is let through."""

    async def walk(city: City) -> None:
        wire, dice = root_on_the_broker(city), random.Random(20261124)
        await asyncio.to_thread(wire.open, "sereno/1/#")
        incident = (await city.alert("intruder-1", group=1))["incident"]
        await sound(city)
        await sounded(city, incident)
        await city.act(incident, "stop")
        await posted(city, GATEWAY, lambda state: state["outbox"]["waiting"] == 0)
        recorded = [wire.messages.get() for _ in range(wire.messages.qsize())]
        old = [payload for name, payload in recorded if name == topic(GATEWAY, DOWN)]
        assert len(old) > 1
        # Without central an ack waits; the intruder claims that it was received, and commands.
        city.services["central"].kill()
        await city.boards.press(GROUP[0], "silent")
        await posted(city, GATEWAY, lambda state: state["outbox"]["waiting"] == 1)
        before = city.services[GATEWAY].logged
        for number in range(ROUNDS):
            for octets in [*forged(sequence_of(old[-1]) + 1000 + 3 * number, dice), *old]:
                wire.send(topic(GATEWAY, DOWN), octets)
        await asyncio.to_thread(wire.flush)
        state = await posted(city, GATEWAY, lambda one: sum(one["refused"].values()) >= 6 * ROUNDS, 30)
        # Centers answer old commands again, as when an answer was lost: more may wait, nothing is gone.
        assert state["outbox"]["waiting"] >= 1
        log = city.services[GATEWAY].log.read_bytes()[before:].decode()
        assert [line for line in log.splitlines() if "acks_confirmed" in line or "numbers_lost" in line] == []
        assert sirens(city) == dict.fromkeys(GROUP, 1)
        # A gateway with an empty card knows no number that it has seen; its centers know every counter that they obeyed.
        city.services[GATEWAY].stop()
        kept = city.folder / GATEWAY / "state"
        shutil.copytree(kept, city.folder / "kept")
        (kept / "outbox.db").unlink()
        await again(city)
        for octets in old:
            wire.send(topic(GATEWAY, DOWN), octets)
        await asyncio.to_thread(wire.flush)
        await city.services[GATEWAY].until_logged("command_admitted", after=0)
        city.services[GATEWAY].stop()
        shutil.rmtree(kept)
        shutil.copytree(city.folder / "kept", kept)
        await again(city)
        wire.close()
        city.services["central"].start()
        await city.central_up()
        (press,) = await others(city, incident)
        assert (await city.incident(press))["alerts"][0]["source"] == "button"
        assert sirens(city) == dict.fromkeys(GROUP, 1)

    journey(walk, plan=ONE_GROUP)


def test_a_center_in_the_wrong_hands_makes_nobody_else_speak() -> None:
    """With its certificate, without its keys: acks under its own name, under others', presses under each authority. Central believes
    none, no siren sounds for them, and the others sound and answer as before."""

    async def walk(city: City) -> None:
        await lies(city, ROUNDS)
        incident = (await city.alert("intruder-2", group=1))["incident"]
        await sound(city, GROUP[:2])
        seen = await sounded(city, incident, 2)
        assert seen["centers_sounded"] == 2
        assert [one["id"] for one in await city.incidents()] == [incident]
        assert sirens(city) == dict.fromkeys(GROUP[:2], 1)

    journey(walk, plan=ONE_GROUP)


def test_what_central_refuses_does_not_stay_in_the_way() -> None:
    """What a stolen center said leaves the outbox once central has refused it, and so does everything after it."""

    async def walk(city: City) -> None:
        await lies(city, ROUNDS)
        incident = (await city.alert("intruder-3", group=1))["incident"]
        await sounded(city, incident, 2)
        await posted(city, GATEWAY, lambda state: state["outbox"]["waiting"] == 0, 15)

    journey(walk, plan=ONE_GROUP)


async def lies(city: City, rounds: int) -> None:
    """The third center is switched off; somebody else has its certificate, and speaks at the gateway's broker."""
    await city.boards.power("C000003", False)
    device = taken(city.device("C000003"))
    wire = Wire("C000003", device, city.brokers[f"{GATEWAY} broker"].port)
    dice = random.Random(20261124)
    await asyncio.to_thread(wire.open)
    for _ in range(rounds):
        for number in (1, 2, 3):
            wire.send(topic(f"C{number:06d}", UP), lie(number, dice))
    await asyncio.to_thread(wire.flush)
    wire.close()


def taken(device: Path) -> Path:
    """A center's certificate and key as somebody who took its flash would write them for a computer."""
    key = load_der_private_key((device / "key.der").read_bytes(), None)
    (device / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for name in ("cert", "ca"):
        (device / f"{name}.pem").write_text(ssl.DER_cert_to_PEM_cert((device / f"{name}.der").read_bytes()))
    return device


def lie(center: int, dice: random.Random) -> bytes:
    """An ack under a key that is not the center's: it sounded, or somebody pressed."""
    authority = dice.choice((codes.CENTRAL, codes.LOCAL))
    pair = center_pair(NOT_A_KEY, center, 0, authority)
    status = dice.choice((codes.SOUNDING, codes.PANIC, codes.SILENT_PANIC, codes.ACCEPTED))
    counter = 0 if status in (codes.PANIC, codes.SILENT_PANIC) else 1
    return ACK.seal(pair.up, Ack(authority, 0, center, counter, 1, status, 1, dice.randrange(1, 1 << 31), 0, 12600))


async def again(city: City) -> None:
    """Start the gateway and wait until it is connected."""
    before = city.services[GATEWAY].logged
    city.services[GATEWAY].start()
    await city.services[GATEWAY].until_logged('"link_up"', '"uplink"', after=before)
