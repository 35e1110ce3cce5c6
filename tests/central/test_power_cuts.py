"""Power cuts of central's disk: what a caller of the writer was told is committed is there, and a weaker database is seen to lose."""

from __future__ import annotations

from simulator.campaign_t3 import DATABASE, campaign


def test_all_that_was_committed_outlives_any_power_cut() -> None:
    """Alerts, orders with their counters, acks, receipts and timeline, also of units that were committed together."""
    trial = campaign(DATABASE._replace(steps=200), 25, 1)
    assert (trial.violations, trial.cuts) == ([], 25)
    # The log has been written back to the database in between.
    assert trial.written["central.db"] > 100


def test_a_database_that_does_not_sync_each_commit_is_seen_to_lose() -> None:
    """With synchronous=NORMAL alerts are gone, and counters that went out in a command would be taken again."""
    trial = campaign(DATABASE._replace(steps=60), 8, 1, synchronous="NORMAL")
    lost = {one.split(": ")[1].split(" lost")[0] for one in trial.violations if " lost " in one}
    assert {"alert", "command", "entry", "center"} <= lost
