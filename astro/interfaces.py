"""The seams. A plugin supplies an object of one of these shapes; the core knows nothing else of it.

A plugin's class is called with its validated params and, by keyword, the collaborators its kind
is given (see `Registry.build`):

    policy, verifier, problems, step_format, sft     Class(params)
    value                                            Class(params)
    search                                           Class(params, value=..., step_format=...)
    linearizer                                       Class(params, step_format=...)
    rl                                               Class(params, step_format=...)
    executor                                         Class(params)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from astro.requests import Failure, Generate, LogProb, Program, Reply, Verify
from astro.types import Problem, Prompt, SearchTree, State, Trace, Verdict

if TYPE_CHECKING:
    from astro.binding import Binding, Budget, VerifierBinding
    from astro.engine import Outcome, Task
    from astro.journal import Journal


class PolicyBackend(Protocol):
    """A language model behind continuous batching, the shape of vLLM's own engine."""

    def add(self, ticket: int, request: Generate | LogProb) -> None:
        """Queue a request. It may join what is already being decoded."""

    def step(self) -> list[tuple[int, Reply | Failure]]:
        """Advance, and hand back whatever has finished. Empty and instant when nothing is queued.

        A request that cannot be served is answered with a `Failure`; an exception means that the
        whole backend is lost.
        """

    def close(self) -> None:
        """Free the model. No call follows."""


@runtime_checkable
class TrainablePolicy(PolicyBackend, Protocol):
    """A policy that RL can train while it samples."""

    def reload(self, weights: Iterable[tuple[str, Any]]) -> None:
        """Load `(parameter name, tensor)` pairs, and drop caches computed with the old ones."""

    def prompt_ids(self, prompt: Prompt) -> tuple[int, ...]:
        """The tokens that stand before a sample of `prompt`."""


@runtime_checkable
class Counted(Protocol):
    """A policy that counts its work, or an executor that knows what its policies count."""

    def counters(self) -> Mapping[str, float]:
        """Totals since it was built: `generated_tokens`; `prompt_tokens`, of which
        `cached_prompt_tokens` were not computed again; `cost`; and whatever else it counts."""


class VerifierBackend(Protocol):
    """Verifiers beside generation: the pool of this process, or many of them elsewhere."""

    def add(self, ticket: int, request: Verify) -> None:
        """Queue a response to check."""

    def step(self, block: bool = False) -> list[tuple[int, Verdict]]:
        """Hand back the verdicts that are there; with `block`, wait for one if any is due."""


class ValueEstimator(Protocol):
    """R(S): how promising a state is."""

    def estimate(self, states: Sequence[State], seed: int) -> Program[list[float]]:
        """One value in [0, 1] for each state, none of which is terminal."""


class SearchAlgorithm(Protocol):
    """A search over reasoning steps. Pure: no I/O, no clock, no global random numbers."""

    def search(self, problem: Problem, seed: int) -> Program[SearchTree]:
        """Grow a tree. On `BudgetExhausted` return the tree so far."""


class Verifier(Protocol):
    """V(response) -> verdict. Never raises on model text; its pool bounds its time and memory."""

    def verify(self, problem: Problem, response: str) -> Verdict: ...


@runtime_checkable
class WarmVerifier(Verifier, Protocol):
    """A verifier with something to load that no verdict should have to wait for."""

    def warm_up(self) -> None:
        """Load it. A worker of a pool does so once, before its first verdict is due."""


class StepFormat(Protocol):
    """How a domain writes steps, and how it puts reflection and backtracking into words."""

    stop: tuple[str, ...]

    def is_terminal(self, state: State) -> bool:
        """Whether the state's last step holds an answer. The end of sequence is terminal anyway."""

    def reflection(self, state: State, rng: Random) -> str:
        """What is said where a wrong path is left, at `state`. May be empty."""

    def backtrack(self, state: State, rng: Random) -> str:
        """What announces the return to `state`, a proper ancestor of where the trace stands."""

    def backtracks(self, response: str) -> int:
        """How many explicit backtracks a response holds."""


@runtime_checkable
class Doubter(StepFormat, Protocol):
    """A step format in which a model may doubt its path by itself, in a step of its own."""

    def doubts(self, step: str) -> bool:
        """Whether a step says that the path it ends is wrong. In a trace it is a reflection."""


