"""Language models by what their servers speak."""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from limner.app.upstreams import ModelServer, model_server, open_server_of_models
from limner.config import Settings, load
from limner.core.errors import ConfigError
from limner.core.items import Message, TextPart
from limner.core.ports import Upstream
from limner.core.turn import Sampling, TextDelta, TurnEvent, TurnRequest
from tests import scripted_anthropic, scripted_chat, scripted_completions, scripted_responses
from tests.scripted_anthropic import ScriptedAnthropic
from tests.scripted_chat import Reply, ScriptedChat
from tests.scripted_completions import ScriptedCompletions
from tests.scripted_responses import ScriptedResponses

HELLO = TurnRequest(
    "m", (Message("user", (TextPart("hello"),)),), sampling=Sampling(reasoning_effort="low")
)


async def ask(server: ModelServer) -> list[TurnEvent]:
    async with AsyncExitStack() as stack:
        upstream = await open_server_of_models(server, stack)
        assert upstream.capabilities.vision
        async with aclosing(upstream.stream(HELLO)) as events:
            return [event async for event in events]


async def opened(settings: Settings, stack: AsyncExitStack) -> Upstream:
    server = model_server(settings)
    assert server
    return await open_server_of_models(server, stack)


SCRIPTED: dict[str, tuple[type[ScriptedChat], Reply]] = {
    "chat": (ScriptedChat, scripted_chat.says("hi")),
    "responses": (ScriptedResponses, scripted_responses.says("hi")),
    "anthropic": (ScriptedAnthropic, scripted_anthropic.says("hi")),
}


@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.parametrize("kind", SCRIPTED)
async def test_a_server_is_spoken_to_in_its_dialect(kind: str, is_named: bool) -> None:
    scripted, reply = SCRIPTED[kind]
    async with scripted([reply]) as server:
        given = kind if is_named else "auto"
        said = await ask(ModelServer(server.url, given, key="k", vision=True))
    assert said[0] == TextDelta("hi")


async def test_an_anthropic_server_gets_its_key_and_the_thinking_of_its_models() -> None:
    async with ScriptedAnthropic([scripted_anthropic.says("hi")]) as server:
        await ask(
            ModelServer(
                server.url, "anthropic", model="older", key="k", vision=True, thinking="budget"
            )
        )
    assert server.headers[0]["x-api-key"] == "k"
    assert server.requests[0]["model"] == "older"
    assert server.requests[0]["thinking"] == {"type": "enabled", "budget_tokens": 2048}


async def test_gpt_oss_is_written_to_in_its_own_format(tmp_path: Path) -> None:
    async with ScriptedCompletions([scripted_completions.says("hi")]) as server:
        async with AsyncExitStack() as stack:
            settings = Settings(llm_url=server.url, llm_kind="harmony", llm_model="gpt-oss")
            upstream = await opened(settings, stack)
            assert upstream.capabilities.name == "gpt-oss"
            async with aclosing(upstream.stream(HELLO)) as events:
                assert TextDelta("hi") in [event async for event in events]
        assert server.requests[0]["prompt"].startswith("<|start|>system<|message|>")
        settings = replace(settings, harmony_vocab=tmp_path)
        async with AsyncExitStack() as stack:
            with pytest.raises(ConfigError, match="--harmony-vocab"):
                await opened(settings, stack)


async def test_the_settings_name_the_server_or_leave_the_built_in_rules() -> None:
    async with ScriptedAnthropic([]) as server, AsyncExitStack() as stack:
        settings = Settings(llm_url=server.url, llm_kind="anthropic", llm_model="theirs")
        upstream = await opened(settings, stack)
        assert upstream.capabilities.name == "theirs"
    assert model_server(Settings()) is None


def test_the_settings_say_how_long_the_server_is_waited_for() -> None:
    given = {"llm_url": "http://far", "llm_timeouts": "connect=1,first_byte=2", "llm_retries": "0"}
    server = model_server(load(given, {}))
    assert server
    limits = server.limits
    assert (limits.connect_s, limits.first_byte_s, limits.idle_s, limits.retries) == (1, 2, 120, 0)


async def test_a_server_that_is_down_at_start_is_named_with_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with AsyncExitStack() as stack:
        await open_server_of_models(ModelServer("http://127.0.0.1:1/v1"), stack)
    (said,) = (record for record in caplog.records if "does not answer" in record.message)
    assert said.__dict__["url"] == "http://127.0.0.1:1/v1"
    assert "limner doctor --online" in said.__dict__["next"]
