"""What an engine says of itself to the server that runs it, over `GET /status`; ours alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from limner.core.image import ImageCapabilities, Size
from limner.core.readiness import Readiness
from limner.wire import json
from limner.wire.jobs import Gpu

PATH = "/status"
LEAST_LIMIT_S, TIMES_SLOWEST = 120.0, 20.0


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """device: such as `cpu` or `cuda:0`, once the model is loaded. gpu: where it is one.

    can: what the loaded model is able to do, sizes included.
    running, queued: requests. steps, pictures: made since the start. passes: those of the model
    that the steps were taken in, of several pictures at a time. idle: nothing is under way.
    call_s: how long the model's call under way has taken so far, such as a step; 0 for none.
    slowest_call_s: the longest that one of the last has taken, 0 before the first.
    token_budget: tokens that one pass of the model holds at most; None until it is loaded.
    setup: how the model was made quick, in words, by what it concerns, such as `attention`.
    """

    readiness: Readiness
    device: str | None = None
    gpu: Gpu | None = None
    can: ImageCapabilities | None = None
    running: int = 0
    queued: int = 0
    steps: int = 0
    pictures: int = 0
    idle: bool = True
    call_s: float = 0.0
    slowest_call_s: float = 0.0
    token_budget: int | None = None
    passes: int = 0
    setup: Mapping[str, str] = field(default_factory=dict)

    @property
    def call_limit_s(self) -> float:
        """After so many seconds a call is not believed to end.

        The next may be of another size or shape, which is slower, and be compiled first.
        """
        return max(LEAST_LIMIT_S, TIMES_SLOWEST * self.slowest_call_s)


def status_json(status: EngineStatus) -> dict[str, Any]:
    return dataclasses.asdict(status)


def parse_status(body: bytes) -> EngineStatus:
    """The inverse of `status_json`; raises ValueError for what is none."""
    try:
        fields = json.load(body)
        readiness, gpu = Readiness(**fields.pop("readiness")), fields.pop("gpu")
        can = _capabilities(fields.pop("can"))
        return EngineStatus(readiness, gpu=Gpu(**gpu) if gpu else None, can=can, **fields)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no status of an engine: {body[:100]!r}") from error


def _capabilities(fields: dict[str, Any] | None) -> ImageCapabilities | None:
    """Of a painter that has its sizes and formats, and no others beside it."""
    if fields is None:
        return None
    sizes = tuple(Size(**size) for size in fields["sizes"])
    native = Size(**fields["native_size"])
    formats, loras = tuple(fields["formats"]), tuple(fields["loras"])
    return ImageCapabilities(
        **{
            **fields,
            "sizes": sizes,
            "native_size": native,
            "formats": formats,
            "loras": loras,
        }
    )
