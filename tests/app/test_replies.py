"""The doors where asking again under a key makes nothing again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.app.test_every_route import ONE, server
from tests.pictures import picture

FORM: dict[str, Any] = {
    "files": {"file": ("a.png", picture().content, "image/png")},
    "data": {"purpose": "vision"},
}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/images/generations", {"json": {"prompt": "a cat"}}),
        ("/v1/images/generations", {"json": {"prompt": "a cat", "stream": True}}),
        ("/generate", {"json": {"prompt": "a cat"}}),
        ("/generate/async", {"json": {"prompt": "a cat"}}),
        ("/v1/files", FORM),
    ],
)
async def test_asking_again_gives_the_same(path: str, body: dict[str, Any]) -> None:
    async with server() as (_, client):
        keyed = {**ONE, "Idempotency-Key": "k"}
        first, second = [await client.post(path, headers=keyed, **body) for _ in "12"]
        assert first.status_code == 200, first.text
        assert (second.status_code, second.content) == (200, first.content)
        assert second.headers["Idempotent-Replayed"] == "true"
        other = await client.post(path, headers={**keyed, "Idempotency-Key": "l"}, **body)
        assert other.status_code == 200
        assert "Idempotent-Replayed" not in other.headers


async def test_only_the_owner_of_a_key_is_answered_again() -> None:
    async with server() as (_, client):
        for owner in ("sk-one", "sk-two"):
            headers = {"Authorization": f"Bearer {owner}", "Idempotency-Key": "k"}
            reply = await client.post(
                "/v1/images/generations", json={"prompt": "a cat"}, headers=headers
            )
            assert "Idempotent-Replayed" not in reply.headers
