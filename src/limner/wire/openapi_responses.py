"""The Responses API, described."""

from __future__ import annotations

from limner.wire.input import MAX_ITEMS
from limner.wire.input_items import MAX_NAME, MAX_TOOLS
from limner.wire.input_tokens import FIELDS as COUNTED
from limner.wire.input_tokens import MAX_PERSONALITY
from limner.wire.openapi import EVENTS, JSON, REPEATED, Operation, header, query
from limner.wire.openapi_fates import with_fates
from limner.wire.openapi_input import TOOL_CHOICE
from limner.wire.openapi_schema import (
    ANY_OBJECT,
    Json,
    array,
    asked,
    boolean,
    choice,
    either,
    integer,
    number,
    or_null,
    page_of,
    ref,
    text,
    told,
)
from limner.wire.parse import COMPRESSIONS, INCLUDE, MAX_INCLUDE, MAX_MODEL, TIERS, WINDOWS
from limner.wire.request_fields import REQUEST_FIELDS, notes_of
from limner.wire.response_list import INPUT, INPUT_PICTURES
from limner.wire.settings import (
    EFFORTS,
    FORMAT_NAME,
    MAX_COUNT,
    MAX_LABEL,
    MAX_METADATA,
    MAX_METADATA_KEY,
    MAX_METADATA_VALUE,
    MIN_OUTPUT_TOKENS,
    SUMMARIES,
    VERBOSITIES,
)

DOOR = "Responses"
PATH = "/v1/responses"

METADATA: Json = {
    "type": "object",
    "maxProperties": MAX_METADATA,
    "propertyNames": {"maxLength": MAX_METADATA_KEY},
    "additionalProperties": text(most=MAX_METADATA_VALUE),
}
_ID = text(least=1, most=MAX_NAME)
_FORMAT = either(
    asked({"type": choice(("text", "json_object"))}),
    asked(
        {
            "type": choice(("json_schema",)),
            "name": text(form=f"^{FORMAT_NAME.pattern}$"),
            "schema": ANY_OBJECT,
        },
        {"description": text(), "strict": boolean()},
    ),
)
_REASONING = {
    "effort": choice(EFFORTS),
    "summary": choice(SUMMARIES),
    "generate_summary": choice(SUMMARIES, "An older name of `summary`."),
    "context": choice(("auto", "current_turn", "all_turns")),
    "mode": text(most=64),
}
_OPTIONAL: dict[str, Json] = {
    "input": either(text(), array(ref("InputItem"), least=1, most=MAX_ITEMS)),
    "instructions": text(),
    "previous_response_id": _ID,
    "conversation": either(_ID, asked({"id": _ID})),
    "stream": boolean(),
    "store": boolean(),
    "background": boolean(),
    "background_options": asked({}, {"completion_window": choice(WINDOWS)}),
    "tools": array(ref("Tool"), most=MAX_TOOLS),
    "tool_choice": TOOL_CHOICE,
    "parallel_tool_calls": boolean(),
    "max_tool_calls": integer(1, MAX_COUNT),
    "max_output_tokens": integer(MIN_OUTPUT_TOKENS, MAX_COUNT),
    "temperature": number(0, 2),
    "top_p": number(0, 1),
    "presence_penalty": number(-2, 2),
    "frequency_penalty": number(-2, 2),
    "text": asked({}, {"format": _FORMAT, "verbosity": choice(VERBOSITIES)}),
    "reasoning": asked({}, _REASONING),
    "metadata": METADATA,
    "user": text(most=MAX_LABEL),
    "safety_identifier": text(most=128),
    "prompt_cache_key": text(most=MAX_LABEL),
    "prompt_cache_options": {},
    "prompt_cache_retention": {},
    "include": array(choice(INCLUDE), most=MAX_INCLUDE),
    "top_logprobs": integer(0, 20),
    "truncation": choice(("auto", "disabled")),
    "service_tier": choice(TIERS),
    "stream_options": asked({}, {"include_obfuscation": boolean()}),
    "image": asked({}, {"context_compression": choice(COMPRESSIONS)}),
    "access_programs": {},
    "client_metadata": {},
}


_MODEL = with_fates({"model": text(least=1, most=MAX_MODEL)}, REQUEST_FIELDS)
_FIELDS = with_fates(_OPTIONAL, REQUEST_FIELDS)

