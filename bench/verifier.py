"""Evaluates the math verifier on the labeled pairs of ../shared/data, compared with math-verify.

Verdicts, worst time and memory are those of a verifier pool, one pair after the other. The rates
are those of both verifiers in this process, in alternation on the same chunks of pairs, in CPU
seconds, so that other work on the machine matters little. math-verify 0.9.0 and its parser are
installed into .venv-math-verify and share this environment's sympy.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expressions import different_pairs, equal_pairs
from marks import Mark, publish

from astro.interfaces import Verifier
from astro.plugins.binding import VerifierBinding
from astro.requests import Verify
from astro.types import Problem, Status, Verdict
from astro.verification.pool import VerifierPool
from astro_sympy.verifier import SympyVerifier

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
REPORTS = ROOT.parent / "shared" / "cases" / "verifier_reports_dev.jsonl"
GOLDS = ("math500", "amc23", "aime24", "aime_train_1983_2023", "math_train")
OTHER = ROOT / ".venv-math-verify"
OTHER_PINS = (
    "math-verify==0.9.0",
    "latex2sympy2-extended==1.11.0",
    "antlr4-python3-runtime==4.13.2",
)
SOURCES = (
    "self",
    "cross",
    "nearmiss",
    "gsm8k",
    "qwen_math",
    "hardverify",
    "math_solution",
    "upstream",
    "public-reports",
    "hostile",
)
CHUNK = 100
RANDOM_PAIRS, SEED = 500, 2026
CANARY = re.compile(r"/tmp/[\w./-]+")


@dataclass(frozen=True, slots=True)
class Pair:
    """A reference and a response. `right` is the label, or None if either verdict is accepted."""

    problem: Problem
    response: str
    right: bool | None
    source: str


@dataclass(frozen=True, slots=True)
class Judged:
    pair: Pair
    verdict: Verdict
    seconds: float

    @property
    def agrees(self) -> bool:
        return self.pair.right in (None, self.verdict.correct)

    @property
    def wrongly_accepted(self) -> bool:
        return self.verdict.correct and self.pair.right is False


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of ../shared."""
    if not path.exists():
        raise SystemExit(f"needs {path.name} in ../shared/{path.parent.name}")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def made_pairs() -> list[Pair]:
    """Random expressions, and references with a small mistake."""
    different = [(*pair, False, "different") for pair in different_pairs(RANDOM_PAIRS, SEED)]
    equal = [(*pair, True, "equal") for pair in equal_pairs(RANDOM_PAIRS, SEED)]
    golds = [row["answer"] for name in GOLDS for row in read(DATA / f"{name}.jsonl")]
    mistaken = [(gold, other, False, "mistaken") for gold in golds for other in mistakes(gold)]
    return [
        Pair(Problem("made", "", gold), f"\\boxed{{{answer}}}", right, source)
        for gold, answer, right, source in (*different, *equal, *mistaken)
    ]


def mistakes(gold: str) -> list[str]:
    """The reference with another digit in one of its first numbers, sign, or kind of bracket."""
    found = [
        f"{gold[: at - 1]}{(int(gold[at - 1]) + 1) % 10}{gold[at:]}"
        for at in [match.end() for match in re.finditer(r"\d+", gold)][:3]
    ]
    if gold.startswith("-"):
        found.append(gold[1:])
    elif re.fullmatch(r"[\d.]*[1-9][\d.]*|\\frac\{[1-9]\d*\}\{\d+\}", gold):
        found.append(f"-{gold}")
    if gold.startswith("[") and gold.endswith(")"):
        found.append(f"({gold[1:]}")
    return found


def _pair(row: dict[str, Any]) -> Pair:
    response = row["candidate"]
    if response is None:
        parts = row["candidate_gen"]
        response = parts["prefix"] + parts["repeat"] * parts["times"] + parts["suffix"]
    right = row["equivalent"] if "equivalent" in row else row["expected"]
    source = group(row.get("source", "hostile"))
    return Pair(Problem(row["id"], row.get("problem", ""), row["gold"]), response, right, source)


def group(source: str) -> str:
    """The row of the table to which a source of pairs belongs."""
    return next((name for name in SOURCES if source.startswith(name)), "upstream")


def judge_in_pool(pairs: Iterable[Pair]) -> tuple[list[Judged], float]:
    """The verdicts of a pool, one pair at a time, and the peak memory of a worker in MiB."""
    judged, peak = [], 0.0
    with VerifierPool(VerifierBinding(name="sympy")) as pool:
        pool.add(-1, Verify(Problem("start", "", "1"), "1"))
        pool.step(block=True)
        for ticket, pair in enumerate(pairs):
            began = time.perf_counter()
            pool.add(ticket, Verify(pair.problem, pair.response))
            ((_, verdict),) = pool.step(block=True)
            judged.append(Judged(pair, verdict, time.perf_counter() - began))
            if ticket % CHUNK == 0 or judged[-1].seconds > 0.1:
                peak = max(peak, *children_peaks())
        return judged, max(peak, *children_peaks())


def children_peaks() -> list[float]:
    """The peak resident memory of each child process in MiB."""
    peaks = [0.0]
    for child in Path("/proc/self/task").glob("*/children"):
        for pid in child.read_text().split():
            status = Path(f"/proc/{pid}/status").read_text()
            peaks += [int(kib) / 1024 for kib in re.findall(r"VmHWM:\s*(\d+) kB", status)]
    return peaks


