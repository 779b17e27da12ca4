"""The loop: scheduling does not matter, the journal is the checkpoint, budgets end a program."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from astro.engine.budget import Budget
from astro.engine.journal import Journal
from astro.engine.loop import Engine
from astro.engine.sampling import sample_responses
from astro.engine.tasks import Outcome, Task
from astro.errors import JournalError
from astro.interfaces import Backend
from astro.requests import (
    BudgetExhausted,
    Failure,
    Generate,
    LogProb,
    Program,
    Reply,
    Request,
    Score,
    Verify,
)
from astro.seeds import derive
from astro.types import LEAST_LOGPROB, Completion, Problem, Prompt, Status, Verdict


class EchoPolicy:
    """Answers with the request's seed, in an order that a seeded generator shuffles."""

    def __init__(self, order: int = 0) -> None:
        self._queue: list[tuple[int, Generate]] = []
        self._rng = Random(order)
        self.served = 0

    def add(self, ticket: int, request: Generate | LogProb) -> None:
        assert isinstance(request, Generate)
        self._queue.append((ticket, request))

    def step(self, block: bool = False) -> list[tuple[int, Reply | Failure]]:  # noqa: ARG002
        self._rng.shuffle(self._queue)
        count = self._rng.randint(1, max(1, len(self._queue)))
        done, self._queue = self._queue[:count], self._queue[count:]
        self.served += len(done)
        return [(ticket, _echo(request)) for ticket, request in done]

    def close(self) -> None: ...


def _echo(request: Generate) -> list[Completion] | Failure:
    if "unanswerable" in request.prompt.user:
        return Failure("the policy cannot say")
    if "diverged" in request.prompt.user:
        return [Completion("1\n", (1,), (float("nan"),))]
    if "impossible" in request.prompt.user:
        return [Completion("1\n", (1, 2), (-0.5, float("-inf")))]
    if "garbled" in request.prompt.user:
        return [Completion("\ud800 1\n", (1,), (-0.5,))]
    if "cut" in request.prompt.user:
        return [Completion("1\n", logprobs=(-0.5, -0.5, -0.5))]
    return [Completion(f"{request.seed}.{i}\n", (i,), (-0.5,)) for i in range(request.n)]


class InstantVerifier:
    """A verifier pool without processes: a response is correct if its last digit is even."""

    def __init__(self) -> None:
        self._done: list[tuple[int, Verdict]] = []

    def add(self, ticket: int, request: Verify) -> None:
        even = request.response.strip()[-1] in "02468"
        self._done.append((ticket, Verdict(Status.CORRECT if even else Status.INCORRECT)))

    def step(self, block: bool = False) -> list[tuple[int, Verdict]]:  # noqa: ARG002
        done, self._done = self._done, []
        return done


def backends(policy: Backend, **others: Backend) -> dict[str, Backend]:
    return {"policy": policy, "verifier": InstantVerifier(), **others}


def walk(problem: Problem, depth: int) -> Program[list[str]]:
    """Ask `depth` times, for one or two samples in turn, verifying each; keep what was said."""
    said: list[str] = []
    try:
        for level in range(depth):
            prompt = Prompt(problem.prompt, "".join(said))
            replies = yield [Generate(prompt, n=1 + level % 2), Generate(prompt)]
            texts = [completion.text for reply in replies for completion in reply]
            verdicts = yield [Verify(problem, text) for text in texts]
            said += [text for text, v in zip(texts, verdicts, strict=True) if v.correct]
    except BudgetExhausted:
        said.append("out of budget")
    return said


def tasks(count: int, depth: int = 5) -> list[Task[list[str]]]:
    problems = [Problem(f"p{i}", f"question {i}", "") for i in range(count)]
    return [Task(f"walk/{p.id}", lambda p=p: walk(p, depth)) for p in problems]


def drive(
    todo: list[Task[Any]],
    *,
    policy: EchoPolicy | None = None,
    journal: Journal | None = None,
    **options: Any,
) -> dict[str, Outcome]:
    engine = Engine(backends(policy or EchoPolicy()), seed=7, journal=journal, **options)
    return {outcome.key: outcome for outcome in engine.run(todo)}


@contextmanager
def opened(path: Path) -> Iterator[Journal]:
    journal = Journal(path)
    yield journal
    journal.close()


