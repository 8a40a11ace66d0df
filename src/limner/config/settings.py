"""All settings: one class, whose fields are the table that flags, variables and documents follow.

A field's name says its flag and its variable: `llm_url` is `--llm-url` (unless `flag` says
otherwise) and `LIMNER_LLM_URL`. `older` names the variable of the service that the job API
continues; it counts where ours is not set.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path

from limner.config.option import Entry, Option, option
from limner.config.presets import PRESETS
from limner.config.reading import (
    FILE,
    FOLDER,
    STEPS_AND_ONE,
    YES_OR_NO,
    address,
    matching,
    names,
    number,
    one_of,
    text,
    whole_number,
)

SIZE_PX = whole_number(64, 4096)
LLM_KINDS = ("auto", "chat", "responses", "anthropic", "harmony")
WIRES = ("comfyui", "a1111", "jobs", *(name for name in PRESETS if name != "other"))
"""What `image_backend` may name before an address, with a plus sign between them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator decided. Made by `load`; adapters get plain values, never this."""

    host: str = option(
        "127.0.0.1",
        Option(
            "server",
            text("a host name or an address", "HOST"),
            "Where to listen. Addresses that others can reach need keys (`api-keys-env`).",
            older="IMAGE_GEN_HOST",
        ),
    )
    port: int = option(
        8034,
        Option(
            "server",
            whole_number(0, 65535),
            "Port to listen on; 0 takes a free one and says which.",
            older="IMAGE_GEN_PORT",
        ),
    )
    data: Path = dataclasses.field(
        default_factory=partial(user_data_path, "limner", appauthor=False),
        metadata={
            "option": Option(
                "server",
                FOLDER,
                "Folder for what the server keeps; now only the engine's socket.",
                unset="the platform's own",
            )
        },
    )
    api_keys: tuple[str, ...] = option(
        (),
        Option(
            "server",
            names("keys with commas between them"),
            "Keys of which a client must show one.",
            unset="no key needed",
            flag="--api-keys-env",
            secret=True,
        ),
    )
    allowed_hosts: tuple[str, ...] = option(
        (),
        Option(
            "server",
            names("host names with commas between them"),
            "Further names that clients may know this server by, such as a reverse proxy's.",
            unset="loopback names where it listens on loopback, else any",
        ),
    )
    allowed_origins: tuple[str, ...] = option(
        (),
        Option(
            "server",
            names("origins such as https://chat.example with commas between them"),
            "Web pages of other sites that may use this server.",
            unset="none",
        ),
    )
    config: Path | None = dataclasses.field(
        default=None,
        metadata={
            "option": Option(
                "language model",
                FILE,
                "File with several language models, in place of the flags for one: "
                "`limner.example.toml` explains it.",
                unset="none",
            )
        },
    )
    llm_url: str | None = option(
        None,
        Option(
            "language model",
            address(),
            "Base address of a language model server.",
            unset="built-in rules, no language model",
            flag="--llm",
        ),
    )
    llm_kind: Literal["auto", "chat", "responses", "anthropic", "harmony"] = option(
        "auto",
        Option(
            "language model",
            one_of(*LLM_KINDS),
            "What that server speaks; `auto` asks it, and finds all but `harmony`.",
        ),
    )
    llm_model: str | None = option(
        None,
        Option(
            "language model",
            text("a name", "NAME"),
            "Model to ask that server for.",
            unset="the one that the client names",
        ),
    )
    llm_key: str | None = option(
        None,
        Option(
            "language model",
            text("a key", "KEY"),
            "Key for that server.",
            unset="no key",
            flag="--llm-key-env",
            variable="LLM_API_KEY",
            secret=True,
        ),
    )
    llm_vision: bool = option(
        False,
        Option(
            "language model",
            YES_OR_NO,
            "Whether the model can see pictures; if not, it is told about them in words.",
        ),
    )
    llm_max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = option(
        "max_completion_tokens",
        Option(
            "language model",
            one_of("max_completion_tokens", "max_tokens"),
            "How that server calls the limit of a reply; older ones say `max_tokens`.",
        ),
    )
    llm_thinking: Literal["adaptive", "budget"] = option(
        "adaptive",
        Option(
            "language model",
            one_of("adaptive", "budget"),
            "How an Anthropic server is told to think when a client asks for an effort: by the "
            "effort itself (Claude 4.6 and later), or by a budget of tokens (older models and most "
            "other servers of that API).",
        ),
    )
    image_tool: Literal["on", "off", "passthrough", "strip"] = option(
        "on",
        Option(
            "language model",
            one_of("on", "off", "passthrough", "strip"),
            "What becomes of the image tool in requests: `on` runs it here, `off` refuses it, "
            "`passthrough` leaves it to a `responses` server that has it, `strip` takes it out "
            "and says so, for clients that always offer it.",
        ),
    )
    image_denial: Literal["recover", "error"] = option(
        "recover",
        Option(
            "language model",
            one_of("recover", "error"),
            "What becomes of a model's call of the image tool that the client did not offer: "
            "`recover` fails the call and the model goes on, `error` ends the response.",
        ),
    )
    harmony_vocab: Path | None = dataclasses.field(
        default=None,
        metadata={
            "option": Option(
                "language model",
                FOLDER,
                "Folder with `o200k_base.tiktoken`: prompts for a server of kind `harmony` go as "
                "tokens (extra `harmony`).",
                unset="prompts go as text",
            )
        },
    )
    image_backend: str | None = option(
        None,
        Option(
            "pictures",
            address("engine", "none", wires=WIRES),
            "What paints: our own engine, nothing, or an Images API at an address. "
            "`comfyui+http://…`, `a1111+http://…` and `jobs+http://…` are servers with a protocol "
            "of their own; `vllm-omni+http://…` and the like say whose Images API it is.",
            unset="`engine` where its packages are installed, else `none`",
        ),
    )
    image_service_config: Path | None = dataclasses.field(
        default=None,
        metadata={
            "option": Option(
                "pictures",
                FILE,
                "JSON file that describes an external image service, which then paints; "
                "docs/image-services.md explains it.",
                unset="no external service",
            )
        },
    )
    comfyui_workflow: Path | None = dataclasses.field(
        default=None,
        metadata={
            "option": Option(
                "pictures",
                FILE,
                "Workflow in ComfyUI's API format with placeholders such as `{{prompt}}`.",
                unset="text to picture with one checkpoint",
            )
        },
    )
    image_key: str | None = option(
        None,
        Option(
            "pictures",
            text("a key", "KEY"),
            "Key for the server at that address; `user:password` for a1111.",
            unset="no key",
            flag="--image-key-env",
            variable="IMAGE_API_KEY",
            secret=True,
        ),
    )
    model: str | None = option(
        None,
        Option(
            "pictures",
            text("`tiny`, a folder or a name on the Hugging Face Hub", "MODEL"),
            "What the engine paints with; with an Images API, the name to ask it for.",
            unset="`tiny`, which is in the package; with an Images API, its own choice",
            older="IMAGE_GEN_MODEL",
        ),
    )
    steps: int | None = option(
        None,
        Option(
            "pictures",
            whole_number(1, 50),
            "Forward passes of the engine for each picture. The older variable counts one more.",
            unset="what suits the model (8 for `tiny`)",
            older="IMAGE_GEN_INFERENCE_STEPS",
            older_reads=STEPS_AND_ONE,
        ),
    )
    guidance_scale: float | None = option(
        None,
        Option(
            "pictures",
            number(0, 20),
            "Classifier-free guidance of the engine; doubles the work when above 0.",
            unset="what suits the model (0 for `tiny`)",
            older="IMAGE_GEN_GUIDANCE_SCALE",
        ),
    )
    max_queue: int = option(
        20,
        Option(
            "jobs",
            whole_number(1, 10_000),
            "Pictures that may wait; more are refused with 503 and Retry-After.",
            older="IMAGE_GEN_MAX_QUEUE_SIZE",
        ),
    )
    max_concurrent: int = option(
        1,
        Option(
            "jobs",
            whole_number(1, 64),
            "Requests painted at a time.",
            older="IMAGE_GEN_MAX_CONCURRENT",
        ),
    )
    default_width: int = option(
        1024,
        Option(
            "jobs",
            SIZE_PX,
            "Width of a job that names none, in pixels.",
            older="IMAGE_GEN_DEFAULT_WIDTH",
        ),
    )
    default_height: int = option(
        1024,
        Option(
            "jobs",
            SIZE_PX,
            "Height of a job that names none, in pixels.",
            older="IMAGE_GEN_DEFAULT_HEIGHT",
        ),
    )
    result_ttl_s: float = option(
        600,
        Option(
            "jobs",
            number(1, 604_800),
            "Seconds for which the result of a job is kept.",
            flag="--result-ttl",
            variable="RESULT_TTL",
            older="IMAGE_GEN_RESULT_TTL",
        ),
    )
    device: str = option(
        "auto",
        Option(
            "engine",
            matching(
                r"auto|cpu|cuda(:\d+)?|mps", "auto, cpu, cuda, cuda:<number> or mps", "DEVICE"
            ),
            "Where the engine computes; ROCm answers to `cuda`.",
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


TABLE: tuple[Entry, ...] = tuple(
    Entry(field.name, field.metadata["option"], field.default)
    for field in dataclasses.fields(Settings)
)
NAMES = frozenset(entry.name for entry in TABLE)
