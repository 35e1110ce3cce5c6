"""What passes between the link and the Updater: who may offer, when it works, when it restarts. On both interpreters."""

from firmware.updating import ASK_AGAIN_MS, QUIET_MS, TRIAL_MS, Updating
from protocol import codes
from protocol.messages import FETCH
from protocol.release import BLOCK, OFFER
from tests.both.bench import Bench

MANIFEST = b"SRM\x01" + (6).to_bytes(4, "big") + bytes(76)


class Recorder:
    """An Updater that writes down what it is told."""

    def __init__(self):
        self.offers = []
        self.blocks = []
        self.steps = 0
        self.asks = None
        self.reason = None
        self.on_trial = self.ready = False
        self.stays = True
        self.failed_release = 0

    def offer(self, octets, now, free, alarm):
        self.offers.append((octets, now, free, alarm))
        return self.reason

    def block(self, sequence, offset, octets):
        self.blocks.append((sequence, offset, octets))

    def wanted(self):
        return self.asks

    def step(self):
        self.steps += 1
        return False

    def confirm(self):
        return self.stays

    def failed(self):
        return self.failed_release

    def status(self):
        return {"sequence": 6, "percent": 0, "state": "fetching", "last_error": ""}


class Nowhere:
    """A flash that holds nothing, and the board around it."""

    flash = "/nowhere/"
    kind = "unix"

    def __init__(self):
        self.logged = []

    def remove(self, path):
        raise OSError(2)

    def free(self):
        return 777

    def log(self, text):
        self.logged.append(text)


class Table(Bench):
    """A center that takes releases; `sent` and `noted` are what Updating says."""

    def __init__(self, release_key=bytes(32)):
        Bench.__init__(self)
        self.identity.release_key = release_key
        self.board, self.updater, self.sent, self.noted = Nowhere(), Recorder(), [], []
        self.updating = Updating(
            self.board, self.board, self.identity, self.center, self.clock, self.sent.append, self.noted.append
        )
        if release_key:
            self.updating._updater = self.updater

    def boot_center(self, synchronise):
        """A start of the center under the same Updating."""
        self.boot(synchronise)
        self.updating._center, self.updating._clock = self.center, self.clock

    def offer(self, authority=0, key=0, epoch=0, center=42, nonce=None):
        """Hear an offer; whether the Updater was asked."""
        frame = OFFER.seal(
            self.identity.pairs[key].down, (authority, epoch, center), MANIFEST, nonce or self.nonce
        )  # fmt: skip
        before = len(self.updater.offers)
        self.updating.receive(frame)
        return len(self.updater.offers) > before

    def block(self, authority=0, key=0, epoch=0, center=42, nonce=None):
        """Hear a block; whether the Updater was given it."""
        head = (authority, epoch, center, 6, 512)
        frame = BLOCK.seal(self.identity.pairs[key].down, head, b"x" * 512, nonce or self.nonce)
        before = len(self.updater.blocks)
        self.updating.receive(frame)
        return len(self.updater.blocks) > before

    def turn(self, passed_ms=20, linked=True, healthy=True):
        """Time passes; whether the board shall restart."""
        self.tick(passed_ms)
        return self.updating.tick(linked, healthy)


FOREIGN = ({"authority": 1, "key": 1}, {"key": 1}, {"key": 2}, {"authority": 1}, {"authority": 2}, {"epoch": 1}, {"center": 43},
           {"nonce": bytes(8)})  # fmt: skip


def test_only_central_offers_and_fills_a_flash():
    """Under its key, for this center, epoch and boot; nobody else's frame reaches the Updater, and none with a changed bit."""
    table = Table()
    for changes in FOREIGN:
        assert not table.offer(**changes), changes
        assert not table.block(**changes), changes
    key = table.identity.pairs[0].down
    for frame in (
        OFFER.seal(key, (0, 0, 42), MANIFEST, table.nonce), BLOCK.seal(key, (0, 0, 42, 6, 0), b"x", table.nonce),
    ):  # fmt: skip
        for at in range(1, len(frame)):
            table.updating.receive(frame[:at] + bytes([frame[at] ^ 4]) + frame[at + 1 :])
        table.updating.receive(frame[:-1])
    assert (table.updater.offers, table.updater.blocks) == ([], [])
    assert table.offer() and table.block()
    assert table.updater.offers == [(MANIFEST, table.clock.now(), 777, False)]
    assert table.updater.blocks == [(6, 512, b"x" * 512)]


