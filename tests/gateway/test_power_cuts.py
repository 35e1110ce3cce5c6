"""Power cuts of a gateway's disk: what was acknowledged is there and nothing is there twice, and a weaker store is seen to lose."""

from __future__ import annotations

from pathlib import Path

from simulator.campaign_t3 import OUTBOX, campaign
from simulator.kept import Judge
from tests.gateway.outbox_life import OutboxLife

LIFE = range(1, 41)
SHORT = OUTBOX._replace(steps=60)


def lived(folder: Path) -> Path:
    """A memory that went through all of `LIFE`."""
    folder.mkdir()
    life = OutboxLife(folder, "OFF")
    life.perform(LIFE, lambda _: None)
    life.close()
    return folder


def judge(folder: Path) -> Judge:
    """With a memory of its own that is never cut."""
    (folder / "never cut").mkdir()
    return Judge(OutboxLife, "outbox.db", folder / "never cut")


def test_all_that_was_acknowledged_outlives_any_power_cut() -> None:
    """Messages, numbers, replay window, counters, settings are those of the last step acknowledged, or of the one in progress.

    Cuts fall into the log, the database while the whole log is written back to it, its making, and the file of settings.
    """
    trial = campaign(OUTBOX, 60, 1)
    assert (trial.violations, trial.cuts) == ([], 60)
    assert {"outbox.db", "outbox.db-journal", "outbox.db-wal", "remote.new"} <= set(trial.written)
    assert trial.written["outbox.db"] > 100


def test_a_memory_that_does_not_sync_each_commit_is_seen_to_lose() -> None:
    """With synchronous=NORMAL messages are gone, counters and window go back, and numbers would be handed out again."""
    trial = campaign(SHORT, 12, 1, synchronous="NORMAL")
    lost = {one.split(": ")[1].split(" lost")[0] for one in trial.violations if " lost " in one}
    assert {"message", "sequence", "window", "center"} <= lost


def test_the_same_seed_is_the_same_trial() -> None:
    """What is written where, and what each cut leaves of it."""
    first, again = (campaign(SHORT, 6, 7, synchronous="NORMAL") for _ in range(2))
    assert first == again and first.violations != []


def test_a_whole_memory_holds_its_last_step(tmp_path: Path) -> None:
    """Acknowledged or still in progress at the cut."""
    assert judge(tmp_path).verdict(lived(tmp_path / "cut"), 39, 40) == (40, [])


def test_a_step_that_is_missing_is_said(tmp_path: Path) -> None:
    """One more was acknowledged than is there."""
    holds, wrong = judge(tmp_path).verdict(lived(tmp_path / "cut"), 41, 42)
    assert holds is None and wrong != []


def test_a_message_that_was_forgotten_and_is_there_is_said(tmp_path: Path) -> None:
    """It would go to central, or to a center, a second time."""
    cut = lived(tmp_path / "cut")
    life = OutboxLife(cut, "OFF")
    with life._store.transaction():
        life._store._run("INSERT INTO message VALUES ('ack 0', 'answer', 1, 0, '', 0.0, NULL, x'00')")
    life.close()
    holds, wrong = judge(tmp_path).verdict(cut, 40, 40)
    assert (holds, [one.split(", as")[0] for one in wrong]) == (None, ["message holds 1"])


def test_half_of_a_step_is_said(tmp_path: Path) -> None:
    """A number without the message that it was for."""
    cut = lived(tmp_path / "cut")
    life = OutboxLife(cut, "OFF")
    with life._store.transaction():
        life._store.next_sequence()
    life.close()
    holds, wrong = judge(tmp_path).verdict(cut, 40, 40)
    assert holds is None and any("sequence" in one for one in wrong)


def test_a_file_that_is_damaged_is_said(tmp_path: Path) -> None:
    """Where no row shows it: a page of an index is rubbish."""
    cut = lived(tmp_path / "cut")
    life = OutboxLife(cut, "OFF")
    page = life._store._one("SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_message_2'")
    life.close()
    assert page is not None
    with (cut / "outbox.db").open("r+b") as file:
        file.seek((page[0] - 1) * 4096)
        file.write(b"\x0a" + bytes(4095))
    holds, wrong = judge(tmp_path).verdict(cut, 40, 40)
    assert holds is None and len(wrong) == 1 and "integrity" in wrong[0]
