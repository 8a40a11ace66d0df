"""Counting a turn's input at a Messages server (Anthropic API reference, "Count tokens")."""

from __future__ import annotations

from typing import Any

from limner.wire import json

_COUNTED = ("model", "system", "messages", "tools", "tool_choice", "thinking", "output_config")


def counted(body: dict[str, Any]) -> dict[str, Any]:
    """Of a Messages request what goes into the count."""
    return {name: body[name] for name in _COUNTED if name in body}


def read_count(reply: bytes) -> int | None:
    """The tokens counted; None for a reply that does not say."""
    try:
        value = json.load(reply)
    except ValueError:
        return None
    count = value.get("input_tokens") if isinstance(value, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) else None
