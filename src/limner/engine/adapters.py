"""Adapters of the loaded model (LoRA, arXiv:2106.09685): read once, worn by the pictures that ask.

All are read when the model is, and lie beside its layers; which of them take part, and how much, is
a matter of switches, so that a picture without any is that of the model alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from limner.core.errors import ConfigError
from limner.core.lora import LoraFile
from limner.engine.model import ModelFacts
from limner.engine.params import Plan
from limner.engine.picture_model import Begun, PictureModel
from limner.engine.source import Source

Worn = tuple[tuple[str, float], ...]
"""Names and weights, in the order of applying."""


def read_adapters(
    pipeline: Any, files: Sequence[LoraFile], model: str, quantize: str = "none"
) -> None:
    """Load adapters into a pipeline under their names; none is worn.

    Do it before the pipeline is placed. Raises ConfigError for files that are not there or not for
    this model, and where peft is missing. model: its name, for messages. quantize: how the model's
    layers are to be held.
    """
    if not files:
        return
    if quantize != "none":
        raise ConfigError(
            f"--lora lies over layers as they are and not as {quantize}; leave one of --lora and "
            "--quantize out"
        )
    _check_possible(pipeline, files, model)
    with warnings.catch_warnings():
        # peft warns of what several adapters are: several adapters.
        warnings.filterwarnings("ignore", "Already found a `peft_config`")
        for file in files:
            _read(pipeline, file, model)
    wear(pipeline, ())


def wear(pipeline: Any, worn: Worn) -> None:
    """Switch on these adapters and no others, in every part of the pipeline that has any."""
    from diffusers.utils.peft_utils import set_adapter_layers, set_weights_and_activate_adapters

    for part in _parts(pipeline):
        here = {name: weight for name, weight in worn if name in part.peft_config}
        set_adapter_layers(part, enabled=bool(here))
        if here:
            set_weights_and_activate_adapters(part, list(here), list(here.values()))


@dataclass(frozen=True, slots=True)
class Canvas:
    """A picture of the model, and what it wears."""

    bare: Any
    worn: Worn

    @property
    def step(self) -> int:
        return int(self.bare.step)


class Adapted:
    """A model whose pictures may wear adapters; a `PictureModel` over another."""

    def __init__(self, model: PictureModel, pipeline: Any) -> None:
        """pipeline: that of the model, with its adapters read."""
        self._model = model
        self._pipeline = pipeline
        self._worn: Worn = ()

    @property
    def facts(self) -> ModelFacts:
        return self._model.facts

    @property
    def device(self) -> str:
        return self._model.device

    @property
    def dtype(self) -> str:
        return self._model.dtype

    @property
    def setup(self) -> Mapping[str, str]:
        return self._model.setup

    @property
    def decodes_beside(self) -> bool:
        return self._model.decodes_beside

    def warm_up(self) -> None:
        self._model.warm_up()

    def begin(self, plan: Plan, source: Source | None = None) -> Begun:
        """As the model does, under the adapters of the plan; other sets share no pass with it."""
        self._wear(plan.loras)
        begun = self._model.begin(plan, source)
        return replace(
            begun,
            canvases=[Canvas(each, plan.loras) for each in begun.canvases],
            group=replace(begun.group, loras=plan.loras),
        )

    def step(self, batch: Sequence[Canvas]) -> list[bool]:
        self._wear(batch[0].worn)
        return self._model.step([canvas.bare for canvas in batch])

    def foreseen(self, canvas: Canvas) -> Any:
        return self._model.foreseen(canvas.bare)

    def pixels(self, foreseen: Any, *, preview: bool) -> Any:
        return self._model.pixels(foreseen, preview=preview)

    def end(self, canvas: Canvas) -> None:
        self._model.end(canvas.bare)

    def forget(self) -> None:
        self._model.forget()

    def _wear(self, worn: Worn) -> None:
        if worn == self._worn:
            return
        wear(self._pipeline, worn)
        self._worn = worn
        self._model.forget()


def _check_possible(pipeline: Any, files: Sequence[LoraFile], model: str) -> None:
    try:
        import peft  # noqa: F401  diffusers would say less clearly that it is missing
    except ImportError as error:
        raise ConfigError(
            f"--lora needs the package {error.name!r}; install it with: pip install "
            "'limner[engine]'"
        ) from error
    if not hasattr(pipeline, "load_lora_weights"):
        raise ConfigError(f"model {model!r}, a {type(pipeline).__name__}, takes no adapters")
    names = [file.name for file in files]
    if doubled := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"--lora names two adapters {doubled[0]!r}; every name must be its own")


def _read(pipeline: Any, file: LoraFile, model: str) -> None:
    place = Path(file.source).expanduser()
    looks_like_hub = file.source.count("/") == 1 and not file.source.startswith((".", "~"))
    if not place.exists() and (place.suffix or not looks_like_hub):
        raise ConfigError(
            f"--lora {file}: there is no file or folder {file.source!r}; accepted are a "
            ".safetensors file, a folder that holds one, or a name on the Hub"
        )
    try:
        pipeline.load_lora_weights(
            str(place) if place.exists() else file.source, adapter_name=file.name
        )
    except Exception as error:  # of many kinds, by what in the file is not as it should be
        said = str(error).partition("\n")[0]
        raise ConfigError(f"--lora {file} cannot be read for model {model!r}: {said}") from error
    if not any(file.name in part.peft_config for part in _parts(pipeline)):
        raise ConfigError(f"--lora {file} holds nothing for model {model!r}: it is for another")


def _parts(pipeline: Any) -> Iterator[Any]:
    """Parts of the pipeline that have adapters."""
    for name in getattr(pipeline, "_lora_loadable_modules", ()):
        part = getattr(pipeline, name, None)
        if getattr(part, "peft_config", None):
            yield part
