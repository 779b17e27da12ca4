"""The journal: durable, readable again, and plain about what is wrong with it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from astro.engine.digest import digest, digest_1
from astro.engine.journal import Journal, _payload
from astro.errors import FormatError, JournalError, RunError
from astro.requests import Generate, LogProb, Request, Verify
from astro.types import Completion, FinishReason, Problem, Prompt, Status, Verdict

PROBLEM = Problem("p", "q", "a", {"numbers": [1, 2]})
REQUESTS: list[Request] = [
    Generate(Prompt("q", "so far\n", (1, 2)), n=2, seed=5),
    LogProb(Prompt("q"), ("a", "b")),
    Verify(PROBLEM, "answer a"),
]
REPLIES = [
    [Completion("x\n", (3, 4), (-0.1, -0.2)), Completion("", (0,), (-3.0,), FinishReason.EOS)],
    [(-0.5,), (-0.25, -1.0)],
    Verdict(Status.INCORRECT, "b", "not a"),
]


def test_every_kind_of_reply_comes_back_equal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    journal.append("t", 0, REQUESTS, REPLIES)
    journal.append("t", 1, REQUESTS[:1], None)
    journal.close()
    recording = Journal(tmp_path / "journal.db").recorded("t")
    assert len(recording) == 2
    assert recording.replies(0, REQUESTS) == REPLIES
    assert recording.replies(1, REQUESTS[:1]) is None


def test_what_was_not_committed_is_not_there_for_others(tmp_path: Path) -> None:
    writer, reader = Journal(tmp_path / "journal.db"), Journal(tmp_path / "journal.db")
    writer.append("t", 0, REQUESTS, REPLIES)
    assert len(reader.recorded("t")) == 0
    writer.commit()
    assert len(reader.recorded("t")) == 1


def test_what_came_of_faults_is_forgotten(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    sound, fault = REPLIES, [*REPLIES[:3], Verdict(Status.TIMEOUT)]
    for task, batches in {
        "search/a": [sound, fault, sound],
        "search/b": [sound, None],
        "search/c": [fault, fault],
        "evaluate/d": [fault],
    }.items():
        for number, replies in enumerate(batches):
            journal.append(task, number, REQUESTS, replies)
        journal.finish(task, b"1")
    journal.forget_faults("search/")
    assert [len(journal.recorded(f"search/{name}")) for name in "abc"] == [1, 2, 0]
    assert [journal.result(f"search/{name}") for name in "abc"] == [None, b"1", None]
    assert len(journal.recorded("evaluate/d")) == 1
    assert journal.result("evaluate/d") == b"1"


def test_outcomes_are_listed_by_stage(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    journal.finish("search/a", b"1", tokens=7)
    journal.finish("search/b", None, "no luck")
    journal.finish("searching/c", b"3")
    assert list(journal.outcomes("search/")) == [
        ("search/a", "", 7),
        ("search/b", "no luck", 0),
    ]
    assert [journal.result(f"search/{name}") for name in "abc"] == [b"1", None, None]
    journal.finish("search/b", b"2")
    assert journal.result("search/b") == b"2"


def test_results_are_unpacked_only_where_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked = list[bytes]()
    monkeypatch.setattr("astro.engine.journal.decompress", unpacked.append)
    with closing(Journal(tmp_path / "journal.db")) as journal:
        journal.finish("search/a", b"1" * 2000, tokens=7)
        assert journal.outcome("search/a") == ("", 7)
        assert list(journal.outcomes("search/")) == [("search/a", "", 7)]
        assert not unpacked
        journal.result("search/a")
        assert len(unpacked) == 1


def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is not a database, but it is long enough to look at" * 100)
    before = path.read_bytes()
    with pytest.raises(JournalError, match=r"journal\.db is corrupt"):
        Journal(path)
    assert path.read_bytes() == before


def test_a_damaged_page_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = Journal(path)
    for number in range(2000):
        journal.append("t", number, REQUESTS, REPLIES)
    journal.close()
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 5000] = b"\xff" * 5000
    path.write_bytes(content)
    with pytest.raises(JournalError, match="corrupt"):
        Journal(path)


def test_a_folder_in_its_place_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "journal.db").mkdir()
    with pytest.raises(RunError, match=r"journal\.db: unable to open"):
        Journal(tmp_path / "journal.db")


def set_format(path: Path, number: int) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"pragma user_version = {number}")


def test_a_journal_of_format_1_is_read_and_continued_by_its_own_rule(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    Journal(path).close()
    set_format(path, 0)
    for number in range(2):
        journal = Journal(path)
        journal.append("t", number, REQUESTS, REPLIES)
        assert journal.recorded("t").replies(number, REQUESTS) == REPLIES
        journal.close()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("pragma user_version").fetchone() == (0,)
        digests = database.execute("select digest from replies").fetchall()
    assert digests == [(digest_1(REQUESTS),)] * 2


def test_a_new_journal_carries_its_format(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    journal.append("t", 0, REQUESTS, REPLIES)
    journal.close()
    with closing(sqlite3.connect(tmp_path / "journal.db")) as database:
        assert database.execute("pragma user_version").fetchone() == (2,)
        assert database.execute("select digest from replies").fetchall() == [(digest(REQUESTS),)]


def test_other_requests_than_the_recorded_ones_are_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    journal.append("t", 0, REQUESTS, REPLIES)
    with pytest.raises(JournalError, match="t made other requests when it was recorded"):
        journal.recorded("t").replies(0, [*REQUESTS[:2], Verify(PROBLEM, "answer b")])


def test_a_journal_of_a_newer_release_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    Journal(path).close()
    set_format(path, 3)
    before = path.read_bytes()
    with pytest.raises(
        FormatError, match=r"newer ASTRO \(format 3; this one reads up to 2\); upgrade"
    ):
        Journal(path)
    assert path.read_bytes() == before


LONG = [Completion("step by step\n" * 60, tuple(range(300)), (-0.25,) * 300)] * 8


def test_long_values_are_compressed_and_come_back_equal(tmp_path: Path) -> None:
    path, result = tmp_path / "journal.db", b'{"nodes": [' + b'{"text": "step"}, ' * 200
    with closing(Journal(path)) as journal:
        journal.append("t", 0, REQUESTS[:1], [LONG])
        journal.finish("t", result)
        assert journal.recorded("t").replies(0, REQUESTS[:1]) == [LONG]
        assert journal.result("t") == result
    with closing(sqlite3.connect(path)) as db:
        (payload,) = db.execute("select payload from replies").fetchone()
        (stored,) = db.execute("select result from outcomes").fetchone()
    assert len(payload) < 3_000 < len(_payload([LONG]) or b"") / 10
    assert len(stored) < len(result) / 10


def test_a_journal_from_before_compression_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(Journal(path)) as journal:
        journal._db.execute(
            "insert into replies values ('t', 0, ?, ?, null)",
            (digest(REQUESTS[:1]), _payload([LONG])),
        )
        journal.append("t", 1, REQUESTS[:1], [LONG])
        recording = journal.recorded("t")
        assert [recording.replies(i, REQUESTS[:1]) for i in (0, 1)] == [[LONG], [LONG]]


def test_a_faulty_verdict_is_found_in_a_compressed_batch(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        journal.append("t", 0, [REQUESTS[0], REQUESTS[2]], [LONG, Verdict(Status.TIMEOUT)])
        journal.forget_faults("t")
        assert len(journal.recorded("t")) == 0


def test_a_damaged_compressed_value_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(Journal(path)) as journal:
        journal.finish("t", b"x" * 5_000)
        journal._db.execute("update outcomes set result = substr(result, 1, 20), checksum = null")
        with pytest.raises(JournalError, match=r"journal\.db is corrupt \(Error -5"):
            journal.result("t")
