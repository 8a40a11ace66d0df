"""Lists in pages, as OpenAI's APIs have them. Source: OpenAI API reference, "List input items"."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from limner.core.page import Page
from limner.wire.fields import invalid_value, not_among, unknown_parameter
from limner.wire.items import Json

_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_ORDERS = ("asc", "desc")


def read_page(
    query: Iterable[tuple[str, str]],
    *,
    default: int = 20,
    most: int = 100,
    also: Collection[str] = (),
) -> Page:
    """The page that a query asks for: `after`, `limit` (1 to `most`), `order` (newest first).

    also: names of the query that its reader looks at itself. Raises InvalidRequest.
    """
    asked = dict(query)
    for name in asked:
        if name not in ("after", "limit", "order") and name not in also:
            raise unknown_parameter(name)
    limit = asked.get("limit", str(default))
    if not (_NUMBER.fullmatch(limit) and 1 <= int(limit) <= most):
        raise invalid_value("limit", limit, f"an integer in [1, {most}]")
    order = asked.get("order", "desc")
    if order not in _ORDERS:
        raise not_among("order", order, _ORDERS)
    after = asked.get("after")
    if not (after or "").isprintable():
        raise invalid_value("after", after, "the id of an entry of the list")
    return Page(int(limit), after, newest_first=order == "desc")


def page_json(entries: Sequence[Json], has_more: bool) -> Json:
    """A page as OpenAI's list object."""
    return {
        "object": "list",
        "data": list(entries),
        "first_id": entries[0]["id"] if entries else None,
        "last_id": entries[-1]["id"] if entries else None,
        "has_more": has_more,
    }
