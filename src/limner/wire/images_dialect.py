"""How the Images APIs of servers differ from OpenAI's, as data: no code asks for a server's name.

Nothing asked is dropped in silence: what would change the picture and cannot be had is refused by
name; what a server has no notion of is named in `adjustments`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from limner.core.image import ImageCapabilities, ImageData, ImageFailed, ImageRequest
from limner.wire import json
from limner.wire.images_plain import adjustments, own_model, refusal, unsupported
from limner.wire.loras import loras_json

Json = dict[str, Any]

OPENAI_OPTIONS = (
    "model",
    "n",
    "size",
    "quality",
    "background",
    "output_format",
    "output_compression",
    "moderation",
)
OUR_OPTIONS = ("seed", "steps", "guidance_scale", "loras")
ONLY_EDITS = ("input_fidelity", "strength")
OPTIONS = (*OPENAI_OPTIONS, *OUR_OPTIONS)
EDIT_OPTIONS = tuple(name for name in (*OPTIONS, *ONLY_EDITS) if name != "moderation")
"""OpenAI's reference has no `moderation` in the form of an edit."""

GENERATIONS_PATH, EDITS_PATH = "/images/generations", "/images/edits"
MODEL_PLACE = "{model}"

_MODEL_IN_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an operation is, below a server's base address.

    path: begins with a slash; `{model}` in it stands for the model's name. query: is sent with it.
    """

    method: str = "POST"
    path: str = GENERATIONS_PATH
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a server takes.

    options: by our name, its own; dots lead into objects. edit_options: the same for edits, which
    go as a form, without objects. always: fields of every request.
    has_own_models: it has none of OpenAI's, which clients name all the same.
    tells: what it is told of who asks, `user` or `service_tier`, since it orders its work by it.
    prompt_tag: an element within the prompt whose JSON has the options that no field has;
        tag_options: those, by our name. prompt_replaces: what would part the prompt, and what is
        written instead.
    """

    options: Mapping[str, str] = field(default_factory=lambda: {name: name for name in OPTIONS})
    edit_options: Mapping[str, str] = field(
        default_factory=lambda: {name: name for name in EDIT_OPTIONS}
    )
    always: Mapping[str, Any] = field(default_factory=dict)
    has_own_models: bool = False
    tells: frozenset[str] = frozenset()
    prompt_tag: str | None = None
    tag_options: Mapping[str, str] = field(default_factory=dict)
    prompt_replaces: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What is known of one server. model: what to paint with where a request names none."""

    capabilities: ImageCapabilities
    dialect: Dialect = field(default_factory=Dialect)
    endpoint: Endpoint = field(default_factory=Endpoint)
    model: str | None = None
    edit: Endpoint = field(default_factory=lambda: Endpoint(path=EDITS_PATH))

    def endpoint_for(self, request: ImageRequest) -> Endpoint:
        return self.edit if request.is_edit else self.endpoint

    def options_for(self, request: ImageRequest) -> Mapping[str, str]:
        return self.dialect.edit_options if request.is_edit else self.dialect.options


@dataclass(frozen=True, slots=True)
class ImagesOrder:
    """A request as one server is asked. path: of the endpoint, the model in its place.

    said: the adjustments that are known before anything is painted. files: those of a form, by the
    names of their parts, with file names; the body's fields are then parts as well.
    """

    body: Json
    path: str
    said: tuple[str, ...] = ()
    files: tuple[tuple[str, str, ImageData], ...] = ()

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The body's fields as text, for a form."""
        return [
            (name, value if isinstance(value, str) else json.dump(value).decode())
            for name, value in self.body.items()
        ]


def render_images_request(request: ImageRequest, server: ServerFacts) -> ImagesOrder | ImageFailed:
    """What to ask the server, or why it cannot be asked."""
    can, dialect = server.capabilities, server.dialect
    sends = _sends(request, server)
    if refused := refusal(request, can, sends) or _refused_tag(request, server):
        return refused
    model = _model(request, server)
    path = _path(server.endpoint_for(request).path, can.name, model)
    if isinstance(path, ImageFailed):
        return path
    values = {**_values(request), "model": model}
    values = {name: value for name, value in values.items() if name in sends and value is not None}
    body: Json = {"prompt": _prompt(request.prompt, dialect, values), **dialect.always}
    for name, own in server.options_for(request).items():
        if name in values:
            _put(body, own, values[name])
    told = {"user": request.client, "service_tier": _tier(request)}
    body |= {name: value for name, value in told.items() if name in dialect.tells and value}
    if is_streamed(request, can):
        body |= {"stream": True, "partial_images": request.partial_images}
        body |= {"progress": True} if can.progress else {}
    return ImagesOrder(body, path, tuple(_said(request, server, sends, model)), _files(request))


