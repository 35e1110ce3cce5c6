"""The event journal: what was flushed is there after any cut, in order and once; a torn end is skipped and repaired."""

from firmware.journal import NAMES, SEGMENT, SIZE, WAITING, Journal
from tests.both.flash import TORN, Flash, Mounted, PowerCut, Ram, formatted, littlefs, on


def entry(number):
    """What is told apart in these tests."""
    return (number, 1, 0x100 + number % 7, number * 3)


def journal(flash):
    return Journal("", flash, flash.open)


def fill(flash, start, end, per_flush=10):
    """A journal with the entries from `start` up to `end`, flushed in portions."""
    kept = journal(flash)
    for number in range(start, end):
        kept.add(*entry(number))
        if number % per_flush == per_flush - 1:
            assert kept.flush()
    assert kept.flush()
    return kept


def numbers(flash, n=1000):
    return [record[0] for record in journal(flash).last(n)]


def test_what_was_flushed_is_read_by_the_next_program():
    """Every field, the newest last; only as many as asked for."""
    flash = Flash()
    kept = journal(flash)
    kept.add(7, 3, 0x20, 11)
    kept.add(0xFFFFFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF)
    assert kept.flush()
    assert journal(flash).last(5) == [(7, 3, 0x20, 11), (0xFFFFFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF)]
    assert journal(flash).last(1) == [(0xFFFFFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF)]
    assert journal(flash).last(0) == []
    assert Journal("", Flash(), Flash().open).last(9) == []


def test_larger_numbers_than_a_field_are_cut_and_do_not_stop_anything():
    """The boot count of a state has 32 bits, that of a record 16."""
    kept = journal(Flash())
    kept.add(1 << 32 | 5, 1 << 16 | 6, 1 << 16 | 7, 1 << 32 | 8)
    assert kept.flush()
    assert kept.last(1) == [(5, 6, 7, 8)]


def test_what_waits_is_shown_and_costs_no_flash():
    """Until flush; then one append for all of it."""
    flash = Flash()
    kept = fill(flash, 0, 3)
    before = flash.operations
    for number in range(3, 20):
        kept.add(*entry(number))
    assert flash.operations == before
    assert [record[0] for record in kept.last(4)] == [16, 17, 18, 19]
    assert kept.flush()
    assert flash.operations == before + 1
    assert kept.flush()
    assert flash.operations == before + 1
    assert numbers(flash) == list(range(20))


def test_the_ring_keeps_at_least_one_whole_segment():
    """However long it runs, however the records come: only the oldest segment goes; across a wrap of the order number too."""
    for per_flush in (1, 7, 32):
        flash = Flash()
        for end in range(100, 1000, 100):
            fill(flash, end - 100, end, per_flush)
            kept = numbers(flash)
            assert kept == list(range(end - len(kept), end))
            assert len(kept) >= min(end, SEGMENT)
            assert max([len(flash.files[name]) for name in flash.files]) <= SEGMENT * SIZE
        assert sorted(flash.files) == list(NAMES)
    flash = Flash()
    first = journal(flash)
    first.last(1)
    first._next = 0xFFFF - 150
    for number in range(400):
        # A program that starts anew finds the newer segment on either side of the wrap.
        kept = journal(flash) if number else first
        kept.add(*entry(number))
        assert kept.flush()
        assert numbers(flash, 100) == list(range(max(0, number - 99), number + 1)), number


def test_a_torn_end_is_skipped_and_repaired_by_the_next_append():
    """Whatever the length of the tail and whatever it holds; nothing before it is lost."""
    for tail in (b"\0", b"\xff" * 15, b"\0" * 16, b"\xff" * 16, b"\x12" * 16, b"\x55" * 31):
        flash = Flash()
        fill(flash, 0, 140)
        flash.files["journal-b"] += tail
        assert numbers(flash, 140) == list(range(140))
        fill(flash, 140, 150)
        assert numbers(flash, 150) == list(range(150)), tail
        assert len(flash.files["journal-b"]) == 22 * SIZE


def test_a_rotten_record_costs_itself_alone():
    """Any one bit of it; the records around it are read."""
    flash = Flash()
    fill(flash, 0, 20)
    whole = flash.files["journal-a"]
    for bit in range(SIZE * 8):
        at = 5 * SIZE + bit // 8
        flash.files["journal-a"] = whole[:at] + bytes([whole[at] ^ 1 << bit % 8]) + whole[at + 1 :]
        assert numbers(flash) == [0, 1, 2, 3, 4] + list(range(6, 20))


