"""`limner config`: whether the settings can be used, and what they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import click

from limner.cli.options import read_settings, settings_options
from limner.config import NAMES, TABLE, Entry, Settings, source, unknown_variables
from limner.config.image_service import load_image_service
from limner.config.load import check_painters_are_the_file_s
from limner.config.upstreams import UpstreamEntry, UpstreamsFile, read_upstreams


@click.group("config")
def command() -> None:
    """Look at the settings of `limner serve` without serving."""


@command.command("check")
@settings_options(NAMES)
def check(**flags: Any) -> None:
    """Read the settings and the files that they name, and ask nobody.

    Exit code 2 and the reason where they cannot be used.
    """
    settings = read_settings(flags, NAMES)
    file = _files(settings)
    for sentence in unknown_variables(os.environ):
        click.echo(f"limner: warning: {sentence}", err=True)
    click.echo("The settings can be used.")
    if file is not None:
        upstreams = ", ".join(entry.name for entry in file.upstreams)
        keys = ", ".join(key.name for key in file.keys) or "none"
        images = ", ".join(image.name for image in file.images) or "none"
        click.echo(f"{settings.config}: upstreams {upstreams}; images {images}; keys {keys}.")


@command.command("show")
@settings_options(NAMES)
def show(**flags: Any) -> None:
    """Show every setting and where it comes from; of secrets only whether they are set."""
    settings = read_settings(flags, NAMES)
    file = _files(settings)
    rows = [
        (entry.flag, _shown(entry, settings), source(entry, flags.get(entry.name), os.environ))
        for entry in TABLE
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for flag, value, origin in rows:
        click.echo(f"{flag:{widths[0]}}  {value:{widths[1]}}  {origin}")
    for line in _described(file) if file else ():
        click.echo(line)


def _files(settings: Settings) -> UpstreamsFile | None:
    if settings.image_service_config is not None:
        load_image_service(settings.image_service_config, os.environ)
    if settings.config is None:
        return None
    file = read_upstreams(settings.config, os.environ)
    if file.images:
        check_painters_are_the_file_s(settings)
    return file


def _shown(entry: Entry, settings: Settings) -> str:
    value = getattr(settings, entry.name)
    if entry.option.secret:
        return "set" if value else "not set"
    if value is None or value == ():
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _described(file: UpstreamsFile) -> Iterator[str]:
    for entry in file.upstreams:
        yield ""
        yield f"[upstreams.{entry.name}]  {_facts(entry)}"
        if entry.url:
            waits = f"retries={entry.retries}; circuit {entry.circuit}"
            yield f"  timeouts {entry.timeouts}; {waits}"
        yield from (f"  {name}" for name in entry.route.models)
        yield from (f"  {name} stands for {model}" for name, model in entry.route.aliases.items())
        yield from (f"  {pattern}" for pattern in entry.route.all_patterns)
    for image in file.images:
        yield ""
        yield f"[images.{image.name}]  {image.backend}, {_with_key(image.key)}"
        yield from (f"  {name} stands for {model}" for name, model in image.aliases.items())
    for key in file.keys:
        yield ""
        yield f"[keys.{key.name}]  image tool {key.image_tool or 'as the upstream says'}"


def _facts(entry: UpstreamEntry) -> str:
    where = f"{entry.kind} at {entry.url}" if entry.url else "built-in rules"
    sees = "sees pictures" if entry.vision else "sees no pictures"
    return f"{where}, {_with_key(entry.key)}, {sees}, image tool {entry.image_tool}"


def _with_key(key: str | None) -> str:
    return "with a key" if key else "without a key"
