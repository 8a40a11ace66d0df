"""Milliseconds for pages of a gallery of 5,000 pictures, over HTTP, from a database on the disk.

python benchmarks/gallery.py [--pictures 5000] [--rounds 40]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from io import BytesIO
from pathlib import Path

import aiohttp
from PIL import Image

from limner.app.http import listen_tcp, serve
from limner.app.server import open_server
from limner.app.store import BLOBS, DATABASE
from limner.config import load
from limner.core.image import ImageData
from limner.core.response_store import Ending, Nature, NewResponse
from limner.store.blobs import Blobs
from limner.store.pictures import Texts
from limner.store.responses import StoredResponses
from limner.store.sqlite import open_sqlite
from limner.wire import json
from limner.wire.pictures import to_base64

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._bars import draw

PAGES = {
    "first page": "limit=50",
    "largest page": "limit=100",
    "word that all have": "limit=50&q=fox",
    "word that few have": "limit=50&q=NO. 100",
    "word that none has": "limit=50&q=owl",
    "portraits": "limit=50&ratio=portrait",
    "starred, none": "limit=50&starred=true",
    "last page": "limit=50&order=asc",
}
SIZES = ("1024x1024", "1536x1024", "1024x1536")


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--plot", type=Path, help="draw the p95 here, as SVG")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = load({"image_backend": "none", "data": folder, "log_level": "error"}, {})
        async with open_server(settings):
            pass  # which has made the database
        await fill(Path(folder), asked.pictures)
        async with AsyncExitStack() as stack:
            app = await stack.enter_async_context(open_server(settings))
            sock = listen_tcp("127.0.0.1", 0)
            serving = asyncio.create_task(serve(app, sock))
            url = f"http://127.0.0.1:{sock.getsockname()[1]}/v1/images"
            async with aiohttp.ClientSession() as session:
                print(f"{'':24}{'pictures':>9}{'first ms':>10}{'median ms':>11}{'p95 ms':>9}")
                bars = [
                    (name, await measure(session, name, f"{url}?{query}", asked.rounds))
                    for name, query in PAGES.items()
                ]
            serving.cancel()
            await asyncio.wait([serving])
    if asked.plot:
        title = f"The gallery of {asked.pictures} pictures: 95 of 100 pages take less than"
        draw(asked.plot, title, "ms", bars)


async def fill(folder: Path, count: int) -> None:
    """Responses with one picture each, written as the server writes them."""
    file = BytesIO()
    Image.new("RGB", (512, 512), "orange").save(file, "png")
    image = ImageData(file.getvalue(), "png")
    async with open_sqlite(folder / DATABASE) as database:
        store = StoredResponses(database, Texts(Blobs(folder / BLOBS)), keep_s=86_400)
        for start in range(0, count, 100):
            await asyncio.gather(
                *(put(store, number, image) for number in range(start, min(start + 100, count)))
            )


async def put(store: StoredResponses, number: int, image: ImageData) -> None:
    item = {
        "id": f"ig_{number:048x}",
        "type": "image_generation_call",
        "status": "completed",
        "revised_prompt": f"A red fox in the snow at dusk, no. {number}, oil on canvas" * 4,
        "result": to_base64(image),
        "output_format": "png",
        "size": SIZES[number % 3],
    }
    nature = Nature("", 1_795_000_000 + number, 9e9)
    lease = await store.create(NewResponse(f"resp_{number:048x}", nature, "in_progress", b"{}"))
    assert lease
    text = json.dump({"id": lease.id, "output": [item]})
    await store.finish(lease, [], Ending("completed", text, [item]))


async def measure(session: aiohttp.ClientSession, name: str, url: str, rounds: int) -> float:
    """Print a row; the p95 in milliseconds."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        async with session.get(url) as reply:
            listed = await reply.json()
        took.append((time.perf_counter() - began) * 1000)
    p95, median = statistics.quantiles(took, n=20)[-1], statistics.median(took)
    print(f"{name:24}{len(listed['data']):9}{took[0]:10.1f}{median:11.1f}{p95:9.1f}")
    return p95


if __name__ == "__main__":
    asyncio.run(main())
