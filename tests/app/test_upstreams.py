"""Language models by what their servers speak."""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing

import pytest

from limner.app.upstreams import ModelServer, open_server_of_models, open_upstream
from limner.config import Settings
from limner.core.items import Message, TextPart
from limner.core.turn import Sampling, TextDelta, TurnEvent, TurnRequest
from limner.upstreams.intent import IntentUpstream
from tests import scripted_anthropic, scripted_chat
from tests.scripted_anthropic import ScriptedAnthropic
from tests.scripted_chat import Reply, ScriptedChat

HELLO = TurnRequest(
    "m", (Message("user", (TextPart("hello"),)),), sampling=Sampling(reasoning_effort="low")
)


async def ask(server: ModelServer) -> list[TurnEvent]:
    async with AsyncExitStack() as stack:
        upstream = await open_server_of_models(server, stack)
        assert upstream.capabilities.vision
        async with aclosing(upstream.stream(HELLO)) as events:
            return [event async for event in events]


SCRIPTED: dict[str, tuple[type[ScriptedChat], Reply]] = {
    "chat": (ScriptedChat, scripted_chat.says("hi")),
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


async def test_the_settings_name_the_server_or_leave_the_built_in_rules() -> None:
    async with ScriptedAnthropic([]) as server, AsyncExitStack() as stack:
        settings = Settings(llm_url=server.url, llm_kind="anthropic", llm_model="theirs")
        upstream = await open_upstream(settings, stack)
        assert upstream.capabilities.name == "theirs"
        assert isinstance(await open_upstream(Settings(), stack), IntentUpstream)
