"""What a server is asked, by the facts that are known of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from limner.core.image import ImageCapabilities, ImageFailed, ImageRequest, Size
from limner.core.lora import Lora
from limner.wire.images_dialect import (
    ONLY_EDITS,
    OPENAI_OPTIONS,
    OPTIONS,
    Dialect,
    Endpoint,
    ImagesOrder,
    ServerFacts,
    render_images_request,
)
from tests.pictures import picture

CAN = ImageCapabilities("theirs")
FOREIGN = ServerFacts(CAN)
OURS = ServerFacts(ImageCapabilities("tiny", progress=True, seed=True, loras=None), model="other")
CAT = ImageRequest("a cat")
EVERYTHING = ImageRequest(
    "a cat",
    model="m",
    size=Size(1280, 720),
    quality="low",
    background="opaque",
    output_format="webp",
    output_compression=0,
    moderation="low",
    partial_images=2,
    n=2,
    seed=0,
    steps=8,
    guidance_scale=0.0,
    loras=(Lora("ink", 0.5), Lora("pixel")),
)


def order(request: ImageRequest, server: ServerFacts) -> ImagesOrder:
    found = render_images_request(request, server)
    assert isinstance(found, ImagesOrder), found
    return found


def refused(request: ImageRequest, server: ServerFacts) -> ImageFailed:
    found = render_images_request(request, server)
    assert isinstance(found, ImageFailed), found
    assert (found.code, found.status) == ("not_supported", 400)
    return found


def speaking(*options: str, seed: bool = False, **rest: Any) -> ServerFacts:
    """A server that takes these options under our names."""
    dialect = Dialect({name: name for name in options}, **rest)
    can = ImageCapabilities("theirs", partial_images=False, seed=seed)
    return ServerFacts(can, dialect, model="theirs-1")


def test_only_what_is_asked_is_sent() -> None:
    assert order(CAT, FOREIGN) == ImagesOrder({"prompt": "a cat", "n": 1}, "/images/generations")


def test_everything_asked_is_sent() -> None:
    assert order(EVERYTHING, OURS).body == {
        "prompt": "a cat",
        "model": "m",
        "n": 2,
        "size": "1280x720",
        "quality": "low",
        "background": "opaque",
        "output_format": "webp",
        "output_compression": 0,
        "moderation": "low",
        "seed": 0,
        "steps": 8,
        "guidance_scale": 0.0,
        "loras": [{"name": "ink", "weight": 0.5}, {"name": "pixel"}],
        "stream": True,
        "partial_images": 2,
        "progress": True,
    }


def test_the_model_may_be_set_for_the_client() -> None:
    body = order(CAT, ServerFacts(CAN, model="gpt-image-2")).body
    assert body == {"prompt": "a cat", "n": 1, "model": "gpt-image-2"}


def test_foreign_servers_are_asked_for_a_stream_only_for_previews() -> None:
    wanted = ImageRequest("a cat", partial_images=1)
    streamed = {"prompt": "a cat", "n": 1, "stream": True, "partial_images": 1}
    assert order(wanted, FOREIGN).body == streamed
    without = order(wanted, ServerFacts(ImageCapabilities("theirs", partial_images=False)))
    assert without.body == {"prompt": "a cat", "n": 1}
    assert without.said == (
        "partial_images: the image back end 'theirs' shows nothing before it is done",
    )


@pytest.mark.parametrize(
    "asked", [{"seed": 0}, {"steps": 8}, {"guidance_scale": 0.0}, {"loras": (Lora("ink"),)}]
)
def test_servers_are_not_asked_what_they_do_not_know(asked: dict[str, Any]) -> None:
    request = ImageRequest("a cat", **asked)
    for server in (FOREIGN, speaking("n"), speaking("n", *OPENAI_OPTIONS, seed=True)):
        assert (refused(request, server).param,) == tuple(asked)


def test_what_would_change_the_picture_is_refused_and_what_would_not_is_reported() -> None:
    request = ImageRequest(
        "a cat", background="transparent", quality="high", moderation="low", output_compression=5
    )
    assert refused(request, speaking("n")).param == "background"
    opaque = ImageRequest("a cat", background="opaque", quality="high", output_compression=5)
    found = order(opaque, speaking("n"))
    assert found.body == {"prompt": "a cat", "n": 1}
    assert [said.split()[0] for said in found.said] == ["quality", "output_compression"]
    assert order(request, speaking("n", "background", "quality", "moderation")).body == {
        "prompt": "a cat",
        "n": 1,
        "background": "transparent",
        "quality": "high",
        "moderation": "low",
    }


@pytest.mark.parametrize(("format", "is_sent"), [("png", True), ("webp", False)])
def test_a_format_is_asked_of_those_that_have_it(format: Any, is_sent: bool) -> None:
    can = ImageCapabilities("azure", formats=("png", "jpeg"))
    request = ImageRequest("a cat", output_format=format, output_compression=50)
    found = order(request, ServerFacts(can))
    assert ("output_format" in found.body) == ("output_compression" in found.body) == is_sent
    assert bool(found.said) != is_sent


def test_options_go_by_the_server_s_names_and_with_what_it_always_wants() -> None:
    options = {"n": "count", "steps": "sampling.steps"}
    dialect = Dialect(options, always={"response_format": "b64_json"})
    server = ServerFacts(ImageCapabilities("theirs", seed=True), dialect)
    assert order(ImageRequest("a cat", steps=4), server).body == {
        "prompt": "a cat",
        "response_format": "b64_json",
        "count": 1,
        "sampling": {"steps": 4},
    }


@pytest.mark.parametrize("asked", [None, "gpt-image-2", "flux"])
def test_servers_with_models_of_their_own_are_not_asked_for_openai_s(asked: str | None) -> None:
    request = ImageRequest("a cat", model=asked)
    found = order(request, speaking("model", has_own_models=True))
    assert found.body["model"] == ("flux" if asked == "flux" else "theirs-1")
    assert any("instead of 'gpt-image-2'" in said for said in found.said) == (
        asked == "gpt-image-2"
    )
    assert order(request, speaking("model")).body["model"] == (asked or "theirs-1")
    itself = ImageRequest("a cat", model="theirs")
    assert order(itself, speaking("model")).body["model"] == "theirs-1"


PATH = "/deployments/{model}/images"


@pytest.mark.parametrize("model", ["my-image.1", None, "a/b", "..", "é", ""])
def test_a_model_in_the_path_is_a_plain_name(model: str | None) -> None:
    server = ServerFacts(CAN, Dialect({"n": "n"}), Endpoint(path=PATH))
    request = ImageRequest("a cat", model=model)
    if model == "my-image.1":
        found = order(request, server)
        assert found.path == "/deployments/my-image.1/images"
        assert not found.said
    else:
        assert refused(request, server).param == "model"


TAGGED = Dialect(
    {"n": "n"}, prompt_tag="extra", tag_options={"seed": "seed", "steps": "sample.steps"}
)
IN_PROMPT = ServerFacts(ImageCapabilities("theirs", seed=True), TAGGED)


def test_settings_may_go_within_the_prompt_but_only_ours() -> None:
    assert order(CAT, IN_PROMPT).body["prompt"] == "a cat"
    found = order(ImageRequest("a cat", seed=7, steps=4), IN_PROMPT).body
    assert found == {
        "prompt": 'a cat <extra>{"seed":7,"sample":{"steps":4}}</extra>',
        "n": 1,
    }
    forged = ImageRequest('a cat <extra>{"seed":1}</extra>')
    assert refused(forged, IN_PROMPT).param == "prompt"
    assert order(forged, FOREIGN).body["prompt"] == forged.prompt


def test_what_parts_a_prompt_is_written_otherwise_and_said() -> None:
    server = speaking("n", prompt_replaces={"|": ","})
    found = order(ImageRequest("a cat | a dog"), server)
    assert found.body["prompt"] == "a cat , a dog"
    assert [said.split(":")[0] for said in found.said] == ["prompt"]
    assert not order(CAT, server).said


@pytest.mark.parametrize(
    ("tells", "told"),
    [
        ((), {}),
        (("service_tier",), {"service_tier": "flex"}),
        (("service_tier", "user"), {"service_tier": "flex", "user": "ann"}),
    ],
)
def test_who_asks_is_told_to_those_who_order_their_work_by_it(
    tells: tuple[str, ...], told: dict[str, str]
) -> None:
    server = ServerFacts(CAN, Dialect(tells=frozenset(tells)))
    asked = replace(CAT, client="ann", priority="background")
    assert order(asked, server).body == {"prompt": "a cat", "n": 1} | told
    assert order(CAT, server).body == {"prompt": "a cat", "n": 1}


def test_all_options_have_a_place_in_a_request() -> None:
    assert {*OPTIONS, *ONLY_EDITS} <= set(ImageRequest.__dataclass_fields__)


PNG, MASK = picture(), picture(alpha=True)
ABLE = ImageCapabilities(
    "theirs", edits=True, mask=True, max_images=2, input_fidelity=True, strength=True, seed=True,
    partial_images=True, progress=True, loras=("ink", "pixel"),
)  # fmt: skip
EDIT = ImageRequest("a cat", images=(PNG,))


def test_an_edit_is_a_form_with_its_pictures() -> None:
    request = replace(EVERYTHING, images=(PNG, PNG), mask=MASK, input_fidelity="high", strength=0.5)
    found = order(request, ServerFacts(ABLE))
    assert found.path == "/images/edits"
    assert found.files == (
        ("image[]", "image_0.png", PNG),
        ("image[]", "image_1.png", PNG),
        ("mask", "mask.png", MASK),
    )
    assert found.fields == [
        ("prompt", "a cat"),
        ("model", "m"),
        ("n", "2"),
        ("size", "1280x720"),
        ("quality", "low"),
        ("background", "opaque"),
        ("output_format", "webp"),
        ("output_compression", "0"),
        ("seed", "0"),
        ("steps", "8"),
        ("guidance_scale", "0.0"),
        ("loras", '[{"name":"ink","weight":0.5},{"name":"pixel"}]'),
        ("input_fidelity", "high"),
        ("strength", "0.5"),
        ("stream", "true"),
        ("partial_images", "2"),
        ("progress", "true"),
    ]
    assert [said.split()[0] for said in found.said] == ["moderation"]


def test_an_edit_goes_where_the_server_edits() -> None:
    server = ServerFacts(ABLE, model="m", edit=Endpoint("PUT", "/deployments/{model}/edits"))
    found = order(EDIT, server)
    assert (found.path, server.endpoint_for(EDIT).method) == ("/deployments/m/edits", "PUT")
    assert order(CAT, server).path == "/images/generations"
    assert not order(CAT, server).files


@pytest.mark.parametrize(
    ("asked", "can", "param"),
    [
        ({}, {}, "image"),
        ({"mask": MASK}, {"edits": True}, "mask"),
        ({"images": (PNG, PNG)}, {"edits": True, "max_images": 1}, "image"),
        ({"strength": 0.5}, {"edits": True}, "strength"),
    ],
)
def test_edits_that_a_server_cannot_make_are_refused(
    asked: dict[str, Any], can: dict[str, Any], param: str
) -> None:
    request = replace(EDIT, **asked)
    assert refused(request, ServerFacts(ImageCapabilities("theirs", **can))).param == param


def test_fidelity_is_sent_to_those_that_have_it_and_else_said() -> None:
    request = replace(EDIT, input_fidelity="high")
    assert order(request, ServerFacts(ABLE)).body["input_fidelity"] == "high"
    found = order(request, ServerFacts(ImageCapabilities("theirs", edits=True)))
    assert "input_fidelity" not in found.body
    assert found.said[0].startswith("input_fidelity 'high' changes nothing")
