"""What a request only names, and what was found under those names.

A request may name earlier items, uploaded files and pictures elsewhere. The wire floor cannot look
them up: `wire.references` says what to look for, and `parse_request` takes what was found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from limner.core.image import ImageData
from limner.core.turn import JsonObject


@dataclass(frozen=True, slots=True)
class References:
    """What a request's body names.

    items: ids of items named alone, or sent without the bytes of their picture. files: of uploads.
    urls: pictures to be had elsewhere (http, https), and data URLs of formats that nothing here
    reads as they are (gif, bmp, tiff).
    """

    previous_response_id: str | None = None
    conversation: str | None = None
    items: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    urls: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Known:
    """What was found. history: the items before the request's own, in their order.

    items, history: JSON as clients see it, pictures in base64. files, urls: by id and by URL.
    """

    history: Sequence[JsonObject] = ()
    items: Mapping[str, JsonObject] = field(default_factory=dict)
    files: Mapping[str, ImageData] = field(default_factory=dict)
    urls: Mapping[str, ImageData] = field(default_factory=dict)


NOTHING_KNOWN = Known()
