"""Whether what was seen in a drill is what its script expects. Pure: histories in, verdicts with reasons out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulator.script import Expect, Faults, Output, Timeline, Told


@dataclass(frozen=True)
class Change:
    """The outputs of a center that were on from `at_s` (seconds since the drill's start) onwards."""

    at_s: float
    on: frozenset[str]


@dataclass(frozen=True)
class Entry:
    """A timeline entry, when it was seen."""

    at_s: float
    kind: str
    text: str


@dataclass(frozen=True)
class Verdict:
    """One expectation, whether it was met, and why or why not in one sentence."""

    expected: str
    met: bool
    reason: str


Outputs = Mapping[str, Sequence[Change]]
Timelines = Mapping[str, Sequence[Entry]]
# Of each center what it told, `kind` being the words of the event.
Fleet = Mapping[str, Sequence[Entry]]


def judge(
    expect: Expect, outputs: Outputs, timelines: Timelines, fleet: Fleet, faults: Faults | None = None
) -> Verdict:
    """The verdict on one expectation; `faults` are those at the end."""
    window = expect.between_s
    if expect.output is not None:
        problems = [_output_problem(expect.output, window, outputs.get(name, ())) for name in expect.output.centers]
        found = [f"{name} {problem}" for name, problem in zip(expect.output.centers, problems, strict=True) if problem]
        return Verdict(describe(expect), not found, "; ".join(found) or "seen")
    if expect.fleet is not None:
        return _fleet(expect, expect.fleet, window, fleet)
    if expect.faults is not None:
        met = faults == expect.faults
        return Verdict(describe(expect), met, "seen" if met else f"in the end there were {faults or 'none'}")
    if expect.timeline is None:
        raise ValueError("an expectation is about an output, a timeline, the fleet or faults")
    return _timeline(expect, expect.timeline, window, timelines)


def describe(expect: Expect) -> str:
    """An expectation in words."""
    start, end = expect.between_s
    when = f"between {start:g} and {end:g} s"
    if expect.output is not None:
        wanted = expect.output
        verb = f"turns {wanted.turns}" if wanted.turns else f"stays {wanted.stays}"
        often = f" {wanted.times} times" if wanted.times else ""
        return f"{', '.join(wanted.centers)}: {wanted.output} {verb}{often} {when}"
    if expect.timeline is not None:
        return f"alert {expect.timeline.alert}: {expect.timeline.entry!r} on the timeline {when}"
    if expect.fleet is not None:
        return f"{', '.join(expect.fleet.centers)}: told {expect.fleet.event!r} {when}"
    if expect.faults is not None:
        return f"in the end: {expect.faults}"
    return when


def _output_problem(wanted: Output, window: tuple[float, float], history: Sequence[Change]) -> str:
    """What is wrong, or nothing."""
    start, end = window
    before = [change for change in history if change.at_s < start]
    level = bool(before) and wanted.output in before[-1].on
    turned: dict[str, int] = {"on": 0, "off": 0}
    at_start = level
    for change in history:
        if not start <= change.at_s <= end:
            continue
        now = wanted.output in change.on
        if now != level:
            turned["on" if now else "off"] += 1
        level = now
    if wanted.stays:
        should_be = wanted.stays == "on"
        if at_start is not should_be:
            return f"has its {wanted.output} {'on' if at_start else 'off'} at {start:g} s"
        other = "off" if should_be else "on"
        return f"turned its {wanted.output} {other}" if turned[other] else ""
    times = turned[wanted.turns or "on"]
    if wanted.times is not None and times != wanted.times:
        return f"turned its {wanted.output} {wanted.turns} {times} times"
    return "" if times else f"did not turn its {wanted.output} {wanted.turns}"


def _fleet(expect: Expect, wanted: Told, window: tuple[float, float], fleet: Fleet) -> Verdict:
    problems = []
    for name in wanted.centers:
        told = fleet.get(name, ())
        if not any(wanted.event in one.kind and window[0] <= one.at_s <= window[1] for one in told):
            seen = ", ".join(f"{one.kind} at {one.at_s:.1f} s" for one in told) or "nothing"
            problems.append(f"{name} told: {seen}")
    return Verdict(describe(expect), not problems, "; ".join(problems) or "seen")


def _timeline(expect: Expect, wanted: Timeline, window: tuple[float, float], timelines: Timelines) -> Verdict:
    start, end = window
    entries = timelines.get(wanted.alert, ())
    matching = [
        entry
        for entry in entries
        if start <= entry.at_s <= end and (wanted.entry == entry.kind or wanted.entry in entry.text)
    ]
    met = len(matching) == wanted.times if wanted.times is not None else bool(matching)
    seen = ", ".join(f"{entry.kind} at {entry.at_s:.1f} s" for entry in entries) or "nothing"
    return Verdict(describe(expect), met, "seen" if met else f"the timeline has: {seen}")
