"""What stands behind the `?` of an address, held to what is known there."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from starlette.requests import Request

from limner.wire.fields import invalid_value, unknown_parameter

_TRUTHS = {"true": True, "false": False}


def checked_query(request: Request, names: Collection[str]) -> Mapping[str, str]:
    """The values by their names; raises InvalidRequest for a name that is not among these."""
    query = request.query_params
    for name in query:
        if name not in names:
            raise unknown_parameter(name)
    return query


def truth(query: Mapping[str, str], name: str) -> bool:
    """`true` or `false`, which it is when nobody says; raises InvalidRequest for anything else."""
    value = query.get(name, "false")
    if value.lower() not in _TRUTHS:
        raise invalid_value(name, value, "true or false")
    return _TRUTHS[value.lower()]
