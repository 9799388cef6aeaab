"""Write docs/ami.md from the tables of the manager: actions, events, options, and the tests that prove them.

python tools/make_ami_docs.py            writes the file
python tools/make_ami_docs.py --check    exits with 1 when it is stale
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from ami.actions import ACTIONS
from ami.classes import class_text
from ami.codec import MAX_LINE_BYTES, MAX_LINES
from ami.events import ENCODERS
from ami.filters import MAX_FILTERS
from ami.http import MAX_EVENT_BYTES
from ami.session import AMI_VERSION, MAX_ACTIONS_WAITING
from ami.users import General, NamedAcl, User
from pbx.client_connection import MAX_QUEUED_BYTES
from tools.page import DOCS, ROOT, joined, options, table, write_or_check

TARGET = DOCS / "ami.md"
TESTS = ("tests/unit/ami", "tests/integration/ami", "tests/integration/agi", "tests/clients")

HEAD = f"""# The Asterisk Manager Interface

Obelisk speaks AMI {AMI_VERSION} as Asterisk 22 does: programs written for it connect unchanged. This page is made by
`tools/make_ami_docs.py` from the program's own tables; a test fails when it is stale.

Switch it on in `manager.conf` (`enabled = yes`; the shipped file listens on 127.0.0.1:5038 with one user, `admin`,
whose secret `obelisk init` makes up). A user's secret may be plain, from the environment (`${{ENV:NAME}}`), or hashed:
`python -m ami.secrets` makes a hash. MD5 challenges need a plain or environment secret. `manager reload` takes changes;
sessions keep the rights they logged in with.

## Promises

- Replies to actions that need no waiting come in the order they were asked. An action that waits keeps nothing else
  waiting, neither other actions of the session nor its events.
- The reply to an action comes before the events the action causes; the reply to an Originate that waits for its
  outcome comes before every event of the call it makes.
- `ActionID` is in the reply, in every item and in the closing event of a list.
- Each event is encoded once. A client that does not read delays nobody: up to {MAX_QUEUED_BYTES >> 20} MiB wait for it,
  for at most its user's `writetimeout`, then it is cut off with a line in the log.
- A line break in a value is written as `\\n`, never as one.
- A user has the rights its `read` and `write` give and no others. What Originate, Getvar, Setvar and Status name is
  checked by the capability each application and function declares.

## Over HTTP

With `webenabled = yes` the HTTP server (`http.conf`) takes one action a request, its headers in the query or in the
form of a POST: below `/rawman` the answer is as on TCP, below `/mxml` it is XML (`ajaxdest`, `ajaxobjtype`), below
`/manager` a page with a form. The cookie `mansession_id` says whose session a request belongs to; a session ends
`httptimeout` seconds after its last request. Events wait for WaitEvent, up to {MAX_EVENT_BYTES >> 20} MiB of them, the
oldest going first. Asterisk's paths with digest authentication (`/arawman`, `/amxml`, `/amanager`) are not served.

## Limits

A line has at most {MAX_LINE_BYTES} bytes and a message {MAX_LINES} lines; a message beyond is answered with an Error
and the connection goes on. A session may have {MAX_ACTIONS_WAITING} actions waiting and {MAX_FILTERS} filters.

"""


#: Methods of the test clients whose first argument is an action's name.
ASKING = frozenset(("action", "ask", "list", "reply", "send"))
EVENT_NAMES = frozenset(name for each in ENCODERS for name in each.events)
ITEM_NAMES = frozenset(name for each in ACTIONS for name in each.list_events)


def uses(*, asked: bool = False) -> dict[str, list[str]]:
    """For each text in a test function the tests that hold it, in order of file and line.

    ``asked``: of texts that also name an event, only those a test asks for as an action.
    """
    found: dict[str, list[str]] = {}
    for folder in TESTS:
        for path in sorted((ROOT / folder).glob("test_*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                    for text in _asked(node) if asked else _texts(node):
                        tests = found.setdefault(text, [])
                        name = f"{path.relative_to(ROOT / 'tests')}::{node.name}"
                        if name not in tests:
                            tests.append(name)
    return found


def _texts(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def _asked(node: ast.AST) -> Iterator[str]:
    for text in _texts(node):
        if text not in EVENT_NAMES and text not in ITEM_NAMES:
            yield text
    for each in ast.walk(node):
        if (
            isinstance(each, ast.Call)
            and isinstance(each.func, ast.Attribute)
            and each.func.attr in ASKING
            and each.args
        ):
            yield from _texts(each.args[0])


def _classes(bits: int) -> str:
    return class_text(bits).removesuffix(",all")


def _tested(tests: list[str] | None) -> str:
    """The first of the tests, and how many more there are."""
    if not tests:
        return ""
    more = len(tests) - 1
    return f"`{tests[0]}`" + (f" and {more} more" if more else "")


def actions(tests: dict[str, list[str]]) -> str:
    """The table of actions."""
    rows = []
    for each in sorted(ACTIONS, key=lambda each: each.name.lower()):
        parameters = [f"**{name}**" for name in each.required] + list(each.optional)
        rows.append(
            (
                f"`{each.name}`",
                each.synopsis + (f" Events: {', '.join(each.list_events)}." if each.list_events else ""),
                _classes(each.privilege).replace("<none>", "any user"),
                ", ".join(parameters),
                each.module,
                _tested(tests.get(each.name)),
            )
        )
    intro = (
        "`Permission`: one of these classes in the user's `write` is enough. Parameters in bold are required. An\n"
        "action of a module works while that module runs.\n\n"
    )
    titles = ("Action", "What it does", "Permission", "Parameters", "Module", "Tested by")
    return "## Actions\n\n" + intro + table(titles, rows)


def events(tests: dict[str, list[str]]) -> str:
    """The table of events."""
    rows = sorted(
        (
            (f"`{name}`", ", ".join(_classes(bits) for bits in each.bits), _tested(tests.get(name)))
            for each in ENCODERS
            for name in each.events
        ),
        key=lambda row: row[0].lower(),
    )
    intro = "A session gets an event whose class is in the user's `read` and the session's mask, if filters pass.\n\n"
    return "## Events\n\n" + intro + table(("Event", "Class", "Tested by"), rows)


def text() -> str:
    """The whole page."""
    tests = uses()
    parts = [
        HEAD,
        actions(uses(asked=True)),
        events(tests),
        "## manager.conf\n",
        options(General, "[general]"),
        options(User, "A user: [name]"),
        options(NamedAcl, "acl.conf: a list a user names in acl"),
    ]
    return joined(parts)


if __name__ == "__main__":
    sys.exit(write_or_check(TARGET, text()))
