"""Actions that read and change configuration files, as a client sees them."""

from __future__ import annotations

from typing import Any

import pytest

from pbx.testing.dialplan import DialplanHarness
from tests.unit.ami.conftest import AmiPair


def test_configuration_files(admin: AmiPair, harness: DialplanHarness) -> None:
    harness.write("queues.conf", "; kept\n[general]\na = 1\n\n[sales](!)\nb = 2\n[berlin](sales)\nc => 3\n")
    found = dict(admin.reply("GetConfig", Filename="queues.conf").headers)
    assert (found["Category-000000"], found["Line-000000-000000"]) == ("general", "a=1")
    assert admin.reply("GetConfigJSON", Filename="queues.conf", Category="general")["JSON"] == '{"general":{"a":"1"}}'
    assert admin.reply("ListCategories", Filename="queues.conf").get("Category-000001") == "berlin"
    steps = {"SrcFilename": "queues.conf", "DstFilename": "queues.conf"}
    steps |= {"Action-000000": "update", "Cat-000000": "general", "Var-000000": "a", "Value-000000": "9"}
    steps |= {"Action-000001": "newcat", "Cat-000001": "paris", "Options-000001": 'inherit="sales"'}
    steps |= {"Action-000002": "append", "Cat-000002": "paris", "Var-000002": "x", "Value-000002": ">y"}
    assert admin.reply("UpdateConfig", **steps)["Response"] == "Success"
    text = (harness.directories.etc / "queues.conf").read_text()
    assert text.startswith("; kept\n[general]\na = 9\n")
    assert "[paris](sales)" in text
    failing = {**steps, "Action-000000": "update", "Value-000000": "7", "Cat-000001": "general"}
    assert "Create category" in admin.reply("UpdateConfig", **failing)["Message"]
    assert (harness.directories.etc / "queues.conf").read_text() == text
    assert admin.reply("CreateConfig", Filename="new.conf")["Response"] == "Success"
    assert admin.reply("CreateConfig", Filename="new.conf")["Message"] == "File exists"
    assert admin.reply("GetConfig", Filename="none.conf")["Message"] == "Config file not found"


CATALOGUE = """[base](!)
type = a
[one](base)
x = 1
[more](!)
type = b
[one](more)
x = 2
common = yes
[two]
common = yes
common = no
"""


@pytest.mark.parametrize(
    ("category", "filter_", "found"),
    [
        ("", "", ["one", "one", "two"]),
        ("", "TEMPLATES=restrict", ["base", "more"]),
        ("", "TEMPLATES=include", ["base", "one", "more", "one", "two"]),
        ("base", "", []),
        ("base", "TEMPLATES=include", ["base"]),
        ("one", "type=^b$", ["one"]),
        ("", "common=yes", ["one", "two"]),
        ("", "common=yes,x=.", ["one"]),
        ("", '"common=no"', ["two"]),
        ("", "common", []),
    ],
)
def test_sections_are_filtered(
    admin: AmiPair, harness: DialplanHarness, category: str, filter_: str, found: list[str]
) -> None:
    harness.write("catalogue.conf", CATALOGUE)
    reply = admin.reply("GetConfig", Filename="catalogue.conf", Category=category, Filter=filter_)
    assert reply["Response"] == "Success"
    names = [value for name, value in reply.headers if name.startswith("Category-")]
    assert names == found
    assert ("No categories found" in repr(reply)) is bool(category and not found)


