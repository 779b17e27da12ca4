"""Names resolve late, and whatever is wrong with a plugin is said of that plugin alone."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from astro.errors import (
    BrokenPluginError,
    ConfigError,
    ConflictingPluginsError,
    MissingEngineError,
    PluginError,
    UnknownPluginError,
)
from astro.plugins.binding import Binding
from astro.plugins.params import Params
from astro.plugins.registry import Registry

Distribution = Callable[[str, str], None]

PLUGIN = """
from astro.plugins.hookspecs import Provider, hookimpl

@hookimpl
def astro_providers():
    return [{providers}]
"""


def plugin(*providers: str) -> str:
    return PLUGIN.format(providers=", ".join(providers))


def test_a_third_party_is_found_as_the_built_ins_are(distribution: Distribution) -> None:
    distribution(
        "guest",
        plugin("Provider('verifier', 'guest', 'g', target='guest:Guest', params='guest:Params')")
        + "from astro.plugins.params import Params as Base\n"
        + "class Params(Base):\n    strict: bool = False\n"
        + "class Guest:\n    def __init__(self, params): self.params = params\n",
    )
    registry = Registry.discover()
    entry = registry.require("verifier", "guest")
    assert (entry.distribution, entry.version) == ("guest", "1.0")
    params = registry.params("verifier", "guest", {"strict": True})
    assert isinstance(params, Params)
    assert params.model_dump() == {"strict": True}


def test_params_are_checked_with_their_path(distribution: Distribution) -> None:
    distribution(
        "guest",
        plugin("Provider('verifier', 'guest', 'g', target='guest:Guest', params='guest:Params')")
        + "from astro.plugins.params import Params as Base\n"
        + "class Params(Base):\n    strict: bool = False\n    depth: int = 1\n",
    )
    with pytest.raises(ConfigError) as caught:
        Registry.discover().params("verifier", "guest", {"stric": True, "depth": "deep"})
    assert caught.value.problems == [
        "depth: expected a valid integer, unable to parse string as an integer, got 'deep'",
        "stric: unknown key; did you mean strict?",
    ]


def test_a_broken_plugin_is_reported_and_the_rest_works(distribution: Distribution) -> None:
    distribution("guest", "import a_module_that_does_not_exist")
    registry = Registry.discover()
    (broken,) = registry.broken
    assert broken.name == "guest"
    assert "No module named 'a_module_that_does_not_exist'" in broken.reason
    assert registry.find("verifier", "exact").distribution == "astro-reasoner"
    with pytest.raises(UnknownPluginError, match="plugin guest of guest is broken: ModuleNot"):
        registry.find("verifier", "guest")


def test_a_target_that_cannot_be_imported_names_its_distribution(
    distribution: Distribution,
) -> None:
    from astro.plugins.binding import Binding

    distribution("guest", plugin("Provider('verifier', 'guest', 'g', target='guest:Absent')"))
    with pytest.raises(BrokenPluginError, match=r"of guest 1\.0 is broken: AttributeError"):
        Registry.discover().build("verifier", Binding(name="guest"))


def test_a_conflict_is_an_error_only_when_the_name_is_used(distribution: Distribution) -> None:
    for name in ("first", "second"):
        distribution(name, plugin(f"Provider('verifier', 'twin', 't', target='{name}:Twin')"))
    registry = Registry.discover()
    assert registry.find("verifier", "exact")
    with pytest.raises(ConflictingPluginsError, match=r"first 1\.0 and second 1\.0"):
        registry.find("verifier", "twin")


def test_a_missing_engine_names_the_command(distribution: Distribution) -> None:
    distribution(
        "guest",
        plugin(
            "Provider('policy', 'warp', 'w', target='guest:Warp', requires=('warp_drive',), "
            "install='pip install warp')"
        ),
    )
    with pytest.raises(MissingEngineError, match="needs warp_drive; pip install warp"):
        Registry.discover().require("policy", "warp")


def test_an_unknown_kind_breaks_its_plugin_alone(distribution: Distribution) -> None:
    distribution("guest", plugin("Provider('oracle', 'delphi', 'd', target='guest:Delphi')"))
    registry = Registry.discover()
    assert "kind 'oracle' is not one of" in registry.broken[0].reason


def test_a_close_name_is_suggested() -> None:
    with pytest.raises(UnknownPluginError, match="no verifier named 'exat'; did you mean exact"):
        Registry.discover().find("verifier", "exat")


def test_discovery_imports_no_engine() -> None:
    import subprocess

    script = (
        "import sys; from astro.plugins.registry import Registry; Registry.discover(); "
        "print([m for m in ('torch', 'transformers', 'pydantic', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def test_a_plugin_that_ends_the_program_on_import_is_only_broken(
    distribution: Distribution,
) -> None:
    distribution("quitter", "raise SystemExit('no GPU, no service')")
    (broken,) = [b for b in Registry.discover().broken if b.name == "quitter"]
    assert broken.reason == "SystemExit: no GPU, no service"


def test_a_required_submodule_of_a_missing_package_is_missing(distribution: Distribution) -> None:
    distribution(
        "deep", plugin("Provider('verifier', 'deep', 'd', target='x:X', requires=('absent.sub',))")
    )
    assert Registry.discover().find("verifier", "deep").missing == ("absent.sub",)


def test_a_constructor_that_raises_is_the_plugins_fault(distribution: Distribution) -> None:
    distribution(
        "fussy",
        plugin("Provider('verifier', 'fussy', 'f', target='fussy:Fussy')")
        + "class Fussy:\n    def __init__(self, params): raise RuntimeError('not like this')\n",
    )
    with pytest.raises(PluginError, match="cannot be built: RuntimeError: not like this"):
        Registry.discover().build("verifier", Binding(name="fussy"))


def test_a_kind_of_which_nothing_is_installed_names_a_distribution() -> None:
    with pytest.raises(UnknownPluginError) as caught:
        Registry([]).find("search", "mcts")
    assert "the distribution astro-reasoner-search has some" in caught.value.hint
