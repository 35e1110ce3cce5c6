"""What a caller is told when something is wrong: one stable JSON body, a code for programs, a sentence for people."""

from __future__ import annotations

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse

from central.domain.errors import CentralError, NotFound, Unavailable, UnknownClass


class Problem(Exception):
    """An answer that is not a success: `status` of HTTP, a stable `code`, a `message` that says what to do."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def answer(problem: Problem) -> JSONResponse:
    """The response of a problem."""
    headers = {"Retry-After": "1"} if problem.status == 503 else None
    return JSONResponse(
        {"error": {"code": problem.code, "message": problem.message}}, status_code=problem.status, headers=headers
    )


def of_error(error: CentralError) -> Problem:
    """How central's own errors look from outside."""
    if isinstance(error, NotFound):
        return Problem(404, "not_found", str(error))
    if isinstance(error, UnknownClass):
        return Problem(422, "unknown_class", str(error))
    if isinstance(error, Unavailable):
        return Problem(503, "unavailable", "it was not saved; try again")
    return Problem(422, "refused", str(error))


def of_validation(error: ValidationError) -> Problem:
    """The first thing wrong with a body."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "json_invalid":
        return Problem(400, "not_json", f"the body is not JSON: {first['msg']}")
    return Problem(422, "invalid", f"{place}: {first['msg']}" if place else first["msg"])


async def problem_handler(_request: Request, error: Exception) -> JSONResponse:
    """For Starlette: a Problem."""
    assert isinstance(error, Problem)
    return answer(error)


async def central_handler(_request: Request, error: Exception) -> JSONResponse:
    """For Starlette: an error of central's tree."""
    assert isinstance(error, CentralError)
    return answer(of_error(error))
