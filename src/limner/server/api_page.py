"""docs/api.md, written from what the API says of itself: `python -m limner.server.api_page`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from limner.server.api_examples import EXAMPLES
from limner.server.body import DEFAULT_LIMIT_BYTES, MIB
from limner.wire.error_codes import ERROR_CODES
from limner.wire.images_edits import MAX_IMAGES
from limner.wire.input import MAX_IMAGES as MAX_SHOWN
from limner.wire.input import MAX_ITEMS
from limner.wire.input_items import MAX_TOOLS
from limner.wire.openapi import Operation
from limner.wire.openapi_operations import OPERATIONS, SCHEMAS
from limner.wire.openapi_schema import ref
from limner.wire.pictures import MAX_IMAGE_BYTES
from limner.wire.request_fields import IMAGE_TOOL_FIELDS, REQUEST_FIELDS, FieldRule

Json = dict[str, Any]

HEAD = f"""\
# The API

<!-- Written by `python -m limner.server.api_page`; edit src/limner/wire/openapi_*.py instead. -->

Every route and every field, as the server itself describes them at `GET /openapi.json` (OpenAPI
3.1, for generators of clients). Over a [WebSocket](websocket.md) at `/v1/responses` there are
the same responses.

- **Nothing is accepted and ignored.** A field is *honoured*, *repeated* (it stands in the reply and
  does nothing else), *passed on* to a model server that takes it, *adjusted* (done otherwise, and
  said so under the reply's `limner.adjustments`), or *refused* by name. So are fields that are not
  named here.
- `null` counts as absent.
- Where the operator has set keys, every route but `/livez`, `/readyz` and the chat page needs one:
  `Authorization: Bearer <key>`. What one key has made no other key sees.
- Refusals are `{{"error": {{"message", "type", "param", "code"}}}}`, in the job API
  `{{"detail": …}}`; the [codes](#errors) stand at the end. `Retry-After` says when to ask again.
- At most: {DEFAULT_LIMIT_BYTES // MIB} MiB of a body, {MAX_IMAGE_BYTES // MIB} MiB of a picture,
  {MAX_ITEMS} items and {MAX_SHOWN} pictures of an input, {MAX_IMAGES} pictures of an edit,
  {MAX_TOOLS} tools.
"""

_TABLES: Mapping[str, Sequence[FieldRule]] = {
    "CreateResponse": REQUEST_FIELDS,
    "ImageTool": IMAGE_TOOL_FIELDS,
}


def page() -> str:
    """The whole page."""
    doors = dict.fromkeys(operation.door for operation in OPERATIONS)
    parts = (HEAD, *(part for door in doors for part in _door(door)), *_errors())
    return "\n".join(parts).rstrip() + "\n"


def _door(name: str) -> Iterator[str]:
    shell, python = EXAMPLES[name]
    yield f"## {name}\n"
    yield f"```sh\n{shell}```\n\n```python\n{python}```\n"
    for operation in OPERATIONS:
        if operation.door == name:
            yield from _operation(operation)


def _operation(operation: Operation) -> Iterator[str]:
    yield f"### `{operation.method} {operation.path}`\n"
    yield f"{operation.summary}\n"
    if operation.parameters:
        yield from _table(
            ("in the query or a header", "accepted", ""), map(_parameter, operation.parameters)
        )
    yield from _bodies(operation)
    if operation.id == "createResponse":
        yield "A tool `image_generation` has, beside its `type`:\n"
        yield from _fields(ref("ImageTool"), {})
        yield from _parts("An item of `input`; what must be there stands bold:", "InputItem")
        yield from _parts("A part of a message's `content`, or of a call's `output`:", "InputPart")


def _bodies(operation: Operation) -> Iterator[str]:
    """The tables of a body's fields; what stands on the page already is only named."""
    same = next(it for it in OPERATIONS if it.bodies == operation.bodies)
    if same is not operation and operation.bodies:
        yield f"The fields are those of `{same.method} {same.path}`.\n"
        return
    known: Json = {}
    for kind, schema in operation.bodies.items():
        if known:
            files = {name: it for name, it in schema["properties"].items() if _is_file(it)}
            yield f"As `{kind}` the same, with files for pictures:\n"
            yield from _fields({"properties": files}, {})
        else:
            known = SCHEMAS.get(_name(schema), schema)["properties"]
            yield from _fields(schema, operation.refused)


def _fields(schema: Json, refused: Mapping[str, str]) -> Iterator[str]:
    """The table of a body's fields."""
    name = _name(schema)
    properties = SCHEMAS.get(name, schema)["properties"]
    rows = [_field(field, it) for field, it in properties.items()]
    rows += [(f"`{field}`", "", f"refused: {instead}") for field, instead in refused.items()]
    if name in _TABLES:
        rows = list(_rules(_TABLES[name], properties))
    yield from _table(("field", "accepted", "what becomes of it"), rows)


def _parts(title: str, name: str) -> Iterator[str]:
    """The forms that one thing may have, with the names of their fields."""
    yield f"{title}\n"
    forms = [SCHEMAS.get(_name(form), form) for form in SCHEMAS[name]["anyOf"]]
    yield from _table(("`type`", "fields"), map(_form, forms))


def _form(schema: Json) -> tuple[str, str]:
    properties, required = schema["properties"], schema.get("required", [])
    fields = [
        f"**`{name}`**" if name in required else f"`{name}`"
        for name in properties
        if name != "type"
    ]
    listed = ", ".join(fields) or schema.get("description", "")
    return _type(properties["type"]) if "not" not in properties["type"] else "…", listed


def _is_file(schema: Json) -> bool:
    return bool(schema.get("items", schema).get("format") == "binary")


def _name(schema: Json) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _rules(rules: Sequence[FieldRule], properties: Json) -> Iterator[tuple[str, str, str]]:
    """A row for each; what is accepted stands in the first one of a field."""
    told: set[str] = set()
    for rule in rules:
        is_told = rule.name in told or rule.fate == "refused"
        told.add(rule.name)
        fate = f"{rule.fate}, where {rule.when}" if rule.when else rule.fate
        accepted = "" if is_told else _accepted(properties, rule.name)
        yield f"`{rule.name}`", accepted, f"{fate}: {rule.note}"


def _field(name: str, schema: Json) -> tuple[str, str, str]:
    return f"`{name}`", _type(schema), schema.get("description", "")


def _parameter(parameter: Json) -> tuple[str, str, str]:
    return _field(
        parameter["name"],
        {**parameter["schema"], "description": parameter.get("description", "")},
    )


def _accepted(properties: Json, path: str) -> str:
    """What may stand at a path such as `reasoning.effort`."""
    name, _, rest = path.partition(".")
    schema = properties.get(name, {})
    return _accepted(schema["properties"], rest) if rest else _type(schema)


def _type(schema: Json) -> str:
    """A schema in a few words; what it says of null is said once, at the top of the page."""
    if "$ref" in schema:
        return _name(schema)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(filter(None, map(_type, schema["anyOf"]))))
    if _is_file(schema):
        return f"file{_bounds(schema)}"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{option}`" for option in schema["enum"] if option is not None)
    kinds = schema.get("type", "anything")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    return "" if kind == "null" else f"{kind}{_bounds(schema)}"


def _bounds(schema: Json) -> str:
    for low, high, unit in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " entries"),
        ("", "maxProperties", " pairs"),
    ):
        least, most = schema.get(low), schema.get(high)
        if least is not None and most is not None:
            return f", {least} to {most}{unit}"
        if most is not None:
            return f", up to {most}{unit}"
    return ""


def _errors() -> Iterator[str]:
    yield "## Errors\n"
    yield "A dash: not as the status of a reply.\n"
    rows = (
        (f"`{error.code}`", ", ".join(map(str, error.statuses)) or "–", error.meaning)
        for error in ERROR_CODES
    )
    yield from _table(("code", "status", "meaning"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    lines = [head, ["---"] * len(head), *rows]
    yield (
        "\n".join(
            "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
        )
        + "\n"
    )


def main() -> None:
    Path("docs/api.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
