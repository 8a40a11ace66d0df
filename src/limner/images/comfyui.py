"""ComfyUI as an image back end: a workflow is queued, and a socket tells how it goes.

ComfyUI's queue is shared with the people who use its pages: a picture that nobody waits for any
more is taken out of the queue, or interrupted, but only while it is ours that runs.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict, replace
from functools import cache
from importlib.resources import files
from uuid import uuid4

import aiohttp

from limner.core.errors import ImageError
from limner.core.image import (
    ImageCapabilities,
    ImageCompleted,
    ImageEvent,
    ImageRequest,
)
from limner.images.connection import HttpLimits, as_failed, form_of, too_slow, unreachable
from limner.images.plain import QUICK, PlainServer, checked, one_by_one
from limner.wire.comfyui import (
    NAME,
    PromptReader,
    capabilities,
    needs_model,
    order_picture,
    refused_model,
    render_prompt,
)
from limner.wire.comfyui_answers import (
    read_checkpoints,
    read_comfyui_failure,
    read_history,
    read_is_running,
    read_queued,
)
from limner.wire.comfyui_uploads import (
    UPLOAD_FIELDS,
    read_uploaded,
    upload_name,
    uploads_for,
)
from limner.wire.comfyui_workflow import Workflow, read_workflow
from limner.wire.images import as_error
from limner.wire.images_picture import broken, picture_of
from limner.wire.images_plain import Painting, own_model, refusal

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 32 * 1024 * 1024
CANCEL_S = 10
HANDSHAKE_S = 30
HEARTBEAT_S = 60
CLOSE_S = 2

_DATA = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)


@cache
def default_workflow() -> Workflow:
    """Text to picture with one checkpoint, which leaves no file in ComfyUI's output folder."""
    return read_workflow((files("limner.images") / "workflows/checkpoint.json").read_bytes())


@cache
def default_edit_workflow() -> Workflow:
    """Picture to picture with one checkpoint, by strength and by mask."""
    text = (files("limner.images") / "workflows/edit.json").read_bytes()
    return read_workflow(text, edits=True)


def comfyui_server(
    base_url: str, *, key: str | None = None, limits: HttpLimits | None = None
) -> PlainServer:
    """The connections to a ComfyUI server; raises ConfigError for an address that cannot be one."""
    return PlainServer(base_url, key=key, limits=limits or QUICK, read_failure=read_comfyui_failure)


