"""The whole chain over gpt-oss behind raw completions."""

from __future__ import annotations

import asyncio
from pathlib import Path

import openai
import pytest

from tests.e2e.processes import Server, serving
from tests.e2e.test_language_models import ask
from tests.e2e.test_pictures import ORDER, is_what_was_ordered, picture_of
from tests.scripted_completions import ScriptedCompletions, calls, says


async def test_a_model_that_thinks_in_channels_draws(server: Server, tmp_path: Path) -> None:
    draws = calls("image_generation.generate", {"prompt": ORDER})
    async with ScriptedCompletions([draws, says("Here it is.")]) as llm:
        flags = ("--llm", llm.url, "--llm-kind", "harmony", "--image-backend", server.url)
        with serving(tmp_path, *flags) as ours:
            response = await asyncio.to_thread(ask, ours.url, stream=True)
    assert is_what_was_ordered(picture_of(response))
    assert response.output_text == "Here it is."
    assert [item.type for item in response.output] == [
        "image_generation_call",
        "reasoning",
        "message",
    ]
    prompt = llm.requests[1]["prompt"]
    assert (
        '<|start|>functions.image_generation to=assistant<|channel|>commentary<|message|>{"ok"'
        in (prompt)
    )


async def test_a_model_that_draws_unasked_ends_the_stream_where_the_operator_says_so(
    tmp_path: Path,
) -> None:
    draws = calls("images.generate", {"prompt": ORDER})
    async with ScriptedCompletions([draws]) as llm:
        flags = ("--llm", llm.url, "--llm-kind", "harmony", "--image-backend", "none")
        with (
            serving(tmp_path, *flags, "--image-denial", "error") as ours,
            pytest.raises(openai.APIError, match="Image generation tools are disabled"),
        ):
            await asyncio.to_thread(_hear, ours.url)


def _hear(url: str) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        for _ in client.responses.create(model="any", input="Hello", stream=True):
            pass
