"""Settings of what paints, and of the queue before it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from limner.config.language_model_settings import LanguageModelSettings
from limner.config.option import Option, option
from limner.config.presets import PRESETS
from limner.config.reading import (
    FILE,
    STEPS_AND_ONE,
    address,
    number,
    one_of,
    text,
    whole_number,
)

SIZE_PX = whole_number(64, 4096)
WIRES = ("comfyui", "a1111", "jobs", *(name for name in PRESETS if name != "other"))
"""What `image_backend` may name before an address, with a plus sign between them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureSettings(LanguageModelSettings):
    """Further rows of the table that `Settings` is."""

    image_backend: str | None = option(
        None,
        Option(
            "pictures",
            address("engine", "none", wires=WIRES, several=True),
            "What paints: our own engine, nothing, or an Images API at an address. "
            "`comfyui+http://…`, `a1111+http://…` and `jobs+http://…` are servers with a protocol "
            "of their own; `vllm-omni+http://…` and the like say whose Images API it is. Of "
            "several servers with the same model the one with the least to do paints.",
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
    comfyui_edit_workflow: Path | None = dataclasses.field(
        default=None,
        metadata={
            "option": Option(
                "pictures",
                FILE,
                "The same for edits, with `{{image}}`, and maybe `{{mask}}` and `{{strength}}`.",
                unset="picture to picture with one checkpoint; none beside --comfyui-workflow",
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
    picture_metadata: Literal["full", "mark", "off"] = option(
        "full",
        Option(
            "pictures",
            one_of("full", "mark", "off"),
            "What files of pictures say of themselves: how they were made and that a model made "
            "them, only the latter, or what the image back end put there; docs/metadata.md.",
        ),
    )
    c2pa_certificate: Path | None = dataclasses.field(
        default=None,
        metadata={
            "option": Option(
                "pictures",
                FILE,
                "Certificates in PEM, the signer's own first, to sign finished pictures with "
                "(C2PA); docs/metadata.md.",
                unset="no picture is signed",
            )
        },
    )
    c2pa_key: Path | None = dataclasses.field(
        default=None,
        metadata={
            "option": Option(
                "pictures",
                FILE,
                "The private key of that certificate, PKCS #8 in PEM, without a password.",
                unset="no picture is signed",
            )
        },
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
    max_queue_per_key: int | None = option(
        None,
        Option(
            "jobs",
            whole_number(1, 10_000),
            "Pictures of one API key that may wait; more are refused with 429 and Retry-After.",
            unset="half of them where there are keys, else all",
        ),
    )
    max_concurrent: int | None = option(
        None,
        Option(
            "jobs",
            whole_number(1, 64),
            "Requests that are with the image back end at a time, by whatever door they came. Our "
            "own engine orders those and steps several together.",
            unset="16 with our engine, 4 with an image service, the sum with several",
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
