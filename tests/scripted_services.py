"""Doubles of servers with an Images API, each strict about what the real one takes.

They are written from the servers' own documents, not from our presets: a field that the real one
does not know is refused in its own words, and pictures come as it sends them. Edits come as forms,
whose parts are looked at one by one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import BodyPartReader, web

from limner.core.image import ImageFormat
from limner.wire import sse
from limner.wire.pictures import sniff, to_base64
from tests.loopback import OnLoopback
from tests.pictures import picture

OPENAI_FIELDS = frozenset(
    {"prompt", "model", "n", "size", "quality", "background", "output_format"}
    | {"output_compression", "moderation", "stream", "partial_images"}
)
OPENAI_EDIT_FIELDS = OPENAI_FIELDS - {"moderation"} | {"input_fidelity"}
EXTRA_ARGS = re.compile(r" *<sd_cpp_extra_args>(.*?)</sd_cpp_extra_args>")


@dataclass(frozen=True)
class Manner:
    """How one server wants to be asked, and answers.

    needs: fields without which it does something else than we want. formats: those it can write;
    it writes the first where none is asked. refusal: its way to say what is wrong.
    link: where its pictures are, when `response_format` does not say that they shall be in the
    reply. edit_path, edit_fields: the same for edits; without fields it has none. masks: whether it
    understands a mask by its alpha.
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
    edit_path: str = "/v1/images/edits"
    edit_fields: frozenset[str] = frozenset()
    masks: bool = False


DETAIL = '{"detail": "%s"}'
DEPLOYMENT = "/openai/deployments/theirs-1/images/generations"
DEPLOYED_EDITS = "/openai/deployments/theirs-1/images/edits"
MANNERS: dict[str, Manner] = {
    "openai": Manner(
        "/v1",
        "/v1/images/generations",
        OPENAI_FIELDS,
        streams=True,
        edit_fields=OPENAI_EDIT_FIELDS,
        masks=True,
    ),
    "azure": Manner(
        "",
        DEPLOYMENT,
        OPENAI_FIELDS - {"model"},
        key=("api-key", "sk-1"),
        query={"api-version": "2025-04-01-preview"},
        formats=("png", "jpeg"),
        streams=True,
        edit_path=DEPLOYED_EDITS,
        edit_fields=OPENAI_EDIT_FIELDS - {"model"},
        masks=True,
    ),
    "azure-v1": Manner(
        "/openai/v1",
        "/openai/v1/images/generations",
        OPENAI_FIELDS,
        key=("api-key", "sk-1"),
        query={"api-version": "preview"},
        formats=("png", "jpeg"),
        streams=True,
        edit_path="/openai/v1/images/edits",
        edit_fields=OPENAI_EDIT_FIELDS,
        masks=True,
    ),
    "vllm-omni": Manner(
        "/v1",
        "/v1/images/generations",
        frozenset({"prompt", "model", "n", "size", "response_format", "user", "negative_prompt"})
        | {"num_inference_steps", "guidance_scale", "true_cfg_scale", "seed"},
        formats=("png",),
        refusal=DETAIL,
        edit_fields=frozenset({"prompt", "model", "n", "size", "response_format", "user", "url"})
        | {"output_format", "output_compression", "background", "negative_prompt", "seed"}
        | {"num_inference_steps", "guidance_scale", "true_cfg_scale"},
    ),
    "sglang": Manner(
        "/v1",
        "/v1/images/generations",
        frozenset({"prompt", "model", "n", "size", "background", "response_format", "user"})
        | {"output_format", "output_compression", "seed", "num_inference_steps"}
        | {"guidance_scale", "negative_prompt", "true_cfg_scale"},
        link="/v1/images/7/content",
        refusal=DETAIL,
        edit_fields=frozenset({"prompt", "model", "n", "size", "background", "response_format"})
        | {"output_format", "output_compression", "seed", "num_inference_steps", "user"}
        | {"guidance_scale", "negative_prompt", "true_cfg_scale", "url"},
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
        edit_fields=frozenset({"prompt", "n", "size", "output_format", "output_compression"}),
    ),
    "other": Manner(
        "/v1",
        "/v1/images/generations",
        OPENAI_FIELDS,
        streams=True,
        edit_fields=OPENAI_EDIT_FIELDS,
        masks=True,
    ),
}


