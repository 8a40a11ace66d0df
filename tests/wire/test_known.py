"""What was found under the names that a request has, in the places where it names them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pybase64
import pytest

from limner.core.errors import InvalidRequest
from limner.core.image import ImageData
from limner.core.items import (
    FunctionCallOutput,
    ImageCall,
    ImageCallError,
    ImagePart,
    Message,
    Opaque,
    TextPart,
)
from limner.core.request import ResponseRequest
from limner.wire.input import parse_items
from limner.wire.known import NOTHING_KNOWN, Known
from limner.wire.parse import parse_request

CONTENT = b"\x89PNG\r\n\x1a\n rest"
PNG = ImageData(CONTENT, "png")
PNG_BASE64 = pybase64.b64encode(CONTENT).decode()
GIF = "data:image/gif;base64," + pybase64.b64encode(b"GIF89a").decode()
WEB = "https://example.com/a.png"
DRAWN = {
    "type": "image_generation_call",
    "id": "ig_1",
    "status": "completed",
    "result": PNG_BASE64,
    "revised_prompt": "a cat",
}
SAID = {"type": "message", "id": "msg_1", "role": "user", "content": "first"}
NAMED = Known(
    items={"ig_1": DRAWN, "msg_1": SAID},
    files={"file_1": PNG},
    urls={WEB: PNG, GIF: PNG},
)
KNOWN = replace(NAMED, history=[SAID, DRAWN])


def parsed(known: Known = KNOWN, **body: Any) -> ResponseRequest:
    return parse_request({"model": "m", "input": "hello", **body}, known)


def refusal(known: Known = KNOWN, **body: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        parsed(known, **body)
    return caught.value


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


HELLO = Message("user", (TextPart("hello"),))
FIRST = Message("user", (TextPart("first"),), id="msg_1")
CAT = ImageCall("ig_1", "a cat", PNG)


def test_what_was_said_before_comes_first() -> None:
    request = parsed(previous_response_id="resp_1")
    assert request.items == (FIRST, CAT, HELLO)
    assert request.past == 2
    assert request.echo.previous_response_id == "resp_1"
    assert request.instructions is None


@pytest.mark.parametrize("nothing", [None, []])
def test_nothing_new_need_be_said_after_something_old(nothing: object) -> None:
    request = parsed(previous_response_id="resp_1", input=nothing)
    assert request.items == (FIRST, CAT)
    assert refusal(NOTHING_KNOWN, conversation="conv_1", input=None).param == "input"


def test_errors_count_the_clients_own_items_only() -> None:
    error = refusal(previous_response_id="resp_1", input=[SAID, {"role": "x", "content": ""}])
    assert error.param == "input[1].role"


@pytest.mark.parametrize(
    ("name", "value"), [("previous_response_id", "r"), ("conversation", {"id": "c"})]
)
def test_what_is_wrong_with_old_items_is_told_where_they_are_named(
    name: str, value: object
) -> None:
    known = Known(history=[SAID, {"role": "x", "content": ""}])
    assert refusal(known, **{name: value}).param == f"{name}.items[1].role"


@pytest.mark.parametrize(
    ("item", "found"),
    [
        ({"type": "item_reference", "id": "ig_1"}, CAT),
        ({"type": "item_reference", "id": "msg_1"}, FIRST),
        ({"id": "msg_1"}, FIRST),
        ({"type": "image_generation_call", "id": "ig_1"}, CAT),
        ({**DRAWN, "result": None, "revised_prompt": "a lie"}, CAT),
        ({**DRAWN, "result": "", "error": {"message": "no"}}, CAT),
    ],
)
def test_an_item_that_is_only_named_is_the_one_that_was_kept(
    item: dict[str, Any], found: object
) -> None:
    assert parsed(NAMED, input=[item]).items == (found,)
    assert parse_items([item], "items", KNOWN) == (found,)


def test_a_failed_call_that_nobody_kept_is_what_the_client_says() -> None:
    failed = {**DRAWN, "status": "failed", "result": None, "error": {"message": "no"}}
    assert parsed(NOTHING_KNOWN, input=[failed]).items == (
        ImageCall("ig_1", "a cat", None, ImageCallError("no")),
    )


@pytest.mark.parametrize(
    "item",
    [
        {"type": "item_reference", "id": "x"},
        {"id": "x"},
        {"type": "image_generation_call", "id": "x"},
        {**DRAWN, "id": "x", "result": None},
        {**DRAWN, "id": "x", "result": None, "status": None},
    ],
)
@pytest.mark.parametrize("known", [KNOWN, NOTHING_KNOWN])
def test_an_item_that_was_not_kept_is_not_found(item: dict[str, Any], known: Known) -> None:
    error = refusal(known, input=[SAID, item])
    assert (error.status, error.code, error.param) == (404, None, "input")
    assert error.message == "Item with id 'x' not found."
    assert error.type == "invalid_request_error"


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"type": "item_reference"}, "input[0].id"),
        ({"type": "item_reference", "id": 1}, "input[0].id"),
        ({"type": "image_generation_call"}, "input[0].id"),
    ],
)
def test_a_name_must_be_a_name(item: dict[str, Any], param: str) -> None:
    assert refusal(input=[item]).param == param


def test_a_picture_that_history_has_lost_is_one_without_bytes() -> None:
    known = Known(history=[{**DRAWN, "result": None}])
    assert parsed(known, conversation="c").items[0] == ImageCall("ig_1", "a cat", None)


@pytest.mark.parametrize("named", [{"file_id": "file_1"}, {"image_url": WEB}, {"image_url": GIF}])
def test_pictures_that_are_only_named_are_those_that_were_found(named: dict[str, str]) -> None:
    image = {"type": "input_image", **named}
    output = {"type": "function_call_output", "call_id": "c", "output": [image]}
    assert parsed(NAMED, input=[user(image), output]).items == (
        Message("user", (ImagePart(PNG),)),
        FunctionCallOutput("c", (ImagePart(PNG),)),
    )
    tool = {"type": "image_generation", "input_image_mask": named}
    image_tool = parsed(tools=[tool]).image_tool
    assert image_tool is not None
    assert image_tool.mask == PNG
    whole = {"image_url": f"data:image/png;base64,{PNG_BASE64}"}
    assert image_tool.declared == {**tool, "input_image_mask": whole}


@pytest.mark.parametrize(
    ("named", "code", "param"),
    [
        ({"file_id": "file_1"}, "image_file_not_found", ".file_id"),
        ({"image_url": WEB}, "unsupported_image_source", ".image_url"),
        ({"image_url": GIF}, "unsupported_image_source", ".image_url"),
    ],
)
def test_pictures_that_were_not_found_are_refused(
    named: dict[str, str], code: str, param: str
) -> None:
    error = refusal(NOTHING_KNOWN, input=[user({"type": "input_image", **named})])
    assert (error.code, error.param) == (code, f"input[0].content[0]{param}")
    error = refusal(NOTHING_KNOWN, tools=[{"type": "image_generation", "input_image_mask": named}])
    assert (error.code, error.param) == (code, f"tools[0].input_image_mask{param}")


@pytest.mark.parametrize(
    ("mask", "code", "param"),
    [
        ({}, "missing_mutually_exclusive_parameters", ""),
        ({"image_url": WEB, "file_id": "file_1"}, "mutually_exclusive_parameters", ".file_id"),
        ({"image_url": "iVBORw0K"}, "invalid_value", ".image_url"),
        ({"image_url": "data:text/plain;base64,aGk="}, "invalid_value", ".image_url"),
        ({"image_url": "data:image/jpeg;base64,/9j/4A=="}, "invalid_value", ".image_url"),
        ({"file_id": "jpeg"}, "invalid_value", ".file_id"),
        ({"image_url": 1}, "invalid_type", ".image_url"),
        ({"file_id": "file_1", "detail": "low"}, "unknown_parameter", ".detail"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(mask: dict[str, Any], code: str, param: str) -> None:
    known = Known(files={"file_1": PNG, "jpeg": ImageData(b"", "jpeg")}, urls={WEB: PNG})
    error = refusal(known, tools=[{"type": "image_generation", "input_image_mask": mask}])
    assert (error.code, error.param) == (code, f"tools[0].input_image_mask{param}")


def test_what_was_said_before_is_named_in_one_way_only() -> None:
    error = refusal(previous_response_id="r", conversation="c")
    assert (error.code, error.param) == ("mutually_exclusive_parameters", "previous_response_id")
    assert "'conversation'" in error.message


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"previous_response_id": 1}, "previous_response_id"),
        ({"previous_response_id": ""}, "previous_response_id"),
        ({"conversation": 1}, "conversation"),
        ({"conversation": ""}, "conversation"),
        ({"conversation": {}}, "conversation.id"),
        ({"conversation": {"id": 1}}, "conversation.id"),
        ({"conversation": {"id": "c", "items": []}}, "conversation.items"),
    ],
)
def test_what_came_before_must_be_named_well(body: dict[str, Any], param: str) -> None:
    assert refusal(**body).param == param


def test_items_to_be_kept_are_checked_under_their_own_path() -> None:
    assert parse_items([SAID, {"type": "x"}], "items", KNOWN) == (FIRST, Opaque({"type": "x"}))
    with pytest.raises(InvalidRequest) as caught:
        parse_items([SAID, {"role": "user"}], "items", KNOWN)
    assert caught.value.param == "items[1].content"


EDIT = {"type": "image_generation", "action": "edit"}


@pytest.mark.parametrize(
    "body",
    [
        {"previous_response_id": "resp_1"},
        {"input": [{"id": "ig_1"}]},
        {"input": [user({"type": "input_image", "file_id": "file_1"})]},
        {"tools": [{**EDIT, "input_image_mask": {"file_id": "file_1"}}]},
    ],
)
def test_an_edit_needs_something_to_edit(body: dict[str, Any]) -> None:
    known = KNOWN if "previous_response_id" in body else NAMED
    assert parsed(known, **{"tools": [EDIT], **body}).image_tool is not None


@pytest.mark.parametrize("stream", [False, True])
def test_an_edit_of_nothing_is_the_users_error(stream: bool) -> None:
    error = refusal(NOTHING_KNOWN, stream=stream, tools=[EDIT])
    assert error.message == (
        "ImageGenTool action 'edit' requires an image, mask, or previous context"
    )
    assert (error.status, error.type) == (400, "image_generation_user_error")
    assert (error.param, error.code) == ("input", None)
