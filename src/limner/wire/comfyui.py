"""ComfyUI's own protocol: prompts are queued over HTTP, their course is told over a WebSocket.

Sources: ComfyUI documentation, "Routes" and "Messages"; its `websockets_api_example.py`.
- A prompt is over when `executing` names no node: what it gave is in the history only then, not yet
  at `execution_success`.
- Previews are binary: a 32-bit kind, big-endian, then for kind 1 a 32-bit format and the picture,
  for kind 4 a 32-bit length, that much JSON, and the picture. Kind 4 is for clients that announce
  that they know it, which we do not; some servers send it to all.
- A socket belongs to one prompt here, so previews of kind 1, which name none, are that prompt's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from limner.core.image import (
    ImageCapabilities,
    ImageEvent,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    Size,
)
from limner.wire import json
from limner.wire.comfyui_workflow import Value, Workflow
from limner.wire.images_error import MAX_MESSAGE_CHARS
from limner.wire.images_picture import is_count, picture_of
from limner.wire.images_plain import (
    Painting,
    PreviewChoice,
    adjustments,
    own_model,
    size_of_source,
    unsupported,
)

Json = dict[str, Any]

NAME = "comfyui"
NO_UPLOADS: Mapping[str, str] = {}

_PREVIEW, _PREVIEW_WITH_METADATA = 1, 4


def capabilities(workflow: Workflow, edit: Workflow | None) -> ImageCapabilities:
    """What a server with these workflows can do; edit: None where it has none for edits."""
    names = edit.names if edit else frozenset()
    return ImageCapabilities(
        NAME,
        partial_images=True,
        progress=True,
        seed="seed" in workflow.names,
        edits=edit is not None,
        mask="mask" in names,
        max_images=1,
        strength="strength" in names,
        transparent=False,
    )


def refused_model(workflow: Workflow, request: ImageRequest) -> ImageFailed | None:
    """The workflow may leave no choice of model."""
    asked = own_model(request.model, None, NAME)
    if asked is None or "model" in workflow.names:
        return None
    return unsupported(
        "model", f"model {asked!r} cannot be chosen: the ComfyUI workflow has no {{{{model}}}}"
    )


def needs_model(workflow: Workflow, model: str | None) -> bool:
    """Whether the workflow waits for a model that nobody named."""
    return model is None and "model" in workflow.names and "model" not in workflow.defaults


def order_picture(
    workflow: Workflow, request: ImageRequest, picture: int, model: str | None
) -> Painting:
    """What is told of a picture; model: what `{{model}}` becomes, None for the template's default.

    Only what the template has a place for is told, since the rest is the workflow's own affair.
    """

    def used(name: str, asked: Value | None) -> Any:
        return (asked or workflow.defaults.get(name)) if name in workflow.names else None

    size = request.size or size_of_source(request)
    width = used("width", size.width if size else None)
    height = used("height", size.height if size else None)
    return Painting(
        request,
        picture,
        size=Size(width, height) if width and height else None,
        seed=request.seed if "seed" in workflow.names else None,
        steps=used("steps", request.steps),
        model=used("model", model),
        said=adjustments(request, NAME),
    )


def render_prompt(
    workflow: Workflow,
    painting: Painting,
    *,
    prompt_id: str,
    client_id: str,
    uploads: Mapping[str, str] = NO_UPLOADS,
) -> Json:
    """The body of `POST /prompt`. uploads: the names of `image` and `mask` there, for edits.

    prompt_id: our own choice, which older servers answer with another. preview_method: what
    the prompt wants counts for it, else the server's flag does, which is `none` unless set.
    """
    request = painting.request
    size = painting.size if request.is_edit else request.size
    values: dict[str, Value | None] = {
        "prompt": request.prompt,
        "model": painting.model,
        "seed": painting.seed,
        "width": size.width if size else None,
        "height": size.height if size else None,
        "steps": request.steps,
        "guidance_scale": request.guidance_scale,
        "strength": request.strength,
        **uploads,
    }
    return {
        "prompt": workflow.fill(values),
        "prompt_id": prompt_id,
        "client_id": client_id,
        "extra_data": {"preview_method": "auto" if request.partial_images else "none"},
    }


class PromptReader:
    """Messages of the socket in, image events out, until the prompt is over.

    id: may be set until the first message. is_over: the server works on it no more. has_failed:
    that was said; else the picture is in the history then.
    """

    def __init__(self, prompt_id: str, painting: Painting) -> None:
        self.id = prompt_id
        self._painting = painting
        self._choice = PreviewChoice(painting.request.partial_images)
        self._progress = ImageProgress(0, 0)
        self.is_over = False
        self.has_failed = False

    def read(self, message: str | bytes) -> list[ImageEvent]:
        event = self._told(message) if isinstance(message, str) else self._shown(message)
        return [event] if event else []

    def _told(self, message: str) -> ImageEvent | None:
        try:
            value = json.load(message)
        except ValueError:
            return None  # Extensions may send anything; what matters here is JSON.
        data = value.get("data") if isinstance(value, dict) else None
        if not isinstance(data, dict) or data.get("prompt_id") != self.id:
            return None
        match value.get("type"):
            case "progress" if is_count(data.get("value")) and is_count(data.get("max")):
                self._progress = ImageProgress(data["value"], data["max"])
                return self._progress
            case "executing" if data.get("node") is None:
                self.is_over = True
                return None
            case "execution_error":
                return self._failed(_failed_node(data))
            case "execution_interrupted":
                return self._failed(_interrupted())
            case _:
                return None

    def _failed(self, failure: ImageFailed) -> ImageFailed:
        self.is_over = self.has_failed = True
        return failure

    def _shown(self, message: bytes) -> ImageEvent | None:
        content = self._preview(message)
        image = picture_of(content) if content else None
        if image is None or isinstance(image, ImageFailed):
            return None  # A preview may be missing; the picture itself is still to come.
        index = self._choice.take(self._progress.step, self._progress.steps)
        return None if index is None else self._painting.preview(index, image)

    def _preview(self, message: bytes) -> bytes | None:
        """The picture of a binary message, where it has one of this prompt."""
        kind, second = (int.from_bytes(message[at : at + 4], "big") for at in (0, 4))
        if kind == _PREVIEW:
            return message[8:]
        if kind != _PREVIEW_WITH_METADATA:
            return None
        try:
            metadata = json.load(message[8 : 8 + second])
        except ValueError:
            return None
        is_ours = isinstance(metadata, dict) and metadata.get("prompt_id") == self.id
        return message[8 + second :] if is_ours else None


def _failed_node(data: Json) -> ImageFailed:
    kind = str(data.get("exception_type"))
    text = " ".join(str(data.get("exception_message")).split())
    return ImageFailed(
        f"ComfyUI failed in {data.get('node_type')}: {text}"[:MAX_MESSAGE_CHARS],
        # Memory may be free again later; what else fails in a node fails again.
        retryable="OutOfMemory" in kind,
        status=502,
    )


def _interrupted() -> ImageFailed:
    return ImageFailed(
        "The picture was interrupted at the ComfyUI server",
        code="image_interrupted",
        retryable=True,
        status=502,
    )
