"""Every route of the server, whoever added it, is behind its guards and shows nobody else's things.

The routes are read from the application itself, so a new one comes in by itself; one with a
parameter that `things` cannot fill fails, until somebody says here how a foreign id is made.
"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from limner.app.server import open_server
from limner.config import load
from tests.images.test_openai import ScriptedServer, whole
from tests.pictures import picture
from tests.serving import connection, serving

OPEN = {"/", "/livez", "/readyz", "/web/{path:path}"}
"""For everyone: health, and the page that asks for a key before it asks anything else."""

SHARED = {"/v1/models/{id:path}"}
"""The same for every key."""

ONE, TWO = ({"Authorization": f"Bearer {key}"} for key in ("sk-one", "sk-two"))
HELLO = [{"type": "message", "role": "user", "content": "hello"}]
BODIES: dict[str, Any] = {
    "/v1/conversations/{id}": {"metadata": {}},
    "/v1/conversations/{id}/items": {"items": HELLO},
    "/v1/images/ig_{rest}": {"starred": True},
}
"""What a route needs before it looks for what the path names."""

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
}
VARYING = {"date", "x-request-id"}


@dataclass(frozen=True, slots=True)
class Door:
    method: str
    path: str

    @property
    def is_socket(self) -> bool:
        return self.method == "WEBSOCKET"

    def at(self, things: Mapping[str, str]) -> str:
        """The path with the parameters filled from things."""
        return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: things[found[1]], self.path)


def doors(routes: list[BaseRoute]) -> Iterator[Door]:
    for route in routes:
        match route:
            case Mount():
                yield from doors(list(route.routes))
            case Route():
                yield from (Door(method, route.path) for method in sorted(route.methods or ()))
            case WebSocketRoute():
                yield Door("WEBSOCKET", route.path)
            case _:
                pytest.fail(f"nobody knows how to try {route!r}")


@asynccontextmanager
async def server() -> AsyncIterator[tuple[Starlette, httpx.AsyncClient]]:
    async with ScriptedServer([whole()] * 8) as images:
        flags = {"store": "memory", "image_backend": images.url}
        settings = load(flags, {"LIMNER_API_KEYS": "sk-one,sk-two"})
        async with open_server(settings) as app:
            transport = httpx.ASGITransport(app)
            base = "http://localhost"
            async with httpx.AsyncClient(transport=transport, base_url=base) as client:
                yield app, client


async def things(client: httpx.AsyncClient) -> dict[str, dict[str, str]]:
    """What the first key owns: parameters by the beginning of the path that they are for."""

    async def made(path: str, **body: Any) -> Any:
        reply = await client.post(path, headers=ONE, **body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    order = {"input": "draw a cat", "tools": [{"type": "image_generation"}]}
    response = await made("/v1/responses", json={"model": "limner", **order})
    pictures = [item["id"] for item in response["output"] if item["type"].startswith("image")]
    upload = {"file": ("a.png", picture().content, "image/png")}
    file = await made("/v1/files", files=upload, data={"purpose": "vision"})
    conversation = await made("/v1/conversations", json={"items": HELLO})
    path = f"/v1/conversations/{conversation['id']}/items"
    item = (await client.get(path, headers=ONE)).json()["data"][0]
    job = await made("/generate/async", json={"prompt": "a cat"})
    return {
        "/v1/responses/": {"id": response["id"]},
        "/v1/images/ig_": {"rest": pictures[0].removeprefix("ig_")},
        "/v1/files/": {"id": file["id"]},
        "/v1/conversations/": {"id": conversation["id"], "item_id": item["id"]},
        "/job/": {"id": job["job_id"]},
    }


def filled(door: Door, owned: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The parameters of a door, from what is owned."""
    if "{" not in door.path:
        return {}
    for beginning, found in owned.items():
        if door.path.startswith(beginning):
            return dict(found)
    pytest.fail(f"nobody knows how to try {door}: add to `things` what it needs")


def unlike(thing: str) -> str:
    """An id of the same form that nobody has."""
    return thing[:-12] + thing[-12:].translate(
        str.maketrans("0123456789abcdef", "123456789abcdef0")
    )


async def ask(client: httpx.AsyncClient, door: Door, path: str, **headers: str) -> httpx.Response:
    body = BODIES.get(door.path, {}) if door.method in ("POST", "PUT", "PATCH") else None
    return await client.request(door.method, path, headers=headers, json=body)


def closed(app: Starlette) -> list[Door]:
    found = [door for door in doors(app.routes) if door.path not in OPEN and not door.is_socket]
    assert len(found) > 10
    return found


NOWHERE = dict.fromkeys(("id", "item_id", "rest", "path"), "none")


async def test_every_route_needs_a_key() -> None:
    async with server() as (app, client):
        for door in closed(app):
            reply = await ask(client, door, door.at(NOWHERE))
            assert reply.status_code == 401, door
            reply = await ask(client, door, door.at(NOWHERE), Authorization="Bearer sk-three")
            assert reply.status_code == 401, door


