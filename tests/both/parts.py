"""The small pure parts of the firmware."""

from firmware import cadence, packets
from firmware.activation import Activation
from firmware.budget import Budget, on_time_s
from firmware.clock import Clock
from firmware.inputs import Button
from firmware.score import levels
from firmware.state import State, unpack
from protocol import codes
from protocol.errors import Malformed


def played(outputs, class_code, since_ms):
    """The mask of an activation at a moment."""
    clock = Clock(lambda: 5000)
    return levels(tuple(Activation((0, 1, 1), class_code, outputs, 0, 180).entries(clock, False)), 5000 + since_ms)


def test_strobes_flash_between_one_and_two_hertz():
    """Never above 2 Hz, whatever the class."""
    for class_code in (0, 1, 2, 3, 4, 5, 16, 255):
        ons = 0
        before = False
        for ms in range(0, 20000, 50):
            now = bool(played(codes.STROBE, class_code, ms))
            ons += now and not before
            before = now
        assert 20 <= ons <= 40, class_code


def test_temporal_three_is_for_fire_alone():
    """Three pulses of half a second, then a second and a half of silence; no other class sounds so."""
    pulses = [bool(played(codes.SIREN, codes.FIRE, ms) & codes.SIREN) for ms in range(0, 4000, 250)]
    assert pulses == [True, True, False, False, True, True, False, False, True, True] + [False] * 6
    for class_code in (1, 2, 3, 4, 5, 99):
        for signal in (codes.BY_CLASS, codes.SHORT, codes.ALL_CLEAR, codes.TEST):
            temporal = class_code == codes.FIRE and signal == codes.BY_CLASS
            assert (cadence.cadence_of(codes.SIREN, class_code, signal) == cadence.TEMPORAL_3) == temporal


def test_only_asked_outputs_are_ever_on():
    """A cadence lights nothing that was not commanded."""
    for outputs in range(16):
        seen = 0
        for ms in range(0, 8000, 50):
            seen |= played(outputs, codes.FIRE, ms)
        assert seen & 0x0F == outputs
        assert bool(seen & codes.POWER) == bool(outputs & codes.SIREN)


def test_the_day_budget_is_eight_and_central_has_the_last():
    """Over 24 h, however they are spread."""
    budget = Budget()
    for hour in range(7):
        assert budget.allows(hour * 3600, codes.LOCAL)
        budget.spend(hour * 3600, codes.LOCAL)
    assert not budget.allows(8 * 3600, codes.LOCAL)
    assert budget.allows(8 * 3600, codes.CENTRAL)
    budget.spend(8 * 3600, codes.CENTRAL)
    assert not budget.allows(9 * 3600, codes.CENTRAL)
    assert budget.allows(24 * 3600, codes.CENTRAL)


def test_on_time_has_a_default_and_a_cap():
    """0 means 30 s, more than 180 means 180."""
    assert [on_time_s(asked) for asked in (0, 1, 180, 181, 0xFFFF)] == [30, 1, 180, 180, 180]


def test_a_button_must_be_held():
    """A bounce or a short press raises nothing; a held one raises once."""
    button = Button(1500)
    pressed = [(ms, (ms // 7) % 2 == 0) for ms in range(0, 100)]
    assert not any([button.update(level, ms) for ms, level in pressed])
    button = Button(1500)
    assert not any([button.update(ms < 1000, ms) for ms in range(0, 3000, 10)])
    button = Button(1500)
    assert sum([button.update(True, ms) for ms in range(0, 5000, 10)]) == 1


def test_a_wrapping_tick_makes_a_steady_clock():
    """Over the wrap the milliseconds rise, and the wall clock with them."""
    ticks = [(1 << 30) - 500]
    clock = Clock(lambda: ticks[0])
    clock.set(1800000000)
    ticks[0] = 500
    assert clock.ms() == 1000
    assert clock.now() == 1800000001


def test_a_state_survives_packing_and_damage_is_found():
    """Whole or refused."""
    state = State()
    state.boot = 7
    state.execute(1 << 63, 2)
    state.budget.spend(100, 1)
    state.events.append((9, codes.PANIC, 1 << 63, 55, 12600))
    state.windows[0].accept(5)
    state.fobs_spent.append((90, 32))
    state.resistances += [45, 70000]
    state.tested_s, state.failed_release = 80, 12
    again = unpack(state.pack())
    assert again.pack() == state.pack()
    assert (again.events, again.fobs_spent, again.resistances) == (state.events, [(90, 32)], [45, 0xFFFF])
    for cut in range(len(state.pack())):
        try:
            unpack(state.pack()[:cut])
        except Malformed:
            continue
        raise AssertionError("accepted when cut at %d" % cut)


def test_packets_are_those_of_the_standard():
    """CONNECT, SUBSCRIBE, PUBLISH of both versions, octet by octet."""
    assert packets.connect("C1", 4, 12, "w") == b"\x10\x14\x00\x04MQTT\x04\x0e\x00\x0c\x00\x02C1\x00\x01w\x00\x010"
    assert packets.connect("C1", 5, 12, "w") == (
        b"\x10\x16\x00\x04MQTT\x05\x0e\x00\x0c\x00\x00\x02C1\x00\x00\x01w\x00\x010"
    )
    assert packets.subscribe(1, "t", 4) == b"\x82\x06\x00\x01\x00\x01t\x01"
    assert packets.publish(2, "t", b"x" * 200, 4, False)[:7] == b"\x32\xcd\x01\x00\x01t\x00"
    assert packets.read_publish(0x33, b"\x00\x01t\x00\x05\x03\x02\x00\x01hi", 5) == ("t", b"hi", True, 5)


def test_a_damaged_publish_is_refused():
    """Cut anywhere in its head."""
    whole = b"\x00\x01t\x00\x05\x03\x02\x00\x01"
    for cut in range(len(whole)):
        try:
            packets.read_publish(0x32, whole[:cut], 5)
        except packets.PacketError:
            continue
        raise AssertionError("accepted when cut at %d" % cut)


def test_a_pair_is_known_by_itself_and_not_by_octets_of_two():
    """Also where the end of one and the beginning of the next look like it."""
    state = State()
    for number in range(130):
        state.execute(number << 8, number % 3)
    assert state.pairs() == [(number << 8, number % 3) for number in range(2, 130)]
    for incident, activation in state.pairs():
        assert state.executed(incident, activation)
        assert not state.executed(incident, 3)
    # The octets of two neighbours, shifted by one: a pair that nobody executed.
    state = State()
    state.execute(0x0102030405060708, 9)
    state.execute(0x0A0B0C0D0E0F1011, 1)
    assert not state.executed(0x0203040506070809, 0x0A)
    state.execute(0x0203040506070809, 0x0A)
    assert state.executed(0x0203040506070809, 0x0A)
    state.forget()
    assert not state.executed(0x0203040506070809, 0x0A)
