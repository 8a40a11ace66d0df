"""The queue before the image back end, as `GET /v1/queue` shows it; Limner's own."""

from __future__ import annotations

from limner.core.queue import QueueState, Standing
from limner.wire import json, sse
from limner.wire.items import Json


def queue_json(state: QueueState) -> Json:
    """The queue as one client sees it: its own requests, and how many there are in all."""
    return {
        "object": "queue",
        "total": state.waiting + state.running,
        "waiting": state.waiting,
        "running": state.running,
        "mine": [_standing_json(standing) for standing in state.mine],
    }


def encode_queue(state: QueueState) -> bytes:
    """The same as one frame of a stream."""
    return sse.encode("queue", json.dump(queue_json(state)))


def _standing_json(standing: Standing) -> Json:
    return {
        "id": standing.id,
        "object": "queue.place",
        "status": "in_progress" if standing.position is None else "queued",
        "response_id": standing.response_id or None,
        "job_id": standing.job_id or None,
        "prompt": standing.prompt,
        "position": standing.position,
        "age_s": standing.age_s,
        "step": standing.step,
        "steps": standing.steps,
        "eta_s": standing.eta_s,
    }
