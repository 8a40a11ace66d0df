"""Files, conversations, models, the queue and the server's own state, described."""

from __future__ import annotations

from limner.core.file import PURPOSES
from limner.wire.conversations import INCLUDABLE, MAX_NEW_ITEMS
from limner.wire.files import MAX_LIFE_S, MIN_LIFE_S
from limner.wire.openapi import EVENTS, FORM, JSON, PICTURES, REPEATED, Operation, query
from limner.wire.openapi_images import KEY
from limner.wire.openapi_responses import METADATA, page
from limner.wire.openapi_schema import (
    ANY_OBJECT,
    Json,
    array,
    asked,
    boolean,
    choice,
    integer,
    number,
    or_null,
    page_of,
    ref,
    text,
    told,
)

FILES, CONVERSATIONS, MODELS, QUEUE, STATE = (
    *("Files", "Conversations", "Models", "Queue"),
    "The server itself",
)
MOST_FILES = 10_000

_UPLOAD = {
    "type": "object",
    "properties": {
        "file": {
            "type": "string",
            "format": "binary",
            "description": "A picture; its bytes decide, not its name.",
        },
        "purpose": choice(PURPOSES, "Repeated, and a list's filter."),
        "expires_after[anchor]": choice(("created_at",), "Honoured, with `seconds`."),
        "expires_after[seconds]": integer(MIN_LIFE_S, MAX_LIFE_S, "Honoured."),
    },
    "required": ["file", "purpose"],
    "additionalProperties": False,
}
_ITEMS = array(ref("InputItem"), "Honoured: kept whole.", most=MAX_NEW_ITEMS)
_METADATA = {**METADATA, "description": "Repeated."}
_PLACE = told(
    {
        "id": text(),
        "object": {"const": "queue.place"},
        "status": choice(("in_progress", "queued")),
        "response_id": or_null(text()),
        "job_id": or_null(text()),
        "prompt": text(),
        "position": or_null(integer(1)),
        "age_s": number(),
        "step": integer(0),
        "steps": integer(0),
        "eta_s": or_null(number()),
    }
)
_STATE: Json = {"state": text(), "message": text(), "progress": {"type": ["number", "null"]}}
_PART = told(_STATE, {"parts": {"type": "object", "additionalProperties": told(_STATE)}})
_READY = told(
    {
        "status": choice(("ready", "loading", "failed", "stopping")),
        "parts": {"type": "object", "additionalProperties": _PART},
    }
)
_DELETED = told({"id": text(), "object": text(), "deleted": {"const": True}})

SCHEMAS: dict[str, Json] = {
    "File": told(
        {
            "id": text(),
            "object": {"const": "file"},
            "bytes": integer(0),
            "created_at": integer(),
            "expires_at": or_null(integer()),
            "filename": text(),
            "purpose": choice(PURPOSES),
            "status": {"const": "processed"},
        }
    ),
    "Conversation": told(
        {
            "id": text(),
            "object": {"const": "conversation"},
            "created_at": integer(),
            "metadata": METADATA,
        }
    ),
    "Model": told(
        {
            "id": text(),
            "object": {"const": "model"},
            "created": integer(),
            "owned_by": text(),
            "limner": ANY_OBJECT,
        }
    ),
    "Queue": told(
        {
            "object": {"const": "queue"},
            "total": integer(0),
            "waiting": integer(0),
            "running": integer(0),
            "mine": array(_PLACE),
        }
    ),
}

_FILE = "/v1/files/{id}"
_ALL, _ONE = "/v1/conversations", "/v1/conversations/{id}"
_CONVERSATION = {200: {JSON: ref("Conversation")}}
_INCLUDE = query("include[]", array(choice(INCLUDABLE)), "Changes nothing: items are whole.")

