"""Two language model servers behind one Limner, each with its own word on the image tool."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.responses import Response

from tests.e2e.clients import client_of
from tests.e2e.processes import Server, serving
from tests.e2e.test_pictures import ORDER, is_what_was_ordered, picture_of
from tests.scripted_chat import ScriptedChat, calls, says

FILE = """
[upstreams.near]
kind = "chat"
url = "{near}"
models = ["painter-7b"]
aliases = {{ fast = "painter-7b" }}

[upstreams.far]
kind = "chat"
url = "{far}"
patterns = ["writer-*"]
image_tool = "strip"

[keys.all]
key_env = "KEY_FOR_ALL"

[keys.words]
key_env = "KEY_FOR_WORDS"
image_tool = "off"
"""
TOOL: Any = {"type": "image_generation", "size": "128x128"}


def ask(api: openai.OpenAI, model: str) -> Response:
    return api.responses.create(model=model, input="please draw something", tools=[TOOL])


def visit(url: str) -> tuple[Response, Response, list[str]]:
    """What two models answered, and what is listed. What is not to be had is refused."""
    with client_of(url, "sk-all") as api:
        answers = ask(api, "fast"), ask(api, "writer-70b")
        listed = [model.id for model in api.models.list()]
        with pytest.raises(openai.NotFoundError, match="There is no model 'gpt-5' here"):
            ask(api, "gpt-5")
    with client_of(url, "sk-words") as api:
        with pytest.raises(openai.BadRequestError, match="tools are disabled"):
            ask(api, "fast")
        with pytest.raises(openai.BadRequestError, match="tools are disabled"):
            api.images.generate(prompt=ORDER)
    return *answers, listed


async def test_each_request_goes_where_its_model_is_and_as_its_key_may(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_FOR_ALL", "sk-all")
    monkeypatch.setenv("KEY_FOR_WORDS", "sk-words")
    drawing = [calls("image_generation", {"prompt": ORDER}), says("Done.")]
    path = tmp_path / "limner.toml"
    async with ScriptedChat(drawing) as near, ScriptedChat([says("Only words.")]) as far:
        path.write_text(FILE.format(near=near.url, far=far.url))
        flags = ("--config", str(path), "--image-backend", server.url)
        with serving(tmp_path, *flags) as ours:
            drawn, written, listed = await asyncio.to_thread(visit, ours.url)
    assert is_what_was_ordered(picture_of(drawn))
    assert (drawn.model, drawn.output_text) == ("fast", "Done.")
    assert near.requests[0]["model"] == "painter-7b"
    assert (written.output_text, written.metadata) == (
        "Only words.",
        {"limner_image_tool": "stripped"},
    )
    assert "tools" not in far.requests[0]
    assert listed[:2] == ["painter-7b", "fast"]
