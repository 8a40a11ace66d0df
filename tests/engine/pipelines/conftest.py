"""The small pipelines as our loader brings them, and the calls that the stock ones answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from limner.core.image import ImageRequest, Size
from limner.engine.params import Plan, plan
from limner.engine.picture_model import Begun, PictureModel
from limner.engine.source import Source
from tests.engine.pipelines.builders import BUILDERS

PROMPT = "a red circle above a blue square"
SIZE = Size(96, 64)
SETTINGS = {"native_size": [64, 64], "edges": [32, 256], "steps": 3}
RANDOM = np.random.default_rng(11)
MARKS = [
    pytest.mark.engine,
    # Diffusers' older schedulers hand tensors to numpy in the way of numpy 1.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="session")
def loaded_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """By the name of its builder; saved to disk and loaded once, where its parts can be."""

    @cache
    def loaded_of(name: str) -> Any:
        import torch

        from limner.engine.loading import Loaded, load
        from limner.engine.model import read_facts
        from limner.engine.pipelines.siblings import facts_of

        torch.manual_seed(3)
        pipeline = BUILDERS[name]()
        if "edit" in name:  # their processor cannot be saved
            index = {"_class_name": type(pipeline).__name__}
            known = facts_of(type(pipeline), index, name, name)
            facts = read_facts(name, SETTINGS, name, known)
            return Loaded(facts, pipeline, torch.device("cpu"), torch.float32)
        return load(str(saved(pipeline, tmp_path_factory.mktemp("models") / name)), device="cpu")

    return loaded_of


def saved(pipeline: Any, folder: Path) -> Path:
    """Write a pipeline to a folder as its makers would, with the facts of so small a model."""
    pipeline.save_pretrained(folder)
    path = folder / "model_index.json"
    index = json.loads(path.read_text())
    for part in [part for part in index if part.startswith("tokenizer")]:
        index[part] = ["transformers", "PreTrainedTokenizerFast"]
    path.write_text(json.dumps(index))
    (folder / "limner.json").write_text(json.dumps(SETTINGS))
    return folder


@pytest.fixture
def model_of(loaded_of: Callable[[str], Any]) -> Callable[[str], PictureModel]:
    from limner.engine.loading import open_model

    return lambda name: open_model(loaded_of(name))


@pytest.fixture(autouse=True)
def _small_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Qwen's pipelines bring every source to a million pixels, stock and ours alike."""
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit as edit
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_inpaint as inpaint
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus as plus

    real = edit.calculate_dimensions
    for module in (edit, inpaint):
        monkeypatch.setattr(
            module, "calculate_dimensions", lambda area, ratio: (*real(64 * 64, ratio)[:2], None)
        )
    monkeypatch.setattr(plus, "VAE_IMAGE_SIZE", 64 * 64)
    monkeypatch.setattr(plus, "CONDITION_IMAGE_SIZE", 64 * 64)


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    """Whatever a test did to its pictures, their threads have gone."""
    import threading

    from limner.engine.pipelines.handover import THREAD

    yield
    for thread in threading.enumerate():
        if thread.name == THREAD:
            thread.join(10)
            assert not thread.is_alive()


def planned(model: PictureModel, **options: Any) -> Plan:
    return plan(ImageRequest(PROMPT, **{"seed": 7, "size": SIZE, **options}), model.facts, 0)


def noisy(size: Size = SIZE) -> Image.Image:
    return Image.fromarray(RANDOM.integers(0, 256, (size.height, size.width, 3), dtype=np.uint8))


def painted(model: PictureModel, decided: Plan, source: Source | None = None) -> list[Any]:
    """Every picture of a plan, whole."""
    begun = model.begin(decided, source)
    return [finished(model, begun, k) for k in range(len(begun.canvases))]


def finished(model: PictureModel, begun: Begun, picture: int = 0) -> Any:
    canvas: Any = begun.canvases[picture]
    while model.foreseen(canvas) is None or canvas.step < canvas.steps:
        assert model.step([canvas]) == [True]
    return model.pixels(model.foreseen(canvas), preview=False)


def stock(loaded: Any, sibling: type[Any] | None = None, **options: Any) -> Any:
    """The pixels of a plain call, on parts of its own."""
    import torch

    pipeline = loaded.pipeline
    kind = sibling or type(pipeline)
    scheduler = type(pipeline.scheduler).from_config(pipeline.scheduler.config)
    parts = {**pipeline.components, "scheduler": scheduler}
    known = {"is_distilled"} & set(pipeline.config)
    if sibling:
        import inspect

        names = set(inspect.signature(kind.__init__).parameters)
        parts = {name: part for name, part in parts.items() if name in names}
    whole = kind(**parts, **{name: pipeline.config[name] for name in known})
    whole.set_progress_bar_config(disable=True)
    generator = torch.Generator("cpu").manual_seed(7)
    (picture,) = whole(prompt=PROMPT, generator=generator, output_type="np", **options).images
    return (picture * 255).round().astype(np.uint8)
