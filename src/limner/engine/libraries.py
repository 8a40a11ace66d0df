"""torch and Diffusers, imported and used without a word that nobody asked for."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from limner.core.errors import ConfigError

_TALKATIVE = (
    "torchao",
    "torch.utils._pytree",
    "diffusers.quantizers.torchao",
    "transformers.utils.import_utils",
)
"""Say at import which kernels this torch cannot load, and what else could be installed."""

_NOISY = (
    "diffusers.loaders.lora_base",
    "diffusers.loaders.peft",
    "diffusers.models.modeling_utils",
)
_NOTHING = (
    "should be kept in float32: []",  # an empty list, at every cast of Diffusers 0.42
    "No LoRA keys associated to",  # of parts that an adapter leaves as they are; most leave some
)


def import_engine() -> tuple[Any, Any]:
    """torch and diffusers; raises ConfigError where one is not installed."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        import diffusers
        import torch
        import transformers  # noqa: F401  diffusers would fail later, and less clearly
    except ImportError as error:
        raise ConfigError(
            f"the local engine needs the package {error.name!r}; "
            "install it with: pip install 'limner[engine]'"
        ) from error
    return torch, diffusers


@contextmanager
def quiet(diffusers: Any) -> Iterator[None]:
    """Keep progress bars and what libraries say about each other off standard error."""
    import transformers

    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.disable_progress_bar()
    noisy = [logging.getLogger(name) for name in _NOISY]
    for logger in noisy:
        logger.addFilter(_says_something)
    try:
        with warnings.catch_warnings():
            # Diffusers 0.42 asks the Hub library in words that it no longer takes.
            warnings.filterwarnings("ignore", "The `local_dir_use_symlinks` argument")
            yield
    finally:
        for logger in noisy:
            logger.removeFilter(_says_something)


def _says_something(record: logging.LogRecord) -> bool:
    """False for warnings of what is as it should be."""
    return not any(words in record.getMessage() for words in _NOTHING)
