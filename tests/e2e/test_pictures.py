"""The whole chain by the real command: SDK, server, rules, engine, the shipped model, and back."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseImageGenCallPartialImageEvent,
    ToolParam,
)
from PIL import Image

from tests.e2e.clients import client_of
from tests.e2e.processes import MIB, Server, ready

ORDER = "a red circle above a blue square on a yellow background"
CLIENTS = 20
MAX_GROWTH = 96 * MIB
IS: dict[str, Callable[[int, int, int], bool]] = {
    "red": lambda r, g, b: r > 150 and g < 110 and b < 110,
    "blue": lambda r, g, b: b > 130 and r < 110 and g < 140,
    "yellow": lambda r, g, b: r > 180 and g > 150 and b < 130,
}


def sdk(server: Server) -> openai.OpenAI:
    return client_of(server.url)


def picture_of(response: Response) -> Image.Image:
    (item,) = [item for item in response.output if item.type == "image_generation_call"]
    assert item.status == "completed", item
    return opened(item.result)


def opened(content: str | None) -> Image.Image:
    picture = Image.open(io.BytesIO(base64.b64decode(content or "")))
    return picture.convert("RGB")


def amount_of(colour: str, picture: Image.Image) -> float:
    """Share of the pixels that are clearly of this colour."""
    channels = (channel.tobytes() for channel in picture.split())
    pixels = list(zip(*channels, strict=True))
    return sum(IS[colour](*pixel) for pixel in pixels) / len(pixels)


def is_what_was_ordered(picture: Image.Image) -> bool:
    width, height = picture.size
    upper = picture.crop((0, 0, width, height // 2))
    lower = picture.crop((0, height // 2, width, height))
    return (
        amount_of("yellow", picture) > 0.3
        and amount_of("red", upper) > 0.03 > amount_of("red", lower)
        and amount_of("blue", lower) > 0.03 > amount_of("blue", upper)
    )


def test_the_list_of_models_tells_the_sizes_of_the_loaded_one(server: Server) -> None:
    models = httpx.get(f"{ready(server).url}/v1/models").json()["data"]
    language, painter = (model["limner"] for model in models)
    assert (language["kind"], language["built_in"]) == ("language", True)
    assert (painter["kind"], painter["native_px"], painter["size_multiple"]) == ("image", 128, 1)
    assert (painter["min_edge_px"], painter["max_edge_px"]) == (64, 2048)
    assert painter["sizes"][:2] == ["128x128", "160x96"]


def test_a_streamed_response_brings_real_partial_images_and_the_picture(server: Server) -> None:
    tools: list[ToolParam] = [{"type": "image_generation", "partial_images": 2}]
    stream = sdk(server).responses.create(model="limner", input=ORDER, tools=tools, stream=True)
    events = list(stream)
    partials = [
        event for event in events if isinstance(event, ResponseImageGenCallPartialImageEvent)
    ]
    assert [partial.partial_image_index for partial in partials] == [0, 1]
    final = events[-1]
    assert isinstance(final, ResponseCompletedEvent)
    assert is_what_was_ordered(picture_of(final.response))
    shown = [opened(partial.partial_image_b64).tobytes() for partial in partials]
    assert len({*shown, picture_of(final.response).tobytes()}) == 3, "each frame is its own"


def test_a_whole_response_brings_the_picture_and_words(server: Server) -> None:
    response = sdk(server).responses.create(
        model="limner", input=ORDER, tools=[{"type": "image_generation"}]
    )
    assert is_what_was_ordered(picture_of(response))
    assert response.output_text


def test_without_an_order_there_are_words_only(server: Server) -> None:
    response = sdk(server).responses.create(
        model="limner", input="Who are you?", tools=[{"type": "image_generation"}]
    )
    assert [item.type for item in response.output] == ["message"]


def test_twenty_at_a_time_all_get_their_picture_and_memory_stays_flat(server: Server) -> None:
    client = sdk(server)

    def ask(number: int) -> bool:
        response = client.responses.create(
            model="limner", input=ORDER, tools=[{"type": "image_generation", "size": "128x128"}]
        )
        return is_what_was_ordered(picture_of(response))

    with ThreadPoolExecutor(CLIENTS) as clients:
        assert sum(clients.map(ask, range(CLIENTS))) >= CLIENTS - 2, "tiny may miss one or two"
        before = server.memory()
        list(clients.map(ask, range(CLIENTS)))
    assert server.memory() - before < MAX_GROWTH
    assert server.engine_status()["idle"]


def test_twenty_clients_that_leave_stop_the_engine_within_a_step_each(server: Server) -> None:
    steps = int(str(server.engine_status()["steps"]))
    asked = {"prompt": ORDER, "stream": True, "progress": True, "steps": 50, "n": 10}

    def leave_at_the_first_event(number: int) -> None:
        address = f"{server.url}/v1/images/generations"
        with httpx.stream("POST", address, json=asked, timeout=300) as response:
            next(line for line in response.iter_lines() if line.startswith("data:"))

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(leave_at_the_first_event, range(CLIENTS)))
    # What is asked next waits for whatever the engine still does for those who left.
    sdk(server).images.generate(prompt=ORDER)
    status = server.engine_status()
    assert status["idle"], status
    # One forward pass can hold the ten pictures of one client; 500 steps were ordered by each.
    assert int(str(status["steps"])) - steps <= CLIENTS * 2 * 10 + 8


def test_the_images_api_paints_what_is_asked_and_says_how(server: Server) -> None:
    first, second = (
        sdk(server).images.generate(
            prompt=ORDER, size="160x96", output_format="webp", extra_body={"seed": 5}
        )
        for _ in range(2)
    )
    assert first.data
    assert second.data
    one, other = opened(first.data[0].b64_json), opened(second.data[0].b64_json)
    assert one.size == (160, 96)
    # The files differ by the second in which each was made.
    assert one.tobytes() == other.tobytes(), "the same seed, the same picture"
