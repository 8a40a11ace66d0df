"""What the server costs: CPU per streamed response of 100 deltas, and per relayed frame of 2 MB.

Four processes: a scripted upstream, the server, a plain reverse proxy, and this one as the client.
The proxy passes on the same upstream's bytes without understanding them, so it is the floor: nginx
where it is installed (unbuffered, as is usual for event streams), else our own relay, which
copies from one socket to the other. CPU is user and system time of the process measured.

    python benchmarks/server_cost.py [rounds]
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._feed import DELTAS, FRAME_BYTES

CLIENTS = 16
PAINTED = 4
END = b"\r\n0\r\n\r\n"
NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  upstream up {{ server 127.0.0.1:{upstream}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; client_max_body_size 64m;
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Party:
    """A process to measure. text, picture: how it is asked for a text and for n frames."""

    name: str
    port: int
    process: psutil.Process
    text: Callable[[str], bytes]
    picture: Callable[[int], bytes]

    def cpu_ms(self) -> float:
        """User and system time so far; by the scheduler's nanoseconds where Linux tells them."""
        threads = list(Path(f"/proc/{self.process.pid}/task").glob("*/schedstat"))
        if threads:
            return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e6
        used = self.process.cpu_times()
        return 1000 * float(used.user + used.system)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with ExitStack() as stack:
        upstream, _ = stack.enter_context(role("feed"))
        server, process = stack.enter_context(role("serve", str(upstream)))
        limner = Party("limner", server, process, _response, _drawing)
        port, process, name = stack.enter_context(_proxy(upstream))
        plain = Party(name, port, process, _chat, _images)
        report(limner, plain, rounds)


def report(limner: Party, plain: Party, rounds: int) -> None:
    """Print a table; each figure is the median of the rounds, in which the two take turns."""
    cases: list[tuple[str, Callable[[Party], float]]] = [
        (f"text, {DELTAS} deltas at once", lambda party: _per_text(party, "burst", 40)),
        (f"text, {DELTAS} deltas at 20 ms", lambda party: _per_text(party, "paced", 4)),
        (f"one more frame of {FRAME_BYTES / 1e6:g} MB", _per_frame),
    ]
    clients = f"{CLIENTS} clients at a time for text, {PAINTED} for frames"
    print(f"CPU ms each, {clients}; median of {rounds} rounds")
    print(f"{'':28}{'limner':>10}{plain.name:>16}{'ratio':>8}")
    for label, measure in cases:
        for party in (limner, plain):
            measure(party)  # warm-up
        pairs = [(measure(limner), measure(plain)) for _ in range(rounds)]
        ours, floor = (median(column) for column in zip(*pairs, strict=True))
        ratio = median(one / other for one, other in pairs)
        print(f"{label:28}{ours:10.2f}{floor:16.2f}{ratio:8.1f}")


def _per_text(party: Party, model: str, times: int) -> float:
    return _cpu_ms(party, party.text(model), CLIENTS, times)


def _per_frame(party: Party) -> float:
    """From one preview to three: what two more frames cost, without all that goes with any."""
    three = _cpu_ms(party, party.picture(3), PAINTED, 10)
    one = _cpu_ms(party, party.picture(1), PAINTED, 10)
    return (three - one) / 2


def _cpu_ms(party: Party, request: bytes, clients: int, times: int) -> float:
    before = party.cpu_ms()
    uvloop.run(_load(party.port, request, clients, times))
    return (party.cpu_ms() - before) / (clients * times)


async def _load(port: int, request: bytes, clients: int, times: int) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(_client(port, request, times))


async def _client(port: int, request: bytes, times: int) -> None:
    """Ask the same so many times on one connection, each time reading to the end."""
    loop = asyncio.get_running_loop()
    transport, reader = await loop.create_connection(_Reader, "127.0.0.1", port)
    for _ in range(times):
        reader.ended = loop.create_future()
        transport.write(request)
        await reader.ended
    transport.close()


class _Reader(asyncio.Protocol):
    ended: asyncio.Future[None]
    _tail = b""

    def data_received(self, data: bytes) -> None:
        self._tail = (self._tail + data)[-len(END) :] if len(data) < len(END) else data[-len(END) :]
        if self._tail == END and not self.ended.done():
            self.ended.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exc or ConnectionError("closed before the reply's end"))


def _post(path: str, body: dict[str, Any]) -> bytes:
    data = json.dumps(body, separators=(",", ":")).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data


def _response(model: str) -> bytes:
    return _post("/v1/responses", {"model": model, "input": "Tell me.", "stream": True})


def _drawing(frames: int) -> bytes:
    tool = {"type": "image_generation", "partial_images": frames}
    body = {"model": "burst", "input": "a cat", "stream": True, "tools": [tool]}
    return _post("/v1/responses", body)


def _chat(model: str) -> bytes:
    message = {"role": "user", "content": "Tell me."}
    return _post("/v1/chat/completions", {"model": model, "messages": [message], "stream": True})


def _images(frames: int) -> bytes:
    body = {"prompt": "a cat", "stream": True, "partial_images": frames}
    return _post("/v1/images/generations", body)


@contextmanager
def role(*words: str) -> Iterator[tuple[int, psutil.Process]]:
    """Another process of this module; yields the port that it prints."""
    command = [sys.executable, "-m", "benchmarks.server_cost", *words]
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        try:
            yield int(child.stdout.readline()), psutil.Process(child.pid)
        finally:
            child.kill()


@contextmanager
def _proxy(upstream: int) -> Iterator[tuple[int, psutil.Process, str]]:
    if not shutil.which("nginx"):
        with role("relay", str(upstream)) as (port, process):
            yield port, process, "byte relay"
        return
    with tempfile.TemporaryDirectory() as folder:
        port = upstream + 1 if upstream < 65535 else upstream - 1
        config = Path(folder) / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, upstream=upstream, port=port))
        with subprocess.Popen(["nginx", "-p", folder, "-c", str(config)]) as child:
            try:
                uvloop.run(_until_listening(port))
                yield port, psutil.Process(child.pid), "nginx"
            finally:
                child.terminate()


async def _until_listening(port: int) -> None:
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise TimeoutError("nginx does not listen")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["feed"]:
            from benchmarks._feed import feed

            uvloop.run(feed())
        case ["relay", port]:
            from benchmarks._relay import relay

            uvloop.run(relay(int(port)))
        case ["serve", port]:
            from benchmarks._served import serve

            uvloop.run(serve(int(port)))
        case _:
            main()
