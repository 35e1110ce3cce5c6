"""What a board senses, hears and is told, on chips of both ports: buttons, currents, sound and light, fobs, console, pulses."""

from firmware.edges import A_LOOK, WAITING
from firmware.meter import decibels
from firmware.score import entry
from protocol import codes
from tests.both.board import benches
from tests.both.radio import END, HOPPING, KEPT
from tests.both.transmitter import Random, frame

LONGEST_LINE = 1024
SOUND = {"settings": {"microphone": True}}
MOTION = {"settings": {"motion": True}}


def test_wires_that_lead_nowhere():
    """No button pressed, cabinet open, mains lost, nothing moves, no current; sound and light are not fitted."""
    for bench in benches():
        now = bench.board.look()
        assert now is bench.board.look()
        assert (now.panic, now.silent, now.tamper, now.mains, now.motion) == (False, False, True, False, False)
        assert (now.siren_ma, now.strobe_ma, now.floodlight_ma, now.indicator_ma) == (0, 0, 0, 0)
        assert (now.sound, now.light) == (None, None)
        assert 12520 <= now.battery_mv <= 12540


def test_contacts_are_seen():
    """Cabinet closed, mains there, something moves."""
    for bench in benches(MOTION):
        wiring = bench.file.wiring
        bench.chip.levels.update({wiring.CABINET: 0, wiring.MAINS: 1, wiring.MOTION: 1})
        now = bench.board.look()
        assert (now.tamper, now.mains, now.motion) == (False, True, True)


def test_what_is_not_fitted_moves_nothing():
    """A motion input without a detector is not looked at."""
    for bench in benches():
        bench.chip.levels[bench.file.wiring.MOTION] = 1
        assert bench.board.look().motion is False


def test_currents_are_those_of_each_output():
    """By its own shunt, less the amplifier's offset; noise is no current, and beyond the scale it is a short circuit."""
    for bench in benches():
        bench.chip.mv[0:4] = [483, 253, 258, 403]
        now = bench.board.look()
        currents = now.siren_ma, now.strobe_ma, now.floodlight_ma, now.indicator_ma
        for ma, expected in zip(currents, (1600, 250, 850, 20)):
            assert abs(ma - expected) <= expected // 50 + 2, (bench.board.kind, currents)
        assert now.measured() == codes.LOUD | codes.INDICATOR
        bench.chip.mv[0:4] = [8, 8, 2900, 8]
        now = bench.board.look()
        assert (now.siren_ma, now.strobe_ma, now.floodlight_ma, now.indicator_ma) == (0, 0, 20000, 0)


def test_a_stuck_driver_is_no_offset():
    """What already flows at the start is not taken for the amplifier's zero."""
    for bench in benches(mv=(3, 250, 3, 3, 0, 0, 0, 2200)):
        assert 240 <= bench.board.look().strobe_ma <= 250


def test_a_current_is_seen_at_the_next_look():
    """Also with a microphone that has to be looked at: a siren that stays silent must be told within 2 s."""
    for bench in benches(SOUND):
        for ma_mv in (483, 3, 483, 3):
            bench.chip.mv[0] = ma_mv
            assert (bench.board.look().siren_ma > 0) is (ma_mv > 3)


def test_sound_by_its_table():
    """Steps of 5 dB from the rectified voltage; never more than the last, never none where a microphone is fitted."""
    assert [decibels(mv) for mv in (0, 9, 10, 60, 100, 177, 180, 3000)] == [60, 60, 70, 85, 90, 90, 95, 109]
    for bench in benches(SOUND):
        assert bench.board.look().sound == 60
        bench.chip.mv[4] = 200
        now = bench.board.look()
        assert (now.sound, now.light) == (95, None)


def test_a_look_takes_no_memory():
    """Fifty of them a second would otherwise have the collector stop the loop."""
    for bench in benches(SOUND):
        bench.board.look()
        bench.chip.interrupt(lambda _, look=bench.board.look: look(), None)


def test_a_panic_hold_during_a_busy_moment_is_not_lost():
    """Held and let go while the loop was busy: the next look still sees it, long enough for the hold to count."""
    for bench in benches():
        for name in ("panic", "silent"):
            pin = getattr(bench.file.wiring, name.upper())
            bench.chip.levels[pin] = 0
            bench.chip.run(1600)
            bench.chip.levels[pin] = 1
            assert getattr(bench.board.look(), name) is True
            bench.chip.run(1540)
            assert getattr(bench.board.look(), name) is True
            bench.chip.run(600)
            assert getattr(bench.board.look(), name) is False


def test_how_long_a_button_is_held_can_be_set():
    """A second is no hold by default, and is one when the setting says so."""
    for bench in benches():
        for hold_ms, latched in ((1500, False), (900, True)):
            bench.board.hold(hold_ms)
            bench.chip.levels[bench.file.wiring.PANIC] = 0
            bench.chip.run(1000)
            bench.chip.levels[bench.file.wiring.PANIC] = 1
            assert bench.board.look().panic is latched
            bench.chip.run(3000)


