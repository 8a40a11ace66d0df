"""Functions as gpt-oss was trained to read them: types of TypeScript.

Source: openai/harmony, docs/format.md, "Function calling".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from limner.core.turn import FunctionTool
from limner.wire import json

Schema = Mapping[str, Any]

_NAMES = {"integer": "number", "number": "number", "string": "string", "boolean": "boolean"}


def functions_text(tools: Iterable[FunctionTool]) -> str:
    """The section of a developer message that declares these functions."""
    declared = "\n".join(_function(tool) for tool in tools)
    return (
        "# Tools\n\n## functions\n\nnamespace functions {\n\n"
        f"{declared}\n}} // namespace functions"
    )


def _function(tool: FunctionTool) -> str:
    lines = _comment(tool.description, "")
    if tool.parameters is None:
        return f"{lines}type {tool.name} = () => any;\n"
    return f"{lines}type {tool.name} = (_: {_object(tool.parameters, '')}) => any;\n"


def _type(schema: object, indent: str) -> str:
    """The type that a schema means; `any` where it is none that the model was shown."""
    if not isinstance(schema, Mapping):
        return "any"
    for union in (schema.get("anyOf"), schema.get("oneOf")):
        if isinstance(union, list) and union:
            return " | ".join(_type(variant, indent) for variant in union)
    kind = schema.get("type")
    if isinstance(kind, list):
        names = [_named(name, schema, indent) for name in kind]
        return " | ".join(names) if names else "any"
    return _named(kind, schema, indent)


def _named(kind: object, schema: Schema, indent: str) -> str:
    values = schema.get("enum")
    if isinstance(values, list) and values:
        return " | ".join(_literal(value) for value in values)
    if kind == "object":
        return _object(schema, indent)
    if kind == "array":
        return f"{_type(schema.get('items'), indent)}[]" if "items" in schema else "Array<any>"
    if kind == "null":
        return "null"
    return _NAMES.get(kind, "any") if isinstance(kind, str) else "any"


def _object(schema: Schema, indent: str) -> str:
    properties = schema.get("properties")
    required = schema.get("required")
    names = required if isinstance(required, list) else []
    fields = properties.items() if isinstance(properties, Mapping) else ()
    lines = "".join(_field(name, value, name in names, indent) for name, value in fields)
    return f"{{\n{lines}{indent}}}"


def _field(name: str, schema: object, is_required: bool, indent: str) -> str:
    known: Schema = schema if isinstance(schema, Mapping) else {}
    mark = "" if is_required else "?"
    default = f" // default: {_plain(known['default'])}" if "default" in known else ""
    written = _type(known, indent + "    ")
    return (
        f"{_comment(known.get('description'), indent)}{indent}{name}{mark}: {written},{default}\n"
    )


def _comment(text: object, indent: str) -> str:
    if not isinstance(text, str) or not text:
        return ""
    return "".join(f"{indent}// {line}\n" for line in text.splitlines())


def _literal(value: object) -> str:
    return json.dump(value).decode()


def _plain(value: object) -> str:
    return value if isinstance(value, str) else _literal(value)
