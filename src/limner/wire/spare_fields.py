"""Fields that a server refuses by name, and the request without them.

A server whose model lacks something may refuse the field for it, and name it: "Unsupported
parameter: 'temperature' is not supported with this model" (OpenAI), "does not support parameters:
['reasoning_effort']" (LiteLLM), "Unexpected fields in the request: {'presence_penalty'}"
(transformers), "Extra inputs are not permitted" beside a path (Mistral, and all of pydantic's).
Only what shades a reply is spared. Without messages, functions, a forced choice or a format it
would be another reply: there the refusal stands.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Path = tuple[str, ...]

_REFUSES = re.compile(
    r"unsupported|not support|unexpected|unrecogni[sz]ed|unknown|not permitted|not allowed"
    r"|extra_forbidden|additional properties",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Spare:
    """A field that a request can go without.

    client: what a client calls it; None where none asked for it. words: what refusals call it.
    paths: where it stands in the body. instead: what it is called where it is not known so.
    """

    client: str | None
    words: tuple[str, ...]
    paths: tuple[Path, ...]
    instead: str | None = None

    def is_in(self, body: Json) -> bool:
        return any(_holds(body, path) for path in self.paths)

    def is_named(self, message: str) -> bool:
        return any(_names(message, word) for word in self.words)


def _plain(name: str) -> Spare:
    return Spare(name, (name,), ((name,),))


_SAMPLING = (
    _plain("temperature"),
    _plain("top_p"),
    _plain("presence_penalty"),
    _plain("frequency_penalty"),
    _plain("user"),
    _plain("parallel_tool_calls"),
    _plain("top_logprobs"),
)
CHAT = (
    *_SAMPLING,
    Spare("reasoning.effort", ("reasoning_effort",), (("reasoning_effort",),)),
    # That there are none is told in the end.
    Spare(None, ("logprobs",), (("logprobs",), ("top_logprobs",))),
    Spare("text.verbosity", ("verbosity",), (("verbosity",),)),
    Spare(None, ("stream_options",), (("stream_options",),)),
    Spare(None, ("max_completion_tokens",), (("max_completion_tokens",),), "max_tokens"),
    Spare(None, ("max_tokens",), (("max_tokens",),), "max_completion_tokens"),
)
RESPONSES = (
    *_SAMPLING,
    _plain("max_tool_calls"),
    # Limner's own, and said to be false: a server that does not know it stores nothing.
    Spare(None, ("store",), (("store",),)),
    Spare("reasoning.summary", ("reasoning.summary",), (("reasoning", "summary"),)),
    Spare("reasoning", ("reasoning_effort", "reasoning.effort", "reasoning"), (("reasoning",),)),
    Spare("text.verbosity", ("verbosity", "text.verbosity"), (("text", "verbosity"),)),
)
ANTHROPIC = (
    _plain("temperature"),
    _plain("top_p"),
    Spare(
        "reasoning.effort",
        ("reasoning_effort", "adaptive thinking", "output_config", "thinking"),
        (("thinking",), ("output_config", "effort")),
    ),
)


def refused_fields(message: str, body: Json, spares: Collection[Spare]) -> frozenset[Spare]:
    """Those of the body that this refusal names."""
    if not _REFUSES.search(message):
        return frozenset()
    return frozenset(spare for spare in spares if spare.is_in(body) and spare.is_named(message))


def without(body: Json, spares: Collection[Spare]) -> Json:
    """The body less these fields, or with them under the name that is known instead."""
    for spare in spares:
        for path in spare.paths:
            if _holds(body, path):
                body = _less(body, path, spare.instead)
    return body


def _holds(body: Json, path: Path) -> bool:
    name, *inside = path
    if not inside:
        return name in body
    within = body.get(name)
    return isinstance(within, dict) and _holds(within, tuple(inside))


def _less(body: Json, path: Path, instead: str | None) -> Json:
    name, *inside = path
    rest = {key: value for key, value in body.items() if key != name}
    if inside:
        within = _less(body[name], tuple(inside), instead)
        return rest | ({name: within} if within else {})
    return rest | ({instead: body[name]} if instead else {})


def _names(message: str, word: str) -> bool:
    """A word that people use must stand in quotes, or at the end of a path, to be a field."""
    exact = re.escape(word)
    if re.search(r"[_. ]", word):
        return re.search(rf"(?<!\w){exact}(?!\w)", message) is not None
    return re.search(rf"['\"`.]{exact}['\"`]", message) is not None
