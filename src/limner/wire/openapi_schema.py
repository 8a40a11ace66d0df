"""JSON Schemas (draft 2020-12) in few words, for the description of our API.

Source: OpenAPI Specification 3.1, "Schema Object". In requests `null` counts as absent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

Json = dict[str, Any]

NULL: Json = {"type": "null"}
ANY_OBJECT: Json = {"type": "object"}


def text(about: str = "", *, least: int = 0, most: int | None = None, form: str = "") -> Json:
    """A string of these lengths. form: a regular expression that it matches."""
    bounds = {"minLength": least or None, "maxLength": most, "pattern": form or None}
    return _said({"type": "string", **_set(bounds)}, about)


def choice(options: Collection[str], about: str = "") -> Json:
    return _said({"type": "string", "enum": list(options)}, about)


def integer(low: int | None = None, high: int | None = None, about: str = "") -> Json:
    return _said({"type": "integer", **_set({"minimum": low, "maximum": high})}, about)


def number(low: float | None = None, high: float | None = None, about: str = "") -> Json:
    return _said({"type": "number", **_set({"minimum": low, "maximum": high})}, about)


def boolean(about: str = "") -> Json:
    return _said({"type": "boolean"}, about)


def array(items: Json, about: str = "", *, least: int = 0, most: int | None = None) -> Json:
    bounds = {"minItems": least or None, "maxItems": most}
    return _said({"type": "array", "items": items, **_set(bounds)}, about)


def asked(
    required: Mapping[str, Json], optional: Mapping[str, Json] | None = None, about: str = ""
) -> Json:
    """An object of a request: these fields and no others; what is optional may be null."""
    properties = {**required, **{name: or_null(it) for name, it in (optional or {}).items()}}
    return _said(
        {
            "type": "object",
            "properties": properties,
            **_set({"required": list(required) or None}),
            "additionalProperties": False,
        },
        about,
    )


def told(required: Mapping[str, Json], optional: Mapping[str, Json] | None = None) -> Json:
    """An object of a reply, which may grow."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
    }


def or_null(schema: Json) -> Json:
    """The same, or null."""
    if not schema:
        return {}
    kind = schema.get("type")
    if not isinstance(kind, str):
        about = {"description": schema["description"]} if "description" in schema else {}
        inner = {name: value for name, value in schema.items() if name != "description"}
        return {"anyOf": [inner, NULL], **about}
    options = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [kind, "null"], **options}


def either(*schemas: Json, about: str = "") -> Json:
    return _said({"anyOf": list(schemas)}, about)


def ref(name: str) -> Json:
    """One of the document's named schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def page_of(entry: Json) -> Json:
    """A list as `wire.pages` writes it."""
    return told(
        {
            "object": {"const": "list"},
            "data": array(entry),
            "first_id": or_null(text()),
            "last_id": or_null(text()),
            "has_more": boolean(),
        }
    )


def _said(schema: Json, about: str) -> Json:
    return {**schema, "description": about} if about else schema


def _set(values: Mapping[str, Any]) -> Json:
    return {name: value for name, value in values.items() if value is not None}
