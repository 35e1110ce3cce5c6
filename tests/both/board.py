"""The board file on chips of both ports: what holds whatever the program above it does. The same tests for both boards."""
# MicroPython has no pathlib.
# ruff: noqa: PTH102, PTH106, PTH107, PTH123

import json
import os

from firmware.cadence import FAST, STEADY
from firmware.limit import LIMIT_MS, REST_MS
from firmware.score import entry
from protocol import codes
from tests.firmware.chip import PLATFORMS, Chip

ALL = codes.LOUD | codes.INDICATOR | codes.POWER
WIFI = {"wifi": {"ssid": "barrio", "key": "k"}}


class Bench:
    """A board that has just started on a chip of a port."""

    def __init__(self, platform, device=None, mv=None, cause=1):
        self.chip = Chip(platform, cause)
        self.chip.mv = list(mv or (3, 3, 3, 3, 0, 0, 0, 2200))
        self.file = self.chip.start()
        self.pins = {bit: number for bit, number in self.file.wiring.OUTPUTS}
        self.flash = "/tmp/sereno-board-%s/" % os.urandom(6).hex()
        os.mkdir(self.flash[:-1])
        try:
            if device is not None:
                with open(self.flash + "device.json", "w") as file:
                    file.write(json.dumps(device))
            self.board = self.file.Board(self.flash)
        finally:
            if device is not None:
                os.remove(self.flash + "device.json")
            os.rmdir(self.flash[:-1])

    def on(self):
        """The mask of outputs that are driven."""
        return sum([bit for bit in self.pins if self.chip.on(self.pins[bit])])

    def play(self, mask, lasting_ms=LIMIT_MS * 2, cadence=STEADY):
        """Every output of a mask, from now on."""
        bits = [bit for bit in self.pins if bit & mask]
        self.board.play(tuple([entry(bit, cadence, self.chip.ticks_ms(), lasting_ms) for bit in bits]))

    def alive(self, ms):
        """The program's loop for so long, 50 times a second."""
        for _ in range(ms // 20):
            self.chip.run(20)
            self.board.look()
            self.board.feed()


def benches(device=None, **how):
    """A board of each kind."""
    return [Bench(platform, device, **how) for platform in PLATFORMS]


def test_outputs_are_off_before_anything_else():
    """Loading the file drives all five outputs low, before any other thing is done to the chip."""
    for platform in PLATFORMS:
        chip = Chip(platform)
        for number in chip.levels:
            chip.levels[number] = 1
        wiring = chip.start().wiring
        assert chip.events == [("out", number, 0) for _, number in wiring.OUTPUTS]
        assert [chip.levels[number] for _, number in wiring.OUTPUTS] == [0] * 5


def test_the_score_is_played_by_the_interrupt_alone():
    """The program hands it over and stands still: on, off, on again, and off at its end."""
    for bench in benches():
        bench.play(codes.SIREN | codes.POWER, 1600, FAST)
        seen = []
        bench.chip.run(100)
        for _ in range(9):
            seen.append(bench.on())
            bench.chip.run(200)
        loud = codes.SIREN | codes.POWER
        assert seen == [loud, loud, 0, 0, loud, loud, 0, 0, 0], bench.board.kind


def test_each_output_has_its_own_pin():
    """One bit, one pin; and everything goes off at once when told."""
    for bench in benches():
        for bit in bench.pins:
            bench.play(bit)
            bench.chip.run(10)
            assert bench.on() == bit
        bench.play(ALL)
        bench.chip.run(10)
        assert bench.on() == ALL
        bench.board.outputs_off()
        assert bench.on() == 0
        bench.chip.run(100)
        assert bench.on() == 0


def test_a_frozen_program_cannot_hold_a_siren_on():
    """What is loud goes off at the limit with no program above, and a new score does not bring it back before a rest."""
    for bench in benches():
        bench.play(ALL)
        bench.chip.run(LIMIT_MS - 100)
        assert bench.on() == ALL
        bench.chip.run(200)
        assert bench.on() == codes.INDICATOR
        bench.play(ALL)
        bench.chip.run(1000)
        assert bench.on() == codes.INDICATOR


def test_the_second_interrupt_needs_nothing_of_the_first():
    """The one that plays has died: what is loud goes off all the same."""
    for bench in benches():
        bench.play(ALL)
        bench.alive(60)
        playing = [timer for timer in bench.chip.timers if timer.mode]
        assert len(playing) == 1
        bench.chip.timers.remove(playing[0])
        bench.chip.run(LIMIT_MS - 200)
        assert bench.on() == ALL
        bench.chip.run(200)
        assert bench.on() == codes.INDICATOR


def test_an_alarm_that_ended_does_not_cut_the_next():
    """The second interrupt still stands for the first alarm when the second begins, and the program is busy."""
    for bench in benches():
        bench.play(codes.SIREN, 60000)
        bench.alive(LIMIT_MS - 5000)
        bench.play(codes.SIREN, 100000)
        bench.chip.run(20000)
        assert bench.on() == codes.SIREN, bench.board.kind


def test_the_second_interrupt_ends_no_alarm_but_its_own():
    """It fires long after its alarm has ended, in silence: the next one sounds, whole."""
    for bench in benches():
        bench.play(codes.SIREN, 60000)
        bench.alive(LIMIT_MS + 5000)
        assert [timer for timer in bench.chip.timers if not timer.mode] == []
        bench.play(codes.SIREN, 100000)
        bench.alive(100)
        assert bench.on() == codes.SIREN
        bench.alive(99000)
        assert bench.on() == codes.SIREN


def test_the_second_interrupt_is_a_limit_of_its_own():
    """Where the first one's counting fails, a cadence is not taken up again after its next pause."""
    for bench in benches():
        bench.play(codes.SIREN, LIMIT_MS * 2, FAST)
        bench.chip.run(20)
        limit = bench.file._player.limit
        limit.allowed = lambda mask, ticks: mask
        bench.alive(LIMIT_MS + 400)
        seen = 0
        for _ in range(20):
            bench.alive(100)
            seen |= bench.on()
        assert seen == 0


def test_the_next_alarm_has_its_whole_time():
    """After a rest the limit counts anew, by both interrupts."""
    for bench in benches():
        bench.play(codes.SIREN, 30000)
        bench.alive(30000 + REST_MS + 100)
        bench.play(codes.SIREN)
        bench.alive(LIMIT_MS - 200)
        assert bench.on() == codes.SIREN
        bench.alive(400)
        assert bench.on() == 0


def test_a_long_call_of_c():
    """In a TLS handshake the Pico W plays on; the ESP32 holds still and is right at once afterwards: decision 0010."""
    for bench in benches():
        hard = bench.board.kind == "pico_w"
        bench.play(codes.SIREN, 1000)
        bench.chip.run(500)
        bench.chip.busy = True
        bench.chip.run(2000)
        assert bench.on() == (0 if hard else codes.SIREN)
        bench.chip.busy = False
        bench.chip.run(0)
        assert bench.on() == 0


def test_the_interrupts_are_hard_where_the_port_has_such():
    """Both timers and the receiver's pin; the other port refuses them."""
    for bench in benches():
        hard = bench.board.kind == "pico_w"
        bench.board.receive()
        bench.play(codes.SIREN)
        bench.alive(40)
        assert [timer.hard for timer in bench.chip.timers] == [hard, hard]
        assert [event[3] for event in bench.chip.events if event[0] == "irq"] == [hard]


def test_the_watchdog_is_fed_while_program_and_interrupt_live():
    """Neither a program that stands still nor one above a dead interrupt feeds it; the timeout is what the chip can do."""
    for bench in benches():
        fed = ("feed",)
        assert ("watchdog", 8000) in bench.chip.events
        bench.chip.run(10000)
        assert fed not in bench.chip.events
        bench.alive(1000)
        assert bench.chip.events.count(fed) == 50
        bench.chip.timers.remove(next(timer for timer in bench.chip.timers if timer.mode))
        bench.alive(10000)
        assert bench.chip.events.count(fed) == 50


def test_a_horn_swings_at_its_pitch_and_stops():
    """Set to pwm, the siren's pin swings at siren_hz while it is on; the limit stops it, and so does an end by error."""
    device = {"settings": {"siren": "pwm", "siren_hz": 2800}}
    for bench in benches(device):
        number = bench.pins[codes.SIREN]
        assert ("pwm", number, 2800) in bench.chip.events
        assert bench.chip.pwm[number] == 0
        bench.play(codes.SIREN | codes.STROBE)
        bench.chip.run(10)
        assert bench.chip.pwm[number] == 0x8000
        bench.chip.run(LIMIT_MS)
        assert bench.chip.pwm[number] == 0
        bench.board.outputs_off()
        bench.chip.run(REST_MS + 1000)
        bench.play(codes.SIREN)
        bench.chip.run(10)
        assert bench.on() == codes.SIREN
        bench.file.outputs_off()
        bench.chip.run(100)
        assert number not in bench.chip.pwm
        assert bench.on() == 0


def test_an_end_by_error_leaves_nothing_playing():
    """What firmware.main does when the program fails: off, and the interrupt brings nothing back."""
    for bench in benches():
        bench.play(ALL)
        bench.chip.run(10)
        bench.file.outputs_off()
        bench.chip.run(100)
        assert bench.on() == 0
        bench.play(ALL)
        bench.chip.run(10)
        bench.board.restart()
        assert bench.on() == 0
        assert bench.chip.events[-1] == ("reset",)


def test_a_factory_new_board_starts():
    """Without any file it looks, feeds and listens to its console; it joins no network."""
    for bench in benches():
        bench.alive(60000)
        assert ("feed",) in bench.chip.events
        assert not [event for event in bench.chip.events if event[0] == "join"]


def test_the_radio_is_joined_again():
    """Every 15 s while there is no link, and not while there is one; a port that says it is at it is left alone."""
    for bench in benches(WIFI):
        joined = ("join", "barrio")
        bench.alive(31000)
        assert bench.chip.events.count(joined) == 3
        bench.chip.joining = True
        bench.alive(30000)
        bench.chip.joining, bench.chip.connected = False, True
        bench.alive(30000)
        assert bench.chip.events.count(joined) == 3


def test_the_causes_of_a_start():
    """In the numbers of protocol.words.BOOT_CAUSES; what a chip cannot tell is unknown."""
    expected = {"rp2": {1: 1, 3: 2, 9: 0}, "esp32": {1: 1, 2: 3, 3: 2, 5: 3, 0: 0}}
    for platform in PLATFORMS:
        for reported in expected[platform]:
            bench = Bench(platform, cause=reported)
            assert bench.board.boot_cause() == expected[platform][reported]


def test_what_a_board_says_of_itself():
    """Kind and runtime, and no octet on the console ends the program."""
    kinds = [(bench.board.kind, bench.board.runtime()) for bench in benches()]
    assert kinds == [("pico_w", "MicroPython v1.29.0 on rp2"), ("esp32_s3", "MicroPython v1.29.0 on esp32")]
    assert [("interrupt octet", -1) in bench.chip.events for bench in benches()] == [True, True]
