"""OpenAI's own client, closed when its test ends.

Left to the collector its sockets may go before it does, and be missed in some later test.
"""

from __future__ import annotations

import openai

from tests.e2e.processes import PATIENCE_S

_OPEN: list[openai.OpenAI] = []


def client_of(url: str, key: str = "none") -> openai.OpenAI:
    """url: of the server. The client asks once, and is patient."""
    made = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=PATIENCE_S)
    _OPEN.append(made)
    return made


def close_all() -> None:
    while _OPEN:
        _OPEN.pop().close()
