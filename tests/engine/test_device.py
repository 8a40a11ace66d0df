"""What is said of devices that are not here is written down as torch would answer."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from limner.core.errors import ConfigError
from limner.engine.device import (
    DeviceFacts,
    choose_device,
    choose_dtype,
    device_facts,
    is_out_of_memory,
    release_memory,
)
from limner.engine.devices import all_devices

pytestmark = pytest.mark.engine

GB = 10**9


def answers(**facts: Any) -> SimpleNamespace:
    """A torch whose GPU answers so; what it computes, it computes as the real one."""
    backend = {
        "is_available": lambda: True,
        "get_device_name": lambda device: "Radeon PRO",
        "mem_get_info": lambda device: (5 * GB, 48 * GB),
        "is_bf16_supported": lambda including_emulation: not including_emulation,
        "recommended_max_memory": lambda: 24 * GB,
        "driver_allocated_memory": lambda: 3 * GB,
        "empty_cache": lambda: None,
    }
    here = SimpleNamespace(**{**backend, **facts})
    away = SimpleNamespace(is_available=lambda: False)
    return SimpleNamespace(
        cuda=here,
        xpu=here,
        mps=here,
        backends=SimpleNamespace(mps=away),
        version=SimpleNamespace(cuda=None, hip="7.0"),
        zeros=lambda *shape, dtype, device: torch.zeros(*shape, dtype=dtype),
        empty=torch.empty,
        bfloat16=torch.bfloat16,
        float16=torch.float16,
        float32=torch.float32,
    )


def test_a_gpu_says_its_name_its_memory_and_what_torch_was_built_for() -> None:
    facts = device_facts(answers(), torch.device("cuda:0"))
    assert facts == DeviceFacts("Radeon PRO", 48 * GB, 5 * GB, rocm="7.0")
    assert device_facts(answers(), torch.device("xpu:0")) == DeviceFacts(
        "Radeon PRO", 48 * GB, 5 * GB
    )


def test_metal_lends_a_part_of_the_machine_s_memory() -> None:
    facts = device_facts(answers(), torch.device("mps"))
    assert facts == DeviceFacts("Apple GPU (Metal)", 24 * GB, 21 * GB, own_memory=False)


def test_a_cpu_has_nothing_to_say() -> None:
    assert device_facts(torch, torch.device("cpu")) is None


@pytest.mark.parametrize(
    ("device", "computed", "chosen"),
    [
        ("cuda:0", True, "bfloat16"),
        ("cuda:0", False, "float16"),
        ("mps", True, "bfloat16"),
        ("mps", False, "float16"),
        ("cpu", True, "float32"),
    ],
)
def test_bfloat16_is_chosen_where_it_is_computed_not_emulated(
    device: str, computed: bool, chosen: str
) -> None:
    gpu = answers(is_bf16_supported=lambda including_emulation: computed or including_emulation)

    def zeros(*shape: int, dtype: Any, device: Any) -> Any:
        if not computed:
            raise TypeError("BFloat16 is not supported on MPS")
        return torch.zeros(*shape, dtype=dtype)

    gpu.zeros = zeros
    assert choose_dtype(gpu, "auto", torch.device(device)) == getattr(torch, chosen)


@pytest.mark.parametrize("best", ["cuda", "mps", "xpu"])
def test_auto_takes_whichever_gpu_there_is(best: str) -> None:
    there = answers()
    for name in ("cuda", "xpu"):
        setattr(there, name, SimpleNamespace(is_available=partial(best.__eq__, name)))
    there.backends.mps.is_available = lambda: best == "mps"
    asked: list[str] = []

    def empty(size: int, device: str) -> Any:
        asked.append(device)
        return torch.empty(size)

    there.empty = empty
    choose_device(there, "auto")
    assert asked == [best]


def test_a_device_of_no_kind_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"Accepted are auto, cpu, .*xpu:<number>\."):
        choose_device(torch, "abacus")


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (torch.OutOfMemoryError("HIP out of memory"), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 18.1 GB)"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("MPS backend out of memory"), False),
    ],
)
def test_every_device_says_in_its_own_words_that_memory_is_out(
    error: Exception, is_memory: bool
) -> None:
    assert is_out_of_memory(torch, error) is is_memory


def test_what_allocators_hold_is_given_back_where_there_are_any() -> None:
    given: list[str] = []
    there = answers(empty_cache=lambda: given.append("back"))
    there.xpu = SimpleNamespace(is_available=lambda: False)
    release_memory(there)
    assert given == ["back", "back"]
    release_memory(torch)


@pytest.mark.parametrize(
    ("cuda", "xpu", "found"),
    [(2, 0, ["cuda:0", "cuda:1"]), (1, 2, ["cuda:0"]), (0, 2, ["xpu:0", "xpu:1"])],
)
def test_every_gpu_that_torch_sees_is_listed(cuda: int, xpu: int, found: list[str]) -> None:
    there = SimpleNamespace(
        cuda=SimpleNamespace(device_count=lambda: cuda),
        xpu=SimpleNamespace(device_count=lambda: xpu),
    )
    assert all_devices(there) == found


def test_what_the_environment_hides_is_named_where_a_device_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,3")
    with pytest.raises(ConfigError, match="CUDA_VISIBLE_DEVICES='1,3' leaves out others"):
        choose_device(torch, "cuda:63")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    with pytest.raises(ConfigError) as unhidden:
        choose_device(torch, "cuda:63")
    assert "leaves out" not in unhidden.value.message
