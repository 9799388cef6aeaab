"""Write docs/ari.md from the tables of ARI: operations, events, options, and the tests that prove them.

python tools/make_ari_docs.py            writes the file
python tools/make_ari_docs.py --check    exits with 1 when it is stale
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from ari.authorisation import READING
from ari.config import General, NamedAcl, OutboundWebSocket, User
from ari.documents import API_VERSION, SWAGGER_VERSION
from ari.outbound import AFTER_SECONDS, MAX_KEPT_BYTES
from ari.resources import RESOURCES
from ari.schemas import SUBTYPES
from ari.table import Operation, Parameter
from ari.websocket import MAX_REQUESTS
from pbx.client_connection import MAX_QUEUED_BYTES
from pbx.http.config import HttpSettings
from pbx.http.parser import MAX_BODY_BYTES, MAX_HEAD_BYTES, MAX_HEADERS, MAX_TARGET_BYTES
from pbx.http.websocket import MAX_MESSAGE_BYTES
from pbx.http.websocket_client import WebSocketServer
from tools.page import DOCS, ROOT, joined, options, table, write_or_check

TARGET = DOCS / "ari.md"
TESTS = ("tests/unit/ari", "tests/integration/ari", "tests/unit/stasis", "tests/e2e", "tests/clients")

HEAD = f"""# The Asterisk REST Interface

Obelisk speaks ARI as Asterisk 22 does: programs written for it connect unchanged. This page is made by
`tools/make_ari_docs.py` from the program's own tables; a test fails when it is stale.

Switch it on in `http.conf` and `ari.conf` (both `enabled = yes`; the shipped files listen on 127.0.0.1:8088 with one
user, `ari`, whose password `obelisk init` makes up). A password may be plain, from the environment (`${{ENV:NAME}}`),
or hashed (`password_format = crypt`; `openssl passwd -6` makes a hash). `module reload res_ari` takes changes.

The interface describes itself: Swagger {SWAGGER_VERSION} at `/ari/api-docs/resources.json` (apiVersion {API_VERSION}),
OpenAPI 3.1 at `/ari/openapi.json`, with every event's model. Credentials come in a Basic header or as
`api_key=user:password`; neither is ever written to a log.

## Promises

- The reply to a request that creates something is written before any event of what it created.
- An event is encoded once, whatever the number of applications that get it. StasisEnd is the last event of a
  channel's stay, after every ChannelVarset of it.
- Events of one socket come in the order in which things happened. A socket that does not read delays nobody: up to
  {MAX_QUEUED_BYTES >> 20} MiB wait for it, for at most `websocket_write_timeout`, then it is cut off with a line in the
  log.
- A read-only user reads only, over HTTP and over a socket. Rights are decided in one place for both.
- Requests of one connection are answered in their order, also when they are pipelined.

## Parameters

They come in the query string, in a form body or in a JSON object body; of a name given twice the last counts, and JSON
counts over the others. Lists have commas, or are arrays in JSON. Numbers are read by C's rules, booleans by Asterisk's
truth words (yes, true, y, t, 1, on).

## Requests over an event socket

A client may send `{{"type":"RESTRequest","method":"GET","uri":"channels"}}`, with `request_id`, `transaction_id`,
`query_strings` (a list of `name` and `value`), `content_type` and `message_body` (a text) where it likes. The answer is
a `RESTResponse`. Up to {MAX_REQUESTS} requests of a socket may wait for their answers.

## Sockets that the exchange opens

An `outbound_websocket` of `ari.conf` names a server of `websocket_client.conf` and the applications that run there. A
*persistent* socket is connected from the start and again whenever it breaks; its applications hear
ApplicationRegistered each time and stay registered meanwhile, with up to {MAX_KEPT_BYTES >> 20} MiB of events kept for
them. With
`connection_type = per_call_config` a socket is opened when Stasis() names one of its applications, which then is called
`application:channel`; {AFTER_SECONDS:g} seconds after the call has left it is closed. When the server does not answer,
STASISSTATUS is FAILED and the dialplan goes on. Requests over such a socket have the rights of `local_ari_user`. It
works with `enabled = no` too; the HTTP server must be on. Proxies are not supported.

## Limits

A request's target has at most {MAX_TARGET_BYTES} bytes, its head {MAX_HEAD_BYTES} bytes and {MAX_HEADERS} headers, its
body {MAX_BODY_BYTES} bytes; a message on a socket {MAX_MESSAGE_BYTES >> 10} KiB. What is beyond is answered with 414,
431 or 413 and the connection closed; a socket closes with 1009.

"""

OPERATIONS = """## Operations

