from __future__ import annotations

import pytest

from limner.core.errors import InvalidRequest
from limner.core.image import ImageCapabilities, ImageData, ImageRequest, Size
from limner.core.lora import Lora
from limner.core.picture_fitting import fit_image, fit_image_tool
from limner.core.request import ImageTool
from tests.core.recorded import asking

PNG = ImageData(b"png", "png")
PLAIN = ImageCapabilities("plain")
ABLE = ImageCapabilities(
    "able",
    edits=True,
    mask=True,
    input_fidelity=True,
    strength=True,
    transparent=True,
    max_n=2,
    max_images=2,
    min_edge_px=256,
    max_edge_px=1024,
)


def refused(asked: ImageTool | ImageRequest, can: ImageCapabilities) -> tuple[str | None, ...]:
    path = asked.path if isinstance(asked, ImageTool) else ""
    with pytest.raises(InvalidRequest) as caught:
        fit_image(asked, can, path=path)
    return caught.value.code, caught.value.param, caught.value.message


def test_what_a_back_end_can_do_stays_as_asked() -> None:
    tool = ImageTool(
        0, size=Size(256, 1024), background="transparent", action="edit", mask=PNG,
        input_fidelity="high", output_format="png",
    )  # fmt: skip
    assert fit_image(tool, ABLE, path=tool.path) == (tool, ())
    call = ImageRequest("a", n=2, images=(PNG, PNG), mask=PNG, strength=0.5, input_fidelity="low")
    assert fit_image(call, ABLE) == (call, ())


def test_what_is_not_known_of_a_back_end_is_its_own_to_say() -> None:
    tool = ImageTool(0, size=Size(16, 4096), background="transparent", output_format="webp")
    assert fit_image(tool, PLAIN, path=tool.path) == (tool, ())
    call = ImageRequest("a", n=10)
    assert fit_image(call, PLAIN) == (call, ())


def test_of_several_back_ends_the_one_that_is_named_decides() -> None:
    both = ImageCapabilities("able", edits=True, named={"plain": PLAIN})
    assert refused(ImageTool(0, model="plain", action="edit"), both)[1] == "tools[0].action"
    other = ImageTool(0, model="other", action="edit")
    assert fit_image(other, both, path=other.path) == (other, ())


def test_fidelity_without_effect_is_taken_out_and_reported() -> None:
    fitted, said = fit_image(ImageTool(1, input_fidelity="high"), PLAIN, path="tools[1]")
    assert fitted == ImageTool(1)
    assert said == ("tools[1].input_fidelity: has no effect on the image back end 'plain'.",)
    assert fit_image(ImageRequest("a", input_fidelity="low"), PLAIN) == (
        ImageRequest("a"),
        ("input_fidelity: has no effect on the image back end 'plain'.",),
    )


def test_adapters_must_be_there() -> None:
    tool = ImageTool(0, loras=(Lora("ink"), Lora("pixel", 0.5)))
    have = ImageCapabilities("able", loras=("pixel", "ink"))
    assert fit_image(tool, have, path=tool.path) == (tool, ())
    unknown = ImageCapabilities("unknown", loras=None)
    assert fit_image(tool, unknown, path=tool.path) == (tool, ())
    with pytest.raises(InvalidRequest) as none:
        fit_image(tool, PLAIN, path=tool.path)
    assert (none.value.code, none.value.param) == ("unsupported_parameter", "tools[0].loras")
    with pytest.raises(InvalidRequest) as other:
        fit_image(
            ImageRequest("a", loras=tool.loras), ImageCapabilities("b", loras=("ink", "line"))
        )
    assert other.value.param == "loras[1].name"
    assert other.value.message == ("Invalid value: 'pixel'. Supported values are: 'ink', 'line'.")


def test_an_adapter_is_worn_once() -> None:
    twice = ImageRequest("a", loras=(Lora("ink"), Lora("ink", 0.5)))
    with pytest.raises(InvalidRequest) as doubled:
        fit_image(twice, ImageCapabilities("able", loras=("ink", "line")))
    assert doubled.value.param == "loras[1].name"
    assert doubled.value.message == "Invalid value: 'ink'. Supported values are: 'line'."


def test_a_seed_without_effect_is_taken_out_and_reported() -> None:
    tool = ImageTool(0, seed=7, input_fidelity="low")
    seeded = ImageCapabilities("seeded", seed=True, input_fidelity=True)
    assert fit_image(tool, seeded, path=tool.path) == (tool, ())
    assert fit_image(tool, PLAIN, path=tool.path) == (
        ImageTool(0),
        (
            "tools[0].input_fidelity: has no effect on the image back end 'plain'.",
            "tools[0].seed: has no effect on the image back end 'plain'.",
        ),
    )


@pytest.mark.parametrize(
    ("asked", "can", "code", "param", "words"),
    [
        (ImageTool(0, size=Size(255, 512)), ABLE, "invalid_value", "tools[0].size", "256 to 1024"),
        (ImageTool(0, size=Size(512, 1025)), ABLE, "invalid_value", "tools[0].size", "'512x1025'"),
        (
            ImageRequest("a", size=Size(8, 8)),
            ImageCapabilities("x", min_edge_px=16),
            "invalid_value",
            "size",
            "at least 16",
        ),
        (
            ImageTool(0, background="transparent"),
            ImageCapabilities("x", transparent=False),
            "invalid_value",
            "tools[0].background",
            "'opaque', 'auto'",
        ),
        (
            ImageRequest("a", background="transparent", output_format="jpeg"),
            ABLE,
            "invalid_value",
            "background",
            "JPEG",
        ),
        (
            ImageTool(0, action="edit"),
            PLAIN,
            "invalid_value",
            "tools[0].action",
            "'generate', 'auto'",
        ),
        (ImageTool(0, mask=PNG), PLAIN, "unsupported_parameter", "tools[0].mask", "'plain'"),
        (
            ImageRequest("a", mask=PNG),
            ImageCapabilities("x", edits=True),
            "unsupported_parameter",
            "mask",
            "no masks",
        ),
        (ImageRequest("a", n=3), ABLE, "integer_above_max_value", "n", "<= 2"),
        (ImageRequest("a", images=(PNG,)), PLAIN, "unsupported_parameter", "image", "edits no"),
        (ImageRequest("a", images=(PNG,) * 3), ABLE, "array_above_max_length", "image", "length 3"),
        (ImageRequest("a", strength=0.1), PLAIN, "unsupported_parameter", "strength", "no such"),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(
    asked: ImageTool | ImageRequest, can: ImageCapabilities, code: str, param: str, words: str
) -> None:
    got = refused(asked, can)
    assert got[:2] == (code, param)
    assert words in str(got[2])


def test_a_request_without_the_image_tool_fits_every_back_end() -> None:
    request = asking(image_tool=None)
    assert fit_image_tool(request, PLAIN) is request


def test_a_requests_image_tool_is_fitted_by_the_path_of_its_entry() -> None:
    request = asking(image_tool=ImageTool(0, input_fidelity="high", path="tools[3]"))
    fitted = fit_image_tool(request, PLAIN)
    assert fitted.image_tool == ImageTool(0, path="tools[3]")
    assert fitted.adjustments == (
        "tools[3].input_fidelity: has no effect on the image back end 'plain'.",
    )
    assert fit_image_tool(fitted, PLAIN) == fitted
    with pytest.raises(InvalidRequest) as caught:
        fit_image_tool(asking(image_tool=ImageTool(0, mask=PNG, path="tools[3]")), PLAIN)
    assert caught.value.param == "tools[3].input_image_mask"
