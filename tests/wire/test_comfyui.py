"""Prompts for ComfyUI, and its messages, told and shown."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.image import (
    ImageEvent,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    PartialImage,
    Size,
)
from limner.wire.comfyui import (
    PromptReader,
    needs_model,
    order_picture,
    refused_model,
    render_prompt,
)
from limner.wire.comfyui_workflow import Workflow, read_workflow
from limner.wire.images_plain import Painting
from tests.pictures import picture

CAT = ImageRequest("a cat", seed=7)
PAINTING = Painting(ImageRequest("a cat", partial_images=1))
PNG = picture()


def template(**inputs: str) -> Workflow:
    node = {"class_type": "Node", "inputs": {"text": "{{prompt}}", **inputs}}
    return read_workflow(orjson.dumps({"1": node}))


WHOLE = template(
    model="{{model}}",
    seed="{{seed}}",
    width="{{width|64}}",
    height="{{height|32}}",
    steps="{{steps|20}}",
    cfg="{{guidance_scale|7}}",
)


def told(type: str, **data: Any) -> str:
    return orjson.dumps({"type": type, "data": {"prompt_id": "p", **data}}).decode()


def shown(content: bytes = PNG.content, *, prompt_id: str | None = None) -> bytes:
    """A preview as servers send it: the older kind, or with metadata that names its prompt."""
    if prompt_id is None:
        return b"\0\0\0\1\0\0\0\2" + content
    metadata = orjson.dumps({"node_id": "3", "prompt_id": prompt_id})
    return b"\0\0\0\4" + len(metadata).to_bytes(4, "big") + metadata + content


def read(*messages: str | bytes, painting: Painting = PAINTING) -> list[ImageEvent]:
    reader = PromptReader("p", painting)
    return [event for message in messages for event in reader.read(message)]


def test_everything_asked_is_filled_in() -> None:
    request = ImageRequest(
        "a cat", size=Size(512, 256), steps=4, guidance_scale=1.5, seed=7, partial_images=2
    )
    painting = order_picture(WHOLE, request, 1, "sd15")
    assert painting == Painting(request, 1, Size(512, 256), 7, 4, "sd15")
    assert render_prompt(WHOLE, painting, prompt_id="p", client_id="c") == {
        "prompt": {
            "1": {
                "class_type": "Node",
                "inputs": {
                    "text": "a cat",
                    "model": "sd15",
                    "seed": 7,
                    "width": 512,
                    "height": 256,
                    "steps": 4,
                    "cfg": 1.5,
                },
            }
        },
        "prompt_id": "p",
        "client_id": "c",
        "extra_data": {"preview_method": "auto"},
    }


def test_what_is_not_asked_is_the_templates() -> None:
    painting = order_picture(WHOLE, CAT, 0, "sd15")
    assert painting == Painting(CAT, 0, Size(64, 32), 7, 20, "sd15")
    body = render_prompt(WHOLE, painting, prompt_id="p", client_id="c")
    assert body["prompt"]["1"]["inputs"]["height"] == 32
    assert body["extra_data"] == {"preview_method": "none"}


def test_what_the_template_has_no_place_for_is_not_told() -> None:
    request = ImageRequest("a cat", size=Size(8, 8), seed=7, model="gpt-image-1")
    painting = order_picture(template(), request, 0, None)
    assert (painting.size, painting.seed, painting.steps) == (None, None, None)
    assert "instead of 'gpt-image-1'" in painting.said[0]


def test_a_model_needs_its_place() -> None:
    named = ImageRequest("a cat", model="sdxl")
    assert refused_model(WHOLE, named) is None
    assert refused_model(template(), ImageRequest("a cat", model="gpt-image-1")) is None
    failed = refused_model(template(), named)
    assert failed is not None
    assert failed.message == (
        "model 'sdxl' cannot be chosen: the ComfyUI workflow has no {{model}}"
    )


@pytest.mark.parametrize(
    ("workflow", "model", "expected"),
    [
        (WHOLE, None, True),
        (WHOLE, "sd15", False),
        (template(), None, False),
        (template(model="{{model|sd15}}"), None, False),
    ],
)
def test_a_model_is_looked_for_where_nobody_named_one(
    workflow: Workflow, model: str | None, expected: bool
) -> None:
    assert needs_model(workflow, model) is expected


def test_steps_are_told_as_they_are_done() -> None:
    assert read(told("progress", value=1, max=4, node="3")) == [ImageProgress(1, 4)]


@pytest.mark.parametrize("prompt_id", [None, "p"])
def test_the_previews_that_were_asked_become_partial_images(prompt_id: str | None) -> None:
    events = read(
        *[
            message
            for step in range(1, 5)
            for message in (told("progress", value=step, max=4), shown(prompt_id=prompt_id))
        ]
    )
    assert [type(event).__name__ for event in events] == [
        "ImageProgress",
        "ImageProgress",
        "PartialImage",
        "ImageProgress",
        "ImageProgress",
    ]
    assert isinstance(events[2], PartialImage)
    assert (events[2].index, events[2].image) == (0, PNG)


@pytest.mark.parametrize(
    "message",
    [
        "not JSON",
        "[]",
        "{}",
        '{"type": "progress"}',
        told("status"),
        told("progress", value=1),
        told("progress", value=1, max="4"),
        told("progress", value=1, max=4, prompt_id="another"),
        told("executing", node="3"),
        told("executing", node=None, prompt_id="another"),
        told("execution_success"),
        b"",
        b"\0\0\0\1",
        b"\0\0\0\3text",
        shown(b"what is this"),
        shown(prompt_id="another"),
        b"\0\0\0\4\0\0\0\1{" + PNG.content,
        b"\0\0\0\4\0\0\0\2[]" + PNG.content,
    ],
)
def test_other_messages_change_nothing(message: str | bytes) -> None:
    reader = PromptReader("p", PAINTING)
    assert reader.read(message) == []
    assert not reader.is_over


@given(st.binary() | st.text())
def test_no_message_breaks_the_reader(message: str | bytes) -> None:
    PromptReader("p", PAINTING).read(message)


def test_it_is_over_when_no_node_runs() -> None:
    reader = PromptReader("p", PAINTING)
    assert reader.read(told("executing", node=None)) == []
    assert reader.is_over
    assert not reader.has_failed


@pytest.mark.parametrize(
    ("kind", "retryable"), [("torch.OutOfMemoryError", True), ("ValueError", False)]
)
def test_a_node_that_fails_fails_the_picture(kind: str, retryable: bool) -> None:
    reader = PromptReader("p", PAINTING)
    [event] = reader.read(
        told(
            "execution_error",
            node_type="KSampler",
            exception_type=kind,
            exception_message="no\n room",
        )
    )
    assert event == ImageFailed(
        "ComfyUI failed in KSampler: no room", retryable=retryable, status=502
    )
    assert reader.is_over
    assert reader.has_failed


def test_a_picture_may_be_interrupted_by_others() -> None:
    [event] = read(told("execution_interrupted"))
    assert isinstance(event, ImageFailed)
    assert (event.code, event.retryable) == ("image_interrupted", True)
