"""A provider of short messages by HTTP as a carrier: one POST of JSON for each message, with a bearer token.

Made by the wiring. `{"to": "+549...", "validity_s": 300}` with `"text"` (base64, where the provider carries text alone) or
`"data"` (hexadecimal). Any 2xx means that it was taken. What comes in by the provider has a door of its own (api/sms).
"""

from __future__ import annotations

import asyncio

import httpx

from modem.errors import Refused, Unavailable, Unknown
from modem.text import to_text

_TIMEOUT = httpx.Timeout(10.0)
_VALIDITY_S = 300
_PAUSE_S = 30.0
# Answers that say nothing about the message: too many, too early, or not now.
_LATER = (408, 425, 429)


class ProviderCarrier:
    """After a failure of the provider itself it rests for 30 s, so that the modems carry."""

    name = "provider"
    places = 8

    def __init__(self, url: str, token: str, text: bool = True) -> None:
        self._url = url
        self._text = text
        self._client = httpx.AsyncClient(timeout=_TIMEOUT, headers={"Authorization": f"Bearer {token}"})
        self._rests_until = 0.0

    @property
    def ready(self) -> bool:
        """Whether it did not fail just now."""
        return asyncio.get_running_loop().time() >= self._rests_until

    async def run(self) -> None:
        """Close the connections at the end."""
        try:
            await asyncio.Event().wait()
        finally:
            await self._client.aclose()

    async def send(self, number: str, octets: bytes) -> None:
        """One message; raises modem.errors."""
        payload = {"text": to_text(octets)} if self._text else {"data": octets.hex()}
        try:
            answer = await self._client.post(self._url, json={"to": number, "validity_s": _VALIDITY_S, **payload})
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise self._failed(f"the provider cannot be reached: {error}") from error
        except httpx.TransportError as error:
            raise Unknown(f"the provider did not answer: {error!r}") from error
        if answer.is_success:
            return
        if answer.status_code >= 500 or answer.status_code in _LATER:
            raise self._failed(f"the provider answered {answer.status_code}")
        raise Refused(answer.status_code, f"HTTP {answer.status_code}: {answer.text[:80]}")

    def _failed(self, reason: str) -> Unavailable:
        self._rests_until = asyncio.get_running_loop().time() + _PAUSE_S
        return Unavailable(reason)
