"""What the engine's process is told, and what it is not."""

from __future__ import annotations

from pathlib import Path

from limner.app.child import engine_command, engine_environ
from limner.cli.engine import command as engine
from limner.config import load

SOCKET = Path("/run/engine.sock")


def test_the_engine_gets_the_settings_that_concern_it_as_flags_it_knows() -> None:
    environ = {
        "LIMNER_MODEL": "/models/z",
        "LIMNER_STEPS": "4",
        "LIMNER_THREADS": "2",
        "LIMNER_WARM_SIZES": "512x512, 768x512",
        "LIMNER_PORT": "9000",
        "LIMNER_LLM_URL": "http://127.0.0.1:1",
    }
    flags = engine_command(load({}, environ), SOCKET)[4:]
    told = engine.make_context("engine", list(flags)).params
    assert (told["model"], told["steps"], told["threads"]) == ("/models/z", "4", "2")
    assert (told["max_queue"], told["device"], told["socket"]) == ("20", "auto", str(SOCKET))
    assert told["warm_sizes"] == "512x512,768x512"
    assert told["with_parent"]
    assert (told["port"], told["api_keys"]) == (None, None)


def test_what_is_not_set_is_left_to_the_engine() -> None:
    command = engine_command(load({}, {}), SOCKET)
    assert not {
        "--model",
        "--steps",
        "--threads",
        "--guidance-scale",
        "--warm-sizes",
        "--compile-cache",
    } & set(command)


def test_the_engine_sees_none_of_our_keys_and_settings() -> None:
    environ = {
        "LIMNER_API_KEYS": "sk-1",
        "LIMNER_LLM_API_KEY": "sk-2",
        "IMAGE_GEN_PORT": "1",
        "HF_HUB_OFFLINE": "1",
        "PATH": "/bin",
    }
    assert engine_environ(environ) == {
        "HF_HUB_OFFLINE": "1",
        "PATH": "/bin",
        "LIMNER_LOG_FORMAT": "json",
    }
