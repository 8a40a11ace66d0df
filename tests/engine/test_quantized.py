"""Linear layers in eight bits: which they are, what they cost, and where there are none."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from limner.core.errors import ConfigError
from limner.core.image import Size
from limner.engine.loading import load
from limner.engine.params import Plan
from limner.engine.quantized import check_quantize, multiplies_fp8
from limner.engine.weights import Precision, weigh
from limner.engine.zimage.denoise import Denoiser

pytestmark = pytest.mark.engine

CPU = torch.device("cpu")


def painted(loaded: Any) -> Any:
    """In RGB, 0 to 255."""
    denoiser: Any = Denoiser(loaded)
    denoiser.warm_up()
    size = Size(64, 64)
    plan = Plan("a red circle", size, size, 8, 8, 0.0, (7,), "png", 0, 0, "random")
    (canvas,) = denoiser.begin(plan).canvases
    for _ in range(8):
        assert denoiser.step([canvas]) == [True]
    return denoiser.pixels(denoiser.foreseen(canvas), preview=False).astype(float)


@pytest.mark.parametrize(("quantize", "error"), [("fp8", 4), ("int8", 1)])
def test_a_picture_in_eight_bits_is_nearly_the_same(
    folder: Path, loaded: Any, quantize: Any, error: float
) -> None:
    pytest.importorskip("torchao")
    narrow = load(str(folder), device="cpu", threads=1, quantize=quantize)
    apart = abs(painted(narrow) - painted(loaded)).mean()
    assert 0 < apart < error


def test_weights_take_as_much_as_was_foretold(folder: Path) -> None:
    """But for the scales, one number for each row of a matrix."""
    pytest.importorskip("torchao")
    pipeline = load(str(folder), device="cpu", threads=1, quantize="int8").pipeline
    parts = {part.name: part for part in weigh(folder)}
    for name in ("text_encoder", "transformer", "vae"):
        weights = [each for each in getattr(pipeline, name).parameters()]
        narrow = [each for each in weights if hasattr(each, "qdata")]
        rows = sum(len(each) for each in narrow)
        held = sum(each.qdata.nbytes for each in narrow)
        held += sum(each.nbytes for each in weights if not hasattr(each, "qdata"))
        assert held == Precision("float32", "int8").bytes_of(parts[name])
        assert bool(narrow) == (name != "vae")
        assert rows <= sum(each.numel() for each in narrow) / 16


def test_parts_in_eight_bits_take_turns_on_a_device_like_any_others(folder: Path) -> None:
    pytest.importorskip("torchao")
    from limner.engine.offload import Swap

    pipeline = load(str(folder), device="cpu", threads=1, quantize="int8").pipeline
    swap = Swap(torch.device("meta"), [pipeline.transformer, pipeline.text_encoder])
    weight = pipeline.transformer.layers[0].attention.to_q.weight
    swap.bring(pipeline.transformer)
    assert pipeline.transformer.layers[0].attention.to_q.weight.device.type == "meta"
    swap.bring(pipeline.text_encoder)
    assert pipeline.transformer.layers[0].attention.to_q.weight is weight
    assert weight.device == CPU


def test_metal_has_no_eight_bit_floats() -> None:
    with pytest.raises(ConfigError, match="accepted on mps are none and int8"):
        check_quantize("fp8", torch.device("mps"))


def test_without_torchao_it_is_refused_with_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torchao", None)
    with pytest.raises(ConfigError, match=r"pip install 'limner\[fp8\]'"):
        load(str(folder), device="cpu", threads=1, quantize="fp8")
    check_quantize("none", torch.device("mps"))


@pytest.mark.parametrize(
    ("device", "capability", "arch", "multiplies"),
    [
        ("cuda", (9, 0), None, True),
        ("cuda", (8, 9), None, True),
        ("cuda", (8, 6), None, False),
        ("cuda", (9, 4), "gfx942:sramecc+", True),
        ("cuda", (9, 0), "gfx90a", False),
        ("cpu", (0, 0), None, False),
    ],
)
def test_eight_bit_floats_are_multiplied_where_there_are_units_for_them(
    device: str, capability: tuple[int, int], arch: str | None, multiplies: bool
) -> None:
    there = SimpleNamespace(
        cuda=SimpleNamespace(
            get_device_capability=lambda device: capability,
            get_device_properties=lambda device: SimpleNamespace(gcnArchName=arch),
        ),
        version=SimpleNamespace(hip=arch and "7.0"),
    )
    assert multiplies_fp8(there, torch.device(device)) is multiplies
