"""Adapters: read by name, worn by those who ask, and as the stock pipeline wears them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from limner.core.errors import ConfigError
from limner.core.image import ImageCompleted, ImageFailed, ImageRequest
from limner.core.lora import Lora, LoraFile
from limner.engine.loading import load, open_model
from limner.engine.painter import Painter
from limner.engine.params import plan
from limner.engine.picture_model import PictureModel
from tests.e2e.processes import environment
from tests.engine.painting import painting
from tests.engine.pipelines.builders import BUILDERS
from tests.engine.pipelines.conftest import MARKS, saved

pytestmark = [
    *MARKS,
    pytest.mark.filterwarnings("ignore:Already found a `peft_config`:UserWarning"),
]
PROMPT = "a red circle"
TARGETS = {
    "random": ["to_q", "to_v", "w1"],
    "sd3": ["to_q", "to_out.0"],
    "sdxl": ["to_q", "to_k"],
    "klein": ["to_out.0", "to_q"],
    "qwen": ["img_mlp.net.2", "to_q"],
}


def lora(pipeline: Any, folder: Path, seed: int, targets: list[str]) -> Path:
    """A file of random adapters for these layers, as Diffusers' training scripts write it."""
    import torch
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    part = getattr(pipeline, "transformer", None) or pipeline.unet
    part.add_adapter(LoraConfig(r=2, lora_alpha=2, target_modules=targets))
    torch.manual_seed(seed)
    for name, weight in part.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=3.0)
    layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(part))
    kind = "transformer" if hasattr(pipeline, "transformer") else "unet"
    type(pipeline).save_lora_weights(str(folder), **{f"{kind}_lora_layers": layers})
    part.delete_adapters("default")
    return folder / "pytorch_lora_weights.safetensors"


@pytest.fixture(scope="session")
def made(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """The folder of a model and two files of adapters for it, by the name of the model."""
    import functools

    @functools.cache
    def made(name: str) -> tuple[Path, tuple[LoraFile, LoraFile]]:
        import diffusers
        import torch

        place = folder
        if name != "random":
            torch.manual_seed(3)
            place = saved(BUILDERS[name](), tmp_path_factory.mktemp("adapted") / name)
        base = diffusers.DiffusionPipeline.from_pretrained(place)
        files = [
            lora(base, tmp_path_factory.mktemp("loras"), seed, targets)
            for seed, targets in ((1, TARGETS[name]), (2, TARGETS[name][:1]))
        ]
        return place, (LoraFile("ink", str(files[0]), 0.8), LoraFile("pixel", str(files[1].parent)))

    return made


@pytest.fixture(scope="session")
def loaded_with(made: Callable[[str], Any]) -> Callable[[str], Any]:
    import functools

    @functools.cache
    def loaded_with(name: str) -> Any:
        place, files = made(name)
        return load(str(place), device="cpu", threads=1, loras=files)

    return loaded_with


def pixels(model: PictureModel, *loras: Lora, **options: Any) -> Any:
    decided = plan(ImageRequest(PROMPT, seed=7, loras=loras, **options), model.facts, 0)
    (canvas,) = model.begin(decided).canvases
    for _ in range(decided.steps):
        assert model.step([canvas]) == [True]
    return model.pixels(model.foreseen(canvas), preview=False)


def stock(place: Path, worn: dict[LoraFile, float], **options: Any) -> Any:
    """What the stock pipeline paints with these adapters."""
    import diffusers
    import torch

    pipeline = diffusers.DiffusionPipeline.from_pretrained(place)
    for file in worn:
        pipeline.load_lora_weights(file.source, adapter_name=file.name)
    if worn:
        pipeline.set_adapters([file.name for file in worn], list(worn.values()))
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator("cpu").manual_seed(7)
    size = {"height": 64, "width": 64, "output_type": "np"}
    (picture,) = pipeline(prompt=PROMPT, generator=generator, **size, **options).images
    return (picture * 255).round()


CALLS: dict[str, dict[str, Any]] = {
    "random": {"guidance_scale": 0.0, "num_inference_steps": 8},
    "sd3": {"guidance_scale": 7.0, "num_inference_steps": 3},
    "sdxl": {"guidance_scale": 5.0, "num_inference_steps": 3},
    "klein": {"guidance_scale": 1.0, "num_inference_steps": 3},
    "qwen": {"true_cfg_scale": 4.0, "negative_prompt": " ", "num_inference_steps": 3},
}


@pytest.mark.parametrize("name", CALLS)
def test_a_picture_wears_what_it_asks_for_as_the_stock_pipeline_does(
    made: Callable[[str], Any], loaded_with: Callable[[str], Any], name: str
) -> None:
    place, (ink, pixel) = made(name)
    model = open_model(loaded_with(name))
    asked: list[tuple[tuple[Lora, ...], dict[LoraFile, float]]] = [
        ((), {}),
        ((Lora("ink"),), {ink: 0.8}),
        ((Lora("pixel", 0.5), Lora("ink", -0.4)), {pixel: 0.5, ink: -0.4}),
        ((Lora("pixel"),), {pixel: 1.0}),
        ((), {}),
    ]
    painted = [pixels(model, *loras).astype(float) for loras, _ in asked]
    for one, (_, worn) in zip(painted, asked, strict=True):
        assert np.abs(one - stock(place, worn, **CALLS[name])).max() <= 1
    assert np.array_equal(painted[0], painted[-1])
    assert all(np.abs(one - painted[0]).mean() > 1 for one in painted[1:-1])


async def last(painter: Painter, request: ImageRequest) -> Any:
    return [event async for event in painter.generate(request)][-1]


@pytest.mark.parametrize("name", ["random", "qwen"])
async def test_pictures_with_other_adapters_are_painted_side_by_side(
    loaded_with: Callable[[str], Any], name: str
) -> None:
    requests = [
        ImageRequest(PROMPT, seed=1, guidance_scale=guidance, loras=loras)
        for guidance in (0.0, 2.0)
        for loras in ((), (Lora("ink"),), (Lora("pixel"), Lora("ink", 0.3)))
    ]
    async with painting(loaded_with(name)) as painter:
        apart = [await last(painter, each) for each in requests]
        together = await asyncio.gather(*(last(painter, each) for each in requests))
    assert all(isinstance(each, ImageCompleted) for each in apart)
    if name == "qwen":
        assert [each.image for each in together] == [each.image for each in apart]
    assert len({each.image.content for each in apart}) >= 5
    assert [len(each.resolved.loras) for each in together] == [0, 1, 2, 0, 1, 2]
    assert together[1].resolved.loras == (Lora("ink", 0.8),)


async def test_adapters_are_listed_and_others_refused(loaded_with: Callable[[str], Any]) -> None:
    async with painting(loaded_with("random")) as painter:
        assert painter.capabilities.loras == ("ink", "pixel")
        refused = await last(painter, ImageRequest(PROMPT, loras=(Lora("oil"),)))
        twice = await last(painter, ImageRequest(PROMPT, loras=(Lora("ink"), Lora("ink"))))
        wide = await last(painter, ImageRequest(PROMPT, loras=(Lora("ink", float("nan")),)))
    assert isinstance(refused, ImageFailed)
    assert (refused.param, refused.status) == ("loras", 400)
    assert "'ink', 'pixel'" in refused.message
    assert isinstance(twice, ImageFailed)
    assert "'ink' is named twice" in twice.message
    assert isinstance(wide, ImageFailed)
    assert "weights must be -4 to 4" in wide.message


def test_a_model_without_adapters_is_as_it_was(loaded: Any) -> None:
    assert not hasattr(loaded.pipeline.transformer, "peft_config")
    assert open_model(loaded).facts.loras == ()


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("nothing.safetensors", "there is no file or folder"),
        ("./nothing", "there is no file or folder"),
        ("EMPTY", "cannot be read"),
    ],
)
def test_what_is_no_adapter_is_refused_by_its_name(
    folder: Path, tmp_path: Path, source: str, says: str
) -> None:
    (tmp_path / "empty.safetensors").write_bytes(b"")
    file = LoraFile("ink", source.replace("EMPTY", str(tmp_path / "empty.safetensors")))
    with pytest.raises(ConfigError) as refused:
        load(str(folder), device="cpu", threads=1, loras=[file])
    assert refused.value.message.startswith(f"--lora {file}")
    assert says in refused.value.message


