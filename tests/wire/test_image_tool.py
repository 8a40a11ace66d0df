"""The table of refusals of an `image_generation` entry, row by row, in the order of checking."""

from __future__ import annotations

from typing import Any

import pytest

from limner.core.image import ImageData, Size
from limner.core.lora import Lora
from limner.core.request import ImageTool
from tests.wire.asking import parsed, refused
from tests.wire.test_input import PNG, PNG_URL

FUNCTION = {"type": "function", "name": "f", "parameters": {}}


def tool(**fields: Any) -> dict[str, Any]:
    return {"type": "image_generation", **fields}


def asked(**fields: Any) -> ImageTool:
    image_tool = parsed(stream=True, tools=[tool(**fields)]).image_tool
    assert image_tool
    return image_tool


QUALITIES = "'low', 'medium', 'high', 'xhigh', 'max', 'auto'"
SIZES = "'auto' or WIDTHxHEIGHT, such as '1024x1024', with edges of 16 to 4096 pixels"

ROWS: list[tuple[str, object, str, str]] = [
    ("colour", "red", "unknown_parameter", "Unknown parameter: '{P}.colour'."),
    ("n", 2, "unknown_parameter", "Unknown parameter: '{P}.n'."),
    ("n", True, "unknown_parameter", "Unknown parameter: '{P}.n'."),
    ("model", "", "invalid_value", 'Invalid value: "". Expected a non-empty model id.'),
    ("model", 5, "invalid_value", "Invalid value: 5. Expected a non-empty model id."),
    (
        "model",
        "m" * 257,
        "invalid_value",
        f'Invalid value: "{"m" * 100}…". Expected a non-empty model id.',
    ),
    ("size", "big", "invalid_value", f'Invalid value: "big". Expected {SIZES}.'),
    ("size", "15x64", "invalid_value", f'Invalid value: "15x64". Expected {SIZES}.'),
    ("size", "64x4097", "invalid_value", f'Invalid value: "64x4097". Expected {SIZES}.'),
    ("size", "064x64", "invalid_value", f'Invalid value: "064x64". Expected {SIZES}.'),
    ("size", "64x64\n", "invalid_value", f'Invalid value: "64x64\\n". Expected {SIZES}.'),
    ("size", "٦٤x64", "invalid_value", f'Invalid value: "٦٤x64". Expected {SIZES}.'),
    ("size", 1024, "invalid_value", f"Invalid value: 1024. Expected {SIZES}."),
    (
        "quality",
        "best",
        "invalid_value",
        f'Invalid value: "best". Supported values are: {QUALITIES}.',
    ),
    (
        "quality",
        "hd",
        "invalid_value",
        f'Invalid value: "hd". Supported values are: {QUALITIES}.',
    ),
    (
        "quality",
        ["low"],
        "invalid_value",
        f'Invalid value: ["low"]. Supported values are: {QUALITIES}.',
    ),
    (
        "background",
        "blue",
        "invalid_value",
        "Invalid value: \"blue\". Supported values are: 'transparent', 'opaque', 'auto'.",
    ),
    (
        "output_format",
        "gif",
        "invalid_value",
        "Invalid value: \"gif\". Supported values are: 'png', 'jpeg', 'webp'.",
    ),
    (
        "output_format",
        "svg",
        "invalid_value",
        "Invalid value: \"svg\". Supported values are: 'png', 'jpeg', 'webp'.",
    ),
    (
        "moderation",
        "high",
        "invalid_value",
        "Invalid value: \"high\". Supported values are: 'auto', 'low'.",
    ),
    (
        "action",
        "paint",
        "invalid_value",
        "Invalid value: \"paint\". Supported values are: 'generate', 'edit', 'auto'.",
    ),
    (
        "input_fidelity",
        "medium",
        "invalid_value",
        "Invalid value: \"medium\". Supported values are: 'high', 'low'.",
    ),
    (
        "output_compression",
        "50",
        "invalid_value",
        'Invalid value: "50". Expected an integer in [0, 100].',
    ),
    (
        "output_compression",
        1.5,
        "invalid_value",
        "Invalid value: 1.5. Expected an integer in [0, 100].",
    ),
    (
        "output_compression",
        True,
        "invalid_value",
        "Invalid value: true. Expected an integer in [0, 100].",
    ),
    (
        "output_compression",
        -1,
        "integer_below_min_value",
        "Invalid value: -1. Expected an integer >= 0.",
    ),
    (
        "output_compression",
        101,
        "integer_above_max_value",
        "Invalid value: 101. Expected an integer <= 100.",
    ),
    (
        "partial_images",
        False,
        "invalid_value",
        "Invalid value: false. Expected an integer in [0, 3].",
    ),
    (
        "partial_images",
        -1,
        "integer_below_min_value",
        "Invalid value: -1. Expected an integer >= 0.",
    ),
    (
        "partial_images",
        4,
        "integer_above_max_value",
        "Invalid value: 4. Expected an integer <= 3.",
    ),
    ("seed", 1.0, "invalid_value", "Invalid value: 1.0. Expected an integer in [0, 4294967295]."),
    ("seed", True, "invalid_value", "Invalid value: true. Expected an integer in [0, 4294967295]."),
    (
        "seed",
        2**32,
        "integer_above_max_value",
        "Invalid value: 4294967296. Expected an integer <= 4294967295.",
    ),
    (
        "input_image_mask",
        [],
        "invalid_value",
        "Invalid value: []. Expected an object with 'image_url' or 'file_id'.",
    ),
    (
        "complexity",
        "low",
        "unsupported_parameter",
        "Unsupported parameter: '{P}.complexity'. "
        "How much a picture is planned cannot be set here; leave it out.",
    ),
    (
        "frame_count",
        9,
        "unsupported_parameter",
        "Unsupported parameter: '{P}.frame_count'. "
        "Animated pictures are not made here; leave it out.",
    ),
    (
        "frame_duration_ms",
        200,
        "unsupported_parameter",
        "Unsupported parameter: '{P}.frame_duration_ms'. "
        "Animated pictures are not made here; leave it out.",
    ),
    (
        "svg",
        {},
        "unsupported_parameter",
        "Unsupported parameter: '{P}.svg'. Vector pictures are not made here; leave it out.",
    ),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("field", "value", "code", "message"), ROWS)
