"""The live feed: timeline entries as server-sent events, from where the reader left off.

The event id is the entry's number, so a page that reconnects with Last-Event-ID misses nothing.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from central.api.access import Access
from central.api.problems import Problem, answer
from central.store.reader import Reader

_BEAT_S = 10.0
_NUMBER = re.compile("[0-9]{1,20}")


class Feed:
    """Wakes its readers after each commit; each reads from the database what is new to it."""

    def __init__(self, access: Access, reader: Reader) -> None:
        self._access = access
        self._reader = reader
        self._news = asyncio.Event()
        self._ended = False

    def committed(self) -> None:
        """Something may be new."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def end(self) -> None:
        """Let go of all readers: the service stops."""
        self._ended = True
        self.committed()

    async def get(self, request: Request) -> Response:
        """`GET /v1/feed`."""
        try:
            caller = self._access.caller(request, "operator")
        except Problem as problem:
            return answer(problem)
        last = request.headers.get("last-event-id") or request.query_params.get("after") or ""
        if last and not _NUMBER.fullmatch(last):
            return JSONResponse({"error": {"code": "invalid", "message": "Last-Event-ID is a number"}}, status_code=422)
        start = int(last) if last else self._reader.last_entry()
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        stream = self._events(caller.municipality, min(start, 1 << 62))
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)

    async def _events(self, municipality: int, last: int) -> AsyncIterator[str]:
        yield ": sereno\n\n"
        while not self._ended:
            news = self._news
            entries = self._reader.entries_after(municipality, last)
            for entry in entries:
                last = entry["id"]
                yield f"id: {last}\nevent: entry\ndata: {json.dumps(entry, ensure_ascii=False)}\n\n"
            if entries:
                continue
            try:
                await asyncio.wait_for(news.wait(), _BEAT_S)
            except TimeoutError:
                yield ": beat\n\n"
