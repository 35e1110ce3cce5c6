"""What families of modems say and do differently, as data. Chosen by `modem.keeper` from the reply to +CGMM and ATI.

Sources: SIMCom SIM7500_SIM7600 Series AT Command Manual V3; Quectel EC2x&EG9x&EG2x-G AT Commands Manual V2; for all
others 3GPP TS 27.007 alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """One family. Commands stand without `AT`.

    `models` are beginnings of its model names. `setup` runs after each start; what a modem refuses of it is left.
    `started` are the words with which it says that it has just started and forgotten its settings. `search` looks for
    a network anew, `reset` starts the modem's own program again, `context` puts the data connection down and up.
    """

    name: str
    models: tuple[str, ...]
    setup: tuple[str, ...] = ()
    started: frozenset[str] = frozenset({"RDY", "START"})
    search: tuple[str, ...] = ("+COPS=2", "+COPS=0")
    reset: str = "+CFUN=1,1"
    context: tuple[str, ...] = ("+CGACT=0,1", "+CGACT=1,1")


# +CSCLK and +QSCLK: a modem that sleeps loses the first octets of a command.
GENERIC = Dialect("3GPP", ())
SIM7600 = Dialect(
    "SIM7600",
    ("SIM7600", "SIM7500", "SIMCOM_SIM7600", "SIMCOM_SIM7500", "A7670", "A7672"),
    setup=("+CSCLK=0", "+AUTOCSQ=0,0"),
    started=frozenset({"RDY", "START", "PB DONE"}),
    reset="+CRESET",
)
QUECTEL = Dialect(
    "Quectel", ("EC2", "EG2", "EG9", "EP06", "EM06", "BG9"), setup=("+QSCLK=0", '+QURCCFG="urcport","all"')
)


def dialect_of(lines: Iterable[str]) -> Dialect:
    """The dialect for the reply to +CGMM or ATI; the one of 3GPP for a model that is not known."""
    models = [line.removeprefix("Model:").strip() for line in lines]
    for dialect in (SIM7600, QUECTEL):
        if any(model.upper().startswith(dialect.models) for model in models):
            return dialect
    return GENERIC
