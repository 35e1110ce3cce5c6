"""Which release a center is offered: never of another board, never backwards, and not what it refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from central.domain.rate import Rate
from central.domain.release import PASSING, Offer, Program, Release, Sent, against, asked_for, chosen, due, program_of

NOW = 1_800_000_000.0
RELEASE = Release(8, "pico_w", "1.2", 1000, bytes(32), 5, int(NOW) + 3600, b"manifest")
OFFER = Offer(RELEASE, NOW - 100)
SENT = Sent(8, "pico_w", NOW - 90)
PROGRAM = Program(NOW - 10, 1, "pico_w", "1.1", 7)


def of(sequence: int, board: str = "pico_w", **other: Any) -> Offer:
    """An offer of another release."""
    return Offer(replace(RELEASE, sequence=sequence, board=board, **other), NOW - 100)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, ""),
        ({"board": "esp32_s3"}, "for another board"),
        ({"board": ""}, ""),
        ({"running": 8}, "running"),
        ({"running": 9}, "older than what runs"),
        ({"running": 5}, ""),
        ({"running": 4}, "needs a release between"),
        ({"running": None}, ""),
        ({"error": "expired"}, "expired"),
        ({"error": "expired", "at": NOW - 95}, ""),
        ({"error": "expired", "at": NOW - 200}, ""),
        ({"error": "an alarm runs"}, ""),
        ({"error": "no start: 8"}, "no start"),
        ({"error": "no start: 7"}, ""),
        ({"error": "no start: 8", "at": NOW - 200}, ""),
        ({"error": "flash failed: 8"}, ""),
        ({"error": "no start: 7", "update": 8}, ""),
        ({"error": "too large", "update": 8}, ""),
    ],
)
def test_why_a_center_is_not_offered_a_release(said: dict[str, Any], why: str) -> None:
    """By what its newest report says; a report from before the offer says nothing about it."""
    assert against(OFFER, replace(PROGRAM, **said), SENT, NOW) == why


def test_of_a_center_that_never_reported_the_center_decides() -> None:
    """It is offered, until the release expires."""
    assert [against(OFFER, None, None, at) for at in (NOW, NOW + 3599, NOW + 3600)] == ["", "", "expired"]


@pytest.mark.parametrize("reason", PASSING)
def test_what_passes_by_itself_ends_no_offer(reason: str) -> None:
    """The next one may be taken."""
    assert against(OFFER, replace(PROGRAM, error=reason), SENT, NOW) == ""


@pytest.mark.parametrize("sent", [None, Sent(7, "pico_w", NOW - 90), Sent(8, "unix", NOW - 90)])
def test_a_refusal_without_a_name_is_about_what_was_sent_last(sent: Sent | None) -> None:
    """Another release, or none since this process began: it is offered."""
    assert against(OFFER, replace(PROGRAM, error="too large"), sent, NOW) == ""


def test_a_refusal_without_a_name_is_believed_for_a_day() -> None:
    """The offer may have been lost, and the words be about the one before."""
    offer = Offer(replace(RELEASE, expiry=int(NOW) + 10**6), NOW - 100)
    refused = replace(PROGRAM, error="too large")
    later = [against(offer, refused, SENT, SENT.at + waited) for waited in (86_399, 86_400)]
    assert later == ["too large", ""]


def test_the_newest_that_may_be_is_chosen() -> None:
    """Of what is meant for it: its board, the highest sequence that its own reaches."""
    offers = [of(6), of(8), of(9, minimum_from=8), of(10, "unix")]
    assert chosen(offers, PROGRAM, None, NOW) == of(8)
    assert chosen(offers, replace(PROGRAM, running=8), None, NOW) == of(9, minimum_from=8)
    assert chosen(offers, replace(PROGRAM, running=10), None, NOW) is None
    assert chosen(offers, None, None, NOW) == of(10, "unix")


def test_when_an_offer_is_due() -> None:
    """At first, when it is made anew, when it is another, and each hour."""
    assert due(OFFER, None, NOW)
    assert not due(OFFER, SENT, NOW)
    assert due(replace(OFFER, made=NOW - 50), SENT, NOW)
    assert due(of(9), SENT, NOW)
    assert [due(OFFER, SENT, SENT.at + waited) for waited in (3599, 3600)] == [False, True]


def test_the_image_of_a_fetch_is_of_the_centers_board() -> None:
    """One sequence may have an image for each board; of an unknown board it is the one that was offered."""
    offers = [of(8), of(8, "unix"), of(9, "unix")]
    asked = [asked_for(offers, replace(PROGRAM, board=board), None, 8) for board in ("pico_w", "unix", "esp32_s3")]
    assert asked == [of(8).release, of(8, "unix").release, None]
    assert asked_for(offers, None, Sent(8, "unix", NOW), 8) == of(8, "unix").release
    assert asked_for(offers, None, None, 8) is None
    assert asked_for(offers, None, None, 9) == of(9, "unix").release
    assert asked_for(offers, PROGRAM, None, 7) is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"board": 7, "version": None, "release": "8", "update": "soon"},
        {"release": -1, "update": {"release": True, "percent": 1.5, "state": [], "error": {}}},
        {"release": 1 << 32, "update": {"release": 1 << 40, "percent": -1}},
    ],
)
def test_a_report_that_says_nonsense_says_nothing(body: dict[str, Any]) -> None:
    """Whatever a program writes into it; nothing of it reaches the database or a comparison."""
    assert program_of(body, 3, NOW) == Program(NOW, 3)


def test_a_report_is_read() -> None:
    """All of it, cut to what is stored."""
    update = {"release": 8, "percent": 140, "state": "fetching", "error": "x" * 100}
    body = {"board": "pico_w", "version": "1.1", "release": 7, "update": update}
    assert program_of(body, 3, NOW) == Program(NOW, 3, "pico_w", "1.1", 7, 8, 100, "fetching", "x" * 64)


def test_a_rate_is_a_burst_and_then_so_many_a_second_for_each() -> None:
    """One asker never takes another's; a clock that steps back fills nothing."""
    rate = Rate(50)
    assert [rate.take(1, NOW) for _ in range(51)] == [True] * 50 + [False]
    assert rate.take(2, NOW)
    assert [rate.take(1, NOW + 0.125) for _ in range(7)] == [True] * 6 + [False]
    assert [rate.take(1, at) for at in (NOW - 1000, NOW - 1000)] == [False, False]
    assert sum(rate.take(1, NOW + 1000) for _ in range(100)) == 50
