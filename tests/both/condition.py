"""What supervision tells of supply, cabinet, battery and drivers, its verdict and its description, in virtual time."""

import json

from firmware.battery import CUT_SHORT
from firmware.supervision import FAILED, FULL, PARTIAL, Supervision
from protocol import codes, words
from protocol.codes import INDICATOR, SIREN
from tests.both.supervision import ALARM, NOMINAL, OF, Street


def test_mains_is_told_late_and_only_when_it_lasts():
    """After 120 s and up to as long again by the device's jitter; back after ten steady seconds, if the loss was told."""
    for jitter, due_s in ((0, 120), (128, 180), (255, 240)):
        street = Street(jitter=jitter)
        assert street.run(due_s - 1, mains=False) + street.run(600, mains=True) == []
        assert street.run(due_s + 10, mains=False) == [codes.MAINS_LOST]
        assert due_s * 1000 <= street.when(codes.MAINS_LOST) <= due_s * 1000 + 1000
        assert street.one.verdict() == PARTIAL
        for _ in range(5):
            assert street.run(9.9, mains=True) + street.run(1, mains=False) == []
        assert street.run(20, mains=True) == [codes.MAINS_BACK]
        assert 10000 <= street.when(codes.MAINS_BACK) <= 10100
        assert street.one.verdict() == FULL
    street = Street({"mains_defer_s": 0})
    assert street.run(1.9, mains=False) + street.run(60, mains=True) == []
    assert street.run(5, mains=False) == [codes.MAINS_LOST]
    street = Street()
    told = [street.run(5, mains=bool(second % 2)) for second in range(60)]
    assert [one for one in told if one] == [[codes.MAINS_LOST]]  # short returns are none
    street.run(20, mains=True)
    street.one.configure({"mains_defer_s": 10})
    assert street.run(11, mains=False) == [codes.MAINS_LOST]


def test_mains_in_an_alarm_is_for_the_whole_of_the_last_one():
    """A blink in it counts, one before or after it does not."""
    street = Street()
    during = [street.one.mains_during_alarm]
    for mains in (
        (False, True, True, False),
        (True, True, False, True),
        (True, False, True, True),
        (True, True, True, True),
    ):
        street.run(5, mains=mains[0])
        street.run(5, ALARM, True, mains=mains[1])
        street.run(1, ALARM, True, mains=mains[2])
        street.run(5, ALARM, True, mains=True)
        street.run(5, mains=mains[3])
        during.append(street.one.mains_during_alarm)
    assert during == [None, True, False, False, True]


def test_tamper_and_motion_last_before_they_are_told():
    """The cabinet two seconds either way, also one that is open at the start; motion at most once in five minutes."""
    street = Street()
    assert street.run(1.9, tamper=True) + street.run(5, tamper=False) == []
    assert street.run(60, tamper=True) == [codes.TAMPER]
    assert 2000 <= street.when(codes.TAMPER) <= 5000 and street.one.verdict() == PARTIAL
    assert street.run(1.9, tamper=False) + street.run(5, tamper=True) == []
    assert street.run(60, tamper=False) == [codes.TAMPER_CLEARED]
    assert 2000 <= street.when(codes.TAMPER_CLEARED) <= 5000 and street.one.verdict() == FULL
    assert street.run(0.18, motion=True) + street.run(5, motion=False) == []
    told = []
    for _ in range(44):
        told += street.run(5, motion=True) + street.run(10, motion=False)
    assert told == [codes.MOTION] * 3
    assert street.one.motions == 44


