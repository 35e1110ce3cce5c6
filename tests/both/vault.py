"""Power cuts at every flash operation: what was acted on before is known afterwards, and replaying everything moves nothing."""

from firmware.state import unpack
from firmware.vault import Vault
from protocol import codes
from tests.both.bench import Bench
from tests.both.flash import Flash, Mounted, PowerCut, Ram, formatted, littlefs, on
from tests.both.readers import error_of

INCIDENTS = (11, 12, 13)


class FlashBench(Bench):
    """A center whose state goes through the real vault onto a flash that may die."""

    def __init__(self, flash, executed=None, boots=None):
        self.medium = flash
        self.executed = [] if executed is None else executed
        self.boots = [] if boots is None else boots
        Bench.__init__(self)

    def boot(self, synchronise=True):
        self.vault = Vault("", self.medium, self.medium.open)
        self.flash = self.vault.load(0).pack()
        Bench.boot(self, False)
        self.vault.save(self.state)
        self.boots.append(self.state.boot)
        if synchronise:
            for authority in codes.AUTHORITIES:
                self.sync(authority)

    def do(self, actions):
        for action in actions:
            if action == ("save",):
                self.vault.save(self.state)
            elif action == ("outputs",):
                active = self.center.running.active
                if active and active.order[2] not in self.executed[-1:]:
                    self.executed.append(active.order[2])
                self.show()
            else:
                self.said.append(action[1])
        return actions


def life(flash):
    """Sync, two activations of the indicator, a stop, one more."""
    bench = FlashBench(flash)
    frames = []
    for incident in (11, 12):
        frames.append(bench.frame(incident=incident, action=codes.ACTIVATE | codes.INDICATOR, duration=1))
        bench.do(bench.center.receive(frames[-1]))
    frames.append(bench.frame(incident=12, action=codes.STOP))
    bench.do(bench.center.receive(frames[-1]))
    frames.append(bench.frame(incident=13, action=codes.ACTIVATE | codes.INDICATOR, duration=1))
    bench.do(bench.center.receive(frames[-1]))
    return bench


def test_a_cut_at_every_operation_and_replay_after_each():
    """No pair is executed twice, no sequence of boots goes backwards, whatever operation the power went at."""
    whole = Flash()
    life(whole)
    assert whole.operations > 12
    for dies_at in range(1, whole.operations + 1):
        flash = Flash()
        flash.dies_at = dies_at
        executed, boots = [], []
        try:
            bench = FlashBench(flash, executed, boots)
            for incident in INCIDENTS:
                bench.command(incident=incident, action=codes.ACTIVATE | codes.INDICATOR, duration=1)
        except PowerCut:
            pass
        flash.dies_at = None
        executed.append(None)
        after = FlashBench(flash, executed, boots)
        for incident in INCIDENTS:
            after.command(incident=incident, action=codes.ACTIVATE | codes.INDICATOR, duration=1)
        assert boots == sorted(set(boots)), (dies_at, boots)
        for incident in INCIDENTS:
            assert executed.count(incident) <= 1, (dies_at, executed)
        # Nothing is lost either: what had not been executed before the cut is executed after it, or was written as executed.
        for incident in INCIDENTS:
            assert after.state.executed(incident, 1)


def test_a_damaged_newest_slot_falls_back_to_the_one_before():
    """Worn flash: one slot rots, the other still holds the state before."""
    flash = Flash()
    bench = FlashBench(flash)
    bench.command(incident=5, action=codes.ACTIVATE | codes.INDICATOR)
    slots = sorted([name for name in flash.files if name.startswith("state-")])
    assert len(slots) == 2
    for name in slots:
        content = flash.files[name]
        flash.files[name] = content[:40] + b"\xff" + content[41:]
        state = Vault("", flash, flash.open).load(0)
        assert state.boot >= 1
        flash.files[name] = content


def test_a_state_is_read_as_often_as_one_likes():
    """Each time the newest, and a save after it is the newest of all."""
    flash = Flash()
    boot = FlashBench(flash).state.boot
    vault = Vault("", flash, flash.open)
    for _ in range(3):
        state = vault.load(0)
        assert state.boot == boot
    state.boot += 1
    vault.save(state)
    assert vault.load(0).boot == boot + 1
    assert Vault("", flash, flash.open).load(0).boot == boot + 1


