"""Which slot starts, whatever flash holds: from the factory, on trial, damaged, or with nothing that says so."""

import json
from hashlib import sha256

from firmware import boot
from simulator.flash import Flash, PowerCut
from simulator.slots import put
from tests.both.updated import NEW, OLD


def flash_with(first=5, second=None, **state):
    """Flash with these sequences in the slots, and a state if one is given."""
    flash = Flash()
    if first:
        put(flash, "a", OLD, first)
    if second:
        put(flash, "b", NEW, second)
    if state:
        known = boot.found("", Flash().open)
        known.update(state)
        boot.store("", flash, known, flash.open)
    return flash


def start(flash):
    """The slot of one more start."""
    return boot.choose("", flash, flash.open, [])


def test_a_new_board_starts_what_the_factory_put():
    """Slot a, first among the folders of modules; nothing is written."""
    flash = flash_with()
    path = ["", "/lib"]
    assert boot.choose("", flash, flash.open, path) == "a"
    assert path == ["a", "", "/lib"]
    assert flash.operations == 0


def test_a_board_without_slots_is_left_alone():
    """A program beside the slots, as on a board of a developer."""
    path = [""]
    assert boot.choose("/device/", Flash(), Flash().open, path) is None
    assert path == [""]


def test_the_active_slot_starts():
    """Not the other, whatever its sequence."""
    assert start(flash_with(5, 6, active="a")) == "a"
    assert start(flash_with(5, 6, active="b")) == "b"
    assert start(flash_with(9, 6, active="b")) == "b"


def test_a_trial_has_its_tries_and_no_more():
    """Counted in flash before each start; then the last good one for ever, and the sequence is remembered."""
    flash = flash_with(5, 6, active="a", trial="b", tries=3, sequence=6)
    for left in (2, 1, 0):
        assert start(flash) == "b"
        assert boot.read("", flash.open)["tries"] == left
    for _ in range(3):
        assert start(flash) == "a"
    state = boot.read("", flash.open)
    assert (state["trial"], state["failed"], state["why"]) == ("", 6, "trial failed")


def test_a_trial_with_a_damaged_file_is_not_started():
    """Not once; the last good one is."""
    flash = flash_with(5, 6, active="a", trial="b", tries=3, sequence=6)
    flash.files["b/firmware/main.py"] += b"\n"
    assert start(flash) == "a"
    assert boot.read("", flash.open)["failed"] == 6
    assert boot.read("", flash.open)["why"] == "trial damaged"


def test_a_try_that_cannot_be_counted_is_not_taken():
    """Flash that takes nothing any more starts what is good, not what may be bad for ever."""
    flash = flash_with(5, 6, active="a", trial="b", tries=3, sequence=6)
    before = dict(flash.files)
    flash.rename = full
    for _ in range(5):
        assert start(flash) == "a"
    flash.open = read_only(flash.open)
    for _ in range(5):
        assert start(flash) == "a"
    assert {name: flash.files[name] for name in before} == before


def test_a_damaged_active_slot_gives_way():
    """A file that is gone, changed, longer or shorter; or its contents; the other slot starts if it is whole."""
    for name in ("a/firmware/main.py", "a/contents", "a/protocol/__init__.py"):
        for octets in (None, b"", b"x" * 13, b"5 0.5\n"):
            flash = flash_with(5, 6, active="a")
            if octets is None:
                del flash.files[name]
            elif octets != flash.files[name]:
                flash.files[name] = octets
            else:
                continue
            assert start(flash) == "b", (name, octets)


def test_contents_are_whole_or_nothing():
    """Cut at any octet, or with one changed: not complete, and never an error."""
    flash = flash_with()
    whole = flash.files["a/contents"]
    assert boot.complete("", "a", flash.open) == 5
    for at in range(len(whole)):
        flash.files["a/contents"] = whole[:at]
        assert boot.complete("", "a", flash.open) is None, at
        flash.files["a/contents"] = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        assert boot.complete("", "a", flash.open) is None, at


