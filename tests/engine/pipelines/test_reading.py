"""Other pipelines on the disk: what they say of themselves, and what they need."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limner.core.errors import ConfigError
from limner.core.image import Size
from limner.engine.loading import load, open_model
from limner.engine.params import capabilities
from limner.engine.tuning import Tuning
from tests.engine.pipelines.builders import BUILDERS
from tests.engine.pipelines.conftest import MARKS, saved

pytestmark = MARKS


@pytest.mark.parametrize(
    ("name", "guidance", "multiple", "images"),
    [("sdxl", 5.0, 8, 1), ("sd3", 7.0, 16, 1), ("klein", 1.0, 16, 4), ("qwen", 4.0, 16, 1)],
)
def test_a_folder_loads_with_what_is_known_of_its_family(
    loaded_of: Callable[[str], Any], name: str, guidance: float, multiple: int, images: int
) -> None:
    model = open_model(loaded_of(name))
    facts, can = model.facts, capabilities(model.facts)
    assert (facts.name, facts.native_size, facts.steps) == (name, Size(64, 64), 3)
    assert (facts.guidance, can.size_multiple, can.max_images) == (guidance, multiple, images)
    assert can.edits
    assert can.mask
    assert can.strength
    assert model.setup["forward"] == "the pipeline's own"
    assert (model.device, model.dtype, model.decodes_beside) == ("cpu", "float32", False)


def test_a_processor_that_needs_another_package_names_it(tmp_path: Path) -> None:
    if find_spec("torchvision"):
        pytest.skip("torchvision is here, which the processor of Qwen-Image-Edit needs")
    import diffusers
    from transformers import Qwen2VLImageProcessorPil

    made = BUILDERS["qwen-edit"]()
    parts = {**made.components, "processor": made.tokenizer}
    folder = saved(diffusers.QwenImageEditPipeline(**parts), tmp_path / "edit")
    index = json.loads((folder / "model_index.json").read_text())
    index["processor"] = ["transformers", "Qwen2VLProcessor"]
    (folder / "model_index.json").write_text(json.dumps(index))
    Qwen2VLImageProcessorPil().save_pretrained(folder / "processor")
    with pytest.raises(ConfigError, match=r"cannot be loaded: .* requires the Torchvision library"):
        load(str(folder), device="cpu")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_narrow_numbers_paint_new_pictures_and_edits(tmp_path: Path, dtype: str) -> None:
    """SDXL moves its VAE between floats by itself, which is widened here already."""
    from limner.engine.source import Source
    from tests.engine.pipelines.conftest import SIZE, noisy, painted, planned
    from tests.engine.pipelines.test_stepped import edit_of

    folder = saved(BUILDERS["sdxl"](), tmp_path / "narrow")
    model = open_model(load(str(folder), device="cpu", dtype=dtype))
    model.warm_up()
    assert model.facts.previews
    for _ in range(2):
        (new,) = painted(model, planned(model))
        (edit,) = painted(model, edit_of(model), Source(noisy(SIZE)))
        assert new.std() > 3
        assert edit.std() > 3


@pytest.mark.parametrize("name", ["klein", "sdxl"])
def test_parts_and_layers_that_come_when_they_are_called_paint_the_same(
    tmp_path: Path, name: str
) -> None:
    import torch

    from limner.engine.offload import Swap, fetch_layers
    from tests.engine.pipelines.conftest import painted, planned

    folder, cpu = saved(BUILDERS[name](), tmp_path / name), torch.device("cpu")

    def fresh() -> tuple[Any, list[Any]]:
        loaded = load(str(folder), device="cpu")
        parts = loaded.pipeline.components
        modules = [parts[each] for each in parts if each != "vae"]
        return loaded, [each for each in modules if isinstance(each, torch.nn.Module)]

    still, _ = fresh()
    swapped, parts = fresh()
    swapped = replace(swapped, swap=Swap(cpu, parts))
    fetched, parts = fresh()
    fetch_layers(cpu, parts)
    model = open_model(still)
    pictures = [painted(open_model(each), planned(model))[0] for each in (still, swapped, fetched)]
    assert np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0], pictures[2])


@pytest.mark.parametrize(
    ("tuning", "flag"),
    [
        (Tuning(attention="cudnn"), "--attention cudnn"),
        (Tuning(compile="on"), "--compile on"),
        (Tuning(warm_sizes=(Size(64, 96), Size(96, 64))), "--warm-sizes 64x96,96x64"),
    ],
)
def test_what_only_our_own_loop_can_be_told_is_refused(
    loaded_of: Callable[[str], Any], tuning: Tuning, flag: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        open_model(loaded_of("sd3"), tuning)
    assert refused.value.message.startswith(f"{flag} is for models of Z-Image's class")
    open_model(loaded_of("sd3"), Tuning(compile="off"))