def test_after_each_start_the_older_file_is_written_over():
    """So that the newest two states are there, and a rotten newest one costs no more than one save."""
    flash = Flash()
    for boot in range(1, 8):
        vault = Vault("", flash, flash.open)
        state = vault.load(0)
        state.boot = boot
        vault.save(state)
        alone = [Flash({name: octets}) for name, octets in flash.files.items()]
        kept = sorted([Vault("", one, one.open).load(0).boot for one in alone])
        assert kept == ([boot - 1, boot] if boot > 1 else [1])


def test_only_a_state_of_this_layout_is_one():
    """Another version, or octets behind its end, is nothing that this program wrote."""
    octets = FlashBench(Flash()).state.pack()
    for other in (bytes([octets[0] - 1]) + octets[1:], bytes([octets[0] + 1]) + octets[1:], octets + b"\x00"):
        assert error_of(unpack, other) == "Malformed"
    assert error_of(unpack, octets) is None


def test_a_new_device_starts_empty():
    """No state at all: boot count 0, nothing executed."""
    state = Vault("", Flash(), Flash().open).load(0)
    assert state.boot == 0
    assert state.pairs() == []


def test_littlefs_cut_at_every_block_operation():
    """The real littlefs of a board on a block device that dies at operation n, with torn writes (MicroPython only)."""
    if not littlefs():
        return
    import os

    dies_at, died = 0, True
    while died:
        device = formatted()
        written = [0]

        def life():
            vault = Vault("/flash/", os)
            state = vault.load(0)
            device.left = dies_at  # noqa: B023
            for boot in range(1, 6):
                state.boot = boot
                state.execute(boot, 1)
                vault.save(state)
                written[0] = boot  # noqa: B023

        died = on(device, life)
        # What the power cut left; nothing that the interpreter still holds reaches it.
        found = []
        assert on(Ram(device.data), lambda: found.append(Vault("/flash/", os).load(0))) is None  # noqa: B023
        # Everything that a save returned for is there; at most the one that was cut is there as well.
        assert written[0] <= found[0].boot <= written[0] + 1, (dies_at, written, found[0].boot)
        assert [pair[0] for pair in found[0].pairs()] == list(range(1, found[0].boot + 1))
        dies_at += 1
    assert dies_at > 30


def test_a_center_on_littlefs_acts_once_wherever_the_power_goes():
    """The whole of it on the real file system: cut at every block operation, everything sent again, nothing acted on twice."""
    if not littlefs():
        return
    dies_at, died = 0, True
    while died:
        device = formatted()
        device.left = dies_at
        executed, boots, benches = [], [], []

        def life():
            benches.append(FlashBench(Mounted(), executed, boots))  # noqa: B023
            for incident in INCIDENTS:
                benches[-1].command(incident=incident, action=codes.ACTIVATE | codes.INDICATOR, duration=1)  # noqa: B023

        died = on(device, life)
        executed.append(None)
        assert on(Ram(device.data), life) is None
        assert boots == sorted(set(boots)), (dies_at, boots)
        for incident in INCIDENTS:
            assert executed.count(incident) <= 1, (dies_at, executed)
            assert benches[-1].state.executed(incident, 1)
        dies_at += 1
    assert dies_at > 30


def test_littlefs_hides_nothing_after_a_rename_was_halved():
    """A cut rename between two parts of a long folder hides the file that follows: it is found all the same at the start."""
    if not littlefs():
        return
    import os

    begin = formatted()

    def put():
        for name in ["device-before-it", "device.json"] + ["file%02d" % number for number in range(20)]:
            with open("/flash/" + name, "wb") as file:  # noqa: PTH123
                file.write(b'{"center":42}')

    assert on(begin, put) is None
    dies_at, died, hidden = 0, True, 0
    while died:
        device = Ram(begin.data)
        device.left = dies_at
        died = on(device, lambda: os.rename("/flash/device-before-it", "/flash/file19"))  # noqa: PTH104
        plain, found = [], []
        assert on(Ram(device.data), lambda: plain.extend(os.listdir("/flash"))) is None  # noqa: B023, PTH208
        assert on(Ram(device.data), lambda: found.append(Vault("/flash/", os).device())) is None  # noqa: B023
        assert found == [{"center": 42}], dies_at
        hidden += "device.json" not in plain
        dies_at += 1
    # Else the file system has been mended, and what is done against it can go.
    assert hidden
