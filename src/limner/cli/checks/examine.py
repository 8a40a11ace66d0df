"""All checks, in the order of what rests on what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from limner.app.language_models import server_of
from limner.app.painting import model_name
from limner.app.upstreams import ModelServer, model_server
from limner.cli.checks.data import check_data
from limner.cli.checks.engine import check_device, check_memory, check_packages
from limner.cli.checks.language_model import ask_language_model, check_language_model
from limner.cli.checks.listening import ask_port, check_access, check_port
from limner.cli.checks.model import check_model
from limner.cli.checks.painter import (
    Painter,
    ask_painter,
    check_painter,
    painter_at,
    read_service,
)
from limner.cli.checks.python import check_python
from limner.cli.checks.verdict import Verdict, ok, refused, skipped, warning
from limner.config import ALL_DEVICES, Settings, unknown_variables
from limner.config.load import check_painters_are_the_file_s
from limner.config.upstreams import UpstreamsFile, read_upstreams
from limner.core.errors import ConfigError
from limner.engine.devices import all_devices

ReadSettings = Callable[[], Settings]


async def examine(
    read: ReadSettings, environ: Mapping[str, str], *, online: bool
) -> AsyncIterator[Verdict]:
    """read: makes the settings, or raises ConfigError. online: ask the servers that they name."""
    yield check_python()
    for sentence in unknown_variables(environ):
        what, _, hint = sentence.partition("; ")
        yield warning("settings", what, hint[0].upper() + hint[1:])
    try:
        settings = read()
    except ConfigError as error:
        yield refused("settings", error.message, "docs/configure.md lists what is accepted.")
        yield skipped("all else", "it follows from the settings")
        return
    yield ok("settings", "accepted")
    where = settings.host, settings.port
    yield await ask_port(*where) if online else check_port(*where)
    file = _read_file(settings, environ)
    yield check_access(settings, len(file.keys) if isinstance(file, UpstreamsFile) else 0)
    yield check_data(settings.data)
    if isinstance(file, Verdict):
        yield file
        return
    async for verdict in _models(settings, file, online=online):
        yield verdict
    for painting in _painters(settings, file):
        async for verdict in _painting(painting, online=online):
            yield verdict


def _read_file(settings: Settings, environ: Mapping[str, str]) -> UpstreamsFile | Verdict | None:
    if settings.config is None:
        return None
    try:
        file = read_upstreams(settings.config, environ)
        if file.images:
            check_painters_are_the_file_s(settings)
    except ConfigError as error:
        return refused("config", error.message, "limner.example.toml explains the file.")
    return file


async def _models(
    settings: Settings, file: UpstreamsFile | None, *, online: bool
) -> AsyncIterator[Verdict]:
    if file is None:
        for verdict in await _model("language model", model_server(settings), online=online):
            yield verdict
    for entry in file.upstreams if file else ():
        server = server_of(entry, settings.harmony_vocab)
        if server is not None:
            names = (*entry.route.models, *entry.route.aliases.values())
            server = replace(server, model=next(iter(names), None))
        for verdict in await _model(entry.name, server, online=online):
            yield verdict


async def _model(name: str, server: ModelServer | None, *, online: bool) -> list[Verdict]:
    verdict = check_language_model(name, server)
    if server is None or verdict.state == "failure" or not online:
        return [verdict]
    return await ask_language_model(name, server)


def _painters(settings: Settings, file: UpstreamsFile | None) -> list[Settings]:
    """The settings as they would be with each back end alone."""
    images = file.images if file else ()
    return [entry.of(settings) for entry in images] or [settings]


async def _painting(settings: Settings, *, online: bool) -> AsyncIterator[Verdict]:
    painters: list[Painter] = []
    if settings.image_service_config is not None:
        verdicts, described = read_service(settings.image_service_config)
        painters = [described] if described else []
        for verdict in verdicts:
            yield verdict
    elif settings.image_backend == "none":
        yield ok("pictures", "nothing paints, as --image-backend none says")
    elif settings.image_backend in (None, "engine"):
        for verdict in _engine(settings):
            yield verdict
    else:
        painters = [painter_at(each, settings.image_key) for each in settings.addresses]
    for painter in painters:
        verdict = check_painter(painter)
        yield await ask_painter(painter) if online and verdict.state == "ok" else verdict


def _engine(settings: Settings) -> Iterator[Verdict]:
    packages = check_packages(is_wanted=settings.image_backend == "engine")
    yield packages
    if packages.state != "ok":
        return
    grounds = []
    for asked in _devices(settings):
        verdict, ground = check_device(asked, settings.dtype)
        yield verdict
        grounds.append(ground)
    verdict, folder = check_model(settings.model)
    yield verdict
    for ground in grounds:
        if ground is not None and folder is not None:
            yield check_memory(
                model_name(settings.model),
                folder,
                ground,
                offload=settings.offload,
                quantize=settings.quantize,
            )


def _devices(settings: Settings) -> Sequence[str]:
    if ALL_DEVICES not in settings.devices:
        return settings.devices
    import torch

    return all_devices(torch)
