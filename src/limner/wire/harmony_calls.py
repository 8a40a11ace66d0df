"""Whom a gpt-oss model calls, as the name of a function.

Functions are declared and called as `functions.<name>`. Models also write the bare name, servers
misspell the namespace, and a function is called as if it were a namespace (`functions.draw.run`).
The namespaces of the hosted image tool (`images.edit`) are for the core to judge.
"""

from __future__ import annotations

from collections.abc import Collection

_NAMESPACES = ("functions.", "function.")


def function_of(recipient: str, names: Collection[str]) -> str:
    """Return the name of the function that a recipient means.

    names: of the functions that are declared. What means none of them comes back without the
    namespace of functions.
    """
    name = recipient
    for namespace in _NAMESPACES:
        name = name.removeprefix(namespace)
    if name in names:
        return name
    head, _, _ = name.partition(".")
    return head if head in names else name


def address_of(name: str) -> str:
    """Return how the call of a function is written; a name with a dot is an address already."""
    return name if "." in name else f"functions.{name}"