def test_a_pulse_closes_the_supply_first():
    """POWER settles for 20 ms before the siren's relay closes; the current at its end is told, and all is off again."""
    for bench in benches():
        seen = []
        _wire(bench, codes.SIREN, 483, seen)
        assert 1590 <= bench.board.pulse(codes.POWER | codes.SIREN, 10) <= 1610
        assert bench.on() == 0
        times = {mask: sum([ms for at, ms in seen if at == mask]) for mask, _ in seen}
        assert times == {codes.POWER: 20, codes.POWER | codes.SIREN: 20}, times
        assert seen[0][0] == codes.POWER
        bench.chip.run(100)
        assert bench.on() == 0


def test_a_pulse_measures_its_own_output():
    """An open wire shows none, whatever flows elsewhere; POWER alone shows a siren's relay that stays closed."""
    for bench in benches():
        seen = []
        _wire(bench, codes.STROBE, 253, seen)
        assert bench.board.pulse(codes.FLOODLIGHT, 5) == 0
        assert 240 <= bench.board.pulse(codes.STROBE, 5) <= 250
        assert seen == [(codes.FLOODLIGHT, 5), (codes.STROBE, 5)]
        bench.chip.mv[0] = 483
        assert 1590 <= bench.board.pulse(codes.POWER, 10) <= 1610
        assert bench.on() == 0


def test_a_pulse_beside_the_indicator_but_never_in_an_alarm():
    """While something loud plays no pulse moves anything."""
    for bench in benches():
        bench.play(codes.INDICATOR)
        bench.chip.run(10)
        bench.chip.mv[1] = 253
        assert 240 <= bench.board.pulse(codes.STROBE, 5) <= 250
        assert bench.on() == codes.INDICATOR
        for loud in (codes.SIREN, codes.POWER, codes.STROBE):
            bench.board.play((entry(loud, (1000, 0), bench.chip.ticks_ms(), 0),))
            before = bench.chip.now_us
            assert bench.board.pulse(codes.FLOODLIGHT, 5) == 0
            assert bench.chip.now_us == before


def test_a_program_that_dies_in_a_pulse_leaves_nothing_on():
    """The interrupt ends it by itself, a moment after its time."""
    for bench in benches():

        def forever(ms, chip=bench.chip):
            chip.run(1000)

        bench.file.time.sleep_ms = forever
        bench.board.pulse(codes.POWER | codes.SIREN, 10)
        assert bench.on() == 0
        bench.board._drive(codes.SIREN, 10)
        assert bench.on() == 0


def test_fobs_are_heard():
    """Fixed and rolling codes through the pin's interrupt, each press once; without a receiver there are none."""
    for bench in benches():
        assert bench.board.codes() == ()
        bench.board.receive()
        for code in (KEPT, HOPPING):
            assert _heard(bench, frame(code, 400) * 4 + END) == [code]
            assert _heard(bench, [[1, 300], [0, 600000000]] + frame(code, 400) * 4 + END) == [code]


def test_noise_costs_no_more_than_so_much_at_a_look():
    """A receiver without squelch makes thousands of edges: a look takes out 96, what does not fit is lost, a fob is heard after it."""
    for bench in benches():
        bench.board.receive()
        edges = bench.board._edges
        random = Random(7)
        noise = [[at % 2, 20 + random.below(300)] for at in range(3000)]
        _air(bench, noise)
        assert (edges._in - edges._out) % WAITING == WAITING - 1
        bench.board.codes()
        assert (edges._in - edges._out) % WAITING == WAITING - 1 - A_LOOK
        for _ in range(WAITING // A_LOOK):
            bench.board.codes()
        assert _heard(bench, [[0, 9000]] + frame(KEPT, 350) * 6 + END) == [KEPT]


def test_lines_from_the_console():
    """One at a time, by any line end, never waiting for one; what is too long or no text is forgotten and said so."""
    for bench in benches():
        bench.chip.typed = b"status\r\n\r\nset name Plaza Espa\xc3\xb1a\nhel"
        assert [bench.board.typed() for _ in range(3)] == ["status", "set name Plaza Espa\u00f1a", None]
        bench.chip.typed = b"p\n" + b"x" * 3000 + b"\nhelp\n\xff\xfe\nidentify\n"
        typed = []
        for _ in range(40):
            typed += [line for line in (bench.board.typed(),) if line is not None]
            assert len(bench.board._line) <= LONGEST_LINE + 1
        assert typed == ["help", "help", "identify"]


def _wire(bench, bit, mv, seen):
    """Current flows while an output and, for the siren, its supply are on; `seen` collects (mask, ms) of each sleep."""

    def sleep_ms(ms):
        mask = bench.on()
        seen.append((mask, ms))
        path = bit | codes.POWER if bit == codes.SIREN else bit
        bench.chip.mv[codes.OUTPUTS.index(bit)] = mv if mask & path == path else 3
        bench.chip.run(ms)

    bench.file.time.sleep_ms = sleep_ms


def _air(bench, pulses):
    """What is on the air reaches the receiver's pin."""
    for level, us in pulses:
        bench.chip.now_us += us
        bench.chip.edge(bench.file.wiring.RECEIVER, 1 - level)


def _heard(bench, pulses):
    """The codes of what is on the air, with a look at every twenty edges."""
    told = []
    for at in range(0, len(pulses), 20):
        _air(bench, pulses[at : at + 20])
        told += bench.board.codes()
    return told
