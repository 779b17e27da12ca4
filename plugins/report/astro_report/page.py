"""The page: results as plain HTML, and the documents from which its scripts draw the rest."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files

import jinja2
from markupsafe import Markup

from astro.runs.tables import Table
from astro.text import one_line, plain
from astro_report.chunks import Embedded
from astro_report.documents import RunDocument


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a page beside this one."""

    address: str
    title: str


@dataclass(frozen=True, slots=True)
class Content:
    """What the page shows of a run or of a study.

    Attributes:
        run: The document from which the page's scripts start.
        results: The tables of the results.
        warnings: Lines above the results.
        search: The tables of the search; none if there was no search.
        links: The reports of the runs of a study.
        config: The config as text.
    """

    run: RunDocument
    results: Sequence[Table] = ()
    warnings: Sequence[str] = ()
    search: Sequence[Table] = ()
    links: Sequence[Link] = ()
    config: str = ""

    @property
    def sections(self) -> list[str]:
        """The ids of the sections that the page has."""
        present = {
            "results": True,
            "search": bool(self.search),
            "trees": self.run.search,
            "responses": bool(self.run.models),
            "training": self.run.training,
            "config": bool(self.config),
        }
        return [name for name, is_there in present.items() if is_there]


@dataclass(frozen=True, slots=True)
class Bundle:
    """The committed script and style of the page, of which nothing may be changed."""

    script: str = ""
    style: str = ""

    @classmethod
    def load(cls) -> Bundle:
        """The bundle of this package."""
        return cls(_static("app.js"), _static("app.css"))

    def policy(self, *, live: bool, chunked: bool, form: bool = False) -> str:
        """The content security policy of a page with this bundle."""
        own = " 'self'" if live or chunked else ""
        rules = {
            "default-src": "'none'",
            "script-src": f"{_hash(self.script)}{own}",
            "style-src": _hash(self.style),
            "font-src": "data:",
            "img-src": "data:",
            **({"connect-src": "'self'"} if live else {}),
            "base-uri": "'none'",
            "form-action": "'self'" if form else "'none'",
        }
        return "; ".join(f"{name} {value}" for name, value in rules.items())


def _static(name: str) -> str:
    path = files("astro_report") / "static" / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _hash(content: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def render(
    content: Content,
    documents: Iterable[Embedded] = (),
    *,
    chunks: str = "",
    live: bool = False,
    home: str = "",
    bundle: Bundle | None = None,
) -> str:
    """The page as HTML.

    `chunks` is the address of the folder of chunks beside it, and `home` that of the list of all
    runs, if there is one.
    """
    bundle = bundle or Bundle.load()
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            content=content,
            name=content.run.name,
            chunks=chunks,
            live=live,
            home=home,
            policy=bundle.policy(live=live, chunked=bool(chunks)),
            style=Markup(bundle.style),
            script=Markup(bundle.script),
            documents=[(found, Markup(found.content)) for found in documents],
        )
    )


def environment() -> jinja2.Environment:
    """The templates of this package, which escape all that they are given."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("astro_report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["line"] = one_line
    made.filters["plain"] = plain
    return made
