"""A linear map from latents to pixels, fitted to whatever VAE was loaded.

Latents are close to a small picture with more channels: a weighted sum of a cell and its neighbours
gives the colours of the pixels under it. The weights that do it best for a few drawn pictures are
found by least squares from what the VAE's own encoder makes of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812

from limner.engine.previews.drawings import drawings

PIXELS = 4
"""Edge of the pixels that a cell of latents becomes; the VAE makes 8."""
_REACH = 3
"""Edge of the cells that each pixel is summed from."""
_PICTURES = 32
_EDGE_PX = 128
_RIDGE = 1e-3
"""Against channels that say the same, relative to what all say."""


@dataclass(frozen=True, slots=True)
class LinearMap:
    """weights: (3 * PIXELS ** 2, channels, _REACH, _REACH). bias: (3 * PIXELS ** 2)."""

    weights: Any
    bias: Any
    name: str = "a linear map"

    def __call__(self, latents: Any) -> Any:
        """(1, channels, height, width) to RGB in -1 to 1, (1, 3, PIXELS * height, ... width)."""
        edges = F.pad(latents.float(), (_REACH // 2,) * 4, mode="replicate")
        return F.pixel_shuffle(F.conv2d(edges, self.weights, self.bias), PIXELS)


def fit_linear(vae: Any) -> LinearMap:
    """Fit the map to a VAE, on its device; blocks for as long as that encodes half a megapixel."""
    with torch.inference_mode():
        pictures = torch.from_numpy(drawings(_PICTURES, _EDGE_PX))
        latents = torch.cat([_encoded(vae, picture) for picture in pictures])
        size = tuple(PIXELS * edge for edge in latents.shape[-2:])
        small = F.interpolate(pictures, size, mode="area")
        wanted = F.pixel_unshuffle(small, PIXELS).flatten(2).transpose(1, 2).flatten(0, 1)
        edges = F.pad(latents, (_REACH // 2,) * 4, mode="replicate")
        around = F.unfold(edges, _REACH).transpose(1, 2).flatten(0, 1)
        weights, bias = _least_squares(around.double(), wanted.double())
    shape = (len(bias), latents.shape[1], _REACH, _REACH)
    return LinearMap(weights.T.reshape(shape).to(vae.device), bias.to(vae.device))


def _least_squares(given: Any, wanted: Any) -> tuple[Any, Any]:
    """Weights (inputs, outputs) and bias (outputs) with the least squared error, float32."""
    middle, target = given.mean(0), wanted.mean(0)
    centred = given - middle
    square = centred.T @ centred
    square += _RIDGE * square.diagonal().mean() * torch.eye(len(square), dtype=square.dtype)
    weights = torch.linalg.solve(square, centred.T @ (wanted - target))
    return weights.float(), (target - middle @ weights).float()


def _encoded(vae: Any, picture: Any) -> Any:
    """A picture's latents as `decode` takes them: float32, (1, channels, height, width), on CPU."""
    given = picture[None].to(vae.device, vae.dtype)
    if takes_frames(vae):
        return _mean(vae.encode(given[:, :, None]))[:, :, 0].float().cpu()
    return _mean(vae.encode(given)).float().cpu()


def _mean(encoded: Any) -> Any:
    return encoded.latent_dist.mode() if hasattr(encoded, "latent_dist") else encoded.latent


def takes_frames(vae: Any) -> bool:
    """Whether it is a video model's, with a dimension for frames before height and width."""
    return any(weight.ndim == 5 for weight in vae.parameters())