def is_streamed(request: ImageRequest, capabilities: ImageCapabilities) -> bool:
    """Whether a stream tells more than one JSON object would."""
    return capabilities.progress or (capabilities.partial_images and request.partial_images > 0)


def _sends(request: ImageRequest, server: ServerFacts) -> set[str]:
    """The options that this request may be sent with."""
    can = server.capabilities
    sends = {*server.options_for(request), *server.dialect.tag_options}
    sends -= {name for name in ONLY_EDITS if not getattr(can, name)}
    if not can.seed:
        sends -= set(OUR_OPTIONS)
    if can.formats is not None and request.output_format not in (None, *can.formats):
        sends -= {"output_format", "output_compression"}
    return sends


def _model(request: ImageRequest, server: ServerFacts) -> str | None:
    name = server.capabilities.name
    if not server.dialect.has_own_models:
        return server.model if request.model in (None, name) else request.model
    model = own_model(request.model, server.model, name)
    is_needed = MODEL_PLACE in server.endpoint_for(request).path
    return request.model if model is None and is_needed else model


def _values(request: ImageRequest) -> Json:
    named: Json = {name: getattr(request, name) for name in (*OPTIONS, *ONLY_EDITS)}
    return {
        **named,
        "size": str(request.size) if request.size else None,
        "loras": loras_json(request.loras) or None,
    }


def _tier(request: ImageRequest) -> str | None:
    return "flex" if request.priority == "background" else None


def _path(path: str, name: str, model: str | None) -> str | ImageFailed:
    if MODEL_PLACE not in path:
        return path
    if model and _MODEL_IN_PATH.fullmatch(model):
        return path.replace(MODEL_PLACE, model)
    return unsupported(
        "model",
        f"model must be a name that the image back end {name!r} has, in letters, digits, '.', '-' "
        f"and '_', got {model!r}",
    )


def _files(request: ImageRequest) -> tuple[tuple[str, str, ImageData], ...]:
    images = tuple(
        ("image[]", f"image_{number}.{image.format}", image)
        for number, image in enumerate(request.images)
    )
    mask = request.mask
    return (*images, ("mask", f"mask.{mask.format}", mask)) if mask else images


def _refused_tag(request: ImageRequest, server: ServerFacts) -> ImageFailed | None:
    """Whoever writes the prompt must not reach the settings that the server reads out of it."""
    tag = server.dialect.prompt_tag
    if tag is None or f"<{tag}>" not in request.prompt:
        return None
    return unsupported(
        "prompt",
        f"prompt must not have the element <{tag}>, which the image back end "
        f"{server.capabilities.name!r} takes for settings",
    )


def _prompt(prompt: str, dialect: Dialect, values: Json) -> str:
    for mark, instead in dialect.prompt_replaces.items():
        prompt = prompt.replace(mark, instead)
    settings: Json = {}
    for name, own in dialect.tag_options.items():
        if name in values:
            _put(settings, own, values[name])
    tag = dialect.prompt_tag
    return f"{prompt} <{tag}>{json.dump(settings).decode()}</{tag}>" if settings else prompt


def _put(body: Json, name: str, value: Any) -> None:
    *outer, last = name.split(".")
    for part in outer:
        body = body.setdefault(part, {})
    body[last] = value


def _said(
    request: ImageRequest, server: ServerFacts, sends: set[str], model: str | None
) -> Iterator[str]:
    can, dialect = server.capabilities, server.dialect
    is_obeyed = model == request.model or not dialect.has_own_models
    takes = sends | {"model"} if is_obeyed else sends - {"model"}
    yield from adjustments(request, can.name, takes)
    if request.partial_images and not can.partial_images:
        yield f"partial_images: the image back end {can.name!r} shows nothing before it is done"
    for mark, instead in dialect.prompt_replaces.items():
        if mark in request.prompt:
            yield (
                f"prompt: {mark!r} is written {instead!r}, since the image back end {can.name!r} "
                "parts prompts there"
            )
