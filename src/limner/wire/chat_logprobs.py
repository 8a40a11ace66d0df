"""How likely a reply's tokens were, from Chat Completions' words into those of the Responses API.

Both have `{token, bytes, logprob, top_logprobs}` (OpenAI API reference). Here `bytes` and
`top_logprobs` may be null or missing, there they are lists.

Servers tell the tokens of thoughts and calls beside those of text, and a token that is only a part
of a character comes in a chunk without text: what is told counts for the text that comes with it
or next, unless something else comes first.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

NONE_TOLD = "include: the model server told no log probabilities."


class ChatLogprobs:
    """Of one reply in which they were asked for."""

    def __init__(self) -> None:
        self._held: list[Json] = []
        self._has_text = False
        self._has_any = False

    def hear(self, logprobs: object) -> None:
        """Take the `logprobs` of a choice, if it has any."""
        content = logprobs.get("content") if isinstance(logprobs, dict) else None
        entries = content if isinstance(content, list) else []
        self._held += [_entry(entry) for entry in entries if isinstance(entry, dict)]

    def of_text(self) -> tuple[Json, ...]:
        """Those of the text that has come."""
        told, self._held = tuple(self._held), []
        self._has_text = True
        self._has_any = self._has_any or bool(told)
        return told

    def drop(self) -> None:
        """Something else has come."""
        self._held = []

    @property
    def adjustments(self) -> tuple[str, ...]:
        """What the client is told in the end."""
        return (NONE_TOLD,) if self._has_text and not self._has_any else ()


def _entry(entry: Json) -> Json:
    others = entry.get("top_logprobs")
    listed = others if isinstance(others, list) else []
    return {
        **_token(entry),
        "top_logprobs": [_token(other) for other in listed if isinstance(other, dict)],
    }


def _token(entry: Json) -> Json:
    spelled = entry.get("bytes")
    return {
        "token": str(entry.get("token", "")),
        "bytes": spelled if isinstance(spelled, list) else [],
        "logprob": entry.get("logprob"),
    }
