"""The Images API, described, and the pictures of stored responses."""

from __future__ import annotations

from limner.core.gallery import SHAPES
from limner.core.image import FORMATS, MAX_PARTIAL_IMAGES, MAX_SEED
from limner.wire.gallery import MAX_TEXT, MIN_WIDTH, WIDTHS
from limner.wire.gallery import PATH as GALLERY
from limner.wire.image_tool import BACKGROUNDS, FIDELITIES, MAX_MODEL, MODERATIONS
from limner.wire.images import (
    MAX_GUIDANCE,
    MAX_N,
    MAX_PROMPT,
    MAX_STEPS,
    PATH,
    QUALITIES,
    REFUSED,
    TIERS,
)
from limner.wire.images_edits import MARKUP, MAX_IMAGES
from limner.wire.images_edits import PATH as EDITS
from limner.wire.loras import MAX_LORAS
from limner.wire.openapi import (
    EVENTS,
    FORM,
    JSON,
    PAINTING,
    PICTURES,
    REPEATED,
    Operation,
    header,
    query,
)
from limner.wire.openapi_input import LORA, NAMED_PICTURE, SIZE
from limner.wire.openapi_responses import page
from limner.wire.openapi_schema import (
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
from limner.wire.settings import MAX_LABEL

DOOR, GALLERY_DOOR = "Images", "Gallery"

_PROMPT = {"prompt": text("Honoured.", least=1, most=MAX_PROMPT)}
_OPTIONAL: dict[str, Json] = {
    "model": text("Honoured: an image back end or a model of one.", least=1, most=MAX_MODEL),
    "n": integer(1, MAX_N, "Honoured: so many pictures."),
    "size": text("Honoured: `auto` or WIDTHxHEIGHT, 16 to 4096 pixels each.", form=SIZE),
    "quality": choice(QUALITIES, "Honoured where the back end has it, else reported."),
    "background": choice(BACKGROUNDS, "Honoured; `transparent` is refused by most back ends."),
    "output_format": choice(FORMATS, "Honoured."),
    "output_compression": integer(0, 100, "Honoured where the format is compressed."),
    "moderation": choice(MODERATIONS, "Honoured where the back end has it, else reported."),
    "partial_images": integer(0, MAX_PARTIAL_IMAGES, "Honoured in streams, else reported."),
    "stream": boolean("Honoured: server-sent events."),
    "response_format": choice(("b64_json",), "Honoured; `url` is refused."),
    "user": text("Echoed as `safety_identifier`.", most=MAX_LABEL),
    "safety_identifier": text("Echoed.", most=MAX_LABEL),
    "seed": integer(0, MAX_SEED, "Limner's own: the noise to begin with."),
    "steps": integer(1, MAX_STEPS, "Limner's own: of denoising."),
    "guidance_scale": number(0, MAX_GUIDANCE, "Limner's own."),
    "loras": array(LORA, "Limner's own: adapters to paint with.", most=MAX_LORAS),
    "service_tier": choice(TIERS, "Limner's own: `flex` is painted when nobody waits."),
    "progress": boolean("Limner's own: events `….progress` in a stream, else reported."),
}
_OF_EDITS: dict[str, Json] = {
    "input_fidelity": choice(FIDELITIES, "Honoured where the back end has it, else reported."),
    "strength": number(0, 1, "Limner's own: how far the picture may leave its source."),
}
_PICTURES = "Honoured: by `image_url` or `file_id`."
_FILE = {"type": "string", "format": "binary"}
_FORM = {
    "type": "object",
    "properties": {
        "image": {**_FILE, "description": "Honoured: one picture."},
        "image[]": array(_FILE, "Honoured; also as `image[0]` …", most=MAX_IMAGES),
        "mask": {
            **_FILE,
            "description": "Honoured: transparent where the first picture may change.",
        },
        **_PROMPT,
        **_OPTIONAL,
        **_OF_EDITS,
        "loras": text("Limner's own: adapters to paint with, as JSON."),
    },
    "required": ["prompt"],
    "additionalProperties": False,
}
_IMAGES = told(
    {"created": integer(), "data": array(told({"b64_json": text()}), least=1)},
    {
        "background": text(),
        "output_format": choice(FORMATS),
        "quality": text(),
        "size": text(),
        "usage": told({"total_tokens": integer()}),
        "safety_identifier": text(),
        "limner": ref("Extras"),
    },
)
_PICTURE = told(
    {
        "id": text(),
        "object": {"const": "image"},
        "response_id": text(),
        "created_at": integer(),
        "size": or_null(text()),
        "format": choice(FORMATS),
        "prompt": or_null(text()),
        "seed": or_null(integer()),
        "starred": boolean(),
        "url": text(),
    }
)
SCHEMAS: dict[str, Json] = {
    "GenerateImages": asked(_PROMPT, _OPTIONAL),
    "EditImages": asked(
        {**_PROMPT, "images": array(NAMED_PICTURE, _PICTURES, least=1, most=MAX_IMAGES)},
        {
            "mask": {
                **NAMED_PICTURE,
                "description": f"{_PICTURES[:-1]}; transparent where the first picture may change.",
            },
            **_OPTIONAL,
            **_OF_EDITS,
        },
    ),
    "Images": _IMAGES,
    "Picture": _PICTURE,
}

KEY = header(
    "Idempotency-Key",
    text(least=1, most=255, form="^[!-~]+$"),
    "The same key and request again: the same reply again, painted once.",
)
_ONE, _ROUTE = f"{GALLERY}/{{id}}", f"{GALLERY}/ig_{{rest}}"
_PAINTED = {200: {JSON: ref("Images"), EVENTS: None}}
_YES_OR_NO = choice(("true", "false", "1", "0"))
_TIME = integer(0, 999_999_999_999)

OPERATIONS = (
    Operation(
        "generateImages",
        "POST",
        PATH,
        DOOR,
        "Paint pictures from words.",
        _PAINTED,
        parameters=(KEY,),
        bodies={JSON: ref("GenerateImages")},
        refused=REFUSED,
        statuses=PAINTING | REPEATED,
    ),
    Operation(
        "editImages",
        "POST",
        EDITS,
        DOOR,
        "Change pictures: a form with files, or JSON that names them.",
        _PAINTED,
        parameters=(KEY,),
        bodies={JSON: ref("EditImages"), FORM: _FORM},
        refused={**REFUSED, **MARKUP},
        statuses=PAINTING | REPEATED,
    ),
    Operation(
        "listPictures",
        "GET",
        GALLERY,
        GALLERY_DOOR,
        "The pictures of one's stored responses.",
        {200: {JSON: page_of(ref("Picture"))}},
        parameters=(
            *page(),
            query("q", text(most=MAX_TEXT), "Words of the prompt."),
            query("starred", _YES_OR_NO),
            query("ratio", choice(SHAPES)),
            query("since", _TIME, "Seconds since 1970."),
            query("before", _TIME, "Seconds since 1970."),
        ),
    ),
    Operation(
        "getPicture",
        "GET",
        _ONE,
        GALLERY_DOOR,
        "A picture's bytes; 304 for who has them.",
        {200: dict.fromkeys(PICTURES[:3]), 304: {}},
        route=_ROUTE,
        parameters=(
            query("width", integer(MIN_WIDTH, WIDTHS[-1]), "Of a thumbnail, rounded up."),
            query("format", choice(FORMATS), "Another format; not with `width`."),
            query("metadata", choice(("none",)), "Without what the file says of its making."),
            query("download", _YES_OR_NO),
        ),
    ),
    Operation(
        "starPicture",
        "POST",
        _ONE,
        GALLERY_DOOR,
        "Put a star on a picture, or take it off.",
        {200: {JSON: ref("Picture")}},
        route=_ROUTE,
        bodies={JSON: asked({"starred": boolean("Honoured.")})},
    ),
    Operation(
        "deletePicture",
        "DELETE",
        _ONE,
        GALLERY_DOOR,
        "Forget a picture; its response stays.",
        {200: {JSON: told({"id": text(), "object": text(), "deleted": {"const": True}})}},
        route=_ROUTE,
        statuses=frozenset({409}),
    ),
)
