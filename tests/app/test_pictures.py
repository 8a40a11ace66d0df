"""What `--client-urls` allows."""

from __future__ import annotations

import pytest

from limner.app.pictures import fetch_rules, open_pictures
from limner.config import Settings
from limner.core.errors import ConfigError, InvalidRequest
from limner.images.fetch import FetchRules


def test_public_means_any_public_host() -> None:
    assert fetch_rules(("public",)) == FetchRules()


@pytest.mark.parametrize(
    ("names", "hosts", "also"),
    [
        (("Pictures.example",), {"pictures.example"}, set()),
        (("a.example:8443", "b.example"), {"a.example:8443", "b.example"}, set()),
        (("10.0.0.5:9000",), {"10.0.0.5:9000"}, {"10.0.0.5:9000"}),
        (("10.0.0.5",), {"10.0.0.5"}, {"10.0.0.5:80", "10.0.0.5:443"}),
        (("[::1]:9000",), {"::1:9000"}, {"::1:9000"}),
    ],
)
def test_named_hosts_are_the_only_ones_and_addresses_may_be_private(
    names: tuple[str, ...], hosts: set[str], also: set[str]
) -> None:
    rules = fetch_rules(names)
    assert rules is not None
    assert set(rules.hosts or ()) == hosts
    assert rules.also == also


@pytest.mark.parametrize("names", [("public", "a.example"), ("off", "public"), ("a/b",), ("@",)])
def test_anything_else_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="--client-urls must be public, off or host names"):
        fetch_rules(names)


async def test_off_refuses_every_url() -> None:
    async with open_pictures(Settings(client_urls=("off",))) as pictures:
        with pytest.raises(InvalidRequest, match="switched off"):
            await pictures.fetch("https://example.com/a.png")
