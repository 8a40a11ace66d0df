"""What every request gets before any route sees it: an id, and an answer whatever happens."""

from __future__ import annotations

import logging
import re
import secrets
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from limner.server.errors import error_response, unforeseen

SWITCHING_PROTOCOLS = 101
_ANSWERS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")

logger = logging.getLogger(__name__)


def new_request_id() -> str:
    return f"req_{secrets.token_hex(16)}"


class Access:
    """ASGI middleware: names the request, marks the reply, and turns bugs into a plain 500.

    The id is the client's own `x-request-id` where that is harmless to log, else a new one; what
    follows finds it in `scope["state"]["request_id"]`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        id = _asked_id(scope) or new_request_id()
        scope.setdefault("state", {})["request_id"] = id
        status = 0
        began = perf_counter()

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] in _ANSWERS:
                status = message.get("status", SWITCHING_PROTOCOLS)
                marks = [(b"x-request-id", id.encode()), (b"x-content-type-options", b"nosniff")]
                message = {**message, "headers": [*message.get("headers", ()), *marks]}
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        except Exception:
            logger.exception("request failed", extra={"action": "failed", "request_id": id})
            if status:
                raise
            await error_response(unforeseen(id))(scope, receive, send_marked)
        finally:
            _log_access(scope, id, status, perf_counter() - began)


def _asked_id(scope: Scope) -> str | None:
    asked = [value for name, value in scope["headers"] if name == b"x-request-id"]
    if len(asked) == 1 and _SANE_ID.fullmatch(asked[0]):
        return bytes(asked[0]).decode()
    return None


def _log_access(scope: Scope, id: str, status: int, seconds: float) -> None:
    if logger.isEnabledFor(logging.DEBUG):
        method = scope.get("method", "WEBSOCKET")
        facts = {"action": "access", "method": method, "path": scope["path"]}
        figures = {"status": status, "seconds": round(seconds, 4), "request_id": id}
        logger.debug("request answered", extra={**facts, **figures})
