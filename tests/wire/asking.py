"""Requests as clients send them, through the same JSON door."""

from __future__ import annotations

from typing import Any

import pytest

from limner.core.errors import InvalidRequest
from limner.core.fitting import fit
from limner.core.request import ResponseRequest
from limner.core.turn import UpstreamCapabilities
from limner.wire import json
from limner.wire.parse import parse_request


def parsed(**fields: Any) -> ResponseRequest:
    """The request of a small valid body with these fields on top; None counts as absent.

    It is for an upstream that takes no hosted tools.
    """
    return fit(parsed_whole(**fields), UpstreamCapabilities("plain"))


def parsed_whole(**fields: Any) -> ResponseRequest:
    """As `parsed`, with all that only some upstreams take."""
    body = {"model": "m", "input": "hello", **fields}
    return parse_request(json.load_body(json.dump(body)))


def refusal(**fields: Any) -> InvalidRequest:
    """Why that body is refused."""
    with pytest.raises(InvalidRequest) as caught:
        parsed(**fields)
    assert caught.value.status == 400
    assert caught.value.type == "invalid_request_error"
    return caught.value


def refused(**fields: Any) -> tuple[str | None, str | None, str]:
    """As `refusal`: code, param and message."""
    error = refusal(**fields)
    return error.code, error.param, error.message
