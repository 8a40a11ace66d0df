"""What holds for all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# How long an example takes says how busy the machine is, not whether the code is right. In CI the
# examples are the same every time, so that a red run is about the change; elsewhere they are fresh.
settings.register_profile("limner", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("limner")
