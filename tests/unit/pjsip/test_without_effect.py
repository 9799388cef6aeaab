"""A pjsip.conf that asks for what the exchange does not do is told so, once for each option."""

from __future__ import annotations

from pathlib import Path

from pbx.astdb import AstDb
from pbx.config import ConfigLoader
from pbx.pjsip.res_pjsip import FROM_CONFIG, register_types
from pbx.pjsip.without_effect import warnings
from pbx.sorcery import Sorcery

CONF = """\
[base](!)
type = endpoint
media_encryption = sdes
direct_media = no
allow_transfer = yes

[a](base)
[b](base)

[c]
type = endpoint
call_group = 3

[tls]
type = transport
protocol = udp
bind = 127.0.0.1
cert_file = /x
async_operations = 4
"""


def test_each_option_once(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(CONF)
    sorcery = Sorcery(ConfigLoader(tmp_path), AstDb(tmp_path / "astdb.sqlite3"))
    register_types(sorcery)
    sorcery.start(*FROM_CONFIG)
    path = tmp_path / "pjsip.conf"
    assert sorted(warnings(sorcery)) == [
        f"{path}:10: call_group of endpoint 'c' has no effect in this version",
        f"{path}:14: cert_file of transport 'tls' has no effect in this version",
        f"{path}:7: media_encryption of endpoint 'a' and 1 more has no effect in this version",
    ]