def other_verifier() -> Verifier:
    """math-verify, which is installed beside this environment if it is missing."""
    if not OTHER.exists():
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target"]
        subprocess.run([*command, str(OTHER), *OTHER_PINS], check=True)
    sys.path.append(str(OTHER))
    from astro_sympy.math_verify import MathVerifyVerifier

    return MathVerifyVerifier()


def rate_ratio(pairs: Sequence[Pair], ours: Verifier, theirs: Verifier) -> float:
    """Pairs per second of `sympy`, divided by math-verify's, in alternation after a warm-up."""
    seconds = {ours: 0.0, theirs: 0.0}
    for start in range(0, len(pairs), CHUNK):
        for verifier in (ours, theirs):
            began = time.process_time()
            for pair in pairs[start : start + CHUNK]:
                verifier.verify(pair.problem, pair.response)
            seconds[verifier] += time.process_time() - began if start else 0.0
    rates = [(len(pairs) - CHUNK) / seconds[verifier] for verifier in (ours, theirs)]
    print("pairs per CPU second, sympy and math-verify:", *(f"{rate:.0f}" for rate in rates))
    return rates[0] / rates[1]


def p99(pairs: Sequence[Pair], verifier: Verifier) -> float:
    """The 99th percentile of the seconds per verdict."""
    seconds = []
    for pair in pairs:
        began = time.perf_counter()
        verifier.verify(pair.problem, pair.response)
        seconds.append(time.perf_counter() - began)
    return sorted(seconds)[len(seconds) * 99 // 100]


def recall(judged: Sequence[Judged]) -> float:
    right = [item for item in judged if item.pair.right]
    return sum(item.verdict.correct for item in right) / len(right)


def accuracy_marks(judged: Sequence[Judged]) -> list[Mark]:
    sources = {item.pair.source for item in judged}
    rows = {name: [item for item in judged if item.pair.source == name] for name in sources}
    wrong = {name: sum(item.wrongly_accepted for item in rows[name]) for name in sources}
    share = {name: sum(item.agrees for item in rows[name]) / len(rows[name]) for name in sources}
    negatives = sum(item.pair.right is False for item in rows["hardverify"])
    return [
        Mark.of("self pairs, recall", recall(rows["self"]), ">= 1"),
        Mark.of("cross and near-misses, accepted", wrong["cross"] + wrong["nearmiss"], "<= 0"),
        Mark.of("GSM8K outputs, agreement", share["gsm8k"], ">= 0.998"),
        Mark.of("Qwen2.5-Math outputs, agreement", share["qwen_math"], ">= 0.998"),
        Mark.of("HardVerify-Math, recall", recall(rows["hardverify"]), ">= 0.75"),
        Mark.of("HardVerify-Math, false positives", wrong["hardverify"] / negatives, "<= 0.01"),
        Mark.of("chains, recall", recall(rows["math_solution"]), ">= 0.98"),
        Mark.of("upstream cases, recall", recall(rows["upstream"]), ">= 0.93"),
        Mark.of("upstream cases, accepted", wrong["upstream"], "<= 2"),
        Mark.of("hostile, right verdicts", share["hostile"], ">= 0.97"),
        Mark.of("hostile, wrongly accepted", wrong["hostile"], "<= 0"),
        Mark.of("public reports, as labeled", share["public-reports"], ">= 0.98"),
        Mark.of("public reports, wrongly accepted", wrong["public-reports"], "<= 0"),
        Mark.of("random expressions that differ, accepted", wrong["different"], "<= 0"),
        Mark.of("random expressions that are equal, recall", recall(rows["equal"]), ">= 0.8"),
        Mark.of("MATH, AMC and AIME, one mistake: accepted", wrong["mistaken"], "<= 0"),
    ]


def safety_marks(judged: Sequence[Judged], peak: float, canaries: Iterable[Path]) -> list[Mark]:
    hangs = sum(item.verdict.status is Status.TIMEOUT for item in judged)
    return [
        Mark.of("verdicts that had to be timed out", hangs, "<= 0"),
        Mark.of("code run", sum(path.exists() for path in canaries), "<= 0"),
        Mark.of("worst verdict, seconds", max(item.seconds for item in judged), "<= 1.2"),
        Mark.of("worst worker, MiB", peak, "<= 512"),
    ]


def rate_marks(pairs: Sequence[Pair]) -> list[Mark]:
    ours, theirs = SympyVerifier(), other_verifier()
    easy = [pair for pair in pairs if pair.source in ("self", "gsm8k")]
    chains = [pair for pair in pairs if pair.source == "math_solution"]
    return [
        Mark.of("self and GSM8K, times math-verify", rate_ratio(easy, ours, theirs), ">= 20"),
        Mark.of("chains, times math-verify", rate_ratio(chains, ours, theirs), ">= 8"),
        Mark.of("p99 of all pairs, seconds", p99(pairs, SympyVerifier()), "<= 0.05"),
    ]


def main() -> None:
    files = DATA / "verifier_pairs_dev.jsonl", DATA / "verifier_hostile_dev.jsonl", REPORTS
    pairs, hostile, reports = (list(map(_pair, read(path))) for path in files)
    canaries = {Path(path) for pair in hostile for path in CANARY.findall(pair.response)}
    for path in canaries:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
    judged, peak = judge_in_pool([*pairs, *hostile, *reports, *made_pairs()])
    marks = [
        *accuracy_marks(judged),
        *safety_marks(judged, peak, canaries),
        *rate_marks(pairs),
    ]
    publish("verifier", marks)
    raise SystemExit(not all(mark.holds for mark in marks))


if __name__ == "__main__":
    main()
