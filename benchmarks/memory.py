"""What painting takes beside the weights: the peak of live tensors, against what is estimated.

Diffusers' modules of full size are run on shapes alone, without weights or numbers: what every
operation gives is counted as long as something refers to it. Attention is counted as kernels do it
that never write its matrix down. Takes a minute and little memory.

    python benchmarks/memory.py
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from limner.core.image import Size
from limner.engine.activations import ROWS, decode_bytes_per_px, step_bytes
from limner.engine.weights import Part, Precision

EDGES = (512, 1024, 2048)
DTYPE = Precision("bfloat16")
FLUX_VAE = (128, 256, 512, 512)


class Live(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of tensors that are alive, but for those of a module."""

    def __init__(self, module: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = self._now = 0
        self._sizes = {each.untyped_storage()._cdata: 0 for each in module.parameters()}

    def __torch_dispatch__(self, call: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        answer = call(*args, **(kwargs or {}))
        for each in tree_leaves(answer):
            if isinstance(each, torch.Tensor):
                self._add(each.untyped_storage())
        return answer

    def _add(self, storage: Any) -> None:
        key = storage._cdata
        if key in self._sizes:
            return
        self._sizes[key] = storage.nbytes()
        self._now += self._sizes[key]
        self.peak = max(self.peak, self._now)
        weakref.finalize(storage, self._drop, key)

    def _drop(self, key: int) -> None:
        self._now -= self._sizes.pop(key)


@dataclass(frozen=True, slots=True)
class Case:
    """part: as the engine would read it. run: makes one pass over a square picture."""

    name: str
    part: Part
    module: Any
    run: Callable[[int], Any]


def cases() -> Iterator[Case]:
    """Modules with the configurations that are published, those of equal layers with fewer."""
    from diffusers import AutoencoderKL, UNet2DConditionModel, ZImageTransformer2DModel

    image = ZImageTransformer2DModel(n_layers=4)

    def step(edge: int) -> Any:
        latents = [torch.zeros(16, 1, edge // 8, edge // 8)] * ROWS
        captions = [torch.zeros(512, 2560)] * ROWS
        return image(latents, torch.zeros(ROWS), captions, return_dict=False)

    yield Case("Z-Image, a step", _part("transformer", image), image, step)
    unet = UNet2DConditionModel(
        sample_size=128,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(320, 640, 1280),
        cross_attention_dim=2048,
        attention_head_dim=(5, 10, 20),
        transformer_layers_per_block=(1, 2, 10),
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=2816,
        use_linear_projection=True,
    )

    def unet_step(edge: int) -> Any:
        told = {"text_embeds": torch.zeros(ROWS, 1280), "time_ids": torch.zeros(ROWS, 6)}
        latents, prompt = torch.zeros(ROWS, 4, edge // 8, edge // 8), torch.zeros(ROWS, 77, 2048)
        return unet(latents, torch.tensor(5), prompt, added_cond_kwargs=told, return_dict=False)

    yield Case("SDXL, a step", _part("unet", unet), unet, unet_step)
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=FLUX_VAE,
        latent_channels=16,
        layers_per_block=2,
    )

    def decode(edge: int) -> Any:
        return vae.decode(torch.zeros(1, 16, edge // 8, edge // 8), return_dict=False)

    yield Case("VAE of Flux, decoding", _part("vae", vae), vae, decode)


def _part(name: str, module: Any) -> Part:
    return Part(name, 0, 0, 0, dict(module.config))


def estimated(part: Part, edge: int) -> int:
    if part.name == "vae":
        return decode_bytes_per_px([part], DTYPE) * edge**2
    return step_bytes([part], Size(edge, edge), DTYPE)


def main() -> None:
    torch.set_default_dtype(torch.bfloat16)
    print(f"{'GB in bfloat16':24}{'square':>8}{'counted':>10}{'estimated':>11}")
    with FakeTensorMode(), torch.no_grad():
        for case in cases():
            for edge in EDGES:
                with Live(case.module) as live:
                    case.run(edge)
                guess = estimated(case.part, edge) / 1e9
                print(f"{case.name:24}{edge:>8}{live.peak / 1e9:>10.2f}{guess:>11.2f}")


if __name__ == "__main__":
    main()