async def test_every_route_answers_for_our_hosts_only() -> None:
    async with server() as (app, client):
        for door in doors(app.routes):
            if not door.is_socket:
                reply = await ask(client, door, door.at(NOWHERE), Host="evil.test", **ONE)
                assert reply.status_code == 421, door


async def test_no_page_of_another_site_changes_anything() -> None:
    async with server() as (app, client):
        for door in doors(app.routes):
            if door.method in ("POST", "PUT", "PATCH", "DELETE"):
                for headers in ({"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}):
                    reply = await ask(client, door, door.at(NOWHERE), **headers, **ONE)
                    assert reply.status_code == 403, door


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer sk-three"}, 401),
        ({**ONE, "Host": "evil.test"}, 421),
        ({**ONE, "Origin": "https://evil.test"}, 403),
        ({**ONE, "Origin": "null"}, 403),
        (ONE, 101),
    ],
)
async def test_every_socket_is_behind_the_same_guards(headers: dict[str, str], status: int) -> None:
    async with server() as (app, _), serving(app) as url:
        sockets = [door for door in doors(app.routes) if door.is_socket]
        assert sockets
        for door in sockets:
            async with connection(url) as (reader, writer):
                asked = {"Host": "localhost", **UPGRADE, **headers}
                lines = [f"{name}: {value}" for name, value in asked.items()]
                head = "\r\n".join([f"GET {door.at(NOWHERE)} HTTP/1.1", *lines])
                writer.write(f"{head}\r\n\r\n".encode())
                assert int((await reader.readline()).split(b" ")[1]) == status, door


async def test_what_belongs_to_another_key_answers_as_what_is_not_there() -> None:
    async with server() as (app, client):
        owned = await things(client)
        tried = [door for door in closed(app) if "{" in door.path and door.path not in SHARED]
        for door in tried:
            there = filled(door, owned)
            nowhere = {name: unlike(thing) for name, thing in there.items()}
            foreign = await ask(client, door, door.at(there), **TWO)
            unknown = await ask(client, door, door.at(nowhere), **TWO)
            assert foreign.status_code == unknown.status_code == 404, (door, foreign.text)
            assert told(foreign, there) == told(unknown, nowhere), door
        assert {door.path.partition("{")[0] for door in tried} >= set(owned)
        for door in tried:
            if door.method == "GET":
                own = await ask(client, door, door.at(filled(door, owned)), **ONE)
                assert own.status_code < 300, (door, own.text)


def naming(owned: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Any]]:
    """Bodies that name what is owned, by their paths."""
    response, file = owned["/v1/responses/"]["id"], owned["/v1/files/"]["id"]
    conversation = owned["/v1/conversations/"]
    picture = {"type": "image_generation_call", "id": f"ig_{owned['/v1/images/ig_']['rest']}"}
    shown = {"role": "user", "content": [{"type": "input_image", "file_id": file}]}
    said = {"type": "item_reference", "id": picture["id"]}
    asked = {"model": "limner", "input": "hello"}
    return {
        "response": {"path": "/v1/responses", **asked, "previous_response_id": response},
        "conversation": {"path": "/v1/responses", **asked, "conversation": conversation["id"]},
        "picture": {"path": "/v1/responses", **asked, "input": [picture]},
        "item": {"path": "/v1/responses", **asked, "input": [said]},
        "file": {"path": "/v1/responses", **asked, "input": [shown]},
        "counted": {
            "path": "/v1/responses/input_tokens",
            **asked,
            "previous_response_id": response,
        },
        "edited": {"path": "/v1/images/edits", "prompt": "a", "images": [{"file_id": file}]},
    }


async def test_a_body_that_names_anothers_things_answers_as_if_they_were_not_there() -> None:
    async with server() as (_, client):
        owned = await things(client)
        nowhere = {
            place: {name: unlike(thing) for name, thing in found.items()}
            for place, found in owned.items()
        }
        for name, body in naming(owned).items():
            path = body.pop("path")
            unknown_body = naming(nowhere)[name]
            del unknown_body["path"]
            foreign = await client.post(path, json=body, headers=TWO)
            unknown = await client.post(path, json=unknown_body, headers=TWO)
            assert foreign.status_code == unknown.status_code, name
            assert foreign.status_code in (400, 404), (name, foreign.text)
            ids = {id: "id" for found in owned.values() for id in found.values()}
            none = {id: "id" for found in nowhere.values() for id in found.values()}
            assert replaced(foreign.text, ids) == replaced(unknown.text, none), name
            own = await client.post(path, json=body, headers=ONE)
            assert replaced(own.text, ids) != replaced(foreign.text, ids), name


def replaced(text: str, names: Mapping[str, str]) -> str:
    for thing, name in names.items():
        text = text.replace(thing, name)
    return text


def told(reply: httpx.Response, things: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """The reply's bytes and headers, without what it only repeats."""
    body = reply.content
    for name, thing in things.items():
        body = body.replace(thing.encode(), name.encode())
    return body, {name: value for name, value in reply.headers.items() if name not in VARYING}
