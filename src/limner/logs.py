"""The record format: a line for a person, or a JSON object for a machine.

A message is constant; its facts (`action`, `response_id`, `seconds`, …) travel in `extra` and are
written after it. Prompts, pictures and keys are never logged by anyone; what an exception or
another library says is not ours to know, so keys are taken out of every line once more (`hide`).
"""

from __future__ import annotations

import base64
import json
import logging
import sys
import time
from collections.abc import Iterable
from typing import Any, Literal, TextIO
from urllib.parse import quote

Format = Literal["text", "json"]

_OWN_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "color_message",
}
_NOISY = ("uvicorn.error", "uvicorn.access", "asyncio", "httpx", "PIL", "urllib3")

SHORTEST_HIDDEN = 8

_hidden: set[str] = set()

logger = logging.getLogger(__name__)


def configure(format: Format, level: str, stream: TextIO | None = None) -> None:
    """Send all records of this process to `stream`, the standard error output if None."""
    output = logging.StreamHandler(stream or sys.stderr)
    output.setFormatter(_Hiding(JsonFormatter() if format == "json" else TextFormatter()))
    root = logging.getLogger()
    root.handlers = [output]
    root.setLevel(level.upper())
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)


def hide(secrets: Iterable[str]) -> None:
    """Write `***` from now on where a line would show one of these, plain, quoted or in base64.

    Those shorter than 8 characters stay: they might be any word.
    """
    for secret in secrets:
        if len(secret) >= SHORTEST_HIDDEN:
            encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
            forms = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], encoded}
            _hidden.update(forms)


def relay(line: str) -> None:
    """Log again what the engine's process logged as JSON; other lines as warnings.

    The time of the record is now.
    """
    try:
        fields = json.loads(line)
        level, name = logging.getLevelNamesMapping()[fields.pop("level")], fields.pop("logger")
        message = fields.pop("message")
    except (ValueError, KeyError, TypeError, AttributeError):
        logger.warning("engine wrote: %s", line)
        return
    fields.pop("time", None)
    facts = {name: value for name, value in fields.items() if name not in _OWN_FIELDS}
    logging.getLogger(str(name)).log(level, "%s", message, extra=facts)


class _Hiding(logging.Formatter):
    """Another formatter's lines without what `hide` was told."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        line = self._inner.format(record)
        for form in sorted(_hidden, key=len, reverse=True):
            line = line.replace(form, "***")
        return line


class TextFormatter(logging.Formatter):
    """`14:02:11 INFO  image completed  response_id=resp_1 seconds=0.41`."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%H:%M:%S", time.localtime(record.created))
        facts = "".join(f" {name}={_plain(value)}" for name, value in _facts(record).items())
        line = f"{moment} {record.levelname:<7} {_one_line(record.getMessage())}"
        line += f" {facts}" if facts else ""
        return line + "".join(f"\n{text}" for text in self._trace(record))

    def _trace(self, record: logging.LogRecord) -> list[str]:
        return [self.formatException(record.exc_info)] if record.exc_info else []


class JsonFormatter(logging.Formatter):
    """One object a line: time (UTC), level, logger, message, the facts, and exception if any."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields: dict[str, Any] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False, default=str)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _OWN_FIELDS}


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    text = _one_line(str(value))
    return json.dumps(text, ensure_ascii=False) if " " in text or not text else text


def _one_line(text: str) -> str:
    """Without what could forge a line or command a terminal."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