def test_without_a_release_key_nothing_is_looked_at():
    """A center that was enrolled without one takes no program from anybody."""
    table = Table(b"")
    assert not table.offer()
    assert not table.block()
    assert table.updating.status() is None
    assert table.updating._updater is None
    assert not table.turn()


def test_nothing_is_written_while_an_alarm_runs():
    """Blocks are not taken, nothing is asked for or worked at, and the Updater is told why an offer comes amiss."""
    table = Table()
    table.command(incident=1, duration=30)
    table.updater.asks = (6, 0)
    assert not table.block()
    assert table.offer()
    assert table.updater.offers[-1][3] is True
    table.updater.ready = True
    assert not table.turn()
    assert (table.sent, table.updater.steps) == ([], 0)
    table.command(action=codes.STOP)
    assert table.block()
    table.turn()
    assert len(table.sent) == 1


def test_a_restart_waits_a_minute_after_an_alarm():
    """It may come again; without one there is nothing to wait for."""
    table = Table()
    assert not table.turn()
    table.updater.ready = True
    assert table.turn()
    table.command(incident=1, duration=30)
    assert not table.turn()
    table.command(action=codes.STOP)
    assert not table.turn(QUIET_MS - 1)
    assert table.turn(1)


def test_a_block_is_asked_for_over_a_link_and_again_after_five_seconds():
    """Sealed as this center's; a new wish is said at once."""
    table = Table()
    table.updater.asks = (6, 512)
    assert not table.turn(linked=False)
    assert table.sent == []
    table.turn()
    table.turn(ASK_AGAIN_MS - 1)
    assert len(table.sent) == 1
    fetch = FETCH.open(table.identity.pairs[0].up, table.sent[0])
    assert tuple(fetch) == (0, 0, 42, 6, 512)
    table.turn(1)
    assert len(table.sent) == 2
    table.updater.asks = (6, 1024)
    table.turn()
    assert FETCH.peek(table.sent[2]).offset == 1024


def test_a_trial_is_confirmed_by_link_health_and_central():
    """Each of the three, and the flash; then it is told, once."""
    table = Table()
    table.updater.on_trial = True
    table.boot_center(False)
    table.sync(codes.LOCAL)
    for linked, healthy, synchronised, stays in (
        (True, True, False, True), (False, True, True, True), (True, False, True, True), (True, True, True, False),
    ):  # fmt: skip
        if synchronised:
            table.sync(codes.CENTRAL)
        table.updater.stays = stays
        assert not table.turn(linked=linked, healthy=healthy)
        assert table.noted == []
        assert table.updating.working
    table.updater.stays = True
    assert not table.turn()
    assert table.noted == [codes.UPDATED]
    assert not table.updating.working


def test_a_trial_that_does_not_get_there_starts_anew():
    """After a quarter of an hour, not before, and not in an alarm."""
    table = Table()
    table.updater.on_trial, table.updater.stays = True, False
    at = table.clock.ms()
    assert not table.turn(TRIAL_MS - 1 - at)
    table.command(incident=1, duration=30)
    assert not table.turn(10)
    table.command(action=codes.STOP)
    assert table.turn()


def test_a_release_that_failed_is_told_once():
    """Also over restarts: the state in flash knows that it was."""
    table = Table()
    table.updater.failed_release = 6
    for _ in range(3):
        table.turn()
    assert table.noted == [codes.UPDATE_FAILED]
    assert table.state.failed_release == 6
    table.updater.failed_release = 0
    table.turn()
    assert table.noted == [codes.UPDATE_FAILED]


def test_a_refusal_names_the_release():
    """For the report and the log; a later offer that is taken ends it."""
    table = Table()
    table.updater.reason = "expired"
    table.offer()
    assert table.updating.status()["error"] == "expired: 6"
    assert table.board.logged == ["update refused: expired: 6"]
    table.updater.reason = None
    table.offer()
    assert table.updating.status()["error"] == ""
