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
LIBRARIES = sorted(p.parent for p in ROOT.glob("libs/*/astro_*/__init__.py"))
ENGINES = {"torch", "vllm", "transformers", "sympy", "openrlhf", "ray", "trl", "numpy"}
CLI = [path for path in CORE if path.parent.name == "cli"]
DRAWING = [path for path in CLI if path.name != "__init__.py"]
MAX_LINES = 400
MAX_CLI_LINES = 1495
ROOMS = [
    {"types", "errors", "seeds", "text", "metrics", "interruption"},
    {"formats", "events", "leaving"},
    {"files", "requests"},
    {"plugins"},
    {"interfaces"},
    {"engine"},
    {"verification"},
    {"config"},
    {"data"},
    {"runs"},
    {"experiments"},
    {"planning"},
    {"judging", "rehearsal"},
    {"cli"},
]
"""The rooms of the core, from the ground up. A room knows itself and those on floors below."""
OUTSIDERS = {"builtin", "testing"}
"""Rooms of the core that are plugins, or kits for them."""


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


def room(path: Path) -> str:
    """The room that a file of the core is in, by the name of its folder or its own."""
    return path.relative_to(ROOT / "astro").with_suffix("").parts[0]


def floor(name: str) -> int:
    return next(number for number, rooms in enumerate(ROOMS) if name in rooms)


def module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("name", ["types", "metrics", "seeds"])
def test_the_ground_floor_knows_the_standard_library_only(name: str) -> None:
    assert roots(imports(ROOT / f"astro/{name}.py")) <= sys.stdlib_module_names | {"__future__"}


@pytest.mark.parametrize(
    "path",
    [path for path in CORE if path.parent != ROOT / "astro" or path.name[0] != "_"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_a_room_knows_only_the_floors_below(path: Path) -> None:
    own, known = room(path), siblings(imports(path))
    if own in OUTSIDERS:
        assert "cli" not in known
        return
    above = {name for name in known - {own} if name in OUTSIDERS or floor(name) >= floor(own)}
    assert not above


def test_no_module_of_the_core_imports_itself_by_way_of_others() -> None:
    known = {module(path): imports(path) for path in CORE}
    graph = {name: {m for m in found if m in known and m != name} for name, found in known.items()}
    while leaves := {name for name, found in graph.items() if not found}:
        graph = {name: found - leaves for name, found in graph.items() if name not in leaves}
    assert not graph


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


@pytest.mark.parametrize("path", DRAWING, ids=lambda path: path.name)
def test_every_file_of_the_command_line_draws(path: Path) -> None:
    """What needs neither click nor rich is domain code, and has a room of its own."""
    assert roots(imports(path)) & {"click", "rich"}


def test_the_command_line_is_short() -> None:
    assert sum(map(code_lines, CLI)) <= MAX_CLI_LINES


@pytest.mark.parametrize("package", PLUGINS, ids=lambda package: package.name)
def test_a_plugin_imports_no_other_plugin(package: Path) -> None:
    others = {other.name for other in PLUGINS} - {package.name}
    for path in package.rglob("*.py"):
        assert not roots(imports(path)) & others, path


@pytest.mark.parametrize("package", LIBRARIES, ids=lambda package: package.name)
def test_a_library_imports_no_plugin_and_provides_none(package: Path) -> None:
    others = {other.name for other in [*PLUGINS, *LIBRARIES]} - {package.name}
    for path in package.rglob("*.py"):
        assert not roots(imports(path)) & others, path
    assert "entry-points" not in (package.parent / "pyproject.toml").read_text()


@pytest.mark.parametrize("module", ["params", "errors", "metric_log", "token_ids"])
def test_what_plugins_without_an_engine_need_imports_none(module: str) -> None:
    path = ROOT / f"libs/hf/astro_hf/{module}.py"
    assert not roots(imports(path)) & ENGINES


@pytest.mark.parametrize(
    "path", [p / "__init__.py" for p in PLUGINS], ids=lambda path: path.parent.name
)
def test_an_entry_point_module_imports_only_the_hook(path: Path) -> None:
    modules = {m for m in imports(path, at_runtime=True) if roots({m}) - sys.stdlib_module_names}
    assert {m for m in modules if not m.startswith("astro.events")} <= {
        "astro.plugins.hookspecs",
        "astro.plugins.hookspecs.Command",
        "astro.plugins.hookspecs.Provider",
        "astro.plugins.hookspecs.hookimpl",
    }


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_of_the_core_is_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES
