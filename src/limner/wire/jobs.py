"""What the job API answers: jobs, their pictures, `/health` and `/info`.

Where something went wrong, `detail` says so, as FastAPI's clients expect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from limner.core.image import ImageRequest, Size
from limner.core.job import Job
from limner.core.readiness import Readiness, ReadinessState
from limner.wire.jobs_request import JobDefaults
from limner.wire.picture_size import measure
from limner.wire.pictures import to_base64

Json = dict[str, Any]

SHOWN_PROMPT = 100
ADVERTISED_SIZES = (
    (512, 512),
    (768, 768),
    (1024, 1024),
    (1280, 720),
    (720, 1280),
    (1024, 768),
    (768, 1024),
)

_PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
_STATUSES = {"in_progress": "processing"}
_HEALTH: dict[ReadinessState, str] = {"ready": "healthy"}


@dataclass(frozen=True, slots=True)
class Gpu:
    """rocm_version, cuda_version: what torch was built for; at most one is known."""

    name: str
    vram_total_gb: float
    vram_used_gb: float
    rocm_version: str | None = None
    cuda_version: str | None = None


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine of ours, as far as it is known. device: such as `cpu` or `cuda:0`."""

    name: str
    readiness: Readiness
    device: str | None = None
    gpu: Gpu | None = None


@dataclass(frozen=True, slots=True)
class Painter:
    """What paints, as far as it is known. engines: those of ours that run here."""

    model: str
    readiness: Readiness
    engines: tuple[Engine, ...] = ()

    @property
    def device(self) -> str | None:
        """The first that is known."""
        return next((each.device for each in self.engines if each.device), None)

    @property
    def gpu(self) -> Gpu | None:
        """The first that is known."""
        return next((each.gpu for each in self.engines if each.gpu), None)


def accepted_json(job: Job, position: int | None) -> Json:
    size = _asked_size(job.order.request)
    return {
        "job_id": job.id,
        "status": "queued",
        "queue_position": position or 1,
        "seed": job.order.request.seed,
        "width": size.width,
        "height": size.height,
        "adjustments": list(job.order.adjustments),
    }


def status_json(job: Job, position: int | None) -> Json:
    """position: place in the queue, None for a job that does not wait."""
    return {
        "job_id": job.id,
        "status": _STATUSES.get(job.status, job.status),
        "queue_position": position,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "completed_at": job.ended_at,
        "error": job.failure.message if job.failure else None,
        "user_id": job.order.user_id,
        "chat_id": job.order.chat_id,
    }


def pending_json(job: Job, position: int | None) -> Json:
    """The body of a 202: the status, and its word in the form that older clients read."""
    status = status_json(job, position)
    return {"detail": f"Job is {status['status']}", **status}


def result_json(job: Job) -> Json:
    """The whole of a job that is over, pictures included.

    `prompt` is what was painted. `revised_prompt` repeats it where the client gave the user's own
    words, `original_prompt`, and they differ.
    """
    request, failure = job.order.request, job.failure
    error = failure.message if failure else None if job.picture else f"Job was {job.status}"
    result = {
        "success": job.picture is not None,
        "job_id": job.id,
        "image_base64": to_base64(job.picture.image) if job.picture else None,
        "image_url": f"/job/{job.id}/image" if job.picture else None,
        **_painted(job),
        "prompt": request.prompt,
        "original_prompt": job.order.original_prompt,
        "revised_prompt": request.prompt
        if job.order.original_prompt not in (None, request.prompt)
        else None,
        "generation_time": round(job.seconds, 3) if job.seconds is not None else None,
        "error": error,
    }
    return result if error is None else {"detail": error, **result}


def picture_headers(job: Job) -> dict[str, str]:
    """The headers of a job's picture.

    X-Prompt: its first 100 characters; what is not printable ASCII, and `%`, is percent-encoded
    UTF-8, since headers hold nothing else.
    """
    assert job.picture is not None
    headers = {
        "Content-Disposition": f'inline; filename="{job.id}.{job.picture.image.format}"',
        "X-Prompt": quote(job.order.request.prompt[:SHOWN_PROMPT], safe=_PRINTABLE).strip(),
    }
    seed = _painted(job)["seed"]
    return headers if seed is None else headers | {"X-Seed": str(seed)}


def health_json(painter: Painter, *, waiting: int, max_queue: int, max_concurrent: int) -> Json:
    """`device` and `gpu` are those of the first engine; `engines` has all of them."""
    return {
        "service": "image-gen",
        "model": painter.model,
        "device": painter.device,
        "gpu": _gpu_json(painter.gpu),
        "queue_size": waiting,
        "max_queue": max_queue,
        "max_concurrent": max_concurrent,
        **_state_json(painter.readiness),
        "engines": [
            {
                "name": engine.name,
                "device": engine.device,
                "gpu": _gpu_json(engine.gpu),
                **_state_json(engine.readiness),
            }
            for engine in painter.engines
        ],
    }


def _state_json(readiness: Readiness) -> Json:
    return {
        "status": _HEALTH.get(readiness.state, readiness.state),
        "message": readiness.message,
        "progress": readiness.progress,
    }


def _gpu_json(gpu: Gpu | None) -> Json | None:
    if gpu is None:
        return None
    built_for = {"rocm_version": gpu.rocm_version, "cuda_version": gpu.cuda_version}
    return {
        "name": gpu.name,
        "vram_total_gb": gpu.vram_total_gb,
        "vram_used_gb": gpu.vram_used_gb,
        **{name: version for name, version in built_for.items() if version},
    }


def info_json(painter: Painter, defaults: JobDefaults) -> Json:
    return {
        "model": painter.model,
        "supported_sizes": [list(size) for size in ADVERTISED_SIZES],
        "default_width": defaults.size.width,
        "default_height": defaults.size.height,
        "inference_steps": defaults.inference_steps,
        "guidance_scale": defaults.guidance_scale,
    }


def _painted(job: Job) -> Json:
    """What was really painted, and how it differs from what was asked."""
    request, resolved = job.order.request, job.picture.resolved if job.picture else None
    size = (resolved and resolved.size) or _asked_size(request)
    seed = request.seed if resolved is None or resolved.seed is None else resolved.seed
    said = [*job.order.adjustments, *(resolved.adjustments if resolved else ())]
    return {"width": size.width, "height": size.height, "seed": seed, "adjustments": said}


def _asked_size(request: ImageRequest) -> Size:
    """As asked, or that of the source; 0x0 where nobody knows."""
    source = measure(request.images[0]) if request.is_edit else None
    return request.size or source or Size(0, 0)
