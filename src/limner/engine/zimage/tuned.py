"""The quickest forward pass that is right here: chosen, compiled and recorded while a model loads.

Each step towards it is checked against the one before, and taken back where it answers otherwise:
our pass against Diffusers', compiled blocks against plain ones, recorded passes against run ones.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import torch

from limner.core.errors import ConfigError, ImageError
from limner.core.image import Size
from limner.engine.loading import Loaded, Progress
from limner.engine.model import ModelFacts
from limner.engine.sizes import new_sizes
from limner.engine.tuning import Tuning
from limner.engine.zimage import attention, fit, graphs
from limner.engine.zimage.compiled import CompiledBlock
from limner.engine.zimage.forward import Forward, OwnForward, StockForward

logger = logging.getLogger(__name__)

_PROGRESS = 0.9
"""How far loading is when the weights are there."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """forward: the pass. setup: what was chosen and why, in words, by what it concerns."""

    forward: Forward
    setup: dict[str, str] = field(default_factory=dict)


def tuned(loaded: Loaded, tuning: Tuning, progress: Progress) -> Tuned:
    """Blocks, for minutes where blocks are compiled for the first time.

    Raises ConfigError when an attention that is asked for by name does not work here.
    """
    model = loaded.pipeline.transformer
    stock = StockForward(model)
    if loaded.layout.offload == "sequential":
        return _stock(stock, "its layers come when they are called")
    if said := fit.unlike(model):
        return _warned(stock, said)
    loaded.bring(model)
    of_block = model.layers[0].attention
    chosen = attention.choose(
        tuning.attention,
        heads=of_block.heads,
        head=model.dim // of_block.heads,
        device=loaded.device,
        dtype=loaded.dtype,
    )
    own = OwnForward(model, chosen.attend)
    apart = fit.difference(model, own, stock)
    if not apart <= fit.tolerated(model):  # true for NaN as well
        return _warned(stock, f"its answers are {apart:.1%} away from those of our pass")
    setup = {"attention": chosen.name}
    forward, setup["compile"] = _compiled(own, loaded, chosen, tuning, progress)
    if str(loaded.device).startswith("cuda"):
        setup["graphs"] = _recorded(forward, loaded, tuning, progress)
    return Tuned(forward, setup)


def warm_sizes(facts: ModelFacts, tuning: Tuning) -> tuple[Size, ...]:
    """Sizes to paint once before the engine is ready, the native one first.

    Raises ConfigError for one that the model does not paint.
    """
    sizes = [facts.native_size]
    for asked in tuning.warm_sizes:
        try:
            sizes.append(new_sizes(asked, facts, [])[0])
        except ImageError as error:
            raise ConfigError(f"warm size {asked} cannot be painted: {error.message}") from error
    return tuple(dict.fromkeys(sizes))


def _warned(stock: StockForward, said: str) -> Tuned:
    logger.warning(
        "painting with the forward pass of Diffusers, which is slower than ours: %s",
        said,
        extra={"action": "load"},
    )
    return _stock(stock, said)


def _stock(stock: StockForward, said: str) -> Tuned:
    setup = {
        "forward": f"Diffusers' own: {said}",
        "attention": "native",
        "compile": "off: blocks of our own pass are what is compiled",
    }
    return Tuned(stock, setup)


def _compiled(
    own: OwnForward,
    loaded: Loaded,
    chosen: attention.Attention,
    tuning: Tuning,
    progress: Progress,
) -> tuple[OwnForward, str]:
    """Our pass with compiled blocks, or as it is, and which."""
    model = loaded.pipeline.transformer
    if why_not := _not_compiled(loaded, tuning):
        return own, f"off: {why_not}"
    progress(_PROGRESS, "compiling; the first start takes a minute or more, later ones seconds")
    block = CompiledBlock(tuning.compiler)
    compiled = OwnForward(model, chosen.attend, block)
    off = max(fit.difference(model, compiled, own, rows, fit.APART) for rows in (1, 2))
    if block.failed:
        return own, f"failed: {block.failed}"
    if not off <= fit.tolerated(model):
        said = f"compiled blocks answer {off:.1%} away from plain ones"
        logger.warning("painting without compiled blocks: %s", said, extra={"action": "compile"})
        return own, f"failed: {said}"
    return compiled, "on"


def _not_compiled(loaded: Loaded, tuning: Tuning) -> str | None:
    """Why blocks are not compiled; None when they are."""
    if loaded.facts.loras:
        return "adapters change the layers between pictures"
    if loaded.layout.offload != "none":
        return "parts of the model come and go"
    if tuning.compile == "off":
        return "the settings say so"
    if tuning.compile == "auto" and not str(loaded.device).startswith("cuda"):
        return f"on {loaded.device} it gains little for what it takes"
    return None


def _recorded(own: OwnForward, loaded: Loaded, tuning: Tuning, progress: Progress) -> str:
    """Record small passes, and say how many."""
    if loaded.facts.loras or loaded.layout.offload != "none":
        return "none: what they would read changes place"
    model, vae = loaded.pipeline.transformer, loaded.pipeline.vae
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    wanted = [
        shape
        for size in warm_sizes(loaded.facts, tuning)
        for shape in graphs.shapes(size, model.in_channels, factor)
    ]
    if wanted:
        progress(_PROGRESS, f"recording {len(wanted)} small passes")
        with torch.cuda.device(loaded.device):
            graphs.record(own, model, wanted, graphs.recorder())
    return f"{len(own.recorded)} passes of small sizes"
