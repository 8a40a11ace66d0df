"""The judges refuse what they are there for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.judges import (
    judge_anthropic,
    judge_chat,
    judge_harmony,
    judge_prompted,
    judge_responses,
)

CALL = {"type": "function_call", "call_id": "a", "name": "draw", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "a", "output": "ok"}
HELLO = {"role": "user", "content": "hello"}
TOLD = {"role": "tool", "tool_call_id": "a", "content": "ok"}
CALLS: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": [{"id": "a"}]}
RESULT = {"type": "tool_result", "tool_use_id": "a"}
USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "a"}]}


@pytest.mark.parametrize(
    ("judge", "request_"),
    [
        (judge_chat, {"messages": [HELLO, TOLD]}),
        (judge_chat, {"messages": [HELLO, CALLS]}),
        (judge_chat, {"messages": [HELLO, CALLS, HELLO, TOLD]}),
        (judge_prompted, {"messages": [HELLO], "tools": []}),
        (judge_prompted, {"messages": [HELLO, HELLO]}),
        (judge_prompted, {"messages": [HELLO, CALLS]}),
        (judge_anthropic, {"messages": [HELLO, HELLO]}),
        (judge_anthropic, {"messages": [HELLO, USE]}),
        (judge_anthropic, {"messages": [HELLO, USE, HELLO]}),
        (
            judge_anthropic,
            {"messages": [HELLO, USE, {"role": "user", "content": [{"type": "text"}, RESULT]}]},
        ),
        (judge_responses, {"input": [CALL]}),
        (judge_responses, {"input": [OUTPUT, CALL]}),
        (judge_responses, {"input": [{"type": "image_generation_call"}]}),
        (judge_responses, {"input": [], "previous_response_id": "resp_1"}),
        (judge_harmony, {"prompt": "<|start|>user<|message|>hello<|end|>"}),
        (judge_harmony, {"prompt": "<|start|>assistant<|message|>hello<|end|>"}),
    ],
)
def test_a_judge_refuses(judge: Callable[[Any], None], request_: Any) -> None:
    with pytest.raises(AssertionError):
        judge(request_)


@pytest.mark.parametrize(
    ("judge", "request_"),
    [
        (judge_chat, {"messages": [HELLO, CALLS, TOLD, HELLO]}),
        (judge_prompted, {"messages": [{"role": "system", "content": "x"}, HELLO]}),
        (judge_anthropic, {"messages": [HELLO, USE, {"role": "user", "content": [RESULT]}]}),
        (judge_responses, {"input": [CALL, OUTPUT]}),
        (judge_harmony, {"prompt": "<|start|>user<|message|>hello<|end|><|start|>assistant"}),
    ],
)
def test_a_judge_lets_pass(judge: Callable[[Any], None], request_: Any) -> None:
    judge(request_)
