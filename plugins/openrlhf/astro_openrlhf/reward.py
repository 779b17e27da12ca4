"""The reward function that OpenRLHF calls in its own interpreter: our verifier in our pool.

OpenRLHF suppresses exceptions of a reward function and fails later with another error. So faults of
the verifier are verdicts, and an error that ends the verification is written to an alarm file,
which the process that started OpenRLHF reads.
"""

from __future__ import annotations

import pickle
import queue
import re
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from astro.errors import AstroError, TrainingError
from astro.files import read_json, write_json, write_whole
from astro.interfaces import StepFormat
from astro.plugins.binding import VerifierBinding
from astro.requests import Verify
from astro.types import Problem, Status, Verdict
from astro.verification.pool import VerifierPool
from astro_hf.tokenizers import load_tokenizer

MODULE, SETTINGS, STEP_FORMAT = "reward.py", "reward.json", "step_format.pickle"
ALARM, FOUND = "alarm.json", "found.json"
_SOURCE = '''\
"""Written by astro for OpenRLHF, which calls `reward_func` for each response."""

from pathlib import Path

from astro_openrlhf.reward import Reward

reward_func = Reward(Path(__file__).parent)

if __name__ == "__main__":
    reward_func.check()
'''
_POLL_SECONDS = 0.002
_problem = msgspec.json.Decoder(Problem).decode


class Settings(msgspec.Struct):
    """Settings of the reward function.

    Attributes:
        model: The model whose tokenizer OpenRLHF uses.
        verifier: The `VerifierBinding` as plain data.
        problem: A problem for the check before a training.
    """

    model: str
    verifier: dict[str, Any]
    problem: Problem


def write_module(
    folder: Path,
    *,
    model: str,
    verifier: VerifierBinding,
    step_format: StepFormat,
    problem: Problem,
) -> Path:
    """Write the module that OpenRLHF loads and its files into `folder`, and return its path.

    Raises:
        TrainingError: The step format cannot be pickled.
    """
    for left in (ALARM, FOUND):
        (folder / left).unlink(missing_ok=True)
    settings = Settings(model, verifier.model_dump(mode="json"), problem)
    write_json(folder / SETTINGS, settings)
    write_whole(folder / STEP_FORMAT, [_pickled(step_format)])
    write_whole(folder / MODULE, [_SOURCE.encode()])
    return folder / MODULE


def _pickled(step_format: StepFormat) -> bytes:
    try:
        return pickle.dumps(step_format)
    except Exception as error:  # pickling a third party's object may raise anything
        raise TrainingError(
            f"the step format {type(step_format).__name__} cannot be sent to OpenRLHF: {error}",
            "make it picklable: a class of a module, without open files or lambdas",
        ) from error


def read_alarm(folder: Path) -> tuple[str, str] | None:
    """Return the message and hint of the error that ended verification; None if there is none."""
    path = folder / ALARM
    return read_json(path, tuple[str, str]) if path.exists() else None


class Found(msgspec.Struct):
    """The result of a check: OpenRLHF's version, and the verdict of an empty response."""

    openrlhf: str
    verdict: Verdict


def take_found(folder: Path) -> Found | None:
    """Read and remove the result of a check; None if there is none."""
    path = folder / FOUND
    found = read_json(path, Found) if path.exists() else None
    path.unlink(missing_ok=True)
    return found


