"""Our API's description of itself: an OpenAPI 3.1 document, made of what each operation says.

Operations are described beside the parsers whose limits they name. What a description promises of
a request's body is held to the parser by tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from limner.wire.openapi_schema import ANY_OBJECT, array, either, or_null, ref, text, told

Json = dict[str, Any]

JSON, EVENTS, FORM = "application/json", "text/event-stream", "multipart/form-data"
PICTURES = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/tiff")

TITLE = "Limner"
ABOUT = (
    "A self-hosted, OpenAI-compatible server that runs the hosted tool `image_generation` over any "
    "language model. `null` counts as absent in requests; fields that are not named here are "
    "refused."
)
_IN_PATH = re.compile(r"{(\w+)}")

_STATUSES = {
    400: "Something in the request cannot be had; `param` and `code` say what.",
    401: "An API key is needed, or is not known here.",
    403: "Pages of other sites may not use this server.",
    404: "There is no such thing, or it belongs to another key.",
    408: "The request came too slowly.",
    409: "It is under way; ask again, as `Retry-After` says.",
    413: "The body is too large.",
    415: "The body is of another media type than those accepted, or encoded.",
    421: "This server does not answer for that host.",
    422: "Something in the request cannot be had, or a key came again with another request.",
    429: "Too much is waiting; ask again, as `Retry-After` says.",
    431: "The headers are too large.",
    500: "It failed.",
    502: "The language model's server or the painter's failed.",
    503: "Not possible now; ask again, as `Retry-After` says, where it does.",
    504: "It took too long.",
}
ALWAYS = frozenset({400, 401, 403, 404, 408, 421, 429, 431, 500, 503})
"""What any request may be answered with: by the guards, the limits of a connection, the store."""

WITH_BODY = frozenset({413, 415})
REPEATED = frozenset({409, 422})
"""Where an `Idempotency-Key` counts."""
PAINTING = frozenset({502, 504})


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    id: a name for generators of clients. door: the API that it belongs to. route: the path as the
    server's routing has it, where that differs. replies: by status, schemas by media type; a schema
    may be None for bytes. refused: fields that are refused by name, each with what to do instead.
    statuses: of refusals and failures, beside `ALWAYS`. errors: the schema of their bodies.
    """

    id: str
    method: str
    path: str
    door: str
    summary: str
    replies: Mapping[int, Mapping[str, Json | None]]
    route: str = ""
    parameters: tuple[Json, ...] = ()
    bodies: Mapping[str, Json] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    statuses: frozenset[int] = frozenset()
    errors: Json = field(default_factory=lambda: ref("Error"))

    @property
    def key(self) -> tuple[str, str]:
        """By which a route finds its description."""
        return self.method, self.route or self.path


ERROR = told(
    {
        "error": told(
            {
                "message": text(),
                "type": text(),
                "param": or_null(text()),
                "code": or_null(text()),
            }
        )
    }
)
DETAIL = told({"detail": either(text(), array(ANY_OBJECT))})


def query(name: str, schema: Json, about: str = "") -> Json:
    said = {"description": about} if about else {}
    return {"name": name, "in": "query", "schema": schema, **said}


def header(name: str, schema: Json, about: str) -> Json:
    return {"name": name, "in": "header", "schema": schema, "description": about}


def document(operations: Iterable[Operation], schemas: Mapping[str, Json], version: str) -> Json:
    """The whole document. schemas: those that `ref` names. version: of this server."""
    paths: Json = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "description": ABOUT, "version": version},
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": ERROR, "Detail": DETAIL},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"key": []}],
    }


def _described(operation: Operation) -> Json:
    described: Json = {
        "operationId": operation.id,
        "tags": [operation.door],
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation), *operation.parameters],
        "responses": _replies(operation),
    }
    if operation.bodies:
        described["requestBody"] = {"required": True, "content": _content(operation.bodies)}
    return described


def _path_parameters(operation: Operation) -> list[Json]:
    schema = text(least=1)
    prefix = operation.route.partition("{")[0].removeprefix(operation.path.partition("{")[0])
    if prefix:
        schema = text(least=1, form=f"^{prefix}")
    return [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name in _IN_PATH.findall(operation.path)
    ]


def _replies(operation: Operation) -> Json:
    statuses = (ALWAYS | operation.statuses | (WITH_BODY if operation.bodies else set())) - set(
        operation.replies
    )
    said = {
        str(status): {"description": _meaning(status), **_bodies(content)}
        for status, content in operation.replies.items()
    }
    errors = {
        str(status): {
            "description": _STATUSES[status],
            "content": _content({JSON: operation.errors}),
        }
        for status in sorted(statuses)
    }
    return {**said, **errors}


def _meaning(status: int) -> str:
    return _STATUSES.get(status) or ("Not changed." if status == 304 else "Done, or under way.")


def _bodies(content: Mapping[str, Json | None]) -> Json:
    return {"content": _content(content)} if content else {}


def _content(content: Mapping[str, Json | None]) -> Json:
    return {kind: {"schema": schema} if schema else {} for kind, schema in content.items()}
