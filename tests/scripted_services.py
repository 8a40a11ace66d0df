"""Doubles of servers with an Images API, each strict about what the real one takes.

They are written from the servers' own documents, not from our presets: a field that the real one
does not know is refused in its own words, and pictures come as it sends them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import orjson
from aiohttp import web

from limner.core.image import ImageFormat
from limner.wire import sse
from limner.wire.pictures import to_base64
from tests.pictures import picture

OPENAI_FIELDS = frozenset(
    {"prompt", "model", "n", "size", "quality", "background", "output_format"}
    | {"output_compression", "moderation", "stream", "partial_images"}
)
EXTRA_ARGS = re.compile(r" *<sd_cpp_extra_args>(.*?)</sd_cpp_extra_args>")


@dataclass(frozen=True)
class Manner:
    """How one server wants to be asked, and answers.

    needs: fields without which it does something else than we want. formats: those it can write;
    it writes the first where none is asked. refusal: its way to say what is wrong.
    link: where its pictures are, when `response_format` does not say that they shall be in the
    reply.
    """

    base: str
    path: str
    fields: frozenset[str]
    key: tuple[str, str] = ("Authorization", "Bearer sk-1")
    query: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, Any] = field(default_factory=dict)
    formats: tuple[ImageFormat, ...] = ("png", "jpeg", "webp")
    streams: bool = False
    link: str | None = None
    refusal: str = '{"error": {"message": "%s", "type": "invalid_request_error", "code": null}}'


DETAIL = '{"detail": "%s"}'
DEPLOYMENT = "/openai/deployments/theirs-1/images/generations"
MANNERS: dict[str, Manner] = {
    "openai": Manner("/v1", "/v1/images/generations", OPENAI_FIELDS, streams=True),
    "azure": Manner(
        "",
        DEPLOYMENT,
        OPENAI_FIELDS - {"model"},
        key=("api-key", "sk-1"),
        query={"api-version": "2025-04-01-preview"},
        formats=("png", "jpeg"),
        streams=True,
    ),
    "azure-v1": Manner(
        "/openai/v1",
        "/openai/v1/images/generations",
        OPENAI_FIELDS,
        key=("api-key", "sk-1"),
        query={"api-version": "preview"},
        formats=("png", "jpeg"),
        streams=True,
    ),
    "vllm-omni": Manner(
        "/v1",
        "/v1/images/generations",
        frozenset({"prompt", "model", "n", "size", "response_format", "user", "negative_prompt"})
        | {"num_inference_steps", "guidance_scale", "true_cfg_scale", "seed"},
        formats=("png",),
        refusal=DETAIL,
    ),
    "sglang": Manner(
        "/v1",
        "/v1/images/generations",
        frozenset({"prompt", "model", "n", "size", "background", "response_format", "user"})
        | {"output_format", "output_compression", "seed", "num_inference_steps"}
        | {"guidance_scale", "negative_prompt", "true_cfg_scale"},
        link="/v1/images/7/content",
        refusal=DETAIL,
    ),
    "localai": Manner(
        "/v1",
        "/v1/images/generations",
        frozenset({"prompt", "model", "n", "size", "step", "seed", "mode", "response_format"}),
        formats=("png",),
        link="{host}/generated-images/7.png",
        refusal='{"error": {"code": 400, "message": "%s", "type": ""}}',
    ),
    "sd-cpp": Manner(
        "/v1",
        "/v1/images/generations",
        frozenset({"prompt", "n", "size", "output_format", "output_compression"}),
        refusal='{"error": "%s"}',
    ),
    "other": Manner("/v1", "/v1/images/generations", OPENAI_FIELDS, streams=True),
}


class ScriptedService:
    """`async with` serves. url: its base address. requests: the bodies, as they were understood.

    link: where it says that pictures are; `{host}` in it is this server's address.
    """

    def __init__(self, manner: Manner, *, link: str | None = None) -> None:
        self.manner = manner
        self.requests: list[dict[str, Any]] = []
        self.settings: list[dict[str, Any]] = []
        self.fetched: list[str] = []
        self.url = self.host = ""
        self._link = link
        app = web.Application()
        app.router.add_post("/{path:.*}", self._paint)
        app.router.add_get("/{path:.*}", self._show)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.host = f"http://{host}:{port}"
        self.url = self.host + self.manner.base
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()

    async def _paint(self, request: web.Request) -> web.StreamResponse:
        manner = self.manner
        body = await request.json()
        self.requests.append(body)
        header, key = manner.key
        if request.path != manner.path or dict(request.query) != dict(manner.query):
            return web.Response(status=404, text=f"there is no {request.path_qs}")
        if request.headers.get(header) != key:
            return web.json_response({"error": {"message": "bad key"}}, status=401)
        if unknown := sorted(body.keys() - manner.fields):
            return web.Response(status=400, text=manner.refusal % f"unknown: {unknown}")
        format = body.get("output_format", manner.formats[0])
        if format not in manner.formats:
            return web.Response(status=400, text=manner.refusal % f"no {format}")
        if found := EXTRA_ARGS.search(body["prompt"]):
            self.settings.append(orjson.loads(found[1]))
        if body.get("stream"):
            return self._stream(format, body["partial_images"])
        data = [self._entry(body, format) for _ in range(body["n"])]
        return web.json_response({"created": 1, "data": data, "quality": "high"})

    def _entry(self, body: dict[str, Any], format: ImageFormat) -> dict[str, Any]:
        link = self._link or self.manner.link
        if link and body.get("response_format") != "b64_json":
            return {"url": link.replace("{host}", self.host)}
        return {"b64_json": to_base64(picture(format=format)), "url": None}

    def _stream(self, format: ImageFormat, partials: int) -> web.Response:
        look: dict[str, Any] = {
            "b64_json": to_base64(picture(format=format)),
            "size": "8x8",
            "quality": "high",
            "background": "opaque",
            "output_format": format,
        }
        frames: list[dict[str, Any]] = [
            {"partial_image_index": index, **look} for index in range(partials)
        ]
        kinds = [*(("partial_image", each) for each in frames), ("completed", look)]
        events = [
            sse.encode(name, orjson.dumps({"type": name, **value}))
            for name, value in ((f"image_generation.{kind}", value) for kind, value in kinds)
        ]
        return web.Response(body=b"".join(events), content_type="text/event-stream")

    async def _show(self, request: web.Request) -> web.Response:
        self.fetched.append(request.path)
        if request.path.endswith("gone.png"):
            return web.Response(status=503, text="gone")
        return web.Response(body=picture().content, content_type="image/png")
