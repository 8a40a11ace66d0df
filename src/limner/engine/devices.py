"""`python -m limner.engine.devices`: the devices that engines can run on here, as a JSON list.

Every GPU that torch sees, of which CUDA_VISIBLE_DEVICES and HIP_VISIBLE_DEVICES may leave some out;
without one, the device that `auto` would choose.
"""

from __future__ import annotations

import json
from typing import Any

from limner.engine.device import choose_device


def all_devices(torch: Any) -> list[str]:
    """torch: the module."""
    kind = "cuda" if torch.cuda.device_count() else "xpu"
    count = getattr(torch, kind).device_count() if hasattr(torch, kind) else 0
    return [f"{kind}:{at}" for at in range(count)] or [str(choose_device(torch, "auto"))]


def main() -> None:
    import torch

    print(json.dumps(all_devices(torch)))  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