@runtime_checkable
class Joiner(StepFormat, Protocol):
    """A step format in which a return may not follow everything that a path can end with."""

    def joint(self, state: State) -> str:
        """What stands between the path of `state` and a return, where no reflection is said."""


@runtime_checkable
class StepChecker(StepFormat, Protocol):
    """A step format that can tell whether every line of a response is legal in its domain."""

    def legal(self, problem: Problem, response: str) -> bool: ...


@runtime_checkable
class Asker(Protocol):
    """A step format that puts words of its own around a problem."""

    def ask(self, problem: str, *, shots: bool) -> str:
        """The user message. `shots`: with worked examples, which a model that was trained on this
        format does without."""


class Linearizer(Protocol):
    """Turns a tree into chains of thought (the paper's Algorithm 1). Pure, as a search is."""

    def linearize(self, problem: Problem, tree: SearchTree, seed: int) -> Program[list[Trace]]:
        """Traces whose final answer has been verified again. An unsolved tree gives none."""


class ProblemSource(Protocol):
    """Where problems come from."""

    def load(self, split: str) -> Sequence[Problem]:
        """The problems of `train`, `dev` or `test`: same params, same problems. Ids are unique."""


@runtime_checkable
class Generated(Protocol):
    """A source that writes its problems by rule: many in the same words, no two splits the same.
    So the words that two of them share say nothing of contamination."""

    by_rule: bool


@runtime_checkable
class ProblemReader(Protocol):
    """A problem source that can read a problem that a user typed."""

    def read(self, text: str) -> Problem:
        """Raises `ProblemError` with the form that it expects."""


@runtime_checkable
class ProblemSolver(Protocol):
    """A problem source that knows a right response to each of its problems."""

    def solution(self, problem: Problem) -> str: ...


Metrics = Mapping[str, float]
OnStep = Callable[[int, int, Metrics], None]
"""Called with (steps done, steps in all, metrics of the step just done)."""


@dataclass(frozen=True, slots=True)
class TrainResult:
    """A checkpoint that `AutoModelForCausalLM` loads, with its tokenizer, and what it took.

    `note` is a line for the user on how it ended, if that was not as planned.
    """

    model: Path
    metrics: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


class SFTTrainer(Protocol):
    """Supervised fine-tuning on traces, with loss on the response only."""

    def train(
        self,
        traces: Path,
        *,
        model: str,
        run_dir: Path,
        seed: int,
        on_step: OnStep,
        tokens: int | None = None,
    ) -> TrainResult:
        """Train `model` on the rows of a traces.jsonl.

        Resumes from the last checkpoint in `run_dir`. `tokens`, if given, ends the training once
        that many tokens have borne loss, whatever the params' epochs: two arms are compared at
        equal tokens. The result's metrics hold `tokens`, the count that bore loss.
        """


class RLAlgorithm(Protocol):
    """RL with verifiable reward. Coarse, because distributed trainers own their loop."""

    def train(
        self,
        problems: Sequence[Problem],
        *,
        model: str,
        policy: Binding,
        reward: VerifierBinding,
        run_dir: Path,
        seed: int,
        on_step: OnStep,
    ) -> TrainResult:
        """Train `model` on `problems`. `reward` names a verifier that can be built anywhere;
        `policy` names the sampler. Resumes from the last checkpoint in `run_dir`."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a training would be started with, the files written for it, and what was checked."""

    command: tuple[str, ...]
    files: tuple[Path, ...]
    checks: tuple[str, ...]


@runtime_checkable
class Rehearsed(Protocol):
    """RL that another program does, and that can be looked at before it is started."""

    def rehearse(
        self,
        problems: Sequence[Problem],
        *,
        model: str,
        policy: Binding,
        reward: VerifierBinding,
        run_dir: Path,
        seed: int,
    ) -> Rehearsal:
        """All of `RLAlgorithm.train` but the training. Raises as it does."""


class Executor(Protocol):
    """Runs tasks to their outcomes, in this process or on many machines."""

    def run(
        self,
        tasks: Sequence[Task[Any]],
        *,
        policy: Binding,
        verifier: VerifierBinding,
        journal: Journal,
        budget: Budget,
        seed: int,
    ) -> Iterator[Outcome]:
        """Yield each task's outcome as it comes, in no particular order. Every reply is in the
        journal before its program goes on."""
