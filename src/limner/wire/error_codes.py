"""The codes of errors: with which statuses they come, and what is wrong. For docs/api.md.

Codes that a model server or a painter elsewhere made up are passed on, and not listed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """statuses: of HTTP; none for what only stands in an item, an event or a WebSocket message."""

    code: str
    meaning: str
    statuses: tuple[int, ...] = (400,)


ERROR_CODES = (
    ErrorCode("unknown_parameter", "a field that nothing here reads"),
    ErrorCode("unsupported_parameter", "a field that cannot be done here"),
    ErrorCode("not_supported", "the image back end at hand cannot do it", (400, 422)),
    ErrorCode("missing_required_parameter", "a field is missing"),
    ErrorCode("invalid_type", "a value of another JSON type"),
    ErrorCode("invalid_value", "a value that is not among those accepted"),
    ErrorCode("integer_below_min_value", "too small; so `decimal_below_min_value`"),
    ErrorCode("integer_above_max_value", "too large; so `decimal_above_max_value`"),
    ErrorCode("string_below_min_length", "too short"),
    ErrorCode("string_above_max_length", "too long"),
    ErrorCode("array_above_max_length", "too many entries"),
    ErrorCode("empty_array", "no entries"),
    ErrorCode("object_above_max_properties", "too many pairs of `metadata`"),
    ErrorCode("mutually_exclusive_parameters", "two fields of which one may be there"),
    ErrorCode("missing_mutually_exclusive_parameters", "neither of two fields"),
    ErrorCode("invalid_json", "not one JSON object; or too deep, twice the same field, NUL"),
    ErrorCode("invalid_form", "no form, cut off, or with too many parts"),
    ErrorCode("invalid_http", "no HTTP"),
    ErrorCode("invalid_idempotency_key", "not 1 to 255 printable ASCII characters"),
    ErrorCode("invalid_stream_id", "WebSocket: not 1 to 64 printable ASCII characters", ()),
    ErrorCode("invalid_image", "a picture that cannot be decoded"),
    ErrorCode("invalid_image_file", "no picture; a mask without alpha or of another size"),
    ErrorCode("invalid_image_url", "an address that no picture may come from"),
    ErrorCode("failed_to_download_image", "the address gave no picture"),
    ErrorCode("image_file_too_large", "a picture of more than 20 MiB"),
    ErrorCode("image_too_large", "a picture of more pixels than is safe"),
    ErrorCode("image_file_not_found", "an upload that is not there, or somebody else's"),
    ErrorCode("unsupported_image_source", "a picture by URL or upload where neither is had"),
    ErrorCode("unsupported_file", "an upload that is no picture"),
    ErrorCode("unsupported_tool_choice", "the built-in rules cannot be made to call that"),
    ErrorCode("duplicate_item", "an id that the conversation has already"),
    ErrorCode("previous_response_not_found", "not stored, deleted, or somebody else's"),
    ErrorCode("previous_response_not_ended", "it is still under way"),
    ErrorCode("response_not_ended", "its picture cannot be deleted yet", (409,)),
    ErrorCode("not_cancellable", "a response that does not run in the background"),
    ErrorCode("image_generation_disabled", "nothing paints here, or not for this key", (400, 503)),
    ErrorCode("invalid_api_key", "no key, or an unknown one", (401,)),
    ErrorCode("cross_site_request", "a page of another site asks", (403,)),
    ErrorCode("not_found", "no such path, file of the page, or job", (404,)),
    ErrorCode("model_not_found", "no such model; the message lists those that there are", (404,)),
    ErrorCode("conversation_not_found", "no such conversation", (404,)),
    ErrorCode("method_not_allowed", "the path has no such method; `Allow` has them", (405,)),
    ErrorCode("request_timeout", "headers or body came too slowly", (408,)),
    ErrorCode("idempotency_in_progress", "the first request of this key is under way", (409,)),
    ErrorCode("outcome_unknown", "nobody can say whether it was painted", (409, 500)),
    ErrorCode("request_too_large", "a body above the limit", (413,)),
    ErrorCode("file_too_large", "an upload of more than 20 MiB", (413,)),
    ErrorCode("unsupported_content_type", "another Content-Type than those accepted", (415,)),
    ErrorCode("unsupported_content_encoding", "a body that is encoded", (415,)),
    ErrorCode("unknown_host", "a host that this server does not answer for", (421,)),
    ErrorCode("idempotency_key_reused", "the key came with another request", (422,)),
    ErrorCode("rate_limit_exceeded", "this client has enough waiting", (429,)),
    ErrorCode("too_many_background_responses", "this client has enough in the background", (429,)),
    ErrorCode("too_many_connections", "this address has enough connections", (429, 503)),
    ErrorCode("websocket_connection_limit_reached", "WebSocket: too much under way", ()),
    ErrorCode("headers_too_large", "headers above the limit", (431,)),
    ErrorCode("server_error", "something failed; the log says more", (500, 502)),
    ErrorCode("engine_crashed", "the painter's process ended", (500, 503)),
    ErrorCode("job_lost", "the painter elsewhere no longer knows the picture", (502,)),
    ErrorCode("invalid_workflow", "ComfyUI refuses the workflow", (502,)),
    ErrorCode("upstream_unreachable", "the model server cannot be reached", (502,)),
    ErrorCode("image_back_end_unreachable", "the painter elsewhere cannot be reached", (502,)),
    ErrorCode("image_back_end_lost", "the painter elsewhere broke off its reply", (502,)),
    ErrorCode("upstream_unavailable", "the model server fails too often; it is left alone", (503,)),
    ErrorCode("model_loading", "the painter still loads", (503,)),
    ErrorCode("queue_full", "too many pictures wait", (503,)),
    ErrorCode("server_stopping", "the server is stopping", (503,)),
    ErrorCode("insufficient_storage", "the disk is full", (503,)),
    ErrorCode("store_unavailable", "the database cannot be reached", (503,)),
    ErrorCode("picture_missing", "a kept picture is gone from the disk", (503,)),
    ErrorCode("upstream_timeout", "the model server took too long", (504,)),
    ErrorCode("image_back_end_timeout", "the painter elsewhere took too long", (504,)),
    ErrorCode("engine_hung", "the painter got nowhere, and was started anew", (504,)),
    ErrorCode("deadline_exceeded", "the job took too long", (504,)),
    ErrorCode("cancelled", "in an item: the picture was cancelled", ()),
    ErrorCode("edits_not_supported", "in an item: the painter cannot edit", ()),
    ErrorCode("function_not_offered", "in an item: the model called what it was not offered", ()),
    ErrorCode("image_interrupted", "in an item: somebody stopped it at the painter", ()),
    ErrorCode("max_tool_calls_reached", "in an item: `max_tool_calls` are used up", ()),
    ErrorCode("missing_prompt", "in an item: the model called without a prompt", ()),
    ErrorCode("no_source_image", "in an item: there is no picture to edit", ()),
    ErrorCode("no_such_image", "in an item: the model named a picture that is not there", ()),
    ErrorCode("tool_call_budget_exhausted", "in an item: too many calls in one response", ()),
)