def test_two_rotten_segments_begin_anew():
    """Garbage of any length stops nothing."""
    for length in (0, 5, 16, 160, SEGMENT * SIZE, SEGMENT * SIZE + 7):
        flash = Flash({"journal-a": b"\xa5" * length, "journal-b": b"\x5a" * length})
        assert numbers(flash) == []
        fill(flash, 0, 200)
        assert numbers(flash, 100) == list(range(100, 200)), length


def test_a_flash_that_refuses_ends_nothing_and_the_newest_32_wait():
    """Flush says False; when the flash is back they are written, each once, and the gap shows in the order numbers."""
    flash = Flash()
    kept = fill(flash, 0, 5)
    flash.refuses = True
    for number in range(5, 55):
        kept.add(*entry(number))
        assert not kept.flush()
    assert len(kept.last(1000)) == 5 + WAITING
    flash.refuses = False
    assert kept.flush()
    assert numbers(flash) == list(range(5)) + list(range(55 - WAITING, 55))
    octets = flash.files["journal-a"]
    assert [octets[at * SIZE + 1] for at in (4, 5)] == [4, 55 - WAITING]


def test_a_record_that_arrived_in_a_failed_append_is_not_written_twice():
    """The flash says failed after it took two of three."""
    flash = Flash()
    kept = fill(flash, 0, 5)
    for number in range(5, 8):
        kept.add(*entry(number))
    flash.dies_at = flash.operations + 1
    flash.torn = lambda octets: octets[: 2 * SIZE + 9]
    flash.cut = lambda: OSError(5)
    assert not kept.flush()
    flash.dies_at = None
    assert kept.flush()
    assert numbers(flash) == list(range(8))


def test_an_unreadable_flash_is_never_taken_for_an_empty_one():
    """A read that fails once makes flush wait; nothing that was kept is written over."""
    flash = Flash()
    fill(flash, 0, 140)
    blind = Blind(flash)
    kept = Journal("", flash, blind.open)
    kept.add(*entry(140))
    assert not kept.flush()
    assert [record[0] for record in kept.last(5)] == [140]
    blind.on = False
    assert kept.flush()
    assert numbers(flash) == list(range(141))


class Blind:
    """Reads fail while it is on."""

    def __init__(self, flash):
        self.flash = flash
        self.on = True

    def open(self, path, mode="r"):
        if self.on and "r" in mode:
            raise OSError(5)
        return self.flash.open(path, mode)


def check(found, flushed, added, why):
    """In order, each once, everything flushed but for an oldest segment, and nothing that nobody added."""
    assert found == sorted(set(found)), why
    assert found[-1:] <= [added - 1], why
    assert [number for number in range(max(0, flushed - SEGMENT), flushed) if number not in found] == [], why


def test_a_cut_at_every_operation_loses_nothing_that_was_flushed():
    """Appends, the change of a segment and the repair of a torn end, with every kind of torn write; and it goes on."""
    for torn in TORN:
        for start in (0, 100, 250):
            begin = Flash()
            fill(begin, 0, start)
            if start:
                begin.files[NAMES[start // SEGMENT]] += b"torn"
            died, dies_at = True, 0
            while died:
                dies_at += 1
                flash = Flash(begin.files, torn)
                flash.dies_at = dies_at
                flushed = added = start
                try:
                    kept = journal(flash)
                    for added in range(start + 1, start + 61):
                        kept.add(*entry(added - 1))
                        if added % 4 == 0:
                            assert kept.flush()
                            flushed = added
                    died = False
                except PowerCut:
                    pass
                flash.dies_at = None
                found = numbers(flash)
                check(found, flushed, added, (start, dies_at, found))
                following = found[-1] + 1 if found else 0
                fill(flash, following, following + 5)
                check(numbers(flash), following + 5, following + 5, (start, dies_at, "after"))
            assert dies_at > 15


def test_littlefs_cut_at_every_block_operation():
    """The same on the real file system of a board (MicroPython only)."""
    if not littlefs():
        return
    import os

    begin = formatted()
    assert on(begin, lambda: fill(Mounted(), 0, 120, 32)) is None
    died, dies_at = True, 0
    while died:
        device = Ram(begin.data)
        device.left = dies_at
        done = [120, 120, True]

        def life():
            kept = Journal("/flash/", os)
            for number in range(120, 150):
                kept.add(*entry(number))
                done[1] = number + 1  # noqa: B023
                if number % 3 == 2:
                    done[2] = kept.flush()  # noqa: B023
                    if not done[2]:  # noqa: B023
                        return
                    done[0] = number + 1  # noqa: B023

        on(device, life)
        died = not done[2]
        found = []
        assert on(Ram(device.data), lambda: found.extend(Journal("/flash/", os).last(999))) is None  # noqa: B023
        check([record[0] for record in found], done[0], done[1], (dies_at, done))
        dies_at += 1
    assert dies_at > 30