def test_adapters_of_another_model_are_refused(folder: Path, made: Callable[[str], Any]) -> None:
    _, (ink, _) = made("sdxl")
    with pytest.raises(ConfigError, match=r"^--lora ink=.* for model 'random'"):
        load(str(folder), device="cpu", threads=1, loras=[ink])


def test_two_adapters_of_one_name_are_refused(folder: Path, made: Callable[[str], Any]) -> None:
    _, (ink, _) = made("random")
    with pytest.raises(ConfigError, match="two adapters 'ink'"):
        load(str(folder), device="cpu", threads=1, loras=[ink, ink])


def test_adapters_and_eight_bits_do_not_go_together(
    folder: Path, made: Callable[[str], Any]
) -> None:
    _, (ink, _) = made("random")
    with pytest.raises(ConfigError, match="--quantize"):
        load(str(folder), device="cpu", threads=1, loras=[ink], quantize="int8")


def test_reading_them_says_nothing(
    made: Callable[[str], Any], capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Adapters of SDXL may be for its U-Net alone, and leave its text encoders as they are."""
    place, files = made("sdxl")
    capfd.readouterr()
    caplog.clear()
    load(str(place), device="cpu", threads=1, loras=files)
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_the_command_paints_with_the_adapters_that_it_is_given(
    made: Callable[[str], Any], tmp_path: Path
) -> None:
    place, (ink, _) = made("random")

    def painted(*flags: str) -> Any:
        command = ("generate", PROMPT, "-o", "made.png", "--seed", "7", "--model", str(place))
        ran = subprocess.run(
            [sys.executable, "-m", "limner", *command, *flags],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return np.asarray(Image.open(tmp_path / "made.png")).astype(int)

    plain, inked = painted(), painted("--lora", str(ink))
    assert np.abs(plain - inked).mean() > 1