def test_battery_and_charger_are_told_when_they_change():
    """Low and back within five seconds, a charger that does not charge; wear and flatness show in the verdict."""
    street = Street()
    assert street.run(60, battery_mv=11500) + street.run(60, battery_mv=11499) == [codes.BATTERY_LOW]
    assert street.when(codes.BATTERY_LOW) <= 5000 and street.one.verdict() == PARTIAL
    assert street.run(60, battery_mv=11999) + street.run(60, battery_mv=12000) == [codes.BATTERY_BACK]
    assert street.when(codes.BATTERY_BACK) <= 5000 and street.one.verdict() == FULL
    assert street.run(1900) == [codes.CHARGER_FAULT] and street.one.verdict() == PARTIAL
    street.run(60, battery_mv=13700)
    assert street.one.verdict() == FULL
    street.run(5, ALARM, True, battery_mv=10400)
    assert (street.one.battery.flat, street.one.verdict()) == (True, PARTIAL)
    street.run(5, ALARM, True, mains=False)
    assert street.one.verdict() == FAILED
    street.run(60, mains=True, battery_mv=12500)
    assert (street.one.battery.low, street.one.verdict()) == (False, PARTIAL)
    street.run(1, mains=False)
    assert street.one.verdict() == FAILED
    street.run(30, mains=True, battery_mv=13700)
    assert street.one.history_changed and street.one.battery.history == [(12900 - 10400) * 1000 // 5500]
    assert street.one.verdict() == FULL
    street.one.battery.history[:] = [300] * 3
    assert street.one.verdict() == PARTIAL


def test_a_driver_that_turns_bad_in_an_alarm_is_told_within_a_second():
    """Each output, open and short; a siren that cannot sound is a center that failed."""
    for bit, name in OF.items():
        for ma in (0, NOMINAL[bit] * 3):
            street = Street()
            assert street.run(5, ALARM | INDICATOR, True) == []
            assert street.run(5, ALARM | INDICATOR, True, **{name: ma}) == [codes.DRIVER_FAULT]
            assert street.when(codes.DRIVER_FAULT) <= 1000
            assert street.one.verdict() == (FAILED if bit == SIREN else PARTIAL)
            assert street.run(5, ALARM | INDICATOR, True) == [codes.DRIVER_BACK]
            assert street.one.verdict() == FULL


def test_the_description_is_small_and_every_datum_has_its_age():
    """Its largest is under 700 octets as JSON, and ages are seconds."""
    assert Supervision({}, []).describe(0) is None
    street = Street()
    street.run(60, battery_mv=13700)
    street.run(30, ALARM | INDICATOR, True, mains=False, battery_mv=11500)
    street.run(60, motion=True, battery_mv=13000, light=12)
    told = street.one.describe(street.now_ms + 5000)
    assert (told["verdict"], told["age_s"], told["sound"], told["light"]) == (FULL, 5, 40, 12)
    assert told["battery"] == {
        "mv": 13000, "idle_mv": 13000, "idle_age_s": 5, "load_mv": 11500, "load_age_s": 94, "mohm": 253, "worn": False,
        "low": False, "flat": False, "hours": 87, "charger": "absent",
        "tested": [None, None],
    }  # fmt: skip
    assert told["drivers"]["siren"] == ["ok", 2000, 65, "activation"]
    assert told["mains"] == {"now": False, "lost_s": 94, "during_alarm": False}
    assert (told["heard"], told["motion"], told["tamper"]) == ([True, 65], [1, 64], False)
    street.readings.sound = street.readings.light = -100000
    street.one.load_test.result, street.one.load_test.result_ms = CUT_SHORT, 0
    assert len(json.dumps(street.one.describe(10 * 365 * 86400 * 1000))) < 700
    assert json.loads(json.dumps(told)) == told


def test_whatever_happens_every_event_alternates_and_is_known():
    """A seeded history: what is lost comes back before it is lost again, and ages, sizes and verdicts hold."""
    pairs = (
        (codes.MAINS_LOST, codes.MAINS_BACK), (codes.BATTERY_LOW, codes.BATTERY_BACK),
        (codes.TAMPER, codes.TAMPER_CLEARED),
    )  # fmt: skip
    street = Street({"mains_defer_s": 3, "siren_db": 80, "heard_db": 70}, step_ms=60)
    seed, now = 99, {}
    for _ in range(1500):
        seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
        told = street.run(
            (seed >> 8) % 40 / 10, (seed >> 12) & 0x1F if seed & 0x800 else 0, bool(seed & 0x800),
            mains=bool(seed & 0x10000), tamper=bool(seed & 0x20000), motion=bool(seed & 0x40000),
            siren_ma=(seed >> 5) % 4 * 700, strobe_ma=(seed >> 7) % 3 * 300, sound=(seed >> 9) % 100,
            battery_mv=10000 + (seed >> 15) % 4000,
        )  # fmt: skip
        for event in told:
            assert codes.event(event) and event in words.STATUS_NAMES
            for begun, over in pairs:
                if event in (begun, over):
                    assert now.get(begun, False) == (event == over), hex(event)
                    now[begun] = event == begun
        assert street.one.verdict() in (FULL, PARTIAL, FAILED)
        assert len(json.dumps(street.one.describe(street.now_ms))) < 700
    assert len(now) == 3
