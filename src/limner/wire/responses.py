"""The Response object as OpenAI's JSON.

Keys stand here even when they are null, as OpenAI sends them and as the Open Responses schema asks;
where that schema wants a number, the default stands. What is ours stands under one key, `limner`,
and only when there is something to say.
"""

from __future__ import annotations

from limner.core.events import Response
from limner.core.image import ImageUsage
from limner.core.request import Echo
from limner.core.turn import JsonObject, Usage
from limner.wire.items import Json, extras, item_json


def response_json(response: Response) -> Json:
    """The whole Response object as it stands."""
    incomplete = response.incomplete
    error = response.error
    return {
        "id": response.id,
        "object": "response",
        "created_at": response.created_at,
        "completed_at": response.completed_at,
        "status": response.status,
        "background": response.echo.background,
        "error": {"code": error.code, "message": error.message} if error else None,
        "incomplete_details": {"reason": incomplete} if incomplete else None,
        "model": response.model,
        "output": [item_json(item) for item in response.output],
        "previous_response_id": response.echo.previous_response_id,
        "conversation": {"id": id} if (id := response.echo.conversation) else None,
        "store": response.echo.store,
        **_echo_json(response.echo),
        "usage": _usage_json(response.usage) if response.usage else None,
        **_tool_usage(response.image_usage),
        **extras(adjustments=list(response.adjustments)),
    }


def _echo_json(echo: Echo) -> Json:
    return {
        "instructions": echo.instructions,
        "metadata": echo.metadata,
        "tools": [_tool_json(tool) for tool in echo.tools],
        "tool_choice": echo.tool_choice,
        "parallel_tool_calls": echo.parallel_tool_calls,
        "max_tool_calls": echo.max_tool_calls,
        "max_output_tokens": echo.max_output_tokens,
        "temperature": _number(echo.temperature, 1.0),
        "top_p": _number(echo.top_p, 1.0),
        "top_logprobs": echo.top_logprobs,
        "presence_penalty": _number(echo.presence_penalty, 0.0),
        "frequency_penalty": _number(echo.frequency_penalty, 0.0),
        "text": {"format": {"type": "text"}, "verbosity": "medium", **_set(echo.text)},
        "reasoning": {"effort": None, "summary": None, **_set(echo.reasoning)},
        "truncation": echo.truncation,
        "service_tier": echo.service_tier,
        "safety_identifier": echo.safety_identifier,
        "prompt_cache_key": echo.prompt_cache_key,
        "user": echo.user,
    }


def _tool_json(tool: JsonObject) -> Json:
    """The client's own entry; a function's missing keys stand as null, as strict readers ask."""
    if tool.get("type") != "function":
        return dict(tool)
    return {"description": None, "parameters": None, "strict": None, **tool}


def _set(values: JsonObject | None) -> Json:
    return {name: value for name, value in (values or {}).items() if value is not None}


def _number(value: float | None, default: float) -> float:
    return default if value is None else value


def _usage_json(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


def _tool_usage(usage: ImageUsage | None) -> Json:
    """Tokens of pictures, apart from the language model's; left out when none were reported."""
    if usage is None:
        return {}
    image_gen = {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "image_tokens": usage.input_image_tokens,
            "text_tokens": usage.input_text_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"image_tokens": usage.output_tokens, "text_tokens": 0},
        "total_tokens": usage.total_tokens,
    }
    return {"tool_usage": {"image_gen": image_gen, "web_search": {"num_requests": 0}}}
