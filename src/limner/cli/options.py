"""Flags made of the table of settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from limner.config import TABLE, Entry, Settings, load, unknown_variables

F = TypeVar("F", bound=Callable[..., Any])


def settings_options(names: Collection[str]) -> Callable[[F], F]:
    """Add the flags of these settings to a command, in the order of the table."""

    def decorate(command: F) -> F:
        for entry in reversed(TABLE):
            if entry.name in names:
                command = _flag(entry)(command)
        return command

    return decorate


def read_settings(flags: dict[str, Any], names: Collection[str]) -> Settings:
    """The settings from flags and environment; raises ConfigError."""
    given = {name: _text(value) for name, value in flags.items() if name in names}
    return load(given, os.environ, takes=names)


def start_logging(settings: Settings) -> None:
    """Log as the settings want it, and point out what looks like a setting and is none."""
    import logging

    from limner import logs

    logs.configure(settings.log_format, settings.log_level)
    for sentence in unknown_variables(os.environ):
        logging.getLogger(__name__).warning(sentence)


def _flag(entry: Entry) -> Callable[[F], F]:
    option = entry.option
    metavar, flag, help = option.reads.metavar, entry.flag, option.help
    if option.secret:
        metavar, help = "NAME", f"Variable that holds the value. {help}"
    if option.reads.metavar == "yes|no":
        flag, metavar = f"{flag}/--no-{flag.removeprefix('--')}", ""
    return click.option(
        flag,
        entry.name,
        default=None,
        metavar=metavar or None,
        shell_complete=partial(_values, option.reads.metavar),
        help=f"{help}  [{entry.variable}; default: {_default(entry)}]",
    )


def _values(
    metavar: str, ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What the shell offers for a value: the words that are accepted, or what lies on the disk."""
    if metavar in ("FILE", "DIR"):
        return [CompletionItem(incomplete, type=metavar.lower())]
    words = metavar.split("|") if "|" in metavar else []
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def _default(entry: Entry) -> str:
    if entry.option.unset is not None:
        return entry.option.unset.replace("`", "")
    return "no" if entry.default is False else str(entry.default)


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return None if value is None else str(value)
