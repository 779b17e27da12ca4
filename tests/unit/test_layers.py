"""Who may know whom, held by reading every import in the sources."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = sorted((ROOT / "astro").rglob("*.py"))
PLUGINS = sorted(p.parent for p in ROOT.glob("plugins/*/astro_*/__init__.py"))
ENGINES = {"torch", "vllm", "transformers", "sympy", "openrlhf", "ray", "trl", "numpy"}
MAX_LINES = 400
MAX_ENGINE_ROOM_LINES = 3000


def imports(path: Path, at_runtime: bool = False) -> set[str]:
    """Dotted names of all that a file imports; `at_runtime` leaves out what type checking needs."""
    return set(_imported(ast.parse(path.read_text()), at_runtime))


def _imported(node: ast.AST, at_runtime: bool) -> Iterator[str]:
    if at_runtime and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute here"
        yield node.module or ""
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    for child in ast.iter_child_nodes(node):
        yield from _imported(child, at_runtime)


def roots(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def siblings(modules: set[str]) -> set[str]:
    """The modules right under `astro` that are among `modules`."""
    return {module.split(".")[1] for module in modules if module.startswith("astro.")}


def code_lines(path: Path) -> int:
    """Lines that hold code: no blank line, comment or docstring."""
    source = path.read_text()
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in skipped and token.type != tokenize.ENDMARKER:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - set(_docstring_lines(ast.parse(source))))


def _docstring_lines(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


def test_the_walk_sees_nested_and_type_only_imports(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_text(
        "import a.b\nif TYPE_CHECKING:\n    from c import d\ndef f():\n    from e import g\n"
    )
    assert roots(imports(path)) == {"a", "c", "e"}
    assert roots(imports(path, at_runtime=True)) == {"a", "e"}


def test_code_lines_leave_out_comments_and_docstrings(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_text('"""Doc\nstring."""\n\n# note\nx = 1  # why\n"""Of x."""\ny = [\n    2,\n]\n')
    assert code_lines(path) == 4


def test_types_know_the_standard_library_only() -> None:
    assert roots(imports(ROOT / "astro/types.py")) <= sys.stdlib_module_names | {"__future__"}


@pytest.mark.parametrize(
    ("module", "known"),
    [
        ("requests", {"types"}),
        ("interfaces", {"types", "requests"}),
        ("errors", set()),
        ("events", set()),
        ("hookspecs", set()),
    ],
)
def test_the_foundations_know_only_one_another(module: str, known: set[str]) -> None:
    assert siblings(imports(ROOT / f"astro/{module}.py", at_runtime=True)) <= known


@pytest.mark.parametrize("module", ["engine", "journal"])
def test_the_loop_knows_nothing_of_runs(module: str) -> None:
    above = {"folder", "pipeline", "cli", "builtin"}
    assert not siblings(imports(ROOT / f"astro/{module}.py", at_runtime=True)) & above


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_imports_no_engine_and_no_plugin(path: Path) -> None:
    known = roots(imports(path))
    assert not known & ENGINES
    assert not {name for name in known if name.startswith("astro_")}


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_cli_draws(path: Path) -> None:
    if "cli" not in path.relative_to(ROOT).parts and path.name != "__main__.py":
        assert not roots(imports(path)) & {"click", "rich"}
        assert "cli" not in siblings(imports(path))
        calls = (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call))
        assert "print" not in {ast.unparse(call.func) for call in calls}


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
@pytest.mark.parametrize("room", ["builtin", "testing"])
def test_nothing_depends_on_what_is_built_in_or_on_the_kits(path: Path, room: str) -> None:
    if room not in path.relative_to(ROOT).parts:
        assert room not in siblings(imports(path))


@pytest.mark.parametrize("package", PLUGINS, ids=lambda package: package.name)
def test_a_plugin_imports_no_other_plugin(package: Path) -> None:
    others = {other.name for other in PLUGINS} - {package.name}
    for path in package.rglob("*.py"):
        assert not roots(imports(path)) & others, path


@pytest.mark.parametrize(
    "path", [p / "__init__.py" for p in PLUGINS], ids=lambda path: path.parent.name
)
def test_an_entry_point_module_imports_only_the_hook(path: Path) -> None:
    modules = {m for m in imports(path, at_runtime=True) if roots({m}) - sys.stdlib_module_names}
    assert modules <= {
        "astro.hookspecs",
        "astro.hookspecs.Provider",
        "astro.hookspecs.hookimpl",
    }


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_of_the_core_is_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES


def test_the_engine_room_stays_small() -> None:
    others = {"builtin", "cli", "testing"}
    rooms = [path for path in CORE if not others & set(path.relative_to(ROOT).parts)]
    assert sum(map(code_lines, rooms)) <= MAX_ENGINE_ROOM_LINES