@pytest.mark.parametrize("concurrency", [1, 7, 64])
@pytest.mark.parametrize("order", [0, 1])
def test_scheduling_does_not_matter(concurrency: int, order: int) -> None:
    reference = drive(tasks(20), concurrency=3)
    other = drive(tasks(20), policy=EchoPolicy(order), concurrency=concurrency)
    assert other == reference
    assert len({tuple(outcome.result) for outcome in other.values()}) == 20


def test_tasks_are_admitted_up_to_the_concurrency() -> None:
    alive: list[int] = []
    count = 0

    def counted(i: int) -> Program[int]:
        nonlocal count
        count += 1
        alive.append(count)
        yield [Generate(Prompt(f"question {i}"))]
        count -= 1
        return i

    drive([Task(str(i), lambda i=i: counted(i)) for i in range(10)], concurrency=3)
    assert max(alive) == 3


def test_interrupted_run_resumes_inside_its_programs(tmp_path: Path) -> None:
    reference = drive(tasks(8))
    stops = Random(3)
    for _ in range(6):
        policy = EchoPolicy(stops.randint(0, 99))
        with opened(tmp_path / "journal.db") as journal:
            engine = Engine(backends(policy), seed=7, journal=journal)
            run = engine.run(tasks(8))
            for _ in range(stops.randint(1, 2)):
                next(run)
            # Leave it where it stands, as a killed process would.
            run.close()
    with opened(tmp_path / "journal.db") as journal:
        policy = EchoPolicy()
        resumed = drive(tasks(8), policy=policy, journal=journal)
    assert resumed == reference
    assert policy.served < 8 * 5 * 2


def test_a_complete_journal_replays_without_a_policy(tmp_path: Path) -> None:
    with opened(tmp_path / "journal.db") as journal:
        reference = drive(tasks(4), journal=journal)
    with opened(tmp_path / "journal.db") as journal:
        policy = EchoPolicy()
        replayed = drive(tasks(4), policy=policy, journal=journal)
    assert replayed == reference
    assert policy.served == 0


def test_a_journal_of_other_requests_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "journal.db") as journal:
        drive(tasks(1), journal=journal)
    with (
        opened(tmp_path / "journal.db") as journal,
        pytest.raises(JournalError, match="made other requests"),
    ):
        changed = Task("walk/p0", lambda: walk(Problem("p0", "another question", ""), 5))
        drive([changed], journal=journal)


def test_a_failed_request_fails_its_task_alone(tmp_path: Path) -> None:
    todo = tasks(3)
    todo[1] = Task("bad", lambda: walk(Problem("bad", "unanswerable", ""), 2))
    with opened(tmp_path / "journal.db") as journal:
        outcomes = drive(todo, journal=journal)
    assert outcomes["bad"].failure == "the policy cannot say"
    assert [bool(o.failure) for o in outcomes.values()].count(True) == 1


def test_text_that_no_file_can_hold_is_made_sound_before_its_program_sees_it(
    tmp_path: Path,
) -> None:
    def say() -> Program[str]:
        ((completion,),) = yield [Generate(Prompt("garbled"))]
        return str(completion.text)

    with opened(tmp_path / "journal.db") as journal:
        first = drive([Task("say", say)], journal=journal)
        assert first["say"].result == "? 1\n"
        assert drive([Task("say", say)], journal=journal) == first


def test_log_probabilities_of_a_diverged_model_are_a_failure() -> None:
    bad = Task("bad", lambda: walk(Problem("bad", "diverged", ""), 2))
    assert "not finite" in drive([bad])["bad"].failure


def test_a_token_of_probability_0_fails_nothing(tmp_path: Path) -> None:
    def say() -> Program[list[float]]:
        ((completion,),) = yield [Generate(Prompt("impossible"))]
        return list(completion.logprobs)

    with opened(tmp_path / "journal.db") as journal:
        for _ in range(2):
            said = drive([Task("say", say)], journal=journal)["say"]
            assert said.result == [-0.5, LEAST_LOGPROB]


def test_a_raising_program_fails_its_task_alone() -> None:
    def broken() -> Program[None]:
        yield [Generate(Prompt("q"))]
        raise ZeroDivisionError("of its own making")

    outcomes = drive([*tasks(2), Task("broken", broken)])
    assert outcomes["broken"].failure == "ZeroDivisionError: of its own making"
    assert sum(bool(outcome.failure) for outcome in outcomes.values()) == 1


