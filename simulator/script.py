"""What a drill file says: at t do this, between t1 and t2 expect that. Read and checked here, run by simulator.drill.

A file that is wrong is refused with one sentence that names the place; nothing is started for it.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from simulator.errors import SimulatorError

OutputName = Literal["siren", "strobe", "floodlight", "indicator"]
ServiceName = Annotated[str, Field(pattern=r"^(broker|central|G\d{6}|G\d{6} broker)$")]
CenterName = Annotated[str, Field(pattern=r"^C\d{6}$")]
Seconds = Annotated[float, Field(ge=0, le=3600)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Alert(_Strict):
    """An alert by HTTP: as a neighbour's phone would send it. `id` names it for expectations."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    class_: Annotated[str, Field(alias="class")] = "general"
    group: int = 1
    away: bool = False
    age_s: float = 0


class Step(_Strict):
    """One thing that happens at `at_s`: exactly one of the others is given."""

    at_s: Seconds
    alert: Alert | None = None
    press: CenterName | None = None
    release: CenterName | None = None
    kill: ServiceName | CenterName | None = None
    stop: ServiceName | None = None
    start: ServiceName | None = None
    power_off: CenterName | None = None
    power_on: CenterName | None = None
    silence: str | None = None

    @model_validator(mode="after")
    def _one_action(self) -> Step:
        given = [name for name in ACTIONS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a step does exactly one thing, one of: {', '.join(ACTIONS)}")
        return self

    @property
    def action(self) -> str:
        """The name of the one thing that it does."""
        return next(name for name in ACTIONS if getattr(self, name) is not None)


ACTIONS = tuple(name for name in Step.model_fields if name != "at_s")


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


class Expect(_Strict):
    """What must be seen within `between_s` (seconds since the start): an output or a timeline entry."""

    between_s: tuple[Seconds, Seconds]
    output: Output | None = None
    timeline: Timeline | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Expect:
        if (self.output is None) == (self.timeline is None):
            raise ValueError("an expectation is about an `output` or about a `timeline`")
        if self.between_s[0] >= self.between_s[1]:
            raise ValueError("`between_s` wants the earlier time first")
        return self


class Script(_Strict):
    """A whole drill."""

    name: str
    about: str = ""
    groups: Annotated[int, Field(ge=1, le=4)] = 2
    centers_per_group: Annotated[int, Field(ge=1, le=10)] = 3
    do: list[Step]
    expect: Annotated[list[Expect], Field(min_length=1)]

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
