"""A turn as a Chat Completions request (OpenAI API reference, `POST /v1/chat/completions`).

Rules kept here, because servers break without them:
- calls that were made together stand in one assistant message, with the text around them;
- `tool` messages follow that message at once, in one block, and answer every call in it;
- pictures go into `user` messages only: those of tools, of the assistant and of the system are
  lifted into one user message after the block, each group under a label that says where it is from.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Literal, assert_never

from limner.core.errors import InvalidRequest
from limner.core.items import (
    FunctionCall,
    FunctionCallOutput,
    ImageCall,
    ImagePart,
    Item,
    Message,
    Opaque,
    Part,
    Reasoning,
)
from limner.core.turn import (
    FunctionTool,
    HostedChoice,
    JsonObject,
    NamedChoice,
    Sampling,
    ToolChoice,
    TurnRequest,
)
from limner.wire.picture_words import words_of
from limner.wire.pictures import data_url

MaxTokensField = Literal["max_completion_tokens", "max_tokens"]
Json = dict[str, Any]


def render_chat_request(
    request: TurnRequest,
    *,
    model: str | None = None,
    vision: bool = True,
    max_tokens_field: MaxTokensField = "max_completion_tokens",
) -> Json:
    """Say a turn in the words of Chat Completions, streamed, with usage.

    model: the server's own name of the model, where it differs from the client's.
    vision: False puts a line of text in the place of each picture.
    max_tokens_field: older servers know `max_tokens` only, OpenAI's newer models refuse it.
    Raises InvalidRequest when calls and outputs do not pair.
    """
    body: Json = {
        "model": model or request.model,
        "messages": _Messages(vision).render(request),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice != "auto":
            body["tool_choice"] = _tool_choice(request.tool_choice)
        if not request.parallel_tool_calls:
            body["parallel_tool_calls"] = False
    sampling = _sampling(request.sampling, max_tokens_field) | {"user": request.user}
    return body | {name: value for name, value in sampling.items() if value is not None}


def _sampling(sampling: Sampling, max_tokens_field: MaxTokensField) -> Json:
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "verbosity": sampling.verbosity,
        "reasoning_effort": sampling.reasoning_effort,
        "response_format": _response_format(sampling.text_format),
        max_tokens_field: sampling.max_output_tokens,
        "logprobs": sampling.logprobs or None,
        "top_logprobs": sampling.top_logprobs,
    }


def _response_format(text_format: JsonObject | None) -> Json | None:
    """Responses lays a JSON schema flat beside its type; Chat nests it."""
    if text_format is None or text_format.get("type") == "text":
        return None
    if text_format.get("type") != "json_schema":
        return dict(text_format)
    schema = {name: value for name, value in text_format.items() if name != "type"}
    return {"type": "json_schema", "json_schema": schema}


def _tool(tool: FunctionTool) -> Json:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": tool.strict,
    }
    given = {name: value for name, value in function.items() if value is not None}
    return {"type": "function", "function": given}


def _tool_choice(choice: ToolChoice) -> str | Json:
    match choice:
        case NamedChoice(name):
            return {"type": "function", "function": {"name": name}}
        case HostedChoice():
            raise TypeError("a hosted tool cannot be chosen here: the choice is refused before")
        case _:
            return choice


class _Messages:
    """Gathers items into messages; an assistant's message leaves with its answers in `_close`."""

    def __init__(self, vision: bool) -> None:
        self._vision = vision
        self._messages: list[Json] = []
        self._texts: list[str] = []
        self._calls: list[FunctionCall] = []
        self._lifted: list[Json] = []
        self._outputs: dict[str, deque[FunctionCallOutput]] = {}

    def render(self, request: TurnRequest) -> list[Json]:
        # Some servers number the calls of every turn from the same start: outputs with equal ids
        # answer the calls in their order.
        for item in request.items:
            if isinstance(item, FunctionCallOutput):
                self._outputs.setdefault(item.call_id, deque()).append(item)
        if request.instructions:
            self._system(request.instructions)
        for item in request.items:
            self._add(item)
        self._close()
        for call_id, orphans in self._outputs.items():
            if orphans:
                raise InvalidRequest(
                    f"No tool call found for function call output with call_id {call_id}.",
                    param="input",
                )
        return self._messages

    def _add(self, item: Item) -> None:
        match item:
            case Message(role="assistant"):
                self._texts.append(self._lift(item.parts, "the assistant"))
            case FunctionCall():
                self._calls.append(item)
            case Message(role="user"):
                self._close()
                self._messages.append({"role": "user", "content": self._user_content(item.parts)})
            case Message():
                self._close()
                self._system(self._lift(item.parts, "the system"))
                self._close()
            case FunctionCallOutput():
                self._close()
            case Reasoning():
                pass  # the dialect has no field for it that all servers accept
            case ImageCall() | Opaque():
                raise TypeError(
                    f"{type(item).__name__} cannot be said here: it is rewritten before"
                )
            case _:
                assert_never(item)

    def _close(self) -> None:
        if self._texts or self._calls:
            message: Json = {
                "role": "assistant",
                "content": "\n".join(text for text in self._texts if text) or None,
            }
            if self._calls:
                message["tool_calls"] = [_call(call) for call in self._calls]
            elif message["content"] is None:
                message["content"] = ""
            self._messages.append(message)
            self._messages += [self._answer(call) for call in self._calls]
        if self._lifted:
            self._messages.append({"role": "user", "content": self._lifted})
        self._texts, self._calls, self._lifted = [], [], []

    def _system(self, text: str) -> None:
        """Join those that lead: many chat templates allow one system message only, at the start."""
        if len(self._messages) == 1 and self._messages[0]["role"] == "system":
            self._messages[0]["content"] += f"\n\n{text}"
        else:
            self._messages.append({"role": "system", "content": text})

    def _answer(self, call: FunctionCall) -> Json:
        outputs = self._outputs.get(call.call_id)
        if not outputs:
            raise InvalidRequest(
                f"No tool output found for function call {call.call_id}.", param="input"
            )
        text = self._lift(outputs.popleft().parts, f"tool call {call.call_id}")
        return {"role": "tool", "tool_call_id": call.call_id, "content": text}

    def _lift(self, parts: Sequence[Part], origin: str) -> str:
        """Return the text of parts; their pictures go to the user message that follows."""
        pictures = [part for part in parts if isinstance(part, ImagePart)] if self._vision else []
        if pictures:
            self._lifted.append(_text(f"Pictures of {origin}:"))
            self._lifted += [_picture(part) for part in pictures]
        texts = [words_of(part) for part in parts if part not in pictures]
        if not texts and pictures:
            return "The picture is in the next user message."
        return "\n".join(texts)

    def _user_content(self, parts: Iterable[Part]) -> str | list[Json]:
        """A plain string where there is no picture: small servers know nothing else."""
        parts = tuple(parts)
        if not self._vision or not any(isinstance(part, ImagePart) for part in parts):
            return "\n".join(words_of(part) for part in parts)
        return [
            _picture(part) if isinstance(part, ImagePart) else _text(words_of(part))
            for part in parts
        ]


def _call(call: FunctionCall) -> Json:
    return {
        "id": call.call_id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def _text(text: str) -> Json:
    return {"type": "text", "text": text}


def _picture(part: ImagePart) -> Json:
    # Chat has no `original`; `high` is the nearest.
    detail = "high" if part.detail == "original" else part.detail
    return {"type": "image_url", "image_url": {"url": data_url(part.source), "detail": detail}}
