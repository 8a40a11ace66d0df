"""`limner vllm serve`: the command line of `vllm serve`, with `limner` in front."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from limner.cli.options import read_settings, settings_options, start_logging
from limner.cli.serve import address_of, refuse_if_open
from limner.config import NAMES, Settings
from limner.config.patience import CircuitLimits
from limner.core.errors import ConfigError

if TYPE_CHECKING:
    from limner.app.vllm import VllmCommand

OURS = frozenset(
    {
        "host",
        "port",
        "data",
        "api_keys",
        "allowed_hosts",
        "llm_kind",
        "llm_vision",
        "harmony_vocab",
        "image_tool",
        "image_backend",
        "image_service_config",
        "image_key",
        "comfyui_workflow",
        "comfyui_edit_workflow",
        "log_format",
        "log_level",
    }
)
"""Settings that are flags here. The others come from variables: vLLM has flags of those names."""

TAKES = NAMES - {"config", "llm_url", "llm_model", "llm_key", "llm_circuit"}
"""All but those that vLLM's own command line says, or that the supervisor of vLLM stands for."""
VLLM_PORT = "8000"

REFUSED: Mapping[str, str] = {
    "--api-key": "put keys into the variable LIMNER_API_KEYS, which guards vLLM's routes as well",
    "--uds": "vLLM listens on a private port here, Limner on --host and --port",
    "--ssl-keyfile": "let a reverse proxy in front of Limner speak TLS",
    "--ssl-certfile": "let a reverse proxy in front of Limner speak TLS",
    "--root-path": "let a reverse proxy in front of Limner take the path away",
    "--headless": "there is no server to put Limner in front of; start that node by vllm itself",
}
"""Flags of vLLM with which nothing would be behind its port, or something else."""


@click.group("vllm")
def command() -> None:
    """Run vLLM with the image tool in front."""


@command.command(
    "serve",
    # Flags that are not ours are vLLM's; without short ones of ours, none of its own is torn apart.
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
)
@click.argument("model")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ANY FLAG OF VLLM]...")
@settings_options(OURS)
def serve(model: str, arguments: tuple[str, ...], **flags: Any) -> None:
    """Start `vllm serve MODEL` with its flags, and serve it with the image tool in front.

    All routes of vLLM are here, but those that Limner has itself. Limner's further settings come
    from variables (docs/configure.md): vLLM has flags of the same names.
    """
    if flags["port"] is None and not os.environ.get("LIMNER_PORT"):
        flags["port"] = VLLM_PORT
    settings = read_settings(flags, TAKES)
    check_arguments(arguments, os.environ)
    start_logging(settings)
    from limner.app.http import listen_tcp, run
    from limner.app.vllm import VllmCommand, free_port, run_vllm

    vllm = VllmCommand(model, arguments, free_port())
    settings = behind(settings, vllm, served_name(model, arguments))
    sock = listen_tcp(settings.host, settings.port)
    refuse_if_open(settings)
    if settings.llm_kind == "chat" and "--enable-auto-tool-choice" not in arguments:
        click.echo(
            "limner: warning: vLLM reads no calls of tools without --enable-auto-tool-choice and "
            "--tool-call-parser; the model will be told in words to write them into its text.",
            err=True,
        )

    def listening() -> None:
        click.echo(f"Limner serves on {address_of(sock)} while vLLM loads {model}")

    run(run_vllm(settings, vllm, sock, on_line=_relay, on_listening=listening))


def check_arguments(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Raise ConfigError for what of vLLM's cannot work behind Limner."""
    for argument in arguments:
        flag = argument.partition("=")[0].replace("_", "-")
        if flag in REFUSED:
            raise ConfigError(f"{flag} of vLLM cannot be used here: {REFUSED[flag]}.")
    if environ.get("VLLM_API_KEY"):
        raise ConfigError(f"VLLM_API_KEY cannot be used here: {REFUSED['--api-key']}.")


def served_name(model: str, arguments: Sequence[str]) -> str:
    """What vLLM calls the model: the first of its `--served-model-name`, else the model."""
    for position, argument in enumerate(arguments):
        flag, has_value, value = argument.partition("=")
        if flag.replace("_", "-") == "--served-model-name":
            return value if has_value else next(iter(arguments[position + 1 :]), model)
    return model


def behind(settings: Settings, vllm: VllmCommand, name: str) -> Settings:
    """The settings with this vLLM as language model.

    gpt-oss is spoken to by its own format over raw completions: that needs no parser in vLLM, and
    hears calls of the hosted tool that a Chat template would not pass on. All others: Chat.
    """
    kind = settings.llm_kind
    if kind == "auto":
        kind = "harmony" if "gpt-oss" in f"{vllm.model} {name}".lower() else "chat"
    return replace(
        settings,
        llm_url=f"{vllm.url}/v1",
        llm_kind=kind,
        llm_model=name,
        # Its supervisor knows when it is away; a rest beyond that would only be time lost.
        llm_circuit=CircuitLimits(failures=0),
    )


def _relay(line: str) -> None:
    click.echo(line, err=True)
