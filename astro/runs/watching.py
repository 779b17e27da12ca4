"""The trees of a search that another process drives, read from the journal of its run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from astro.config.loading import read_stored
from astro.data.problem_sets import ProblemLoader
from astro.engine.journal import JournalReader
from astro.engine.replay import so_far
from astro.engine.tasks import Task
from astro.errors import RunError
from astro.files import decode
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder
from astro.runs.stages.search import STAGE, tasks_of
from astro.types import SearchTree

_PREFIX = f"{STAGE}/"
_MANY = 500
"""The number of searches from which all outcomes are read at once, and not each by its key."""


class SearchWatch:
    """Follows the search of a run without locking or writing anything, and without its models.

    A finished tree is the one that the journal holds. A tree under way is what its program returns
    on the replies recorded so far (see `so_far`), and so is that of a failed search. A journal that
    was replaced is read anew.

    Attributes:
        batches: The number of batches of replies of each problem, by its id, in the order in which
            the searches began.
        under_way: The ids of the problems whose search has not ended.
        failed: The reasons of failed searches by the id of their problem.
        tokens: The number of tokens of each finished search by the id of its problem.
    """

    def __init__(self, folder: RunFolder, registry: Registry) -> None:
        """Watch the search in `folder`, with the plugins in `registry`."""
        self._folder = folder
        self._registry = registry
        self._file: object = None
        self._forget()

    def _forget(self) -> None:
        self._row = 0
        self.batches: dict[str, int] = {}
        self.under_way: set[str] = set()
        self.failed: dict[str, str] = {}
        self.tokens: dict[str, int] = {}
        self._searches: tuple[int, dict[str, Task[SearchTree]]] | None = None

    def update(self) -> None:
        """Read what was recorded since the last call.

        Raises:
            RunError: The journal cannot be read.
        """
        with self._journal() as journal:
            if journal.is_new:
                return
            self._read(journal)
            if sum(self.batches.values()) != journal.batches(_PREFIX):
                self._forget()  # replies that were faults have been deleted since
                self._read(journal)
            for problem_id, failure, tokens in list(self._ended(journal)):
                self.tokens[problem_id] = tokens
                self.under_way.remove(problem_id)
                if failure:
                    self.failed[problem_id] = failure

    def _ended(self, journal: JournalReader) -> Iterator[tuple[str, str, int]]:
        """(problem id, failure, tokens) of each search that has ended since the last call."""
        if len(self.under_way) > _MANY:
            for task, failure, tokens in journal.outcomes(_PREFIX):
                if (problem_id := task.removeprefix(_PREFIX)) in self.under_way:
                    yield problem_id, failure, tokens
            return
        for problem_id in self.under_way:
            if outcome := journal.outcome(_PREFIX + problem_id):
                yield problem_id, *outcome

    def _read(self, journal: JournalReader) -> None:
        """Read the batches that were recorded since the last call."""
        for row, task, number in journal.answered(_PREFIX, self._row):
            problem_id = task.removeprefix(_PREFIX)
            if problem_id not in self.tokens:
                self.under_way.add(problem_id)
            self.batches[problem_id] = number + 1
            self._row = row

    def tree(self, problem_id: str) -> SearchTree:
        """Return the tree of a problem as it is now, or as it was when its search failed.

        Raises:
            AstroError: The problem cannot be loaded, its search has no tree, or its program makes
                other requests than those that were recorded.
        """
        with self._journal() as journal:
            if result := journal.result(_PREFIX + problem_id):
                return decode(result, SearchTree, f"the tree of {problem_id}")
            task, seed = self._task(problem_id)
            return so_far(task, seed, journal.recorded(task.key))

    @contextmanager
    def _journal(self) -> Iterator[JournalReader]:
        with closing(JournalReader(self._folder.journal)) as journal:
            file = (self._folder.journal.stat().st_ino, self._folder.config.stat().st_mtime_ns)
            if file != self._file:
                self._forget()
            self._file = file
            yield journal

    def _task(self, problem_id: str) -> tuple[Task[SearchTree], int]:
        """The task of a problem, and the seed of the run."""
        if self._searches is None:
            self._searches = self._read_config()
        seed, tasks = self._searches
        if problem_id not in tasks:
            raise RunError(f"the problems of {self._folder.root} hold no {problem_id!r:.80}")
        return tasks[problem_id], seed

    def _read_config(self) -> tuple[int, dict[str, Task[SearchTree]]]:
        """The seed of the run, and the tasks of its problems by their ids."""
        config = read_stored(self._folder.config)
        problems, _ = ProblemLoader(self._registry, config.verifier)(config.problems, "train")
        step_format = self._registry.build("step_format", config.step_format)
        tasks = tasks_of(config, self._registry, step_format, problems, STAGE)
        ids = (problem.id for problem in problems)
        return config.seed, dict(zip(ids, tasks, strict=True))
