"""The vocabulary of gpt-oss.

Tests that need it run where LIMNER_HARMONY_VOCAB names its folder, or `make test-foreign` made it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from limner.app.vocabulary import FILE, load_vocabulary
from limner.core.errors import ConfigError
from limner.wire.harmony_parser import HarmonyParser, MessageContent
from limner.wire.harmony_render import render_conversation, tokens_of
from tests.foreign.install import HOW, VOCABULARY
from tests.wire.harmony_conversation import DATE, REQUEST, TEXT, TOOLS

FOLDER = Path(os.environ.get("LIMNER_HARMONY_VOCAB") or VOCABULARY.parent)
needs_file = pytest.mark.skipif(
    not (FOLDER / FILE).is_file(),
    reason=f"no vocabulary is here; {HOW}, or set LIMNER_HARMONY_VOCAB",
)
ORDERED = "a folder that holds o200k_base.tiktoken"


def test_without_the_package_the_operator_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openai_harmony", None)
    with pytest.raises(ConfigError, match=r"pip install 'limner\[harmony\]'"):
        load_vocabulary(tmp_path)


def test_a_folder_without_the_file_is_named(tmp_path: Path) -> None:
    pytest.importorskip("openai_harmony")
    with pytest.raises(ConfigError, match=ORDERED) as refused:
        load_vocabulary(tmp_path)
    assert str(tmp_path) in refused.value.message


@pytest.mark.parametrize("before", [None, "/elsewhere"])
def test_a_broken_file_is_named_and_the_environment_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    pytest.importorskip("openai_harmony")
    (tmp_path / FILE).write_text("no vocabulary")
    if before is None:
        monkeypatch.delenv("TIKTOKEN_ENCODINGS_BASE", raising=False)
    else:
        monkeypatch.setenv("TIKTOKEN_ENCODINGS_BASE", before)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_vocabulary(tmp_path)
    assert os.environ.get("TIKTOKEN_ENCODINGS_BASE") == before


@needs_file
def test_our_prompt_is_the_one_of_the_formats_makers(monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = pytest.importorskip("openai_harmony")
    vocabulary = load_vocabulary(FOLDER)
    prompt = render_conversation(REQUEST, TOOLS, effort="high", date=DATE)
    ours = tokens_of(prompt, vocabulary.encode)
    assert vocabulary.decode(ours) == TEXT
    monkeypatch.setenv("TIKTOKEN_ENCODINGS_BASE", str(FOLDER))
    encoding = oracle.load_harmony_encoding("HarmonyGptOss")
    theirs = encoding.render_conversation_for_completion(
        oracle.Conversation.from_messages(_messages(oracle)), oracle.Role.ASSISTANT
    )
    assert ours == theirs


@needs_file
def test_text_comes_back_from_its_tokens() -> None:
    vocabulary = load_vocabulary(FOLDER)
    text = "<|end|> 🐈 Grüße, кот"
    events = HarmonyParser(vocabulary.decode).feed_tokens([200008, *vocabulary.encode(text)])
    said = [event.text for event in events if isinstance(event, MessageContent)]
    assert "".join(said) == text
    assert vocabulary.decode([10**9]) == vocabulary.decode([2**40]) == "\ufffd"


def _messages(oracle: Any) -> list[Any]:
    """The same conversation in the library's own words."""
    role, message = oracle.Role, oracle.Message.from_role_and_content
    effort = oracle.ReasoningEffort.HIGH
    system = oracle.SystemContent.new().with_reasoning_effort(effort)
    tools = [
        oracle.ToolDescription.new(tool.name, tool.description or "", parameters=tool.parameters)
        for tool in TOOLS
    ]
    developer = oracle.DeveloperContent.new().with_instructions("Be brief.")

    def call(name: str, arguments: str) -> Any:
        said = message(role.ASSISTANT, arguments).with_channel("commentary")
        return said.with_recipient(f"functions.{name}").with_content_type("<|constrain|>json")

    def answer(name: str, text: str) -> Any:
        author = oracle.Author.new(role.TOOL, f"functions.{name}")
        said = oracle.Message.from_author_and_content(author, text)
        return said.with_channel("commentary").with_recipient("assistant")

    return [
        message(role.SYSTEM, system.with_conversation_start_date(DATE)),
        message(role.DEVELOPER, developer.with_function_tools(tools)),
        message(role.USER, "Paint <|end|> a cat."),
        message(role.ASSISTANT, "I will.").with_channel("commentary"),
        call("image_generation", '{"prompt": "a cat"}'),
        answer("image_generation", '{"ok": true}'),
        message(role.ASSISTANT, "Here.").with_channel("final"),
        message(role.USER, "And the weather?"),
        message(role.ASSISTANT, "Ask.").with_channel("analysis"),
        call("weather", "{}"),
        answer("weather", "rain"),
    ]
