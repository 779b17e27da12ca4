"""Protocols that plugins implement. The core relies on nothing else of a plugin.

A plugin's class is called with its validated params and, by keyword, with the objects that its
kind is given (see `Registry.build`):

    policy, reward_model, verifier, problems         Class(params)
    step_format, sft                                 Class(params)
    value                                            Class(params)
    search                                           Class(params, value=..., step_format=...)
    linearizer                                       Class(params, step_format=...)
    rl                                               Class(params, step_format=...)
    executor                                         Class(params, registry=...)
    stage                                            Class(params, name=..., config=...)
"""

from __future__ import annotations

from astro.interfaces.backend import Backend, HasCounters
from astro.interfaces.data import (
    AnswersOptional,
    Generated,
    ProblemReader,
    ProblemSolver,
    ProblemSource,
)
from astro.interfaces.policy import TrainablePolicy
from astro.interfaces.search import (
    Linearizer,
    RatesTerminals,
    Rollouts,
    RollsOut,
    SamplesResponses,
    SearchAlgorithm,
    ValueEstimator,
    WarmStart,
)
from astro.interfaces.stage import Stage
from astro.interfaces.steps import (
    Exemplifying,
    Headed,
    HeaderCompleting,
    Parsing,
    PromptTemplating,
    SelfReflecting,
    StepChecker,
    StepFormat,
)
from astro.interfaces.training import (
    DryRun,
    DryRunReport,
    Metrics,
    OnStep,
    RLAlgorithm,
    RLJob,
    SFTJob,
    SFTTrainer,
    TrainResult,
)
from astro.interfaces.verify import Verifier, WarmVerifier

__all__ = [
    "AnswersOptional",
    "Backend",
    "DryRun",
    "DryRunReport",
    "Exemplifying",
    "Generated",
    "HasCounters",
    "Headed",
    "HeaderCompleting",
    "Linearizer",
    "Metrics",
    "OnStep",
    "Parsing",
    "ProblemReader",
    "ProblemSolver",
    "ProblemSource",
    "PromptTemplating",
    "RLAlgorithm",
    "RLJob",
    "RatesTerminals",
    "Rollouts",
    "RollsOut",
    "SFTJob",
    "SFTTrainer",
    "SamplesResponses",
    "SearchAlgorithm",
    "SelfReflecting",
    "Stage",
    "StepChecker",
    "StepFormat",
    "TrainResult",
    "TrainablePolicy",
    "ValueEstimator",
    "Verifier",
    "WarmStart",
    "WarmVerifier",
]
