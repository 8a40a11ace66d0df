"""What must not be shown: every key and password of the settings and of the files they name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from limner.config import TABLE, Settings
from limner.config.image_service import load_image_service
from limner.config.upstreams import read_upstreams


def secrets_of(settings: Settings) -> Iterator[str]:
    """Each secret's text. Raises ConfigError as the readers of the files do."""
    for entry in TABLE:
        value = getattr(settings, entry.name) if entry.option.secret else None
        yield from (value,) if isinstance(value, str) else value or ()
    if settings.database_url and (password := urlsplit(settings.database_url).password):
        yield password
    if settings.config is not None:
        file = read_upstreams(settings.config, os.environ)
        keys = [each.key for each in file.upstreams] + [each.key for each in file.images]
        yield from (key for key in (*keys, *(each.key for each in file.keys)) if key)
    if settings.image_service_config is not None:
        yield load_image_service(settings.image_service_config, os.environ).key
