"""Settings of the language model, and of what becomes of the image tool over it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from limner.config.option import Option, option
from limner.config.patience import CIRCUIT, RETRIES, TIMEOUTS, CircuitLimits, Timeouts
from limner.config.reading import (
    FILE,
    FOLDER,
    YES_OR_NO,
    address,
    one_of,
    text,
    whole_number,
)
from limner.config.server_settings import ServerSettings

LLM_KINDS = ("auto", "chat", "responses", "anthropic", "harmony")


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageModelSettings(ServerSettings):
    """Further rows of the table that `Settings` is."""

    config: Path | None = dataclasses.field(
        default=None,
        metadata={
            "option": Option(
                "language model",
                FILE,
                "File with several language models, in place of the flags for one: "
                "`limner.example.toml` explains it.",
                unset="none",
            )
        },
    )
    llm_url: str | None = option(
        None,
        Option(
            "language model",
            address(),
            "Base address of a language model server.",
            unset="built-in rules, no language model",
            flag="--llm",
        ),
    )
    llm_kind: Literal["auto", "chat", "responses", "anthropic", "harmony"] = option(
        "auto",
        Option(
            "language model",
            one_of(*LLM_KINDS),
            "What that server speaks; `auto` asks it, and finds all but `harmony`.",
        ),
    )
    llm_model: str | None = option(
        None,
        Option(
            "language model",
            text("a name", "NAME"),
            "Model to ask that server for.",
            unset="the one that the client names",
        ),
    )
    llm_key: str | None = option(
        None,
        Option(
            "language model",
            text("a key", "KEY"),
            "Key for that server.",
            unset="no key",
            flag="--llm-key-env",
            variable="LLM_API_KEY",
            secret=True,
        ),
    )
    llm_vision: bool = option(
        False,
        Option(
            "language model",
            YES_OR_NO,
            "Whether the model can see pictures; if not, it is told about them in words.",
        ),
    )
    llm_tools: Literal["auto", "native", "prompted"] = option(
        "auto",
        Option(
            "language model",
            one_of("auto", "native", "prompted"),
            "How the model calls functions: `native` by itself, `prompted` in its text, as it is "
            "told in words; `auto` turns to that where the server refuses a request for functions.",
        ),
    )
    llm_max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = option(
        "max_completion_tokens",
        Option(
            "language model",
            one_of("max_completion_tokens", "max_tokens"),
            "How that server calls the limit of a reply; older ones say `max_tokens`.",
        ),
    )
    llm_max_output_tokens: int | None = option(
        None,
        Option(
            "language model",
            whole_number(1, 10_000_000),
            "Limit of a reply whose client sets none.",
            unset="the server's own; 8192 with Anthropic",
        ),
    )
    llm_thinking: Literal["adaptive", "budget"] = option(
        "adaptive",
        Option(
            "language model",
            one_of("adaptive", "budget"),
            "How an Anthropic server is told to think when a client asks for an effort: by the "
            "effort itself (Claude 4.6 and later), or by a budget of tokens (older models and most "
            "other servers of that API).",
        ),
    )
    llm_timeouts: Timeouts = dataclasses.field(
        default=Timeouts(),
        metadata={
            "option": Option(
                "language model",
                TIMEOUTS,
                "Seconds that server may take to accept a connection, to begin its reply, between "
                "two pieces of it, and for a whole turn; what is left out keeps its default.",
            )
        },
    )
    llm_retries: int = option(
        2,
        Option(
            "language model",
            RETRIES,
            "How often a request is repeated that the server has not begun to answer.",
        ),
    )
    llm_circuit: CircuitLimits = dataclasses.field(
        default=CircuitLimits(),
        metadata={
            "option": Option(
                "language model",
                CIRCUIT,
                "After how many failed turns in a row that server is left alone, and for how many "
                "seconds; `failures=0` asks it always.",
            )
        },
    )
    image_tool: Literal["on", "off", "passthrough", "strip"] = option(
        "on",
        Option(
            "language model",
            one_of("on", "off", "passthrough", "strip"),
            "What becomes of the image tool in requests: `on` runs it here, `off` refuses it, "
            "`passthrough` leaves it to a `responses` server that has it, `strip` takes it out "
            "and says so, for clients that always offer it.",
        ),
    )
    image_denial: Literal["recover", "error"] = option(
        "recover",
        Option(
            "language model",
            one_of("recover", "error"),
            "What becomes of a model's call of the image tool that the client did not offer: "
            "`recover` fails the call and the model goes on, `error` ends the response.",
        ),
    )
    harmony_vocab: Path | None = dataclasses.field(
        default=None,
        metadata={
            "option": Option(
                "language model",
                FOLDER,
                "Folder with `o200k_base.tiktoken`: prompts for a server of kind `harmony` go as "
                "tokens (extra `harmony`).",
                unset="prompts go as text",
            )
        },
    )
