"""The simulated fobs, heard by the firmware's own receiver and believed by its own rules; the cipher as published."""

from __future__ import annotations

import random

import pytest

from firmware import fobs, radio
from simulator import fob

MAKER = 0x0123456789ABCDEF
SERIAL = 0xEE2B949


def told(receiver: radio.Receiver, pulses: list[fob.Pulse]) -> list[fob.Code]:
    """What the firmware's receiver makes of them."""
    codes = (receiver.edge(level, us) for level, us in pulses)
    return [code for code in codes if code is not None]


def test_the_cipher_gives_what_was_published() -> None:
    """Both ways, the vectors of the reference implementation and the key derivation of li0ard's keeloq."""
    key = 0x5CEC6701B79FD949
    for plain, cipher in ((0xF741E2DB, 0xE44F4CDF), (0x0CA69B92, 0xA6AC0EA2)):
        assert fob.encrypt(plain, key) == cipher
        assert fob.decrypt(cipher, key) == plain
    assert fob.decrypt(0xC2BE08B0, fob.fob_key(MAKER, SERIAL)) == 0x11490006


def test_the_firmware_and_the_simulator_agree_on_the_cipher() -> None:
    """They share no code."""
    some = random.Random(7)
    for _ in range(50):
        block, key, serial = some.getrandbits(32), some.getrandbits(64), some.getrandbits(28)
        assert fobs.decrypt(fob.encrypt(block, key), f"{key:016x}") == block
        assert fobs.fob_key(f"{key:016x}", serial) == f"{fob.fob_key(key, serial):016x}"


def test_a_frame_lasts_as_long_as_its_maker_says() -> None:
    """EV1527: 128 T. HCS301: 23 TE of preamble, 10 of header, 96 and 102 of code, 39 of guard time: 270 TE."""
    assert sum(us for _, us in fob.pulses_of((fob.FIXED, 0xA5C3F1), 350)) == 128 * 350
    frame = fob.pulses_of((fob.ROLLING, (SERIAL, 1, 0xE44F4CDF)), 400)
    assert sum(us for _, us in frame) == 270 * 400
    assert sum(us for _, us in frame[:23]) == 23 * 400
    assert frame[23] == (0, 4000)
    # Of the hopping code's lowest bits (1111) each is a short high.
    assert frame[24:32] == [(1, 400), (0, 800)] * 4


def test_levels_alternate_over_a_whole_press() -> None:
    """As they do on a pin."""
    for kind in (fob.FIXED, fob.ROLLING):
        pulses = fob.Fob(kind, 0x12345, MAKER).press(2)
        assert [level for level, _ in pulses] == [(at + 1) % 2 for at in range(len(pulses))]


@pytest.mark.parametrize("kind", [fob.FIXED, fob.ROLLING])
@pytest.mark.parametrize("frames", [2, 3, 40])
def test_a_press_is_heard_once(kind: int, frames: int) -> None:
    """Held short or long; a single whole frame is not enough."""
    # The last frame of a fixed fob is no whole one: no other one starts after it.
    frames += kind == fob.FIXED
    few = fob.Fob(kind, 0x12345, MAKER, counter=5).press(2, frames=1 + (kind == fob.FIXED))
    assert told(radio.Receiver(), few) == []
    heard = told(radio.Receiver(), fob.Fob(kind, 0x12345, MAKER, counter=5).press(2, frames=frames))
    assert heard == [fob.Fob(kind, 0x12345, MAKER, counter=5).code(2)]


def test_the_counter_goes_on_with_each_press_and_turns() -> None:
    """A fixed fob has none."""
    device = fob.Fob(fob.ROLLING, SERIAL, MAKER, counter=0xFFFF)
    first, second = device.code(1), device.code(1)
    assert first != second
    assert device.counter == 1
    simple = fob.Fob(fob.FIXED, 0x12345)
    assert simple.code(1) == simple.code(1) == (fob.FIXED, 0x123451)


def test_a_fob_is_paired_and_pressed() -> None:
    """From its levels to a press that is believed, and its recording to nothing."""
    device = fob.Fob(fob.ROLLING, SERIAL, fob.fob_key(MAKER, SERIAL), counter=41)
    known = fobs.Fobs([])
    gap = [(0, 2_000_000)]
    receiver = radio.Receiver()
    [code] = told(receiver, device.press(1))
    assert known.pair(code, maker_key=f"{MAKER:016x}") == (1, "")
    pressed = device.press(1)
    [code] = told(receiver, gap + pressed)
    assert known.heard(code, 0) == fobs.Press(1, "panic", "rolling", True, "")
    [code] = told(receiver, gap + pressed)
    assert known.heard(code, 0) is None
