"""The receiver: codes are told once for each press, and nothing else ever is. On both interpreters."""

from firmware.radio import ABSENT_US, FIXED, ROLLING, TWICE_US, Receiver
from tests.both.transmitter import Random, frame, play

KEPT = (FIXED, 0xA5C3F1)
HOPPING = (ROLLING, (0x5A31C7E, 4, 0xE44F4CDF))
CODES = (KEPT, HOPPING)
T_US = {FIXED: (200, 350, 600), ROLLING: (130, 260, 400, 660)}
# A press ends: what starts a frame of a fixed code, the last one whole, and the receiver's noise.
END = [[1, 400], [0, 12400], [1, 40]]


def silence(us):
    """Nothing on the air for `us`, after the high that ends a frame of a fixed code."""
    return [[1, 300], [0, us]]


def test_a_code_is_told_when_its_second_frame_is_whole():
    """Of either kind, at every pulse length of its makers, whatever its bits are."""
    random = Random(1)
    for kind in (FIXED, ROLLING):
        for t_us in T_US[kind]:
            for value in (0, 0xFFFFFF, 0xAAAAAA, random.below(65536) << 8 | random.below(256)):
                if kind == ROLLING:
                    value = (value << 4 | 9, value & 15, value << 8 | 0x5A)
                code = (kind, value)
                one = frame(code, t_us)
                receiver = Receiver()
                assert play(receiver, one + END) == []
                receiver = Receiver()
                assert play(receiver, one + one + END) == [code], (code, t_us)


def test_frames_far_apart_are_not_two_in_a_row():
    """Nor are two with another one between them."""
    for code in CODES:
        one = frame(code, 260)
        assert play(Receiver(), one + silence(TWICE_US) + one + END) == []
        late = one[:-1] + [[0, one[-1][1] + 1000000]]
        assert play(Receiver(), late + late + END) == []
        # All three are on the air within the time.
        assert play(Receiver(), one + frame((FIXED, 7), 200) + silence(9000) + one + END) == []
        assert play(Receiver(), one + silence(30000) + one + END) == [code]


def test_a_held_button_is_one_press():
    """Half a minute of frames, and frames that come and go, are told once; after an absence it is a new press."""
    for code in CODES:
        one = frame(code, 400)
        receiver = Receiver()
        assert play(receiver, one * 300) == [code]
        assert play(receiver, silence(ABSENT_US - 300000) + one + silence(1000000) + one * 3 + END) == []
        assert play(receiver, silence(ABSENT_US) + one * 3) == [code]
        # One silence that lasted minutes is one long level.
        assert play(receiver, silence(600000000) + one * 3) == [code]


def test_two_fobs_at_a_time_are_one_press_each():
    """Each is told once, however their frames alternate."""
    receiver = Receiver()
    told = play(receiver, (frame(KEPT, 350) * 3 + frame(HOPPING, 400) * 3) * 10)
    assert told == [KEPT, HOPPING]


def test_the_repetition_bit_is_no_part_of_the_code():
    """A rolling fob sends its first frame with it clear, the others with it set; so with its battery bit."""
    assert play(Receiver(), frame(HOPPING, 400, 0) + frame(HOPPING, 400, 2) + END) == [HOPPING]
    assert play(Receiver(), frame(HOPPING, 400, 3) + frame(HOPPING, 400, 1) + END) == [HOPPING]


def test_the_clock_turns_without_a_press_lost_or_told_twice():
    """A button held over the turn of the clock, one pressed again later, and single frames on both sides of it."""
    one = frame(KEPT, 350)
    for before_s in range(526, 540):
        receiver = Receiver()
        assert play(receiver, [[0, 1000000]] * before_s + one * 200) == [KEPT]
        for later_s in (2, 8, 300, 1100):
            assert play(receiver, [[0, 1000000]] * later_s + one * 3) == [KEPT]
        receiver = Receiver()
        assert play(receiver, [[0, 1000000]] * before_s + one + [[1, 300]] + [[0, 1000000]] * 15 + one + END) == []


def test_what_was_told_is_forgotten():
    """A thousand codes one after the other leave no more behind than were told within the absence."""
    receiver = Receiver()
    for value in range(1000):
        assert play(receiver, frame((FIXED, value), 200) * 2 + END) == [(FIXED, value)]
    assert len(receiver._held) < 40


def test_a_length_that_is_none_does_not_move_the_clock_back():
    """Nor does a huge one make it a large integer for ever."""
    receiver = Receiver()
    assert play(receiver, frame(KEPT, 350) * 3) == [KEPT]
    assert play(receiver, [[0, -10000000]] + silence(ABSENT_US) + frame(KEPT, 350) * 3) == [KEPT]
    assert play(receiver, [[0, 1 << 70], [1, 100]]) == []
    assert receiver._now_us < 1 << 30


