"""The bodies of edits: forms as the official clients write them, and JSON that names pictures."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pybase64
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.errors import InvalidRequest
from limner.core.image import ImageData, ImageRequest, Size
from limner.core.lora import Lora
from limner.wire.images import ImagesCall, encode_event
from limner.wire.images_edits import (
    EditCall,
    Filed,
    Linked,
    Sent,
    check_mask,
    parse_edit,
    parse_edit_form,
    read_picture,
    with_pictures,
)
from limner.wire.pictures import MAX_IMAGE_BYTES
from tests.pictures import picture
from tests.scripted_images import done, preview, progress

PNG = picture()
MASK = picture(alpha=True)
DATA_URL = f"data:image/png;base64,{pybase64.b64encode_as_string(PNG.content)}"
CAT = ("prompt", "a cat")
FILE = ("image", PNG.content)
CALL = ImagesCall(ImageRequest("a cat"))


def form(*texts: tuple[str, str], files: tuple[tuple[str, bytes], ...] = (FILE,)) -> EditCall:
    return parse_edit_form((CAT, *texts), files)


def body(**fields: Any) -> EditCall:
    return parse_edit({"prompt": "a cat", "images": [{"image_url": DATA_URL}], **fields})


def why_form(
    *texts: tuple[str, str], files: tuple[tuple[str, bytes], ...] = (FILE,)
) -> tuple[str | None, str | None]:
    with pytest.raises(InvalidRequest) as caught:
        form(*texts, files=files)
    assert caught.value.status == 400
    return caught.value.code, caught.value.param


def why_body(**fields: Any) -> tuple[str | None, str | None]:
    with pytest.raises(InvalidRequest) as caught:
        body(**fields)
    assert caught.value.status == 400
    return caught.value.code, caught.value.param


def test_a_prompt_and_a_file_are_enough() -> None:
    assert form() == EditCall(CALL, (Sent("image", PNG.content),))


@pytest.mark.parametrize("names", [("image[]",) * 3, ("image",) * 3, ("image[0]", "image[1]")])
def test_several_files_come_under_any_of_the_usual_names(names: tuple[str, ...]) -> None:
    files = tuple((name, bytes([i])) for i, name in enumerate(names))
    images = tuple(Sent(f"image[{i}]", bytes([i])) for i in range(len(names)))
    assert form(files=files).images == images


def test_all_fields_of_a_form_are_text() -> None:
    edit = form(
        ("model", "tiny"),
        ("n", "2"),
        ("size", "256x128"),
        ("quality", "high"),
        ("background", "opaque"),
        ("output_format", "jpeg"),
        ("output_compression", "0"),
        ("moderation", "low"),
        ("partial_images", "3"),
        ("stream", "true"),
        ("input_fidelity", "high"),
        ("user", "u"),
        ("response_format", "b64_json"),
        ("seed", "7"),
        ("steps", "4"),
        ("guidance_scale", "1.5"),
        ("strength", "1"),
        ("loras", '[{"name": "ink"}]'),
        ("progress", "True"),
        files=(FILE, ("mask", MASK.content)),
    )
    assert edit == EditCall(
        ImagesCall(
            ImageRequest(
                "a cat",
                model="tiny",
                n=2,
                size=Size(256, 128),
                quality="high",
                background="opaque",
                output_format="jpeg",
                output_compression=0,
                moderation="low",
                partial_images=3,
                input_fidelity="high",
                seed=7,
                steps=4,
                guidance_scale=1.5,
                strength=1,
                client="u",
                loras=(Lora("ink"),),
            ),
            stream=True,
            progress=True,
            safety_identifier="u",
        ),
        (Sent("image", PNG.content),),
        Sent("mask", MASK.content),
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (("n", "two"), "invalid_value"),
        (("n", "1.5"), "invalid_value"),
        (("n", "11"), "integer_above_max_value"),
        (("n", ""), "invalid_value"),
        (("n", "9" * 5000), "invalid_value"),
        (("stream", "1"), "invalid_type"),
        (("strength", "1e999"), "invalid_value"),
        (("strength", "nan"), "invalid_value"),
        (("strength", "1.5"), "decimal_above_max_value"),
        (("strength", "-0.5"), "decimal_below_min_value"),
        (("partial_images", "4"), "integer_above_max_value"),
        (("input_fidelity", "medium"), "invalid_value"),
        (("loras", "[{"), "invalid_type"),
        (("prompt", "again"), "invalid_value"),
        (("image", "text"), "invalid_value"),
        (("image[]", "text"), "invalid_value"),
        (("images", "text"), "invalid_value"),
        (("mask", "text"), "invalid_value"),
        (("model", "tiny\0"), "invalid_value"),
        (("size[0]", "1"), "unknown_parameter"),
        (("negative_prompt", "dogs"), "unknown_parameter"),
        (("complexity", "high"), "unsupported_parameter"),
        (("frame_count", "4"), "unsupported_parameter"),
    ],
)
def test_what_a_form_says_wrongly_is_refused_by_name(text: tuple[str, str], code: str) -> None:
    assert why_form(text) == (code, text[0])


def test_brackets_belong_to_the_field_before_them() -> None:
    assert why_form(("svg[reasoning][effort]", "low")) == ("unsupported_parameter", "svg")


@pytest.mark.parametrize(
    ("files", "code", "param"),
    [
        ((), "missing_required_parameter", "image"),
        ((("mask", b""),), "missing_required_parameter", "image"),
        ((FILE, ("markup", b"")), "unsupported_parameter", "markup"),
        ((FILE, ("prompt", b"")), "unknown_parameter", "prompt"),
        ((FILE, ("image[x]", b"")), "unknown_parameter", "image[x]"),
        ((FILE,) * 17, "array_above_max_length", "image"),
        ((FILE, ("mask", b""), ("mask", b"")), "array_above_max_length", "mask"),
    ],
)
def test_files_are_pictures_and_not_too_many(
    files: tuple[tuple[str, bytes], ...], code: str, param: str
) -> None:
    assert why_form(files=files) == (code, param)


def test_a_file_of_more_than_20_mib_is_refused_with_the_limit() -> None:
    with pytest.raises(InvalidRequest, match="at most 20971520 bytes") as caught:
        form(files=(("image", bytes(MAX_IMAGE_BYTES + 1)),))
    assert (caught.value.code, caught.value.param) == ("image_file_too_large", "image")


def test_sixteen_pictures_are_not_too_many() -> None:
    assert len(form(files=(FILE,) * 16).images) == 16


def test_json_names_its_pictures() -> None:
    edit = body(
        images=[
            {"image_url": DATA_URL, "file_id": None},
            {"image_url": "https://h.example/a"},
            {"file_id": "file-1"},
        ],
        mask={"file_id": "file-2"},
        n=2,
        input_fidelity="low",
        strength=0.5,
    )
    assert edit == EditCall(
        ImagesCall(ImageRequest("a cat", n=2, input_fidelity="low", strength=0.5)),
        (
            Sent("images[0].image_url", PNG.content),
            Linked("images[1].image_url", "https://h.example/a"),
            Filed("images[2].file_id", "file-1"),
        ),
        Filed("mask.file_id", "file-2"),
    )


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"images": None}, "missing_required_parameter", "images"),
        ({"images": []}, "missing_required_parameter", "images"),
        ({"images": "x"}, "invalid_type", "images"),
        ({"images": ["x"]}, "invalid_type", "images[0]"),
        ({"images": [{}] * 17}, "array_above_max_length", "images"),
        ({"images": [{}]}, "missing_mutually_exclusive_parameters", "images[0]"),
        (
            {"images": [{"image_url": DATA_URL, "file_id": "f"}]},
            "mutually_exclusive_parameters",
            "images[0]",
        ),
        ({"images": [{"b64_json": "x"}]}, "unknown_parameter", "images[0].b64_json"),
        ({"images": [{"image_url": "ftp://h/a"}]}, "invalid_value", "images[0].image_url"),
        ({"images": [{"image_url": "DATA:,"}]}, "invalid_value", "images[0].image_url"),
        ({"mask": {}}, "missing_mutually_exclusive_parameters", "mask"),
        ({"mask": {"file_id": 1}}, "invalid_type", "mask.file_id"),
        ({"image": "x"}, "unknown_parameter", "image"),
        ({"markup": {}}, "unsupported_parameter", "markup"),
        ({"style": "vivid"}, "unsupported_parameter", "style"),
        ({"response_format": "url"}, "unsupported_parameter", "response_format"),
        ({"strength": True}, "invalid_value", "strength"),
    ],
)
def test_what_json_says_wrongly_is_refused_by_name(
    fields: dict[str, Any], code: str, param: str
) -> None:
    assert why_body(**fields) == (code, param)


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=4))
def test_any_form_is_a_request_or_refused(texts: list[tuple[str, str]]) -> None:
    with suppress(InvalidRequest):
        assert form(*texts).images


def test_found_pictures_make_the_call_whole() -> None:
    edit = form(("n", "2"), files=(FILE, FILE, ("mask", MASK.content)))
    whole = with_pictures(edit, [PNG, MASK], MASK)
    assert whole.request == ImageRequest("a cat", n=2, images=(PNG, MASK), mask=MASK)
    assert with_pictures(form(), [PNG], None).request.mask is None


@pytest.mark.parametrize(
    ("mask", "source"),
    [
        (PNG, PNG),
        (picture(format="jpeg"), PNG),
        (picture(16, 8, alpha=True), PNG),
        (picture(8, 16, alpha=True), picture(16, 8)),
    ],
)
def test_a_mask_has_alpha_and_the_size_of_the_first_picture(
    mask: ImageData, source: ImageData
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_mask(mask, source, "mask")
    assert (caught.value.code, caught.value.param) == ("invalid_image_file", "mask")


def test_a_photograph_may_lie_on_its_side() -> None:
    check_mask(picture(8, 16, alpha=True), picture(16, 8, "jpeg"), "mask")


@pytest.mark.parametrize("content", [b"GIF89a", b"", b"hello"])
def test_other_files_are_for_others_to_read(content: bytes) -> None:
    assert read_picture(content, "image") is None


def test_bytes_say_what_a_picture_is() -> None:
    webp = picture(format="webp")
    assert read_picture(webp.content, "image") == webp


def test_a_broken_picture_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_picture(PNG.content[:20], "image")
    assert (caught.value.code, caught.value.param) == ("invalid_image_file", "image")


def test_events_of_an_edit_have_names_of_their_own() -> None:
    call = with_pictures(form(), [PNG], None)
    events = (progress(1), preview(), done())
    frames = [encode_event(call, event, now=1).split(b"\n")[0] for event in events]
    assert frames == [
        b"event: image_edit.progress",
        b"event: image_edit.partial_image",
        b"event: image_edit.completed",
    ]
