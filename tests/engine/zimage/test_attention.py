"""What computes attention is tried first, and only then used."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from limner.core.errors import ConfigError
from limner.engine.zimage.attention import BACK_ENDS, Attention, choose, native

pytestmark = pytest.mark.engine


def chosen(asked: str) -> Attention:
    return choose(asked, heads=3, head=64, device=torch.device("cpu"), dtype=torch.float32)


@pytest.fixture
def aiter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that can be imported under the name of AMD's, and has no kernels yet."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "aiter", raising=False)
    return tmp_path / "aiter.py"


def test_a_processor_attends_as_torch_does() -> None:
    assert chosen("auto") == Attention("native", native)


@pytest.mark.parametrize("name", sorted(BACK_ENDS.keys() - {"native"}))
def test_what_does_not_work_here_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"attention '{name}' does not work here: .+; 'auto'"):
        chosen(name)


def test_a_package_that_computes_right_is_used(aiter: Path) -> None:
    aiter.write_text(
        "from limner.engine.zimage.attention import native\n"
        "def flash_attn_func(q, k, v): return native(q, k, v).contiguous()\n"
    )
    found = chosen("aiter")
    parts = torch.randn(3, 1, 40, 3, 64).unbind(0)
    torch.testing.assert_close(found.attend(*parts), native(*parts))
    compiled = torch.compile(found.attend, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(*parts), native(*parts))


def test_a_package_that_computes_wrong_is_not(aiter: Path) -> None:
    aiter.write_text("def flash_attn_func(q, k, v): return v.clone()\n")
    with pytest.raises(ConfigError, match="away from torch's"):
        chosen("aiter")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA or ROCm device here")
def test_on_a_gpu_something_is_chosen_that_agrees_with_torch() -> None:
    found = choose("auto", heads=4, head=128, device="cuda", dtype=torch.bfloat16)
    parts = torch.randn(3, 1, 1088, 4, 128, device="cuda", dtype=torch.bfloat16).unbind(0)
    torch.testing.assert_close(found.attend(*parts), native(*parts), atol=2e-2, rtol=2e-2)
