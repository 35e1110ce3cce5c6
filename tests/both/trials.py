"""What an update must not do to a center that starts, or to a program on trial: no other update, no end without a start. On both interpreters."""

from firmware import boot, install
from protocol import codes
from simulator import release
from tests.both.station import IMAGE, MANIFEST, Station, on_trial

NEXT = release.manifest(IMAGE, 3, expiry=2000000000)


def refuse(*_):
    """A flash that takes nothing more."""
    raise OSError(5)


def fail(*_):
    """Something that nobody thought of."""
    raise RuntimeError("nobody thought of it")


def test_a_program_on_trial_takes_no_offer():
    """The other slot holds the only program that is known to be good; once it is confirmed the next may come."""
    station = on_trial()
    assert not station.turn(linked=False)
    assert not station.offer(NEXT)
    station.turn()
    assert station.offer(NEXT)


def test_a_start_on_trial_judges_nothing():
    """Whatever lies there: it would spend a try of a program that did nothing wrong."""
    station = on_trial()
    station.files.files[install.INCOMING] = bytes(4) + NEXT
    before = station.starts
    assert station.start() == "b"
    assert station.starts == before + 1
    assert boot.complete("", "a", station.files.open) == 1
    assert install.INCOMING in station.files.files


def test_a_trial_is_over_when_flash_knows_it():
    """Told as updated only then; afterwards no older release is taken."""
    station = on_trial()
    put_back, station.files.rename = station.files.rename, refuse
    assert not station.turn()
    assert station.updating.busy
    assert station.noted == []
    station.files.rename = put_back
    assert not station.turn()
    assert station.noted == [codes.UPDATED]
    state = boot.read("", station.files.open)
    assert (state["active"], state["trial"], state["highest"]) == ("b", "", 2)


def test_an_image_that_ends_every_start_is_given_up():
    """After five tries the program before goes on, and says so."""
    station = Station()
    station.offer(MANIFEST)
    station.start()
    station.fetch(IMAGE)
    before, station.board.feed = station.starts, fail
    assert station.start() == "a"
    assert station.starts - before == install.TRIES + 2
    assert station.updating.status()["error"] == "not installed in 5 tries: 2"
    assert station.updating.status()["state"] == "idle"


def test_a_flash_that_takes_nothing_keeps_no_center_from_starting():
    """Neither an offer nor a whole image restarts it without end."""
    station = Station()
    station.offer(MANIFEST)
    before, put_back, station.files.rename = station.starts, station.files.rename, refuse
    assert station.start() == "a"
    assert station.starts == before + 1
    assert station.updating.status()["error"] != ""
    station.files.rename = put_back
    station.start()
    station.fetch(IMAGE)
    before, station.files.rename = station.starts, refuse
    assert station.start() == "a"
    assert station.starts == before + 1