def test_when_neither_is_whole_something_starts():
    """The one that was good last, or what there is of the other: a siren with a fault is better than none."""
    flash = flash_with(5, 6, active="b")
    del flash.files["a/contents"]
    flash.files["b/contents"] = b"\xff\xfe"
    assert start(flash) == "b"
    flash.folders = {"a", "a/firmware"}
    assert start(flash) == "a"


def test_without_a_state_a_whole_program_starts():
    """One slot, whichever it is; of two, the newer one on trial over the older one, that was good before it."""
    assert start(flash_with(5, None)) == "a"
    assert start(flash_with(None, 6)) == "b"
    for first, second, newer, older in ((5, 6, "b", "a"), (7, 6, "a", "b")):
        flash = flash_with(first, second)
        assert [start(flash) for _ in range(5)] == [newer] * 3 + [older] * 2
    assert start(flash_with(6, 6)) == "a"


def test_of_two_states_the_newer_whole_one_counts():
    """Damaged at any octet, the one before it does; both damaged, whatever is whole starts."""
    flash = flash_with(5, 6, active="a")
    state = boot.read("", flash.open)
    state["active"] = "b"
    boot.store("", flash, state, flash.open)
    assert start(flash) == "b"
    newest = "slots-a" if state["generation"] % 2 == 0 else "slots-b"
    whole = flash.files[newest]
    for at in range(len(whole)):
        for spoiled in (whole[:at], whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]):
            flash.files[newest] = spoiled
            assert boot.read("", flash.open)["active"] == "a", at
    for name in boot.STATES:
        flash.files[name] = b"\x00" * 40
    assert start(flash) in ("a", "b")


def test_storing_spares_the_newest_state():
    """Cut at each operation, with any part of the write: the state before or the one after, never none."""
    for dies_at in range(1, 4):
        for torn in (0, 30, 128, 254, 255):
            flash = flash_with(5, 6, active="a")
            state = boot.read("", flash.open)
            state["active"] = "b"
            flash.revive()
            flash.dies_at, flash.torn = dies_at, torn
            try:
                boot.store("", flash, state, flash.open)
            except PowerCut:
                pass
            flash.revive()
            assert start(flash) == "a"
            boot.store("", flash, state, flash.open)
            assert start(flash) == "b"


def test_it_never_raises():
    """Whatever goes wrong while choosing, something starts: a boot that ends in an error is a board that is gone."""
    flash = flash_with(5, 6, active="b")
    for error in (MemoryError, RuntimeError, OSError, KeyError):
        assert boot.choose("", flash, failing(error), []) == "a"
    body = b"[1]"
    flash.files["slots-b"] = flash.files["slots-a"] = sha256(body).digest() + body
    assert start(flash) == "a"


def test_the_format_never_changes():
    """No release can replace the boot that reads it: octets of a state and of contents as the first one wrote them."""
    body = b'{"generation": 7, "active": "b", "trial": "a", "tries": 2, "sequence": 9, "failed": 8, "why": "", "highest": 6}'
    flash = flash_with(9, 6)
    flash.files["slots-b"] = sha256(body).digest() + body
    assert boot.read("", flash.open) == json.loads(body.decode())
    flash.files["a/contents"] = (
        b"9 1.2.0\n"
        b"cc42155088fca5730758db72b2a5bca33112a941dfaa2d43098ec422ce4ea213 firmware/main.py\n"
        b"e7da61ff470f22ae0749dfc7ad40d3a3a1f72897a02e54d810f442270fec1684"
    )
    flash.files["a/firmware/main.py"] = b"print(1)\n"
    assert boot.complete("", "a", flash.open) == 9
    assert start(flash) == "a"


def full(*_):
    """A flash without room."""
    raise OSError(28)


def failing(error):
    """An open that does not work at all."""

    def raising(path, mode="r"):
        raise error

    return raising


def read_only(opened):
    """A flash that can be read only."""

    def guarded(path, mode="r"):
        if mode != "rb":
            raise OSError(30)
        return opened(path, mode)

    return guarded
