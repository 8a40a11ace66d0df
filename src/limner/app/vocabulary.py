"""The vocabulary of gpt-oss, read from a folder by the library of its makers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from limner.core.errors import ConfigError
from limner.upstreams.harmony import Vocabulary

FILE = "o200k_base.tiktoken"
SETTING = "--harmony-vocab"

_FOLDER_VARIABLE = "TIKTOKEN_ENCODINGS_BASE"
_UNKNOWN = "\ufffd"


def load_vocabulary(folder: Path) -> Vocabulary:
    """Read `o200k_base.tiktoken` in this folder; nothing is ever downloaded.

    Raises ConfigError where the package, the file or what is in it is wanting.
    """
    if find_spec("openai_harmony") is None:
        raise ConfigError(
            f"{SETTING} needs the package openai-harmony: pip install 'limner[harmony]'. Without "
            "the setting, prompts are sent as text, which needs neither."
        )
    if not (folder / FILE).is_file():
        raise ConfigError(f"{SETTING} must be a folder that holds {FILE}, got {str(folder)!r}.")
    from openai_harmony import HarmonyEncodingName, HarmonyError, load_harmony_encoding

    try:
        with _environment(_FOLDER_VARIABLE, str(folder.resolve())):
            encoding = load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS)
    except HarmonyError as error:
        raise ConfigError(f"{SETTING}: {folder / FILE} cannot be read: {error}.") from error

    def encode(text: str) -> Sequence[int]:
        tokens: list[int] = encoding.encode(text, disallowed_special=())
        return tokens

    def decode(tokens: Sequence[int]) -> str:
        try:
            text: str = encoding.decode(tokens)
        except (HarmonyError, OverflowError):
            return _UNKNOWN  # a number that the vocabulary does not have
        return text

    return Vocabulary(encode, decode)


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """The library takes the folder from nowhere else."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
