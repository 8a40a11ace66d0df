"""Talk with any model over Limner, pictures included: `python examples/chat.py [MODEL]`.

The whole conversation is sent each time, calls of the past with their pictures among it.
"""

from __future__ import annotations

import base64
import sys
from itertools import count
from pathlib import Path
from typing import Any

from openai import OpenAI

TOOLS: Any = [{"type": "image_generation"}]


def main(model: str = "limner", url: str = "http://127.0.0.1:8034/v1") -> None:
    client = OpenAI(base_url=url, api_key="none")
    history: list[Any] = []
    numbers = count(1)
    while words := input("> ").strip():
        history.append({"role": "user", "content": words})
        response = client.responses.create(model=model, input=history, tools=TOOLS)
        history += [item.model_dump(exclude_none=True) for item in response.output]
        for item in response.output:
            if item.type == "image_generation_call" and item.result:
                path = Path(f"picture-{next(numbers)}.png")
                path.write_bytes(base64.b64decode(item.result))
                print(path)
        print(response.output_text)


if __name__ == "__main__":
    main(*sys.argv[1:])