def test_jitter_of_a_fifth_decodes():
    """Each level for itself up to 20 % longer or shorter, at every pulse length."""
    random = Random(2)
    for code in CODES:
        for t_us in T_US[code[0]]:
            for _ in range(40):
                edges = [[level, us * (80 + random.below(41)) // 100] for level, us in frame(code, t_us) * 2]
                assert play(Receiver(), edges + END) == [code], t_us


def test_a_length_that_is_spoiled_spoils_the_frame():
    """Any single level, in both frames alike: longer or shorter than its tolerance, nothing is told.

    Of the preamble of a rolling frame only the last high counts: a receiver takes time to find its gain.
    """
    for code in CODES:
        first = 0 if code[0] == FIXED else 22
        one = frame(code, 400)
        last = len(one) - (code[0] == ROLLING)
        for at in range(first, last):
            for percent in (20, 50, 62, 140, 170, 300, 700):
                if at == 154 and percent < 100:
                    continue  # The last high of a rolling frame is a status bit: half of it is the other status.
                spoiled = [list(edge) for edge in one]
                spoiled[at][1] = spoiled[at][1] * percent // 100
                assert play(Receiver(), spoiled * 2 + END) == [], (code, at, percent)


def test_a_frame_with_a_level_lost_is_none():
    """The ring of the interrupt may overflow: whatever is missing, nothing is told."""
    for code in CODES:
        first = 1 if code[0] == FIXED else 23
        one = frame(code, 400)
        for at in range(first, len(one) - 1):
            assert play(Receiver(), (one[:at] + one[at + 1 :]) * 2 + END) == [], at
            assert play(Receiver(), (one[:at] + one[at + 2 :]) * 2 + END) == [], at
            swapped = one[:at] + [[1 - one[at][0], one[at][1]]] + one[at + 1 :]
            assert play(Receiver(), swapped * 2 + END) == [], at


def test_pulses_of_other_devices_are_none():
    """Too fast, too slow, a bit more or less than a frame has, no guard time after it."""
    for t_us in (100, 160, 720, 1000):
        assert play(Receiver(), frame(KEPT, t_us) * 3 + END) == []
    for t_us in (60, 100, 800, 1200):
        assert play(Receiver(), frame(HOPPING, t_us) * 3 + END) == []
    one = frame(HOPPING, 400)
    longer = one[:-1] + [[0, 400], [1, 800], [0, 16000]]
    assert play(Receiver(), longer * 3 + END) == []
    assert play(Receiver(), (one[:-1] + [[0, 400]]) * 3 + END) == []
    for code in CODES:
        one = frame(code, 400)
        assert play(Receiver(), (one[:26] + one[24:]) * 3 + END) == []
        assert play(Receiver(), (one[:26] + one[28:]) * 3 + END) == []


def test_noise_gives_no_code():
    """200,000 levels of noise, of three sorts: any length, lengths that codes are made of, and nonsense; none is told."""
    random = Random(3)
    receiver = Receiver()
    of_codes = (350, 1050, 350, 1050, 700, 400, 800, 10850, 4000, 12400)
    nonsense = (0, -1, -70000, 65535, 65536, 1 << 31, 1 << 70, True)
    for number in range(200000):
        sort = number // 5000 % 3
        if sort == 0:
            us = random.below(2000) if random.below(8) else random.below(40000)
        elif sort == 1:
            us = of_codes[random.below(10)] * (80 + random.below(41)) // 100
        else:
            us = nonsense[random.below(8)] if random.below(4) == 0 else random.below(3000)
        level = random.below(2) if sort == 2 else number & 1
        assert receiver.edge(level, us) is None
    # It is none the worse for it.
    assert play(receiver, silence(20000) + frame(KEPT, 350) * 2 + END) == [KEPT]
    assert play(receiver, frame(HOPPING, 400) * 2 + END) == [HOPPING]


def test_a_code_out_of_the_midst_of_noise():
    """A press begins in noise, and noise ends it; what noise spoils is made good by the next frames."""
    random = Random(4)
    for code in CODES:
        for _ in range(20):
            receiver = Receiver()
            noise = [[at & 1, 30 + random.below(900)] for at in range(1, 301)]
            assert play(receiver, noise + frame(code, 400) * 4 + noise) == [code]


def test_noise_takes_no_memory():
    """On a board each level is looked at without an allocation, within a frame too."""
    try:
        import gc

        allocated = gc.mem_alloc
    except AttributeError:
        return  # CPython counts no octets.
    receiver = Receiver()
    edges = frame(KEPT, 350)[:-1]
    lengths = (300, 5000, 900, 41, 700)
    gc.collect()
    gc.disable()
    before = allocated()
    number = 0
    while number < 1000:
        receiver.edge(number & 1, lengths[number % 5])
        number += 1
    for edge in edges:
        receiver.edge(edge[0], edge[1])
    taken = allocated() - before
    gc.enable()
    # The loop's own iterator and the two readings.
    assert taken < 200, taken
