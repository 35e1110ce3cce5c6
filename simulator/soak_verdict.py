"""What the outputs of one center say after a soak: nothing without an order, nothing twice, nothing for too long. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from protocol import codes
from simulator.dispatcher import Order
from simulator.spells import Spell, spells

SIREN, INDICATOR = codes.ACTIVATE | codes.SIREN, codes.ACTIVATE | codes.INDICATOR
# For the interrupt, the line to the board and a machine that is busy.
LATE_S = 0.5
# The budget's activations in 15 minutes, which no soak is longer than.
PER_SHORT = 3

History = list[tuple[float, frozenset[str]]]


def verdict(history: History, orders: Iterable[Order], frozen: list[Spell], watchdog_s: float, now: float) -> list[str]:
    """Violations of one center. `orders` are all of it, none of which may have waited beside one that moves something;
    `frozen` is when its processor stood still, which its outputs outlive by the watchdog's patience."""
    mine = list(orders)
    found = [f"pair {order.incident} sounded twice" for order in mine if len(order.soundings) > 1]
    for output, action in (("siren", SIREN), ("indicator", INDICATOR), ("strobe", None), ("floodlight", None)):
        asked = [order for order in mine if order.action == action]
        obeyed = sum(order.obeyed for order in asked)
        times = spells(history, output, now)
        # What was obeyed is seen, but for a center that stood still between flash and output.
        if len(times) > obeyed or (len(times) < obeyed and not frozen):
            found.append(f"{output} on {len(times)} times for {obeyed} orders")
        limit_s = max((order.duration_s for order in asked), default=0) + LATE_S
        for began, ended in times:
            still = any(since <= ended and until >= began for since, until in frozen)
            if ended - began > limit_s + (watchdog_s if still else 0):
                found.append(f"{output} on for {ended - began:.1f} s, asked were {limit_s - LATE_S:.0f} s")
    sirens = len(spells(history, "siren", now))
    if sirens > PER_SHORT:
        found.append(f"siren on {sirens} times, the budget is {PER_SHORT} in 15 minutes")
    return found
