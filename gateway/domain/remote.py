"""What central has changed from afar, and how a change of endpoints is tried before it stays. Pure; called by the flow `remote`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

APPLIED, TRIAL, REFUSED, REVERTED = "applied", "trial", "refused", "reverted"
# Central must be heard over other endpoints within this, or those before are used again.
TRIAL_S = 600.0


class Address(NamedTuple):
    """A broker of central's; an empty `name` means that its certificate is issued to `host`."""

    host: str
    port: int
    name: str


@dataclass(frozen=True)
class Options:
    """All that may be changed from afar; what is empty or None stands as in the settings file."""

    uplink: tuple[Address, ...] = ()
    central_numbers: tuple[str, ...] = ()
    digest_s: float | None = None


@dataclass(frozen=True)
class Judged:
    """A document of settings: `options` are None when it is refused, for one `reason`; `version` is 0 when it has none."""

    version: int
    options: Options | None
    reason: str = ""


@dataclass(frozen=True)
class Overlay:
    """The last document by its `version`, what became of it, and the options in force.

    During a trial `before` holds what comes back if it fails.
    """

    version: int = 0
    state: str = ""
    reason: str = ""
    options: Options = Options()
    before: Options | None = None

    def after(self, judged: Judged) -> Overlay:
        """This one once a document with a higher version was judged."""
        if judged.options is None:
            return replace(self, version=judged.version, state=REFUSED, reason=judged.reason)
        proven = self.options if self.before is None else self.before
        if judged.options.uplink == proven.uplink:
            return Overlay(judged.version, APPLIED, "", judged.options)
        return Overlay(judged.version, TRIAL, "", judged.options, proven)

    def confirmed(self) -> Overlay:
        """Central was heard over the endpoints on trial."""
        return replace(self, state=APPLIED if self.state == TRIAL else self.state, before=None)

    def reverted(self, reason: str) -> Overlay:
        """It was not: what was in force before is again."""
        assert self.before is not None
        told = (REVERTED, reason) if self.state == TRIAL else (self.state, self.reason)
        return Overlay(self.version, *told, self.before)
