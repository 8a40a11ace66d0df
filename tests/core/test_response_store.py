"""Responses as they are kept."""

from __future__ import annotations

import pytest

from limner.core.events import ResponseStatus
from limner.core.response_store import Nature, StoredResponse


@pytest.mark.parametrize(
    ("status", "has_ended"),
    [
        ("queued", False),
        ("in_progress", False),
        ("completed", True),
        ("failed", True),
        ("incomplete", True),
        ("cancelled", True),
    ],
)
def test_four_statuses_are_ends(status: ResponseStatus, has_ended: bool) -> None:
    assert StoredResponse("resp_1", Nature("", 0, 1), status, b"{}").has_ended == has_ended
