"""What waits to be decoded, and in which order."""

from __future__ import annotations

from limner.core.image import ImageRequest
from limner.engine.decoding import MAX_WAITING, DecodeQueue, Undecoded, decoder_beside
from limner.engine.job import Job
from limner.engine.model import ModelFacts
from limner.engine.params import plan
from tests.engine.scripted_model import ScriptedModel

ONE, OTHER = (
    Job(plan(ImageRequest(prompt, n=8), ModelFacts("scripted"), 0)) for prompt in ("one", "other")
)


def preview(job: Job, picture: int = 0, foreseen: str = "") -> Undecoded:
    return Undecoded(job, picture, foreseen, finished=False)


def finished(job: Job, picture: int = 0) -> Undecoded:
    return Undecoded(job, picture, "", finished=True)


def taken(queue: DecodeQueue) -> list[Undecoded]:
    return [item for item in iter(queue.take, None) if item]


def test_finished_pictures_go_first_and_each_kind_in_its_order() -> None:
    queue = DecodeQueue()
    items = [preview(ONE), finished(OTHER), preview(ONE, 1), finished(OTHER, 1)]
    for item in items:
        queue.put(item)
    assert taken(queue) == [items[1], items[3], items[0], items[2]]


def test_a_newer_preview_takes_the_place_of_the_one_that_waits() -> None:
    queue = DecodeQueue()
    for item in (preview(ONE, 0, "old"), preview(OTHER), preview(ONE, 0, "new")):
        queue.put(item)
    assert taken(queue) == [preview(ONE, 0, "new"), preview(OTHER)]


def test_a_finished_picture_takes_the_place_of_its_preview_and_of_no_other() -> None:
    queue = DecodeQueue()
    for item in (preview(ONE, 0), preview(ONE, 1), finished(ONE, 0)):
        queue.put(item)
    assert len(queue) == 2
    assert taken(queue) == [finished(ONE, 0), preview(ONE, 1)]


def test_what_a_job_leaves_behind_is_forgotten() -> None:
    queue = DecodeQueue()
    for item in (preview(ONE), finished(ONE, 1), finished(OTHER)):
        queue.put(item)
    queue.forget(ONE)
    assert taken(queue) == [finished(OTHER)]


def test_many_finished_pictures_are_too_much_and_previews_only_where_none_is_dropped() -> None:
    queue, patient = DecodeQueue(), DecodeQueue(drops_previews=False)
    for picture in range(MAX_WAITING):
        assert not queue.is_full
        queue.put(preview(ONE, picture))
        queue.put(finished(OTHER, picture))
    assert queue.is_full
    patient.put(preview(ONE))
    assert patient.is_full
    patient.take()
    assert not patient.is_full


def test_what_must_not_run_beside_a_step_gets_no_thread() -> None:
    assert decoder_beside(ScriptedModel(decodes_beside=False)) is None
