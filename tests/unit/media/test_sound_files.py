"""Asterisk's sound names."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.media.sound_files import SoundFinder, language_chain


@pytest.fixture
def roots(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "site", tmp_path / "packaged"


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_language_chain() -> None:
    assert list(language_chain("en_GB_male")) == ["en_GB_male", "en_GB", "en"]
    assert list(language_chain("")) == []


def test_language_then_its_fallback_then_none_then_the_default(roots: tuple[Path, Path]) -> None:
    finder = SoundFinder(roots)
    site, packaged = roots
    default = put(packaged / "en" / "hello.wav")
    assert finder.find("hello", "fr_CA") == default
    bare = put(site / "hello.ulaw")
    assert finder.find("hello", "fr_CA") == bare
    french = put(packaged / "fr" / "hello.wav")
    assert finder.find("hello", "fr_CA") == french
    canadian = put(packaged / "fr_CA" / "hello.wav")
    assert finder.find("hello", "fr_CA") == canadian


def test_the_first_root_wins(roots: tuple[Path, Path]) -> None:
    put(roots[1] / "en" / "beep.wav")
    own = put(roots[0] / "en" / "beep.alaw")
    assert SoundFinder(roots).find("beep", "en") == own


def test_names_in_folders_old_and_new(roots: tuple[Path, Path]) -> None:
    finder = SoundFinder(roots)
    old = put(roots[0] / "digits" / "en" / "1.wav")
    assert finder.find("digits/1", "en") == old
    new = put(roots[0] / "en" / "digits" / "1.wav")
    assert finder.find("digits/1", "en") == new


def test_absolute_names_with_and_without_extension(tmp_path: Path) -> None:
    file = put(tmp_path / "message.v2.wav")
    finder = SoundFinder(())
    assert finder.find(str(tmp_path / "message.v2"), "en") == file
    assert finder.find(str(file), "en") == file
    assert finder.find(str(tmp_path / "message"), "en") is None


@pytest.mark.parametrize("name", ["", "../secret", "a/../../secret", "a\0b", "x" * 5000, "..", "."])
def test_names_that_find_nothing(tmp_path: Path, name: str) -> None:
    put(tmp_path / "secret.wav")
    put(tmp_path / "sounds" / "en" / "hello.wav")
    assert SoundFinder([tmp_path / "sounds"]).find(name, "en") is None


@pytest.mark.parametrize("language", ["..", ".", "../..", "/etc"])
def test_a_language_does_not_lead_out(tmp_path: Path, language: str) -> None:
    put(tmp_path / "hello.wav")
    assert SoundFinder([tmp_path / "sounds"]).find("hello", language) is None
