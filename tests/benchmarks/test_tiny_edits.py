"""The edit benchmark: one thing changes, and what is right is told from what is not."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np

from benchmarks.tiny_edits import Result, Task, request, result, table, tasks
from training.drawing import draw

SOME = tasks(24)


def drawn_anew(task: Task) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return draw(task.wanted, 128, 128, random.Random(0)).pixels


def test_the_tasks_are_the_same_every_time() -> None:
    assert [task.prompt for task in tasks(24)] == [task.prompt for task in SOME]
    assert {task.change for task in SOME} == {"colour", "shape", "background"}


def test_a_source_left_as_it_is_counts_as_not_done_and_a_true_drawing_as_done() -> None:
    for task in SOME:
        untouched = result(task, "low", task.source)
        assert not untouched.done
        assert not untouched.whole
        assert untouched.rest == 0
        anew = result(task, "low", drawn_anew(task))
        assert anew.done
        assert anew.whole


def test_a_mask_covers_all_that_changes_and_its_outside_is_watched() -> None:
    for task in SOME:
        asked = request(task, "mask", 0, None)
        assert asked.mask is not None
        painted_over = task.source.copy()
        painted_over[~task.stays] = 128
        assert result(task, "mask", painted_over).outside == 0
        if task.change != "background":
            beside = task.source ^ np.uint8(1)
            assert result(task, "mask", beside).outside == 1


def test_the_ways_of_asking_differ_as_their_names_say() -> None:
    task = SOME[0]
    assert not request(task, "anew", 0, None).is_edit
    assert request(task, "mask, high", 0, None).input_fidelity == "high"
    assert request(task, "low", 0, 0.5).strength == 0.5


def test_the_table_shows_shares_and_the_worst_outside() -> None:
    fine = Result(done=True, whole=True, rest=2.0, outside=0)
    bad = replace(fine, done=False, whole=False, rest=4.0, outside=3)
    line = table([("mask", "colour", fine), ("mask", "colour", bad)]).splitlines()[-1]
    assert line.split() == ["mask", "colour", "50%", "50%", "3.0", "3"]
