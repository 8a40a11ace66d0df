"""ComfyUI as a back end, against a scripted double of it on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from limner.core.image import (
    ImageCompleted,
    ImageEvent,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    PartialImage,
    Size,
)
from limner.images.comfyui import ComfyUi, comfyui_server, default_edit_workflow
from limner.images.connection import HttpLimits
from limner.wire.comfyui_uploads import ALL_CLEAR
from limner.wire.comfyui_workflow import EDIT_NAMES, read_workflow
from tests.pictures import picture
from tests.scripted_painters import DONE, PNG, ScriptedComfyUi, shown, steps, told

CAT = ImageRequest("a cat")
BARE_EDIT = read_workflow(b'{"1": {"class_type": "{{prompt}}{{image}}"}}', edits=True)
BARE = read_workflow(b'{"1": {"class_type": "Node", "inputs": {"text": "{{prompt}}"}}}')


@asynccontextmanager
async def back_end(
    url: str, key: str | None = None, limits: HttpLimits | None = None, **options: Any
) -> AsyncIterator[ComfyUi]:
    async with comfyui_server(url, key=key, limits=limits) as server:
        yield ComfyUi(server, fresh_seed=lambda: 41, **options)


async def ask(images: ComfyUi, request: ImageRequest = CAT) -> list[ImageEvent]:
    async with aclosing(images.generate(request)) as events:
        return [event async for event in events]


async def ask_once(comfy: ScriptedComfyUi, **options: Any) -> ImageFailed:
    """The failure with which a call to this server ends."""
    async with comfy, back_end(comfy.url, **options) as images:
        event = (await ask(images))[-1]
    assert isinstance(event, ImageFailed), event
    return event


async def test_a_picture_is_queued_watched_and_fetched() -> None:
    async with ScriptedComfyUi(*steps(4), DONE) as comfy, back_end(comfy.url) as images:
        events = await ask(images)
    assert [type(event) for event in events] == [ImageProgress] * 4 + [ImageCompleted]
    last = events[-1]
    assert isinstance(last, ImageCompleted)
    assert last.image == PNG
    assert (last.resolved.size, last.resolved.seed, last.resolved.steps) == (Size(8, 8), 41, 20)
    assert last.resolved.model == "first.safetensors"
    nodes = comfy.bodies("/prompt")[0]["prompt"]
    assert nodes["prompt"]["inputs"]["text"] == "a cat"
    assert nodes["checkpoint"]["inputs"]["ckpt_name"] == "first.safetensors"
    assert nodes["sampler"]["inputs"]["seed"] == 41
    assert nodes["latent"]["inputs"] == {"width": 1024, "height": 1024, "batch_size": 1}
    assert comfy.bodies("/interrupt") == []


async def test_its_previews_become_the_partial_images_asked() -> None:
    async with ScriptedComfyUi(*steps(8), DONE) as comfy, back_end(comfy.url) as images:
        events = await ask(images, ImageRequest("a cat", partial_images=2))
        assert comfy.bodies("/prompt")[0]["extra_data"] == {"preview_method": "auto"}
    partials = [event for event in events if isinstance(event, PartialImage)]
    assert [(event.index, event.image.format) for event in partials] == [(0, "jpeg"), (1, "jpeg")]
    assert partials[0].resolved.size == Size(1024, 1024)


MASK = picture(24, 17, alpha=True)
EDIT = ImageRequest("a cat", images=(picture(24, 17),))


async def test_an_edit_uploads_its_pictures_and_runs_a_workflow_of_its_own() -> None:
    request = replace(EDIT, mask=MASK, strength=0.4)
    async with ScriptedComfyUi(*steps(2), DONE) as comfy, back_end(comfy.url) as images:
        events = await ask(images, request)
        nodes = comfy.bodies("/prompt")[0]["prompt"]
        loaded = [nodes[name]["inputs"]["image"] for name in ("image", "mask_file")]
        assert [comfy.uploads[name] for name in loaded] == [
            EDIT.images[0].content,
            MASK.content,
        ]
    assert nodes["sampler"]["inputs"]["denoise"] == 0.4
    assert (nodes["source"]["inputs"]["width"], nodes["source"]["inputs"]["height"]) == (24, 16)
    last = events[-1]
    assert isinstance(last, ImageCompleted)
    assert last.image == PNG


async def test_an_edit_without_a_mask_may_change_everything() -> None:
    async with ScriptedComfyUi(DONE) as comfy, back_end(comfy.url) as images:
        await ask(images, EDIT)
        nodes = comfy.bodies("/prompt")[0]["prompt"]
        assert comfy.uploads[nodes["mask_file"]["inputs"]["image"]] == ALL_CLEAR.content


async def test_the_shipped_workflow_for_edits_hangs_together() -> None:
    nodes = default_edit_workflow().nodes
    links = [
        value
        for node in nodes.values()
        for value in node["inputs"].values()
        if isinstance(value, list)
    ]
    assert {name for name, _ in links} < set(nodes)
    assert default_edit_workflow().names == set(EDIT_NAMES)


@pytest.mark.parametrize(
    ("workflows", "asked", "param"),
    [
        ({"workflow": BARE}, {}, "image"),
        ({"edit_workflow": BARE_EDIT}, {"mask": MASK}, "mask"),
        ({"edit_workflow": BARE_EDIT}, {"strength": 0.5}, "strength"),
        ({"edit_workflow": BARE_EDIT}, {"seed": 5}, "seed"),
        ({}, {"images": EDIT.images * 2}, "image"),
    ],
)
async def test_edits_that_a_workflow_has_no_place_for_are_refused(
    workflows: dict[str, Any], asked: dict[str, Any], param: str
) -> None:
    async with ScriptedComfyUi() as comfy, back_end(comfy.url, **workflows) as images:
        [failed] = await ask(images, replace(EDIT, **asked))
        assert isinstance(failed, ImageFailed)
        assert (failed.status, failed.param, comfy.asked) == (400, param, [])


async def test_an_upload_that_fails_is_the_edit_s_failure() -> None:
    comfy = ScriptedComfyUi(missing=["/upload/image"])
    async with comfy, back_end(comfy.url) as images:
        [failed] = await ask(images, EDIT)
        assert isinstance(failed, ImageFailed)
        assert comfy.bodies("/prompt") == []


async def test_pictures_are_painted_one_by_one() -> None:
    request = ImageRequest("a cat", n=2, seed=2**32 - 1, model="sdxl", partial_images=1)
    async with ScriptedComfyUi(*steps(2), DONE) as comfy, back_end(comfy.url) as images:
        events = await ask(images, request)
    pictures = [(e.picture, e.resolved.seed) for e in events if isinstance(e, ImageCompleted)]
    assert pictures == [(0, 2**32 - 1), (1, 0)]
    assert [(e.picture, e.index) for e in events if isinstance(e, PartialImage)] == [(0, 0), (1, 0)]
    names = [
        body["prompt"]["checkpoint"]["inputs"]["ckpt_name"] for body in comfy.bodies("/prompt")
    ]
    assert names == ["sdxl", "sdxl"]


async def test_older_servers_choose_the_prompts_id() -> None:
    comfy = ScriptedComfyUi(DONE, own_id="theirs", path="/comfy")
    async with comfy, back_end(f"{comfy.url}/", key="sk-1", model="sd15") as images:
        assert isinstance((await ask(images))[-1], ImageCompleted)
        assert {headers["Authorization"] for headers in comfy.headers} == {"Bearer sk-1"}
        assert comfy.bodies("/models/checkpoints") == []


async def test_a_workflow_of_ones_own_takes_what_it_has_a_place_for() -> None:
    async with ScriptedComfyUi(DONE) as comfy, back_end(comfy.url, workflow=BARE) as images:
        assert images.capabilities.seed is False
        [event] = await ask(images)
        assert comfy.bodies("/prompt")[0]["prompt"] == {
            "1": {"class_type": "Node", "inputs": {"text": "a cat"}}
        }
    assert isinstance(event, ImageCompleted)
    assert event.resolved.seed is None


@pytest.mark.parametrize(
    ("asked", "param"),
    [({"seed": 1}, "seed"), ({"model": "sdxl"}, "model"), ({"background": "transparent"}, None)],
)
async def test_what_the_workflow_has_no_place_for_is_refused(
    asked: dict[str, Any], param: str | None
) -> None:
    async with ScriptedComfyUi() as comfy, back_end(comfy.url, workflow=BARE) as images:
        [event] = await ask(images, ImageRequest("a cat", **asked))
        assert comfy.asked == []
    assert isinstance(event, ImageFailed)
    assert (event.status, event.param) == (400, param or "background")


@pytest.mark.parametrize(("running", "interrupts"), [(True, 1), (False, 0)])
async def test_closing_the_iterator_takes_the_prompt_back(running: bool, interrupts: int) -> None:
    comfy = ScriptedComfyUi(told("progress", value=1, max=4), running=running)
    async with comfy, back_end(comfy.url) as images:
        events = images.generate(CAT)
        assert await anext(events) == ImageProgress(1, 4)
        await events.aclose()
        assert comfy.cancelled.is_set()
    prompt_id = comfy.bodies("/prompt")[0]["prompt_id"]
    assert comfy.bodies("/queue") == [{"delete": [prompt_id]}, None]
    assert comfy.bodies("/interrupt") == [{"prompt_id": prompt_id}] * interrupts


async def test_a_task_that_is_cancelled_takes_the_prompt_back() -> None:
    comfy = ScriptedComfyUi()
    async with comfy, back_end(comfy.url, model="sd15") as images:
        task = asyncio.create_task(ask(images))
        await comfy.queued.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert comfy.cancelled.is_set()


async def test_a_prompt_that_cannot_be_taken_back_is_left() -> None:
    comfy = ScriptedComfyUi(told("progress", value=1, max=4), missing=["/queue"])
    async with comfy, back_end(comfy.url) as images:
        events = images.generate(CAT)
        await anext(events)
        await events.aclose()
    assert comfy.bodies("/interrupt") == []


async def test_a_node_that_fails_ends_the_call() -> None:
    error = told(
        "execution_error", node_type="KSampler", exception_message="no", exception_type="E"
    )
    comfy = ScriptedComfyUi(error)
    failed = await ask_once(comfy)
    assert failed.message == "ComfyUI failed in KSampler: no"
    assert comfy.bodies("/queue") == []


async def test_a_refused_workflow_ends_the_call() -> None:
    fault = {"message": "Value not in list", "details": "ckpt_name: 'x' not in ['y']"}
    refusal = {"error": {"message": "no"}, "node_errors": {"4": {"errors": [fault]}}}
    failed = await ask_once(ScriptedComfyUi(refusal=refusal))
    assert "ckpt_name: 'x' not in ['y']" in failed.message
    assert not failed.retryable


async def test_a_socket_that_closes_ends_the_call_and_the_prompt() -> None:
    comfy = ScriptedComfyUi(then="close")
    failed = await ask_once(comfy)
    assert failed.message == "The image back end closed its WebSocket while it painted"
    assert failed.retryable
    assert comfy.cancelled.is_set()


async def test_silence_ends_the_call_and_the_prompt() -> None:
    comfy = ScriptedComfyUi()
    failed = await ask_once(comfy, silence_s=0.2)
    assert (failed.code, failed.status) == ("image_back_end_timeout", 504)
    assert comfy.cancelled.is_set()


async def test_what_is_no_picture_ends_the_call() -> None:
    failed = await ask_once(ScriptedComfyUi(DONE, content=b"<html>"))
    assert "not a PNG, JPEG or WebP picture" in failed.message


async def test_a_server_without_a_socket_is_no_comfyui() -> None:
    failed = await ask_once(ScriptedComfyUi(missing=["/ws"]))
    assert (failed.code, failed.status) == ("upstream_404", 502)


async def test_a_broken_preview_is_left_out() -> None:
    comfy = ScriptedComfyUi(shown(b"what"), shown(picture(4, 4).content), DONE)
    async with comfy, back_end(comfy.url) as images:
        events = await ask(images, ImageRequest("a cat", partial_images=1))
    assert [type(event) for event in events] == [PartialImage, ImageCompleted]


async def test_nobody_there_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with back_end(f"http://127.0.0.1:{port}", model="sd15") as images:
        [event] = await ask(images)
    assert isinstance(event, ImageFailed)
    assert (event.code, event.retryable) == ("image_back_end_unreachable", True)
