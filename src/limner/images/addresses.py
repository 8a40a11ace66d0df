"""Which addresses of the internet a server may be asked to connect to.

A client that names a URL borrows this machine's place in the network: its loopback, its neighbours,
the metadata service of its cloud. So an address must be public beyond doubt, and so must every
IPv4 address that its IPv6 form may be routed to. Python's `is_global` alone lets several through.

Sources: IANA special-purpose address registries; RFC 6052 (NAT64), RFC 3056 (6to4), RFC 5214
(ISATAP), RFC 4380 (Teredo).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_DENIED_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "100.64.0.0/10",  # shared address space; a cloud's metadata at 100.100.100.200
            "168.63.129.16/32",  # a cloud's metadata on a public address
            "169.254.0.0/16",
            "192.0.0.0/24",
            "192.88.99.0/24",  # 6to4 relays
            "198.18.0.0/15",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
_UNICAST = IPv6Network("2000::/3")
_DENIED_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # Teredo, benchmarking, ORCHID and the like
            "2001:db8::/32",
            "2620:4f:8000::/48",
            "3fff::/20",
        ),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


def is_public(address: str) -> bool:
    """Whether a literal IPv4 or IPv6 address is one that anybody on the internet may reach."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return _is_public_4(parsed) if isinstance(parsed, IPv4Address) else _is_public_6(parsed)


def _is_public_4(address: IPv4Address) -> bool:
    return address.is_global and not any(address in network for network in _DENIED_4)


def _is_public_6(address: IPv6Address) -> bool:
    if address.scope_id:
        return False
    if (outer := address.ipv4_mapped or address.sixtofour) is not None:
        return _is_public_4(outer)
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _NAT64:
        return _is_public_4(low)
    if int(address) >> 32 & 0xFFFFFFFF in _ISATAP and not _is_public_4(low):
        return False
    is_denied = any(address in network for network in _DENIED_6)
    return address in _UNICAST and address.is_global and not is_denied
