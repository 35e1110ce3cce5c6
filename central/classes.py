"""Reads the file of classes: TOML into policies, with one sentence for anything that is wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from central.domain.errors import Refused
from central.domain.policy import Policies, Policy, lint
from protocol.codes import OUTPUT_NAMES

SHIPPED = Path(__file__).with_name("classes.toml")

_MASKS = {name: bit for bit, name in OUTPUT_NAMES.items()}
_Output = Literal["siren", "strobe", "floodlight", "indicator"]


class _Class(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    code: int
    title: str
    silent: bool
    home: list[_Output]
    away: list[_Output]
    duration_s: int


_Classes = TypeAdapter(dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")], _Class])


def load(path: Path) -> Policies:
    """The policies of a file; raises Refused."""
    try:
        classes = _Classes.validate_python(tomllib.loads(path.read_text()))
    except OSError as error:
        raise Refused(f"the classes file {path} cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"the classes file {path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise Refused(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    policies = {
        name: Policy(name, one.code, one.title, one.silent, _mask(one.home), _mask(one.away), one.duration_s)
        for name, one in classes.items()
    }
    problems = lint(policies)
    if problems:
        raise Refused(f"{path}: {problems[0]}")
    return policies


def _mask(outputs: list[_Output]) -> int:
    return sum(_MASKS[name] for name in set(outputs))