class Reward:
    """OpenRLHF's `reward_func`, which is called from many threads with lists of one element.

    All threads share one pool, which is started by the first call.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._settings = read_json(folder / SETTINGS, Settings)
        self._step_format: StepFormat = pickle.loads((folder / STEP_FORMAT).read_bytes())
        self._tokenizer = load_tokenizer(self._settings.model)
        self._special = special_tokens(self._tokenizer)
        self._lock = threading.Lock()
        self._judge: Judge | None = None

    def __call__(
        self, queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str], **_: Any
    ) -> dict[str, Any]:
        """Return the reward of a response, 0 or 1. A query is a prompt and its response as text."""
        try:
            (query,), (prompt,), (label,) = queries, prompts, labels
            return self._scored(self.response(query, prompt), _problem(label))
        except Exception as error:  # OpenRLHF would suppress it
            self._sound_alarm(error)
            raise

    def response(self, query: str, prompt: str) -> str:
        """Return the text of the response without special tokens, as other trainers verify it.

        Raises:
            AstroError: The query does not begin with the prompt.
        """
        tokens = self._tokenizer(prompt, add_special_tokens=False)["input_ids"]
        head = self._tokenizer.decode(tokens, skip_special_tokens=False)
        if not query.startswith(head):
            raise AstroError(f"OpenRLHF's query does not begin with its prompt {head[:80]!r}")
        return self._special.sub("", query[len(head) :])

    def check(self) -> None:
        """Verify an empty response, so that a missing package is found before a training.

        The result is written to a file, because the verifier or its processes may print.
        """
        verdict = self._verdict(self._settings.problem, "")
        assert self._judge
        self._judge.close()
        write_json(self._folder / FOUND, Found(version("openrlhf"), verdict))

    def _scored(self, response: str, problem: Problem) -> dict[str, Any]:
        verdict = self._verdict(problem, response)
        backtracks = self._step_format.backtracks(response)
        return {
            "rewards": verdict.reward,
            "scores": verdict.reward,
            "extra_logs": logs(verdict, backtracks),
        }

    def _sound_alarm(self, error: Exception) -> None:
        """Write the first error to the alarm file."""
        message, hint = getattr(error, "message", repr(error)), getattr(error, "hint", "")
        with self._lock:
            if not (self._folder / ALARM).exists():
                write_json(self._folder / ALARM, (message, hint))

    def _verdict(self, problem: Problem, response: str) -> Verdict:
        with self._lock:
            if self._judge is None:
                self._judge = Judge(VerifierBinding(**self._settings.verifier))
        return self._judge.verdict(Verify(problem, response))


def special_tokens(tokenizer: Any) -> re.Pattern[str]:
    """Return a pattern of the special tokens that decoding with `skip_special_tokens` omits."""
    added = tokenizer.added_tokens_decoder.values()
    special = sorted((token.content for token in added if token.special), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, special)))


def logs(verdict: Verdict, backtracks: int) -> Mapping[str, float]:
    """Return the metrics of a response, which OpenRLHF averages over the responses of a step."""
    return {
        "backtracks": float(backtracks),
        "backtrack_share": float(backtracks > 0),
        "correct_after_backtrack": float(backtracks > 0 and verdict.correct),
        **{f"verdict/{status}": float(verdict.status is status) for status in Status},
    }


class Judge:
    """A verifier pool for many threads at once, which is driven by a thread of its own."""

    def __init__(self, verifier: VerifierBinding) -> None:
        self._pool = VerifierPool(verifier)
        self._asked: queue.SimpleQueue[tuple[Verify, Future[Verdict]] | None] = queue.SimpleQueue()
        self._tickets = count()
        self._waiting: dict[int, Future[Verdict]] = {}
        self._thread = threading.Thread(target=self._drive, daemon=True)
        self._thread.start()

    def verdict(self, request: Verify) -> Verdict:
        """Wait for the verdict.

        Raises:
            VerifierError: Too many verdicts are faults.
        """
        future: Future[Verdict] = Future()
        self._asked.put((request, future))
        return future.result()

    def close(self) -> None:
        """Close the pool. `verdict` must not be called afterwards."""
        self._asked.put(None)
        self._thread.join()

    def _drive(self) -> None:
        try:
            with self._pool:
                while self._take():
                    for ticket, verdict in self._pool.step():
                        self._waiting.pop(ticket).set_result(verdict)
        except Exception as error:  # no thread may wait for ever
            for future in self._waiting.values():
                future.set_exception(error)
            for _, future in iter(self._asked.get, None):
                future.set_exception(error)

    def _take(self) -> bool:
        """Take a request, and block if no verdict is pending. Returns False once closed."""
        try:
            asked = self._asked.get(timeout=_POLL_SECONDS if self._waiting else None)
        except queue.Empty:
            return True
        if asked is None:
            return False
        request, future = asked
        ticket = next(self._tickets)
        self._waiting[ticket] = future
        self._pool.add(ticket, request)
        return True
