"""What computes attention: the quickest back end that works here, tried before it is trusted.

A package that imports may still not know this device, this float type or heads of this width, or
may have been built for another torch. So each candidate answers one small question, which torch's
own attention answers too. Nothing is ever downloaded.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812

from limner.core.errors import ConfigError
from limner.engine.zimage.blocks import Attend

logger = logging.getLogger(__name__)

_TOKENS = 96
_TOLERANCE = 0.02
"""Of the answer's size: narrow floats round, a wrong layout is off by all of it."""


@dataclass(frozen=True, slots=True)
class Attention:
    """name: as in `BACK_ENDS`. attend: see `blocks.Attend`."""

    name: str
    attend: Attend


def native(query: Any, key: Any, value: Any) -> Any:
    """Attention as torch itself chooses to compute it."""
    swapped = (part.transpose(1, 2) for part in (query, key, value))
    return F.scaled_dot_product_attention(*swapped).transpose(1, 2)


def _of_diffusers(name: str) -> Attend:
    """One of the back ends that Diffusers wraps so that they may be compiled."""
    from diffusers.models.attention_dispatch import AttentionBackendName, dispatch_attention_fn

    attend: Attend = partial(dispatch_attention_fn, backend=AttentionBackendName(name))
    return attend


def _aiter() -> Attend:
    """AMD's kernels; Diffusers knows them only as a download. Opaque to the compiler."""
    from aiter import flash_attn_func  # type: ignore[import-not-found,unused-ignore]

    def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = flash_attn_func(query, key, value)
        return answer

    operation = torch.library.custom_op("limner::aiter", attend, mutates_args=())
    operation.register_fake(lambda query, key, value: torch.empty_like(query))
    return operation


BACK_ENDS: Mapping[str, Callable[[], Attend]] = MappingProxyType(
    {
        "native": lambda: native,
        "cudnn": lambda: _of_diffusers("_native_cudnn"),
        "flash3": lambda: _of_diffusers("_flash_3"),
        "flash2": lambda: _of_diffusers("flash"),
        "aiter": _aiter,
    }
)
"""By the name that `--attention` takes."""
_PACKAGES = MappingProxyType(
    {"flash3": "flash_attn_interface", "flash2": "flash_attn", "aiter": "aiter"}
)
_ON_CUDA = ("flash3", "cudnn", "flash2")
_ON_ROCM = ("aiter", "flash2")


def choose(asked: str, *, heads: int, head: int, device: Any, dtype: Any) -> Attention:
    """asked: `auto` or a name of `BACK_ENDS`. heads, head: their number and width.

    Raises ConfigError when the one that is asked for by name does not work here.
    """
    question = _question(heads, head, device, dtype)
    if asked != "auto":
        tried = _tried(asked, question)
        if isinstance(tried, str):
            raise ConfigError(
                f"attention {asked!r} does not work here: {tried}; 'auto' takes what does"
            )
        return tried
    for name in _quickest_first(device):
        tried = _tried(name, question)
        if not isinstance(tried, str):
            return tried
        logger.debug("attention %s is not used: %s", name, tried)
    return Attention("native", native)


def _quickest_first(device: Any) -> tuple[str, ...]:
    if torch.device(device).type != "cuda":
        return ()
    return _ON_ROCM if torch.version.hip else _ON_CUDA


def _question(heads: int, head: int, device: Any, dtype: Any) -> tuple[Any, ...]:
    generator = torch.Generator("cpu").manual_seed(0)
    shape = (3, 2, _TOKENS, heads, head)
    return torch.randn(shape, generator=generator).to(device, dtype).unbind(0)


def _tried(name: str, question: tuple[Any, ...]) -> Attention | str:
    """The back end, or why it is not used."""
    package = _PACKAGES.get(name)
    if package and find_spec(package) is None:
        return f"the package {package} is not installed"
    try:
        attend = BACK_ENDS[name]()
        with torch.inference_mode():
            answer, expected = attend(*question).float(), native(*question).float()
            apart = float((answer - expected).norm() / expected.norm())
    except Exception as error:  # whatever strangers' kernels raise, there is another way
        first = re.split(r"\.\s|\n", str(error))[0]
        return f"{type(error).__name__}: {first}"
    if not apart <= _TOLERANCE:  # true for NaN as well
        return f"its answers are {apart:.1%} away from torch's"
    return Attention(name, attend)
