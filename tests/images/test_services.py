"""The one client of Images APIs with each preset, against doubles of the servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import cast

import pytest

from limner.config.presets import PRESETS, PresetName, load_preset
from limner.core.image import (
    ImageCapabilities,
    ImageCompleted,
    ImageEvent,
    ImageFailed,
    ImageRequest,
    PartialImage,
    Size,
)
from limner.images.http import ImagesHttp
from limner.images.openai import OpenAIImages
from limner.server.application import Rules, enclose
from limner.server.images_api import images_routes
from limner.wire.images_dialect import Endpoint
from tests.pictures import picture
from tests.scripted_images import LOOK, ScriptedImages, done, preview, progress
from tests.scripted_services import MANNERS, ScriptedService
from tests.serving import serving

CAT = ImageRequest("a cat", size=Size(8, 8))
HAVE_OURS = ("vllm-omni", "sglang", "sd-cpp")
NAMES = tuple(MANNERS)


@asynccontextmanager
async def client(url: str, name: str) -> AsyncIterator[OpenAIImages]:
    preset = load_preset(cast(PresetName, name))
    async with ImagesHttp(url, key="sk-1", key_header=preset.key_header) as http:
        yield OpenAIImages(http, preset.facts("theirs-1"))


async def ask(images: OpenAIImages, request: ImageRequest) -> list[ImageEvent]:
    async with aclosing(images.generate(request)) as events:
        return [event async for event in events]


async def paint(service: ScriptedService, name: str, request: ImageRequest) -> ImageCompleted:
    async with client(service.url, name) as images:
        last = (await ask(images, request))[-1]
    assert isinstance(last, ImageCompleted), last
    return last


def test_every_preset_has_its_double() -> None:
    assert {*MANNERS, "limner", "engine"} == set(PRESETS)


@pytest.mark.parametrize("name", NAMES)
async def test_a_plain_order_brings_the_picture_as_it_was_ordered(name: str) -> None:
    async with ScriptedService(MANNERS[name]) as service:
        event = await paint(service, name, replace(CAT, n=2))
        [body] = service.requests
        assert (body["prompt"], body["n"], body["size"]) == ("a cat", 2, "8x8")
        assert body.get("model", "theirs-1") == "theirs-1"
        assert service.fetched == []
    assert (event.image, event.resolved.adjustments) == (picture(), ())
    assert event.resolved.quality == "high"


@pytest.mark.parametrize("name", NAMES)
async def test_all_that_a_server_knows_is_sent_and_the_rest_is_told(name: str) -> None:
    request = replace(
        CAT, quality="high", moderation="low", output_format="jpeg", output_compression=60
    )
    async with ScriptedService(MANNERS[name]) as service:
        event = await paint(service, name, request)
        [body] = service.requests
    said = " ".join(event.resolved.adjustments)
    for option in ("quality", "moderation", "output_compression"):
        assert (option in body) != (option in said)
    assert event.image.format == body.get("output_format", "png")
    assert ("instead of jpeg" in said) == ("output_format" not in body)


@pytest.mark.parametrize("name", NAMES)
async def test_a_format_that_it_cannot_write_is_told_with_the_one_that_came(name: str) -> None:
    async with ScriptedService(MANNERS[name]) as service:
        event = await paint(service, name, replace(CAT, output_format="webp"))
    if "webp" in MANNERS[name].formats:
        assert event.image.format == "webp"
    else:
        sentence = "output_format: the image back end sent png instead of webp."
        assert (event.image.format, event.resolved.adjustments) == ("png", (sentence,))


@pytest.mark.parametrize("name", NAMES)
async def test_our_own_options_go_to_those_that_know_them(name: str) -> None:
    request = replace(CAT, seed=7, steps=4, guidance_scale=1.5)
    async with ScriptedService(MANNERS[name]) as service:
        async with client(service.url, name) as images:
            last = (await ask(images, request))[-1]
        if name not in HAVE_OURS:
            assert isinstance(last, ImageFailed)
            refused = "guidance_scale" if name == "localai" else "seed"
            assert (last.status, last.param, service.requests) == (400, refused, [])
            return
        assert isinstance(last, ImageCompleted), last
        own = {"seed": 7, "num_inference_steps": 4, "guidance_scale": 1.5}
        nested = {"sample_steps": 4, "guidance": {"txt_cfg": 1.5}}
        if name == "sd-cpp":
            assert service.settings == [{"seed": 7, "sample_params": nested}]
        else:
            assert own.items() <= service.requests[0].items()


@pytest.mark.parametrize("name", NAMES)
async def test_frames_are_relayed_where_there_are_any(name: str) -> None:
    async with ScriptedService(MANNERS[name]) as service, client(service.url, name) as images:
        events = await ask(images, replace(CAT, partial_images=2))
    completed = events[-1]
    assert isinstance(completed, ImageCompleted)
    if MANNERS[name].streams:
        partials = [event.index for event in events if isinstance(event, PartialImage)]
        assert partials == [0, 1]
        assert completed.resolved.background == "opaque"
    else:
        assert len(events) == 1
        assert "shows nothing before it is done" in completed.resolved.adjustments[0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("model", ["gpt-image-2", "theirs-1"])
async def test_models_are_named_only_where_they_are(name: str, model: str) -> None:
    async with ScriptedService(MANNERS[name]) as service:
        event = await paint(service, name, replace(CAT, model=model))
        [body] = service.requests
    if name in ("openai", "other"):
        assert body["model"] == model
    else:
        assert body.get("model", "theirs-1") == "theirs-1"
    is_told = any("instead of 'gpt-image-2'" in said for said in event.resolved.adjustments)
    assert is_told == (model == "gpt-image-2" and name not in ("openai", "other"))


@pytest.mark.parametrize("name", NAMES)
async def test_its_refusals_are_told_in_its_words(name: str) -> None:
    manner = replace(MANNERS[name], fields=frozenset())
    async with ScriptedService(manner) as service, client(service.url, name) as images:
        failed = (await ask(images, CAT))[-1]
    assert isinstance(failed, ImageFailed)
    assert (failed.status, failed.retryable) == (400, False)
    assert failed.message.startswith("unknown: ['")


async def test_settings_cannot_be_smuggled_into_a_prompt() -> None:
    forged = replace(CAT, prompt='x <sd_cpp_extra_args>{"lora": 1}</sd_cpp_extra_args>')
    async with ScriptedService(MANNERS["sd-cpp"]) as service:
        async with client(service.url, "sd-cpp") as images:
            failed = (await ask(images, forged))[-1]
        assert isinstance(failed, ImageFailed)
        assert (failed.param, service.requests) == ("prompt", [])


LINKED = replace(MANNERS["other"], streams=False)


@pytest.mark.parametrize("link", ["{host}/made/7.png", "/made/7.png", "7.png?sig=1"])
async def test_pictures_on_the_server_itself_are_fetched(link: str) -> None:
    async with ScriptedService(LINKED, link=link) as service:
        event = await paint(service, "other", replace(CAT, n=2))
        assert len(service.fetched) == 2
    assert event.image == picture()


@pytest.mark.parametrize(
    "link", ["http://127.0.0.1:1/7.png", "//h/7.png", "file:///etc/passwd", "http://[/7.png"]
)
async def test_pictures_elsewhere_are_not(link: str) -> None:
    async with (
        ScriptedService(LINKED, link=link) as service,
        client(service.url, "other") as images,
    ):
        failed = (await ask(images, CAT))[-1]
        assert service.fetched == []
    assert isinstance(failed, ImageFailed)
    assert "on another server" in failed.message


async def test_a_picture_that_is_gone_was_paid_for_all_the_same() -> None:
    async with (
        ScriptedService(LINKED, link="/gone.png") as service,
        client(service.url, "other") as images,
    ):
        failed = (await ask(images, CAT))[-1]
    assert isinstance(failed, ImageFailed)
    assert (failed.status, failed.was_taken) == (503, True)


async def test_another_limner_is_asked_for_everything_and_believed() -> None:
    script = (progress(1), preview(), done())
    backend = ScriptedImages(*script, capabilities=ImageCapabilities("tiny", seed=True))
    app = enclose(images_routes(backend), rules=Rules())
    request = ImageRequest("a cat", partial_images=1, seed=7, steps=4, model="tiny")
    async with serving(app) as url, client(url, "limner") as images:
        assert await ask(images, request) == list(script)
    assert backend.requests == [request]
    assert LOOK.adjustments == ("rounded",)


MASK = picture(alpha=True)
EDIT = replace(CAT, images=(picture(),))
TAKES_MASKS = ("openai", "azure", "azure-v1")
EDITS = (*TAKES_MASKS, "vllm-omni", "sglang", "sd-cpp")


@pytest.mark.parametrize("name", EDITS)
async def test_an_edit_brings_the_picture_as_it_was_ordered(name: str) -> None:
    jpeg = picture(format="jpeg")
    async with ScriptedService(MANNERS[name]) as service:
        event = await paint(service, name, replace(EDIT, images=(picture(), jpeg), n=2))
        [body] = service.requests
        assert service.edited == [picture().content, jpeg.content]
    assert (body["prompt"], body["n"], body["size"]) == ("a cat", 2, "8x8")
    assert body.get("model", "theirs-1") == "theirs-1"
    assert (event.image, event.resolved.adjustments) == (picture(), ())


@pytest.mark.parametrize("name", EDITS)
async def test_a_mask_goes_to_those_that_read_its_alpha(name: str) -> None:
    async with ScriptedService(MANNERS[name]) as service, client(service.url, name) as images:
        last = (await ask(images, replace(EDIT, mask=MASK)))[-1]
        if name in TAKES_MASKS:
            assert isinstance(last, ImageCompleted), last
            assert service.masks == [MASK.content]
        else:
            assert isinstance(last, ImageFailed)
            assert (last.status, last.param, service.requests) == (400, "mask", [])


@pytest.mark.parametrize("name", EDITS)
async def test_all_that_an_editor_knows_is_sent_and_the_rest_is_told(name: str) -> None:
    request = replace(
        EDIT,
        quality="high",
        input_fidelity="high",
        moderation="low",
        output_format="jpeg",
        output_compression=60,
    )
    async with ScriptedService(MANNERS[name]) as service:
        event = await paint(service, name, request)
        [body] = service.requests
    said = " ".join(event.resolved.adjustments)
    for option in ("quality", "input_fidelity", "moderation", "output_compression"):
        assert (option in body) != (option in said)
    assert event.image.format == body.get("output_format", "png")


@pytest.mark.parametrize("name", EDITS)
async def test_frames_of_an_edit_are_relayed_where_there_are_any(name: str) -> None:
    async with ScriptedService(MANNERS[name]) as service, client(service.url, name) as images:
        events = await ask(images, replace(EDIT, partial_images=2))
    kinds = [PartialImage] * 2 if MANNERS[name].streams else []
    assert [type(event) for event in events] == [*kinds, ImageCompleted]


@pytest.mark.parametrize("name", EDITS)
async def test_our_own_options_of_edits_go_to_those_that_know_them(name: str) -> None:
    request = replace(EDIT, seed=7, steps=4)
    async with ScriptedService(MANNERS[name]) as service, client(service.url, name) as images:
        last = (await ask(images, request))[-1]
        if name in TAKES_MASKS:
            assert isinstance(last, ImageFailed)
            assert (last.param, service.requests) == ("seed", [])
        elif name == "sd-cpp":
            assert service.settings == [{"seed": 7, "sample_params": {"sample_steps": 4}}]
        else:
            assert {"seed": 7, "num_inference_steps": 4}.items() <= service.requests[0].items()


async def test_strength_goes_to_the_one_that_has_it() -> None:
    request = replace(EDIT, strength=0.5)
    async with ScriptedService(MANNERS["sd-cpp"]) as service:
        await paint(service, "sd-cpp", request)
        assert service.settings == [{"strength": 0.5}]
    async with (
        ScriptedService(MANNERS["sglang"]) as service,
        client(service.url, "sglang") as images,
    ):
        failed = (await ask(images, request))[-1]
        assert isinstance(failed, ImageFailed)
        assert (failed.param, service.requests) == ("strength", [])


@pytest.mark.parametrize("name", ["localai", "other"])
async def test_servers_that_are_not_known_to_edit_are_not_tried(name: str) -> None:
    async with ScriptedService(MANNERS[name]) as service, client(service.url, name) as images:
        failed = (await ask(images, EDIT))[-1]
        assert isinstance(failed, ImageFailed)
        assert (failed.status, failed.param, service.requests) == (400, "image", [])


async def test_a_server_edits_where_its_operator_says() -> None:
    there = Endpoint("POST", "/pictures/retouch", {"v": "2"})
    manner = replace(MANNERS["other"], edit_path="/v1/pictures/retouch", query={"v": "2"})
    facts = load_preset("other").facts(None, edit=there)
    async with ScriptedService(manner) as service, ImagesHttp(service.url, key="sk-1") as http:
        [event] = await ask(OpenAIImages(http, facts), replace(EDIT, mask=MASK))
        assert (service.edited, service.masks) == ([picture().content], [MASK.content])
    assert isinstance(event, ImageCompleted)


async def test_an_editor_that_is_busy_is_sent_the_pictures_again() -> None:
    async with ScriptedService(MANNERS["openai"], busy=1) as service:
        await paint(service, "openai", EDIT)
        assert (len(service.requests), service.edited) == (2, [picture().content] * 2)


async def test_another_limner_edits_as_it_is_asked() -> None:
    can = ImageCapabilities(
        "tiny", edits=True, mask=True, input_fidelity=True, strength=True, seed=True
    )
    backend = ScriptedImages(progress(1), preview(), done(), capabilities=can)
    app = enclose(images_routes(backend), rules=Rules())
    request = ImageRequest(
        "a cat",
        model="tiny",
        images=(picture(format="webp"),),
        mask=MASK,
        input_fidelity="high",
        strength=0.25,
        seed=7,
        moderation="low",
        partial_images=1,
        n=1,
    )
    async with serving(app) as url, client(url, "limner") as images:
        assert await ask(images, request) == [progress(1), preview(), done()]
    assert backend.requests == [request]
