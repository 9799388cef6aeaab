"""Media URIs as sound names, and names of recordings as paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.stasis.errors import BadName
from pbx.stasis.media_uri import inside, sounds_of

ROOT = Path("/spool/recording")


@pytest.mark.parametrize(
    ("uri", "names"),
    [
        ("sound:hello", "hello"),
        ("sound:http://x/y", "http://x/y"),
        ("recording:mail/one", "/spool/recording/mail/one"),
        ("number:0", "digits/0"),
        ("number:19", "digits/19"),
        ("number:40", "digits/40"),
        ("number:-7", "digits/minus digits/7"),
        ("number:2105", "digits/2 digits/thousand digits/1 digits/hundred digits/5"),
        ("digits:1*#", "digits/1 digits/star digits/pound"),
        ("characters:A 1", "letters/a letters/space digits/1"),
    ],
)
def test_what_a_uri_means(uri: str, names: str) -> None:
    assert sounds_of(uri, ROOT) == names.split(" ")


@pytest.mark.parametrize(
    "uri",
    [
        "", "sound:", "hello", "tone:ring", "number:x", "number:1000000", "number:" + "9" * 300, "digits:a",
        "recording:../secret", "recording:/etc/passwd", "sound:\ud800",
    ],
)  # fmt: skip
def test_what_is_refused(uri: str) -> None:
    with pytest.raises(ValueError):
        sounds_of(uri, ROOT)


@pytest.mark.parametrize("name", ["", ".", "..", "a/../b", "/a", "a\0b", "x" * 241, "\ud800", "a/" * 600])
def test_a_name_stays_in_its_directory(name: str) -> None:
    with pytest.raises(BadName):
        inside(ROOT, name)
