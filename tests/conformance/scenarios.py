"""The scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from limner.upstreams.http import HttpLimits
from tests.conformance.dialects import Breaks, Call, Calls, Says, Serves
from tests.conformance.scenario import TOOL, Scenario, Seen

LOOKUP: Mapping[str, Any] = {
    "type": "function",
    "name": "look_up",
    "parameters": {"type": "object", "properties": {"word": {"type": "string"}}},
}
UNPAINTABLE = "smoke"
"""A prompt with this word in it fails at the painter."""

PATIENCE_S = 1.0
MAX_REPLY_BYTES = 256 * 1024
HUGE = ("A long story. " * 64,) * 1200
"""A text of one MiB."""


def draws(*prompts: str, **arguments: str) -> Calls:
    return Calls(tuple(_draw(prompt, **arguments) for prompt in prompts))


def _draw(prompt: str, **arguments: str) -> Call:
    return ("image_generation", {"prompt": prompt, **arguments})


def refuses(status: int, type: str, **headers: str) -> Serves:
    body = {"type": "error", "error": {"message": "Not now.", "type": type}}
    return Serves(orjson.dumps(body), status, {"Content-Type": "application/json", **headers})


def picture(*prompts: str) -> Seen:
    """Pictures of these prompts and then words."""
    count = len(prompts)
    output = ("picture",) * count + ("words",)
    return Seen("completed", output, 2 * count, prompts, (True,) * count, count)


CIRCLE, SQUARE = "a red circle", "a blue square"
BLUE = "a blue circle"
EDITED = Seen("completed", ("edited picture", "words"), 2, (CIRCLE, BLUE), (True, True), 2)
HERE = Says(("Here it is.",))
HELLO = Says(("Hello ", "there."))
ONLY_SERVERS = frozenset({"intent"})

SCENARIOS = (
    Scenario(
        "words",
        "The model answers and calls nothing.",
        ("hello",),
        (HELLO,),
        Seen(),
    ),
    Scenario(
        "one picture",
        "The model calls the tool, is told that it went well, and answers.",
        ("draw a red circle",),
        (draws(CIRCLE), HERE),
        picture(CIRCLE),
    ),
    Scenario(
        "words, then a picture",
        "The model says something before it calls the tool.",
        ("draw a red circle",),
        (Calls((_draw(CIRCLE),), say="One moment."), HERE),
        Seen("completed", ("words", "picture", "words"), 2, (CIRCLE,), (True,), 1),
        without=ONLY_SERVERS,
    ),
    Scenario(
        "two pictures",
        "The model calls the tool again after its first picture.",
        ("draw a red circle and a blue square",),
        (draws(CIRCLE), draws(SQUARE, action="generate"), HERE),
        picture(CIRCLE, SQUARE),
        differs={"intent": picture("a red circle and a blue square")},
    ),
    Scenario(
        "parallel calls",
        "The model calls the tool twice at once; Harmony's calls come one in a reply.",
        ("draw a red circle and a blue square",),
        (draws(CIRCLE, SQUARE, action="generate"), HERE),
        picture(CIRCLE, SQUARE),
        without=ONLY_SERVERS,
    ),
    Scenario(
        "failure and recovery",
        "The first picture fails. The model reads why and orders another.",
        ("draw black smoke",),
        (draws("black smoke"), draws(CIRCLE), HERE),
        Seen(
            "completed",
            ("failed picture", "picture", "words"),
            2,
            ("black smoke", CIRCLE),
            (False, True),
            1,
        ),
        differs={
            "intent": Seen("completed", ("failed picture", "words"), 0, ("black smoke",), (False,))
        },
    ),
    Scenario(
        "call without a prompt",
        "The model forgets what to paint. It reads what is missing and calls again.",
        ("draw a red circle",),
        (Calls((("image_generation", {"text": "circle"}),)), draws(CIRCLE), HERE),
        Seen("completed", ("failed picture", "picture", "words"), 2, (CIRCLE,), (False, True), 1),
        without=ONLY_SERVERS,
    ),
    Scenario(
        "edit of the previous picture",
        "The client sends back what it got and asks for a change. The model, shown the old "
        "picture, calls for an edit.",
        ("draw a red circle", "make it blue"),
        (draws(CIRCLE), HERE, draws(BLUE, action="edit"), HERE),
        EDITED,
    ),
    Scenario(
        "edit without a word of it",
        "The model leaves out whether it edits: where there is a picture, it does.",
        ("draw a red circle", "make it blue"),
        (draws(CIRCLE), HERE, draws(BLUE), HERE),
        EDITED,
    ),
    Scenario(
        "new picture beside an old one",
        "There is a picture and the model calls for a new one: the old one was only a topic.",
        ("draw a red circle", "draw a blue square"),
        (draws(CIRCLE), HERE, draws(SQUARE, action="generate"), HERE),
        replace(EDITED, output=("picture", "words"), painted=(CIRCLE, SQUARE)),
    ),
    Scenario(
        "edit of the client's own picture",
        "The client shows a picture and asks for a change.",
        ("make it blue",),
        (draws("make it blue", action="edit"), HERE),
        Seen("completed", ("edited picture", "words"), 2, ("make it blue",), (True,), 2),
        shows=True,
    ),
    Scenario(
        "edit by order",
        "The client demands `action: edit`, whatever the model thinks of it.",
        ("make it blue",),
        (draws("make it blue", action="generate"), HERE),
        Seen("completed", ("edited picture", "words"), 2, ("make it blue",), (True,), 2),
        tools=({**TOOL, "action": "edit"},),
        shows=True,
    ),
    Scenario(
        "edit of nothing, by order",
        "The client demands `action: edit` where there is no picture: refused before anything is "
        "asked.",
        ("make it blue",),
        (),
        Seen("400 None", ()),
        tools=({**TOOL, "action": "edit"},),
    ),
    Scenario(
        "mixed calls",
        "The model calls the tool and a function of the client's at once: the picture is painted, "
        "then the call is the client's to answer.",
        ("draw a red circle and look up 'circle'",),
        (Calls((_draw(CIRCLE), ("look_up", {"word": "circle"}))),),
        Seen("completed", ("picture", "call of look_up"), 2, (CIRCLE,)),
        differs={
            "chat": Seen("completed", ("call of look_up", "picture"), 2, (CIRCLE,)),
            "harmony": Seen("completed", ("picture", "call of look_up"), 2, (CIRCLE,), (True,)),
        },
        tools=(TOOL, LOOKUP),
        without=ONLY_SERVERS,
    ),
    Scenario(
        "mixed calls, answered",
        "The client sends its function's result: the model reads both, and answers.",
        ("draw a red circle and look up 'circle'", "a round thing"),
        (Calls((_draw(CIRCLE), ("look_up", {"word": "circle"}))), HERE),
        Seen("completed", ("words",), 0, (CIRCLE,), (True,), 1),
        tools=(TOOL, LOOKUP),
        without=ONLY_SERVERS,
    ),
    Scenario(
        "forced choice",
        "The client demands the tool: the model must call it, once; then it is free to answer.",
        ("a red circle",),
        (Calls((_draw(CIRCLE),), is_forced=True), HERE),
        replace(picture(CIRCLE), forced=1),
        fields={"tool_choice": {"type": "image_generation"}},
    ),
    Scenario(
        "forced choice, ignored",
        "The model must call the tool and answers in words instead. The picture is made from what "
        "the user said; the words stay. Harmony's calls are begun for the model.",
        ("a red circle",),
        (Says(("A red circle would be nice.",)), HERE),
        Seen("completed", ("words", "picture", "words"), 2, (CIRCLE,), (True,), 1, 1),
        fields={"tool_choice": {"type": "image_generation"}},
        without=ONLY_SERVERS | {"harmony"},
    ),
    Scenario(
        "one call allowed",
        "The client allows one call (`max_tool_calls`) and the model makes two. It reads that the "
        "second was refused; the client does not see it.",
        ("draw a red circle and a blue square",),
        (draws(CIRCLE), draws(SQUARE), HERE),
        Seen("completed", ("picture", "words"), 2, (CIRCLE,), (True, False), 1),
        fields={"max_tool_calls": 1},
        without=ONLY_SERVERS,
    ),
    Scenario(
        "unasked call",
        "The client does not offer the tool and the model calls it all the same. It reads that it "
        "may not, and answers in words.",
        ("draw a red circle",),
        (draws(CIRCLE), HERE),
        Seen("completed", ("words",), 0, (), (False,)),
        differs={"prompted": Seen()},
        tools=(),
        without=ONLY_SERVERS,
    ),
    Scenario(
        "crumbs",
        "The reply comes byte by byte, which parts letters too.",
        ("draw a red circle",),
        (Breaks(draws("красный круг 🎨"), "crumbs"), HERE),
        picture("красный круг 🎨"),
        without=ONLY_SERVERS,
    ),
    Scenario(
        "cut stream",
        "The line breaks in the middle of words: the response fails, the item is closed.",
        ("hello",),
        (Breaks(HELLO, "cut"),),
        Seen("failed server_error", ("words…",)),
        without=ONLY_SERVERS,
    ),
    Scenario(
        "cut call",
        "The line breaks within a call: nothing is painted, and nothing was shown yet.",
        ("draw a red circle",),
        (Breaks(draws(CIRCLE), "cut"),),
        Seen("502 server_error", ()),
        without=ONLY_SERVERS,
    ),
    Scenario(
        "garbage for a reply",
        "The server answers 200 with a web page.",
        ("hello",),
        (Serves(b"<html>Welcome!</html>", 200, {"Content-Type": "text/html"}),),
        Seen("502 server_error", ()),
        without=ONLY_SERVERS,
    ),
    Scenario(
        "garbage in a reply",
        "An event in the middle of the words is no JSON.",
        ("hello",),
        (Breaks(HELLO, "garbage"),),
        Seen("failed server_error", ("words…",)),
        without=ONLY_SERVERS,
    ),
    Scenario(
        "error in a reply",
        "The server gives up in the middle of words and says why.",
        ("hello",),
        (Breaks(HELLO, "error"),),
        Seen("failed overloaded_error", ("words…",)),
        without=ONLY_SERVERS,
    ),
    Scenario(
        "429, then well",
        "A busy server is asked again.",
        ("hello",),
        (refuses(429, "rate_limit_error"), HELLO),
        Seen(),
        without=ONLY_SERVERS,
    ),
    Scenario(
        "429 that asks for a minute",
        "The client waits that long, not we: it gets the 429 at once.",
        ("hello",),
        (refuses(429, "rate_limit_error", **{"Retry-After": "60"}), HELLO),
        Seen("429 rate_limit_error", ()),
        without=ONLY_SERVERS,
    ),
    Scenario(
        "500",
        "A broken server is not asked again.",
        ("hello",),
        (refuses(500, "api_error"), HELLO),
        Seen("502 api_error", ()),
        without=ONLY_SERVERS,
    ),
    Scenario(
        "slow",
        "The server falls silent in the middle of words.",
        ("hello",),
        (Breaks(HELLO, "hang"),),
        Seen("failed upstream_timeout", ("words…",)),
        limits=HttpLimits(idle_s=PATIENCE_S),
        without=ONLY_SERVERS,
    ),
    Scenario(
        "silent",
        "The server takes the request and says nothing.",
        ("hello",),
        (Breaks(HELLO, "silence"),),
        Seen("504 upstream_timeout", ()),
        limits=HttpLimits(first_byte_s=PATIENCE_S),
        without=ONLY_SERVERS,
    ),
    Scenario(
        "huge",
        "An answer of a mebibyte comes whole.",
        ("tell a long story",),
        (Says(HUGE),),
        Seen("completed", ("long words",)),
        without=ONLY_SERVERS,
    ),
    Scenario(
        "endless",
        "A reply beyond the limit is left.",
        ("tell a long story",),
        (Says(HUGE),),
        Seen("failed server_error", ("words…",)),
        limits=HttpLimits(response_bytes=MAX_REPLY_BYTES),
        without=ONLY_SERVERS,
    ),
)
