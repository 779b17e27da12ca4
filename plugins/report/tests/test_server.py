"""The server of astro view: who may see what, and that nothing is changed."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from small_runs import small_config
from starlette.testclient import TestClient

import astro
from astro.config.loading import parse_config
from astro.files import read_lines
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder, locked
from astro.types import SearchTree
from astro_report import folders, growing
from astro_report.live import LiveRun
from astro_report.reading import TraceIndex
from astro_report.server import Viewer, application

PORT = 8765
HOME = f"http://127.0.0.1:{PORT}"
HIDDEN = "secret-of-another-folder"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, an unfinished one, one with an odd name, and a file beside the folder."""
    root = tmp_path_factory.mktemp("all") / "runs"
    root.mkdir()
    registry = Registry.discover()
    config = small_config(root.parent, linearizer={"name": "backtrack"})
    astro.run(parse_config(config, registry), runs=root, registry=registry)
    growing = parse_config({**config, "name": "growing"}, registry)
    astro.run(growing, runs=root, registry=registry, stages=["search"])
    (root / "growing" / "trees.jsonl").unlink()
    with closing(sqlite3.connect(root / "growing" / "journal.db")) as db, db:
        db.execute("delete from outcomes where task = 'search/set/1'")
        db.execute("delete from replies where task = 'search/set/1' and number > 2")
    (root / "small").rename(root / "a b #1")
    (root.parent / "config.yaml").write_text(HIDDEN)
    return root


@pytest.fixture
def viewer(runs: Path) -> Viewer:
    return Viewer(runs, Registry.discover())


@pytest.fixture
def stranger(viewer: Viewer) -> Iterator[TestClient]:
    with TestClient(application(viewer, PORT), base_url=HOME, follow_redirects=False) as client:
        yield client


@pytest.fixture
def client(stranger: TestClient, viewer: Viewer) -> TestClient:
    answer = stranger.get(f"/?token={viewer.token}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    return stranger


def test_nothing_is_shown_without_the_key(stranger: TestClient, runs: Path) -> None:
    for path in ("/", "/?token=", "/?token=x", "/?token=\u00e4", "/run/growing/", "/nowhere"):
        answer = stranger.get(path)
        assert answer.status_code == 403
        assert "growing" not in answer.text
        assert str(runs) not in answer.text
    assert stranger.get("/", headers={"cookie": f"astro_view_{PORT}=x"}).status_code == 403


def test_another_host_is_refused(client: TestClient) -> None:
    for host in ("evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT}.evil", ""):
        assert client.get("/", headers={"host": host}).status_code == 400
    assert client.get("/", headers={"host": f"localhost:{PORT}"}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_nothing_can_be_written(method: str, client: TestClient) -> None:
    for path in ("/", "/run/growing/", "/run/growing/documents/run"):
        assert client.request(method, path).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/run/%2e%2e/",
        "/run/..%2f..%2fetc/",
        "/run/.%2e%2f/documents/run",
        "/run/%2fetc%2fpasswd/",
        "/run//etc/",
        "/run/growing%2f../documents/run",
        "/run/growing%00/",
        "/run/growing/../../config.yaml",
        "/run/growing/config.yaml",
        "/run/growing/documents/..%2fconfig.yaml",
        "/run/growing/documents/responses/..%2f..%2f..%2fconfig",
        "/run/growing/documents/trees/-1",
        "/run/growing/documents/trees/99",
        "/run/growing/documents/trees/\u0663",
        "/run/growing/documents/",
        "/run/nothing/",
        "/static/../server.py",
    ],
)
def test_no_path_leads_out_of_the_list_of_runs(path: str, client: TestClient) -> None:
    answer = client.request("GET", path.replace("..", "%2E%2E"))
    assert answer.status_code == 404, answer.text
    assert HIDDEN not in answer.text
    assert client.get(path).status_code == 404


