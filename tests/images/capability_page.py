"""What becomes of each option at each back end, asked of the code, as a page of the documents.

    python -m tests.images.capability_page

writes docs/capabilities.md anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from limner.config.presets import PRESETS, load_preset
from limner.core.errors import ImageError, InvalidRequest
from limner.core.image import ImageCapabilities, ImageFailed, ImageRequest, Size
from limner.core.lora import Lora
from limner.core.picture_fitting import fit_image
from limner.engine.model import ModelFacts
from limner.engine.params import capabilities as engine_capabilities
from limner.engine.params import plan
from limner.images.comfyui import default_edit_workflow, default_workflow
from limner.wire import automatic1111, comfyui, image_jobs
from limner.wire.images_dialect import render_images_request
from limner.wire.images_plain import refusal
from tests.pictures import picture

PAGE = Path(__file__).parents[2] / "docs" / "capabilities.md"
COMMAND = "python -m tests.images.capability_page"

TOP = """\
# What each back end can do

Written by `{command}`, which asks the code itself; a test holds it fresh.

- **yes**: it is done.
- **said**: it has no effect there, or another one; the reply says so in `limner.adjustments`.
- **no**: refused by name with status 400, before anything is painted or paid.
- **here**: the back end cannot write the format, so Limner writes the picture anew, in a process of
  its own. Sizes are never changed: the one that came is told.

This is for requests of the Images API. The image tool of the Responses API asks for the same,
except that it has no `n` and of our own options only `seed`, which is said where the Images API
refuses it, and `loras`.

Refused at every door, by name: `response_format: url`, `style`, `markup`, `complexity`,
`frame_count`, `frame_duration_ms`, `svg`, and the formats `gif` and `svg`.

The columns are explained in [image services](image-services.md). `other` edits where its operator
says so, in the file of `--image-service-config`. ComfyUI stands here with the workflows in the
package; your own say by their placeholders what they can.
"""
END = """\
A mask says with its alpha channel where the first picture may change: there it is 0. It is as large
as that picture. Servers that read masks otherwise are not sent any."""

NEW = ImageRequest("a cat")
EDIT = replace(NEW, images=(picture(512, 512),))
MASK = picture(512, 512, alpha=True)

Answer = tuple[str, ...] | ImageFailed
"""What is said of a picture that is painted, or why none is."""


@dataclass(frozen=True)
class BackEnd:
    """title: as documents call it. ask: what becomes of a request.

    writes: whether it is asked for the format of the request.
    """

    title: str
    can: ImageCapabilities
    ask: Callable[[ImageRequest], Answer]
    writes: Callable[[ImageRequest], bool]


def _only_png(asked: ImageRequest) -> bool:
    return asked.output_format in (None, "png")


def _preset(name: Any) -> BackEnd:
    preset = load_preset(name)
    facts = preset.facts("theirs", edit=None if preset.knows_server else preset.edit)

    def ask(request: ImageRequest) -> Answer:
        order = render_images_request(request, facts)
        return order if isinstance(order, ImageFailed) else order.said

    def writes(asked: ImageRequest) -> bool:
        order = render_images_request(asked, facts)
        assert not isinstance(order, ImageFailed)
        return _only_png(asked) or order.body.get("output_format") == asked.output_format

    return BackEnd(f"`{name}`", facts.capabilities, ask, writes)


def _engine() -> BackEnd:
    model = ModelFacts("tiny", loras=(("ink", 1.0),))
    can = engine_capabilities(model)

    def ask(request: ImageRequest) -> Answer:
        try:
            fit_image(request, can)
            source = Size(512, 512) if request.is_edit else None
            return plan(request, model, 1, source, masked=request.mask is not None).adjustments
        except InvalidRequest as error:
            return ImageFailed(error.message)
        except ImageError as error:
            return ImageFailed(error.message)

    return BackEnd("our engine", can, ask, lambda asked: True)


def _comfyui() -> BackEnd:
    workflows = {False: default_workflow(), True: default_edit_workflow()}
    can = comfyui.capabilities(*workflows.values())

    def ask(request: ImageRequest) -> Answer:
        workflow = workflows[request.is_edit]
        failed = refusal(request, can, workflow.names) or comfyui.refused_model(workflow, request)
        return failed or comfyui.order_picture(workflow, request, 0, None).said

    return BackEnd("ComfyUI", can, ask, _only_png)


def _automatic1111() -> BackEnd:
    can = automatic1111.CAPABILITIES

    def ask(request: ImageRequest) -> Answer:
        failed = refusal(request, can, automatic1111.OPTIONS)
        return failed or automatic1111.order_picture(request, 0, None).said

    return BackEnd("AUTOMATIC1111", can, ask, _only_png)


def _jobs() -> BackEnd:
    can = image_jobs.CAPABILITIES

    def ask(request: ImageRequest) -> Answer:
        failed = refusal(request, can, image_jobs.OPTIONS) or image_jobs.refused_order(request)
        return failed or image_jobs.order_picture(request, 0).said

    return BackEnd("job API", can, ask, _only_png)


BACK_ENDS = (_engine(), *map(_preset, PRESETS), _comfyui(), _automatic1111(), _jobs())

ROWS: dict[str, dict[str, Any]] = {
    "`model`, one of its own": {"model": "theirs"},
    "`model`, one of OpenAI's": {"model": "gpt-image-1"},
    "`n`": {"n": 2},
    "`size`": {"size": Size(1024, 1024)},
    "`quality`": {"quality": "high"},
    "`background: opaque`": {"background": "opaque"},
    "`background: transparent`": {"background": "transparent"},
    "`output_format: png`": {"output_format": "png"},
    "`output_format: jpeg`": {"output_format": "jpeg"},
    "`output_format: webp`": {"output_format": "webp"},
    "`output_compression`": {"output_format": "jpeg", "output_compression": 60},
    "`moderation`": {"moderation": "low"},
    "`partial_images`": {"partial_images": 2},
    "`seed`": {"seed": 7},
    "`steps`": {"steps": 4},
    "`guidance_scale`": {"guidance_scale": 1.5},
    "`loras`": {"loras": (Lora("ink"),)},
}
EDIT_ROWS: dict[str, dict[str, Any]] = {
    "one picture": {},
    "two pictures": {"images": EDIT.images * 2},
    "`mask`": {"mask": MASK},
    "`input_fidelity`": {"input_fidelity": "high"},
    "`strength`": {"strength": 0.5},
    **ROWS,
}


def cell(asked: ImageRequest, back_end: BackEnd) -> str:
    """`yes`, `said` or `no`; `here` for formats that our own codec writes."""
    if asked.model == "theirs":
        asked = replace(asked, model=back_end.can.name)
    answer = back_end.ask(asked)
    if isinstance(answer, ImageFailed):
        return "no"
    if not back_end.writes(asked):
        return "here"
    if asked.partial_images and not back_end.can.partial_images:
        return "said"
    return "said" if answer else "yes"


def table(rows: dict[str, dict[str, Any]], request: ImageRequest) -> Iterator[str]:
    yield f"| | {' | '.join(each.title for each in BACK_ENDS)} |"
    yield f"|---|{'---|' * len(BACK_ENDS)}"
    for title, options in rows.items():
        asked = replace(request, **options)
        yield f"| {title} | {' | '.join(cell(asked, each) for each in BACK_ENDS)} |"


def page() -> str:
    lines = [
        TOP.format(command=COMMAND),
        "## New pictures",
        "",
        *table(ROWS, NEW),
        "",
        "## Edits",
        "",
        *table(EDIT_ROWS, EDIT),
        "",
        END,
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
