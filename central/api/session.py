"""The page's door: an operator's token becomes a cookie that no script can read. Also the page itself."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict

from central.api.access import COOKIE, Access
from central.api.problems import Problem

_CONSOLE = Path(__file__).resolve().parent.parent / "console"
_FILES = {
    "index.html": "text/html; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "console.css": "text/css; charset=utf-8",
}
_POLICY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;"
    " form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_SHIFT_S = 12 * 3600


class SessionBody(BaseModel):
    """An operator's token."""

    model_config = ConfigDict(extra="forbid")

    token: str


def routes(access: Access) -> APIRouter:
    """The page, its files, and the session."""
    router = APIRouter(tags=["page"])

    @router.get("/", include_in_schema=False)
    async def root() -> Response:
        return RedirectResponse("/console/")

    @router.get("/console/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(_CONSOLE / "index.html", media_type=_FILES["index.html"], headers=_POLICY)

    @router.get("/console/{name}", include_in_schema=False)
    async def part(name: str) -> Response:
        if name not in _FILES:
            raise Problem(404, "not_found", "no such file")
        return FileResponse(_CONSOLE / name, media_type=_FILES[name], headers=_POLICY)

    @router.post("/v1/session", status_code=204)
    async def start(request: Request, body: SessionBody) -> Response:
        """Exchange a token for the page's cookie."""
        caller = access.lookup(body.token.strip())
        if caller is None or caller.kind != "operator":
            raise Problem(401, "unauthorized", "this token is not an operator's")
        response = Response(status_code=204)
        secure = request.url.scheme == "https"
        response.set_cookie(
            COOKIE, body.token.strip(), max_age=_SHIFT_S, httponly=True, samesite="strict", secure=secure
        )
        return response

    @router.delete("/v1/session", status_code=204)
    async def finish() -> Response:
        """Forget the cookie."""
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    return router
