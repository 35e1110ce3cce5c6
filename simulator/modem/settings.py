"""What can be set on a modem with AT+NAME=: the values that are allowed, those of the factory, those of now.

`commands` answers `=?`, `?` and `=` from here; whoever acts on a setting reads it here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.modem.dialect import Dialect

# Which codes tell of the registration over each technology (TS 27.007 7.2, 10.1.20, 10.1.22).
CARRIED = {
    "gsm": ("+CREG", "+CGREG"),
    "umts": ("+CREG", "+CGREG"),
    "lte": ("+CREG", "+CGREG", "+CEREG"),
}

# The reply to AT+NAME=?, from which what is allowed is read.
NUMBERS = {
    "+CMEE": "(0-2)",
    "+CMGF": "(0,1)",
    "+CNMI": "(0-2),(0-3),(0,2,3),(0-2),(0,1)",
    "+CSMS": "(0,1)",
    "+CREG": "(0-2)",
    "+CGREG": "(0-2)",
    "+CEREG": "(0-2)",
    "+CSDH": "(0,1)",
    "+CSMP": "(0-255),(0-255),(0-255),(0-255)",
    "+CMMS": "(0-2)",
    "+CLIP": "(0,1)",
    "+CRC": "(0,1)",
    "+CTZU": "(0,1)",
    "+CTZR": "(0,1)",
    "+COLP": "(0,1)",
    "+CUSD": "(0-2)",
    "+CGATT": "(0,1)",
    "+CGEREP": "(0-2),(0,1)",
}
_FACTORY = {"+CNMI": "2,1,0,0,0", "+CSMP": "17,167,0,0", "+CGATT": "1", "+CGEREP": "0,0"}
CHARACTER_SETS = ("IRA", "GSM", "UCS2")


def allowed(name: str) -> list[set[int]]:
    """The values of each parameter of a setting in NUMBERS."""
    sets = []
    for group in NUMBERS[name].strip("()").split("),("):
        ends = [part.split("-") for part in group.split(",")]
        sets.append({value for part in ends for value in range(int(part[0]), int(part[-1]) + 1)})
    return sets


@dataclass
class Settings:
    """Values as written in AT+NAME=, without quotes; `echo` and `verbose` are ATE and ATV."""

    values: dict[str, list[str]] = field(default_factory=dict)
    echo: bool = True
    verbose: bool = True

    def number(self, name: str) -> int:
        """The first value."""
        return int(self.values[name][0])

    def numbers(self, name: str) -> list[int]:
        """All values."""
        return [int(value) for value in self.values[name]]

    def copy(self) -> Settings:
        """The same values, which can be changed on their own."""
        return Settings({name: list(values) for name, values in self.values.items()}, self.echo, self.verbose)


def factory(dialect: Dialect) -> Settings:
    """As a modem comes."""
    values = {name: _FACTORY.get(name, "0").split(",") for name in NUMBERS}
    values |= {"+CMEE": [str(dialect.verbosity)], "+CPMS": [dialect.memory] * 3, "+CSCS": ["IRA"], "+COPS": ["0", "0"]}
    return Settings(values)
