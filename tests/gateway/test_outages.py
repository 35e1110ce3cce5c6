"""What breaks in the field, done to a real gateway between real brokers."""

from __future__ import annotations

import signal
import subprocess
import sys

from central import pki
from simulator.broker import Broker
from tests.gateway import frames
from tests.gateway.frames import GATEWAY
from tests.gateway.rig import Neighbourhood

FIRST = 1 << 24 | 1


def test_a_gateway_killed_between_ack_and_receipt_sends_the_ack_again(neighbourhood: Neighbourhood) -> None:
    """After kill -9 the same octets go again, and the next ack gets the next number."""
    central, center = neighbourhood.central(), neighbourhood.center()
    process, _ = neighbourhood.process()
    central.down([frames.command()])
    center.next_down()
    center.up(frames.ack(sequence=1))
    before = central.next_ack()
    process.kill()
    process.wait(10)
    while not central.nothing():
        central.get()
    neighbourhood.process()
    assert central.next_ack() == before
    center.up(frames.ack(sequence=2))
    message = before
    while message.sequence == FIRST:
        message = central.next_ack()
    assert (message.sequence, message.ack) == (FIRST + 1, frames.ack(sequence=2))


def test_a_gateway_killed_with_a_command_on_its_way_passes_it_on_after_the_start(neighbourhood: Neighbourhood) -> None:
    """The center was away; central needs to send nothing again."""
    central = neighbourhood.central()
    process, log = neighbourhood.process()
    frame = frames.command()
    central.down([frame])
    log.until("command_passed_on")
    process.kill()
    process.wait(10)
    center = neighbourhood.center()
    neighbourhood.process()
    assert center.next_down()[0] == frame


def test_both_brokers_killed_and_started_are_subscribed_to_again(neighbourhood: Neighbourhood) -> None:
    """After their return a command and its ack pass as before, without a restart of the gateway."""
    central, center = neighbourhood.central(), neighbourhood.center()
    _, log = neighbourhood.gateway()
    for broker, side, client in (
        (neighbourhood.central_broker, "uplink", central),
        (neighbourhood.local_broker, "local", center),
    ):
        broker.restart()
        log.until("link_up", timeout_s=30, side=side)
        client.ready()
    frame = frames.command()
    central.down([frame])
    assert center.next_down()[0] == frame
    center.up(frames.ack())
    assert central.next_ack().ack == frames.ack()


def test_acks_of_an_outage_arrive_when_the_uplink_is_back(neighbourhood: Neighbourhood) -> None:
    """Ten acks while central's broker is dead: all ten come, each under one number."""
    center = neighbourhood.center()
    _, log = neighbourhood.gateway()
    neighbourhood.central_broker.kill()
    log.until("link_down", side="uplink")
    for sequence in range(1, 11):
        center.up(frames.ack(sequence=sequence))
        log.until("ack_kept")
    neighbourhood.central_broker.start()
    central = neighbourhood.central()
    arrived: dict[int, bytes] = {}
    while len(arrived) < 10:
        message = central.next_ack(timeout_s=30)
        arrived[message.sequence] = message.ack
    assert arrived == {FIRST + n: frames.ack(sequence=n + 1) for n in range(10)}


def test_a_gateway_without_any_broker_says_so_once_and_connects_when_they_come(neighbourhood: Neighbourhood) -> None:
    """Missing brokers are no reason not to start; one sentence each names the address and what to do."""
    neighbourhood.central_broker.stop()
    neighbourhood.local_broker.stop()
    _, log = neighbourhood.gateway(links=0)
    port = neighbourhood.central_broker.port
    assert log.until("link_down", side="uplink")["reason"] == (
        f"nobody listens on 127.0.0.1:{port}; start the broker or correct `host` and `port`"
    )
    neighbourhood.central_broker.start()
    log.until("link_up", side="uplink", timeout_s=30)
    neighbourhood.local_broker.start()
    log.until("link_up", side="local", timeout_s=30)
    assert log.count("link_down") == 2


