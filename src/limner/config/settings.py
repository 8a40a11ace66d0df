"""All settings: one class, whose fields are the table that flags, variables and documents follow.

A field's name says its flag and its variable: `llm_url` is `--llm-url` (unless `flag` says
otherwise) and `LIMNER_LLM_URL`. `older` names the variable of the service that the job API
continues; it counts where ours is not set.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from limner.config.engine_settings import EngineSettings
from limner.config.option import Entry, Option, option
from limner.config.reading import (
    matching,
    number,
    one_of,
    whole_number,
)

ALL_DEVICES = "all"
"""Instead of names: every GPU that there is."""

_DEVICE = r"(auto|cpu|cuda(:\d+)?|mps|xpu(:\d+)?)"


OURS_AT_A_TIME = 16
"""Requests that an engine of ours orders among themselves, and steps together where it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(EngineSettings):
    """What the operator decided. Made by `load`; adapters get plain values, never this."""

    device: str = option(
        "auto",
        Option(
            "engine",
            matching(
                rf"{_DEVICE}(,{_DEVICE})*|{ALL_DEVICES}",
                "auto, cpu, cuda, cuda:<number>, mps or xpu, several of these with commas, or all",
                "DEVICE",
            ),
            "Where the engine computes; ROCm answers to `cuda`. Of several each gets an engine of "
            "its own, with `all` every GPU.",
        ),
    )
    dtype: str = option(
        "auto",
        Option(
            "engine",
            one_of("auto", "float32", "bfloat16", "float16"),
            "Numbers to compute with; `auto` is bfloat16 on a GPU and float32 on a CPU.",
        ),
    )
    threads: int | None = option(
        None,
        Option(
            "engine",
            whole_number(1, 1024),
            "CPU threads of the engine.",
            unset="one less than there are cores",
        ),
    )
    step_timeout_s: float | None = option(
        None,
        Option(
            "engine",
            number(1, 86_400),
            "Seconds in one step after which an engine counts as hung and is started anew.",
            unset="20 times the slowest of its last steps, at least 120",
            flag="--step-timeout",
            variable="STEP_TIMEOUT",
        ),
    )
    log_format: Literal["text", "json"] = option(
        "text", Option("log", one_of("text", "json"), "One line for a person, or for a machine.")
    )
    log_level: Literal["debug", "info", "warning", "error"] = option(
        "info",
        Option("log", one_of("debug", "info", "warning", "error"), "The least that is logged."),
    )

    @property
    def paints_itself(self) -> bool:
        """Whether our own engine is what shall paint."""
        return self.image_backend in (None, "engine") and self.image_service_config is None

    @property
    def devices(self) -> tuple[str, ...]:
        """Those of our engines, one each; `ALL_DEVICES` alone for what is not counted yet."""
        return tuple(self.device.split(","))

    @property
    def addresses(self) -> tuple[str, ...]:
        """Those of the servers that paint; none where that is not their matter."""
        paints = self.image_backend or "engine"
        return () if paints in ("engine", "none") else tuple(paints.split(","))

    @property
    def painted_at_a_time(self) -> int:
        """Requests that one image back end gets at a time."""
        if self.paints_itself:
            return self.max_concurrent or OURS_AT_A_TIME * len(self.devices)
        return self.max_concurrent or 4 * max(1, len(self.addresses))


TABLE: tuple[Entry, ...] = tuple(
    Entry(field.name, field.metadata["option"], field.default)
    for field in dataclasses.fields(Settings)
)
NAMES = frozenset(entry.name for entry in TABLE)

OF_OUR_ENGINE = frozenset(entry.name for entry in TABLE if entry.option.part == "engine")
"""Settings without meaning where something else paints."""
TAKEN_BY_AN_ENGINE = OF_OUR_ENGINE | {
    "model",
    "steps",
    "guidance_scale",
    "max_queue",
    "max_concurrent",
    "picture_metadata",
}
"""Settings that an engine goes by, whoever starts it."""
