"""docs/pjsip.md names every option, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pbx.config.options import ConfigObject, schema_of
from pbx.pjsip import objects
from pbx.pjsip.without_effect import without_effect

TEXT = (Path(__file__).parents[3] / "docs" / "pjsip.md").read_text(encoding="utf-8")
KINDS: list[type[ConfigObject]] = [
    getattr(objects, name) for name in objects.__all__ if name != "Contact"
]  # contacts are not written by hand


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type_name)
def test_options_without_effect_are_told_apart(kind: type[ConfigObject]) -> None:
    part = TEXT.split(f"### type = {kind.type_name}\n")[1].split("###")[0]
    kept = part.partition("Kept, without effect so far:")[2].split("\n\n", 1)[0]
    assert set(re.findall(r"`([^`]+)`", kept)) == without_effect(kind)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type_name)
def test_every_option_is_listed_once(kind: type[ConfigObject]) -> None:
    part = TEXT.split(f"### type = {kind.type_name}\n")[1].split("###")[0]
    assert sorted(re.findall(r"`([^`]+)`", part)) == sorted(
        word for option in schema_of(kind) if not option.hidden for word in option.words
    )
