"""What runs side by side in a center, and what a failing flash, a held answer or new keys change. On both interpreters."""

from firmware import almanac
from firmware.vault import Vault
from protocol import codes
from protocol.messages import ACK, HELLO, TIME, Time
from tests.both.bench import NOW, Bench

INDICATE = codes.ACTIVATE | codes.INDICATOR


def sounding():
    """A bench with a siren that has just been switched on."""
    bench = Bench()
    assert bench.command(incident=1, duration=60) == codes.ACCEPTED
    bench.tick()
    return bench


def test_a_silent_alert_does_not_cut_a_siren_short():
    """Both are on; the end of one is not the end of the other."""
    bench = sounding()
    assert bench.command(incident=2, class_=3, action=INDICATE, duration=1) == codes.ACCEPTED
    assert bench.shown & codes.SIREN
    assert bench.shown & codes.INDICATOR
    for _ in range(100):
        bench.tick()
    assert bench.shown & codes.SIREN
    assert not bench.shown & codes.INDICATOR


def test_a_siren_does_not_put_a_silent_alert_out():
    """The other way round."""
    bench = Bench()
    bench.command(incident=2, class_=3, action=INDICATE, duration=60)
    bench.command(incident=1, duration=1)
    for _ in range(100):
        bench.tick()
    assert bench.shown == codes.INDICATOR


def test_a_drill_touches_nothing_real():
    """Neither what it starts nor what it stops; its own indicator it stops."""
    bench = sounding()
    assert bench.command(authority=codes.DRILL, incident=2, action=INDICATE, duration=60) == codes.ACCEPTED
    assert bench.shown & codes.SIREN
    assert bench.command(authority=codes.DRILL, incident=2, action=codes.STOP) == codes.ACCEPTED
    assert bench.shown & codes.SIREN
    assert not bench.shown & codes.INDICATOR


def test_a_stop_from_central_stops_all_of_it():
    """Whatever incident, whichever slot; and each of them is told."""
    bench = sounding()
    bench.command(incident=2, class_=3, action=INDICATE, duration=60)
    bench.command(authority=codes.DRILL, incident=3, action=INDICATE, duration=60)
    said = len(bench.said)
    bench.command(action=codes.STOP, incident=1)
    assert bench.shown == 0
    for _ in range(20):
        bench.tick()
    stopped = [ACK.peek(frame) for frame in bench.said[said:] if len(frame) == ACK.size]
    assert len([one for one in stopped if one.status == codes.STOPPED]) == 4


def test_a_refused_command_never_passes_for_an_obeyed_one():
    """Its refusal is no longer remembered, and its frame comes again: not accepted."""
    bench = Bench()
    silent = bench.frame(incident=9, class_=codes.GENDER_VIOLENCE)
    bench.do(bench.center.receive(silent))
    assert bench.last_status() == codes.CLASS_SILENT
    for number in range(40):
        bench.command(incident=number + 20, action=codes.PROBE)
    bench.do(bench.center.receive(silent))
    assert bench.last_status() == codes.TOO_OLD


def test_what_the_flash_did_not_take_does_not_begin():
    """It is told as failed, costs no activation, and the same alert may be sent anew; the siren before it goes on."""
    bench = sounding()
    bench.center.receive(bench.frame(incident=2))
    spent = len(bench.state.budget.spent)
    bench.do(bench.center.unsaved())
    assert bench.last_status() == codes.FAILED
    assert bench.center.running.active.order[2] == 1
    assert len(bench.state.budget.spent) == spent - 1
    moved = len(bench.moved)
    assert bench.command(incident=2) == codes.ACCEPTED
    assert bench.center.running.active.order[2] == 2
    assert len(bench.moved) >= moved


def test_a_stop_stops_also_when_the_flash_does_not_take_it():
    """Silence needs no memory."""
    bench = sounding()
    bench.center.receive(bench.frame(incident=1, action=codes.STOP))
    bench.do(bench.center.unsaved())
    assert bench.shown == 0


