"""The models of a run's config."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from astro.engine.budget import Budget
from astro.plugins.binding import (
    DEFAULT_PROMPT,
    Binding,
    FormatSFTBinding,
    PromptConfig,
    SFTBinding,
    VerifierBinding,
)
from astro.plugins.params import Params, RegularExpression
from astro.requests import POLICY, VERIFIER

STAGES = ("format_sft", "search", "linearize", "sft", "rl", "evaluate", "report")
"""The built-in stages, in their order."""
BASE = "base"
"""The name of the model that a run starts from."""
TRAINED = "trained"
"""What `evaluate.models` calls all the models that a run trains."""
BUILT_IN_MODELS = ("direct_sft", "sft", "rl")
"""The models that the built-in stages may train."""

Split = Literal["train", "dev", "test"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$", max_length=100)]
RoleName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]


class EvaluationSet(Binding):
    """A source of held-out problems. Keys that are not given are as in `Evaluate`."""

    split: Split | None = None
    samples: Annotated[int, Field(ge=1, le=100_000)] | None = None


class Evaluate(Params):
    """How models are evaluated: `samples` responses per problem at `temperature`, and a greedy one.

    `sets` replace the run's own problems. Problems are also grouped by the values that their
    metadata have for each key of `by`. `models` names the models to evaluate; `trained` stands for
    all models that the run trains. `reflections` and `returns` are patterns that are counted in a
    model's own words, beside the built-in ones.
    """

    split: Split = "test"
    sets: dict[Name, EvaluationSet] = Field(default_factory=dict)
    by: tuple[str, ...] = ("level", "subject")
    samples: Annotated[int, Field(ge=1, le=100_000)] = 8
    temperature: Annotated[float, Field(gt=0)] = 1.0
    max_tokens: Annotated[int, Field(ge=1)] = 256
    greedy: bool = True
    models: tuple[Name, ...] = (BASE, TRAINED)
    reflections: tuple[RegularExpression, ...] = ()
    returns: tuple[RegularExpression, ...] = ()

    @field_validator("models")
    @classmethod
    def _all_trained(cls, models: tuple[str, ...]) -> tuple[str, ...]:
        """Read a list of all built-in models as `trained`, which was written so once."""
        if not {*BUILT_IN_MODELS} <= {*models}:
            return models
        return tuple(dict.fromkeys(TRAINED if m in BUILT_IN_MODELS else m for m in models))

    def without_base(self) -> Evaluate:
        """The same without the base model."""
        models = tuple(model for model in self.models if model != BASE)
        return self.model_copy(update={"models": models})


class RoundsConfig(Params):
    """Expert iteration (arXiv 1705.08439): the model that a round trains is the next one's policy.

    There are at most `n` rounds. They end once the last `patience` rounds have not raised pass@1 on
    the problems of `split` by more than `min_gain` above the best earlier round. Fine-tuning starts
    from the `base` model in every round, as in STaR (arXiv 2203.14465), or from the `last` model.
    With `pool` it uses the traces of all rounds so far, otherwise those of its own round.
    """

    n: Annotated[int, Field(ge=1)]
    split: Split = "dev"
    patience: Annotated[int, Field(ge=1)] = 1
    min_gain: Annotated[float, Field(ge=0)] = 0.0
    start: Literal["base", "last"] = "base"
    pool: bool = True


class RunConfig(Params):
    """Everything that determines a run. Two runs with equal configs give equal results.

    `prompt` is how prompts are written for the policy, by every stage and trainer.
    `models` are further policies and reward models by role, which plugins ask by their params.
    `format_sft` fine-tunes the policy's model on solutions that come with the problems before
    anything else is done; the result is the base model of the run.
    `trees` is how many of the training problems are searched, the first ones; RL draws from all
    but those of `format_sft`.
    `decontaminate` leaves out training problems that are held out too (see `decontamination`).
    `stages` are added to the built-in ones; one of their names takes the place of theirs. None
    turns off a stage that a plugin adds to every run.
    """

    name: Name
    seed: Annotated[int, Field(ge=0)] = 0
    problems: Binding
    decontaminate: bool = True
    step_format: Binding = Binding(name="lines")
    policy: Binding
    prompt: PromptConfig = DEFAULT_PROMPT
    models: dict[RoleName, Binding] = Field(default_factory=dict)
    format_sft: FormatSFTBinding | None = None
    executor: Binding = Binding(name="local")
    verifier: VerifierBinding
    search: Binding
    value: Binding = Binding(name="rollout")
    trees: Annotated[int, Field(ge=1)] | None = None
    budget: Budget = Budget()
    max_failed: Annotated[float, Field(ge=0, le=1)] = 0.05
    linearizer: Binding
    control: Binding | None = None
    sft: SFTBinding | None = None
    rl: Binding | None = None
    reward: VerifierBinding | None = None
    evaluate: Evaluate = Evaluate()
    rounds: RoundsConfig | None = None
    stages: dict[Name, Binding | None] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _default_plugins(cls, values: Any) -> Any:
        """Give params without a name to the plugin that is the default of their key."""
        defaults = {key: field.default for key, field in cls.model_fields.items()}
        return {
            key: {"name": default.name, **value}
            if isinstance(default := defaults.get(key), Binding) and isinstance(value, dict)
            else value
            for key, value in values.items()
        }

    @field_validator("stages")
    @classmethod
    def _all_built_in(cls, stages: dict[str, Binding | None]) -> dict[str, Binding | None]:
        if off := [name for name in STAGES if name in stages and stages[name] is None]:
            raise ValueError(f"{off[0]} is built in and cannot be turned off; see --until")
        return stages

    @field_validator("models")
    @classmethod
    def _no_reserved_role(cls, models: dict[str, Binding]) -> dict[str, Binding]:
        if taken := sorted({POLICY, VERIFIER} & models.keys()):
            raise ValueError(f"{taken[0]} is the role of the config's key {taken[0]}")
        return models

    def bindings(self) -> Iterator[tuple[str, str, Binding]]:
        """(key in the config, plugin kind, binding) of every plugin of the run but `models`."""
        for key, kind in _KIND_OF_KEY.items():
            binding = getattr(self, key)
            if binding is not None:
                yield key, kind, binding
        for name, problems in self.evaluate.sets.items():
            yield f"evaluate.sets.{name}", "problems", problems
        for name, stage in self._given_stages().items():
            yield f"stages.{name}", "stage", stage

    def stage_bindings(self) -> dict[str, Binding]:
        """Every stage of the config by name; what is added stands before `evaluate`."""
        given = self._given_stages()
        optional = [name for name in ("sft", "rl") if getattr(self, name) is not None]
        first = ("format_sft",) if self.format_sft else ()
        names = (*first, "search", "linearize", *optional, *given, "evaluate", "report")
        return {name: given.get(name, Binding(name=name)) for name in names}

    def _given_stages(self) -> dict[str, Binding]:
        return {name: stage for name, stage in self.stages.items() if stage is not None}

    def trained(self) -> list[str]:
        """The models that the built-in stages train."""
        models = {"sft": self.sft, "direct_sft": self.sft and self.control, "rl": self.rl}
        return [model for model, binding in models.items() if binding]


_KIND_OF_KEY = {
    **{kind: kind for kind in ("problems", "step_format", "policy", "executor", "verifier")},
    **{kind: kind for kind in ("search", "value", "linearizer")},
    "control": "linearizer",
    "format_sft": "sft",
    **{kind: kind for kind in ("sft", "rl")},
    "reward": "verifier",
}
