"""What servers with few options refuse, and what is told of the pictures that they do paint."""

from __future__ import annotations

from typing import Any

import pytest

from limner.core.image import ImageCapabilities, ImageRequest, PartialImage, Resolved, Size
from limner.wire.images_plain import (
    Painting,
    PreviewChoice,
    adjustments,
    own_model,
    read_object,
    refusal,
)
from tests.pictures import picture

CAT = ImageRequest("a cat")
THEIRS = ImageCapabilities("theirs")


@pytest.mark.parametrize("asked", [{"seed": 0}, {"steps": 8}, {"guidance_scale": 0.0}])
def test_what_the_server_cannot_do_is_refused_by_name(asked: dict[str, Any]) -> None:
    request = ImageRequest("a cat", **asked)
    [name] = asked
    failed = refusal(request, THEIRS, ())
    assert failed is not None
    assert (failed.code, failed.status, failed.param) == ("not_supported", 400, name)
    assert failed.message == f"{name} is not known to the image back end 'theirs'; leave it out"
    assert refusal(request, THEIRS, (name,)) is None


@pytest.mark.parametrize("background", [None, "auto", "opaque"])
def test_a_background_may_be_opaque(background: str | None) -> None:
    assert refusal(ImageRequest("a cat", background=background), THEIRS, ()) is None


def test_a_transparent_background_is_refused() -> None:
    failed = refusal(ImageRequest("a cat", background="transparent"), THEIRS, ())
    assert failed is not None
    assert failed.param == "background"


def test_what_its_capabilities_do_not_have_is_refused_by_name() -> None:
    edit = ImageRequest("a cat", images=(picture(),))
    failed = refusal(edit, THEIRS, ())
    assert failed is not None
    assert (failed.code, failed.param) == ("not_supported", "image")
    assert refusal(edit, ImageCapabilities("theirs", edits=True), ()) is None


@pytest.mark.parametrize(
    ("asked", "configured", "used"),
    [
        (None, None, None),
        (None, "sd15", "sd15"),
        ("gpt-image-1", "sd15", "sd15"),
        ("dall-e-3", None, None),
        ("theirs", "sd15", "sd15"),
        ("sdxl", "sd15", "sdxl"),
    ],
)
def test_openais_models_and_the_servers_name_stand_for_its_own(
    asked: str | None, configured: str | None, used: str | None
) -> None:
    assert own_model(asked, configured, "theirs") == used


def test_options_without_effect_are_said() -> None:
    request = ImageRequest(
        "a cat",
        model="gpt-image-1",
        quality="high",
        moderation="low",
        output_compression=80,
        input_fidelity="high",
    )
    none = "changes nothing: the image back end 'theirs' has no such setting"
    assert adjustments(request, "theirs") == (
        f"quality 'high' {none}",
        f"moderation 'low' {none}",
        f"output_compression 80 {none}",
        f"input_fidelity 'high' {none}",
        "painted by a model of the image back end 'theirs' instead of 'gpt-image-1'",
    )
    assert adjustments(ImageRequest("a cat", model="sdxl", quality="auto"), "theirs") == ()


def test_a_preview_is_told_with_the_size_of_its_picture() -> None:
    painting = Painting(CAT, 1, Size(64, 64), 7, 20, "sd15", ("said",))
    assert painting.preview(0, picture()) == PartialImage(
        0,
        picture(),
        Resolved(
            Size(64, 64),
            output_format="png",
            seed=7,
            steps=20,
            model="sd15",
            adjustments=("said",),
        ),
        1,
    )


def test_a_picture_is_told_as_it_is_and_what_differs_is_said() -> None:
    request = ImageRequest("a cat", size=Size(16, 16), output_format="webp")
    assert Painting(request, seed=7, said=("said",)).resolved(picture()) == Resolved(
        Size(8, 8),
        output_format="png",
        seed=7,
        adjustments=(
            "said",
            "size: the image back end painted 8x8 instead of 16x16.",
            "output_format: the image back end sent png instead of webp.",
        ),
    )


@pytest.mark.parametrize(("wanted", "taken"), [(0, []), (1, [4]), (2, [3, 6]), (3, [2, 4, 6])])
def test_previews_are_spread_over_the_steps(wanted: int, taken: list[int]) -> None:
    choice = PreviewChoice(wanted)
    chosen = {step: choice.take(step, 8) for step in range(9)}
    assert [step for step, index in chosen.items() if index is not None] == taken
    assert [index for index in chosen.values() if index is not None] == list(range(wanted))


def test_a_preview_of_unknown_progress_is_taken() -> None:
    assert PreviewChoice(1).take(0, 0) == 0


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b"null"])
def test_what_is_no_object_has_no_fields(body: bytes) -> None:
    assert read_object(body) == {}
    assert read_object(b'{"a": 1}') == {"a": 1}
