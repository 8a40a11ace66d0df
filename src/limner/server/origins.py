"""Where connections come from, so that no one place takes them all."""

from __future__ import annotations

import asyncio
from collections import Counter
from ipaddress import IPv6Address, ip_address, ip_network


class Origins:
    """How many connections each place has."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def enter(self, origin: str) -> int:
        """How many there are now from there, this one included."""
        self._counts[origin] += 1
        return self._counts[origin]

    def leave(self, origin: str) -> None:
        self._counts[origin] -= 1
        if not self._counts[origin]:
            del self._counts[origin]


def origin_of(transport: asyncio.Transport) -> str | None:
    """The address of the other end, of IPv6 its /64 network; None for this machine itself."""
    peer = transport.get_extra_info("peername")
    return place(str(peer[0])) if isinstance(peer, tuple) else None


def place(address: str) -> str | None:
    """Whom an address counts for: one customer of IPv6 has a /64 network at least (RFC 6177)."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if parsed.is_loopback:
        return None
    return str(ip_network((parsed, 32 if parsed.version == 4 else 64), strict=False))
