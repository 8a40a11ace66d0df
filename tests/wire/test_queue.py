from __future__ import annotations

from limner.core.queue import QueueState, Standing
from limner.wire import json
from limner.wire.queue import encode_queue, queue_json

STATE = QueueState(
    (
        Standing("place_1", "a cat", None, 4.5, response_id="resp_1", step=3, steps=8, eta_s=2.5),
        Standing("place_2", "a dog", 2, 1.0, job_id="ab"),
    ),
    waiting=5,
    running=1,
)


def test_each_place_says_what_wants_the_picture_and_how_far_it_is() -> None:
    assert queue_json(STATE) == {
        "object": "queue",
        "total": 6,
        "waiting": 5,
        "running": 1,
        "mine": [
            {
                "id": "place_1",
                "object": "queue.place",
                "status": "in_progress",
                "response_id": "resp_1",
                "job_id": None,
                "prompt": "a cat",
                "position": None,
                "age_s": 4.5,
                "step": 3,
                "steps": 8,
                "eta_s": 2.5,
            },
            {
                "id": "place_2",
                "object": "queue.place",
                "status": "queued",
                "response_id": None,
                "job_id": "ab",
                "prompt": "a dog",
                "position": 2,
                "age_s": 1.0,
                "step": 0,
                "steps": 0,
                "eta_s": None,
            },
        ],
    }


def test_a_frame_says_the_same() -> None:
    assert encode_queue(STATE) == b"event: queue\ndata: " + json.dump(queue_json(STATE)) + b"\n\n"
