"""Parameters of problems and verifier. Imports no engine."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from astro.plugins.params import Params

_OURS = {"seed", "size"}


class ProblemParams(Params):
    """Parameters of problems `reasoning_gym`."""

    tasks: Annotated[
        dict[str, dict[str, Any]],
        Field(min_length=1, description="settings by task; {} for the defaults of a task"),
    ]
    train: Annotated[int, Field(ge=0, description="number of problems to search and train on")] = (
        400
    )
    dev: Annotated[int, Field(ge=0, description="number of problems to tune on")] = 100
    test: Annotated[int, Field(ge=0, description="number of held-out problems")] = 300
    seed: Annotated[int, Field(ge=0, description="seed of the generation")] = 0
    instruction: Annotated[
        str, Field(description="text after every question, which says how to answer")
    ] = "\n\nGive the final answer, and nothing else, between <answer> and </answer>."

    @field_validator("tasks")
    @classmethod
    def _no_setting_of_ours(cls, tasks: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for task, settings in tasks.items():
            for key in _OURS & settings.keys():
                raise ValueError(f"{task}: {key} cannot be set per task; set it beside tasks")
        return tasks


class VerifierParams(Params):
    """Parameters of verifier `reasoning_gym`."""

    extract: Annotated[
        Literal["tags", "boxed"],
        Field(description=r"where the answer is: the last <answer>...</answer> or \boxed{...}"),
    ] = "tags"
    preload: Annotated[
        tuple[str, ...],
        Field(
            description="tasks whose data (boards, word lists) is loaded before the first verdict"
        ),
    ] = ()