def test_a_time_serves_once():
    """The same answer, held back by somebody and said again, does not set the clock back."""
    bench = Bench()
    bench.boot(False)
    hello = HELLO.open(bench.identity.pairs[0].up, bench.center.tick(0)[0][1])
    answer = TIME.seal(bench.identity.pairs[0].down, Time(0, 0, 42, NOW, 0, 0, hello.request), bench.nonce)
    bench.center.receive(answer)
    assert bench.center.synchronised()
    now = bench.clock.now()
    bench.ticks += 50000
    bench.center.receive(answer)
    assert bench.clock.now() == now + 50
    assert bench.clock.now() == NOW + 50


def test_the_gateway_cannot_synchronise_central():
    """Its own time sets the clock, and still nothing sealed as central is obeyed before central's time came."""
    bench = Bench()
    bench.boot(False)
    bench.sync(codes.LOCAL)
    assert bench.command() == codes.NOT_SYNCHRONISED
    assert bench.moved == []
    assert bench.command(authority=codes.LOCAL) == codes.ACCEPTED


def test_one_rotten_octet_in_flash_is_noticed():
    """Wherever it is in the newest slot: the state before is taken, never a state that nobody wrote."""
    files = {}
    bench = Bench()
    vault = Vault("", Renames(files), Renames(files).open)
    vault.load(0)
    vault.save(bench.state)
    bench.state.boot += 1000
    vault.save(bench.state)
    newest = next(name for name in files if Vault("", None, Renames({name: files[name]}).open).load(0).boot > 1000)
    whole = files[newest]
    for at in range(len(whole)):
        files[newest] = whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]
        assert Vault("", Renames(files), Renames(files).open).load(0).boot == bench.state.boot - 1000, at


def test_new_keys_begin_new_counters_and_nothing_else():
    """The boot count goes on, for central believes no lower one; so do the budget and what was executed."""
    bench = Bench()
    bench.command(incident=1)
    files = {}
    vault = Vault("", Renames(files), Renames(files).open)
    vault.load(0)
    vault.save(bench.state)
    state = Vault("", Renames(files), Renames(files).open).load(1)
    assert (state.epoch, state.boot) == (1, bench.state.boot)
    assert state.executed(1, 1)
    assert state.budget.spent == bench.state.budget.spent
    assert state.windows[0].top == 0


def test_the_silent_button_moves_nothing_and_is_kept():
    """An incident of its own under both keys; other news carries none."""
    bench = Bench()
    bench.do(bench.center.press(codes.SILENT_PANIC))
    acks = [ACK.peek(frame) for frame in bench.said[-2:]]
    assert [ack.status for ack in acks] == [codes.SILENT_PANIC] * 2
    assert acks[0].incident == 1 << 63 | 42 << 32 | acks[0].sequence
    assert bench.moved == []
    bench.do(bench.center.note(codes.TAMPER))
    assert ACK.peek(bench.said[-1]).incident == 0
    assert len(bench.center.connected()) == 4


def test_a_board_without_a_battery_starts_from_what_it_knows():
    """Not from 2021; and when a certificate begins later still, a month further each time, never beyond reach."""
    assert almanac.guess((5, 1700000000), 0) == 1700000000
    assert almanac.guess((0, 1700000000), 2) == 1700000000 + 60 * 86400
    assert max([almanac.guess((0,), behind) for behind in range(200)]) < almanac.REACH_S
    early = "\nThe certificate validity starts in the future\n"
    assert almanac.only_early(early)
    assert not almanac.only_early(early + "The certificate is not correctly signed by the trusted CA\n")
    assert not almanac.only_early("[Errno 104] ECONNRESET")
    assert almanac.begins(b"") == 0
    assert almanac.begins(b"\x30\x03\x02\x01\x01") == 0


class Renames:
    """Files in memory, shared by name."""

    def __init__(self, files):
        self.files = files

    def rename(self, old, new):
        self.files[new] = self.files.pop(old)

    def open(self, path, mode="r"):
        if "w" not in mode and path not in self.files:
            raise OSError(2)
        return Kept(self.files, path)


class Kept:
    def __init__(self, files, path):
        self.files = files
        self.path = path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def read(self):
        return self.files[self.path]

    def write(self, octets):
        self.files[self.path] = octets
