"""ari.conf and websocket_client.conf: what is taken, and what is named as wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from ari.config import read_ari_conf
from pbx.config import ConfigLoader
from pbx.errors import ConfigError
from pbx.http.websocket_client import ConnectionKind, read_websocket_client_conf

USER = "[me]\ntype = user\npassword = x\n"
SOCKET = "[out]\ntype = outbound_websocket\nwebsocket_client_id = w\napps = one,two\nlocal_ari_user = me\n"
CLIENT = "[w]\ntype = websocket_client\nuri = ws://host.example:9000/path?a=b\n"


def test_sockets_to_open(tmp_path: Path) -> None:
    (tmp_path / "ari.conf").write_text(USER + SOCKET)
    config = read_ari_conf(ConfigLoader(tmp_path))
    assert config is not None
    assert list(config.users) == ["me"]
    assert (config.outbound["out"].apps, config.outbound["out"].subscribe_all) == (("one", "two"), False)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (SOCKET, "there is no user 'me'"),
        (USER + SOCKET.replace("apps = one,two\n", ""), "apps: is needed"),
        (USER + SOCKET + SOCKET.replace("[out]", "[again]"), r"one is served by \[out\] already"),
        (USER + "[x]\ntype = none\n", "type must be user or outbound_websocket"),
    ],
)
def test_sockets_that_are_wrong(tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "ari.conf").write_text(text)
    with pytest.raises(ConfigError, match=error):
        read_ari_conf(ConfigLoader(tmp_path))


def test_servers(tmp_path: Path) -> None:
    assert read_websocket_client_conf(ConfigLoader(tmp_path)) == {}
    (tmp_path / "websocket_client.conf").write_text(CLIENT + "connection_type = per_call_config\nprotocols = ari,x\n")
    server = read_websocket_client_conf(ConfigLoader(tmp_path))["w"]
    assert server.address == ("host.example", 9000)
    assert server.target == "/path?a=b"
    assert server.protocols == ("ari", "x")
    assert server.connection_type is ConnectionKind.PER_CALL
    assert (server.connection_timeout, server.reconnect_interval, server.reconnect_attempts) == (500, 500, 4)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (CLIENT.replace("ws://", "http://"), "uri: must be"),
        (CLIENT + "tls_enabled = yes\n", "tls_enabled"),
        (CLIENT.replace("ws://", "wss://"), "tls_enabled"),
        (CLIENT + "connection_type = sometimes\n", "connection_type"),
        (CLIENT + "proxy_host = p:1\n", "proxies are not supported"),
        (CLIENT.replace("websocket_client", "client"), "type must be websocket_client"),
        (CLIENT + "colour = red\n", "colour"),
    ],
)
def test_servers_that_are_wrong(tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "websocket_client.conf").write_text(text)
    with pytest.raises(ConfigError, match=error):
        read_websocket_client_conf(ConfigLoader(tmp_path))
