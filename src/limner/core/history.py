"""Pictures as the language model remembers them: calls, their outputs, and a look at the result.

An upstream knows no `image_generation_call`. Each becomes a call of our function and its output,
which holds the picture. Where a dialect has no place for it there, its renderer finds another, and
for a model that sees nothing it says in words which picture that is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never

from limner.core.arguments import dump
from limner.core.events import (
    FunctionCallItem,
    ImageCallItem,
    MessageItem,
    OpaqueItem,
    OutputItem,
    ReasoningItem,
)
from limner.core.image import ImageData
from limner.core.items import (
    FunctionCall,
    FunctionCallOutput,
    ImageCall,
    ImageCallError,
    ImagePart,
    Item,
    Message,
    Opaque,
    Part,
    Reasoning,
    TextPart,
)

# The longest call id that the Open Responses specification allows.
MAX_CALL_ID = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """A call that we answered ourselves. output: the JSON text that the model reads.

    item_id: of the picture that the client saw; None for a call that was refused behind its back.
    """

    call: FunctionCall
    output: str
    picture: ImageData | None = None
    item_id: str | None = None

    def output_item(self) -> FunctionCallOutput:
        parts: tuple[Part, ...] = (TextPart(self.output),)
        if self.picture is not None:
            parts += (ImagePart(self.picture),)
        return FunctionCallOutput(self.call.call_id, parts)


def painted(call: FunctionCall, item_id: str, picture: ImageData | None) -> Answer:
    """picture is None when the client did not send the bytes back."""
    output: dict[str, object] = {"ok": True, "status": "completed", "id": item_id}
    if picture is None:
        output["note"] = "The picture itself is no longer at hand."
    return Answer(call, dump(output), picture, item_id)


def refused(call: FunctionCall, error: ImageCallError, item_id: str | None = None) -> Answer:
    output = {
        "type": error.type,
        "code": error.code,
        "message": error.message,
        "retryable": error.retryable,
    }
    return Answer(call, dump({"ok": False, "error": output}), item_id=item_id)


def recall(items: Iterable[Item], name: str) -> tuple[Item, ...]:
    """Rewrite the picture calls of a client's input as calls of the function `name`."""
    rewritten: list[Item] = []
    for item in items:
        if isinstance(item, ImageCall):
            answer = _past(item, name)
            rewritten += [answer.call, answer.output_item()]
        else:
            rewritten.append(item)
    return tuple(rewritten)


def replay(written: Iterable[OutputItem], answers: Iterable[Answer]) -> tuple[Item, ...]:
    """Say a turn that just ended, and our answers to its calls, as items of the next turn.

    A call stands where the model made it, right behind the thought that led to it; those that the
    client never saw come last. Outputs are in the order of the calls.
    """
    answers = sorted(answers, key=lambda answer: answer.item_id is None)
    calls = {answer.item_id: answer.call for answer in answers}
    return (
        *(item for output in written for item in _said(output, calls)),
        *(answer.call for answer in answers if answer.item_id is None),
        *(answer.output_item() for answer in answers),
    )


def _past(item: ImageCall, name: str) -> Answer:
    call_id = f"cc_from_{item.id}"
    if len(call_id) > MAX_CALL_ID:
        call_id = f"cc_{hashlib.sha256(item.id.encode()).hexdigest()[: MAX_CALL_ID - 3]}"
    arguments = dump({"prompt": item.revised_prompt})
    call = FunctionCall(call_id, name, arguments)
    if item.error is not None:
        return refused(call, item.error)
    return painted(call, item.id, item.result)


def _said(item: OutputItem, calls: Mapping[str | None, FunctionCall]) -> tuple[Item, ...]:
    match item:
        case MessageItem(parts=parts, phase=phase):
            return (Message("assistant", parts, phase=phase),)
        case ReasoningItem(parts=parts, encrypted_content=encrypted_content):
            text = "".join(part.text for part in parts)
            return (Reasoning(text, encrypted_content=encrypted_content),)
        case ImageCallItem(id) | FunctionCallItem(id):
            # Only ours are answered: a client's call ends the response.
            return (calls[id],) if id in calls else ()
        case OpaqueItem(value=value):
            return (Opaque(value),)
        case _:
            assert_never(item)
