"""Incidents for operators: the list, one with everything, and what an operator does with it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict

from central.api.access import Access
from central.domain.errors import NotFound
from central.flows.operators import Operators
from central.store.reader import Reader

IncidentId = Annotated[str, Path(pattern=r"^[0-9]{1,20}$", description="u64 as a decimal string")]
_MAX = (1 << 64) - 1


class CloseBody(BaseModel):
    """How an incident ended."""

    model_config = ConfigDict(extra="forbid")

    disposition: str


def routes(access: Access, reader: Reader, operators: Operators) -> APIRouter:
    """The routes under /v1/incidents."""
    router = APIRouter(prefix="/v1/incidents", tags=["incidents"])

    @router.get("")
    async def incidents(
        request: Request,
        open_only: Annotated[bool, Query(alias="open")] = False,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> dict[str, Any]:
        """The newest incidents first."""
        caller = access.caller(request, "operator")
        return {"incidents": reader.incidents(caller.municipality, open_only=open_only, limit=limit)}

    @router.get("/{incident}")
    async def incident(request: Request, incident: IncidentId) -> dict[str, Any]:
        """One incident with its alerts, commands, acks and timeline."""
        caller = access.caller(request, "operator")
        found = reader.incident(caller.municipality, _number(incident))
        if found is None:
            raise NotFound(f"there is no incident {incident}")
        return found

    @router.post("/{incident}/acknowledge")
    async def acknowledge(request: Request, incident: IncidentId) -> dict[str, str]:
        """A person has it."""
        caller = access.caller(request, "operator")
        await operators.acknowledge(caller.municipality, _number(incident), caller.name)
        return {"incident": incident, "state": "acknowledged"}

    @router.post("/{incident}/stop", status_code=202)
    async def stop(request: Request, incident: IncidentId) -> dict[str, Any]:
        """Silence its centers; each center's own ack on the timeline proves that it stopped."""
        caller = access.caller(request, "operator")
        return {
            "incident": incident,
            "centers": await operators.stop(caller.municipality, _number(incident), caller.name),
        }

    @router.post("/{incident}/close")
    async def close(request: Request, incident: IncidentId, body: CloseBody) -> dict[str, str]:
        """It is over."""
        caller = access.caller(request, "operator")
        await operators.close(caller.municipality, _number(incident), caller.name, body.disposition)
        return {"incident": incident, "state": "closed"}

    return router


def _number(text: str) -> int:
    number = int(text)
    if number > _MAX:
        raise NotFound(f"there is no incident {text}")
    return number
