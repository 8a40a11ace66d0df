"""What becomes of a field, from its table into its description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from limner.wire.openapi_schema import Json
from limner.wire.request_fields import FieldRule


def with_fates(fields: Mapping[str, Json], rules: Sequence[FieldRule]) -> dict[str, Json]:
    """The fields' schemas, each with what its rows say."""
    return {
        name: {**schema, "description": fate_of(name, rules)} for name, schema in fields.items()
    }


def fate_of(name: str, rules: Sequence[FieldRule]) -> str:
    """The rows about a field and those about what is within it, in words."""
    return " ".join(_said(rule) for rule in rules if rule.name.partition(".")[0] == name)


def _said(rule: FieldRule) -> str:
    within = f"`{rule.name}` " if "." in rule.name else ""
    when = f" ({rule.when})" if rule.when else ""
    said = f"{within}{rule.fate}{when}: {rule.note}"
    return said[0].upper() + said[1:]
