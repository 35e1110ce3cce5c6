"""State, settings and journal of one center together, cut at every flash operation with every kind of torn write.

After each cut everything that was recorded is sent again, word for word and as new commands for the same activations.
"""

from firmware.journal import SEGMENT, Journal
from firmware.settings import Settings
from protocol import codes
from tests.both.flash import TORN, Flash, Mounted, PowerCut, Ram, formatted, littlefs, on
from tests.both.vault import INCIDENTS, FlashBench

INDICATE = codes.ACTIVATE | codes.INDICATOR


class Cabinet(FlashBench):
    """A center with all that it writes: `logged` and `counted` are what flash had taken when its call returned.

    A fob's counter goes to flash before anything moves; the journal is flushed when the outputs have moved.
    """

    def __init__(self, flash, executed, boots, log):
        self.log = log
        FlashBench.__init__(self, flash, executed, boots)

    def boot(self, synchronise=True):
        self.settings = Settings("", self.medium, self.medium.open)
        assert self.settings.load({}) == []
        self.kept = Journal("", self.medium, self.medium.open)
        self.versions = pair(self.settings)
        FlashBench.boot(self, synchronise)

    def do(self, actions):
        moves = ("outputs",) in actions
        if moves:
            number = self.versions + 1
            self.settings.set("hold_ms", str(1000 + number))
            self.settings.fobs = [{"slot": 1, "counter": number}]
            assert self.settings.save()
            self.versions = self.log["settings"] = number
        FlashBench.do(self, actions)
        if moves:
            self.log["added"] += 1
            self.kept.add(self.log["added"], self.state.boot, codes.ACCEPTED, self.executed[-1] or 0)
            assert self.kept.flush()
            self.log["flushed"] = self.log["added"]
        return actions


def pair(settings):
    """The version of values and fobs; fails when two are mixed."""
    number = settings.get("hold_ms") - 1000
    if number == 500:
        assert settings.fobs == []
        return 0
    assert settings.fobs == [{"slot": 1, "counter": number}]
    return number


def lived():
    """A flash whose journal is about to change its segment, with a torn end."""
    flash = Flash()
    kept = Journal("", flash, flash.open)
    for number in range(1, SEGMENT):
        kept.add(number, 1, codes.ACCEPTED)
        assert number % 25 or kept.flush()
    assert kept.flush()
    flash.files["journal-a"] += b"\0\0\1"
    return flash.files


def new_log():
    return {"added": SEGMENT - 1, "flushed": SEGMENT - 1, "settings": 0}


def live(bench, frames):
    """Three activations, each command recorded on its way."""
    for incident in INCIDENTS:
        frames.append(bench.frame(incident=incident, action=INDICATE, duration=1))
        bench.do(bench.center.receive(frames[-1]))


def replay(bench, frames, executed):
    """What was recorded, as it was: nothing of it moves anything after a new start."""
    before = len(executed)
    for frame in frames:
        bench.do(bench.center.receive(frame))
        bench.do(bench.center.receive(frame, True))
    assert len(executed) == before
    assert bench.moved == []


def check(bench, executed, boots, log, before, why):
    """After a cut and a whole second life."""
    assert boots == sorted(set(boots)), (why, boots)
    for incident in INCIDENTS:
        assert executed.count(incident) <= 1, (why, executed)
        assert bench.state.executed(incident, 1), why
    # The settings are one version: the last that a save returned for, or the one that was being written.
    assert log["settings before"] <= before["settings"] <= log["settings before"] + 1, (why, before)
    numbers = before["journal"]
    assert numbers == sorted(set(numbers)), why
    assert numbers[-1] >= log["flushed before"], (why, numbers[-1])
    assert set(range(1, log["flushed before"] + 1)) <= set(numbers), why


def second_life(medium, frames, executed, boots, log):
    """The next start after a cut: what it finds, then everything again."""
    executed.append(None)
    log["settings before"], log["flushed before"] = log["settings"], log["flushed"]
    settings = Settings("", medium, medium.open)
    settings.load({})
    numbers = [record[0] for record in Journal("", medium, medium.open).last(999)]
    before = {"settings": pair(settings), "journal": numbers}
    log["added"] = numbers[-1]
    bench = Cabinet(medium, executed, boots, log)
    replay(bench, frames, executed)
    live(bench, [])
    return bench, before


def test_a_cut_at_every_operation_of_every_file():
    """No recorded command acts twice, and state, settings and journal are each whole; with every kind of torn write."""
    for torn in TORN:
        died, dies_at = True, 0
        while died:
            dies_at += 1
            flash = Flash(lived(), torn)
            flash.dies_at = dies_at
            executed, boots, frames, log = [], [], [], new_log()
            try:
                live(Cabinet(flash, executed, boots, log), frames)
                died = False
            except PowerCut:
                pass
            flash.dies_at = None
            bench, before = second_life(flash, frames, executed, boots, log)
            check(bench, executed, boots, log, before, dies_at)
        assert executed == list(INCIDENTS) + [None]
        assert dies_at > 28


def test_two_cuts_in_a_row():
    """The second one while the center recovers from the first, at every pair of a spread of operations."""
    for first in range(1, 40, 3):
        for second in range(1, 30, 4):
            flash = Flash(lived())
            executed, boots, frames, log = [], [], [], new_log()
            for dies_at in (first, second):
                flash.operations, flash.dies_at = 0, dies_at
                try:
                    log["added"] = Journal("", flash, flash.open).last(1)[0][0]
                    live(Cabinet(flash, executed, boots, log), frames)
                except PowerCut:
                    pass
                executed.append(None)
            flash.dies_at = None
            bench, before = second_life(flash, frames, executed, boots, log)
            check(bench, executed, boots, log, before, (first, second))


def test_littlefs_cut_at_every_block_operation_of_every_file():
    """The same on the real file system of a board (MicroPython only)."""
    if not littlefs():
        return
    begin = formatted(72)

    def put():
        for name, content in lived().items():
            with Mounted().open(name, "wb") as file:
                file.write(content)

    assert on(begin, put) is None
    dies_at, died = 0, True
    while died:
        device = Ram(begin.data, 72)
        device.left = dies_at
        executed, boots, frames, log, after = [], [], [], new_log(), []

        def cut():
            try:
                live(Cabinet(Mounted(), executed, boots, log), frames)  # noqa: B023
            except AssertionError:
                # Settings and journal say so, and raise nothing.
                raise OSError(5)

        def go_on():
            after.extend(second_life(Mounted(), frames, executed, boots, log))  # noqa: B023

        died = on(device, cut)
        assert on(Ram(device.data, 72), go_on) is None
        check(after[0], executed, boots, log, after[1], dies_at)
        dies_at += 1
    assert executed == list(INCIDENTS) + [None]
    assert dies_at > 60
