"""What a drill file says: at t do this, between t1 and t2 expect that. Read and checked here, run by simulator.drill.

A file that is wrong is refused with one sentence that names the place; nothing is started for it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from simulator.circuit import FAULTS
from simulator.errors import SimulatorError
from simulator.hardware import INPUTS
from simulator.modem.actions import ACTIONS as ACTS

OutputName = Literal["siren", "strobe", "floodlight", "indicator"]
ServiceName = Annotated[str, Field(pattern=r"^(broker|central|G\d{6}|G\d{6} broker)$")]
CenterName = Annotated[str, Field(pattern=r"^C\d{6}$")]
GatewayName = Annotated[str, Field(pattern=r"^G\d{6}$")]
Fault = Annotated[str, AfterValidator(lambda name: one_of(name, FAULTS))]
Input = Annotated[str, AfterValidator(lambda name: one_of(name, INPUTS))]
Seconds = Annotated[float, Field(ge=0, le=3600)]


def one_of(name: str, names: Iterable[str]) -> str:
    """The name, when it is one of these; raises ValueError with all of them."""
    if name not in names:
        raise ValueError(f"{name!r} is none of: {', '.join(names)}")
    return name


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Alert(_Strict):
    """An alert by HTTP: as a neighbour's phone would send it. `id` names it for expectations."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    class_: Annotated[str, Field(alias="class")] = "general"
    group: int = 1
    away: bool = False
    age_s: float = 0


class FobPress(_Strict):
    """A panic fob pressed near a center. `identity` is its 20 bits (fixed) or serial (rolling), `key` its maker's in hex.

    The same fob again goes on counting; `again` plays what it sent last, as somebody does who recorded it.
    """

    kind: Literal["fixed", "rolling"]
    identity: Annotated[int, Field(ge=0, lt=1 << 28)]
    key: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{0,16}$")] = ""
    button: Annotated[int, Field(ge=1, le=15)] = 1
    again: bool = False


class ModemAct(_Strict):
    """Something done to a modem: `act` and `value` as the modems' console takes them (`sereno-sim modem`)."""

    of: Annotated[str, Field(pattern=r"^(central|G\d{6})$")]
    act: Annotated[str, AfterValidator(lambda name: one_of(name, ACTS))]
    value: str = ""


class Step(_Strict):
    """One thing that happens at `at_s`: exactly one of the others is given; `center` says where, for those of `AT`."""

    at_s: Seconds
    center: CenterName | None = None
    alert: Alert | None = None
    press: CenterName | None = None
    release: CenterName | None = None
    kill: ServiceName | CenterName | None = None
    stop: ServiceName | None = None
    start: ServiceName | None = None
    power_off: CenterName | None = None
    power_on: CenterName | None = None
    stall: CenterName | None = None
    freeze: CenterName | None = None
    thaw: CenterName | None = None
    fault: Fault | None = None
    repair: Fault | None = None
    set: dict[Input, int] | None = None
    fob: FobPress | None = None
    type: str | None = None
    evict: GatewayName | None = None
    retain: CenterName | None = None
    half_open: GatewayName | None = None
    heal: GatewayName | None = None
    move: GatewayName | None = None
    modem: ModemAct | None = None
    silence: str | None = None

    @model_validator(mode="after")
    def _one_action(self) -> Step:
        given = [name for name in ACTIONS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a step does exactly one thing, one of: {', '.join(ACTIONS)}")
        if (self.center is not None) != (given[0] in AT):
            raise ValueError(f"{', '.join(AT)} want `center`, the others do not; this is {given[0]}")
        return self

    @property
    def action(self) -> str:
        """The name of the one thing that it does."""
        return next(name for name in ACTIONS if getattr(self, name) is not None)


ACTIONS = tuple(name for name in Step.model_fields if name not in ("at_s", "center"))
# Those that want a hand on the line between a gateway and central's broker.
ON_LINES = ("half_open", "heal", "move")
AT = ("fault", "repair", "set", "fob", "type")


class Output(_Strict):
    """An output of centers: `turns` it goes on or off within the window, `stays` it is so all the time."""

    centers: list[CenterName]
    output: OutputName
    turns: Literal["on", "off"] | None = None
    stays: Literal["on", "off"] | None = None
    times: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _one_verb(self) -> Output:
        if (self.turns is None) == (self.stays is None):
            raise ValueError("an output either `turns` on or off, or `stays` so")
        return self


class Timeline(_Strict):
    """An entry of the incident that an alert opened: its kind, and (if given) a part of its text."""

    alert: str
    entry: str
    times: Annotated[int, Field(ge=1)] | None = None


class Told(_Strict):
    """What centers told of themselves, as central shows it of its fleet: the newest event of a kind, by its words."""

    centers: list[CenterName]
    event: str


class Faults(_Strict):
    """All that central calls a fault when the drill ends: gateways that are silent, the centers of which nobody knows for that, and
    how many centers each blackout has. What is not named is not there."""

    silent: list[GatewayName] = []
    behind: list[CenterName] = []
    blackouts: list[int] = []


class Expect(_Strict):
    """What must be seen within `between_s` (seconds since the start): an output, a timeline entry, news of a center, or faults."""

    between_s: tuple[Seconds, Seconds]
    output: Output | None = None
    timeline: Timeline | None = None
    fleet: Told | None = None
    faults: Faults | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Expect:
        if sum(one is not None for one in (self.output, self.timeline, self.fleet, self.faults)) != 1:
            raise ValueError("an expectation is about an `output`, a `timeline`, about the `fleet` or about `faults`")
        if self.between_s[0] >= self.between_s[1]:
            raise ValueError("`between_s` wants the earlier time first")
        return self


class Script(_Strict):
    """A whole drill."""

    name: str
    about: str = ""
    groups: Annotated[int, Field(ge=1, le=4)] = 2
    centers_per_group: Annotated[int, Field(ge=1, le=10)] = 3
    modems: bool = False
    do: list[Step]
    expect: Annotated[list[Expect], Field(min_length=1)]

    @model_validator(mode="after")
    def _equipped(self) -> Script:
        if not self.modems and any(step.modem for step in self.do):
            raise ValueError("a step `modem` wants `modems = true`")
        return self

    @property
    def lines(self) -> list[str]:
        """The gateways whose line to central's broker is in the drill's hand."""
        return sorted({getattr(step, step.action) for step in self.do if step.action in ON_LINES})

    @property
    def length_s(self) -> float:
        """When the last step has been done and the last expectation is decided."""
        return max([step.at_s for step in self.do] + [expect.between_s[1] for expect in self.expect])


def load(path: Path) -> Script:
    """The drill in a TOML file; raises SimulatorError with one sentence for anything wrong in it."""
    try:
        return Script.model_validate(tomllib.loads(path.read_text()))
    except OSError as error:
        raise SimulatorError(f"{path}: {error.strerror or error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SimulatorError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SimulatorError(f"{path}: {place}: {first['msg'].removeprefix('Value error, ')}") from error
