"""What loads, what is refused, and in which words."""

from __future__ import annotations

import builtins
import json
import logging
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from limner.core.errors import ConfigError
from limner.core.image import ImageRequest, Size
from limner.engine import model_files
from limner.engine.device import physical_cores
from limner.engine.loading import load, open_model
from limner.engine.params import plan

pytestmark = pytest.mark.engine


def test_a_folder_loads_with_the_facts_it_states(loaded: Any) -> None:
    import torch

    assert loaded.facts.name == "random"
    assert loaded.facts.native_size == Size(64, 64)
    assert len(loaded.facts.buckets) == 3
    assert loaded.device == torch.device("cpu")
    assert (
        loaded.dtype
        == loaded.pipeline.transformer.dtype
        == loaded.pipeline.vae.dtype
        == torch.float32
    )
    assert not loaded.pipeline.transformer.training


def test_loading_tells_how_far_it_is_and_prints_nothing(
    folder: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    told: list[tuple[float, str]] = []
    with caplog.at_level(logging.WARNING):
        load(str(folder), device="cpu", threads=1, progress=lambda *tell: told.append(tell))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert str(folder) in told[-1][1]
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_another_dtype_is_obeyed_but_the_vae_is_never_float16(folder: Path, dtype: str) -> None:
    import torch

    loaded = load(str(folder), device="cpu", dtype=dtype, threads=1)
    assert (
        loaded.pipeline.transformer.dtype
        == loaded.pipeline.text_encoder.dtype
        == getattr(torch, dtype)
    )
    assert loaded.pipeline.vae.dtype == (torch.float32 if dtype == "float16" else torch.bfloat16)


def test_the_name_is_the_operators_choice(folder: Path) -> None:
    assert load(str(folder), name="mine", device="cpu", threads=1).facts.name == "mine"


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def refusal(model: Path | str, **options: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        load(str(model), **{"device": "cpu", "threads": 1, **options})
    return refused.value.message


def test_a_missing_folder_is_named_with_what_would_be_accepted(tmp_path: Path) -> None:
    message = refusal(tmp_path / "nothing")
    assert str(tmp_path / "nothing") in message
    assert "Tongyi-MAI/Z-Image-Turbo" in message


def test_a_hub_model_that_is_not_here_fails_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert refusal("nobody/nothing").startswith("model 'nobody/nothing' cannot be loaded: ")


def test_a_folder_without_a_pipeline_is_refused(tmp_path: Path) -> None:
    assert "model_index.json" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("pipeline", "says"),
    [
        ("WanPipeline", "it makes videos"),
        ("NoPipeline", "no pipeline of Diffusers"),
        (["pipeline", "Mine"], "no pipeline of Diffusers"),
        ("AutoencoderKL", "no pipeline of Diffusers"),
    ],
)
def test_what_paints_no_pictures_is_refused_before_its_weights_are_read(
    copy: Path, pipeline: Any, says: str
) -> None:
    shutil.rmtree(copy / "transformer")
    index = json.loads((copy / "model_index.json").read_text())
    (copy / "model_index.json").write_text(json.dumps(index | {"_class_name": pipeline}))
    message = refusal(copy)
    assert str(pipeline) in message
    assert says in message


def test_a_pipeline_with_missing_weights_is_refused(copy: Path) -> None:
    (copy / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    assert "cannot be loaded" in refusal(copy)


@pytest.mark.parametrize(("text", "says"), [("{", "is not JSON"), ("[]", "JSON object")])
def test_broken_settings_are_refused(copy: Path, text: str, says: str) -> None:
    (copy / "limner.json").write_text(text)
    message = refusal(copy)
    assert "limner.json" in message
    assert says in message


def test_noise_levels_that_depend_on_the_size_are_left_to_the_pipeline(copy: Path) -> None:
    path = copy / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"use_dynamic_shifting": True}))
    loaded = load(str(copy), device="cpu", threads=1)
    model = open_model(loaded)
    decided = plan(ImageRequest("a", seed=1), model.facts, 0)
    (canvas,) = model.begin(decided).canvases
    for _ in range(decided.steps):
        assert model.step([canvas]) == [True]
    assert model.pixels(model.foreseen(canvas), preview=False).shape == (64, 64, 3)


@pytest.mark.parametrize("device", ["gpu", "xla", "cuda:99"])
def test_a_device_that_is_not_here_is_refused(folder: Path, device: str) -> None:
    message = refusal(folder, device=device)
    assert f"device '{device}' cannot be used" in message
    assert "auto, cpu, cuda" in message or "--device cpu needs no GPU" in message


def test_who_asks_for_a_gpu_where_there_is_none_hears_what_it_costs_to_do_without(
    folder: Path,
) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one here")
    message = refusal(folder, device="cuda")
    assert "--device cpu needs no GPU" in message
    assert "ten minutes to an hour" in message


def test_an_unknown_dtype_is_refused(folder: Path) -> None:
    assert "got 'int4'" in refusal(folder, dtype="int4")


def test_a_missing_extra_is_answered_with_the_command_that_installs_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without_diffusers(name: str, *rest: Any) -> Any:
        if name == "diffusers":
            raise ModuleNotFoundError("No module named 'diffusers'", name="diffusers")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_diffusers)
    message = refusal(folder)
    assert "'diffusers'" in message
    assert "pip install 'limner[engine]'" in message


def test_there_is_at_least_one_core_here() -> None:
    assert 1 <= physical_cores() <= 4096


def test_rules_and_loading_import_no_torch_by_themselves() -> None:
    modules = "limner.engine.params, limner.engine.scheduler, limner.engine.loading"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_tiny_lies_in_the_package() -> None:
    assert model_files.TINY.parts[-4:] == ("limner", "engine", "models", "tiny")