def test_a_field_that_does_not_fit_is_refused_by_its_path(
    field: str, value: object, code: str, message: str, stream: bool
) -> None:
    tools = [FUNCTION, tool(**{field: value})]
    where = "tools[1]"
    assert refused(stream=stream, tools=tools) == (
        code,
        f"{where}.{field}",
        message.replace("{P}", where),
    )


ORDER = [
    "colour", "model", "size", "quality", "background", "output_format", "moderation", "action",
    "input_fidelity", "output_compression", "partial_images", "input_image_mask",
]  # fmt: skip


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_fields_are_checked_in_a_fixed_order_whatever_the_clients_was(first: int) -> None:
    wrong = {name: 1.5 for name in reversed(ORDER[first:])}
    assert refused(tools=[tool(**wrong)])[1] == f"tools[0].{ORDER[first]}"


def test_every_entry_is_checked_even_when_a_later_one_replaces_it() -> None:
    tools = [tool(quality="best"), tool()]
    assert refused(tools=tools)[1] == "tools[0].quality"


def test_the_last_entry_counts_and_the_replacement_is_reported() -> None:
    request = parsed(tools=[tool(quality="low"), FUNCTION, tool(quality="high")])
    assert request.image_tool == ImageTool(index=0, quality="high", path="tools[2]")
    assert request.adjustments == ("tools[0]: replaced by the later entry tools[2].",)


def test_a_bare_entry_leaves_every_choice_to_the_back_end() -> None:
    assert asked() == ImageTool(index=0)


def test_auto_and_null_and_the_echo_of_defaults_say_the_same_as_nothing() -> None:
    defaults = tool(
        background="auto", moderation="auto", n=1, quality="auto", size="auto", action="auto"
    )
    assert parsed(tools=[defaults]).image_tool == ImageTool(index=0)
    nulls: dict[str, Any] = dict.fromkeys([*ORDER, "n", "svg", "frame_count"])
    assert asked(**nulls) == ImageTool(index=0)


def test_every_setting_arrives() -> None:
    assert asked(
        model="tiny",
        size="1280x720",
        quality="high",
        background="transparent",
        output_format="webp",
        output_compression=0,
        moderation="low",
        partial_images=3,
        action="generate",
        input_fidelity="low",
        input_image_mask={"image_url": PNG_URL},
        seed=2**32 - 1,
        loras=[{"name": "ink"}],
    ) == ImageTool(
        index=0,
        model="tiny",
        size=Size(1280, 720),
        quality="high",
        background="transparent",
        output_format="webp",
        output_compression=0,
        moderation="low",
        partial_images=3,
        action="generate",
        input_fidelity="low",
        mask=ImageData(PNG, "png"),
        seed=2**32 - 1,
        loras=(Lora("ink"),),
    )


def test_what_is_our_own_is_not_declared_elsewhere() -> None:
    declared = asked(seed=7, loras=[{"name": "ink"}], size="auto").declared
    assert declared == {"type": "image_generation", "size": "auto"}


@pytest.mark.parametrize("size", ["16x16", "4096x16", "16x4096"])
def test_sizes_are_free_within_the_bounds(size: str) -> None:
    assert str(asked(size=size).size) == size


def test_partial_images_need_a_stream() -> None:
    request = parsed(tools=[tool(partial_images=2)])
    assert request.image_tool == ImageTool(index=0, partial_images=0)
    assert request.adjustments == (
        "tools[0].partial_images: none are made, only a stream shows them.",
    )
