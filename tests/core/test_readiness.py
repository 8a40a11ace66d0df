"""How several that do the same work are told of as one."""

from __future__ import annotations

import pytest

from limner.core.readiness import Readiness, any_of

READY = Readiness("ready", "'tiny' paints on cpu", 1.0)
LOADING = Readiness("loading", "reading weights", 0.4)
STARTING = Readiness("loading", "the engine starts")
FAILED = Readiness("failed", "no such device")


def test_one_speaks_for_itself() -> None:
    assert any_of({"engine": LOADING}) is LOADING


def test_there_must_be_one() -> None:
    with pytest.raises(ValueError, match="not enough values"):
        any_of({})


def test_all_that_paint_are_counted() -> None:
    parts = {"a": READY, "b": READY}
    assert any_of(parts) == Readiness("ready", "2 of 2 paint", 1.0, parts)


def test_one_that_is_ready_is_enough_and_the_others_are_told_of() -> None:
    parts = {"a": LOADING, "b": READY, "c": FAILED}
    words = "1 of 3 paint; a: reading weights; c: no such device"
    assert any_of(parts) == Readiness("ready", words, 1.0, parts)


def test_who_is_the_furthest_says_how_far_they_are() -> None:
    parts = {"a": STARTING, "b": LOADING, "c": FAILED}
    words = "a: the engine starts; b: reading weights; c: no such device"
    assert any_of(parts) == Readiness("loading", words, 0.4, parts)


def test_all_must_fail_for_them_to_have_failed() -> None:
    parts = {"a": FAILED, "b": FAILED}
    assert any_of(parts) == Readiness("failed", "a: no such device; b: no such device", None, parts)
