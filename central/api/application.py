"""All doors in one application. Made by the wiring; holds nothing of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse

from central.api import incidents, session
from central.api.access import Access
from central.api.alerts import AlertBody, AlertDoor
from central.api.feed import Feed
from central.api.problems import Problem, answer, central_handler, problem_handler
from central.devices import Devices
from central.domain.errors import CentralError
from central.flows.faults import Faults
from central.flows.fleet import Fleet
from central.flows.operators import Operators
from central.store.reader import Reader
from protocol.topics import gateway_name


def application(
    access: Access,
    alerts: AlertDoor,
    feed: Feed,
    reader: Reader,
    operators: Operators,
    devices: Devices,
    fleet: Fleet,
    faults: Faults,
    broker_up: Callable[[], bool],
    doors: Sequence[APIRouter] = (),
) -> FastAPI:
    """The application; `broker_up` is whether commands can go out now, `doors` are those that only some installations have."""
    app = FastAPI(title="Sereno central", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_route("/v1/alerts", alerts.post, methods=["POST"])
    app.add_route("/v1/alerts/{id}", alerts.get, methods=["GET"])
    app.add_route("/v1/feed", feed.get, methods=["GET"])
    app.include_router(incidents.routes(access, reader, operators))
    app.include_router(session.routes(access))
    for door in doors:
        app.include_router(door)
    app.add_exception_handler(Problem, problem_handler)
    app.add_exception_handler(CentralError, central_handler)
    app.add_exception_handler(RequestValidationError, _validation_handler)
    app.add_exception_handler(404, _not_found)
    app.add_exception_handler(405, _not_allowed)
    app.add_exception_handler(Exception, _unforeseen)

    @app.get("/healthz")
    async def health() -> JSONResponse:
        """Whether alerts are taken (always, when this answers) and whether commands can go out."""
        up = broker_up()
        return JSONResponse({"ok": up, "broker": "up" if up else "down"}, status_code=200 if up else 503)

    @app.get("/v1/centers")
    async def centers(request: Request) -> dict[str, Any]:
        """Every center and gateway of the operator's municipality, as last heard of, and what is one fault of many."""
        caller = access.caller(request, "operator")
        now = time.time()
        groups = [group for group in devices.groups() if group.municipality == caller.municipality]
        rows = [
            {
                **fleet.describe(center.number, now, center.gateway),
                "group": group.number,
                "group_name": group.name,
                "gateway": gateway_name(center.gateway),
                "lat": center.lat,
                "lon": center.lon,
            }
            for group in groups
            for center in group.centers
        ]
        gateways = [fleet.describe_gateway(number, now) for number in devices.gateways_of(caller.municipality)]
        return {
            "centers": sorted(rows, key=lambda row: row["center"]),
            "gateways": gateways,
            "blackouts": faults.describe(caller.municipality, now),
        }

    @app.get("/v1/refusals")
    async def refusals(request: Request) -> dict[str, Any]:
        """What was not believed lately: forged, replayed, misdirected."""
        caller = access.caller(request, "operator")
        return {"refusals": reader.refusals(devices.names_of(caller.municipality))}

    @app.get("/openapi.json", include_in_schema=False)
    async def schema(request: Request) -> dict[str, Any]:
        """The schema, for whoever has a key."""
        access.anyone(request)
        return app.openapi()

    _describe_alert_door(app)
    return app


def _describe_alert_door(app: FastAPI) -> None:
    """The alert's door is a plain route for speed; it still stands in the published schema."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        schema = plain()
        body = AlertBody.model_json_schema(ref_template="#/components/schemas/{model}")
        schema.setdefault("components", {}).setdefault("schemas", {}).update(body.pop("$defs", {}))
        schema["components"]["schemas"]["AlertBody"] = body
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/AlertBody"}}}
        schema["paths"]["/v1/alerts"] = {
            "post": {
                "summary": "Raise an alert; 202 once it is durable",
                "requestBody": {"required": True, "content": content},
                "responses": {"202": {"description": "saved"}, "401": {"description": "no valid key"}},
            }
        }
        return schema

    app.openapi = described  # type: ignore[method-assign]


async def _validation_handler(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    return answer(Problem(422, "invalid", f"{place}: {first['msg']}" if place else str(first["msg"])))


async def _unforeseen(_request: Request, _error: Exception) -> JSONResponse:
    """The server logs the traceback; the caller knows that nothing is promised."""
    return answer(Problem(500, "failed", "it failed here and is logged; try again with the same id"))


async def _not_found(request: Request, error: Exception) -> JSONResponse:
    return answer(Problem(404, "not_found", f"there is nothing at {request.url.path}"))


async def _not_allowed(request: Request, error: Exception) -> JSONResponse:
    return answer(Problem(405, "not_allowed", f"{request.method} is not for {request.url.path}"))
