"""Draw something with the official `openai` SDK: `python examples/draw.py "a red circle"`.

Writes every partial image as it comes, then the picture.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path

from openai import OpenAI


def main(order: str, url: str = "http://127.0.0.1:8034/v1") -> None:
    client = OpenAI(base_url=url, api_key="none")
    stream = client.responses.create(
        model="limner",
        input=order,
        tools=[{"type": "image_generation", "partial_images": 2}],
        stream=True,
    )
    for event in stream:
        if event.type == "response.image_generation_call.partial_image":
            write(f"partial-{event.partial_image_index}.png", event.partial_image_b64)
        elif event.type == "response.output_text.delta":
            print(event.delta, end="", flush=True)
        elif event.type == "response.completed":
            print()
            for item in event.response.output:
                if item.type == "image_generation_call" and item.result:
                    write("picture.png", item.result)


def write(name: str, content: str) -> None:
    Path(name).write_bytes(base64.b64decode(content))
    print(name)


if __name__ == "__main__":
    main(*sys.argv[1:] or ["a red circle above a blue square on a yellow background"])
