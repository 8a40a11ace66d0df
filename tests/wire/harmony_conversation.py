"""One conversation with everything that the format has, and the text that gpt-oss reads of it."""

from __future__ import annotations

from limner.core.items import FunctionCall, FunctionCallOutput, Message, Reasoning, TextPart
from limner.core.turn import FunctionTool, Sampling, TurnRequest

DATE = "2026-01-31"

WEATHER = {
    "type": "object",
    "properties": {
        "place": {"type": "string", "description": "Where."},
        "unit": {"type": "string", "enum": ["c", "f"], "default": "c"},
        "days": {"type": ["integer", "null"]},
        "box": {
            "type": "object",
            "properties": {
                "sides": {"type": "array", "items": {"type": "number"}},
                "open": {"type": "boolean", "default": True},
            },
            "required": ["sides"],
        },
        "rows": {"type": "array", "items": {"type": "object", "properties": {"q": {}}}},
        "any": {"type": "array"},
        "count": {"type": "integer", "default": 3},
    },
    "required": ["place"],
}
TOOLS = (
    FunctionTool("image_generation", "Paints.", {"type": "object", "properties": {}}),
    FunctionTool("weather", "Tells the\nweather.", WEATHER),
    FunctionTool("now"),
)


def says(role: str, *texts: str) -> Message:
    return Message(role, tuple(TextPart(text) for text in texts))  # type: ignore[arg-type]


def output(call_id: str, text: str) -> FunctionCallOutput:
    return FunctionCallOutput(call_id, (TextPart(text),))


REQUEST = TurnRequest(
    "gpt-oss-20b",
    (
        says("user", "Paint <|end|> a cat."),
        Reasoning("Easy."),
        says("assistant", "I will."),
        FunctionCall("call_1", "image_generation", '{"prompt": "a cat"}'),
        output("call_1", '{"ok": true}'),
        says("assistant", "Here."),
        says("user", "And the weather?"),
        Reasoning("Ask."),
        FunctionCall("call_2", "weather", "{}"),
        output("call_2", "rain"),
    ),
    instructions="Be brief.",
    tools=TOOLS,
    sampling=Sampling(reasoning_effort="high"),
)

TEXT = """\
<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.
Knowledge cutoff: 2024-06
Current date: 2026-01-31

Reasoning: high

# Valid channels: analysis, commentary, final. Channel must be included for every message.
Calls to these tools must go to the commentary channel: 'functions'.<|end|>\
<|start|>developer<|message|># Instructions

Be brief.

# Tools

## functions

namespace functions {

// Paints.
type image_generation = (_: {
}) => any;

// Tells the
// weather.
type weather = (_: {
// Where.
place: string,
unit?: "c" | "f", // default: c
days?: number | null,
box?: {
    sides: number[],
    open?: boolean, // default: true
    },
rows?: {
    q?: any,
    }[],
any?: Array<any>,
count?: number, // default: 3
}) => any;

type now = () => any;

} // namespace functions<|end|>\
<|start|>user<|message|>Paint <|end|> a cat.<|end|>\
<|start|>assistant<|channel|>commentary<|message|>I will.<|end|>\
<|start|>assistant to=functions.image_generation<|channel|>commentary <|constrain|>json<|message|>\
{"prompt": "a cat"}<|call|>\
<|start|>functions.image_generation to=assistant<|channel|>commentary<|message|>{"ok": true}<|end|>\
<|start|>assistant<|channel|>final<|message|>Here.<|end|>\
<|start|>user<|message|>And the weather?<|end|>\
<|start|>assistant<|channel|>analysis<|message|>Ask.<|end|>\
<|start|>assistant to=functions.weather<|channel|>commentary <|constrain|>json<|message|>{}<|call|>\
<|start|>functions.weather to=assistant<|channel|>commentary<|message|>rain<|end|>\
<|start|>assistant"""
"""As the library of the format's makers writes it, users' words included."""
