"""What a center enforces, whatever it is told."""

from protocol import codes
from protocol.messages import ACK
from tests.both.bench import NOW, Bench


def test_a_command_sounds_and_is_answered():
    """Accepted at once, sounding when measured, stopped when measured off."""
    bench = Bench()
    assert bench.command() == codes.ACCEPTED
    assert bench.shown & codes.SIREN
    bench.tick()
    assert bench.last_status() == codes.SOUNDING
    for _ in range(1600):
        bench.tick()
    assert bench.shown == 0
    assert bench.last_status() == codes.STOPPED


def test_flash_knows_the_counter_before_an_output_moves():
    """The actions of a command begin with the write to flash."""
    bench = Bench()
    actions = bench.center.receive(bench.frame())
    names = [action[0] for action in actions]
    assert names.index("save") < names.index("outputs") < names.index("send")


def test_a_power_cut_after_the_write_never_sounds_twice():
    """The frame, and the pair issued anew after the reboot, move nothing more."""
    bench = Bench()
    frame = bench.frame()
    bench.do(bench.center.receive(frame))
    bench.boot()
    bench.moved = []
    bench.do(bench.center.receive(frame))
    assert bench.moved == []
    assert bench.command() == codes.ACCEPTED
    assert bench.moved == []


def test_an_exact_repeat_gets_the_same_octets_and_moves_nothing():
    """K3: a duplicate, never twice."""
    bench = Bench()
    frame = bench.frame()
    bench.do(bench.center.receive(frame))
    answer, moved = bench.said[-1], list(bench.moved)
    bench.do(bench.center.receive(frame))
    assert bench.said[-1] == answer
    assert bench.moved == moved


def test_refusals_carry_their_reason():
    """Sealed with the right key, and still not obeyed."""
    bench = Bench()
    cases = (
        ({"center": 43}, codes.WRONG_ADDRESSEE), ({"group": 8}, codes.WRONG_ADDRESSEE),
        ({"issued": NOW - 400, "ttl": 0xFFFF}, codes.STALE), ({"issued": NOW + 60}, codes.FUTURE),
        ({"action": 0x7F}, codes.UNKNOWN_ACTION), ({"action": codes.ACTIVATE}, codes.UNKNOWN_ACTION),
        ({"class_": codes.GENDER_VIOLENCE, "incident": 9}, codes.CLASS_SILENT), ({"class_": 99, "incident": 8}, codes.CLASS_SILENT),
        ({"authority": codes.DRILL, "incident": 7}, codes.DRILL_IS_SILENT),
    )  # fmt: skip
    for changes, status in cases:
        assert bench.command(**changes) == status, changes
    assert bench.moved == []


def test_a_retained_command_is_refused():
    """What a broker kept may be old: it moves nothing, and that is said."""
    bench = Bench()
    bench.do(bench.center.receive(bench.frame(), True))
    assert bench.last_status() == codes.RETAINED
    assert bench.moved == []


def test_a_forged_frame_is_met_with_silence():
    """Wrong tag, other boot, other authority's key: no answer at all."""
    bench = Bench()
    frame = bench.frame()
    before = len(bench.said)
    forged = [frame[:-1] + bytes([frame[-1] ^ 1]), frame[:20] + bytes([frame[20] ^ 1]) + frame[21:], frame[:-1], b""]
    bench.nonce = b"other bo"
    forged.append(bench.frame())
    for one in forged:
        bench.do(bench.center.receive(one))
    assert bench.moved == []
    assert len(bench.said) == before


def test_nothing_is_obeyed_before_the_time_is_known():
    """After a start, and until TIME came: not synchronised."""
    bench = Bench()
    bench.boot(False)
    assert bench.command() == codes.NOT_SYNCHRONISED
    assert bench.moved == []


def test_a_table_of_loud_classes_with_a_bad_tag_is_empty():
    """Flash that was tampered with makes nothing loud."""
    bench = Bench(loud_tag="00" * 16)
    assert bench.command() == codes.CLASS_SILENT
    assert bench.moved == []


def test_the_silent_indicator_of_a_silent_class_moves_alone():
    """Only what cannot be heard or seen from the street."""
    bench = Bench()
    assert bench.command(class_=3, action=codes.ACTIVATE | codes.INDICATOR) == codes.ACCEPTED
    assert bench.moved == [codes.INDICATOR]


def test_three_in_fifteen_minutes_and_no_more():
    """The budget is absolute, over all incidents, and survives a reboot."""
    bench = Bench()
    for incident in (1, 2, 3):
        assert bench.command(incident=incident, duration=1) == codes.ACCEPTED
    assert bench.command(incident=4) == codes.BUDGET_SPENT
    bench.boot()
    assert bench.command(incident=5) == codes.BUDGET_SPENT
    for _ in range(16 * 60):
        bench.tick(1000)
    assert bench.command(incident=6) == codes.ACCEPTED


def test_local_gets_two_of_three_and_central_keeps_one():
    """A stolen gateway cannot use central's activation up."""
    bench = Bench()
    for incident in (1, 2):
        assert bench.command(authority=codes.LOCAL, incident=incident, duration=1) == codes.ACCEPTED
        bench.tick(1500)
    assert bench.command(authority=codes.LOCAL, incident=3) == codes.BUDGET_SPENT
    assert bench.command(incident=4) == codes.ACCEPTED


