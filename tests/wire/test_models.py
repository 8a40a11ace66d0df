from __future__ import annotations

import pytest

from limner.core.image import ImageCapabilities, Size
from limner.core.readiness import Readiness
from limner.core.turn import UpstreamCapabilities
from limner.wire.models import ImageToolState, ModelEntry, model_json, models_json, read_model_ids

INTENT = ModelEntry("intent", 100, UpstreamCapabilities("intent", vision=False, built_in=True))
TINY = ModelEntry(
    "tiny",
    100,
    ImageCapabilities(
        "engine",
        ("png", "jpeg"),
        (Size(256, 256),),
        Size(320, 192),
        16,
        128,
        512,
        max_n=4,
        progress=True,
        seed=True,
        edits=True,
        mask=True,
        max_images=1,
        strength=True,
        transparent=False,
    ),
    Readiness("loading", "reading weights", 0.5),
    owned_by="you",
)


def test_the_list_is_openais_with_a_block_that_says_what_each_can_do() -> None:
    assert models_json([INTENT, TINY]) == {
        "object": "list",
        "data": [
            {
                "id": "intent",
                "object": "model",
                "created": 100,
                "owned_by": "limner",
                "limner": {
                    "kind": "language",
                    "served_by": "intent",
                    "sees_images": False,
                    "function_calling": "native",
                    "parallel_tool_calls": True,
                    "native_image_tool": False,
                    "built_in": True,
                    "state": "ready",
                },
            },
            {
                "id": "tiny",
                "object": "model",
                "created": 100,
                "owned_by": "you",
                "limner": {
                    "kind": "image",
                    "served_by": "engine",
                    "sizes": ["256x256"],
                    "native_px": 248,
                    "size_multiple": 16,
                    "min_edge_px": 128,
                    "max_edge_px": 512,
                    "output_formats": ["png", "jpeg"],
                    "max_n": 4,
                    "partial_images": True,
                    "progress": True,
                    "seed": True,
                    "edits": True,
                    "mask": True,
                    "max_images": 1,
                    "input_fidelity": False,
                    "strength": True,
                    "transparent_background": False,
                    "state": "loading",
                    "message": "reading weights",
                    "progress_of_loading": 0.5,
                },
            },
        ],
    }


def test_what_is_not_known_of_a_back_end_is_not_said() -> None:
    entry = ModelEntry("x", 1, ImageCapabilities("far"), Readiness("ready", "up"))
    assert model_json(entry)["limner"] == {
        "kind": "image",
        "served_by": "far",
        "partial_images": True,
        "progress": False,
        "seed": False,
        "edits": False,
        "mask": False,
        "input_fidelity": False,
        "strength": False,
        "state": "ready",
        "message": "up",
    }


def test_an_alias_says_what_it_stands_for_where_it_is_and_what_paints_for_it() -> None:
    tool = ImageToolState("on", "tiny paints", "tiny")
    entry = ModelEntry(
        "fast",
        1,
        UpstreamCapabilities("chat", native_image_tool=True),
        upstream="local",
        stands_for="qwen3",
        image_tool=tool,
    )
    assert model_json(entry)["limner"] == {
        "kind": "language",
        "served_by": "chat",
        "sees_images": True,
        "function_calling": "native",
        "parallel_tool_calls": True,
        "native_image_tool": True,
        "built_in": False,
        "upstream": "local",
        "stands_for": "qwen3",
        "image_tool": {"state": "on", "reason": "tiny paints", "image_backend": "tiny"},
        "state": "ready",
    }


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"object": "list", "data": [{"id": "a"}, {"id": "b"}, {"id": "a"}]}', ("a", "b")),
        (b'{"data": [{"type": "model", "id": "claude"}], "has_more": false}', ("claude",)),
        (b'[{"id": "bare"}, {"name": "none"}, {"id": 3}, {"id": ""}, "no"]', ("bare",)),
        (b'{"data": []}', ()),
    ],
)
def test_the_names_of_another_list_are_read(body: bytes, names: tuple[str, ...]) -> None:
    assert read_model_ids(body) == names


@pytest.mark.parametrize("body", [b"", b"<html>", b"3", b"{}", b'{"data": {}}'])
def test_what_is_no_list_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_model_ids(body)
