"""How a model is laid out is decided, and said, before it is read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from limner.core.errors import ConfigError
from limner.core.image import Size
from limner.engine import room
from limner.engine.room import Ask, Device, Layout, find_room
from limner.engine.weights import Precision

GB = 10**9
CUDA = "cuda:0"


def weights(path: Path, rows: int, name: str = "layers.{}.mlp.weight", config: Any = None) -> None:
    """A file that says it holds so many rows of 10 000, in up to fifty layers; they are air."""
    layers = min(rows, 50)
    tensor = {"dtype": "BF16", "shape": [rows // layers, 10_000], "data_offsets": [0, 0]}
    tensors = {name.format(layer): tensor for layer in range(layers)}
    header = json.dumps({"__metadata__": {"format": "pt"}, **tensors}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    if config:
        (path.parent / "config.json").write_text(json.dumps(config))


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """As large as Z-Image-Turbo: ten billion numbers, the transformer's in two files."""
    weights(tmp_path / "text_encoder" / "model.safetensors", 400_000)
    parts = tmp_path / "transformer"
    for number in (1, 2):
        path = parts / f"diffusion-{number}-of-2.safetensors"
        weights(path, 300_000, f"layers.{number}.{{}}.weight", {"dim": 3840})
    index = {
        "weight_map": {"a": "diffusion-1-of-2.safetensors", "b": "diffusion-2-of-2.safetensors"}
    }
    (parts / "diffusion.safetensors.index.json").write_text(json.dumps(index))
    # Second copies, which nobody reads.
    weights(parts / "diffusion.fp16.safetensors", 600_000)
    weights(parts / "leftover.safetensors", 600_000)
    channels = {"block_out_channels": [128, 256, 512, 512]}
    weights(tmp_path / "vae" / "model.safetensors", 8_000, config=channels)
    return tmp_path


def laid_out(folder: Path, free: int | None, **how: Any) -> Layout:
    precision = Precision(how.pop("dtype", "bfloat16"), how.pop("quantize", "none"))
    device = Device(how.pop("device", CUDA), free, how.pop("shared", False))
    ask = Ask(precision, how.pop("offload", "auto"), Size(1024, 1024), Size(2048, 2048))
    return find_room("large", folder, ask, device)


def refusal(folder: Path, free: int | None, **how: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        laid_out(folder, free, **how)
    return refused.value.message


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "free_memory", lambda: 64 * GB)


@pytest.mark.usefixtures("roomy")
@pytest.mark.parametrize(
    ("free_gb", "quantize", "offload"),
    [
        (80, "none", "none"),
        (25.3, "none", "none"),  # 20.16 GB of weights and a quarter
        (25.1, "none", "model"),
        (16, "none", "model"),  # the transformer's 12 GB, the VAE, a step
        (13, "none", "sequential"),
        (15, "fp8", "none"),
        (10, "fp8", "model"),
    ],
)
def test_what_fits_with_a_margin_is_chosen_by_what_is_free(
    large: Path, free_gb: float, quantize: str, offload: str
) -> None:
    assert laid_out(large, int(free_gb * GB), quantize=quantize).offload == offload


@pytest.mark.usefixtures("roomy")
def test_what_is_needed_and_chosen_is_said(large: Path) -> None:
    assert laid_out(large, 16 * GB).words == (
        "20.2 GB of weights as bfloat16, about 1.1 GB for a step of 1024x1024 and 1.6 GB to decode "
        "it whole: one part at a time is loaded (--offload model), decoded in tiles of 1024 px; "
        "16.0 GB are free"
    )
    assert "all of it stays loaded; 80.0 GB are free" in laid_out(large, 80 * GB).words
    assert "as bfloat16, linear layers in fp8" in laid_out(large, 80 * GB, quantize="fp8").words


@pytest.mark.usefixtures("roomy")
def test_an_operator_s_choice_stands_as_long_as_the_weights_fit(large: Path) -> None:
    assert laid_out(large, 21 * GB, offload="none").offload == "none"
    assert laid_out(large, 80 * GB, offload="model").offload == "model"
    assert laid_out(large, 80 * GB, offload="sequential").offload == "sequential"
    assert laid_out(large, None, offload="model").offload == "model"


@pytest.mark.usefixtures("roomy")
def test_weights_count_as_they_will_be_held_and_second_copies_do_not(large: Path) -> None:
    assert refusal(large, 20 * GB, offload="none") == (
        "model 'large' needs 20.2 GB for its weights as bfloat16, and cuda:0 has 20.0 GB of memory "
        "free. What helps: ending what else uses it, --offload auto, --quantize fp8, which halves "
        "most of it, --device cpu, which is slow, a smaller --model, or --image-backend URL of an "
        "engine on a larger machine."
    )
    wide = refusal(large, 40 * GB, offload="none", dtype="float32")
    assert "needs 40.3 GB" in wide
    assert "--dtype bfloat16, which needs half" in wide
    # The VAE is held in float32 beside float16, and never in eight bits.
    assert "needs 20.3 GB" in refusal(large, GB, offload="none", dtype="float16")
    assert "needs 10.2 GB" in refusal(large, GB, offload="none", quantize="int8")


@pytest.mark.usefixtures("roomy")
def test_layers_that_are_fetched_are_not_quantized(large: Path) -> None:
    message = refusal(large, 80 * GB, offload="sequential", quantize="fp8")
    assert "not with quantize 'fp8'; accepted is --quantize none" in message
    # Nor does `auto` choose them then: what does not fit is refused.
    assert "needs 6.2 GB" in refusal(large, 6 * GB, quantize="fp8")


@pytest.mark.usefixtures("roomy")
@pytest.mark.parametrize(
    ("free_gb", "tile_px"), [(80, None), (26, 1024), (22, 640), (20.9, 256), (20.2, 256)]
)
def test_pictures_are_decoded_in_tiles_as_small_as_memory_asks(
    large: Path, free_gb: float, tile_px: int | None
) -> None:
    assert laid_out(large, int(free_gb * GB), offload="none").tile_px == tile_px


@pytest.mark.usefixtures("roomy")
@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_in_the_machine_s_memory_there_is_nowhere_to_offload_to(large: Path, device: str) -> None:
    assert laid_out(large, None, device=device, shared=True).offload == "none"
    message = refusal(large, None, device=device, shared=True, offload="model")
    assert f"{device} has none of its own; accepted are auto and none" in message
    assert "--offload" not in refusal(large, 12 * GB, device=device, shared=True)


def test_the_machine_s_own_memory_is_too_small_for_any_device(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "free_memory", lambda: 8 * GB)
    assert "this machine has 8.0 GB of memory free" in refusal(large, 80 * GB)


def test_where_nobody_knows_the_memory_nothing_is_refused(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "free_memory", lambda: None)
    assert laid_out(large, None).offload == "none"
    words = laid_out(large, None, device="cpu", shared=True).words
    assert words.endswith("all of it stays loaded")


@pytest.mark.engine
def test_loading_refuses_what_cannot_fit(folder: Path, tmp_path: Path) -> None:
    from limner.engine.loading import load

    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    weights(copy / "vae" / "diffusion_pytorch_model.safetensors", 10**11)
    with pytest.raises(ConfigError, match=r"model 'copy' needs 4000000\.\d GB for its weights"):
        load(str(copy), device="cpu", threads=1)
