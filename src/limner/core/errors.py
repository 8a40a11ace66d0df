"""Errors by whose fault they are; the class decides what becomes of them.

LimnerError
├── InvalidRequest   the client's: HTTP 4xx before anything starts
├── UpstreamError    the model server's: HTTP 5xx before the first byte, `response.failed` after it
├── ImageError       the image back end's: a failed item that the *model* can read, never the end
│                    of a response
├── StoreError       the disk's or the database's: HTTP 503, nothing of the work was kept
└── ConfigError      the operator's: at start, names the file and the key

Every message says what, which value, and what would be accepted. Foreign exceptions are translated
once, in the adapter that called.
"""

from __future__ import annotations


class LimnerError(Exception):
    """What all errors of this project have in common: a message made for its reader."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidRequest(LimnerError):
    """The client asked for something that cannot be had.

    param: path of the offending field, such as `tools[0].size`; None when no field is to blame.
    code: OpenAI's machine-readable code, such as `unknown_parameter`; None where OpenAI sends null.
    status: the HTTP status, 400 unless another of the 4xx, or 503, says it better.
    type: OpenAI's error type.
    retry_after_s: seconds until it is worth asking again; None when asking again would not help.
    """

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        status: int = 400,
        type: str = "invalid_request_error",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.param = param
        self.code = code
        self.status = status
        self.type = type
        self.retry_after_s = retry_after_s


class UpstreamError(LimnerError):
    """A language model server failed, or answered what no dialect allows.

    code: `server_error`, `rate_limit_exceeded`, `upstream_<status>` or the upstream's own code.
    status: the HTTP status for our client when nothing has been sent yet (429, 502, 503 or 504).
    retryable: whether the same request may succeed later.
    param: the field of the client's request that cannot be said in the server's dialect, if any.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "server_error",
        status: int = 502,
        retryable: bool = False,
        retry_after_s: float | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.param = param


class ImageError(LimnerError):
    """A picture could not be made.

    code: such as `server_error`, `model_loading`, `queue_full`, `not_supported` or
        `moderation_blocked`.
    type: OpenAI's error type; `image_generation_user_error` when prompt or options are to blame.
    retryable: whether the same call may succeed later; the model is told.
    status: the HTTP status on the Images API, where there is no model to tell.
    was_taken: False only where the back end surely did not take the request on, so that asking
        another can neither paint nor cost twice.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "server_error",
        type: str = "image_generation_server_error",
        retryable: bool = False,
        status: int = 500,
        param: str | None = None,
        retry_after_s: float | None = None,
        was_taken: bool = True,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.type = type
        self.retryable = retryable
        self.status = status
        self.param = param
        self.retry_after_s = retry_after_s
        self.was_taken = was_taken


class StoreError(LimnerError):
    """What was to be kept could not be, or what was kept could not be read.

    code: `store_unavailable`, `insufficient_storage` for a full disk, or `picture_missing`.
    retry_after_s: seconds until it is worth asking again.
    """

    status = 503
    retryable = True

    def __init__(
        self, message: str, *, code: str = "store_unavailable", retry_after_s: float | None = 5.0
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s


class ConfigError(LimnerError):
    """The operator's settings cannot work; names the source, the key and what is accepted."""
