"""The disk of campaign T3 loses what was not synced and nothing else; what a program did to it is read from strace."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from simulator.disk import Disk
from simulator.errors import SimulatorError
from simulator.traced import CREATE, MAPPED, REMOVE, RENAME, SAID, SIZE, SYNC, SYNC_NAMES, WRITE, Operation, traced

OLD, NEW = b"o" * 8192, b"n" * 8192


def left(files: dict[str, bytes], operations: Iterable[Operation]) -> list[dict[str, bytes]]:
    """What 300 cuts after these operations leave."""
    disk = Disk(files)
    for operation in operations:
        disk.do(operation)
    dice = random.Random(1)
    return [disk.cut(dice) for _ in range(300)]


def test_what_is_synced_is_never_lost() -> None:
    """Octets, a shorter size, and what follows it."""
    operations = [
        Operation(WRITE, "a", 0, NEW),
        Operation(SIZE, "a", 5000),
        Operation(WRITE, "a", 6000, b"end"),
        Operation(SYNC, "a"),
    ]
    assert all(files == {"a": NEW[:5000] + bytes(1000) + b"end"} for files in left({"a": OLD}, operations))


def test_what_is_not_synced_is_lost_by_sectors() -> None:
    """All, none and any part of it, but a sector is old or new."""
    found = {files["a"] for files in left({"a": OLD}, [Operation(WRITE, "a", 0, NEW)])}
    assert {OLD, NEW} < found
    assert {len(set(octets[at : at + 512])) for octets in found for at in range(0, 8192, 512)} == {1}


def test_a_sector_has_one_version_of_those_written() -> None:
    """Two writes into the same sector: the second is not there without the first."""
    writes = [Operation(WRITE, "a", 0, b"1"), Operation(WRITE, "a", 1, b"2")]
    assert {files["a"][:2] for files in left({"a": OLD}, writes)} == {b"oo", b"1o", b"12"}


def test_a_size_that_is_not_synced_may_be_the_old_one() -> None:
    """Cut short or not."""
    assert {len(files["a"]) for files in left({"a": OLD}, [Operation(SIZE, "a", 0)])} == {0, 8192}


def test_a_hole_in_a_file_that_grew_holds_rubbish() -> None:
    """Where a sector was lost and a later one is there."""
    found = {files["a"][:512] for files in left({"a": b""}, [Operation(WRITE, "a", 0, NEW)]) if len(files["a"]) == 8192}
    assert found == {b"n" * 512, bytes(512), b"\xa5" * 512}


def test_a_name_is_certain_when_its_folder_is_synced() -> None:
    """The sync of the file alone does not make it so."""
    made = [Operation(CREATE, "a"), Operation(WRITE, "a", 0, b"1"), Operation(SYNC, "a")]
    assert {tuple(files.items()) for files in left({}, made)} == {(), (("a", b"1"),)}
    assert all(files == {"a": b"1"} for files in left({}, [*made, Operation(SYNC_NAMES)]))


def test_names_change_in_order() -> None:
    """A removal after a renaming is not there without it."""
    operations = [Operation(RENAME, "a", 0, b"b"), Operation(REMOVE, "c")]
    found = {"".join(sorted(files)) for files in left({"a": b"", "c": b""}, operations)}
    assert found == {"ac", "bc", "b"}


def test_a_mapped_file_holds_anything() -> None:
    """What a program writes there is not seen."""
    found = {files["a"] for files in left({"a": OLD}, [Operation(MAPPED, "a"), Operation(SYNC, "a")])}
    assert len(found) == 300 and OLD not in found


def program(folder: Path, text: str) -> list[Operation]:
    """What a program of these lines does in `folder`."""
    (folder / "kept").mkdir()
    (folder / "kept" / "old").write_bytes(b"old")
    lines = f"import os, mmap\nat = {str(folder / 'kept')!r}\nold, new = at + '/old', at + '/new'\n{text}"
    return traced([sys.executable, "-c", lines], folder / "kept", folder)


def test_what_a_program_does_is_seen_in_order(tmp_path: Path) -> None:
    """Writes with their places, syncs, names and words."""
    text = """
with open(new, "wb", buffering=0) as file:
    file.write(b"one")
    file.write(b"two")
    os.fsync(file.fileno())
os.write(1, b"done")
os.rename(new, old)
folder = os.open(at, os.O_RDONLY)
os.fsync(folder)
file = os.open(old, os.O_RDWR)
os.pwrite(file, b"2", 1)
os.ftruncate(file, 2)
mmap.mmap(file, 2)
os.unlink(old)
os.pwrite(file, b"nobody reads this", 0)
"""
    assert program(tmp_path, text) == [
        Operation(CREATE, "new"),
        Operation(WRITE, "new", 0, b"one"),
        Operation(WRITE, "new", 3, b"two"),
        Operation(SYNC, "new"),
        Operation(SAID, octets=b"done"),
        Operation(RENAME, "new", 0, b"old"),
        Operation(SYNC_NAMES),
        Operation(WRITE, "old", 1, b"2"),
        Operation(SIZE, "old", 2),
        Operation(MAPPED, "old"),
        Operation(REMOVE, "old"),
    ]


@pytest.mark.parametrize(
    "text",
    ["os.truncate(old, 1)", "os.pwritev(os.open(old, os.O_RDWR), [b'1'], 0)", "open(old, 'ab')", "os.chdir(at)"],
)
def test_a_way_of_writing_that_is_not_followed_is_refused(tmp_path: Path, text: str) -> None:
    """A write that is overlooked would count as lost or as kept, and prove nothing."""
    with pytest.raises(SimulatorError, match=r"not followed: teach simulator/traced\.py"):
        program(tmp_path, text)


def test_a_program_that_fails_is_one_sentence(tmp_path: Path) -> None:
    """The last of what it said."""
    with pytest.raises(SimulatorError, match="under strace ended with 1: ValueError: no"):
        program(tmp_path, "raise ValueError('no')")


def test_without_strace_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is never left out in silence."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SimulatorError, match=r"^strace is missing \(apt-get install strace\)"):
        program(tmp_path, "")
