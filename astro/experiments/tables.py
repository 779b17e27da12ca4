"""The results of studies, rounds and comparisons of searches, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from astro.errors import RunError
from astro.experiments.accuracy import SearchComparison
from astro.experiments.comparison import StudyResult
from astro.experiments.rounds import RoundsResult
from astro.runs.tables import ABSENT, Table, points, share


def study_tables(result: StudyResult) -> Iterator[Table]:
    """The tables of a study."""
    problems = f"In %, on {result.problems:,} problems that every model has at every seed."
    yield _by_seed("pass@1", result.seeds, problems)
    if result.legal:
        yield _by_seed("All lines legal", result.legal, problems)
        yield _by_seed("Right and all lines legal", result.right_and_legal, problems)
    yield Table(
        "Differences in pass@1",
        ["", "all seeds", "by seed"],
        [
            [
                f"{one.first} above {one.second}",
                points(one.pooled),
                " ".join(f"{estimate.value:+.1f}" for estimate in one.by_seed),
            ]
            for one in result.differences
        ],
        "Points, with 95 % intervals from a paired bootstrap over problems.",
    )
    yield from _against_tokens(result)
    if result.correlations:
        rows = [
            [f"seed {one.seed}, {one.model}", f"{one.steps:,}", points(one.r, 2)]
            for one in result.correlations
        ]
        note = "Over the steps of RL, with 95 % intervals by Fisher's transformation."
        title = "Pearson's r of pass rate and backtracks"
        yield Table(title, ["", "steps", "r"], rows, note)


def _by_seed(title: str, rows: Sequence[Mapping[str, float]], note: str) -> Table:
    """One row per model, one column per seed, and the mean over seeds."""
    models = [name for name in rows[0] if name != "seed"]
    cells = [
        [
            model,
            *(f"{row[model]:.1f}" if model in row else ABSENT for row in rows),
            _mean([row[model] for row in rows if model in row]),
        ]
        for model in models
    ]
    seeds = [f"seed {row['seed']:.0f}" for row in rows]
    return Table(title, ["", *seeds, "mean"], cells, note)


def _mean(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):.1f}" if values else ABSENT


def _against_tokens(result: StudyResult) -> Iterator[Table]:
    """Accuracy at equal tokens: best of n of each model, and the search at inference."""
    matched = [
        [
            f"seed {one.seed}, {one.model}, best of {one.samples}",
            f"{one.tokens:,.0f}",
            f"{one.majority:.1f}",
            f"{one.oracle:.1f}",
        ]
        for one in result.matched
    ]
    searched = [
        [f"seed {one.seed}, search by the base", f"{one.tokens:,.0f}", ABSENT, f"{one.solved:.1f}"]
        for one in result.searched
    ]
    if matched or searched:
        names = dict.fromkeys(one.reference for one in result.matched)
        reference = f" The tokens are those of a response of {', '.join(names)}." if names else ""
        yield Table(
            "Accuracy against tokens",
            ["", "tokens per problem", "majority", "any right"],
            [*matched, *searched],
            f"In %. A search is guided by the verifier, so it stands under any right.{reference}",
        )


def round_tables(result: RoundsResult) -> Iterator[Table]:
    """pass@1 by round on each set."""
    if not result.rounds:
        raise RunError("these rounds have no results yet", "run them first")
    sets = list(result.rounds[0].pass_at_1)
    rows = [
        [
            f"round {turn.number}" if turn.number else "base",
            *(share(turn.pass_at_1.get(name)) for name in sets),
        ]
        for turn in result.rounds
    ]
    why = "The rounds ended because pass@1 had stopped rising." if result.stalled else ""
    note = f"In %, with 95 % intervals. Round {result.best} is the best. {why}".strip()
    yield Table("pass@1 by round", ["", *sets], rows, note)


def comparison_tables(result: SearchComparison) -> Iterator[Table]:
    """Accuracy against tokens of each search, and which searches differ."""
    rows = [
        [
            f"{one.search} ({result.choices[one.search]})",
            f"{one.budget:,}",
            f"{one.tokens.value:,.0f}",
            share(one.accuracy),
            f"{100 * one.answered:.1f}",
            f"{one.seconds:.2f}",
        ]
        for one in result.points
    ]
    seeds = f"{len(result.seeds)} seeds" if len(result.seeds) > 1 else "one seed"
    note = (
        f"On {result.problems:,} problems, {seeds}. Accuracy is the share of problems in % whose "
        "chosen answer is right, with its 95 % interval; in parentheses stands how it was chosen. "
        "With reference, the search saw the verdicts, and any right answer counts."
    )
    columns = ["search", "budget", "tokens", "accuracy", "answered", "seconds"]
    yield Table("Accuracy against tokens per problem", columns, rows, note)
    real = [one for one in result.differences if one.beyond_noise]
    rows = [
        [
            f"{one.first} above {one.second}",
            f"{one.budget:,}",
            points(one.points),
            f"{one.p_adjusted:.2g}",
        ]
        for one in real
    ]
    tested = len(result.differences)
    note = (
        f"{len(real)} of {tested} pairs differ at the same budget; the others are within noise. "
        "Points with 95 % intervals from a paired bootstrap over problems; p of an exact paired "
        "test, by Holm's correction for all pairs."
    )
    yield Table("Differences beyond noise", ["", "budget", "points", "p"], rows, note)
