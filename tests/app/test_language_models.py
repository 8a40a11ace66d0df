"""Several language models of a file behind one server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import aiohttp
import openai
import orjson
import pytest

from limner.app.language_models import open_language_models
from limner.app.server import open_server
from limner.config import Settings, load
from limner.core.errors import ConfigError
from limner.core.readiness import Readiness
from limner.wire.jobs import Painter
from limner.wire.models import ImageToolState
from limner.wire.picture_metadata import read, says_made_by_ai
from limner.wire.pictures import stored_picture, to_base64
from tests import scripted_responses
from tests.pictures import picture
from tests.scripted_chat import Reply, ScriptedChat, end_of, fails, says
from tests.scripted_responses import ScriptedResponses
from tests.serving import serving
from tests.upstreams.test_listed import Lists


def chunk_of(value: object) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


FILE = """
[upstreams.near]
kind = "chat"
url = "{near}"
models = ["qwen3"]
aliases = {{ fast = "qwen3" }}
vision = true
retries = 0

[upstreams.far]
kind = "chat"
url = "{far}"
key_env = "FAR_KEY"
patterns = ["gpt-*"]
token_limit_field = "max_tokens"
image_tool = "off"

[upstreams.rules]
kind = "intent"
models = ["rules"]
image_tool = "strip"

