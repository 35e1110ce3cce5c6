"""Each check of a command by itself: what is refused when all the rest is well, and what a refusal costs. On both interpreters."""

from firmware.identity import Identity
from protocol import codes
from protocol.messages import ACK, CONFIRM, TIME, Confirm, Time
from tests.both.bench import NOW, Bench, device

INDICATE = codes.ACTIVATE | codes.INDICATOR
SAVE = ("save",)


def names(actions):
    """What is to be done, in order."""
    return [action[0] for action in actions]


def test_a_command_of_another_key_epoch_is_met_with_silence():
    """Though it is sealed well; its counter is not used up."""
    bench = Bench()
    assert bench.command(epoch=1) is None
    assert bench.command(counter=1) == codes.ACCEPTED


def test_an_authority_that_does_not_exist_is_met_with_silence():
    """The fourth of two bits: command, time and confirm, whoever made them."""
    bench = Bench()
    key = bench.identity.pairs[0].down
    time, confirm = Time(3, 0, 42, NOW, 0, 0, 1), Confirm(3, 0, 42, 1)
    frames = [bench.frame(), TIME.seal(key, time, bench.nonce), CONFIRM.seal(key, confirm, bench.nonce)]
    for frame in frames:
        assert bench.center.receive(bytes([frame[0] | 3]) + frame[1:]) == []
    assert bench.moved == []


def test_without_a_clock_nothing_is_obeyed():
    """A drill's time sets none, although a drill is then synchronised."""
    bench = Bench()
    bench.boot(False)
    bench.sync(codes.DRILL)
    assert bench.center.synchronised(codes.DRILL)
    assert bench.clock.now() is None
    assert bench.command(authority=codes.DRILL, action=INDICATE) == codes.NOT_SYNCHRONISED


def test_a_command_lives_for_as_long_as_its_sender_says():
    """To the second, never beyond five minutes, and not from more than half a minute ahead."""
    for ttl, age_s, status in (
        (10, 10, codes.ACCEPTED), (10, 11, codes.STALE), (300, 300, codes.ACCEPTED), (300, 301, codes.STALE),
        (0xFFFF, 300, codes.ACCEPTED), (0xFFFF, 301, codes.STALE), (0, 0, codes.ACCEPTED), (0, 1, codes.STALE),
        (60, -30, codes.ACCEPTED), (60, -31, codes.FUTURE),
    ):  # fmt: skip
        assert Bench().command(action=codes.PROBE, issued=NOW - age_s, ttl=ttl) == status, (ttl, age_s)


def test_each_of_the_three_loud_outputs_is_loud_by_itself():
    """A strobe or a floodlight wakes a street too: not for a silent class, not in a drill, and not without end."""
    for output in (codes.SIREN, codes.STROBE, codes.FLOODLIGHT):
        bench = Bench()
        action = codes.ACTIVATE | codes.INDICATOR | output
        assert bench.command(action=action, class_=codes.GENDER_VIOLENCE) == codes.CLASS_SILENT
        assert bench.command(action=action, authority=codes.DRILL) == codes.DRILL_IS_SILENT
        assert bench.moved == []
        for incident in (2, 3, 4):
            assert bench.command(action=action, incident=incident) == codes.ACCEPTED
        assert bench.command(action=action, incident=5) == codes.BUDGET_SPENT


def test_a_table_without_its_tag_makes_nothing_loud():
    """Also where the tag is missing or empty; with it the table is what it says, and no class more."""
    whole = device()
    assert Identity(whole).loud == {1, 2, 4, 5}
    for changes in ({"loud_tag": None}, {"loud_tag": ""}, {"loud": [1, 2, 3, 4, 5]}, {"loud": [1]}, {"center": 43}):
        assert Identity(dict(whole, **changes)).loud == set(), changes
    del whole["loud_tag"]
    assert Identity(whole).loud == set()


def test_a_counter_is_in_flash_before_a_word_is_said_of_it():
    """Whatever becomes of the command: obeyed, refused, or known already."""
    bench = Bench()
    for incident in (1, 2, 3):
        bench.command(incident=incident, duration=1)
    for changes in (
        {"action": codes.PROBE}, {"incident": 3}, {"incident": 4}, {"incident": 5, "class_": codes.GENDER_VIOLENCE},
        {"incident": 6, "authority": codes.DRILL}, {"incident": 7, "action": INDICATE}, {"action": codes.STOP},
        {"action": codes.ERASE},
    ):  # fmt: skip
        actions = bench.center.receive(bench.frame(**changes))
        assert names(actions)[0] == "save", changes
        assert "outputs" not in names(actions)[: names(actions).index("save")]


def test_a_stop_is_known_after_a_power_cut():
    """What was issued before it stays dead, under the same keys and a new boot."""
    bench = Bench()
    bench.command(counter=20, incident=1)
    bench.command(counter=30, action=codes.STOP)
    bench.boot()
    assert bench.command(counter=29, incident=2) == codes.TOO_OLD
    assert bench.command(counter=31, incident=2) == codes.ACCEPTED


def test_a_failed_flash_gives_back_only_what_the_command_took():
    """One that was silent or refused took no activation, and leaves the others theirs."""
    for changes in ({"action": INDICATE}, {"class_": codes.GENDER_VIOLENCE}, {"action": codes.PROBE}):
        bench = Bench()
        bench.command(incident=1)
        bench.center.receive(bench.frame(incident=2, **changes))
        bench.do(bench.center.unsaved())
        assert bench.last_status() == codes.FAILED
        assert len(bench.state.budget.spent) == 1, changes
        assert bench.state.executed(1, 1), changes
        assert not bench.state.executed(2, 1), changes
        assert bench.center.wanted() & codes.SIREN


def test_a_failed_flash_undoes_nothing_but_the_newest_frame():
    """A time or noise came since: the siren that flash knows of goes on."""
    bench = Bench()
    bench.command(incident=1)
    bench.center.receive(b"")
    assert bench.center.unsaved() == []
    assert bench.center.wanted() & codes.SIREN
    assert bench.state.executed(1, 1)


def test_a_failed_flash_is_told_once():
    """The same command is not undone twice."""
    bench = Bench()
    bench.command(incident=1)
    bench.center.receive(bench.frame(incident=2))
    bench.do(bench.center.unsaved())
    assert bench.center.unsaved() == []
    assert len(bench.state.budget.spent) == 1


def test_the_own_button_is_bound_by_the_table_too():
    """A panic class that is not loud here: told, saved, and nothing moves."""
    bench = Bench(loud=(2,))
    actions = bench.center.press(codes.PANIC)
    assert names(actions) == ["save", "send", "send"]
    assert ACK.peek(actions[1][1]).status == codes.PANIC
    bench.do(actions)
    assert bench.moved == []


def test_the_own_button_shares_the_gateways_part():
    """Two presses sound, the third is only told; then the gateway has nothing left, and central has."""
    bench = Bench()
    for _ in range(2):
        bench.do(bench.center.press(codes.PANIC))
        assert bench.shown & codes.SIREN
        bench.command(action=codes.STOP)
    bench.do(bench.center.press(codes.PANIC))
    assert bench.shown == 0
    assert bench.last_status() == codes.PANIC
    assert bench.command(authority=codes.LOCAL, incident=3) == codes.BUDGET_SPENT
    assert bench.command(incident=4) == codes.ACCEPTED


def test_news_is_in_flash_before_it_is_told():
    """A power cut behind the first word loses nobody's press."""
    bench = Bench()
    for actions in (bench.center.note(codes.TAMPER), bench.center.press(codes.SILENT_PANIC)):
        assert actions[0] == SAVE
