"""What real servers refuse and the doubles let pass: rules about the order of a conversation.

Each raises AssertionError. Sources: the API references of OpenAI ("Chat Completions", "Responses")
and Anthropic ("Messages"), and what their servers answer to those who break them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

OURS = ("previous_response_id", "conversation")


def judge_chat(request: Json) -> None:
    """Each call is answered once, right behind the message that makes it; answers stand nowhere
    else."""
    waiting: list[str] = []
    for message in request["messages"]:
        if message["role"] == "tool":
            assert message["tool_call_id"] in waiting, "an answer to no call of the message before"
            waiting.remove(message["tool_call_id"])
            continue
        assert not waiting, f"calls without an answer: {waiting}"
        waiting = [call["id"] for call in message.get("tool_calls") or ()]
    assert not waiting, f"calls without an answer: {waiting}"


def judge_prompted(request: Json) -> None:
    """A model without functions knows messages only, in which the roles take turns."""
    assert "tools" not in request
    assert "tool_choice" not in request
    roles = [message["role"] for message in request["messages"]]
    if roles[0] == "system":
        del roles[0]
    assert roles == [("user", "assistant")[at % 2] for at in range(len(roles))]
    assert all("tool_calls" not in message for message in request["messages"])


def judge_anthropic(request: Json) -> None:
    """Roles take turns, the user's is first; a `tool_use` is answered at the head of the next."""
    waiting: set[str] = set()
    for number, message in enumerate(request["messages"]):
        assert message["role"] == ("user", "assistant")[number % 2], "roles do not take turns"
        content = message["content"]
        blocks = [] if isinstance(content, str) else content
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        assert set(results) == waiting, "the answers are not those to the calls"
        head = [block["type"] for block in blocks[: len(results)]]
        assert head == ["tool_result"] * len(results), "words before an answer"
        waiting = {block["id"] for block in blocks if block["type"] == "tool_use"}
    assert not waiting, f"calls without an answer: {waiting}"


def judge_responses(request: Json) -> None:
    """Each call has its answer behind it. Nothing of ours is known there: no pictures as items, no
    response before."""
    assert not [name for name in OURS if request.get(name)], "a response that is not theirs"
    calls: list[str] = []
    for item in request["input"]:
        assert item["type"] != "image_generation_call", "a picture that they have not made"
        if item["type"].endswith("_call") and "call_id" in item:
            calls.append(item["call_id"])
        elif item["type"].endswith("_call_output"):
            assert item["call_id"] in calls, "an answer without a call"
            calls.remove(item["call_id"])
    assert not calls, f"calls without an answer: {calls}"


def judge_harmony(request: Json) -> None:
    """The prompt ends where the assistant's message begins; no picture can be in it."""
    last = request["prompt"].rpartition("<|start|>")[2]
    assert last.startswith("assistant"), "the model is not asked to go on"
    assert "<|end|>" not in last, "the model is not asked to go on"
