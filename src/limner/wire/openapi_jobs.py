"""The job API, described. It refuses with 422 and `detail`, as its clients expect."""

from __future__ import annotations

from typing import Any

from limner.core.image import MAX_SEED
from limner.wire.jobs_edit import MAX_STEPS, MIN_DENOISE, MIN_STEPS
from limner.wire.jobs_fields import (
    MAX_EDGE_PX,
    MAX_LABEL,
    MAX_ORIGINAL_PROMPT,
    MAX_PROMPT,
    MIN_EDGE_PX,
)
from limner.wire.openapi import JSON, PAINTING, REPEATED, Operation
from limner.wire.openapi_images import KEY
from limner.wire.openapi_schema import (
    Json,
    array,
    asked,
    boolean,
    choice,
    either,
    integer,
    number,
    or_null,
    ref,
    text,
    told,
)

DOOR = "Jobs"

_PROMPT = {"prompt": text("Honoured.", least=1, most=MAX_PROMPT)}
_COMMON: dict[str, Json] = {
    "original_prompt": text("Repeated: the user's own words.", most=MAX_ORIGINAL_PROMPT),
    "width": integer(MIN_EDGE_PX, MAX_EDGE_PX, "Honoured, or rounded and reported."),
    "height": integer(MIN_EDGE_PX, MAX_EDGE_PX, "Honoured, or rounded and reported."),
    "seed": integer(0, MAX_SEED, "Honoured where the back end takes seeds, else refused."),
    "user_id": text("Repeated.", most=MAX_LABEL),
    "chat_id": text("Repeated.", most=MAX_LABEL),
}
_STATUS = told(
    {
        "job_id": text(),
        "status": choice(("queued", "processing", "completed", "failed", "cancelled")),
        "queue_position": or_null(integer(1)),
        "created_at": number(),
        "started_at": or_null(number()),
        "completed_at": or_null(number()),
        "error": or_null(text()),
        "user_id": or_null(text()),
        "chat_id": or_null(text()),
    }
)
_RESULT = told(
    {
        "success": boolean(),
        "job_id": text(),
        "image_base64": or_null(text()),
        "image_url": or_null(text()),
        "width": integer(),
        "height": integer(),
        "seed": or_null(integer()),
        "adjustments": array(text()),
        "prompt": text(),
        "original_prompt": or_null(text()),
        "revised_prompt": or_null(text()),
        "generation_time": or_null(number()),
        "error": or_null(text()),
    }
)
_ACCEPTED = told(
    {
        "job_id": text(),
        "status": {"const": "queued"},
        "queue_position": integer(1),
        "seed": or_null(integer()),
        "width": integer(),
        "height": integer(),
        "adjustments": array(text()),
    }
)
_PROGRESS = {"type": ["number", "null"]}
_STATE = {"status": text(), "message": text(), "progress": _PROGRESS}
_WHERE = {"device": or_null(text()), "gpu": or_null(told({"name": text()}))}
_HEALTH = told(
    {
        "service": text(),
        "model": text(),
        **_WHERE,
        "queue_size": integer(0),
        "max_queue": integer(0),
        "max_concurrent": integer(1),
        **_STATE,
        "engines": array(told({"name": text(), **_WHERE, **_STATE})),
    }
)
_INFO = told(
    {
        "model": text(),
        "supported_sizes": array(array(integer())),
        "default_width": integer(),
        "default_height": integer(),
        "inference_steps": or_null(integer()),
        "guidance_scale": or_null(number()),
    }
)
SCHEMAS: dict[str, Json] = {
    "GenerateJob": asked(_PROMPT, _COMMON),
    "ModifyJob": asked(
        {**_PROMPT, "image_base64": text("Honoured: base64 or a data URL.", least=1)},
        {
            "mask_base64": text("Honoured: transparent where the picture may change."),
            "denoise": number(MIN_DENOISE, 1, "Honoured: elsewhere called strength."),
            "steps": integer(MIN_STEPS, MAX_STEPS, "Honoured."),
            **_COMMON,
        },
    ),
    "JobStatus": _STATUS,
    "JobResult": _RESULT,
}


_ERRORS = either(
    ref("Detail"), ref("Error"), about="`error` where a guard before the job API refuses."
)


def _job(id: str, method: str, path: str, summary: str, **more: Any) -> Operation:
    return Operation(id, method, path, DOOR, summary, errors=_ERRORS, **more)


def _order(id: str, path: str, summary: str, reply: Json, body: str) -> Operation:
    return _job(
        id,
        "POST",
        path,
        summary,
        replies={200: {JSON: reply}},
        parameters=(KEY,),
        bodies={JSON: ref(body)},
        statuses=PAINTING | REPEATED,
    )


_UNFINISHED = {202: {JSON: ref("JobStatus")}, 410: {JSON: ref("JobResult")}}

OPERATIONS = (
    _order("generate", "/generate", "Paint, and wait.", ref("JobResult"), "GenerateJob"),
    _order("generateLater", "/generate/async", "Paint, and ask later.", _ACCEPTED, "GenerateJob"),
    _order("modify", "/modify", "Change a picture, and wait.", ref("JobResult"), "ModifyJob"),
    _order("modifyLater", "/modify/async", "The same, and ask later.", _ACCEPTED, "ModifyJob"),
    _job(
        "getJob",
        "GET",
        "/job/{id}",
        "How far a job has come.",
        replies={200: {JSON: ref("JobStatus")}},
    ),
    _job(
        "cancelJob",
        "DELETE",
        "/job/{id}",
        "Stop a job that is not over.",
        replies={200: {JSON: ref("JobStatus")}},
    ),
    _job(
        "getJobResult",
        "GET",
        "/job/{id}/result",
        "What has come of a job; 202 while it is not over.",
        replies={200: {JSON: ref("JobResult")}, **_UNFINISHED},
    ),
    _job(
        "getJobImage",
        "GET",
        "/job/{id}/image",
        "The picture itself; 202 while there is none.",
        replies={200: {"image/png": None}, **_UNFINISHED},
    ),
    _job(
        "getHealth",
        "GET",
        "/health",
        "Whether pictures can be painted; 503 where they cannot.",
        replies={200: {JSON: _HEALTH}, 503: {JSON: _HEALTH}},
    ),
    _job(
        "getInfo",
        "GET",
        "/info",
        "What paints, and its defaults.",
        replies={200: {JSON: _INFO}},
    ),
)
