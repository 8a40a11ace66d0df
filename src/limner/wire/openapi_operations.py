"""All that our API's description consists of."""

from __future__ import annotations

from limner.wire import (
    openapi_images,
    openapi_input,
    openapi_jobs,
    openapi_responses,
    openapi_stored,
)

OPERATIONS = (
    *openapi_responses.OPERATIONS,
    *openapi_images.OPERATIONS,
    *openapi_stored.OPERATIONS,
    *openapi_jobs.OPERATIONS,
)
SCHEMAS = {
    **openapi_input.SCHEMAS,
    **openapi_responses.SCHEMAS,
    **openapi_images.SCHEMAS,
    **openapi_stored.SCHEMAS,
    **openapi_jobs.SCHEMAS,
}