def test_the_cap_holds_whatever_was_asked():
    """180 s at most, also when 65,535 were asked."""
    bench = Bench()
    bench.command(duration=0xFFFF, class_=1)
    for _ in range(179):
        bench.tick(1000)
    assert bench.shown & codes.SIREN
    bench.tick(1001)
    assert bench.shown == 0


def test_a_stop_silences_and_kills_older_counters():
    """What was issued before the stop and arrives after it must not sound."""
    bench = Bench()
    bench.command(incident=1)
    late = bench.frame(incident=2)
    assert bench.command(action=codes.STOP, incident=1) == codes.ACCEPTED
    assert bench.shown == 0
    bench.do(bench.center.receive(late))
    assert bench.last_status() == codes.TOO_OLD
    assert bench.shown == 0


def test_out_of_order_commands_are_each_executed_once():
    """Within the window the order does not matter."""
    bench = Bench()
    frames = [
        bench.frame(incident=number, action=codes.ACTIVATE | codes.INDICATOR, duration=1) for number in range(1, 6)
    ]
    for index in (3, 0, 4, 1, 2, 3, 0):
        bench.do(bench.center.receive(frames[index]))
    assert sorted(bench.state.pairs()) == [(number, 1) for number in range(1, 6)]


def test_an_old_stop_is_not_taken_for_done():
    """A stop whose counter left the window is refused, although its incident's activation was executed."""
    bench = Bench()
    bench.command(incident=1)
    stop = bench.frame(incident=1, action=codes.STOP)
    for number in range(2, 70):
        bench.command(incident=number, action=codes.PROBE)
    bench.do(bench.center.receive(stop))
    assert bench.last_status() == codes.TOO_OLD


def test_an_old_repeat_of_an_executed_activation_is_accepted_again():
    """Its counter left the window, its pair did not: central must not issue it anew."""
    bench = Bench()
    first = bench.frame(incident=1)
    bench.do(bench.center.receive(first))
    for number in range(2, 70):
        bench.command(incident=number, action=codes.PROBE)
    moved = list(bench.moved)
    bench.do(bench.center.receive(first))
    assert bench.last_status() == codes.ACCEPTED
    assert bench.moved == moved


def test_the_panic_button_sounds_without_any_link():
    """At once, within the local share, and told under both keys; central's command for the same incident moves nothing more."""
    bench = Bench()
    bench.boot(False)
    bench.do(bench.center.press(codes.PANIC))
    assert bench.shown & codes.SIREN
    acks = [ACK.peek(frame) for frame in bench.said[-2:]]
    assert [(ack.authority, ack.counter, ack.status) for ack in acks] == [(0, 0, codes.PANIC), (1, 0, codes.PANIC)]
    assert acks[0].incident >> 63 == 1
    assert acks[0].incident >> 32 & 0x7FFFFFFF == 42
    bench.sync(0)
    moved = list(bench.moved)
    assert bench.command(incident=acks[0].incident, activation=1) == codes.ACCEPTED
    assert bench.moved == moved


def test_time_that_comes_too_late_is_not_believed():
    """A TIME held back for more than 60 s, or of another request, sets no clock."""
    bench = Bench()
    bench.boot(False)
    held = []
    for action in bench.center.tick(0):
        held.append(action[1])
    bench.ticks += 61000
    from protocol.messages import HELLO, TIME, Time

    hello = HELLO.open(bench.identity.pairs[0].up, held[0])
    answer = TIME.seal(bench.identity.pairs[0].down, Time(0, 0, 42, NOW, 0, 0, hello.request), bench.nonce)
    assert bench.center.receive(answer) == []
    assert not bench.center.synchronised()


def test_a_siren_that_does_not_sound_is_reported():
    """Wanted on, measured off for 2 s: failed."""
    bench = Bench()
    bench.command()
    for _ in range(150):
        bench.ticks += 20
        bench.do(bench.center.tick(0))
    assert bench.last_status() == codes.FAILED


def test_ack_sequences_are_never_used_twice():
    """Also over power cuts at any moment: the reserve in flash is ahead of what was said."""
    bench = Bench()
    seen = set()
    for round_ in range(30):
        for number in range(round_ % 5 * 9):
            bench.command(action=codes.PROBE, incident=number)
            if bench.center.answers.reserve():
                bench.do([("save",)])
        bench.boot()
    for frame in bench.said:
        if len(frame) == ACK.size and ACK.peek(frame).counter:
            assert frame not in seen
            seen.add(ACK.peek(frame).sequence)
    assert len(seen) == len([frame for frame in bench.said if len(frame) == ACK.size])


def test_ticks_that_wrap_do_not_disturb():
    """A board's counter wraps after 12.4 days; an activation over the wrap ends in time."""
    bench = Bench()
    bench.ticks = (1 << 30) - 2000
    bench.boot()
    bench.command(duration=5)
    for _ in range(240):
        bench.tick()
    assert bench.shown & codes.SIREN
    for _ in range(30):
        bench.tick()
    assert bench.shown == 0
