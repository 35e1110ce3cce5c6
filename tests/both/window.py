"""The replay window gives the verdicts of protocol.json, also when it goes through flash after every step."""

from protocol import replay
from protocol.replay import NEW, Window
from tests.both.readers import VECTORS, error_of, octets


def _steps(through_flash):
    for script in VECTORS["windows"]:
        window = Window()
        for at, (what, counter, expected) in enumerate(script["steps"]):
            if what == "floor":
                window.raise_floor(counter)
            else:
                verdict = window.verdict(counter)
                assert verdict == expected, (script["name"], at, counter, verdict)
                if verdict == NEW:
                    window.accept(counter)
            if through_flash:
                window = replay.unpack(window.pack())
        assert window.pack() == octets(script["packed"]), script["name"]


def test_verdicts():
    """New once, then a repeat; old where it cannot be told."""
    _steps(False)


def test_verdicts_through_flash():
    """Sixteen octets are the whole state."""
    _steps(True)


def test_asking_changes_nothing():
    """A verdict is not yet a use."""
    window = Window()
    for counter in (1, 5, 100, 5, 1):
        assert window.verdict(counter) == NEW
    assert window.pack() == bytes(16)


def test_damaged_flash_is_refused():
    """Another length is not a window."""
    for size in (0, 15, 17):
        assert error_of(replay.unpack, bytes(size)) == "Malformed"