@pytest.mark.parametrize(
    ("budget", "turns"), [({"requests": 12}, 3), ({"tokens": 5}, 2), ({"seconds": 1e-9}, 0)]
)
def test_a_spent_budget_ends_a_program_and_is_recorded(
    tmp_path: Path, budget: dict[str, float], turns: int
) -> None:
    with opened(tmp_path / "journal.db") as journal:
        (first,) = drive(tasks(1, 9), journal=journal, budget=Budget(**budget)).values()
        replayed = drive(tasks(1, 9), journal=journal).popitem()[1]
    assert first.result[-1] == "out of budget"
    assert first.tokens == sum(2 + level % 2 for level in range(turns))
    assert replayed == first


def test_tokens_without_their_ids_are_spent_all_the_same() -> None:
    def ask() -> Program[None]:
        yield [Generate(Prompt("cut"))]

    assert drive([Task("ask", ask)])["ask"].tokens == 3


@pytest.mark.parametrize(
    ("token_ids", "logprobs", "counted", "tokens"),
    [
        ((), (), 0, 0),
        ((), (), 3, 3),
        ((7, 8), (-1.0, -2.0), 0, 2),
        ((), (-1.0, -2.0), 3, 2),
        ((7, 8), (), 0, 2),
    ],
)
def test_the_tokens_of_a_completion_and_of_a_sample(
    token_ids: tuple[int, ...], logprobs: tuple[float, ...], counted: int, tokens: int
) -> None:
    completion = Completion("a", token_ids, logprobs, counted=counted)
    assert completion.tokens == tokens
    program = sample_responses(Problem("p", "q", "1"), 1, max_tokens=9)
    next(program)
    program.send([[completion]])
    with pytest.raises(StopIteration) as stopped:
        program.send([Verdict(Status.INCORRECT)])
    (sample,) = stopped.value.value
    assert sample.tokens == tokens


def test_a_program_may_ask_for_nothing() -> None:
    def idle() -> Program[str]:
        replies = yield []
        return f"got {replies}"

    assert drive([Task("idle", idle)])["idle"].result == "got []"


@pytest.mark.parametrize("batch", [Generate(Prompt("q")), ["a"], 5])
def test_a_program_that_asks_for_nothing_of_the_kind_fails_alone(batch: Any) -> None:
    def confused() -> Program[None]:
        yield batch

    found = drive([Task("confused", confused), *tasks(3)])
    assert found["confused"].failure
    assert not any(found[f"walk/p{i}"].failure for i in range(3))


class StepScorer:
    """A process reward model: the length of each prefix of the steps; without steps, infinity."""

    def __init__(self) -> None:
        self._queue: list[tuple[int, Score]] = []
        self.served = 0

    def add(self, ticket: int, request: Any) -> None:
        if not isinstance(request, Score):
            raise TypeError(f"a reward model does not answer {type(request).__name__}")
        self._queue.append((ticket, request))

    def step(self, block: bool = False) -> list[tuple[int, Reply | Failure]]:  # noqa: ARG002
        queue, self._queue = self._queue, []
        self.served += len(queue)
        return [(ticket, self._scores(request.steps)) for ticket, request in queue]

    def _scores(self, steps: tuple[str, ...]) -> tuple[float, ...]:
        lengths = list(itertools.accumulate(map(len, steps)))
        return tuple(map(float, lengths)) or (float("inf"),)

    def close(self) -> None: ...


def two_models() -> Program[list[Any]]:
    """Ask the policy and a critic the same, then have the policy's words scored."""
    prompt = Prompt("question")
    (own,), (other,) = yield [Generate(prompt), Generate(prompt, model="critic")]
    ((scores,)) = yield [Score(prompt, (own.text, other.text))]
    return [own.text, other.text, scores]


