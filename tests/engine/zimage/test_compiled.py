"""Compiled blocks compute the same, are made once for all shapes, and are given up without harm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch._dynamo.testing import CompileCounter

from limner.engine.zimage import fit
from limner.engine.zimage.attention import native
from limner.engine.zimage.compiled import CompiledBlock
from limner.engine.zimage.forward import OwnForward

pytestmark = pytest.mark.engine


@pytest.fixture(autouse=True)
def _nothing_compiled() -> Iterator[None]:
    """The compiler keeps what it made by function, for the whole process."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.fixture
def model(loaded: Any) -> Any:
    return loaded.pipeline.transformer


def ask(own: OwnForward, batch: int, height: int, width: int, caption: int) -> Any:
    torch.manual_seed(3)
    latents = torch.randn(batch, 16, height, width)
    captions = [own.read(torch.randn(caption, 32)) for _ in range(batch)]
    return own.forward(latents, captions, own.modulations(torch.linspace(0, 0.9, batch)))


def test_blocks_become_two_artefacts_without_a_break_whatever_the_shapes(model: Any) -> None:
    """One for a single row, one for several: no later size, caption or batch makes another."""
    counter = CompileCounter()
    block = CompiledBlock(backend=counter)
    compiled, eager = OwnForward(model, native, block), OwnForward(model, native)
    with torch.inference_mode():
        for shape in ((1, 8, 8, 9), (2, 8, 8, 9), (4, 12, 6, 9), (1, 6, 10, 70), (3, 16, 16, 200)):
            answer, expected = ask(compiled, *shape), ask(eager, *shape)
            torch.testing.assert_close(answer, expected, atol=1e-5, rtol=0)
    assert block.failed is None
    assert counter.frame_count == 2


def test_what_the_compiler_lowers_to_computes_the_same(model: Any) -> None:
    """Through the stages that make one graph of operations without complex numbers."""
    compiled = OwnForward(model, native, CompiledBlock(backend="aot_eager"))
    for batch in (1, 2):
        assert fit.difference(model, compiled, OwnForward(model, native), batch) < 1e-5


def test_where_compiling_fails_blocks_are_computed_as_before(
    model: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(graph: Any, inputs: Any) -> Any:
        raise FileNotFoundError("no C++ compiler here")

    block = CompiledBlock(backend=broken)
    compiled = OwnForward(model, native, block)
    assert fit.difference(model, compiled, OwnForward(model, native)) == 0
    assert "no C++ compiler here" in (block.failed or "")
    assert caplog.text.count("painting without compiled blocks") == 1


def test_what_fails_while_it_computes_is_no_matter_of_the_compiler(model: Any) -> None:

    def runs_out(graph: Any, inputs: Any) -> Any:
        def run(*values: Any) -> Any:
            raise torch.OutOfMemoryError("no memory left")

        return run

    block = CompiledBlock(backend=runs_out)
    with pytest.raises(torch.OutOfMemoryError):
        fit.difference(model, OwnForward(model, native, block), OwnForward(model, native))
    assert block.failed is None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA or ROCm device here")
def test_on_a_gpu_compiled_blocks_compute_the_same(model: Any) -> None:
    import copy

    there = copy.deepcopy(model).to("cuda", torch.bfloat16)
    block = CompiledBlock()
    compiled, eager = OwnForward(there, native, block), OwnForward(there, native)
    for batch in (1, 2):
        assert fit.difference(there, compiled, eager, batch) < fit.tolerated(there)
    assert block.failed is None