def test_an_update_changes_what_is_there(admin: AmiPair, harness: DialplanHarness) -> None:
    harness.write("shop.conf", "[base](!)\ncommon = 1\n[one](base)\nx = 1\nx = 2\n[two]\ny = 1\n")
    file = {"SrcFilename": "shop.conf", "DstFilename": "shop.conf"}

    def update(category: str, variable: str, value: str, **more: str) -> str:
        step = {"Action": "update", "Cat": category, "Var": variable, "Value": value, **more}
        return admin.reply("UpdateConfig", **file, **{f"{name}-000000": each for name, each in step.items()})[
            "Response"
        ]

    assert update("one", "X", "3", Match="2") == "Success"
    # What a template gave gets a line of the section's own.
    assert update("one", "common", "9") == "Success"
    text = "[base](!)\ncommon = 1\n[one](base)\nx = 1\nx = 3\ncommon = 9\n[two]\ny = 1\n"
    assert (harness.directories.etc / "shop.conf").read_text() == text
    assert update("two", "z", "1") == "Error"
    assert update("one", "x", "4", Match="2") == "Error"
    assert update("none", "x", "4") == "Error"
    assert (harness.directories.etc / "shop.conf").read_text() == text


def test_a_step_is_done_to_every_section_it_is_about(admin: AmiPair, harness: DialplanHarness) -> None:
    harness.write("catalogue.conf", CATALOGUE)
    file = {"SrcFilename": "catalogue.conf", "DstFilename": "catalogue.conf"}

    def update(*steps: dict[str, str]) -> Any:
        fields = {f"{name}-{number:06d}": value for number, step in enumerate(steps) for name, value in step.items()}
        return admin.reply("UpdateConfig", **file, **fields)

    append = {"Action": "append", "Cat": "one", "Var": "y", "Value": "3", "Options": 'catfilter="type=b"'}
    assert update(append)["Response"] == "Success"
    assert update({"Action": "delete", "Cat": "two", "Var": "common"})["Response"] == "Success"
    assert (
        update({"Action": "insert", "Cat": "two", "Line": "0", "Var": "first", "Value": "1"})["Response"] == "Success"
    )
    text = (harness.directories.etc / "catalogue.conf").read_text()
    assert text.count("y = 3") == 1
    assert text.endswith("[two]\nfirst = 1\n") or "first" in text
    assert text.count("common") == 1
    missing = {"Action": "delete", "Cat": "two", "Var": "none"}
    assert update(missing)["Message"] == "Update did not complete successfully"
    assert update({**missing, "Options": "ignoreerror"})["Response"] == "Success"
    assert update({"Action": "delcat", "Cat": "three"})["Message"] == "Given category does not exist"
    assert update({"Action": "delcat", "Cat": "three", "Options": "ignoreerror"})["Response"] == "Success"
    again = {"Action": "newcat", "Cat": "two", "Options": 'inherit="none"'}
    assert update(again)["Message"] == "Create category did not complete successfully"
    again["Options"] = 'allowdups,inherit="none"'
    assert update(again)["Message"] == "Template category not found"
    again["Options"] = 'allowdups,inherit="base,more"'
    assert update(again)["Response"] == "Success"
    assert update({"Action": "delcat", "Cat": "one"}, {"Action": "delcat", "Cat": "two"})["Response"] == "Success"
    left = admin.reply("GetConfig", Filename="catalogue.conf", Filter="TEMPLATES=include")
    assert [value for name, value in left.headers if name.startswith("Category-")] == ["base", "more"]
    bad = admin.reply("GetConfig", Filename="catalogue.conf", Filter="[=x")
    assert (bad["Response"], bad["Message"]) == ("Error", "Filter did not compile: [=x")


@pytest.mark.parametrize("name", ["../passwd", "/etc/passwd", "link.conf", ".", "a/../../x"])
@pytest.mark.parametrize("action", ["GetConfig", "GetConfigJSON", "ListCategories", "CreateConfig", "UpdateConfig"])
def test_files_elsewhere_are_out_of_reach(admin: AmiPair, harness: DialplanHarness, name: str, action: str) -> None:
    (harness.directories.etc / "link.conf").symlink_to("/etc/passwd")
    fields = {"SrcFilename": name, "DstFilename": name} if action == "UpdateConfig" else {"Filename": name}
    assert admin.reply(action, **fields)["Message"] == "File requires escalated privileges"
