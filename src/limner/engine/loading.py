"""From a folder on disk, or a model of the Hugging Face Hub, to modules ready to paint.

Diffusers loads. Models of Z-Image's class are stepped by our own loop, all others by theirs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from limner.core.image import Size
from limner.core.lora import LoraFile
from limner.engine.adapters import Adapted, read_adapters
from limner.engine.allocator import keep_freed_memory
from limner.engine.device import (
    choose_device,
    choose_dtype,
    device_facts,
    dtype_name,
    physical_cores,
)
from limner.engine.families import OUR_TRANSFORMER, family_of
from limner.engine.libraries import import_engine, quiet
from limner.engine.model import ModelFacts, read_facts
from limner.engine.model_files import (
    INDEX,
    TINY,
    checked_index,
    fetched,
    read_pipeline,
    stated,
)
from limner.engine.picture_model import PictureModel
from limner.engine.pipelines.siblings import facts_of
from limner.engine.previews import PREVIEWS_BY_COST, PreviewChoice
from limner.engine.quantizing import Quantize
from limner.engine.room import DEFAULT_LAYOUT, Ask, Device, Layout, Offload, find_room
from limner.engine.tuning import Tuning
from limner.engine.weights import Precision

if TYPE_CHECKING:
    from limner.engine.offload import Swap
    from limner.engine.preview import Sketch

_AS_IT_IS = Tuning()
Progress = Callable[[float, str], None]
"""Told how far loading is, 0 to 1, and what is being done, in words for a person."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A pipeline of Diffusers' and where it lives. Typed loosely: torch makes no promises.

    dtype: of transformer and text encoder; the VAE's own may be wider.
    layout: where its parts are while it paints. swap: moves them, where that is one at a time.
    sketch: shows previews in the VAE's place.
    """

    facts: ModelFacts
    pipeline: Any
    device: Any
    dtype: Any
    layout: Layout = DEFAULT_LAYOUT
    swap: Swap | None = None
    sketch: Sketch | None = None

    @property
    def setup(self) -> dict[str, str]:
        """What loading decided, in words for a person, by what it concerns."""
        previews = self.sketch.name if self.sketch else "the VAE"
        return {"memory": self.layout.words, "previews": previews}

    def bring(self, part: Any) -> None:
        """Have a part on the device that is used other than by calling it."""
        if self.swap:
            self.swap.bring(part)


def load(
    model: str = "tiny",
    *,
    name: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    threads: int | None = None,
    offload: Offload | Literal["auto"] = "auto",
    quantize: Quantize = "none",
    previews: PreviewChoice = PREVIEWS_BY_COST,
    loras: Sequence[LoraFile] = (),
    progress: Progress = lambda share, words: None,
) -> Loaded:
    """Load a pipeline and put it on its device. Takes seconds to minutes; blocks.

    model: `tiny`, a folder, or a Hub id such as `Tongyi-MAI/Z-Image-Turbo` (offline settings of the
        Hub library are respected). name: what it is served as; the last part of `model` by default.
    device: `auto` (CUDA or ROCm, then Metal, then CPU) or a torch device.
    dtype: `auto` (bfloat16, on CPU float32) or one of `engine.device.DTYPES`.
    threads: CPU threads of one operation; by default physical cores less one.
    offload: `auto` (what free memory asks for), or how a model larger than the GPU's memory is
        laid out. quantize: in what linear layers are held. previews: what decodes them.
    loras: adapters that requests may name.

    Raises ConfigError when this cannot work, naming what would.
    """
    progress(0.0, "importing torch and diffusers")
    torch, diffusers = _prepared(threads)
    chosen = choose_device(torch, device)
    kind = choose_dtype(torch, dtype, chosen)
    precision = Precision(dtype_name(kind), quantize)
    if chosen.type == "cpu":
        keep_freed_memory()
    source = str(TINY) if model == "tiny" else model
    with quiet(diffusers):
        index, pipeline_class = checked_index(source)
        if not Path(source).is_dir():
            progress(0.1, f"fetching what is not here of {model}; limner pull tells how far it is")
        folder = fetched(diffusers, source)
        known = facts_of(pipeline_class, index, Path(source).name, name or Path(model).name)
        facts = read_facts(known.name, stated(source), f"{source}/limner.json", known)
        layout = _layout(torch, folder, chosen, facts.name, ask_for(facts, precision, offload))
        progress(0.2, f"loading {model}: {layout.words}")
        pipeline = read_pipeline(diffusers, source, folder, kind)
        read_adapters(pipeline, loras, facts.name, quantize)
        facts = replace(facts, loras=tuple((each.name, each.weight) for each in loras))
        placed = _place(pipeline, facts, chosen, kind, precision, layout)
        return replace(placed, sketch=_sketch(placed, previews))


def _prepared(threads: int | None) -> tuple[Any, Any]:
    # Threads that spin at every barrier make a busy small machine ten times slower. OpenMP reads
    # this when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    torch, diffusers = import_engine()
    torch.set_num_threads(threads or max(1, physical_cores() - 1))
    return torch, diffusers


def facts_in(folder: Path, name: str) -> ModelFacts:
    """What is known of a model in a folder without a look at its classes, so without torch.

    Raises ConfigError for what its folder states wrongly, OSError or ValueError for its index.
    """
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    family = family_of(index, name)
    known = family.facts if family else None
    return read_facts(name, stated(str(folder)), f"{folder}/limner.json", known)


def ask_for(
    facts: ModelFacts, precision: Precision, offload: Offload | Literal["auto"] = "auto"
) -> Ask:
    """What a model asks of a device's memory."""
    largest = Size(facts.max_edge_px, facts.max_edge_px)
    return Ask(precision, offload, facts.native_size, largest)


def _layout(torch: Any, folder: Path, device: Any, name: str, ask: Ask) -> Layout:
    from limner.engine.quantized import check_quantize

    check_quantize(ask.precision.quantize, device)
    return find_room(name, folder, ask, Device.of(str(device), device_facts(torch, device)))


def open_model(
    loaded: Loaded, tuning: Tuning = _AS_IT_IS, progress: Progress = lambda share, words: None
) -> PictureModel:
    """The loop that paints with what was loaded; blocks while it is tuned.

    Raises ConfigError for tuning that does not work here.
    """
    model: PictureModel
    if is_ours(loaded.pipeline):
        from limner.engine.zimage.denoise import Denoiser

        model = Denoiser(loaded, tuning, progress)
    else:
        from limner.engine.pipelines.stepped import Stepped, refuse_tuning

        refuse_tuning(loaded.facts.name, tuning)
        model = Stepped(loaded)
    return Adapted(model, loaded.pipeline) if loaded.facts.loras else model


def is_ours(pipeline: Any) -> bool:
    """Whether our own loop steps it: Z-Image's transformer, whose noise levels no size shifts."""
    transformer = getattr(pipeline, "transformer", None)
    is_zimage = type(transformer).__name__ == OUR_TRANSFORMER
    return is_zimage and not pipeline.scheduler.config.get("use_dynamic_shifting")


def _place(
    pipeline: Any, facts: ModelFacts, device: Any, dtype: Any, precision: Precision, layout: Layout
) -> Loaded:
    from limner.engine.placing import place

    swap = place(pipeline, facts.name, device=device, precision=precision, layout=layout)
    return Loaded(facts, pipeline, device, dtype, layout, swap)


def _sketch(loaded: Loaded, choice: PreviewChoice) -> Sketch | None:
    from limner.engine.previews.choice import choose_sketch

    vae = getattr(loaded.pipeline, "vae", None)
    return choose_sketch(choice, vae, loaded.dtype) if vae is not None else None
