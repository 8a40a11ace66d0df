"""What a client asks of `POST /v1/responses`, checked and normalised by the wire floor."""

from __future__ import annotations

from dataclasses import dataclass, field

from limner.core.image import Fidelity, ImageData, ImageFormat, Priority, Size
from limner.core.items import Item
from limner.core.lora import Lora
from limner.core.turn import FunctionTool, HostedChoice, JsonObject, Sampling


@dataclass(frozen=True, slots=True)
class ImageTool:
    """The hosted tool's settings as asked; None where the client left the choice.

    index: how many of the client's functions stand before it. path: where the entry that counts was
    declared, for messages. action: `generate`, `edit` or `auto`. mask: for edits; seed, loras: of
    every picture; see `ImageRequest`. declared: that entry as it came, without what is our own, for
    an upstream that has the tool itself.
    """

    index: int
    model: str | None = None
    size: Size | None = None
    quality: str | None = None
    background: str | None = None
    output_format: ImageFormat | None = None
    output_compression: int | None = None
    moderation: str | None = None
    partial_images: int = 0
    action: str = "auto"
    input_fidelity: Fidelity | None = None
    mask: ImageData | None = None
    seed: int | None = None
    loras: tuple[Lora, ...] = ()
    path: str = "tools[0]"
    declared: JsonObject | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class HostedTool:
    """A tool of the model's own server, or a selector of one. value: as it came.

    path: where it stands in the request, such as `tools[0]`.
    """

    path: str
    value: JsonObject


@dataclass(frozen=True, slots=True)
class FunctionChoice:
    """The client forces one of its own functions."""

    name: str


@dataclass(frozen=True, slots=True)
class ImageToolChoice:
    """The client forces the hosted image tool."""


@dataclass(frozen=True, slots=True)
class AllowedTools:
    """A hard limit on what the model may call. required: it must call one of them."""

    functions: frozenset[str]
    image_tool: bool
    required: bool
    hosted: tuple[HostedTool, ...] = ()


ClientChoice = str | FunctionChoice | ImageToolChoice | HostedChoice | AllowedTools
"""A string is one of `none`, `auto`, `required`."""


@dataclass(frozen=True, slots=True)
class Echo:
    """What the Response object repeats of the request, verbatim, as the client sent it."""

    tools: tuple[JsonObject, ...] = ()
    tool_choice: object = "auto"
    instructions: object = None
    metadata: JsonObject = field(default_factory=dict)
    text: JsonObject | None = None
    reasoning: JsonObject | None = None
    temperature: float | None = None
    top_p: float | None = None
    truncation: str = "disabled"
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    parallel_tool_calls: bool = True
    top_logprobs: int = 0
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    user: str | None = None
    service_tier: str = "default"
    background: bool = False
    store: bool = True
    previous_response_id: str | None = None
    conversation: str | None = None


@dataclass(frozen=True, slots=True)
class ResponseRequest:
    """A checked request.

    functions: the client's own. image_tool: None when the client does not offer the hosted tool.
    hosted_tools, include: for an upstream that takes them; see `fitting`.
    adjustments: what of the request is not done as asked, one sentence each, for the client.
    items: the whole context: what was said before, where the request names it, and the new input.
    past: how many of the items were said before this request.
    taken_names: those that our function must not have, beside the names of functions and calls.
    store, background, previous_response_id, conversation: stand in `echo`.
    client: who asks, for fair shares of a queue. priority: of its pictures.
    """

    model: str
    items: tuple[Item, ...]
    stream: bool
    instructions: str | None = None
    functions: tuple[FunctionTool, ...] = ()
    image_tool: ImageTool | None = None
    tool_choice: ClientChoice = "auto"
    parallel_tool_calls: bool = True
    max_tool_calls: int | None = None
    sampling: Sampling = field(default_factory=Sampling)
    user: str | None = None
    echo: Echo = field(default_factory=Echo)
    adjustments: tuple[str, ...] = ()
    hosted_tools: tuple[HostedTool, ...] = ()
    include: tuple[str, ...] = ()
    client: str = ""
    priority: Priority = "interactive"
    past: int = 0
    taken_names: frozenset[str] = frozenset()
