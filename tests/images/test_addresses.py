"""Only what anybody on the internet may reach counts as public."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.images.addresses import is_public

PUBLIC_4 = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "192.0.66.2", "198.41.0.4"]
PUBLIC_6 = ["2606:4700::1111", "2a00:1450:4001:81b::200e", "2001:4860:4860::8888"]
PRIVATE_4 = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
]
PRIVATE_6 = [
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "64:ff9b:1::808:808",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "2606:4700::1111%1",
    "fec0::1",
    "ff02::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
]


def forms(address: str) -> list[str]:
    """The IPv6 addresses that may be routed to an IPv4 address."""
    number = int(IPv4Address(address))
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    return [
        f"::ffff:{address}",
        f"64:ff9b::{high}:{low}",
        f"2002:{high}:{low}::1",
        f"2606:4700::5efe:{high}:{low}",
        f"2606:4700::200:5efe:{high}:{low}",
    ]


@pytest.mark.parametrize("address", [*PUBLIC_4, *PUBLIC_6])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [*PRIVATE_4, *PRIVATE_6, "", "example.com", "127.1", "1.1.1"])
def test_all_others_are_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PRIVATE_4)
def test_a_private_address_stays_so_in_every_form(address: str) -> None:
    assert [form for form in forms(address) if is_public(form)] == []


@pytest.mark.parametrize("address", PUBLIC_4)
def test_a_public_address_stays_so_where_networks_translate(address: str) -> None:
    assert all(map(is_public, forms(address)))


@given(st.ip_addresses(v=4))
def test_nothing_is_public_that_python_knows_to_be_local(address: IPv4Address) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert not is_public(str(address))


@given(st.ip_addresses(v=6))
def test_only_global_unicast_and_translated_addresses_are_public(address: IPv6Address) -> None:
    if is_public(str(address)):
        is_unicast = int(address) >> 125 == 1
        assert is_unicast or address.ipv4_mapped or str(address).startswith("64:ff9b::")