class ScriptedService(OnLoopback):
    """`async with` serves. url: its base address. requests: the bodies, as they were understood.

    edited, masks: the pictures of the forms, in their order.
    link: where it says that pictures are; `{host}` in it is this server's address. busy: how many
    requests are refused with 429 first.
    """

    def __init__(self, manner: Manner, *, link: str | None = None, busy: int = 0) -> None:
        self.manner = manner
        self.requests: list[dict[str, Any]] = []
        self.settings: list[dict[str, Any]] = []
        self.edited: list[bytes] = []
        self.masks: list[bytes] = []
        self.fetched: list[str] = []
        self._link = link
        self._busy = busy
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/{path:.*}", self._paint)
        app.router.add_get("/{path:.*}", self._show)
        super().__init__(app, self.manner.base, handler_cancellation=False)

    async def _paint(self, request: web.Request) -> web.StreamResponse:
        manner = self.manner
        is_edit = request.content_type == "multipart/form-data"
        body = await self._form(request) if is_edit else await request.json()
        self.requests.append(body)
        header, key = manner.key
        path = manner.edit_path if is_edit else manner.path
        fields = manner.edit_fields if is_edit else manner.fields
        if request.path != path or dict(request.query) != dict(manner.query):
            return web.Response(status=404, text=f"there is no {request.path_qs}")
        if request.headers.get(header) != key:
            return web.json_response({"error": {"message": "bad key"}}, status=401)
        if self._busy:
            self._busy -= 1
            return web.Response(status=429, headers={"Retry-After": "0"})
        if is_edit and not (fields and self.edited):
            return web.Response(status=400, text=manner.refusal % "no image")
        if unknown := sorted(body.keys() - fields):
            return web.Response(status=400, text=manner.refusal % f"unknown: {unknown}")
        format = body.get("output_format", manner.formats[0])
        if format not in manner.formats:
            return web.Response(status=400, text=manner.refusal % f"no {format}")
        if found := EXTRA_ARGS.search(body["prompt"]):
            self.settings.append(orjson.loads(found[1]))
        if body.get("stream"):
            kind = "image_edit" if is_edit else "image_generation"
            return self._stream(kind, format, body["partial_images"])
        data = [self._entry(body, format) for _ in range(body["n"])]
        return web.json_response({"created": 1, "data": data, "quality": "high"})

    async def _form(self, request: web.Request) -> dict[str, Any]:
        """A form's fields, with numbers where the real server reads some; its files are noted."""
        body: dict[str, Any] = {}
        before = len(self.edited)
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            content = bytes(await part.read())
            if part.filename is None:
                text = content.decode()
                body[part.name or ""] = int(text) if text.isdecimal() else text
                continue
            assert self.manner.masks or part.name != "mask", "this server reads masks otherwise"
            kind = sniff(content)
            assert part.headers["Content-Type"] == f"image/{kind}"
            stem = "mask" if part.name == "mask" else f"image_{len(self.edited) - before}"
            assert (part.name, part.filename) == (
                "mask" if part.name == "mask" else "image[]",
                f"{stem}.{kind}",
            )
            (self.masks if part.name == "mask" else self.edited).append(content)
        return body

    def _entry(self, body: dict[str, Any], format: ImageFormat) -> dict[str, Any]:
        link = self._link or self.manner.link
        if link and body.get("response_format") != "b64_json":
            return {"url": link.replace("{host}", self.host)}
        return {"b64_json": to_base64(picture(format=format)), "url": None}

    def _stream(self, kind: str, format: ImageFormat, partials: int) -> web.Response:
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
            for name, value in ((f"{kind}.{each}", value) for each, value in kinds)
        ]
        return web.Response(body=b"".join(events), content_type="text/event-stream")

    async def _show(self, request: web.Request) -> web.Response:
        self.fetched.append(request.path)
        if request.path.endswith("gone.png"):
            return web.Response(status=503, text="gone")
        return web.Response(body=picture().content, content_type="image/png")
