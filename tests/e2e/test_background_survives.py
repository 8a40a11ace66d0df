"""A response in the background, and servers that end under it."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.clients import client_of
from tests.e2e.processes import PATIENCE_S, Server, serving

SIZE = "512x512"
TOOL: Any = {"type": "image_generation", "partial_images": 3, "size": SIZE}
PREVIEW = "response.image_generation_call.partial_image"


def frames(server: Server, id: str) -> list[bytes]:
    """The whole stream, frame by frame."""
    reply = httpx.get(f"{server.url}/v1/responses/{id}?stream=true", timeout=PATIENCE_S)
    assert reply.status_code == 200, reply.text
    *found, rest = reply.content.split(b"\n\n")
    assert rest == b""
    return [frame for frame in found if not frame.startswith(b":")]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_goes_on_in_the_next_server(tmp_path: Path, how: signal.Signals) -> None:
    seen: list[Any] = []
    with serving(tmp_path) as server, client_of(server.url) as client:
        stream = client.responses.create(
            model="any",
            input="Draw a red circle on a blue background.",
            tools=[TOOL],
            background=True,
            stream=True,
        )
        for event in stream:
            seen.append(event)
            if event.type == PREVIEW:
                break
        stream.close()
        code = server.end(how)
        assert code == (0 if how == signal.SIGTERM else -how)
    id = seen[0].response.id
    with serving(tmp_path) as server, client_of(server.url) as client:
        with client.responses.stream(response_id=id) as again:
            events: list[Any] = list(again)
            found = again.get_final_response()
        whole = frames(server, id)
        polled = client.responses.retrieve(id)
    assert found.status == "completed"
    ids: list[Any] = [item.to_dict()["id"] for item in found.output]
    assert [item.to_dict()["id"] for item in polled.output] == ids
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert len(whole) == len(events) + 1, "frames and [DONE]"
    assert [event.type for event in events[: len(seen)]] == [event.type for event in seen]
    pictures = [item.to_dict() for item in found.output if item.type == "image_generation_call"]
    assert pictures[-1]["status"] == "completed"
    for lost in pictures[:-1]:
        assert (lost["status"], lost["error"]["code"]) == ("failed", "server_error")  # type: ignore[index]