_STATUS = choice(("queued", "in_progress", "completed", "failed", "incomplete", "cancelled"))
_TOKENS = told(
    {"input_tokens": integer(0), "output_tokens": integer(0), "total_tokens": integer(0)}
)
_RESPONSE = told(
    {
        "id": text(),
        "object": {"const": "response"},
        "created_at": integer(),
        "status": _STATUS,
        "model": text(),
        "output": array(ref("Item")),
        "error": or_null(told({"code": text(), "message": text()})),
        "incomplete_details": or_null(told({"reason": text()})),
        "instructions": or_null(text()),
        "metadata": METADATA,
        "tools": array(ANY_OBJECT),
        "tool_choice": either(text(), ANY_OBJECT),
        "parallel_tool_calls": boolean(),
        "previous_response_id": or_null(text()),
        "conversation": or_null(told({"id": text()})),
        "store": boolean(),
        "background": boolean(),
        "temperature": number(),
        "top_p": number(),
        "usage": or_null(_TOKENS),
    },
    {
        "completed_at": or_null(integer()),
        "limner": ref("Extras"),
        "input": array(ref("Item"), "In the list of responses, where `include[]` asks for it."),
    },
)
_COUNT = told({"object": {"const": "response.input_tokens"}, "input_tokens": integer(0)})

SCHEMAS: dict[str, Json] = {
    "CreateResponse": asked(_MODEL, _FIELDS),
    "CountInputTokens": asked(
        {},
        {
            **{name: it for name, it in {**_MODEL, **_FIELDS}.items() if name in COUNTED},
            "personality": text("adjusted: has no effect on this server.", most=MAX_PERSONALITY),
        },
    ),
    "Item": told({"type": text(), "id": text()}),
    "Response": _RESPONSE,
    "Extras": {**ANY_OBJECT, "description": "Limner's own; `adjustments` are done otherwise."},
}
AFTER = query("after", text(form="^[ -~]*$"), "The last entry of the page before.")
ORDER = query("order", choice(("asc", "desc")), "`desc`, newest first, unless said otherwise.")


def page(most: int = 100) -> tuple[Json, ...]:
    """The parameters of a list."""
    return (AFTER, query("limit", integer(1, most)), ORDER)


_KEY = header(
    "Idempotency-Key",
    text(least=1, most=255, form="^[!-~]+$"),
    "The same key and request again: the same response again.",
)
_WHOLE = {JSON: ref("Response")}
_EITHER = {JSON: ref("Response"), EVENTS: None}
_DELETED = told({"id": text(), "object": text(), "deleted": {"const": True}})
_INCLUDED = query("include[]", array(text()), "Read over: stored items are always whole.")
_LABELS = {
    "name": "metadata",
    "in": "query",
    "style": "deepObject",
    "explode": True,
    "schema": METADATA,
    "description": "Only responses that were created with these pairs.",
}

OPERATIONS = (
    Operation(
        "createResponse",
        "POST",
        PATH,
        DOOR,
        "Make a response: whole, as a stream, or in the background.",
        {200: _EITHER},
        parameters=(_KEY,),
        bodies={JSON: ref("CreateResponse")},
        refused=notes_of(REQUEST_FIELDS, "refused"),
        statuses=REPEATED | {502, 504},
    ),
    Operation(
        "listResponses",
        "GET",
        PATH,
        DOOR,
        "One's stored responses, without their pictures. Limner's own.",
        {200: {JSON: page_of(ref("Response"))}},
        parameters=(
            *page(),
            query("include[]", array(choice((INPUT, INPUT_PICTURES))), "What else to tell."),
            _LABELS,
        ),
    ),
    Operation(
        "countInputTokens",
        "POST",
        f"{PATH}/input_tokens",
        DOOR,
        "How many tokens the input of a response would have.",
        {200: {JSON: _COUNT}},
        bodies={JSON: ref("CountInputTokens")},
        statuses=frozenset({502, 504}),
    ),
    Operation(
        "compactResponse",
        "POST",
        f"{PATH}/compact",
        DOOR,
        "Refused: contexts are not compacted here.",
        {},
    ),
    Operation(
        "getResponse",
        "GET",
        f"{PATH}/{{id}}",
        DOOR,
        "A response as it stands, or its events.",
        {200: _EITHER},
        parameters=(
            query("stream", boolean(), "Only for those made with `background` and `stream`."),
            query("starting_after", integer(0, 999_999_999), "With `stream`: number of an event."),
            query("include_obfuscation", choice(("false",)), "No padding is added here."),
            _INCLUDED,
        ),
    ),
    Operation(
        "deleteResponse",
        "DELETE",
        f"{PATH}/{{id}}",
        DOOR,
        "Forget a response and its pictures; one under way is cancelled.",
        {200: {JSON: _DELETED}},
    ),
    Operation(
        "cancelResponse",
        "POST",
        f"{PATH}/{{id}}/cancel",
        DOOR,
        "Stop a response that runs in the background.",
        {200: _WHOLE},
    ),
    Operation(
        "listInputItems",
        "GET",
        f"{PATH}/{{id}}/input_items",
        DOOR,
        "A response's own input.",
        {200: {JSON: page_of(ref("Item"))}},
        parameters=(*page(), _INCLUDED),
    ),
)