@pytest.mark.parametrize("critic_first", [True, False])
def test_requests_go_to_the_model_of_their_role(tmp_path: Path, critic_first: bool) -> None:
    class Critic(EchoPolicy):
        def add(self, ticket: int, request: Any) -> None:
            super().add(ticket, replace(request, seed=0))

    task = Task("two", two_models)
    served: list[int] = []
    for _ in range(2):
        policy, critic, reward = EchoPolicy(), Critic(), StepScorer()
        others: dict[str, Backend] = {"critic": critic, "reward": reward}
        models = {**others, **backends(policy)} if critic_first else backends(policy, **others)
        with opened(tmp_path / "journal.db") as journal:
            (outcome,) = Engine(models, seed=7, journal=journal).run([task])
        own, other, scores = outcome.result
        assert (own, other) == (f"{derive(7, 'two', 0)}.0\n", "0.0\n")
        assert scores == (len(own), len(own) + len(other))
        assert outcome.tokens == 2
        served += [policy.served, critic.served, reward.served]
    assert served == [1, 1, 1, 0, 0, 0]


def test_an_outcome_model_gives_one_score() -> None:
    class Outcome(StepScorer):
        def _scores(self, steps: tuple[str, ...]) -> tuple[float, ...]:
            return (float(len("".join(steps))),)

    def ask() -> Program[Any]:
        (scores,) = yield [Score(Prompt("q"), ("one\n", "two\n"), model="outcome")]
        return scores

    models = backends(EchoPolicy(), outcome=Outcome())
    (outcome,) = Engine(models, seed=7).run([Task("ask", ask)])
    assert outcome.result == (8.0,)


def test_a_budget_counts_the_tokens_of_all_roles() -> None:
    def ask() -> Program[int]:
        try:
            for asked in itertools.count():
                yield [Generate(Prompt("q"), model=("policy", "critic")[asked % 2])]
        except BudgetExhausted:
            return asked

    models = backends(EchoPolicy(), critic=EchoPolicy())
    (outcome,) = Engine(models, seed=7, budget=Budget(tokens=5)).run([Task("ask", ask)])
    assert (outcome.result, outcome.tokens) == (5, 5)


@pytest.mark.parametrize("first", ["policy", "critic"])
def test_a_journal_of_another_role_is_refused(tmp_path: Path, first: str) -> None:
    def ask(role: str) -> Program[None]:
        yield [Generate(Prompt("q"), model=role)]

    models = backends(EchoPolicy(), critic=EchoPolicy())
    with opened(tmp_path / "journal.db") as journal:
        list(Engine(models, seed=7, journal=journal).run([Task("ask", lambda: ask(first))]))
    with (
        opened(tmp_path / "journal.db") as journal,
        pytest.raises(JournalError, match="made other requests"),
    ):
        other = {"policy": "critic", "critic": "policy"}[first]
        list(Engine(models, seed=7, journal=journal).run([Task("ask", lambda: ask(other))]))


def test_a_role_without_a_model_fails_its_program_alone() -> None:
    found = drive([Task("two", two_models), *tasks(3)])
    assert found["two"].failure == (
        "there is no model 'critic' in this run; name one under models.critic in the config"
    )
    assert sum(bool(outcome.failure) for outcome in found.values()) == 1


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (Score(Prompt("q"), ()), "the reward model's scores are not finite"),
        (LogProb(Prompt("q"), ("a",), model="reward"), "TypeError: a reward model does not answer"),
    ],
)
def test_what_a_reward_model_cannot_serve_is_a_failure(request_: Request, reason: str) -> None:
    def ask() -> Program[None]:
        yield [request_]

    models = backends(EchoPolicy(), reward=StepScorer())
    (outcome,) = Engine(models, seed=7).run([Task("ask", ask)])
    assert outcome.failure.startswith(reason)


@pytest.mark.parametrize("roles", [("policy",), ("policy", "critic")])
def test_a_backend_of_several_roles_is_stepped_once_a_round(roles: tuple[str, ...]) -> None:
    """It may wait as long as nothing else is under way."""

    class Waiting(EchoPolicy):
        def __init__(self) -> None:
            super().__init__()
            self.blocked: list[bool] = []

        def step(self, block: bool = False) -> list[tuple[int, Reply | Failure]]:
            self.blocked.append(block)
            return super().step()

    def ask() -> Program[None]:
        yield [Generate(Prompt("q"), model=role) for role in roles]

    policy = Waiting()
    models = {**dict.fromkeys(roles, policy), "verifier": InstantVerifier()}
    list(Engine(models, seed=7).run([Task("ask", ask)]))
    assert policy.blocked
    assert all(policy.blocked)
    assert len(policy.blocked) <= len(roles)
