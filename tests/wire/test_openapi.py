"""What the API's description promises of bodies, held to the parsers that read them.

Bodies are made from the schemas: each is accepted, or refused for a reason that no schema can say,
such as two fields that exclude each other.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from json import dumps
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from limner.core.errors import InvalidRequest
from limner.core.image import ImageCapabilities, Size
from limner.wire import json
from limner.wire.conversations import parse_new_conversation, parse_new_items, parse_update
from limner.wire.gallery import parse_star
from limner.wire.images import parse_images_request
from limner.wire.images_edits import parse_edit
from limner.wire.input_tokens import parse_count_request
from limner.wire.jobs_edit import parse_edit_job
from limner.wire.jobs_fields import Faults
from limner.wire.jobs_request import JobDefaults, parse_job
from limner.wire.known import NOTHING_KNOWN
from limner.wire.openapi import document
from limner.wire.openapi_operations import OPERATIONS, SCHEMAS
from limner.wire.parse import parse_request
from limner.wire.request_fields import (
    IMAGE_TOOL_FIELDS,
    REQUEST_FIELDS,
    FieldRule,
    names_of,
    notes_of,
)
from tests.pictures import picture

CAN = ImageCapabilities("able", edits=True, mask=True, seed=True, strength=True, max_images=16)

Body = Mapping[str, Any]


def numbered(prefix: str) -> str:
    return f"{prefix}1"


def job(parsed: object) -> object:
    """Faults of the job API, as what the others raise."""
    if isinstance(parsed, Faults):
        first = parsed.detail[0]
        raise InvalidRequest(first["msg"], code=first["type"], param=first["loc"][-1])
    return parsed


PARSERS: dict[str, Callable[[Body], object]] = {
    "createResponse": parse_request,
    "countInputTokens": parse_count_request,
    "generateImages": parse_images_request,
    "editImages": parse_edit,
    "starPicture": parse_star,
    "createConversation": lambda body: parse_new_conversation(body, NOTHING_KNOWN, numbered),
    "updateConversation": parse_update,
    "addItems": lambda body: parse_new_items(body, NOTHING_KNOWN, numbered),
    "generate": lambda body: job(parse_job(body, CAN, JobDefaults(Size(512, 512)), 1)),
    "generateLater": lambda body: job(parse_job(body, CAN, JobDefaults(Size(512, 512)), 1)),
    "modify": lambda body: job(parse_edit_job(body, CAN, 1)),
    "modifyLater": lambda body: job(parse_edit_job(body, CAN, 1)),
}
BEYOND_SCHEMAS = {
    "mutually_exclusive_parameters",
    "missing_mutually_exclusive_parameters",
    "missing_required_parameter",
    "image_file_not_found",
    "invalid_json",
    "unsupported_image_source",
}
"""Codes for what hangs on other fields, on what the server keeps, or on the character NUL."""

PNG = base64.b64encode(picture().content).decode()
REAL: dict[str, Body] = {
    "editImages": {"images": [{"image_url": f"data:image/png;base64,{PNG}"}], "mask": None},
    "modify": {"image_base64": PNG, "mask_base64": None},
    "modifyLater": {"image_base64": PNG, "mask_base64": None},
}

JSON_BODIES = [it for it in OPERATIONS if "application/json" in it.bodies]


def plain(schema: Any) -> Any:
    """With a string where anything may stand, which takes too long to make up."""
    if isinstance(schema, list):
        return [plain(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    properties = {
        name: {"type": "string"} if it == {} else plain(it)
        for name, it in schema.get("properties", {}).items()
    }
    rest = {name: plain(it) for name, it in schema.items() if name != "properties"}
    return {**rest, "properties": properties} if properties else rest


def as_integers(value: Any) -> Any:
    """With 1 in place of 1.0, which schemas cannot tell apart, and clients do not send."""
    if isinstance(value, dict):
        return {name: as_integers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [as_integers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def filled(name: str, body: Body) -> Body:
    """The body with what no schema can ask for: pictures, and an input where nothing is named."""
    if name == "createResponse" and body.get("input") is None:
        return {**body, "input": "hello"}
    return {**body, **REAL.get(name, {})}


def is_beyond(error: InvalidRequest) -> bool:
    """Whether no schema could have said so."""
    path = error.param or ""
    return (
        error.status == 404
        or "printable" in error.message
        or error.code in BEYOND_SCHEMAS
        or error.type == "image_generation_user_error"
        or path.endswith(("image_url", "image_base64", "mask_base64", ".result", "size"))
        or path in ("width", "height")
        or path.startswith("tool_choice")
    )


@pytest.mark.parametrize(
    ("schema", "rules"), [("CreateResponse", REQUEST_FIELDS), ("ImageTool", IMAGE_TOOL_FIELDS)]
)
def test_every_field_of_a_table_is_described(schema: str, rules: tuple[FieldRule, ...]) -> None:
    described = set(SCHEMAS[schema]["properties"]) - {"type"}
    assert described == names_of(rules) - notes_of(rules, "refused").keys()


def test_every_body_has_its_parser() -> None:
    assert {operation.id for operation in JSON_BODIES} == set(PARSERS)


def test_no_route_is_described_twice() -> None:
    assert len({operation.key for operation in OPERATIONS}) == len(OPERATIONS)
    assert len({operation.id for operation in OPERATIONS}) == len(OPERATIONS)


@pytest.mark.parametrize("name", PARSERS)
def test_what_the_description_allows_is_accepted(name: str) -> None:
    operation = next(it for it in OPERATIONS if it.id == name)
    schema = schemathesis.openapi.from_dict(plain(document(OPERATIONS, SCHEMAS, "1")))
    case_of = schema[operation.path][operation.method].as_strategy()
    accepted = 0

    @settings(
        max_examples=60,
        phases=[Phase.generate],
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case_of)
    def accepts(case: schemathesis.Case[Any]) -> None:
        nonlocal accepted
        if case.media_type != "application/json":
            return
        try:
            body = json.load_body(dumps(as_integers(case.body)).encode())
            PARSERS[name](filled(name, body))
            accepted += 1
        except InvalidRequest as error:
            if not is_beyond(error):
                raise

    accepts()
    assert accepted, "nothing that was made was accepted"
