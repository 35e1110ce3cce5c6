"""The path through a whole gateway between two real brokers, with TLS both ways."""

from __future__ import annotations

import time

import pytest

from protocol.codes import CENTRAL, LOCAL
from protocol.hop import read_digest, read_presence
from protocol.keys import center_pairs, gateway_pair
from protocol.messages import ACK, HELLO, KIND_DIGEST, KIND_PRESENCE, TIME
from tests.gateway import frames
from tests.gateway.rig import Neighbourhood

FIRST = 1 << 24 | 1


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_command_reaches_its_center_unchanged_and_its_ack_comes_back_countersigned(
    neighbourhood: Neighbourhood, version: str
) -> None:
    """Central's octets arrive as they were sealed; the center's ack arrives with this gateway's signature."""
    central, center = neighbourhood.central(), neighbourhood.center(version=version)
    spoken = {"protocol": version}
    _, log = neighbourhood.gateway(uplink=spoken, local=spoken)
    assert {line["version"] for line in log.lines if line["event"] == "link_up"} == {version}
    frame = frames.command()
    central.down([frame])
    assert center.next_down()[0] == frame
    center.up(frames.ack())
    message = central.next_ack()
    assert (message.ack, message.gateway, message.sequence) == (frames.ack(), 1, FIRST)
    opened = ACK.open(center_pairs(frames.center_root(1), 1, 0)[CENTRAL].up, message.ack)
    assert opened.incident == frames.INCIDENT
    central.receipt(FIRST)
    assert log.until("acks_confirmed")["upto"] == FIRST


def test_a_command_expires_in_the_local_broker_with_the_seconds_it_has_left(neighbourhood: Neighbourhood) -> None:
    """MQTT 5 carries the deadline; a center that comes late is not handed a stale order."""
    central, center = neighbourhood.central(), neighbourhood.center()
    neighbourhood.gateway()
    central.down([frames.command(ttl=40)])
    expiry = center.next_down()[1]
    assert expiry is not None and 30 <= expiry <= 40


def test_an_unanswered_command_and_an_unconfirmed_ack_both_go_again(neighbourhood: Neighbourhood) -> None:
    """Each hop repeats until the other end's own sealed word came."""
    central, center = neighbourhood.central(), neighbourhood.center()
    neighbourhood.gateway()
    frame = frames.command()
    central.down([frame])
    assert [center.next_down()[0] for _ in range(3)] == [frame] * 3
    center.up(frames.ack())
    assert [central.next_ack().sequence for _ in range(3)] == [FIRST] * 3


def test_a_center_is_answered_with_the_time_and_its_hellos_reach_central(neighbourhood: Neighbourhood) -> None:
    """The local hello is answered here, the one for central passes up, and central's answer passes down."""
    central, center = neighbourhood.central(), neighbourhood.center()
    neighbourhood.gateway()
    center.up(frames.hello(authority=LOCAL))
    answer = TIME.open(center_pairs(frames.center_root(1), 1, 0)[LOCAL].down, center.next_down()[0], frames.NONCE)
    assert answer.request == 9
    frame, _ = central.next_frame(KIND_PRESENCE)
    assert read_presence(frame)[:2] == (1, 1)
    center.up(frames.hello(authority=CENTRAL))
    assert central.next_frame(HELLO.kind)[0] == frames.hello(authority=CENTRAL)
    answer_of_central = frames.time_frame()
    central.down([answer_of_central])
    assert center.next_down()[0] == answer_of_central


def test_the_digest_comes_at_each_connection_and_then_regularly(neighbourhood: Neighbourhood) -> None:
    """It carries the latest heartbeat of the center, still under central's own seal."""
    central, center = neighbourhood.central(), neighbourhood.center()
    neighbourhood.gateway(uplink={"sign_s": 1}, centers={"digest_s": 0.5})
    assert read_digest(central.next_frame(KIND_DIGEST)[0]).oldest == FIRST
    center.up(frames.beat(authority=CENTRAL))
    beats: list[bytes] = []
    while not beats:
        beats = [beat for _, beat in read_digest(central.next_frame(KIND_DIGEST)[0]).beats]
    assert beats == [frames.beat(authority=CENTRAL)]


def test_hostile_envelopes_do_nothing_and_the_true_one_between_them_passes(neighbourhood: Neighbourhood) -> None:
    """Wrong key, other gateway, rubbish, another center's command: only the legitimate frame arrives."""
    central, center = neighbourhood.central(), neighbourhood.center()
    gateway, log = neighbourhood.gateway()
    wrong = gateway_pair(bytes(32), 1)
    central.down([frames.command(counter=1)], key=wrong)
    central.down([frames.command(counter=2)], gateway=2)
    central.publish("sereno/1/G000001/down", b"\x64rubbish")
    central.down([frames.command(center=frames.FOREIGN, counter=3)])
    frame = frames.command(counter=4)
    central.down([frame])
    assert center.next_down()[0] == frame
    assert log.until("frame_refused", center=frames.FOREIGN)["incident"] == str(frames.INCIDENT)
    assert gateway.state.tally.totals() == {
        "uplink: bad tag": 1,
        "uplink: center of another gateway": 1,
        "uplink: for another gateway": 1,
        "uplink: malformed": 1,
    }


def test_both_lines_send_without_delay(neighbourhood: Neighbourhood) -> None:
    """TCP_NODELAY is read back from both sockets, and a dead line ends after the set time."""
    _, log = neighbourhood.gateway()
    opened = {line["side"]: line for line in log.lines if line["event"] == "socket_open"}
    assert [(opened[side]["nodelay"], opened[side]["user_timeout_ms"]) for side in ("uplink", "local")] == [
        (True, 20_000),
        (True, 10_000),
    ]


def test_an_incident_can_be_followed_through_the_log(neighbourhood: Neighbourhood) -> None:
    """Every line about it carries its number: admitted, passed on, kept, sent."""
    central, center = neighbourhood.central(), neighbourhood.center()
    _, log = neighbourhood.gateway()
    central.down([frames.command()])
    center.next_down()
    center.up(frames.ack())
    central.next_ack()
    log.until("ack_sent")
    told = [line["event"] for line in log.lines if line.get("incident") == str(frames.INCIDENT)]
    assert [event for event in dict.fromkeys(told)] == ["command_admitted", "command_passed_on", "ack_kept", "ack_sent"]


def test_no_hop_waits_for_more_octets(neighbourhood: Neighbourhood) -> None:
    """The quickest of thirty commands and acks: 44 ms a hop would show that a line lost its TCP_NODELAY."""
    central, center = neighbourhood.central(), neighbourhood.center()
    neighbourhood.gateway(outbox={"resend_s": 60}, centers={"resend_s": 60})
    quickest_s = 10.0
    for number in range(1, 31):
        begin = time.perf_counter()
        central.down([frames.command(counter=number)])
        center.next_down()
        center.up(frames.ack(counter=number, sequence=number))
        central.next_ack()
        quickest_s = min(quickest_s, time.perf_counter() - begin)
    assert quickest_s < 0.040