def test_every_answer_is_closed_to_other_sites(client: TestClient) -> None:
    for path in ("/", "/run/growing/", "/run/growing/documents/run", "/nowhere"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


def contents(root: Path) -> dict[Path, tuple[bytes, int]]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_showing_everything_changes_no_file(client: TestClient, runs: Path) -> None:
    before = contents(runs)
    assert client.get("/").status_code == 200
    for run in (quote("a b #1"), "growing"):
        assert client.get(f"/run/{run}/").status_code == 200
        for name in documents(client, run):
            assert client.get(f"/run/{run}/documents/{name}").status_code == 200
    assert client.get("/compare?run=growing&run=a+b+%231").status_code == 200
    assert contents(runs) == before


def get(client: TestClient, run: str, name: str) -> Any:
    answer = client.get(f"/run/{run}/documents/{name}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def documents(client: TestClient, run: str) -> list[str]:
    """The names of all documents of a run."""
    head = get(client, run, "run")
    lists = [f"responses/{quote(model['name'], safe='')}" for model in head["models"]]
    lists += ["trees"] if head["search"] else []
    chunks = [f"{name}/{n}" for name in lists for n in {*get(client, run, name)["chunk"]}]
    return ["run", "training", *lists, *chunks]


def test_a_finished_run_is_shown_as_its_report_shows_it(client: TestClient, runs: Path) -> None:
    run = quote("a b #1")
    folder = RunFolder(runs / "a b #1")
    trees = get(client, run, "trees")
    rows = list(read_lines(folder.trees, SearchTree))
    assert trees["id"] == [tree.problem.id for tree in rows]
    assert trees["size"] == [len(tree.nodes) for tree in rows]
    (first, *_) = get(client, run, "trees/0")
    assert first["text"] == [node.step.text for node in rows[0].nodes]
    assert len(first["traces"]) == trees["traces"][0] > 0
    responses = get(client, run, "responses/base")
    assert responses["id"] == ["set/0", "set/1", "set/2"]
    assert get(client, run, "responses/base/0")[0]["prompt"] == "what is 0?"
    live = get(client, run, "live?document=trees&document=nothing")
    tag = client.get(f"/run/{run}/documents/trees").headers["etag"]
    assert live["versions"]["trees"] == tag
    assert live["state"] == "finished"
    assert live["versions"]["nothing"] is None
    page = client.get(f"/run/{run}/").text
    assert "data-live" in page
    assert "pass@1" in page


def test_a_search_under_way_is_shown_from_its_journal(client: TestClient) -> None:
    trees = get(client, "growing", "trees")
    assert sorted(trees["id"]) == ["set/0", "set/1", "set/2"]
    number = trees["id"].index("set/1")
    assert trees["ended"][number] == "under way"
    assert set(trees["ended"]) - {"under way"} <= {"finished", "exhausted"}
    (tree,) = get(client, "growing", f"trees/{number}")
    assert (tree["id"], tree["finished"], len(tree["parent"])) == (
        "set/1",
        False,
        trees["size"][number],
    )
    assert get(client, "growing", "run")["search"]
    live = get(client, "growing", "live")
    assert (live["state"], live["stage"]) == ("stopped", "search")
    assert "has stopped in the stage search" in live["note"]


def test_a_run_whose_journal_was_deleted_is_shown_from_its_files(runs: Path) -> None:
    live = LiveRun(RunFolder(runs / "growing"), Registry.discover())
    live.update()
    assert live.search
    journal = live.folder.journal.rename(runs.parent / "journal.db")
    live.update()
    assert live.version("trees") is None
    assert not live.run_document().search
    journal.rename(live.folder.journal)


def test_a_document_that_has_not_changed_is_not_sent_again(client: TestClient) -> None:
    for name in ("run", "trees", "trees/0", "live"):
        path = f"/run/growing/documents/{name}"
        tag = client.get(path).headers["etag"]
        answer = client.get(path, headers={"if-none-match": tag})
        assert (answer.status_code, answer.content) == (304, b"")


def test_the_list_escapes_names_and_says_what_each_run_is(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing, "_SECONDS", 60.0)  # the machine may be busy
    page = client.get("/").text
    assert "a b #1" in page
    assert 'href="/run/a%20b%20%231/"' in page
    assert "stopped: search" in page
    assert page.count(" of 3 trees") == 2
    assert "finished" in page


def test_two_runs_side_by_side(client: TestClient) -> None:
    page = client.get("/compare", params={"run": ["a b #1", "growing"]}).text
    assert "<bdi>pass@1</bdi>" in page
    assert re.findall(r'<bdi>name</bdi></th><td class="number">&#34;(\w+)&#34;', page) == ["small"]
    assert "<bdi>problems.name</bdi>" not in page
    assert client.get("/compare", params={"run": ["growing", "growing"]}).status_code == 404


def test_rounds_are_a_group_whose_runs_have_pages(client: TestClient, runs: Path) -> None:
    shutil.copytree(runs / "growing", runs / "rounds" / "round-1")
    estimate = {"value": 50.0, "low": 40.0, "high": 60.0}
    first = {"number": 1, "model": "m", "pass_at_1": {"dev": estimate}}
    results = json.dumps({"rounds": [first], "best": 1, "stalled": False})
    (runs / "rounds" / "results.json").write_text(results)
    page = client.get("/").text
    assert page.index('href="/run/rounds/"') < page.index('href="/run/rounds%2Fround-1/"')
    assert 'href="/run/rounds%2Fround-1/"' in client.get("/run/rounds/").text
    assert get(client, "rounds%2Fround-1", "run")["live"]
    assert client.get("/run/rounds%2Fround-1/").status_code == 200
    assert client.get("/run/rounds/round-1/").status_code == 404
    shutil.rmtree(runs / "rounds")


def test_a_run_at_work_is_known_by_its_lock(runs: Path) -> None:
    folder = RunFolder(runs / "growing")
    assert folders.state_of(folder, Registry.discover()).state == "stopped"
    with locked(folder.root):
        assert folders.state_of(folder, Registry.discover()).state == "running"
    assert folders.state_of(folder, Registry.discover()).state == "stopped"


def test_a_run_of_a_release_without_a_page_is_finished(runs: Path) -> None:
    folder = RunFolder(runs / "a b #1")
    folder.page.unlink()
    assert folders.state_of(folder, Registry.discover()).state == "finished"
    folder.report.unlink()
    found = folders.state_of(folder, Registry.discover())
    assert (found.state, found.stage) == ("stopped", "report")


def test_a_list_of_trees_leaves_the_machine_to_the_run(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that takes long to read is not read again at once, whatever is recorded meanwhile."""
    monkeypatch.setattr(growing, "_SECONDS", -1.0)
    clock = iter(range(0, 100_000, 10))
    monkeypatch.setattr("astro_report.growing.time.monotonic", lambda: float(next(clock)))
    live = LiveRun(RunFolder(runs / "growing"), Registry.discover())
    live.update()
    assert live.search
    sizes = [len(live.search.listed(TraceIndex(live.folder)).id) for _ in range(4)]
    assert sizes == [1, 2, 3, 3]
    before = live.search.version()
    assert [live.search.version() for _ in range(3)] == [before] * 3
    next(itertools.islice(clock, 20, None))
    assert live.search.version() != before


def test_a_damaged_run_is_one_line_and_spoils_no_list(client: TestClient, runs: Path) -> None:
    broken = runs / "zz <b>broken"
    broken.mkdir()
    (broken / "config.yaml").write_text("{")
    (broken / "eval").mkdir()
    (broken / "eval" / "scores.json").write_text("[1]")
    page = client.get("/").text
    assert "zz &lt;b&gt;broken" in page
    assert "scores.json" in page
    answer = client.get(f"/run/{quote(broken.name)}/")
    assert (answer.status_code, answer.text.count("\n")) == (503, 0)
    assert "config.yaml" in answer.text
