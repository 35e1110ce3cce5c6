"""The door of a provider of short messages: what came for central, from whatever number. Its seal counts, never its sender."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from pydantic import BaseModel, ValidationError

from central.api.alerts import bounded_body
from central.api.problems import Problem, of_validation
from modem.text import from_text

PATH = "/api/1/sms/inbound"


class InboundBody(BaseModel):
    """A message: `text` (base64) or `data` (hexadecimal). Whatever else the provider tells, the sender too, is not looked at."""

    text: str = ""
    data: str = ""


def routes(token: str, receive: Callable[[bytes], Awaitable[bool]]) -> APIRouter:
    """The door; `receive` says whether the provider may forget the message."""
    router = APIRouter(tags=["sms"])
    expected = f"Bearer {token}".encode()

    @router.post(PATH)
    async def inbound(request: Request) -> dict[str, bool]:
        """One message that came; 200 once it is stored, or for what is not ours. With 503 the provider offers it again."""
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, expected):
            raise Problem(401, "unauthorized", "give the provider's token: Authorization: Bearer <token>")
        try:
            body = InboundBody.model_validate_json(await bounded_body(request))
        except ValidationError as error:
            raise of_validation(error) from error
        if not await receive(_octets(body)):
            raise Problem(503, "unavailable", "it was not saved; offer it again")
        return {"ok": True}

    return router


def _octets(body: InboundBody) -> bytes:
    """Nothing for what no gateway could have sent."""
    try:
        return from_text(body.text.strip()) or bytes.fromhex(body.data)
    except ValueError:
        return b""
