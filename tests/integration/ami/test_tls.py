"""The manager over TLS."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_twisted
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet.threads import deferToThread

from ami.codec import encode_message
from pbx.testing.server import LiveServer

MANAGER_CONF = """
[general]
enabled = yes
bindaddr = @host@
tlsenable = yes
tlsbindaddr = @host@:5039
tlscertfile = {path}

[admin]
secret = sesame-admin
read = security
write = all
"""


def certificate(path: Path, *, named: bool = True) -> None:
    """A certificate that signs itself, and its key, in one file; unless ``named`` it bears no name of a host."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "manager.test")])
    now = dt.datetime.now(dt.timezone.utc)
    names: list[x509.GeneralName] = [x509.DNSName("manager.test")]
    usage = x509.BasicConstraints(ca=True, path_length=None)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names) if named else usage, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + pem)


@pytest_twisted.async_yield_fixture
async def server(tmp_path: Path) -> AsyncIterator[LiveServer]:
    from twisted.internet import reactor

    path = tmp_path / "manager.pem"
    certificate(path)
    files = {"manager.conf": MANAGER_CONF.format(path=path)}
    server = await LiveServer.start(reactor=reactor, files=files)
    yield server
    await server.check_clean()
    await server.stop()
    server.discard()


def _talk(host: str, certificate_file: Path) -> str:
    context = ssl.create_default_context(cafile=str(certificate_file))
    context.check_hostname = False
    with socket.create_connection((host, 5039), timeout=5) as plain, context.wrap_socket(plain) as secure:
        request = [("Action", "Login"), ("Username", "admin"), ("Secret", "sesame-admin")]
        secure.sendall(encode_message(request) + encode_message([("Action", "ListCommands")]) * 20)
        secure.sendall(encode_message([("Action", "Logoff")]))
        said = b""
        while data := secure.recv(65536):
            said += data
        return said.decode()


async def test_a_session_over_tls(server: LiveServer, tmp_path: Path) -> None:
    said = await deferToThread(_talk, server.host, tmp_path / "manager.pem")
    assert said.startswith("Asterisk Call Manager/")
    assert "Authentication accepted" in said
    assert f"LocalAddress: IPV4/TLS/{server.host}/5039" in said
    assert said.count("Originate: Originate a call.") == 20
    assert said.endswith("Thanks for all the fish.\r\n\r\n")
