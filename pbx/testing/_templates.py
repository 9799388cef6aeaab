"""The configuration with which a live test server starts; each file may be replaced by the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

DIRECTORIES = {
    "astetcdir": "etc/asterisk",
    "astmoddir": "modules",
    "astvarlibdir": "varlib",
    "astdbdir": "db",
    "astkeydir": "keys",
    "astdatadir": "data",
    "astagidir": "agi",
    "astspooldir": "spool",
    "astrundir": "run",
    "astlogdir": "log",
    "astcachedir": "cache",
}

MODULES_CONF = """\
[modules]
autoload = yes
"""

LOGGER_CONF = """\
[general]

[logfiles]
console => notice,warning,error,verbose
full.txt => notice,warning,error,verbose,debug
"""

EXTENSIONS_LUA = """\
extensions = {}
extensions.default = {}
"""

ENDPOINT = """\

[{user}]
type = endpoint
context = default
disallow = all
allow = {codecs}
auth = {user}
aors = {user}
callerid = "{user}" <{user}>

[{user}]
type = auth
auth_type = digest
username = {user}
password = {password}

[{user}]
type = aor
max_contacts = {max_contacts}
remove_existing = yes
"""


TRUNK = """\

[{name}]
type = endpoint
context = default
disallow = all
allow = {codecs}
aors = {name}

[{name}]
type = aor
contact = sip:{address}

[{name}]
type = identify
endpoint = {name}
match = {host}
"""


def asterisk_conf(root: Path, options: Mapping[str, str]) -> str:
    """asterisk.conf with every directory below ``root``."""
    lines = ["[directories]"]
    lines += [f"{name} => {root / below}" for name, below in DIRECTORIES.items()]
    lines += ["", "[options]", "verbose = 3", *(f"{name} = {value}" for name, value in options.items()), ""]
    return "\n".join(lines)


def pjsip_conf(
    host: str,
    port: int,
    passwords: Mapping[str, str],
    trunks: Mapping[str, str],
    codecs: Sequence[str],
    max_contacts: int,
    more: str,
) -> str:
    """pjsip.conf with a UDP and a TCP transport, an endpoint for each user and each trunk."""
    text = f"""\
[transport-udp]
type = transport
protocol = udp
bind = {host}:{port}

[transport-tcp]
type = transport
protocol = tcp
bind = {host}:{port}
"""
    for user, password in passwords.items():
        text += ENDPOINT.format(user=user, password=password, codecs=",".join(codecs), max_contacts=max_contacts)
    for name, address in trunks.items():
        host = address.partition(":")[0]
        text += TRUNK.format(name=name, address=address, host=host, codecs=",".join(codecs))
    return text + "\n" + more


def rtp_conf(first: int, last: int) -> str:
    return f"[general]\nrtpstart = {first}\nrtpend = {last}\n"
