"""Files of the engine's model: in the package, in a folder, in the cache of the Hub."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from limner.cli.checks.engine import Ground, check_device, check_memory, check_packages
from limner.cli.checks.model import check_model
from limner.engine.model_files import TINY
from limner.engine.room import Device

NAME = "someone/painter"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY, tmp_path / "model"))


def test_the_shipped_model_is_whole() -> None:
    verdict, read_from = check_model(None)
    assert (verdict.state, read_from) == ("ok", TINY)
    size = sum(path.stat().st_size for path in TINY.rglob("*.safetensors"))
    assert f"{size / 1e6:,.0f} MB" in verdict.message
    assert check_model("tiny") == (verdict, TINY)


def test_a_folder_is_as_good(folder: Path) -> None:
    assert check_model(str(folder))[0].state == "ok"


def test_a_name_that_can_be_no_model_is_refused() -> None:
    assert check_model("no/such/folder")[0].state == "failure"


def test_missing_parts_are_named(folder: Path) -> None:
    shutil.rmtree(folder / "scheduler")
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    verdict, _ = check_model(str(folder))
    assert verdict.state == "failure"
    assert verdict.message.endswith(" lacks scheduler, the weights in vae")


def test_of_weights_in_several_files_each_must_be_there(folder: Path) -> None:
    part = folder / "transformer"
    (part / "diffusion_pytorch_model.safetensors").rename(part / "1-of-2.safetensors")
    files = {"weight_map": {"a": "1-of-2.safetensors", "b": "2-of-2.safetensors"}}
    (part / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(files))
    assert check_model(str(folder))[0].message.endswith(" lacks transformer/2-of-2.safetensors")
    shutil.copy(part / "1-of-2.safetensors", part / "2-of-2.safetensors")
    assert check_model(str(folder))[0].state == "ok"


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_an_index_that_cannot_be_read_is_a_failure(folder: Path, text: str) -> None:
    (folder / "model_index.json").write_text(text)
    assert check_model(str(folder))[0].state == "failure"


def test_a_pipeline_of_another_kind_needs_its_own_parts(folder: Path) -> None:
    index = {
        "_class_name": "StableDiffusionXLPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
        "image_encoder": [None, None],
        "force_zeros_for_empty_prompt": True,
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    shutil.copytree(folder / "transformer", folder / "unet")
    (folder / "text_encoder_2").mkdir()
    verdict, _ = check_model(str(folder))
    assert verdict.message.endswith(" lacks the weights in text_encoder_2")
    shutil.copytree(folder / "vae", folder / "text_encoder_2", dirs_exist_ok=True)
    assert check_model(str(folder))[0].state == "ok"


@pytest.mark.engine
def test_a_pipeline_that_cannot_paint_is_refused(folder: Path) -> None:
    pytest.importorskip("diffusers")
    (folder / "model_index.json").write_text('{"_class_name": "WanPipeline"}')
    verdict, _ = check_model(str(folder))
    assert verdict.state == "failure"
    assert "is a WanPipeline, which cannot paint here: it makes videos" in verdict.message


@pytest.mark.engine
def test_a_model_of_the_hub_is_looked_for_in_its_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    assert check_model(NAME)[0].state == "warning"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert check_model(NAME)[0].state == "failure"
    home = tmp_path / "models--someone--painter"
    shutil.copytree(TINY, home / "snapshots" / "abc")
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("abc")
    assert check_model(NAME)[0].state == "ok"
    (home / "snapshots" / "abc" / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    assert check_model(NAME)[0].remedy == f"Fetch it: limner pull {NAME}"


@pytest.mark.engine
def test_the_packages_and_the_device_of_the_engine_are_there() -> None:
    pytest.importorskip("diffusers")
    assert check_packages(is_wanted=True).state == "ok"
    verdict, ground = check_device("cpu")
    assert verdict.state == "ok"
    assert ground == Ground(Device("cpu", shared=True), "float32")
    assert "cpu" in verdict.message


@pytest.mark.engine
def test_a_device_that_is_not_there_is_a_failure() -> None:
    pytest.importorskip("torch")
    verdict, device = check_device("cuda:99")
    assert (verdict.state, device) == ("failure", None)
    assert verdict.remedy


def test_the_memory_of_a_picture_goes_by_the_size_of_its_family(folder: Path) -> None:
    (folder / "limner.json").unlink()
    index = json.loads((folder / "model_index.json").read_text())
    ground = Ground(Device("cuda:0", 10**10), "bfloat16")
    for name, pipeline, size in (
        ("sdxl-turbo", "StableDiffusionXLPipeline", "512x512"),
        ("Qwen-Image", "QwenImagePipeline", "1328x1328"),
        ("anything", "FluxPipeline", "1024x1024"),
    ):
        (folder / "model_index.json").write_text(json.dumps(index | {"_class_name": pipeline}))
        assert f"a step of {size}" in check_memory(name, folder, ground).message


def test_weights_that_cannot_fit_are_a_failure_with_the_flags_that_help() -> None:
    verdict = check_memory("tiny", TINY, Ground(Device("cuda:0", 10**6), "bfloat16"))
    assert verdict.state == "failure"
    assert "cuda:0 has 1.0 MB of memory free" in verdict.message
    assert "--device cpu" in (verdict.remedy or "")
    verdict = check_memory("tiny", TINY, Ground(Device("cuda:0", 10**9), "bfloat16"))
    assert verdict.state == "ok"
    assert "all of it stays loaded" in verdict.message
