"""The built-in upstream: no language model, only rules that hear when a picture is wanted.

It calls the function whose parameters have a `prompt`, with the `action` that is meant where it
offers one, and otherwise answers in words, in the language of the user. It does not see pictures
and it samples nothing: its settings are the rules.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any, Literal, TypeGuard

from limner.core.items import FunctionCall, FunctionCallOutput, ImagePart, Item, Message, TextPart
from limner.core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    FunctionTool,
    NamedChoice,
    TextDelta,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    TurnRequest,
    UpstreamCapabilities,
    Usage,
)
from limner.upstreams.intent_rules import (
    Decision,
    Draw,
    Edit,
    Language,
    Retry,
    Talk,
    language_of,
    load_languages,
)
from limner.wire import json

# Clients may put pictures of the past behind their question: our own call ids tell what answers it.
_CALL_PREFIX = "call_intent_"
_WORDS = re.compile(r"(?:[一-鿿]|[^\s一-鿿]+)\s*")


class IntentUpstream:
    """The port `Upstream` without a model."""

    def __init__(self) -> None:
        self._languages = load_languages()
        self._capabilities = UpstreamCapabilities(
            "intent", vision=False, parallel_tool_calls=False, built_in=True
        )

    @property
    def capabilities(self) -> UpstreamCapabilities:
        return self._capabilities

    async def stream(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
        """Yield a call or words, then `TurnEnded`; `TurnFailed` where a call is impossible."""
        for event in self._turn(request):
            yield event

    def _turn(self, request: TurnRequest) -> Iterator[TurnEvent]:
        asked = _last_question(request.items)
        text = _text_at(request.items, asked)
        language = language_of(text, self._languages)
        outputs = [item for item in request.items[asked + 1 :] if _answers_us(item)]
        if outputs:
            yield from _words(_outcome(outputs[-1], language.say))
            return
        tool = next((tool for tool in request.tools if _takes_prompt(tool)), None)
        if not _can_obey(request, tool):
            yield TurnFailed(
                f"tool_choice {_shown(request.tool_choice)} cannot be obeyed: the built-in rules "
                "call only a function that has a parameter `prompt`, and only when it is offered",
                code="unsupported_tool_choice",
                param="tool_choice",
                status=400,
            )
            return
        last_prompt = _last_prompt(request.items, request.tools)
        can_edit = tool is not None and "edit" in _actions(tool)
        decision = language.decide(text, last_prompt, has_picture=can_edit)
        if request.tool_choice == "none":
            tool = None
        elif request.tool_choice != "auto":
            decision = _forced(decision, text, can_edit=can_edit)
        if isinstance(decision, Edit) and tool is not None and can_edit:
            said = ". ".join(filter(None, (last_prompt, text.strip())))
            yield from _call(tool, decision.prompt or said, "edit")
        else:
            yield from _answer(decision, tool, language)


def _answer(
    decision: Decision, tool: FunctionTool | None, language: Language
) -> Iterator[TurnEvent]:
    """Edits come here only where there is nothing that could be edited."""
    match decision:
        case Talk(say):
            yield from _words(language.say[say])
        case _ if tool is None:
            yield from _words(language.say["no_tool"])
        case Edit(None):
            yield from _words(language.say["no_editing"])
        case Edit(str(prompt)):
            yield from _words(language.say["redrawn"].replace("{prompt}", prompt), ends=False)
            yield from _call(tool, prompt)
        case Draw(prompt) | Retry(prompt):
            yield from _call(tool, prompt)


def _call(
    tool: FunctionTool, prompt: str, action: Literal["generate", "edit"] = "generate"
) -> Iterator[TurnEvent]:
    """An edit is one of the last picture. Where only one action is offered it is taken."""
    call_id = f"{_CALL_PREFIX}{secrets.token_hex(12)}"
    said: dict[str, object] = {"prompt": prompt}
    if actions := _actions(tool):
        said["action"] = action if action in actions else actions[0]
        number = _properties(tool).get("image")
        if said["action"] == "edit" and isinstance(number, dict):
            said["image"] = number.get("maximum")
    arguments = json.dump(said).decode()
    yield CallStarted(call_id, call_id, tool.name)
    yield CallDelta(call_id, arguments)
    yield CallEnded(call_id, arguments)
    yield TurnEnded(Usage())


def _words(text: str, *, ends: bool = True) -> Iterator[TurnEvent]:
    for word in _WORDS.findall(text):
        yield TextDelta(word)
    if ends:
        yield TurnEnded(Usage())


def _forced(decision: Decision, text: str, *, can_edit: bool) -> Decision:
    """A client that forces the tool means its text as a description, whatever it sounds like."""
    if isinstance(decision, Talk) or (decision == Edit(None) and not can_edit):
        return Draw(text.strip())
    return decision


def _can_obey(request: TurnRequest, tool: FunctionTool | None) -> bool:
    if isinstance(request.tool_choice, NamedChoice):
        return tool is not None and tool.name == request.tool_choice.name
    return request.tool_choice != "required" or tool is not None


def _shown(choice: object) -> str:
    return repr(choice.name if isinstance(choice, NamedChoice) else choice)


def _takes_prompt(tool: FunctionTool) -> bool:
    return "prompt" in _properties(tool)


def _properties(tool: FunctionTool) -> dict[str, Any]:
    properties = (tool.parameters or {}).get("properties")
    return properties if isinstance(properties, dict) else {}


def _actions(tool: FunctionTool) -> list[str]:
    """What the tool lets its caller choose from; nothing where there is nothing to edit."""
    action = _properties(tool).get("action")
    offered = action.get("enum") if isinstance(action, dict) else None
    named = offered if isinstance(offered, list) else []
    return [one for one in named if one in ("generate", "edit")]


def _last_question(items: Sequence[Item]) -> int:
    """The place of the user's last message, -1 if there is none.

    A client may show the model a picture behind its call, in a user message that asks nothing.
    """
    after_output, asked = False, -1
    for place, item in enumerate(items):
        is_shown = after_output and _shows_picture(item)
        if isinstance(item, Message) and item.role == "user" and not is_shown:
            asked = place
        after_output = isinstance(item, FunctionCallOutput)
    return asked


def _shows_picture(item: Item) -> bool:
    if not isinstance(item, Message) or item.role != "user":
        return False
    return any(isinstance(part, ImagePart) for part in item.parts)


def _answers_us(item: Item) -> TypeGuard[FunctionCallOutput]:
    return isinstance(item, FunctionCallOutput) and item.call_id.startswith(_CALL_PREFIX)


def _text_at(items: Sequence[Item], place: int) -> str:
    item = items[place] if place >= 0 else None
    return item.text if isinstance(item, Message) else ""


def _last_prompt(items: Sequence[Item], tools: Sequence[FunctionTool]) -> str | None:
    """The prompt of the last picture; None where there is none, or the user has shown it."""
    names = {tool.name for tool in tools if _takes_prompt(tool)}
    after_output, last = False, None
    for item in items:
        if isinstance(item, FunctionCall) and item.name in names:
            prompt = _field(item.arguments, "prompt")
            last = prompt if isinstance(prompt, str) and prompt else last
        elif _shows_picture(item) and not after_output:
            last = None
        after_output = isinstance(item, FunctionCallOutput)
    return last


def _outcome(output: FunctionCallOutput, say: dict[str, str]) -> str:
    """One sentence about what became of the picture. A failure's reason is told as it is."""
    text = "".join(part.text for part in output.parts if isinstance(part, TextPart))
    if _field(text, "ok") is not False:
        return say["done"]
    error = _field(text, "error")
    reason = error.get("message") if isinstance(error, dict) else None
    return say["failed"].replace("{reason}", str(reason or "?"))


def _field(text: str, name: str) -> object:
    try:
        value = json.load(text)
    except ValueError:
        return None
    return value.get(name) if isinstance(value, dict) else None
