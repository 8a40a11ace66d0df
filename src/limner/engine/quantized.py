"""Linear layers in eight bits, by torchao.

fp8 multiplies in eight bits where the GPU can (Ada, Hopper and later, MI300 and later), and holds
weights in eight bits elsewhere, as int8 does everywhere.
"""

from __future__ import annotations

from typing import Any

import torch

from limner.core.errors import ConfigError
from limner.engine.quantizing import Quantize, is_quantized, is_quantized_part

INSTALL = "pip install 'limner[fp8]'"

_FP8_SINCE = (8, 9)
"""The compute capability of Ada, the first with eight-bit floats in its tensor cores."""


def check_quantize(quantize: Quantize, device: Any) -> None:
    """Raise ConfigError where torchao is not installed, or the device has no such numbers."""
    if quantize == "none":
        return
    if quantize == "fp8" and device.type == "mps":
        raise ConfigError(
            "quantize 'fp8' needs eight-bit floats, which Metal has not; accepted on mps are "
            "none and int8"
        )
    _import_torchao()


def quantize_part(module: Any, name: str, quantize: Quantize, device: Any) -> int:
    """Turn the linear layers of a part into eight-bit ones, one by one on the device.

    name: of the part in the pipeline. Says how many there were; none in a part left as it is.
    """
    if quantize == "none" or not is_quantized_part(name):
        return 0
    torchao = _import_torchao()
    count = 0

    def is_meant(layer: Any, path: str) -> bool:
        nonlocal count
        is_linear = isinstance(layer, torch.nn.Linear)
        chosen = is_linear and is_quantized(f"{path}.weight", layer.weight.shape)
        count += chosen
        return chosen

    torchao.quantize_(module, _kind(torchao, quantize, device), is_meant, device=device)
    return count


def _kind(torchao: Any, quantize: Quantize, device: Any) -> Any:
    if quantize == "int8":
        return torchao.Int8WeightOnlyConfig()
    if multiplies_fp8(torch, device):
        return torchao.Float8DynamicActivationFloat8WeightConfig(granularity=torchao.PerRow())
    return torchao.Float8WeightOnlyConfig()


def multiplies_fp8(torch: Any, device: Any) -> bool:
    """Whether a device's matrix units take eight-bit floats."""
    if device.type != "cuda":
        return False
    if torch.version.hip:
        name: str = torch.cuda.get_device_properties(device).gcnArchName
        return name.startswith(("gfx94", "gfx95", "gfx120"))
    return bool(torch.cuda.get_device_capability(device) >= _FP8_SINCE)


def _import_torchao() -> Any:
    try:
        from torchao import quantization
    except ImportError as error:
        raise ConfigError(
            f"quantize needs the package torchao, which cannot be imported ({error}); "
            f"install it with: {INSTALL}"
        ) from error
    return quantization
