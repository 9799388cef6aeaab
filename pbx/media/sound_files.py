"""Where sounds are: Asterisk's names (no extension), languages and directories."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

#: Extensions in the order they are tried: the best quality first.
EXTENSIONS = (
    "sln192", "sln96", "sln48", "sln44", "sln32", "sln24", "wav16", "sln16", "sln12", "wav", "sln", "slin", "sln8",
    "raw", "ulaw", "ul", "mu", "ulw", "pcm", "alaw", "al", "alw", "g722", "gsm", "WAV", "wav49", "ilbc",
)  # fmt: skip
#: Longest name looked for.
MAX_NAME = 1024


def language_chain(language: str) -> Iterator[str]:
    """``en_GB`` gives ``en_GB``, then ``en``; as file.c does with each ``_``."""
    while language:
        yield language
        head, separator, _ = language.rpartition("_")
        if not separator:
            return
        language = head


class SoundFinder:
    """Looks a name up in several sound directories, each laid out as Asterisk's: ``<root>/<language>/<name>.<ext>``."""

    def __init__(self, roots: Iterable[Path], default_language: str = "en") -> None:
        self._roots = tuple(roots)
        self._default_language = default_language

    def find(self, name: str, language: str) -> Path | None:
        """The file of a sound name, or None.

        An absolute name is taken as it is. A relative one is tried in every root: for the channel's language and its
        fallbacks (``en_GB`` then ``en``), without a language, and for the default language; as
        ``<language>/digits/1`` and as the older ``digits/<language>/1``. A name that climbs out of the roots with
        ``..`` finds nothing. An extension that is part of the name is accepted when that very file exists.
        """
        if not name or len(name) > MAX_NAME or "\0" in name:
            return None
        if name.startswith("/"):
            return self._with_extension(Path(name))
        parts = PurePosixPath(name).parts
        if ".." in parts or not parts:
            return None
        for relative in self._candidates(parts, language):
            for root in self._roots:
                found = self._with_extension(root / relative)
                if found is not None:
                    return found
        return None

    def _candidates(self, parts: tuple[str, ...], language: str) -> Iterator[Path]:
        tried: set[Path] = set()
        for one in (*language_chain(language), "", *language_chain(self._default_language)):
            if "/" in one or one in {".", ".."}:
                continue
            for path in (Path(one, *parts), Path(*parts[:-1], one, parts[-1])):
                if path not in tried:
                    tried.add(path)
                    yield path

    @staticmethod
    def _with_extension(path: Path) -> Path | None:
        try:
            for extension in EXTENSIONS:
                candidate = path.with_name(f"{path.name}.{extension}")
                if candidate.is_file():
                    return candidate
            if path.suffix[1:] in EXTENSIONS and path.is_file():
                return path
        except OSError:
            return None
        return None
