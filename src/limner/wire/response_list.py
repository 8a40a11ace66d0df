"""A list of an owner's responses, which OpenAI's API has not.

`GET /v1/responses?metadata[chat]=...&order=asc&include[]=input`: pages as everywhere, Response
objects as they stand, with a key `input` where it is asked for. `metadata[...]` is written as
OpenAI's own lists of Chat Completions have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from limner.core.page import Listed, Page
from limner.core.response_store import ListedResponse
from limner.wire import json
from limner.wire.fields import Fields, not_among
from limner.wire.items import Json
from limner.wire.pages import page_json, read_page
from limner.wire.settings import parse_metadata

INPUT, INPUT_PICTURES = "input", "message.input_image.image_url"
_INCLUDABLE = (INPUT, INPUT_PICTURES)
_INCLUDE = ("include", "include[]")
_LABEL = re.compile(r"metadata\[(.+)\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Wanted:
    """labels: metadata, all of which a response must have. include: `INPUT`, `INPUT_PICTURES`."""

    page: Page
    labels: Mapping[str, str] = field(default_factory=dict)
    include: frozenset[str] = frozenset()


def read_list_query(query: Iterable[tuple[str, str]]) -> Wanted:
    """What a query asks for; raises InvalidRequest. Where a name repeats the last one counts."""
    query = list(query)
    labels = {match[1]: value for name, value in query if (match := _LABEL.fullmatch(name))}
    include = [value for name, value in query if name in _INCLUDE]
    for value in include:
        if value not in _INCLUDABLE:
            raise not_among("include", value, _INCLUDABLE)
    own = {name for name, _ in query if name in _INCLUDE or _LABEL.fullmatch(name)}
    page = read_page(query, also=own)
    return Wanted(page, parse_metadata(Fields({"metadata": labels})), frozenset(include))


def response_list_json(listed: Listed[ListedResponse]) -> Json:
    """A page of responses."""
    return page_json([_response_json(response) for response in listed.entries], listed.has_more)


def _response_json(response: ListedResponse) -> Json:
    whole = {**json.load(response.text), "status": response.status}
    if response.output is not None:
        whole["output"] = list(response.output)
    if response.input is not None:
        whole["input"] = list(response.input)
    return whole
