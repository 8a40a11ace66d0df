"""Servers with wires of their own on loopback: ComfyUI, AUTOMATIC1111 and the job API, scripted.

Each does what a test wrote, as the real one says it, and notes what it is asked in `asked`:
`("POST", "/prompt", {...})`. `missing` names paths that this one does not have. `path` is where it
stands on its host, as behind a reverse proxy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import orjson
from aiohttp import web

from limner.wire.pictures import to_base64
from tests.loopback import OnLoopback
from tests.pictures import picture

PNG = picture()


class ScriptedPainter(OnLoopback):
    """url: its root. asked: method, path and JSON body of each request. headers: of each."""

    def __init__(self, *, missing: Iterable[str] = (), path: str = "") -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.headers: list[Any] = []
        self._missing = frozenset(missing)
        self._path = path
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._route)
        super().__init__(app, path)

    def bodies(self, path: str) -> list[Any]:
        """What was sent to a path."""
        return [body for _, asked, body in self.asked if asked == path]

    async def _route(self, request: web.Request) -> web.StreamResponse:
        is_form = request.content_type == "multipart/form-data"
        text = b"" if is_form else await request.read()
        path = request.path.removeprefix(self._path)
        self.asked.append((request.method, path, orjson.loads(text) if text else None))
        self.headers.append(request.headers.copy())
        if path in self._missing:
            return web.json_response({"detail": "Not Found"}, status=404)
        return await self.answer(request, path)

    async def answer(self, request: web.Request, path: str) -> web.StreamResponse:
        raise NotImplementedError


def told(type: str, **data: Any) -> str:
    """A message of ComfyUI's socket; the prompt's id is filled in when it is sent."""
    return orjson.dumps({"type": type, "data": {"prompt_id": "PROMPT", **data}}).decode()


def shown(content: bytes = picture(4, 4, "jpeg").content) -> bytes:
    """A preview on ComfyUI's socket."""
    return b"\0\0\0\1\0\0\0\1" + content


def steps(count: int) -> tuple[str | bytes, ...]:
    """What ComfyUI says of so many steps, with a preview of each."""
    told_and_shown = ((told("progress", value=k, max=count), shown()) for k in range(1, count + 1))
    return tuple(message for pair in told_and_shown for message in pair)


DONE = told("executing", node=None)


