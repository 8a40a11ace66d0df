"""The operator's word on the image tool, at every door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from limner.core.gate import ImageToolMode
from limner.core.image import Size
from limner.core.image_tool import GATE_MESSAGE
from limner.core.readiness import Readiness
from limner.core.routing import Route, Routes
from limner.gateway.several import Served, Several
from limner.server.application import Rules, ServerParts, create
from limner.server.images_api import images_routes
from limner.server.jobs_api import jobs_routes
from limner.wire.jobs import Painter
from limner.wire.jobs_request import JobDefaults
from tests.kept_jobs import open_jobs
from tests.scripted_images import ScriptedImages, done
from tests.scripted_upstream import ScriptedUpstream, says
from tests.serving import serving

ASK: dict[str, Any] = {"input": "hi", "tools": [{"type": "image_generation"}]}
KEYS: dict[str, ImageToolMode] = {"k-on": "on", "k-off": "off", "k-strip": "strip"}


@asynccontextmanager
async def door(upstream: ScriptedUpstream) -> AsyncIterator[str]:
    """Models `m-<mode>`, and a key without a mode of its own beside `KEYS`."""
    modes: tuple[ImageToolMode, ...] = ("on", "off", "strip", "passthrough")
    routes = Routes(Route(mode, (f"m-{mode}",)) for mode in modes)
    images = ScriptedImages(done())
    painter = Painter("scripted", Readiness("ready", "paints"))
    async with open_jobs(images) as jobs:
        parts = ServerParts(
            Several(routes, {mode: Served(upstream, mode) for mode in modes}),
            images,
            models=lambda: [],
            routes=(
                *images_routes(images),
                *jobs_routes(jobs, lambda: painter, JobDefaults(Size(256, 256))),
            ),
            rules=Rules(api_keys=frozenset({"k", *KEYS}), image_tool=KEYS),
        )
        async with serving(create(parts)) as url:
            yield url


async def post(url: str, path: str, key: str, body: dict[str, Any]) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url + path, json=body, headers=headers) as reply,
    ):
        return reply.status, await reply.json()


@pytest.mark.parametrize(
    ("key", "model", "outcome"),
    [
        ("k", "m-on", "on"),
        ("k", "m-off", "off"),
        ("k", "m-strip", "strip"),
        ("k-off", "m-on", "off"),
        ("k-strip", "m-on", "strip"),
        ("k-strip", "m-off", "strip"),  # the key's word holds before the upstream's
        ("k-on", "m-off", "on"),
    ],
)
async def test_a_request_with_the_tool_goes_the_way_of_its_key_and_model(
    key: str, model: str, outcome: str
) -> None:
    upstream = ScriptedUpstream(says("hello"))
    async with door(upstream) as url:
        status, body = await post(url, "/v1/responses", key, {**ASK, "model": model})
    if outcome == "off":
        assert (status, upstream.requests) == (400, [])
        assert body["error"]["message"] == GATE_MESSAGE
        assert body["error"]["code"] == "image_generation_disabled"
        return
    assert status == 200
    (asked,) = upstream.requests
    assert [tool.name for tool in asked.tools] == (["image_generation"] if outcome == "on" else [])
    is_stripped = outcome == "strip"
    assert body["metadata"] == ({"limner_image_tool": "stripped"} if is_stripped else {})
    assert ("taken out of the request" in str(body.get("limner"))) == is_stripped


async def test_a_tool_is_not_passed_to_a_model_that_has_none_of_its_own() -> None:
    async with door(ScriptedUpstream(says("hello"))) as url:
        status, body = await post(url, "/v1/responses", "k", {**ASK, "model": "m-passthrough"})
    assert (status, body["error"]["param"]) == (400, "tools[0]")


async def test_a_model_that_is_not_here_is_refused_by_name() -> None:
    async with door(ScriptedUpstream(says("hello"))) as url:
        status, body = await post(url, "/v1/responses", "k", {**ASK, "model": "gpt-5"})
    assert (status, body["error"]["code"], body["error"]["param"]) == (
        404,
        "model_not_found",
        "model",
    )
    assert body["error"]["message"] == (
        "There is no model 'gpt-5' here, but m-on, m-off, m-strip, m-passthrough."
    )


@pytest.mark.parametrize("key", ["k-off", "k-strip"])
async def test_a_key_without_pictures_gets_none_at_the_doors_to_pictures_either(key: str) -> None:
    async with door(ScriptedUpstream(says("hello"))) as url:
        images = await post(url, "/v1/images/generations", key, {"prompt": "a cat"})
        job = await post(url, "/generate", key, {"prompt": "a cat"})
        later = await post(url, "/generate/async", key, {"prompt": "a cat"})
    assert (images[0], images[1]["error"]["message"]) == (400, GATE_MESSAGE)
    assert (job[0], later[0]) == (422, 422)
    assert job[1]["detail"][0]["msg"] == later[1]["detail"][0]["msg"] == GATE_MESSAGE


@pytest.mark.parametrize("key", ["k", "k-on"])
async def test_other_keys_get_pictures_at_those_doors(key: str) -> None:
    async with door(ScriptedUpstream(says("hello"))) as url:
        assert (await post(url, "/v1/images/generations", key, {"prompt": "a cat"}))[0] == 200
        assert (await post(url, "/generate", key, {"prompt": "a cat"}))[0] == 200
