"""The pure decisions, by example and by property."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.admission import envelope, upward
from gateway.domain.delivery import left_s
from gateway.domain.priority import ANSWER, KINDS, LIVE_S, Entry, Schedule, covers, highest
from protocol import hop
from protocol.hop import Receipt
from protocol.replay import Window
from protocol.topics import center_name
from tests.gateway import frames

EPOCH = 1 << 24


def entry(sequence: int, kept_at: float) -> Entry:
    """An answer in the outbox."""
    return Entry(sequence, b"", ANSWER, 0, kept_at, kept_at)


@given(st.lists(st.integers(1, 200), max_size=200))
def test_an_envelope_is_new_at_most_once(sequences: list[int]) -> None:
    """Whatever the order of arrival, no sequence is handled as new twice, and the next one up always is."""
    window = Window()
    new: list[int] = []
    key = frames.hop_keys().down
    for sequence in [*sequences, 201]:
        opened = envelope(key, 1, window, hop.seal(key, 1, sequence, []))
        if opened.verdict == "new":
            window.accept(sequence)
            new.append(sequence)
    assert len(new) == len(set(new))
    assert new[-1] == 201


@given(st.binary(max_size=200), st.integers(0, 400))
def test_an_altered_envelope_is_refused(noise: bytes, at: int) -> None:
    """A changed octet anywhere, or other octets altogether, and nothing inside is looked at."""
    key = frames.hop_keys().down
    octets = bytearray(hop.seal(key, 1, 1, [frames.command()]))
    octets[at % len(octets)] ^= 1 + len(noise) % 255
    for hostile in (bytes(octets), noise):
        opened = envelope(key, 1, Window(), hostile)
        assert (opened.verdict, opened.frames) == ("refused", ())


@given(st.binary(max_size=80), st.sampled_from(["C000001", "C000002", "C000003"]))
def test_any_octets_from_a_center_get_a_verdict(octets: bytes, name: str) -> None:
    """Nothing that a center publishes raises; what passes is about the center that published it."""
    passage = upward(name, octets, frames.MINE)
    assert passage.passes == (passage.reason == "well addressed")
    assert not passage.passes or center_name(passage.center) == name


@given(
    st.sets(st.integers(1, 120)),
    st.integers(0, 120),
    st.integers(0, (1 << 32) - 1),
    st.integers(1, 3),
    st.integers(1, 3),
)
def test_a_receipt_covers_exactly_what_it_says(
    kept: set[int], upto: int, beyond: int, epoch: int, receipt_epoch: int
) -> None:
    """Up to the mark, and the numbers whose bits are set, of its own epoch."""
    schedule = Schedule(3, 60, 64)
    for number in sorted(kept):
        schedule.add(entry(epoch * EPOCH + number, 0.0))
    receipt = Receipt(receipt_epoch * EPOCH + upto, beyond)
    said = {number for number in range(1, upto + 1)} | {upto + 1 + bit for bit in range(32) if beyond >> bit & 1}
    expected = {epoch * EPOCH + number for number in kept & said} if epoch == receipt_epoch else set()
    assert {one.sequence for one in schedule.covered(receipt)} == expected


@given(st.integers(0, 1000), st.integers(0, (1 << 32) - 1))
def test_the_highest_number_of_a_receipt_is_covered_and_the_next_is_not(upto: int, beyond: int) -> None:
    """What the gateway compares with the last number it gave."""
    receipt = Receipt(EPOCH + upto, beyond)
    top = highest(receipt)
    assert top == EPOCH + upto or covers(receipt, top)
    assert not covers(receipt, top + 1)


@given(
    st.lists(st.tuples(st.sampled_from(["add", "send", "settle", "restart", "wait"]), st.integers(0, 30)), max_size=60)
)
def test_the_backlog_in_flight_never_exceeds_its_bound_and_nothing_leaves_without_a_receipt(
    steps: list[tuple[str, int]],
) -> None:
    """Old entries go at most four at a time; every entry that was added and not covered is still there."""
    schedule = Schedule(3, 60, 4)
    now = 100.0
    kept: set[int] = set()
    next_number = 1
    for step, number in steps:
        if step == "add":
            schedule.add(entry(next_number, now - number))
            kept.add(next_number)
            next_number += 1
        elif step == "send":
            due = schedule.due(now)
            assert sum(1 for one in due if now - one.kept_at > 20) <= 4
            for one in due:
                schedule.sent(one, now)
        elif step == "settle":
            covered = schedule.covered(Receipt(number, 0))
            schedule.remove([one.sequence for one in covered])
            kept -= set(range(number + 1))
        elif step == "restart":
            schedule.restart(now)
        else:
            now += number
    assert {one.sequence for one in schedule} == kept


@given(st.integers(0, 10_000), st.integers(0, 65_535), st.integers(0, 20_000))
def test_what_a_command_has_left_is_within_its_time_to_live(issued: int, ttl: int, now: int) -> None:
    """Never more than its ttl or the 300 s of every center, never less than nothing."""
    assert 0 <= left_s(issued, ttl, now) <= min(ttl, 300)
    assert left_s(issued, ttl, None) == min(ttl, 300)


@given(st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.integers(0, 60)), max_size=60), st.integers(1, 8))
def test_what_goes_next_is_what_a_look_at_every_entry_would_choose(added: list[tuple[str, int]], inflight: int) -> None:
    """Live ones first, then the backlog by priority and number, at most so many of it: for any mixture of kinds and ages."""
    schedule = Schedule(3, 60, inflight)
    now, entries = 1000.0, []
    for number, (kind, age_s) in enumerate(sorted(added, key=lambda one: -one[1]), 1):
        entries.append(schedule.add(Entry(number, b"", KINDS[kind], 0, now - age_s, now - age_s)))
    for _ in range(3):
        live = sorted((e for e in entries if now - e.kept_at <= LIVE_S and now >= e.next_at), key=rank)
        backlog = sorted((e for e in entries if now - e.kept_at > LIVE_S and now >= e.next_at), key=rank)
        flying = sum(1 for e in entries if e.tries and now < e.next_at)
        due = schedule.due(now)
        assert due == live + backlog[: max(0, inflight - flying)]
        for one in due:
            schedule.sent(one, now)
        now += 2.0
    assert schedule.oldest() == min(entries, key=lambda e: e.sequence, default=None)


def rank(one: Entry) -> tuple[int, int]:
    """The order within the live ones, and within the backlog."""
    return one.kind.priority, one.sequence
