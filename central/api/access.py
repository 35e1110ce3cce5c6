"""Who is calling: an app by its key, an operator by a token or the page's cookie. Nothing but health is open."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from central.api.problems import Problem

COOKIE = "sereno_operator"
# After an unknown secret the list is read again, at most this often: a flood of guesses is no load.
_RELOAD_S = 1.0

_Known = dict[bytes, tuple[str, int, str]]


@dataclass(frozen=True)
class Caller:
    """Who called, and for which municipality."""

    kind: str
    municipality: int
    name: str


class Access:
    """Knows callers by the hash of their secret; `read` gives all that are enrolled."""

    def __init__(self, read: Callable[[], _Known]) -> None:
        self._read = read
        self._known: _Known = read()
        self._read_at = time.monotonic()

    def anyone(self, connection: HTTPConnection) -> Caller:
        """The caller of a request, of whatever kind; raises Problem 401 without a valid secret."""
        secret = self._secret(connection)
        found = self.lookup(secret) if secret else None
        if found is None:
            raise Problem(401, "unauthorized", "give a valid key: Authorization: Bearer <key>")
        return found

    def caller(self, connection: HTTPConnection, kind: str) -> Caller:
        """The caller of a request; raises Problem 401 without a valid secret, 403 with one of another kind."""
        found = self.anyone(connection)
        if found.kind != kind:
            raise Problem(403, "forbidden", f"this is for an {kind}'s key, yours is an {found.kind}'s")
        return found

    def lookup(self, secret: str) -> Caller | None:
        """The caller whose secret this is."""
        key = hashlib.sha256(secret.encode()).digest()
        found = self._known.get(key)
        if found is None and time.monotonic() - self._read_at > _RELOAD_S:
            self._known, self._read_at = self._read(), time.monotonic()
            found = self._known.get(key)
        return Caller(*found) if found else None

    @staticmethod
    def _secret(connection: HTTPConnection) -> str:
        scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and secret:
            return secret.strip()
        return connection.cookies.get(COOKIE, "")