`May`: what a user needs, `read` or `write`; a `read_only` user has the first. Parameters in bold are required; those of
the path are left out. While a resource's module does not run, its paths are 404.
"""
METHODS = {"get": "GET", "post": "POST", "put": "PUT", "delete": "DELETE"}
ANY = "\0"


def uses() -> dict[tuple[str, tuple[str, ...]], list[str]]:
    """For each method and path that a test asks for, the tests; a segment that is computed is `ANY`."""
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name, node in _test_functions():
        known: dict[str, list[ast.expr]] = {}
        for each in ast.walk(node):
            if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name):
                known.setdefault(each.targets[0].id, []).append(each.value)
            elif isinstance(each, ast.For) and isinstance(each.target, ast.Name) and isinstance(each.iter, ast.Tuple):
                known.setdefault(each.target.id, []).extend(each.iter.elts)
        for each in ast.walk(node):
            if not isinstance(each, ast.Call) or not isinstance(each.func, ast.Attribute):
                continue
            for method, paths in _asked(each, known):
                for path in paths:
                    tests = found.setdefault((method, path), [])
                    if name not in tests:
                        tests.append(name)
    return found


def _test_functions() -> Iterator[tuple[str, ast.AST]]:
    for folder in TESTS:
        for path in sorted((ROOT / folder).glob("test_*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                    yield f"{path.relative_to(ROOT / 'tests')}::{node.name}", node


def _asked(call: ast.Call, known: dict[str, list[ast.expr]]) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if name in METHODS and call.args:
        yield METHODS[name], _paths(call.args[0], known)
    elif name in {"request", "rest", "bytes_of"} and len(call.args) > 1:
        methods = [text for text in _texts(call.args[0], known) if text.isupper()]
        for method in methods:
            yield method, _paths(call.args[1], known)


def _texts(node: ast.expr, known: dict[str, list[ast.expr]], depth: int = 0) -> list[str]:
    """What an expression may be, as far as it can be read; `ANY` for the rest."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else [ANY]
    if isinstance(node, ast.JoinedStr):
        texts = [""]
        for part in node.values:
            inner = part.value if isinstance(part, ast.FormattedValue) else part
            choices = _texts(inner, known, depth + 1) if depth < 4 else [ANY]
            texts = [text + choice for text in texts for choice in choices]
        return texts
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [a + b for a in _texts(node.left, known, depth) for b in _texts(node.right, known, depth)]
    if isinstance(node, ast.IfExp):
        return _texts(node.body, known, depth) + _texts(node.orelse, known, depth)
    if isinstance(node, ast.Name) and node.id in known and depth < 4:
        return [text for value in known[node.id] for text in _texts(value, known, depth + 1)]
    return [ANY]


def _paths(node: ast.expr, known: dict[str, list[ast.expr]]) -> list[tuple[str, ...]]:
    return [tuple(text.partition("?")[0].strip("/").split("/")) for text in _texts(node, known)]


def tests_of(operation: Operation, used: dict[tuple[str, tuple[str, ...]], list[str]]) -> list[str]:
    """The tests that ask for an operation."""
    template = operation.path.strip("/").split("/")
    literal = {each.path for resource in RESOURCES for each in resource.operations if "{" not in each.path}
    found: list[str] = []
    for (method, path), tests in used.items():
        if method != operation.method or len(path) != len(template) or path == (ANY,):
            continue
        if "/" + "/".join(path) in literal and "/" + "/".join(path) != operation.path:
            continue
        if all(wanted.startswith("{") or given == wanted for wanted, given in zip(template, path, strict=True)):
            found += [test for test in tests if test not in found]
    return found


def _tested(tests: list[str]) -> str:
    """The first of the tests, and whether there are more."""
    return f"`{tests[0]}`" + (" and more" if tests[1:] else "") if tests else ""


def _parameter(parameter: Parameter) -> str:
    name = f"**{parameter.name}**" if parameter.required else parameter.name
    return f"{name} (list)" if parameter.multiple else name


def operations() -> str:
    """The tables of operations, one for each resource."""
    used = uses()
    parts = [OPERATIONS]
    for resource in RESOURCES:
        rows = [
            (
                f"`{each.method} {each.path}`",
                each.summary,
                "read" if each.method in READING else "write",
                ", ".join(_parameter(p) for p in each.parameters if p.place != "path"),
                "`101`" if each.websocket else f"`{each.success}`",
                ", ".join(f"`{code}`" for code in sorted(each.errors)),
                "`integration/ari/test_events.py::test_handshake`" if each.websocket else _tested(tests_of(each, used)),
            )
            for each in resource.operations
        ]
        titles = ("Operation", "What it does", "May", "Parameters", "Success", "Errors", "Tested by")
        parts.append(f"### {resource.name}\n\nModule `{resource.module}`.\n\n{table(titles, rows)}")
    return "\n".join(parts)


def events() -> str:
    """The table of events, with the tests that wait for them."""
    waited: dict[str, list[str]] = {}
    for name, node in _test_functions():
        for each in ast.walk(node):
            if isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value in SUBTYPES["Event"]:
                tests = waited.setdefault(each.value, [])
                if name not in tests:
                    tests.append(name)
    rows = [(f"`{name}`", _tested(waited.get(name, []))) for name in sorted(SUBTYPES["Event"]) if name in waited]
    rest = [f"`{name}`" for name in sorted(SUBTYPES["Event"]) if name not in waited]
    text = "## Events\n\nTheir fields are in the documents that the interface serves.\n\n"
    return (
        text
        + table(("Event", "Tested by"), rows)
        + f"\nDescribed, and not waited for by a test of these folders: {', '.join(rest)}.\n"
    )


def text() -> str:
    """The whole page."""
    parts = [
        HEAD,
        operations(),
        events(),
        "## Configuration\n",
        options(HttpSettings, "http.conf: [general]"),
        options(General, "ari.conf: [general]"),
        options(User, "ari.conf: a user: [name], type = user"),
        options(NamedAcl, "acl.conf: a list a user names in acl"),
        options(OutboundWebSocket, "ari.conf: a socket to open: [name], type = outbound_websocket"),
        options(WebSocketServer, "websocket_client.conf: where to: [name], type = websocket_client"),
    ]
    return joined(parts)


if __name__ == "__main__":
    sys.exit(write_or_check(TARGET, text()))