class ScriptedComfyUi(ScriptedPainter):
    """messages: said on the socket of a prompt once it is queued. then: `hang` or `close` after.

    running: whether a prompt stands in the queue as running, or waits. own_id: that the server
    gives, as older ones do. refusal: of prompts, with 400. content: of the finished picture.
    uploads: by the names that workflows load them by.
    """

    def __init__(
        self,
        *messages: str | bytes,
        then: str = "hang",
        running: bool = True,
        own_id: str | None = None,
        refusal: Any = None,
        content: bytes = PNG.content,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.queued = asyncio.Event()
        self.cancelled = asyncio.Event()
        self._messages = messages
        self._then = then
        self._running = running
        self._own_id = own_id
        self._refusal = refusal
        self._content = content
        self.uploads: dict[str, bytes] = {}
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._prompt_id = ""

    async def answer(self, request: web.Request, path: str) -> web.StreamResponse:
        match request.method, path:
            case "GET", "/ws":
                return await self._socket(request)
            case "POST", "/prompt":
                return await self._queue(self.asked[-1][2])
            case "POST", "/upload/image":
                return await self._upload(request)
            case "POST", "/queue":
                if not self._running:
                    self.cancelled.set()
                return web.Response()
            case "POST", "/interrupt":
                self.cancelled.set()
                return web.Response()
            case "GET", _:
                return self._told(request, path)
            case asked:
                raise AssertionError(asked)

    def _told(self, request: web.Request, path: str) -> web.StreamResponse:
        match path:
            case "/queue":
                entry = [1, self._prompt_id, {}, {}, []]
                running, waiting = ([entry], []) if self._running else ([], [entry])
                return web.json_response({"queue_running": running, "queue_pending": waiting})
            case "/models/checkpoints":
                return web.json_response(["first.safetensors", "second.safetensors"])
            case "/view":
                assert dict(request.query) == {
                    "filename": "a b.png",
                    "subfolder": "",
                    "type": "temp",
                }
                return web.Response(body=self._content, content_type="image/png")
            case _ if path == f"/history/{self._prompt_id}":
                file = {"filename": "a b.png", "subfolder": "", "type": "temp"}
                outputs = {"picture": {"images": [file]}}
                return web.json_response({self._prompt_id: {"outputs": outputs}})
            case asked:
                raise AssertionError(asked)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets[request.query["clientId"]] = socket
        await socket.send_str('{"type": "status", "data": {"status": {}}}')
        async for _ in socket:
            pass
        return socket

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        """As the real one: a form, whose file goes where its type says."""
        form = await request.post()
        file = form["image"]
        assert isinstance(file, web.FileField)
        assert (form["type"], form["overwrite"]) == ("temp", "true")
        self.uploads[f"{file.filename} [temp]"] = file.file.read()
        return web.json_response({"name": file.filename, "subfolder": "", "type": "temp"})

    async def _queue(self, body: Any) -> web.StreamResponse:
        if self._refusal is not None:
            return web.json_response(self._refusal, status=400)
        self._prompt_id = self._own_id or body["prompt_id"]
        socket = self._sockets[body["client_id"]]
        for message in self._messages:
            if isinstance(message, str):
                await socket.send_str(message.replace("PROMPT", self._prompt_id))
            else:
                await socket.send_bytes(message)
        self.queued.set()
        if self._then == "close":
            await socket.close()
        return web.json_response({"prompt_id": self._prompt_id, "number": 1, "node_errors": {}})


class ScriptedAutomatic1111(ScriptedPainter):
    """progress: steps done, as told by one poll after another; then the picture is finished.

    polls: of `/internal/progress` before that, if not as many. then: `hang` paints for ever.
    ours: whether what is painted was asked by us. failure: the answer instead of a picture, with
    500.
    """

    def __init__(
        self,
        *progress: int,
        polls: int | None = None,
        then: str = "end",
        ours: bool = True,
        failure: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.painting = 0
        self.most_at_a_time = 0
        self.started = asyncio.Event()
        self.interrupted = asyncio.Event()
        self._progress = list(progress)
        self._polled_out = asyncio.Event()
        self._then = then
        self._ours = ours
        self._failure = failure
        self._polls_left = len(progress) if polls is None else polls

    async def _route(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/internal/progress":
            self._polls_left -= 1
            if self._polls_left < 0:
                self._polled_out.set()
        return await super()._route(request)

    async def answer(self, request: web.Request, path: str) -> web.StreamResponse:
        match path:
            case "/sdapi/v1/txt2img" | "/sdapi/v1/img2img":
                return await self._paint()
            case "/internal/progress":
                return web.json_response({"active": self._ours, "queued": not self._ours})
            case "/sdapi/v1/progress":
                step = self._progress.pop(0) if self._progress else 0
                preview = to_base64(picture(step + 1, 1))
                state = {"sampling_step": step, "sampling_steps": 4}
                return web.json_response({"state": state, "current_image": preview})
            case "/sdapi/v1/interrupt":
                self.interrupted.set()
                return web.json_response({})
            case _:
                raise AssertionError(path)

    async def _paint(self) -> web.StreamResponse:
        self.painting += 1
        self.started.set()
        self.most_at_a_time = max(self.painting, self.most_at_a_time)
        try:
            await (self.interrupted if self._then == "hang" else self._polled_out).wait()
        finally:
            self.painting -= 1
        if self._failure is not None:
            return web.json_response(self._failure, status=500)
        info = orjson.dumps({"seed": 5, "sd_model_name": "sd15"}).decode()
        return web.json_response({"images": [to_base64(PNG)], "parameters": {}, "info": info})


class ScriptedJobs(ScriptedPainter):
    """statuses: what one poll after another is told, the last one for ever.

    An int is a status of HTTP. result: replaces fields of the result. busy: the queue is full.
    """

    def __init__(
        self, *statuses: Any, busy: bool = False, result: Any = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self._statuses = list(statuses)
        self._busy = busy
        self._result = {
            "success": True,
            "job_id": "j",
            "image_base64": to_base64(PNG),
            "seed": 5,
            "error": None,
            **(result or {}),
        }

    async def answer(self, request: web.Request, path: str) -> web.StreamResponse:
        match request.method, path:
            case "POST", "/generate/async" | "/modify/async":
                if self._busy:
                    full = {"detail": "Image generation queue is full. Please try again later."}
                    return web.json_response(full, status=503)
                return web.json_response({"job_id": "j", "status": "queued", "queue_position": 1})
            case "GET", "/job/j":
                status = self._statuses[0] if len(self._statuses) == 1 else self._statuses.pop(0)
                if isinstance(status, int):
                    return web.json_response({"detail": "Job not found"}, status=status)
                return web.json_response({"job_id": "j", **status})
            case ("GET", "/job/j/result") | ("POST", "/modify"):
                return web.json_response(self._result)
            case "DELETE", "/job/j":
                return web.json_response({"detail": "Method Not Allowed"}, status=405)
            case asked:
                raise AssertionError(asked)
