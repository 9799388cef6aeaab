"""Media URIs of ARI: ``sound:``, ``recording:``, ``number:``, ``digits:`` and ``characters:`` as sound names."""

from __future__ import annotations

from pathlib import Path

from pbx.stasis.errors import BadName

#: Characters one URI may have spoken.
MAX_SPOKEN = 256
#: Length of a recording's name, and bytes of each part of it, its extension not counted.
MAX_NAME = 1024
MAX_PART_BYTES = 240
#: The prompts speak numbers up to this.
MAX_NUMBER = 999_999

_SIGNS = {"*": "digits/star", "#": "digits/pound"}
_LETTERS = {
    " ": "letters/space",
    "!": "letters/exclaimation-point",
    "@": "letters/at",
    "$": "letters/dollar",
    "/": "letters/slash",
    "-": "letters/dash",
    "+": "letters/plus",
    "=": "letters/equals",
    ".": "letters/dot",
}


def number_sounds(number: int) -> list[str]:
    """The prompts of a whole number, in English order (ast_say_number_full_en). Raises ValueError out of range."""
    if abs(number) > MAX_NUMBER:
        raise ValueError(f"{number} is beyond what the prompts can say")
    if number < 0:
        return ["digits/minus", *number_sounds(-number)]
    if number <= 20:
        return [f"digits/{number}"]
    if number < 100:
        tens, rest = divmod(number, 10)
        return [f"digits/{tens * 10}", *([f"digits/{rest}"] if rest else [])]
    unit, word = (100, "digits/hundred") if number < 1000 else (1000, "digits/thousand")
    count, rest = divmod(number, unit)
    return [*number_sounds(count), word, *(number_sounds(rest) if rest else [])]


def digit_sounds(text: str) -> list[str]:
    """One prompt for each digit. Raises ValueError for anything else."""
    found = [f"digits/{each}" if each.isdecimal() and each.isascii() else _SIGNS.get(each, "") for each in text]
    if not all(found):
        raise ValueError(f"'{text}' is not made of digits")
    return found


def character_sounds(text: str) -> list[str]:
    """One prompt for each letter, digit or sign; others are left out, as Asterisk does."""
    found: list[str] = []
    for each in text.lower():
        if each.isascii() and each.isdecimal():
            found.append(f"digits/{each}")
        elif each.isascii() and each.isalpha():
            found.append(f"letters/{each}")
        else:
            name = _SIGNS.get(each) or _LETTERS.get(each)
            if name:
                found.append(name)
    return found


def sounds_of(uri: str, recordings: Path) -> list[str]:
    """The sound names behind a media URI, in order.

    Raises ValueError for a scheme that is not played and for text that cannot be spoken.
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or not rest:
        raise ValueError(f"'{uri}' is not a media URI")
    rest.encode()  # what is no text has no file either
    if len(rest) > MAX_SPOKEN and scheme != "sound":
        raise ValueError(f"'{uri[:40]}...' is too long")
    if scheme == "sound":
        return [rest]
    if scheme == "recording":
        return [str(inside(recordings, rest))]
    if scheme == "number":
        return number_sounds(int(rest))
    if scheme == "digits":
        return digit_sounds(rest)
    if scheme == "characters":
        return character_sounds(rest)
    raise ValueError(f"'{scheme}:' media is not played")


def inside(root: Path, name: str) -> Path:
    """``root/name``; raises BadName when that would be outside of ``root``."""
    parts = Path(name).parts
    try:
        too_long = any(len(part.encode()) > MAX_PART_BYTES for part in parts)
    except UnicodeEncodeError:
        too_long = True
    if not parts or name.startswith("/") or ".." in parts or "\0" in name or len(name) > MAX_NAME or too_long:
        raise BadName(f"'{name}' is not a name below {root.name}")
    return root.joinpath(*parts)
