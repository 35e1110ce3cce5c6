"""Verdicts on drills: each expectation can fail."""

import pytest

from simulator.script import Expect, Faults
from simulator.verdict import Change, Entry, judge

ON = frozenset({"siren"})
OFF: frozenset[str] = frozenset()


def expecting(between: tuple[float, float], **output: object) -> Expect:
    return Expect.model_validate(
        {"between_s": between, "output": {"centers": ["C000001"], "output": "siren", **output}}
    )


@pytest.mark.parametrize(
    ("expect", "history", "met"),
    [
        (expecting((1, 5), turns="on"), [Change(2, ON)], True),
        (expecting((1, 5), turns="on"), [Change(6, ON)], False),
        (expecting((1, 5), turns="on"), [], False),
        (expecting((1, 5), turns="on"), [Change(0.5, ON)], False),
        (expecting((1, 5), turns="off"), [Change(0.5, ON), Change(3, OFF)], True),
        (expecting((1, 5), turns="on", times=2), [Change(1, ON), Change(2, OFF), Change(3, ON)], True),
        (expecting((1, 5), turns="on", times=1), [Change(1, ON), Change(2, OFF), Change(3, ON)], False),
        (expecting((1, 5), stays="off"), [], True),
        (expecting((1, 5), stays="off"), [Change(2, ON), Change(2.1, OFF)], False),
        (expecting((1, 5), stays="off"), [Change(0.5, ON)], False),
        (expecting((1, 5), stays="off"), [Change(0.2, ON), Change(0.5, OFF), Change(6, ON)], True),
        (expecting((1, 5), stays="on"), [Change(0.5, ON)], True),
        (expecting((1, 5), stays="on"), [Change(0.5, ON), Change(4, OFF)], False),
    ],
)
def test_an_output_is_judged_by_its_changes_within_the_window(expect: Expect, history: list[Change], met: bool) -> None:
    """Turning counts changes inside the window; staying allows none, and wants the level from the start."""
    assert judge(expect, {"C000001": history}, {}, {}).met is met


def test_a_timeline_entry_counts_only_within_the_window() -> None:
    """An entry that came too late does not meet the expectation, and the reason says what was there."""
    expect = Expect.model_validate({"between_s": (0, 2), "timeline": {"alert": "a", "entry": "sounding"}})
    assert judge(expect, {}, {"a": [Entry(1, "sounding", "C000001")]}, {}).met
    late = judge(expect, {}, {"a": [Entry(3, "sounding", "C000001")]}, {})
    assert not late.met
    assert "sounding at 3.0 s" in late.reason


def test_an_entry_that_must_come_once_may_not_come_twice() -> None:
    """`times` is exact."""
    expect = Expect.model_validate({"between_s": (0, 9), "timeline": {"alert": "a", "entry": "opened", "times": 1}})
    once = [Entry(1, "opened", "")]
    assert judge(expect, {}, {"a": once}, {}).met
    assert not judge(expect, {}, {"a": once * 2}, {}).met


@pytest.mark.parametrize(
    ("told", "met"),
    [
        ([Entry(2, "mains lost", "")], True),
        ([Entry(6, "mains lost", "")], False),
        ([Entry(2, "mains back", "")], False),
        ([], False),
    ],
)
def test_news_of_a_center_count_within_the_window(told: list[Entry], met: bool) -> None:
    """Of every center that is named; the reason says who told what instead."""
    expect = Expect.model_validate(
        {"between_s": (1, 5), "fleet": {"centers": ["C000001", "C000002"], "event": "mains lost"}}
    )
    whole = [Entry(1.5, "mains lost", "")]
    verdict = judge(expect, {}, {}, {"C000001": whole, "C000002": told})
    assert verdict.met is met
    assert met or "C000002 told" in verdict.reason
    assert not judge(expect, {}, {}, {"C000001": whole}).met


@pytest.mark.parametrize(
    ("there", "met"),
    [
        ({"silent": ["G000001"], "behind": ["C000001"]}, True),
        ({"silent": ["G000001"]}, False),
        ({"silent": ["G000001", "G000002"], "behind": ["C000001"]}, False),
        ({"silent": ["G000001"], "behind": ["C000001"], "blackouts": [3]}, False),
    ],
)
def test_faults_are_those_that_were_named_and_no_others(there: dict[str, object], met: bool) -> None:
    """One that is missing is not met, nor is one too many."""
    named = {"silent": ["G000001"], "behind": ["C000001"]}
    expect = Expect.model_validate({"between_s": (0, 9), "faults": named})
    assert judge(expect, {}, {}, {}, Faults.model_validate(there)).met is met
    assert not judge(expect, {}, {}, {}).met
