"""The whole application: welcome, health, models, and what becomes of errors."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.core.errors import ConfigError, ImageError, InvalidRequest, LimnerError, UpstreamError
from limner.core.readiness import Readiness, any_of
from limner.core.turn import UpstreamCapabilities
from limner.gateway.several import always
from limner.server.application import Rules, ServerParts, create
from limner.server.health import ReadinessOf
from limner.wire.models import ModelEntry
from tests.scripted_upstream import ScriptedUpstream, says
from tests.serving import serving

READY = Readiness("ready", "Paints.")
LOADING = Readiness("loading", "Reading weights.", 0.5)
FAILED = Readiness("failed", "No weights.")
ABSENT = Readiness("absent", "None wanted.")
MODEL = ModelEntry("org/writer", 1_700_000_000, UpstreamCapabilities("scripted"))


@asynccontextmanager
async def door(
    readiness: Mapping[str, ReadinessOf] | None = None, *routes: Route, rules: Rules | None = None
) -> AsyncIterator[str]:
    parts = ServerParts(
        always(ScriptedUpstream(says("hi"))),
        None,
        models=lambda: [MODEL],
        readiness=readiness or {},
        routes=routes,
        rules=rules or Rules(),
    )
    async with serving(create(parts)) as url:
        yield url


async def ask(url: str, method: str = "GET", **headers: str) -> tuple[int, Any, Mapping[str, str]]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=headers) as reply,
    ):
        return reply.status, await reply.json(content_type=None), reply.headers


async def test_the_welcome_lists_what_there_is() -> None:
    async with door() as url:
        status, body, _ = await ask(url)
    assert status == 200
    assert "POST /v1/responses" in body["endpoints"]
    assert "GET /v1/models" in body["endpoints"]
    assert "GET /livez" in body["endpoints"]


async def test_the_process_is_live_while_parts_are_loading() -> None:
    async with door({"images": lambda: LOADING}) as url:
        status, _, _ = await ask(f"{url}/livez")
    assert status == 200


@pytest.mark.parametrize(
    ("parts", "status", "state"),
    [
        ([], 200, "ready"),
        ([READY, ABSENT], 200, "ready"),
        ([READY, LOADING], 503, "loading"),
        ([LOADING, FAILED], 503, "failed"),
    ],
)
async def test_readiness_is_that_of_the_slowest_part(
    parts: list[Readiness], status: int, state: str
) -> None:
    named = {str(index): (lambda part=part: part) for index, part in enumerate(parts)}
    async with door(named) as url:
        got, body, headers = await ask(f"{url}/readyz")
    assert (got, body["status"]) == (status, state)
    assert ("Retry-After" in headers) == (state == "loading")
    assert headers["Cache-Control"] == "no-store"


async def test_readiness_tells_how_far_a_part_has_come_to_anyone() -> None:
    rules = Rules(api_keys=frozenset({"sk-1"}))
    async with door({"images": lambda: LOADING}, rules=rules) as url:
        _, body, _ = await ask(f"{url}/readyz")
    assert body["parts"] == {
        "images": {"state": "loading", "message": "Reading weights.", "progress": 0.5}
    }


async def test_one_of_several_that_do_the_same_is_enough_and_each_is_told_of() -> None:
    engines = any_of({"engine-0": FAILED, "engine-1": READY})
    async with door({"images": lambda: engines}) as url:
        status, body, _ = await ask(f"{url}/readyz")
    assert (status, body["status"]) == (200, "ready")
    told = body["parts"]["images"]["parts"]
    assert {name: part["state"] for name, part in told.items()} == {
        "engine-0": "failed",
        "engine-1": "ready",
    }


async def test_models_are_listed_and_shown() -> None:
    async with door() as url:
        _, listed, _ = await ask(f"{url}/v1/models")
        _, shown, _ = await ask(f"{url}/v1/models/org/writer")
    assert listed == {"object": "list", "data": [shown]}
    assert shown["id"] == "org/writer"


async def test_an_unknown_model_is_not_found() -> None:
    async with door() as url:
        status, body, _ = await ask(f"{url}/v1/models/other")
    assert (status, body["error"]["code"]) == (404, "model_not_found")
    assert "org/writer" in body["error"]["message"]


@pytest.mark.parametrize("path", ["/nowhere", "/v1/responses/", "/v1/responses/resp_1"])
async def test_unknown_paths_are_not_found_in_the_envelope(path: str) -> None:
    async with door() as url:
        status, body, headers = await ask(url + path)
    assert (status, body["error"]["code"]) == (404, "not_found")
    assert headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [("/v1/responses", "GET", {"POST"}), ("/livez", "POST", {"GET", "HEAD"})],
)
async def test_a_wrong_method_is_told_the_right_one(
    path: str, method: str, allowed: set[str]
) -> None:
    async with door() as url:
        status, body, headers = await ask(f"{url}{path}", method)
    assert (status, set(headers["Allow"].split(", "))) == (405, allowed)
    assert body["error"]["message"].endswith(f"this path accepts {headers['Allow']}.")


@pytest.mark.parametrize("sane", ["a", "trace-1.2_3", "x" * 128])
async def test_a_clients_request_id_is_kept(sane: str) -> None:
    async with door() as url:
        _, _, headers = await ask(url, **{"X-Request-Id": sane})
    assert headers["x-request-id"] == sane


@pytest.mark.parametrize("odd", ["", "a b", "x" * 129, "a\tb", "é"])
async def test_a_request_id_that_could_harm_a_log_is_replaced(odd: str) -> None:
    async with door() as url:
        _, _, headers = await ask(url, **{"X-Request-Id": odd})
    assert headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    ("error", "status", "kind", "headers"),
    [
        (InvalidRequest("no", param="a", code="b"), 400, "invalid_request_error", {}),
        (
            InvalidRequest("full", status=503, retry_after_s=0.2),
            503,
            "invalid_request_error",
            {"Retry-After": "1"},
        ),
        (UpstreamError("gone"), 502, "server_error", {"x-should-retry": "false"}),
        (UpstreamError("slow", status=504, retryable=True), 504, "server_error", {}),
        (
            UpstreamError("busy", status=429, retryable=True, retry_after_s=2),
            429,
            "rate_limit_error",
            {"Retry-After": "2"},
        ),
        (ImageError("no"), 500, "image_generation_server_error", {"x-should-retry": "false"}),
        (ConfigError("odd"), 500, "server_error", {}),
    ],
)
async def test_every_error_becomes_its_status_and_its_advice(
    error: LimnerError, status: int, kind: str, headers: dict[str, str]
) -> None:
    async def fail(request: Request) -> Response:
        raise error

    async with door(None, Route("/fail", fail)) as url:
        got, body, received = await ask(f"{url}/fail")
    assert (got, body["error"]["type"]) == (status, kind)
    assert body["error"]["message"] == error.message
    advice = {
        name: received[name] for name in ("Retry-After", "x-should-retry") if name in received
    }
    assert advice == headers


async def test_a_bug_is_logged_under_the_request_id_and_not_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(request: Request) -> Response:
        raise KeyError("/etc/secret")

    async with door(None, Route("/fail", fail)) as url:
        status, body, headers = await ask(f"{url}/fail", **{"X-Request-Id": "mine"})
    assert (status, headers["x-request-id"]) == (500, "mine")
    assert "secret" not in str(body)
    assert "mine" in body["error"]["message"]
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert vars(record)["request_id"] == "mine"
    assert "/etc/secret" in caplog.text
