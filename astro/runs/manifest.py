"""The manifest of a run: the size and the digest of each finished file, so that damage is noticed.

It also holds a digest of each problem set, so that a set that was edited later is noticed, and the
time at which the run began, which chat templates may write into prompts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from zlib import crc32

from astro.errors import RunError
from astro.files import encode, read_json, write_json

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Seal:
    """The size of a file in bytes, and the BLAKE2b digest of its content."""

    size: int
    digest: str


@dataclass(slots=True)
class _Content:
    files: dict[str, Seal] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    check: int = 0
    time: str = ""

    def checksum(self) -> int:
        """The checksum of the manifest's own content."""
        return crc32(encode((self.files, self.problems)) + self.time.encode())


class Manifest:
    """The manifest in the folder `root`. Only the holder of the folder's lock changes it.

    Attributes:
        path: The path of the manifest.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.path = root / "manifest.json"
        self._loaded: _Content | None = None

    def check(self) -> None:
        """Check that the manifest can be read and is undamaged, if there is one.

        Raises:
            FormatError: A newer release wrote it.
            RunError: It is damaged.
        """
        self._loaded = None
        self._content()

    def sealed(self, path: Path) -> bool:
        """Return whether the manifest lists a file."""
        return self._key(path) in self._content().files

    def record(self, paths: Iterable[Path]) -> None:
        """List files as they are now."""
        files = self._content().files
        found = {self._key(path): seal(path) for path in paths}
        if any(files.get(key) != new for key, new in found.items()):
            files.update(found)
            self._write()

    def forget(self, path: Path) -> None:
        """Remove a file from the list, before it is replaced."""
        if self._content().files.pop(self._key(path), None):
            self._write()

    def is_damaged(self, path: Path) -> bool:
        """Return whether a file is listed and is not as it was when it was finished."""
        expected = self._content().files.get(self._key(path))
        if expected is None:
            return False
        if not path.is_file() or path.stat().st_size != expected.size:
            return True
        return seal(path) != expected

    def damaged(self) -> list[Path]:
        """Return the listed files that are gone or damaged, for which all of them are read."""
        paths = (self._root / key for key in self._content().files)
        return [path for path in paths if self.is_damaged(path)]

    def problems(self, name: str) -> str | None:
        """Return the digest of a problem set, if it is known."""
        return self._content().problems.get(name)

    def record_problems(self, name: str, digest: str) -> None:
        """Record the digest of a problem set."""
        self._content().problems[name] = digest
        self._write()

    def time(self, *, record: bool) -> str:
        """Return the time of the run in ISO 8601: the one on record, or else the present one.

        With `record`, the present time is put on record.
        """
        content = self._content()
        found = content.time or datetime.now().isoformat(timespec="seconds")
        if record and not content.time:
            content.time = found
            self._write()
        return found

    def _key(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()

    def _content(self) -> _Content:
        if self._loaded is None:
            self._loaded = self._read() if self.path.exists() else _Content()
        return self._loaded

    def _read(self) -> _Content:
        content = read_json(self.path, _Content)
        if content.check != content.checksum():
            raise RunError(f"{self.path} is damaged")
        return content

    def _write(self) -> None:
        content = self._content()
        content.check = content.checksum()
        write_json(self.path, content)


def seal(path: Path) -> Seal:
    """Return the size and the digest of a file."""
    digest, size = blake2b(digest_size=16), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return Seal(size, digest.hexdigest())