class ComfyUi:
    """The port `ImageBackend` over a ComfyUI server.

    server: open, and closed by its owner. workflow: the shipped one unless given. edit_workflow:
        for edits; unset, the shipped one unless there is a workflow of the operator's own, which
        alone knows the server's models.
    model: fills `{{model}}` where the client names none; unset, the template's default does, or
        else the first checkpoint that the server lists.
    silence_s: how long the socket may be silent while a prompt waits or runs.
    """

    def __init__(
        self,
        server: PlainServer,
        *,
        workflow: Workflow | None = None,
        edit_workflow: Workflow | None = None,
        model: str | None = None,
        silence_s: float = 900,
        fresh_seed: Callable[[], int] = lambda: secrets.randbits(32),
    ) -> None:
        self._server = server
        self._workflow = workflow or default_workflow()
        self._edit_workflow = edit_workflow or (None if workflow else default_edit_workflow())
        self._model = model
        self._silence_s = silence_s
        self._fresh_seed = fresh_seed

    @property
    def capabilities(self) -> ImageCapabilities:
        return capabilities(self._workflow, self._edit_workflow)

    def _workflow_for(self, request: ImageRequest) -> Workflow:
        edit = self._edit_workflow if request.is_edit else None
        return edit or self._workflow

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Yield progress, previews and `request.n` pictures, one prompt for each.

        Ends with the last `ImageCompleted`, or with `ImageFailed`. Closing the iterator takes the
        prompt out of the queue, or interrupts it.
        """
        workflow = self._workflow_for(request)
        refused = refusal(request, self.capabilities, workflow.names) or refused_model(
            workflow, request
        )
        if refused:
            yield refused
            return
        if request.seed is None and "seed" in workflow.names:
            request = replace(request, seed=self._fresh_seed())
        async with aclosing(one_by_one(request, self._paint)) as events:
            async for event in events:
                yield event

    async def _paint(self, request: ImageRequest, picture: int) -> AsyncGenerator[ImageEvent, None]:
        client_id = uuid4().hex
        try:
            model = await self._chosen_model(request)
            painting = order_picture(self._workflow_for(request), request, picture, model)
            uploads = await self._uploads(request)
            # The socket is open before the prompt is queued, so that no message is missed.
            async with (
                self._socket(client_id) as socket,
                self._prompt(painting, client_id, uploads) as prompt,
            ):
                while not prompt.is_over:
                    for event in prompt.read(await self._message(socket)):
                        yield event
            if not prompt.has_failed:
                yield await self._completed(prompt.id, painting)
        except ImageError as error:
            yield as_failed(error)

    async def _chosen_model(self, request: ImageRequest) -> str | None:
        model = own_model(request.model, self._model, NAME)
        if not needs_model(self._workflow_for(request), model):
            return model
        return checked(read_checkpoints(await self._server.fetch("GET", "models/checkpoints")))

    async def _uploads(self, request: ImageRequest) -> dict[str, str]:
        """Hand over the pictures of an edit; returns what the server calls them."""
        names = {}
        for place, image in uploads_for(self._workflow_for(request), request).items():
            form = form_of(UPLOAD_FIELDS, [("image", upload_name(image), image)])
            answer = await self._server.fetch("POST", "upload/image", form)
            names[place] = checked(read_uploaded(answer))
        return names

    @asynccontextmanager
    async def _socket(self, client_id: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        url = self._server.url("ws", {"clientId": client_id})
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                socket = await self._server.session.ws_connect(
                    url,
                    heartbeat=HEARTBEAT_S,
                    max_msg_size=MAX_MESSAGE_BYTES,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
                )
        except TimeoutError:
            raise too_slow(HANDSHAKE_S) from None
        except aiohttp.WSServerHandshakeError as error:
            raise as_error(read_comfyui_failure(b"", error.status)) from error
        except aiohttp.ClientError as error:
            raise unreachable(str(self._server.url("")), error) from error
        try:
            yield socket
        finally:
            await socket.close()

    @asynccontextmanager
    async def _prompt(
        self, painting: Painting, client_id: str, uploads: Mapping[str, str]
    ) -> AsyncIterator[PromptReader]:
        """Queue a prompt; one that is not over at the end is cancelled."""
        workflow = self._workflow_for(painting.request)
        prompt = PromptReader(str(uuid4()), painting)
        try:
            body = render_prompt(
                workflow, painting, prompt_id=prompt.id, client_id=client_id, uploads=uploads
            )
            prompt.id = checked(read_queued(await self._server.fetch("POST", "prompt", body)))
            yield prompt
        finally:
            if not prompt.is_over:
                await self._cancel(prompt.id)

    async def _message(self, socket: aiohttp.ClientWebSocketResponse) -> str | bytes:
        try:
            async with asyncio.timeout(self._silence_s):
                message = await socket.receive()
        except TimeoutError:
            raise too_slow(self._silence_s) from None
        match message.data:
            case (str() | bytes()) as data if message.type in _DATA:
                return data
            case _:
                raise as_error(broken("closed its WebSocket while it painted"))

    async def _completed(self, prompt_id: str, painting: Painting) -> ImageCompleted:
        history = await self._server.fetch("GET", f"history/{prompt_id}")
        file = checked(read_history(history, prompt_id))
        content = await self._server.fetch("GET", "view", query=asdict(file))
        image = checked(picture_of(content))
        return ImageCompleted(image, painting.resolved(image), picture=painting.picture)

    async def _cancel(self, prompt_id: str) -> None:
        """Interrupt a prompt only while it is the one that runs: others have theirs in the queue.

        Older servers interrupt whatever runs, so it is looked at first.
        """
        server = self._server
        try:
            async with asyncio.timeout(CANCEL_S):
                await server.fetch("POST", "queue", {"delete": [prompt_id]})
                if read_is_running(await server.fetch("GET", "queue"), prompt_id):
                    await server.fetch("POST", "interrupt", {"prompt_id": prompt_id})
        except (ImageError, TimeoutError) as error:
            logger.warning("comfyui prompt may still run", extra={"why": str(error)})
