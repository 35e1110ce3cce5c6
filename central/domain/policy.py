"""Classes of alert and their policies, as data: what moves where, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from protocol import codes

MAX_DURATION_S = 180


@dataclass(frozen=True)
class Policy:
    """What one class does. `home` and `away` are masks of outputs at the group's centers; 0 sends nothing."""

    name: str
    code: int
    title: str
    silent: bool
    home: int
    away: int
    duration_s: int


Policies = Mapping[str, Policy]


def lint(policies: Policies) -> list[str]:
    """Everything that is wrong with a set of classes, one sentence each."""
    problems = []
    codes_seen: dict[int, str] = {}
    for policy in policies.values():
        if policy.code in codes_seen:
            problems.append(f"class {policy.name}: code {policy.code} is already {codes_seen[policy.code]}'s")
        codes_seen[policy.code] = policy.name
        if not 1 <= policy.code <= 255:
            problems.append(f"class {policy.name}: code {policy.code} is not between 1 and 255")
        if policy.silent and (policy.home | policy.away) & codes.LOUD:
            loud = codes.output_names((policy.home | policy.away) & codes.LOUD)
            problems.append(f"class {policy.name} is silent and may not use {loud}")
        if not 1 <= policy.duration_s <= MAX_DURATION_S:
            problems.append(
                f"class {policy.name}: duration {policy.duration_s} s is not between 1 and {MAX_DURATION_S}"
            )
    return problems


def loud_codes(policies: Policies) -> list[int]:
    """The class octets for the table of loud classes in a center's vault."""
    return sorted(policy.code for policy in policies.values() if not policy.silent)
