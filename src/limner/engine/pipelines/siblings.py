"""What a pipeline can do, found out from the classes of its family in Diffusers.

A family has one class for new pictures, and often others over the same modules for edits: those
that begin at the source mixed with noise take a `strength`, those that are told what to change take
`image` without one, and those for masks take `mask_image`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from limner.core.errors import ConfigError
from limner.engine.families import family_of
from limner.engine.model import ModelFacts, Way

NEEDED = ("prompt", "num_inference_steps", "generator", "output_type", "callback_on_step_end")
"""What the call of a pipeline must take to be stepped here."""


@dataclass(frozen=True, slots=True)
class Siblings:
    """Classes over the same modules; None where Diffusers has none.

    new: for pictures from words. edit: of whole pictures. mask: of what a mask leaves free.
    """

    new: type[Any] | None
    edit: type[Any] | None
    mask: type[Any] | None


def takes(pipeline: type[Any]) -> Mapping[str, inspect.Parameter]:
    """The parameters of a pipeline's call."""
    return inspect.signature(pipeline.__call__).parameters


def guidance_name(known: Mapping[str, inspect.Parameter]) -> str | None:
    """Which option of a call guides. known: its parameters.

    Some calls have a `guidance_scale` for distilled models only, without a default, and guide by
    `true_cfg_scale`; others have a `true_cfg_scale` for those who know what they do.
    """
    scale = known.get("guidance_scale")
    if scale and (isinstance(scale.default, int | float) or "true_cfg_scale" not in known):
        return "guidance_scale"
    return "true_cfg_scale" if "true_cfg_scale" in known else None


def siblings_of(pipeline: type[Any]) -> Siblings:
    """The classes of a pipeline's family, itself among them."""
    known = takes(pipeline)
    if "strength" in known:
        # Saved as a class for edits; the one for new pictures has the same modules.
        new = _listed("TEXT2IMAGE", pipeline)
        mask = pipeline if "mask_image" in known else _inpaint(pipeline)
        return Siblings(new, None if mask is pipeline else pipeline, mask)
    if "image" in known:
        new = None if "Edit" in pipeline.__name__ else pipeline
        return Siblings(new, pipeline, _inpaint(pipeline))
    return Siblings(pipeline, _listed("IMAGE2IMAGE", pipeline), _inpaint(pipeline))


def made(sibling: type[Any], pipeline: Any) -> Any:
    """A pipeline of another class over the same modules, which are left as they are."""
    if sibling is type(pipeline):
        return pipeline
    parts = {**pipeline.config, **pipeline.components}
    names = inspect.signature(sibling.__init__).parameters
    other = sibling(**{name: parts[name] for name in names if name in parts})
    other.set_progress_bar_config(disable=True)
    return other


def class_of(index: Mapping[str, Any], model: str) -> type[Any]:
    """The class that a pipeline's index names; imports Diffusers.

    Raises ConfigError where Diffusers has no such class, where that cannot be stepped, or where it
    makes something else than pictures.
    """
    import diffusers

    name = index.get("_class_name")
    found = getattr(diffusers, name, None) if isinstance(name, str) else None
    if not (isinstance(found, type) and issubclass(found, diffusers.DiffusionPipeline)):
        raise ConfigError(
            f"model {model!r} is a {name}, which is no pipeline of Diffusers "
            f"{diffusers.__version__}; a newer one may have it: pip install -U diffusers"
        )
    known = takes(found)
    missing = [option for option in NEEDED if option not in known]
    if missing or "num_frames" in known:
        why = f"its call takes no {', '.join(missing)}" if missing else "it makes videos"
        raise ConfigError(
            f"model {model!r} is a {name}, which cannot paint here: {why}. "
            "docs/models.md says what can"
        )
    return found


def facts_of(pipeline: type[Any], index: Mapping[str, Any], model: str, name: str) -> ModelFacts:
    """What a pipeline is known for and can do. index: its `model_index.json`."""
    family = family_of(index, model)
    facts = family.facts if family else _by_signature(pipeline)
    return replace(with_abilities(facts, pipeline), name=name)


def with_abilities(facts: ModelFacts, pipeline: type[Any]) -> ModelFacts:
    """The facts, with how the pipeline's family edits."""
    found = siblings_of(pipeline)
    return replace(
        facts,
        from_words=found.new is not None,
        edits=_way(found.edit),
        masks=_way(found.mask),
    )


def _way(pipeline: type[Any] | None) -> Way:
    if pipeline is None:
        return "no"
    return "noise" if "strength" in takes(pipeline) else "words"


def _by_signature(pipeline: type[Any]) -> ModelFacts:
    """The facts of a pipeline that no table knows: the defaults of its call."""
    known = takes(pipeline)
    default = known[name].default if (name := guidance_name(known)) else None
    guidance = float(default) if isinstance(default, int | float) else 0.0
    return ModelFacts("", steps=known["num_inference_steps"].default, guidance=guidance)


def _inpaint(pipeline: type[Any]) -> type[Any] | None:
    """As the tables say, or by its name, since they are not complete."""
    if listed := _listed("INPAINT", pipeline):
        return listed
    import diffusers

    stem = pipeline.__name__.removesuffix("Pipeline")
    found: type[Any] | None = getattr(diffusers, f"{stem}InpaintPipeline", None)
    return found


def _listed(task: str, pipeline: type[Any]) -> type[Any] | None:
    """What the tables of Diffusers' AutoPipelines name for a task."""
    from diffusers.pipelines import auto_pipeline

    table = getattr(auto_pipeline, f"AUTO_{task}_PIPELINES_MAPPING")
    families = [
        family
        for tasks in auto_pipeline.SUPPORTED_TASKS_MAPPINGS
        for family, member in tasks.items()
        if member is pipeline
    ]
    return next((table[family] for family in families if family in table), None)
