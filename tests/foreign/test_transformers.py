"""`transformers serve`, over models made for it: a tokenizer, weights, and tokens one by one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from limner.app.vllm import free_port
from tests.acceptance.rig import beside
from tests.e2e.processes import serving
from tests.foreign.chain import PROMPTED, TOOL, Chain, chained, examined, heard, sdk
from tests.foreign.models import PROMPT, write_babbling, write_scripted
from tests.foreign.processes import running

KINDS = ("chat", "responses", "auto", PROMPTED)
every_kind = pytest.mark.parametrize("kind", KINDS)
SCRIPTED, BABBLING = "limner/scripted", "limner/babbling"

pytestmark = pytest.mark.engine


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    if not all(map(find_spec, ("torch", "transformers", "fastapi"))):
        pytest.skip("transformers[serving] is not installed; `make setup` installs it")
    folder = tmp_path_factory.mktemp("transformers")
    cache = folder / "hub"
    await asyncio.to_thread(write_scripted, cache, SCRIPTED)
    await asyncio.to_thread(write_babbling, cache, BABBLING)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = (str(Path(sys.executable).with_name("transformers")), "serve", "--device", "cpu")
    flags = ("--host", "127.0.0.1", "--port", str(port), "--default-seed", "0")
    variables = {"HF_HUB_CACHE": str(cache)}
    with running(f"{url}/health", *command, *flags, log=folder / "log", **variables):
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chain(address: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chain]:
    folder = tmp_path_factory.mktemp("chain")
    async with chained(folder, address, KINDS, [SCRIPTED, BABBLING]) as made:
        yield made


@every_kind
async def test_the_tokens_of_a_call_become_a_picture(chain: Chain, kind: str) -> None:
    heard = await chain.ask(f"{kind}/scripted", "a circle", tools=[{**TOOL, "partial_images": 1}])
    said = ["message"] if kind == PROMPTED else []
    assert heard.made == [*said, "image_generation_call", "message"]
    assert heard.response.output_text.endswith("Here it is.")
    assert [picture.size for picture in heard.pictures] == [(64, 64)]
    assert (heard.previews, chain.prompts) == (1, [PROMPT])


@pytest.mark.parametrize("kind", ["chat", "responses", "auto"])
async def test_its_thought_comes_before_the_call(chain: Chain, kind: str) -> None:
    heard = await chain.ask(f"{kind}/scripted", "a circle")
    first, *_ = heard.response.output
    assert first.type == "reasoning"
    assert first.content is not None
    assert [part.text for part in first.content] == ["A circle, then."]


async def test_the_empty_thought_of_its_template_is_none(chain: Chain) -> None:
    heard = await chain.ask("chat/scripted", "a circle")
    assert heard.types == ["reasoning", "image_generation_call", "message"]


@every_kind
async def test_a_conversation_goes_on_with_all_that_was_said(chain: Chain, kind: str) -> None:
    begun: list[Any] = [{"role": "user", "content": "a circle"}]
    first = await chain.ask(f"{kind}/scripted", begun)
    more = {"role": "user", "content": "another"}
    second = await chain.ask(f"{kind}/scripted", [*begun, *first.response.output, more])
    assert len(second.pictures) == 1
    assert second.response.output_text.endswith("Here it is.")


@every_kind
async def test_without_a_tool_it_talks(chain: Chain, kind: str) -> None:
    heard = await chain.ask(f"{kind}/scripted", "hi", tools=[])
    assert (heard.made, heard.response.output_text) == (["message"], "Hello.")
    assert heard.response.usage is not None
    assert heard.response.usage.output_tokens == 3


@every_kind
async def test_a_model_that_babbles_breaks_nothing(chain: Chain, kind: str) -> None:
    heard = await chain.ask(f"{kind}/babbling", "a circle", max_output_tokens=40)
    assert heard.response.status in ("completed", "incomplete")
    assert heard.pictures == []


async def test_a_field_that_it_does_not_expect_is_left_out_and_said(chain: Chain) -> None:
    asked = {"extra_body": {"presence_penalty": 0.5}}
    heard = await chain.ask("responses/scripted", "a circle", **asked)
    assert len(heard.pictures) == 1
    told = "presence_penalty: left out, which this model server does not know."
    assert told in heard.adjustments


async def test_it_is_found_to_speak_chat(chain: Chain) -> None:
    assert "dialect found  action=detect kind=chat" in chain.server.log


async def test_the_doctor_finds_nothing_in_the_way(address: str, tmp_path: Path) -> None:
    states = await examined(tmp_path, address, SCRIPTED)
    assert (states["language model"], states["tools"]) == ("ok", "ok")


async def test_our_own_engine_paints_what_it_asks_for(address: str, tmp_path: Path) -> None:
    """Two flags and two models: one of language, one of pictures."""
    flags = ("--llm", address, "--llm-model", SCRIPTED)
    tool = {**TOOL, "size": "256x256", "partial_images": 2}
    async with beside(serving(tmp_path, *flags)) as server, sdk(server) as client:
        made = await heard(client, model="any", input="a circle", tools=[tool])
    assert made.types == ["reasoning", "image_generation_call", "message"]
    assert [picture.size for picture in made.pictures] == [(256, 256)]
    assert made.previews == 2