def test_a_broker_with_another_name_is_not_spoken_to(neighbourhood: Neighbourhood) -> None:
    """The chain alone is not enough: the certificate must be issued to the broker that was named."""
    _, log = neighbourhood.gateway(links=1, uplink={"name": "central.example.org"})
    reason = log.first("link_down")["reason"]
    assert "is not good for central.example.org" in reason


def test_a_broker_that_only_speaks_3_1_1_is_spoken_to_in_3_1_1(neighbourhood: Neighbourhood) -> None:
    """`auto` begins with 5, is refused or gets no answer, and goes on with what the broker speaks."""
    neighbourhood.local_broker.stop()
    neighbourhood.local_broker = Broker(
        neighbourhood.folder / "old-broker", neighbourhood.keys, "gateway", GATEWAY, "amqtt"
    )
    neighbourhood.local_broker.start()
    central = neighbourhood.central()
    _, log = neighbourhood.gateway(links=1)
    log.until("link_up", timeout_s=30, side="local")
    assert [line["version"] for line in log.lines if line["event"] == "link_up" and line["side"] == "local"] == [
        "3.1.1"
    ]
    center = neighbourhood.center(version="3.1.1")
    frame = frames.command()
    central.down([frame])
    assert center.next_down()[0] == frame
    center.up(frames.ack())
    assert central.next_ack().ack == frames.ack()


def test_a_gateway_ends_cleanly_and_says_goodbye(neighbourhood: Neighbourhood) -> None:
    """SIGTERM: exit 0 within seconds, and central's broker hears a 0 on the link topic."""
    central = neighbourhood.central()
    process, log = neighbourhood.process()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    log.until("stopped")
    heard = []
    while not central.nothing():
        heard.append(central.get()[:2])
    assert heard[-1] == ("sereno/1/G000001/link", b"0")


def test_two_gateways_on_one_store_are_refused(neighbourhood: Neighbourhood) -> None:
    """The second says who is there and ends; the first goes on."""
    neighbourhood.gateway()
    command_line = [sys.executable, "-m", "gateway", "run", "--settings", str(neighbourhood.settings())]
    second = subprocess.run(command_line, capture_output=True, text=True, timeout=30)
    assert (second.returncode, second.stderr) == (
        1,
        f"sereno-gateway: another sereno-gateway already uses {neighbourhood.folder / 'state'}; stop it first\n",
    )


def test_a_broker_of_another_authority_is_not_spoken_to(neighbourhood: Neighbourhood) -> None:
    """The right name under a foreign root: one sentence, and no octet of ours reaches it."""
    stranger = neighbourhood.folder / "stranger"
    pki.create_authority(stranger)
    pki.issue_municipality(stranger, 1)
    neighbourhood.central_broker.stop()
    certificates = neighbourhood.folder / "broker-of-S01"
    issued = pki.issue_server(stranger, 1, "S01", ["localhost"])
    (certificates / "broker-cert.pem").write_bytes(issued.chain_pem)
    (certificates / "broker-key.pem").write_bytes(issued.key_pem())
    neighbourhood.central_broker.start()
    _, log = neighbourhood.gateway(links=1)
    assert "is not good for localhost" in log.first("link_down")["reason"]
    assert [line["side"] for line in log.lines if line["event"] == "link_up"] == ["local"]


def test_a_broker_that_does_not_trust_our_certificate_is_one_sentence(neighbourhood: Neighbourhood) -> None:
    """The broker closes without a word; the gateway says what that may mean."""
    stranger = neighbourhood.folder / "stranger"
    pki.create_authority(stranger)
    pki.issue_municipality(stranger, 1)
    issued = pki.issue_client(stranger, 1, GATEWAY)
    (neighbourhood.keys / "cert.pem").write_bytes(issued.chain_pem)
    (neighbourhood.keys / "key.pem").write_bytes(issued.key_pem())
    _, log = neighbourhood.gateway(links=0)
    assert "certificate" in log.first("link_down")["reason"]
    assert log.count("link_up") == 0
