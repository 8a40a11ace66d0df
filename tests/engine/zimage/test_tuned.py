"""What makes steps quick is chosen while a model loads, told, and taken back where it is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from limner.core.errors import ConfigError
from limner.core.image import Size
from limner.engine.loading import load
from limner.engine.tuning import Tuning
from limner.engine.zimage.denoise import Denoiser
from limner.engine.zimage.forward import StockForward
from limner.engine.zimage.tuned import tuned

pytestmark = pytest.mark.engine


def quiet(share: float, words: str) -> None: ...


@pytest.fixture(autouse=True)
def _nothing_compiled() -> Iterator[None]:
    """The compiler keeps what it made by function, for the whole process."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def test_on_a_processor_nothing_is_compiled_unless_it_is_asked_for(loaded: Any) -> None:
    setup = tuned(loaded, Tuning(), quiet).setup
    assert setup == {
        "attention": "native",
        "compile": "off: on cpu it gains little for what it takes",
    }


def test_compiled_blocks_paint_the_same_picture(loaded: Any) -> None:
    said: list[str] = []
    tuning = Tuning(compile="on", compiler="aot_eager")
    compiled = Denoiser(loaded, tuning, lambda share, words: said.append(words))
    assert compiled.setup["compile"] == "on"
    assert said == ["compiling; the first start takes a minute or more, later ones seconds"]
    pictures = []
    for denoiser in (compiled, Denoiser(loaded)):
        caption = denoiser.caption("a red circle")
        canvases = [
            denoiser.canvas(caption, Size(80, 48), seed=seed, steps=3, guidance=2.0)
            for seed in (1, 2)
        ]
        for _ in range(3):
            assert denoiser.step(canvases) == [True, True]
        pictures.append(torch.stack([canvas.latents for canvas in canvases]))
    torch.testing.assert_close(*pictures, atol=1e-5, rtol=0)


def test_where_compiling_fails_the_engine_starts_all_the_same(loaded: Any) -> None:
    def broken(graph: Any, inputs: Any) -> Any:
        raise FileNotFoundError("no C++ compiler here")

    denoiser = Denoiser(loaded, Tuning(compile="on", compiler=broken))
    assert denoiser.setup["compile"] == "failed: FileNotFoundError: no C++ compiler here"
    denoiser.warm_up()


def test_blocks_that_are_compiled_wrong_are_not_used(
    loaded: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(graph: Any, inputs: Any) -> Any:
        return lambda *values: tuple(2 * each for each in graph(*values))

    found = tuned(loaded, Tuning(compile="on", compiler=wrong), quiet)
    assert found.setup["compile"].startswith("failed: compiled blocks answer ")
    assert "painting without compiled blocks" in caplog.text


def test_layers_that_come_when_they_are_called_are_left_to_diffusers(loaded: Any) -> None:
    layered = replace(loaded, layout=replace(loaded.layout, offload="sequential"))
    found = tuned(layered, Tuning(compile="on"), quiet)
    assert isinstance(found.forward, StockForward)
    assert found.setup["forward"] == "Diffusers' own: its layers come when they are called"
    assert found.setup["compile"].startswith("off: ")


def test_layers_that_adapters_change_are_not_compiled(loaded: Any) -> None:
    adapted = replace(loaded, facts=replace(loaded.facts, loras=(("ink", 1.0),)))
    found = tuned(adapted, Tuning(compile="on"), quiet)
    assert found.setup["compile"] == "off: adapters change the layers between pictures"


def test_an_attention_that_is_not_here_is_refused_before_anything_is_painted(loaded: Any) -> None:
    with pytest.raises(ConfigError, match="attention 'flash3' does not work here"):
        Denoiser(loaded, Tuning(attention="flash3"))


def test_sizes_to_warm_up_are_those_that_the_model_paints(loaded: Any) -> None:
    denoiser = Denoiser(loaded, Tuning(warm_sizes=(Size(128, 64), Size(960, 480))))
    denoiser.warm_up()
    with pytest.raises(ConfigError, match="warm size 16x8000"):
        Denoiser(loaded, Tuning(warm_sizes=(Size(16, 8000),)))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA or ROCm device here")
def test_on_a_gpu_a_compiled_and_recorded_engine_paints_as_a_plain_one(folder: Path) -> None:
    there = load(str(folder), device="cuda")
    quick, plain = Denoiser(there), Denoiser(there, Tuning(attention="native", compile="off"))
    assert quick.setup["compile"] == "on"
    assert quick.setup["graphs"] == "16 passes of small sizes"
    pictures = []
    for denoiser in (quick, plain):
        denoiser.warm_up()
        caption = denoiser.caption("a red circle")
        canvases = [
            denoiser.canvas(caption, Size(64, 64), seed=seed, steps=4, guidance=0)
            for seed in (1, 2)
        ]
        for _ in range(4):
            assert denoiser.step(canvases) == [True, True]
        pictures.append(torch.stack([canvas.latents for canvas in canvases]))
    away = (pictures[0] - pictures[1]).norm() / pictures[1].norm()
    assert away < 0.05
