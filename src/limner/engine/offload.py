"""Models larger than a GPU's memory: parts, or layers, that lie there only while they work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from accelerate.hooks import ModelHook, add_hook_to_module
from diffusers.hooks import apply_group_offloading


class Swap:
    """Parts of a pipeline of which one at a time is on the device; the others wait beside it.

    Weights do not change while a model paints. So a part that leaves is not copied back: the
    machine's memory has kept it. A part comes when it is called, or when `bring` asks for it; all
    that from one thread.
    """

    def __init__(self, device: Any, parts: Iterable[Any], stays: Any = None) -> None:
        """parts: modules, in the machine's memory. stays: one that is always on the device."""
        self._device = device
        self._parts = tuple(parts)
        self._here: Any = None
        self._kept: list[tuple[dict[str, Any], str, Any]] = []
        for part in self._parts:
            add_hook_to_module(part, _ComesWhenCalled(self, device), append=True)
        if stays is not None:
            add_hook_to_module(stays, _OnDevice(device), append=True)

    def bring(self, part: Any) -> None:
        """Put a part on the device, in place of the one that is there."""
        if part is self._here or part not in self._parts:
            return
        self._send_back()
        self._here = part
        with torch.no_grad():
            for owner, name, tensor in list(_tensors(part)):
                self._kept.append((owner, name, tensor))
                moved = tensor.to(self._device)
                is_parameter = isinstance(tensor, torch.nn.Parameter)
                owner[name] = torch.nn.Parameter(moved, False) if is_parameter else moved

    def _send_back(self) -> None:
        for owner, name, tensor in self._kept:
            owner[name] = tensor
        self._kept.clear()
        self._here = None


class _OnDevice(ModelHook):  # type: ignore[misc]  # accelerate has no types
    """Tells Diffusers where a pipeline's inputs are to be, in the word that it looks for."""

    def __init__(self, device: Any) -> None:
        self.execution_device = device


class _ComesWhenCalled(_OnDevice):
    def __init__(self, swap: Swap, device: Any) -> None:
        super().__init__(device)
        self._swap = swap

    def pre_forward(self, module: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        self._swap.bring(module)
        return args, kwargs


def _tensors(part: Any) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Every weight and buffer, with the table of its module that holds it under this name."""
    for module in part.modules():
        for table in (module._parameters, module._buffers):
            yield from ((table, name, each) for name, each in table.items() if each is not None)


def fetch_layers(device: Any, parts: Iterable[Any]) -> None:
    """Let every layer of the parts come when it is called and go again, one ahead on CUDA."""
    for part in parts:
        apply_group_offloading(
            part,
            onload_device=device,
            offload_type="leaf_level",
            use_stream=device.type == "cuda",
            low_cpu_mem_usage=True,  # else all weights are copied into pages that cannot be swapped
        )
