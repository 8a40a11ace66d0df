"""What ComfyUI answers over HTTP: the queue, the history, its pictures and its errors.

Source: ComfyUI documentation, "Routes".
"""

from __future__ import annotations

from dataclasses import dataclass

from limner.core.image import ImageFailed
from limner.wire import json
from limner.wire.images_error import MAX_MESSAGE_CHARS, failure_of
from limner.wire.images_picture import broken
from limner.wire.images_plain import read_object


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A picture that ComfyUI keeps; the fields are the query of `GET /view`."""

    filename: str
    subfolder: str
    type: str


def read_queued(body: bytes) -> str | ImageFailed:
    """The id of a prompt that was queued."""
    value = read_object(body)
    id = value.get("prompt_id")
    return id if isinstance(id, str) else broken("queued the prompt without saying its prompt_id")


def read_checkpoints(body: bytes) -> str | ImageFailed:
    """The first of the server's checkpoints, from `GET /models/checkpoints`."""
    try:
        names = json.load(body)
    except ValueError:
        names = None
    if isinstance(names, list) and names and isinstance(names[0], str):
        return names[0]
    return ImageFailed(
        "The ComfyUI server has no checkpoint: put one into its folder models/checkpoints",
        code="model_not_found",
        status=502,
    )


def read_is_running(body: bytes, prompt_id: str) -> bool:
    """Whether `GET /queue` says that this prompt is what the server works on."""
    running = read_object(body).get("queue_running")
    entries = running if isinstance(running, list) else []
    return any(isinstance(entry, list) and prompt_id in entry[1:2] for entry in entries)


def read_history(body: bytes, prompt_id: str) -> OutputFile | ImageFailed:
    """Where the picture is, from `GET /history/{prompt_id}`; saved ones go before temporary."""
    entry = read_object(body).get(prompt_id)
    if not isinstance(entry, dict):
        return broken("does not tell what became of the prompt")
    status, outputs = entry.get("status"), entry.get("outputs")
    if isinstance(status, dict) and status.get("status_str") == "error":
        return ImageFailed("ComfyUI failed to run the workflow; its log says why", status=502)
    nodes = outputs.values() if isinstance(outputs, dict) else ()
    files = [file for node in nodes for file in _files(node)]
    if not files:
        return broken("ran the workflow, which gave no picture; it needs a SaveImage node")
    return next((file for file in files if file.type == "output"), files[0])


def _files(node: object) -> list[OutputFile]:
    """The pictures among what a node gave."""
    images = node.get("images") if isinstance(node, dict) else None
    found = []
    for image in images if isinstance(images, list) else ():
        if isinstance(image, dict):
            match image.get("filename"), image.get("subfolder", ""), image.get("type", "output"):
                case (str(filename), str(subfolder), str(kind)):
                    found.append(OutputFile(filename, subfolder, kind))
    return found


def read_comfyui_failure(
    body: bytes,
    status: int,
    *,
    retry_after_s: float | None = None,
    should_retry: bool | None = None,
) -> ImageFailed:
    """Read what ComfyUI answered instead of 200; arguments as in `read_image_failure`.

    400 is about the workflow and what was filled in: `{"error", "node_errors"}`.
    """
    value = read_object(body)
    faults = _faults(value.get("node_errors"))
    if status != 400 or not faults:
        return failure_of(
            value or body.decode(errors="replace"),
            502 if status == 400 else status,
            retry_after_s=retry_after_s,
            should_retry=should_retry,
        )
    return ImageFailed(
        f"ComfyUI refused the workflow: {'; '.join(faults)}"[:MAX_MESSAGE_CHARS],
        code="invalid_workflow",
        status=502,
    )


def _faults(nodes: object) -> list[str]:
    """One text for each `{"message", "details"}` of each node."""
    return [
        ": ".join(str(fault[key]) for key in ("message", "details") if fault.get(key))
        for node in (nodes.values() if isinstance(nodes, dict) else ())
        if isinstance(node, dict) and isinstance(node.get("errors"), list)
        for fault in node["errors"]
        if isinstance(fault, dict)
    ]
