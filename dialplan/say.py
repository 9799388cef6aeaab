"""Numbers, letters and dates as names of prompts, in English (Asterisk: main/say.c). Pure.

Other languages use the same names where their prompts are installed.
"""

from __future__ import annotations

import re

#: Numbers beyond this are said digit by digit.
MAX_NUMBER = 999_999_999_999

_CHARACTERS = {
    "!": "letters/exclaimation-point",
    "@": "letters/at",
    "#": "digits/pound",
    "$": "letters/dollar",
    "*": "digits/star",
    "+": "letters/plus",
    "-": "letters/dash",
    ".": "letters/dot",
    "/": "letters/slash",
    "=": "letters/equals",
    " ": "letters/space",
}
_SCALES = ((1_000_000_000, "digits/billion"), (1_000_000, "digits/million"), (1000, "digits/thousand"))


def number_names(value: int) -> list[str]:
    """A whole number: ``digits/1``, ``digits/hundred``, ..."""
    if value < 0:
        return ["digits/minus", *number_names(-value)]
    if value > MAX_NUMBER:
        return digits_names(str(value))
    names: list[str] = []
    for size, name in _SCALES:
        if value >= size:
            names += [*number_names(value // size), name]
            value %= size
            if not value:
                return names
    if value >= 100:
        names += [f"digits/{value // 100}", "digits/hundred"]
        value %= 100
        if not value:
            return names
    if value > 20 and value % 10:
        return [*names, f"digits/{value // 10 * 10}", f"digits/{value % 10}"]
    return [*names, f"digits/{value}"]


def ordinal_names(value: int) -> list[str]:
    """``digits/h-1``, or ``digits/20`` and ``digits/h-1``: the last word is the ordinal."""
    if value < 0:
        return ["digits/minus", *ordinal_names(-value)]
    names = number_names(value)
    return [*names[:-1], f"digits/h-{names[-1].removeprefix('digits/')}"]


def digits_names(text: str) -> list[str]:
    """Digits one by one; ``#`` is pound, ``*`` star, ``-`` minus, others are left out."""
    found = []
    for character in text:
        if character.isdecimal() and character.isascii():
            found.append(f"digits/{character}")
        elif character in "#*-":
            found.append({"#": "digits/pound", "*": "digits/star", "-": "digits/minus"}[character])
    return found


def character_names(text: str, case: str = "n") -> list[str]:
    """Each character; ``case`` says for which the case is said: (n)one, (l)ower, (u)pper, (a)ll."""
    found = []
    for character in text:
        if character.isdecimal() and character.isascii():
            found.append(f"digits/{character}")
        elif character in _CHARACTERS:
            found.append(_CHARACTERS[character])
        elif character.isalpha() and character.isascii():
            if (character.isupper() and case in "ua") or (character.islower() and case in "la"):
                found.append("uppercase" if character.isupper() else "lowercase")
            found.append(f"letters/{character.lower()}")
        else:
            found.append(f"letters/ascii{ord(character)}")
    return found


def phonetic_names(text: str) -> list[str]:
    """Each character by its word: alpha, bravo, niner. Other digits and signs as `character_names` says them."""
    return [
        f"phonetic/{character.lower()}_p" if character == "9" or (character.isascii() and character.isalpha()) else name
        for character, name in zip(text, character_names(text), strict=True)
    ]


#: ``12.34`` as sscanf reads it with "%d.%02u" and ".%02u": cents are one or two digits, and as many as they say.
_AMOUNT = re.compile(r"\s*([+-]?[0-9]+)(?:\.([0-9]{1,2}))?|\.([0-9]{1,2})", re.ASCII)


def money_names(text: str) -> list[str]:
    """An amount in dollars and cents, as in ``12.34``; 0 cents for what is none, and the cents alone of a debt."""
    found = _AMOUNT.match(text)
    dollars = int(found[1] or 0) if found else 0
    cents = int(found[2] or found[3] or 0) if found else 0
    amount = dollars * 100 + cents
    if not amount:
        return ["digits/0", "cents"]
    names: list[str] = []
    if amount >= 100:
        one = "letters/dollar_" if cents else "letters/dollar"
        names += [*number_names(amount // 100), one if amount < 200 else "dollars", *(("and",) if cents else ())]
    if cents:
        names += [*number_names(cents), "cent" if cents == 1 else "cents"]
    return names
