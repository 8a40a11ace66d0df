"""Workflows of ComfyUI as templates: its API format, with placeholders where values belong.

`{{prompt}}` is replaced by the prompt, `{{steps|20}}` by the steps asked, or else 20. A string that
is nothing but a placeholder becomes the value itself, a number where it is one; within a longer
string it becomes text. Source of the format: ComfyUI documentation, "Workflow API format".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limner.wire import json

Json = dict[str, Any]
Value = str | int | float

NAMES = ("prompt", "model", "seed", "width", "height", "steps", "guidance_scale")
EDIT_NAMES = (*NAMES, "image", "mask", "strength")
_NUMBERS = ("width", "height", "steps", "guidance_scale", "strength")
_ALWAYS = ("prompt", "seed", "image", "mask")
_PLACEHOLDER = re.compile(r"\{\{(\w+)(?:\|([^{}]*))?\}\}")


@dataclass(frozen=True, slots=True)
class Workflow:
    """nodes: the template. names: the placeholders in it. defaults: those that say one."""

    nodes: Json
    names: frozenset[str]
    defaults: Mapping[str, Value]

    def fill(self, values: Mapping[str, Value | None]) -> Json:
        """The workflow to queue; values that are None or left out get the template's default."""
        known = {name: value for name, value in values.items() if value is not None}
        chosen = {**self.defaults, **known}

        def filled(text: str) -> Value:
            if whole := _PLACEHOLDER.fullmatch(text):
                return chosen[whole[1]]
            return _PLACEHOLDER.sub(lambda found: str(chosen[found[1]]), text)

        nodes: Json = _mapped(self.nodes, filled)
        return nodes


def read_workflow(text: bytes | str, *, edits: bool = False) -> Workflow:
    """Read a template; raises ValueError that says what is wrong with it.

    edits: whether it is about a picture, and so has `{{image}}`, maybe `{{mask}}` and
    `{{strength|0.75}}`: files are named as ComfyUI's node LoadImage wants them.
    """
    nodes = json.load(text)
    if not isinstance(nodes, dict) or not nodes:
        raise ValueError("it must be a JSON object of nodes")
    if isinstance(nodes.get("nodes"), list):
        raise ValueError("it is in the format of ComfyUI's editor; use `Export (API)` there")
    for id, node in nodes.items():
        if not isinstance(node, dict) or not isinstance(node.get("class_type"), str):
            raise ValueError(f"node {id!r} must be an object with a class_type")
    names: set[str] = set()
    defaults: dict[str, Value] = {}

    def noted(text: str) -> str:
        for name, written in _PLACEHOLDER.findall(text):
            names.add(name)
            default = _default(name, written) if written else defaults.get(name)
            if default is not None and defaults.setdefault(name, default) != default:
                raise ValueError(f"{{{{{name}}}}} has two different defaults")
        return text

    _mapped(nodes, noted)
    _check(names, defaults, EDIT_NAMES if edits else NAMES)
    return Workflow(nodes, frozenset(names), defaults)


def _check(names: set[str], defaults: Mapping[str, Value], known: Sequence[str]) -> None:
    if unknown := sorted(names - set(known)):
        raise ValueError(f"{{{{{unknown[0]}}}}} is not known here; known are {', '.join(known)}")
    for name in ("prompt", "image"):
        if name in known and name not in names:
            raise ValueError(f"it must have {{{{{name}}}}} where the {name} belongs")
    for name in _NUMBERS:
        if name in names and name not in defaults:
            raise ValueError(f"{{{{{name}}}}} needs a default, such as {{{{{name}|8}}}}")
    for name in _ALWAYS:
        if name in defaults:
            raise ValueError(f"{{{{{name}}}}} takes no default: there always is one")


def _default(name: str, text: str) -> Value:
    if name not in _NUMBERS:
        return text
    value = json.load(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"the default of {{{{{name}}}}} must be a number, got {text!r}")
    return value


def _mapped(value: Any, change: Callable[[str], Value]) -> Any:
    """The same JSON with every string changed."""
    match value:
        case str():
            return change(value)
        case dict():
            return {key: _mapped(child, change) for key, child in value.items()}
        case list():
            return [_mapped(child, change) for child in value]
        case _:
            return value
