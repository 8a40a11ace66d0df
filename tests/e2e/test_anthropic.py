"""The whole chain over a server that speaks Anthropic's Messages API, and is told no dialect."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.e2e.processes import Server, serving
from tests.e2e.test_language_models import ask
from tests.e2e.test_pictures import ORDER, is_what_was_ordered, picture_of
from tests.scripted_anthropic import ScriptedAnthropic, call, reply, says, text, thought


async def test_a_thoughtful_model_draws_and_sees_its_picture(
    server: Server, tmp_path: Path
) -> None:
    draws = reply(
        thought(0, "They want a picture.", "c2ln"),
        text(1, "One moment."),
        call(2, "toolu_1", "image_generation", {"prompt": ORDER}),
        stop="tool_use",
    )
    async with ScriptedAnthropic([draws, says("Here it is.")]) as llm:
        flags = ("--llm", llm.url, "--llm-vision", "--image-backend", server.url)
        with serving(tmp_path, *flags) as ours:
            response = await asyncio.to_thread(ask, ours.url, stream=True)
    assert is_what_was_ordered(picture_of(response))
    assert response.output_text == "One moment.Here it is."
    assert [item.type for item in response.output] == [
        "reasoning",
        "message",
        "image_generation_call",
        "message",
    ]
    _, assistant, user = llm.requests[1]["messages"]
    assert assistant["content"][0] == {
        "type": "thinking",
        "thinking": "They want a picture.",
        "signature": "c2ln",
    }
    (result,) = user["content"]
    assert [part["type"] for part in result["content"]] == ["text", "image"]
