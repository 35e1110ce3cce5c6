"""A center on a bench for tests on both interpreters: central's side of it, a clock one turns by hand, no hardware."""

from firmware.center import Center
from firmware.clock import Clock
from firmware.identity import Identity
from firmware.state import State, unpack
from protocol import codes
from protocol.hmac import Mac
from protocol.keys import vault_key
from protocol.layout import kind_of
from protocol.messages import ACK, COMMAND, HELLO, KIND_ACK, TIME, Command, Time

ROOT = bytes(range(32))
NOW = 1800000000
LOUD = (1, 2, 4, 5)


def device(loud=LOUD, loud_tag=None):
    """What enrolment writes."""
    tag = Mac(vault_key(ROOT, 42)).tag(b"sereno/1 loud\0" + bytes(loud)).hex()
    return {"center": 42, "group": 7, "epoch": 0, "root": ROOT.hex(), "loud": list(loud), "loud_tag": loud_tag or tag}


class Bench:
    """One center; `flash` is what survives a power cut, `said` what it sent, `moved` the masks that were shown."""

    def __init__(self, loud=LOUD, loud_tag=None):
        self.ticks = 1000
        self.flash = State().pack()
        self.said = []
        self.moved = []
        self.saves = 0
        self.identity = Identity(device(loud, loud_tag))
        self.nonce = b"\0" * 8
        self.counter = {0: 0, 1: 0, 2: 0}
        self.boot()

    def boot(self, synchronise=True):
        """Power on: a new nonce, the state from flash."""
        state = unpack(self.flash)
        state.boot += 1
        self.nonce = state.boot.to_bytes(8, "big")
        self.clock = Clock(lambda: self.ticks % (1 << 30))
        self.center = Center(self.identity, state, self.clock, self.nonce, 1)
        self.state = state
        self.shown = 0
        self.flash = state.pack()
        if synchronise:
            for authority in codes.AUTHORITIES:
                self.sync(authority)

    def do(self, actions):
        """Carry actions out as the app does, in order."""
        for action in actions:
            if action == ("save",):
                self.state.lifetime_s = self.center.lifetime_s()
                self.flash = self.state.pack()
                self.saves += 1
            elif action == ("outputs",):
                self.show()
            else:
                self.said.append(action[1])
        return actions

    def show(self):
        """The outputs as wanted now."""
        wanted = self.center.wanted() & 0x0F
        if wanted != self.shown:
            self.shown = wanted
            self.moved.append(wanted)

    def tick(self, passed_ms=20):
        """Time passes; what is measured is what was shown."""
        self.ticks += passed_ms
        self.do(self.center.tick(self.shown))
        self.show()

    def sync(self, authority, time=NOW, floor=0):
        """Hear the hello of an authority and answer it."""
        self.center.sessions[authority].reconnected()
        for action in self.center.tick(self.shown):
            if action[0] != "hello":
                self.do([action])
                continue
            frame = action[1]
            try:
                hello = HELLO.open(self.identity.pairs[authority].up, frame)
            except Exception:
                continue
            message = Time(authority, 0, 42, time, 0, floor, hello.request)
            self.do(self.center.receive(TIME.seal(self.identity.pairs[authority].down, message, self.nonce)))

    def frame(self, **changes):
        """A sealed command, loud and general, with the next counter unless told otherwise."""
        authority = changes.get("authority", 0)
        if "counter" not in changes:
            self.counter[authority] += 1
        fields = {
            "authority": authority, "epoch": 0, "center": 42, "group": 7, "counter": self.counter[authority],
            "issued": self.clock.now() or NOW, "ttl": 60, "incident": 1, "activation": 1, "class_": 1,
            "action": codes.ACTIVATE | codes.SIREN | codes.STROBE, "duration": 30, "flags": 0,
        }  # fmt: skip
        fields.update(changes)
        command = Command(*[fields[name] for name in NAMES])
        return COMMAND.seal(self.identity.pairs[command.authority].down, command, self.nonce)

    def command(self, **changes):
        """Send a command; the status of the last ack, or None when the center stayed silent."""
        before = len(self.said)
        self.do(self.center.receive(self.frame(**changes)))
        return self.last_status() if len(self.said) > before else None

    def last_status(self):
        """The status octet of the last ack that was said."""
        for frame in reversed(self.said):
            if kind_of(frame) == KIND_ACK:
                return ACK.peek(frame).status
        return None


NAMES = (
    "authority", "epoch", "center", "group", "counter", "issued", "ttl", "incident", "activation", "class_", "action",
    "duration", "flags",
)  # fmt: skip