OPERATIONS = (
    Operation(
        "uploadFile",
        "POST",
        "/v1/files",
        FILES,
        "Keep a picture under an id.",
        {200: {JSON: ref("File")}},
        parameters=(KEY,),
        bodies={FORM: _UPLOAD},
        statuses=REPEATED,
    ),
    Operation(
        "listFiles",
        "GET",
        "/v1/files",
        FILES,
        "One's files.",
        {200: {JSON: page_of(ref("File"))}},
        parameters=(*page(MOST_FILES), query("purpose", text())),
    ),
    Operation("getFile", "GET", _FILE, FILES, "What is known of it.", {200: {JSON: ref("File")}}),
    Operation("deleteFile", "DELETE", _FILE, FILES, "Forget the file.", {200: {JSON: _DELETED}}),
    Operation(
        "getFileContent",
        "GET",
        f"{_FILE}/content",
        FILES,
        "Its bytes as they came; 304 for who has them.",
        {200: dict.fromkeys(PICTURES), 304: {}},
    ),
    Operation(
        "createConversation",
        "POST",
        _ALL,
        CONVERSATIONS,
        "A list of items that responses read and add to.",
        _CONVERSATION,
        bodies={JSON: asked({}, {"items": _ITEMS, "metadata": _METADATA})},
    ),
    Operation(
        "listConversations",
        "GET",
        _ALL,
        CONVERSATIONS,
        "One's conversations, the last changed first. Limner's own.",
        {200: {JSON: page_of(ref("Conversation"))}},
        parameters=page(),
    ),
    Operation("getConversation", "GET", _ONE, CONVERSATIONS, "What is known of it.", _CONVERSATION),
    Operation(
        "updateConversation",
        "POST",
        _ONE,
        CONVERSATIONS,
        "Replace its metadata.",
        _CONVERSATION,
        bodies={JSON: asked({"metadata": or_null(_METADATA)})},
    ),
    Operation(
        "deleteConversation",
        "DELETE",
        _ONE,
        CONVERSATIONS,
        "Forget it.",
        {200: {JSON: _DELETED}},
    ),
    Operation(
        "addItems",
        "POST",
        f"{_ONE}/items",
        CONVERSATIONS,
        "Append items.",
        {200: {JSON: page_of(ref("Item"))}},
        parameters=(_INCLUDE,),
        bodies={JSON: asked({"items": {**_ITEMS, "minItems": 1}})},
    ),
    Operation(
        "listItems",
        "GET",
        f"{_ONE}/items",
        CONVERSATIONS,
        "Its items.",
        {200: {JSON: page_of(ref("Item"))}},
        parameters=(*page(), _INCLUDE),
    ),
    Operation(
        "getItem",
        "GET",
        f"{_ONE}/items/{{item_id}}",
        CONVERSATIONS,
        "One item.",
        {200: {JSON: ref("Item")}},
        parameters=(_INCLUDE,),
    ),
    Operation(
        "deleteItem",
        "DELETE",
        f"{_ONE}/items/{{item_id}}",
        CONVERSATIONS,
        "Take one item out.",
        _CONVERSATION,
    ),
    Operation(
        "listModels",
        "GET",
        "/v1/models",
        MODELS,
        "What may be named as a model, and what it can do.",
        {200: {JSON: told({"object": {"const": "list"}, "data": array(ref("Model"))})}},
    ),
    Operation(
        "getModel",
        "GET",
        "/v1/models/{id}",
        MODELS,
        "One of them.",
        {200: {JSON: ref("Model")}},
        route="/v1/models/{id:path}",
    ),
    Operation(
        "getQueue",
        "GET",
        "/v1/queue",
        QUEUE,
        "Where one's pictures stand, once or as events. Limner's own.",
        {200: {JSON: ref("Queue"), EVENTS: None}},
        parameters=(query("stream", boolean(), "Events for every change."),),
    ),
    Operation(
        "getLive",
        "GET",
        "/livez",
        STATE,
        "The process answers. Needs no key.",
        {200: {JSON: told({"status": {"const": "live"}})}},
    ),
    Operation(
        "getReady",
        "GET",
        "/readyz",
        STATE,
        "Whether every part works, or how far it has come. Needs no key.",
        {200: {JSON: _READY}, 503: {JSON: _READY}},
    ),
    Operation(
        "getDescription",
        "GET",
        "/openapi.json",
        STATE,
        "This description.",
        {200: {JSON: ANY_OBJECT}},
    ),
)
