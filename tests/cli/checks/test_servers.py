"""Servers elsewhere: what can be said without asking, and what their answers mean."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.app.upstreams import ModelServer
from limner.cli.checks.language_model import ask_language_model, check_language_model
from limner.cli.checks.painter import (
    Painter,
    ask_painter,
    check_painter,
    painter_at,
    read_service,
)
from tests import scripted_anthropic
from tests.scripted_anthropic import ScriptedAnthropic
from tests.scripted_chat import ScriptedChat, calls, fails, says
from tests.serving import serving

NAME = "language model"
CALL = calls("report_ready", {"ready": True})


def nobody() -> str:
    """An address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


async def states(server: ModelServer) -> dict[str, str]:
    return {verdict.check: verdict.state for verdict in await ask_language_model(NAME, server)}


def test_without_a_server_the_built_in_rules_are_well() -> None:
    assert check_language_model(NAME, None).state == "ok"


@pytest.mark.parametrize("host", ["api.openai.com", "api.anthropic.com"])
def test_servers_that_are_known_to_want_a_key_want_one(host: str) -> None:
    assert check_language_model(NAME, ModelServer(f"https://{host}/v1")).state == "failure"
    assert check_language_model(NAME, ModelServer(f"https://{host}/v1", key="k")).state == "ok"


def test_a_vocabulary_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    server = ModelServer("http://127.0.0.1:8000", "harmony", harmony_vocab=tmp_path)
    assert check_language_model(NAME, server).state == "failure"


async def test_a_model_that_calls_the_function_can_use_tools() -> None:
    async with ScriptedChat([CALL]) as chat:
        assert await states(ModelServer(chat.url, model="m")) == {NAME: "ok", "tools": "ok"}
    (asked,) = chat.requests
    assert asked["model"] == "m"
    assert [tool["function"]["name"] for tool in asked["tools"]] == ["report_ready"]


async def test_a_server_of_anthropic_s_dialect_is_asked_in_it() -> None:
    call = scripted_anthropic.calls("report_ready", {"ready": True})
    async with ScriptedAnthropic([call]) as server:
        asked = ModelServer(server.url, "anthropic", model="m", key="k")
        assert await states(asked) == {NAME: "ok", "tools": "ok"}
    assert server.headers[-1]["x-api-key"] == "k"


async def test_a_model_that_only_talks_cannot() -> None:
    async with ScriptedChat([says("I am ready.")]) as chat:
        assert await states(ModelServer(chat.url, model="m")) == {NAME: "ok", "tools": "failure"}


async def test_what_the_server_says_against_tools_is_shown() -> None:
    why = '"auto" tool choice requires --enable-auto-tool-choice'
    async with ScriptedChat([fails(400, why)]) as chat:
        server = ModelServer(chat.url, model="m", tools="native")
        _, tools = await ask_language_model(NAME, server)
    assert tools.state == "failure"
    assert why in tools.message


async def test_a_model_without_function_calling_may_call_in_its_text() -> None:
    block = '```tool_call\n{"name": "report_ready", "arguments": {"ready": true}}\n```'
    async with ScriptedChat([fails(400, "m does not support tools"), says(block)]) as chat:
        _, tools = await ask_language_model(NAME, ModelServer(chat.url, model="m"))
    assert tools.state == "ok"
    assert "in its text" in tools.message


async def test_without_a_name_the_first_model_of_the_list_is_asked_or_none() -> None:
    async with serving(answering(200, '{"data": []}')) as url:
        assert await states(ModelServer(url)) == {NAME: "ok", "tools": "skipped"}
    async with serving(answering(200, '{"data": [{"id": "first"}]}')) as url:
        _, tools = await ask_language_model(NAME, ModelServer(url, "chat"))
    assert tools.message.startswith("first")


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_a_failure_that_does_not_show_it(status: int) -> None:
    async with serving(answering(status, "you are s3cret")) as url:
        (verdict,) = await ask_language_model(NAME, ModelServer(url, "chat", key="s3cret"))
        painter = await ask_painter(Painter(url, key="s3cret"))
    assert verdict.state == painter.state == "failure"
    assert "s3cret" not in repr((verdict, painter))


async def test_a_server_that_is_down_is_a_failure() -> None:
    assert await states(ModelServer(nobody())) == {NAME: "failure"}
    assert (await ask_painter(Painter(nobody()))).state == "failure"


@pytest.mark.parametrize("url", ["http://user:word@host", "http://host/v1?key=k"])
async def test_an_address_that_cannot_be_one_is_a_failure(url: str) -> None:
    assert await states(ModelServer(url)) == {NAME: "failure"}
    assert (await ask_painter(Painter(url))).state == "failure"


@pytest.mark.parametrize(
    ("status", "state"), [(200, "ok"), (404, "ok"), (500, "failure"), (503, "failure")]
)
async def test_any_answer_but_an_error_of_its_own_shows_that_a_painter_is_there(
    status: int, state: str
) -> None:
    async with serving(answering(status, "{}")) as url:
        assert (await ask_painter(Painter(url))).state == state


@pytest.mark.parametrize(
    ("wire", "path"),
    [
        ("", "/v1/models"),
        ("vllm-omni+", "/v1/models"),
        ("comfyui+", "/queue"),
        ("a1111+", "/sdapi/v1/progress"),
        ("jobs+", "/health"),
    ],
)
async def test_each_wire_is_asked_for_what_costs_nothing(wire: str, path: str) -> None:
    asked: list[str] = []

    async def note(request: Request) -> Response:
        asked.append(f"{request.method} {request.url.path}")
        return Response()

    async with serving(Starlette(routes=[Route("/{path:path}", note)])) as url:
        assert (await ask_painter(painter_at(wire + url, "user:word"))).state == "ok"
    assert asked == [f"GET {path}"]


def test_openai_s_own_images_want_a_key() -> None:
    there = "https://api.openai.com/v1"
    assert check_painter(painter_at(there, None)).state == "failure"
    assert check_painter(painter_at(there, "k")).state == "ok"
    assert check_painter(painter_at(nobody(), None)).state == "ok"


def test_the_description_of_a_service_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "service.json"
    described = {
        "provider": "example",
        "api_base": "https://images.example.com/v1",
        "api_key_env": "EXAMPLE_IMAGE_API_KEY",
        "default_model": "gpt-image-1",
    }
    file.write_text(json.dumps({**described, "colour": "blue"}))
    monkeypatch.delenv("EXAMPLE_IMAGE_API_KEY", raising=False)
    (verdict,), painter = read_service(file)
    assert (verdict.state, painter) == ("failure", None)
    assert "'EXAMPLE_IMAGE_API_KEY', which is not set" in verdict.message
    monkeypatch.setenv("EXAMPLE_IMAGE_API_KEY", "k")
    verdicts, painter = read_service(file)
    assert [verdict.state for verdict in verdicts] == ["ok", "warning"]
    assert painter == Painter("https://images.example.com/v1", key="k")


def answering(status: int, body: str) -> Starlette:
    async def answer(request: Request) -> Response:
        return Response(body, status, media_type="application/json")

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