[keys.mine]
key_env = "MY_KEY"
"""


@asynccontextmanager
async def behind(
    folder: Path, near: list[Reply], far: list[Reply]
) -> AsyncIterator[tuple[str, ScriptedChat, ScriptedChat]]:
    """A whole server over two scripted ones; nothing paints."""
    async with ScriptedChat(near) as first, ScriptedChat(far) as second:
        path = folder / "limner.toml"
        path.write_text(FILE.format(near=first.url, far=second.url))
        settings = Settings(store="memory", config=path, image_backend="none")
        async with open_server(settings) as app, serving(app) as url:
            yield url, first, second


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAR_KEY", "sk-far")
    monkeypatch.setenv("MY_KEY", "sk-mine")


async def ask(url: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    headers = {"Authorization": "Bearer sk-mine"}
    verb = "GET" if body is None else "POST"
    async with (
        aiohttp.ClientSession() as session,
        session.request(verb, url + path, json=body, headers=headers) as reply,
    ):
        return reply.status, await reply.json()


async def test_each_model_is_asked_where_it_is(tmp_path: Path) -> None:
    async with behind(tmp_path, [says("near")], [says("far")]) as (url, near, far):
        _, first = await ask(url, "/v1/responses", {"model": "fast", "input": "hi"})
        limited = {"model": "gpt-5", "input": "hi", "max_output_tokens": 50}
        _, second = await ask(url, "/v1/responses", limited)
        status, _ = await ask(url, "/v1/responses", {"model": "other", "input": "hi"})
    assert (first["model"], first["output"][0]["content"][0]["text"]) == ("fast", "near")
    assert near.requests[0]["model"] == "qwen3"
    assert second["output"][0]["content"][0]["text"] == "far"
    assert (far.requests[0]["model"], far.requests[0]["max_tokens"]) == ("gpt-5", 50)
    assert far.headers[0]["Authorization"] == "Bearer sk-far"
    assert "Authorization" not in near.headers[0]
    assert status == 404


async def test_the_keys_of_the_file_are_asked_for(tmp_path: Path) -> None:
    async with (
        behind(tmp_path, [], []) as (url, _, _),
        aiohttp.ClientSession() as session,
        session.get(f"{url}/v1/models") as reply,
    ):
        assert reply.status == 401


async def test_the_list_says_what_each_model_can_do_and_why_not(tmp_path: Path) -> None:
    async with behind(tmp_path, [], []) as (url, _, _):
        _, listed = await ask(url, "/v1/models")
    blocks = {entry["id"]: entry["limner"] for entry in listed["data"]}
    assert list(blocks) == ["qwen3", "fast", "rules"]
    assert blocks["fast"] == {
        "kind": "language",
        "served_by": "chat",
        "sees_images": True,
        "function_calling": "auto",
        "parallel_tool_calls": True,
        "native_image_tool": False,
        "built_in": False,
        "upstream": "near",
        "stands_for": "qwen3",
        "image_tool": {
            "state": "off",
            "reason": "nothing paints here (--image-backend none)",
            "image_backend": None,
        },
        "state": "ready",
        "message": "its last request did not fail",
    }
    assert blocks["rules"]["built_in"]
    assert blocks["rules"]["image_tool"] == {
        "state": "strip",
        "reason": "the operator has it taken out of requests",
        "image_backend": None,
    }


async def test_a_server_that_keeps_failing_shows_in_the_list_and_is_left_alone(
    tmp_path: Path,
) -> None:
    body = {"model": "qwen3", "input": "hi"}
    async with behind(tmp_path, [fails(503)] * 9, []) as (url, near, _):
        codes = [(await ask(url, "/v1/responses", body))[1]["error"]["code"] for _ in range(6)]
        _, shown = await ask(url, "/v1/models/qwen3")
    assert codes[-1] == "upstream_unavailable"
    assert len(near.requests) == 5
    assert shown["limner"]["state"] == "failed"


async def test_an_address_that_cannot_be_one_is_named_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "limner.toml"
    path.write_text('[upstreams.far]\nkind = "chat"\nurl = "http://user:word@far/v1"\n')
    async with AsyncExitStack() as stack:
        with pytest.raises(ConfigError, match=r"limner\.toml: upstreams\.far: the language model"):
            await open_language_models(Settings(config=path), stack)


async def test_a_server_with_an_image_tool_of_its_own_is_left_to_it(tmp_path: Path) -> None:
    tool = {"type": "image_generation", "size": "1024x1024"}
    async with ScriptedResponses([scripted_responses.says("hi")]) as server:
        path = tmp_path / "limner.toml"
        path.write_text(
            f'[upstreams.far]\nurl = "{server.url}"\nkind = "responses"\n'
            'image_tool = "passthrough"\nmodels = ["gpt-5"]\n'
        )
        settings = Settings(store="memory", config=path, image_backend="none")
        async with open_server(settings) as app, serving(app) as url:
            body = {"model": "gpt-5", "input": "hi", "tools": [tool]}
            status, _ = await ask(url, "/v1/responses", body)
            _, shown = await ask(url, "/v1/models/gpt-5")
    assert status == 200
    assert shown["limner"]["native_image_tool"] is True
    assert shown["limner"]["image_tool"]["state"] == "passthrough"
    assert server.requests[0]["tools"] == [tool]


async def test_the_model_of_the_flags_answers_to_every_name() -> None:
    async with AsyncExitStack() as stack:
        models = await open_language_models(Settings(image_tool="strip"), stack)
        assert [named.id for named in models.list.named] == ["limner"]
        assert models.select("a") == models.select("b")
        assert models.select("a").image_tool == "strip"


async def test_a_model_that_paints_by_itself_needs_no_painter_here(tmp_path: Path) -> None:
    path = tmp_path / "limner.toml"
    path.write_text('[upstreams.far]\nurl = "https://api.openai.com/v1"\nmodels = ["gpt-5"]\n')
    nothing = Painter("none", Readiness("absent", "nothing paints here"))
    async with AsyncExitStack() as stack:
        models = await open_language_models(Settings(config=path), stack)
        (entry,) = models.list.entries(nothing, 1)
    assert entry.image_tool == ImageToolState(
        "passthrough", "it is left to the language model's own server"
    )


async def test_the_one_server_of_the_flags_is_left_alone_as_they_say() -> None:
    async with ScriptedChat([fails(503)] * 9) as far:
        given = {"llm_url": far.url, "llm_kind": "chat", "llm_retries": "0"}
        given |= {"llm_circuit": "failures=2,rest=60", "store": "memory", "image_backend": "none"}
        async with open_server(load(given, {})) as app, serving(app) as url:
            body = {"model": "any", "input": "hi"}
            answers = [await ask(url, "/v1/responses", body) for _ in range(4)]
            _, shown = await ask(url, "/v1/models/limner")
    assert len(far.requests) == 2
    assert [status for status, _ in answers] == [503] * 4
    assert answers[-1][1]["error"]["code"] == "upstream_unavailable"
    assert far.url not in str(answers)
    assert shown["limner"]["state"] == "failed"


async def test_a_turn_over_the_one_server_ends_in_its_time() -> None:
    async with ScriptedChat([Reply((), then="hang")]) as far:
        given = {"llm_url": far.url, "llm_kind": "chat", "llm_timeouts": "total=0.05"}
        given |= {"store": "memory", "image_backend": "none"}
        async with open_server(load(given, {})) as app, serving(app) as url:
            status, body = await ask(url, "/v1/responses", {"model": "any", "input": "hi"})
    assert (status, body["error"]["code"]) == (504, "upstream_timeout")


async def test_models_behind_patterns_are_listed_as_their_servers_name_them(
    tmp_path: Path,
) -> None:
    async with Lists("qwen3", "qwen3:8b", "llama4") as near, Lists("gpt-5", "tts-1", "a") as far:
        path = tmp_path / "limner.toml"
        path.write_text(
            f'[upstreams.far]\nkind = "chat"\nurl = "{far.host}"\npatterns = ["gpt-*"]\n'
            f'[upstreams.near]\nkind = "chat"\nurl = "{near.host}"\nmodels = ["qwen3"]\n'
            'patterns = ["qwen*"]\n'
            '[upstreams.gone]\nkind = "chat"\nurl = "http://127.0.0.1:1"\n'
        )
        settings = Settings(store="memory", config=path, image_backend="none")
        async with open_server(settings) as app, serving(app) as url:
            _, listed = await ask(url, "/v1/models")
            status, shown = await ask(url, "/v1/models/qwen3:8b")
    assert [entry["id"] for entry in listed["data"]] == ["qwen3", "gpt-5", "qwen3:8b"]
    assert (status, shown["limner"]["upstream"]) == (200, "near")


async def test_without_a_model_of_its_own_the_one_server_lists_its_models() -> None:
    far = Lists("qwen3", "llama4")
    async with far:
        settings = Settings(store="memory", llm_url=far.host, llm_kind="chat", image_backend="none")
        async with open_server(settings) as app, serving(app) as url:
            _, listed = await ask(url, "/v1/models")
        assert [entry["id"] for entry in listed["data"]] == ["qwen3", "llama4"]
        async with open_server(replace(settings, llm_model="mine")) as app, serving(app) as url:
            _, listed = await ask(url, "/v1/models")
    assert [entry["id"] for entry in listed["data"]] == ["mine"]
    async with open_server(settings) as app, serving(app) as url:
        _, listed = await ask(url, "/v1/models")
    assert [entry["id"] for entry in listed["data"]] == ["limner"]


async def test_what_paints_is_not_listed_twice() -> None:
    async with Lists("gpt-5", "gpt-image-1") as far:
        settings = Settings(
            store="memory",
            llm_url=far.host,
            llm_kind="chat",
            image_backend="http://127.0.0.1:1",
            model="gpt-image-1",
        )
        async with open_server(settings) as app, serving(app) as url:
            _, listed = await ask(url, "/v1/models")
    kinds = [(entry["id"], entry["limner"]["kind"]) for entry in listed["data"]]
    assert kinds == [("gpt-5", "language"), ("gpt-image-1", "image")]


@pytest.mark.parametrize("says_of_itself", ["full", "mark", "off"])
async def test_pictures_of_a_server_that_paints_are_marked_as_all_others(
    says_of_itself: Literal["full", "mark", "off"],
) -> None:
    call = {"id": "ig", "type": "image_generation_call", "status": "completed"}
    whole = {**call, "revised_prompt": "a red fox", "result": to_base64(picture())}
    frame = {"partial_image_index": 0, "partial_image_b64": to_base64(picture(8))}
    inside = ("image_generation_call.partial_image", frame)
    painted = scripted_responses.reply(*scripted_responses.item(0, whole, inside))
    async with ScriptedResponses([painted]) as server:
        settings = Settings(
            store="memory",
            llm_url=server.url,
            llm_kind="responses",
            image_tool="passthrough",
            image_backend="none",
            picture_metadata=says_of_itself,
        )
        tool = {"type": "image_generation", "model": "theirs", "partial_images": 1}
        body = {"model": "m", "input": "a fox", "tools": [tool], "stream": True}
        async with (
            open_server(settings) as app,
            serving(app) as url,
            openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client,
        ):
            events = [event async for event in await client.responses.create(**body)]  # type: ignore[call-overload]
    (preview,) = [event for event in events if event.type.endswith("partial_image")]
    assert preview.partial_image_b64 == to_base64(picture(8))
    image = stored_picture(events[-1].response.output[0].result, "result")
    facts = read(image)
    assert says_made_by_ai(image) is (says_of_itself != "off")
    assert (facts is not None) is (says_of_itself == "full")
    if facts:
        assert (facts.prompt, facts.model, facts.action) == ("a red fox", "theirs", "generate")


@asynccontextmanager
async def asking(far: ScriptedChat, kind: Literal["chat", "responses"]) -> AsyncIterator[Any]:
    """The official client before a whole server over this one."""
    settings = Settings(store="memory", llm_url=far.url, llm_kind=kind, image_backend="none")
    async with (
        open_server(settings) as app,
        serving(app) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client,
    ):
        yield client.responses


LIKELY: Any = {"include": ["message.output_text.logprobs"], "top_logprobs": 1}
TOKEN = {"token": "hi", "bytes": [104, 105], "logprob": -0.5}
TOLD = {**TOKEN, "top_logprobs": [TOKEN]}


async def test_log_probabilities_of_chat_come_as_the_responses_api_has_them() -> None:
    choice = {"delta": {"content": "hi"}, "logprobs": {"content": [TOLD]}}
    reply = Reply((chunk_of({"choices": [choice]}), *end_of("stop")))
    async with ScriptedChat([reply, reply]) as far, asking(far, "chat") as responses:
        whole = await responses.create(model="m", input="hi", **LIKELY)
        stream = await responses.create(model="m", input="hi", stream=True, **LIKELY)
        events = [event async for event in stream]
    assert [part.to_dict() for part in whole.output[0].content[0].logprobs] == [TOLD]
    (delta,) = [event for event in events if event.type == "response.output_text.delta"]
    assert [entry.to_dict() for entry in delta.logprobs] == [TOLD]
    assert events[-1].response.output[0].content[0].logprobs == whole.output[0].content[0].logprobs
    assert (whole.top_logprobs, far.requests[0]["top_logprobs"]) == (1, 1)
    assert whole.to_dict().get("limner", {}).get("adjustments") is None


async def test_a_phase_and_log_probabilities_pass_and_go_back_as_they_came() -> None:
    part = {"type": "output_text", "text": "hi", "annotations": [], "logprobs": [TOLD]}
    value: Any = {"id": "msg_up", "type": "message", "role": "assistant", "status": "completed"}
    value |= {"phase": "final_answer", "content": [part]}
    delta = {"content_index": 0, "delta": "hi", "logprobs": [TOLD]}
    script = scripted_responses.reply(
        *scripted_responses.item(0, value, ("output_text.delta", delta))
    )
    async with ScriptedResponses([script, script]) as far, asking(far, "responses") as responses:
        first = await responses.create(model="m", input="hi", **LIKELY)
        await responses.create(model="m", input="and?", previous_response_id=first.id)
    message = first.output[0]
    assert message.phase == "final_answer"
    assert [entry.to_dict() for entry in message.content[0].logprobs] == [TOLD]
    asked, then = far.requests
    assert (asked["top_logprobs"], LIKELY["include"][0] in asked["include"]) == (1, True)
    assert then["input"][1] == {
        "type": "message",
        "role": "assistant",
        "content": "hi",
        "phase": "final_answer",
    }
