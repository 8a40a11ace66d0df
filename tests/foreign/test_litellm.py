"""LiteLLM's proxy (PyPI, `litellm[proxy]`): three dialects to the front, and others behind them.

Two of its models are doubles of ours, which speak Chat Completions and Anthropic's Messages: it
translates between them and whatever it is asked in. The others are its own mocks, which only say
words, and only stream them as Chat Completions.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest
import pytest_asyncio

from limner.app.vllm import free_port
from tests import scripted_anthropic as anthropic
from tests import scripted_chat as chat
from tests.foreign.chain import TOOL, Chain, chained, examined, heard, sdk
from tests.foreign.install import HOW, LITELLM
from tests.foreign.processes import running
from tests.scripted_anthropic import ScriptedAnthropic
from tests.scripted_chat import ScriptedChat

KINDS = ("chat", "responses", "anthropic", "auto")
MOCKS = {
    "mock": "A fine day.",
    "limited": "litellm.RateLimitError",
    "broken": "litellm.InternalServerError",
}
WORDS_ONLY = "words only"
MODELS = (*MOCKS, "local", "claude", WORDS_ONLY)
every_kind = pytest.mark.parametrize("kind", KINDS)
every_model = pytest.mark.parametrize("model", ["local", "claude"])
CONFIG = """
model_list:
{models}
litellm_settings: {{num_retries: 0}}
router_settings: {{disable_cooldowns: true}}
"""
MODEL = "- model_name: {name}\n  litellm_params: {{api_key: none, {params}}}\n"
PICTURE = ("image_generation", {"prompt": "a red circle"})


@dataclass(frozen=True)
class Proxy:
    """url, key: where it is and what it wants to see. local, claude: what is behind it."""

    url: str
    key: str
    local: ScriptedChat
    claude: ScriptedAnthropic

    def play(self, *, say: str = "One moment.") -> None:
        """Let the models behind it paint one picture."""
        self.local.play([chat.calls(*PICTURE, say=say), chat.says("Here it is.")])
        self.claude.play([anthropic.calls(*PICTURE, say=say), anthropic.says("Here it is.")])

    def asked(self, model: str) -> list[dict[str, Any]]:
        """What came through to a model behind it."""
        return (self.local if model == "local" else self.claude).requests


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def proxy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Proxy]:
    if not LITELLM.is_file():
        pytest.skip(f"LiteLLM is not installed; {HOW}")
    folder = tmp_path_factory.mktemp("litellm")
    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(ScriptedChat([]))
        claude = await stack.enter_async_context(ScriptedAnthropic([]))
        file = folder / "litellm.yaml"
        file.write_text(_config(local.url, claude.url))
        port, key = free_port(), f"sk-{secrets.token_hex(16)}"
        url = f"http://127.0.0.1:{port}"
        command = (str(LITELLM), "--config", str(file), "--host", "127.0.0.1", "--port", str(port))
        # It starts with no weak key, and would fetch its list of prices.
        variables = {"LITELLM_MASTER_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        health = f"{url}/health/liveliness"
        with running(health, *command, log=folder / "log", **variables):
            yield Proxy(url, key, local, claude)


def _config(local: str, claude: str) -> str:
    mocks = {name: f'model: openai/{name}, mock_response: "{says}"' for name, says in MOCKS.items()}
    params = {
        **mocks,
        "local": f"model: lm_studio/local, api_base: {local}/v1",
        "claude": f"model: anthropic/claude, api_base: {claude}",
        # Perplexity's API has no functions, as it knows.
        WORDS_ONLY: f"model: perplexity/m, api_base: {local}/v1",
    }
    models = (MODEL.format(name=name, params=given) for name, given in params.items())
    return CONFIG.format(models="".join(models))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chain(proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chain]:
    folder = tmp_path_factory.mktemp("chain")
    async with chained(folder, proxy.url, KINDS, MODELS, key=proxy.key, vision=True) as made:
        yield made


@pytest.mark.parametrize("kind", ["chat", "anthropic", "auto"])
async def test_its_mock_says_its_words(chain: Chain, kind: str) -> None:
    heard = await chain.ask(f"{kind}/mock", "hi")
    assert (heard.types, heard.response.output_text) == (["message"], "A fine day.")


@every_kind
@every_model
async def test_a_picture_is_painted_and_shown_to_the_model(
    chain: Chain, proxy: Proxy, kind: str, model: str
) -> None:
    proxy.play()
    heard = await chain.ask(f"{kind}/{model}", "a circle", tools=[{**TOOL, "partial_images": 1}])
    assert heard.types == ["message", "image_generation_call", "message"]
    assert heard.response.output_text == "One moment.Here it is."
    assert [picture.size for picture in heard.pictures] == [(64, 64)]
    assert (heard.previews, chain.prompts) == (1, ["a red circle"])
    assert heard.response.usage is not None
    assert heard.response.usage.input_tokens == 20
    first, second = map(str, proxy.asked(model))
    assert '"ok": true' in second
    assert "image/png" in second
    assert "image/png" not in first


@every_kind
@every_model
async def test_a_forced_picture_is_forced_on_the_model(
    chain: Chain, proxy: Proxy, kind: str, model: str
) -> None:
    proxy.play(say="")
    heard = await chain.ask(f"{kind}/{model}", "hi", tool_choice={"type": "image_generation"})
    assert heard.types == ["image_generation_call", "message"]
    chosen = proxy.asked(model)[0]["tool_choice"]
    assert chosen["type"] in ("function", "tool")
    assert "image_generation" in str(chosen)


@every_kind
async def test_the_thoughts_of_claude_reach_the_client(
    chain: Chain, proxy: Proxy, kind: str
) -> None:
    thought = anthropic.thought(0, "A circle.", "c2VhbA==")
    draws = anthropic.reply(thought, anthropic.call(1, "toolu_0", *PICTURE), stop="tool_use")
    proxy.claude.play([draws, anthropic.says("Here it is.")])
    heard = await chain.ask(f"{kind}/claude", "a circle")
    assert heard.types == ["reasoning", "image_generation_call", "message"]
    assert "A circle." in heard.response.output[0].to_json()
    _, second = proxy.claude.requests
    # Only Anthropic's own dialect carries what Claude wants back with its thoughts.
    assert ("c2VhbA==" in str(second)) == (kind == "anthropic")


@every_kind
async def test_what_it_refuses_for_a_model_is_left_out_and_said(
    chain: Chain, proxy: Proxy, kind: str
) -> None:
    proxy.play()
    asked: dict[str, Any] = {"reasoning": {"effort": "low"}, "text": {"verbosity": "low"}}
    heard = await chain.ask(f"{kind}/local", "a circle", **asked)
    assert len(heard.pictures) == 1
    left_out = " ".join(sentence for sentence in heard.adjustments if "left out" in sentence)
    assert "reasoning" in left_out
    assert ("verbosity" in left_out) == (kind != "responses"), "which it drops by itself"


@pytest.mark.parametrize("kind", ["chat", "anthropic", "auto"])
async def test_a_model_without_functions_is_asked_in_words(
    chain: Chain, proxy: Proxy, kind: str
) -> None:
    block = '```tool_call\n{"name": "image_generation", "arguments": {"prompt": "a circle"}}\n```'
    proxy.local.play([chat.says(block), chat.says("Here it is.")])
    heard = await chain.ask(f"{kind}/{WORDS_ONLY}", "a circle")
    assert heard.types == ["image_generation_call", "message"]
    assert chain.prompts == ["a circle"]
    assert not any("tools" in request for request in proxy.local.requests)


@every_kind
async def test_a_line_that_breaks_behind_it_is_no_whole_reply(
    chain: Chain, proxy: Proxy, kind: str
) -> None:
    """Whether before the stream or in it: it depends on how much it had read by then."""
    proxy.local.play([chat.Reply((chat.chunk(content="Half a "),), then="cut")])
    async with sdk(chain.server, strict=False) as client:
        try:
            failed = await heard(client, model=f"{kind}/local", input="hi")
        except openai.InternalServerError as error:
            told = error.message
        else:
            assert failed.response.error is not None
            told = failed.response.error.message
    assert "Response payload is not completed" in told


@pytest.mark.parametrize("kind", ["chat", "anthropic", "auto"])
async def test_a_limit_of_it_is_429(chain: Chain, kind: str) -> None:
    with pytest.raises(openai.RateLimitError, match="mock rate limit error"):
        await chain.ask(f"{kind}/limited", "hi")


@pytest.mark.parametrize("kind", ["chat", "anthropic", "auto"])
async def test_an_error_of_it_is_502_in_its_words(chain: Chain, kind: str) -> None:
    with pytest.raises(openai.InternalServerError, match="mock internal server error"):
        await chain.ask(f"{kind}/broken", "hi")


async def test_an_error_in_the_shape_of_a_stream_is_read(chain: Chain) -> None:
    """What its mocks come to where they are asked for a stream of responses."""
    with pytest.raises(openai.InternalServerError) as told:
        await chain.ask("responses/mock", "hi")
    assert told.value.message.endswith(
        "The language model server answered 500: Error processing stream start"
    )


async def test_it_is_found_to_speak_chat(chain: Chain) -> None:
    assert "dialect found  action=detect kind=chat" in chain.server.log


async def test_the_doctor_finds_nothing_in_the_way(proxy: Proxy, tmp_path: Path) -> None:
    proxy.local.play([chat.calls("report_ready", {"ready": True})])
    states = await examined(tmp_path, proxy.url, "local", key=proxy.key)
    assert (states["language model"], states["tools"]) == ("ok", "ok")


async def test_the_doctor_finds_that_nothing_goes_without_the_key(
    proxy: Proxy, tmp_path: Path
) -> None:
    """Without a database it answers 500 where another server would say 401."""
    states = await examined(tmp_path, proxy.url, "local")
    assert states["tools"] == "failure"
