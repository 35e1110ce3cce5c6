"""The alert's door: `POST /v1/alerts`. A plain Starlette route: it is the one that must be quick, and answer last.

202 only after the commit. The same id again is the same alert.
"""

from __future__ import annotations

import time
from typing import Annotated

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse

from central.api.access import Access, Caller
from central.api.problems import Problem, answer, of_error, of_validation
from central.domain.alert import Alert, Position
from central.domain.errors import CentralError
from central.flows.intake import Intake
from central.store.reader import Reader

_log = structlog.get_logger()

MAX_BODY = 16_384


class PositionBody(BaseModel):
    """Where the person was: WGS 84 degrees, uncertainty in metres, age of the fix in seconds."""

    model_config = ConfigDict(extra="forbid")

    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    accuracy_m: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)] = 0
    age_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 0


class AlertBody(BaseModel):
    """An alert as an app sends it. `id` is made by the app once and kept for every retry; `age_s` since the press."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
    class_: Annotated[str, Field(alias="class", max_length=32)]
    group: Annotated[int, Field(ge=1, le=0xFFFF)] | None = None
    reporter: Annotated[str, Field(max_length=64)] | None = None
    position: PositionBody | None = None
    age_s: Annotated[float, Field(ge=0, le=7 * 86_400, allow_inf_nan=False)] = 0


class AlertDoor:
    """Takes alerts; answers about one."""

    def __init__(self, access: Access, intake: Intake, reader: Reader) -> None:
        self._access = access
        self._intake = intake
        self._reader = reader

    async def post(self, request: Request) -> JSONResponse:
        """`POST /v1/alerts`."""
        caller: Caller | None = None
        alert: Alert | None = None
        try:
            caller = self._access.caller(request, "app")
            body = AlertBody.model_validate_json(await bounded_body(request))
            alert = _alert(body, caller.municipality)
            recorded = await self._intake.record(alert)
        except Problem as problem:
            return _refused(problem, caller, alert)
        except ValidationError as error:
            return _refused(of_validation(error), caller, alert)
        except CentralError as error:
            return _refused(of_error(error), caller, alert)
        return JSONResponse(
            {
                "incident": str(recorded.incident),
                "alert": alert.id,
                "received_at": recorded.received,
                "repeated": recorded.repeated,
                "plan": recorded.plan,
            },
            status_code=202,
        )

    async def get(self, request: Request) -> JSONResponse:
        """`GET /v1/alerts/{id}`: what became of it, for the app that raised it."""
        try:
            caller = self._access.caller(request, "app")
        except Problem as problem:
            return answer(problem)
        found = self._reader.alert(caller.municipality, request.path_params["id"])
        if found is None:
            return answer(Problem(404, "not_found", "no alert has this id; raise it again with the same id"))
        return JSONResponse({**found, "asked_at": time.time()})


def _refused(problem: Problem, caller: Caller | None, alert: Alert | None) -> JSONResponse:
    """Somebody pressed and got no 202: it must be found in the log, with the app that asked. Never what was in it."""
    _log.warning("alert not taken", status=problem.status, code=problem.code, reason=problem.message,
                 app=caller.name if caller else None, alert=alert.id if alert else None)  # fmt: skip
    return answer(problem)


async def bounded_body(request: Request) -> bytes:
    """The body, read no further than 16 kB; raises Problem 413."""
    too_long = Problem(413, "too_large", f"a body has at most {MAX_BODY} octets")
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > MAX_BODY:
        raise too_long
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise too_long
    return bytes(body)


def _alert(body: AlertBody, municipality: int) -> Alert:
    position = None
    if body.position is not None:
        position = Position(body.position.lat, body.position.lon, body.position.accuracy_m, body.position.age_s)
    return Alert(body.id, municipality, body.class_, "app", body.group, body.reporter, position, body.age_s)
