"""pjsip.conf as people write it, and what is said about wrong lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.config import ConfigErrors, load_config
from pbx.config.options import ConfigObject, schema_of
from pbx.pjsip.digest import Algorithm, secret_hash
from pbx.pjsip.objects import (
    Acl,
    Aor,
    Auth,
    Contact,
    DomainAlias,
    Endpoint,
    GlobalSettings,
    Identify,
    SystemSettings,
    Transport,
)
from pbx.pjsip.objects.contact import contact_id
from pbx.pjsip.objects.enums import AuthType, DtlsVerify, MediaEncryption, Prack, Timers, TransportProtocol

KINDS: tuple[type[ConfigObject], ...] = (
    Acl, Aor, Auth, Contact, DomainAlias, Endpoint, GlobalSettings, Identify, SystemSettings, Transport,
)  # fmt: skip

SAMPLE = """
[global]
type=global
endpoint_identifier_order=auth_username,username,ip
default_auth_algorithms_uas=SHA-256,MD5

[transport-udp]
type=transport
protocol=udp
bind=0.0.0.0:5070
local_net=10.0.0.0/8
local_net=192.168.0.0/255.255.0.0
external_media_address=198.51.100.1

[phone](!)
type=endpoint
context=internal
disallow=all
allow=ulaw,alaw,g722
dtmf_mode=rfc4733
100rel=peer_supported
timers=forced
call_group=1-3,7
callerid="Alice" <1001>
set_var=ROOM=12
set_var=FLOOR=3
deny=0.0.0.0/0
permit=10.0.0.0/8

[alice](phone)
auth=alice
aors=alice,alice-mobile

[alice]
type=auth
auth_type=userpass
username=alice
password=secret,with;semicolon

[alice]
type=aor
max_contacts=2
contact=sip:alice@192.0.2.1:5060
contact=sip:alice@192.0.2.2,sips:alice@example.org
qualify_timeout=1.5

[office]
type=identify
endpoint=alice
match=192.0.2.0/24,!192.0.2.99
match=sbc.example.org
match_header=X-Key: /^abc/
"""


def read(tmp_path: Path, text: str) -> dict[str, ConfigObject]:
    path = tmp_path / "pjsip.conf"
    path.write_text(text.replace(";semi", "\\;semi"))
    kinds = {kind.type_name: kind for kind in KINDS}
    built: dict[str, ConfigObject] = {}
    for section in load_config(path).sections:
        kind = kinds[section.get("type") or ""]
        built[f"{kind.type_name}/{section.name}"] = schema_of(kind).build(
            section.name, section, ignore=frozenset(("type",))
        )
    return built


def test_a_whole_file(tmp_path: Path) -> None:
    objects = read(tmp_path, SAMPLE)
    alice = objects["endpoint/alice"]
    assert isinstance(alice, Endpoint)
    assert alice.allow.names == ("ulaw", "alaw", "g722")
    assert (alice.prack, alice.timers) == (Prack.PEER_SUPPORTED, Timers.ALWAYS)
    assert alice.call_group == {1, 2, 3, 7}
    assert (alice.callerid.name, alice.callerid.number) == ("Alice", "1001")
    assert alice.set_var == (("ROOM", "12"), ("FLOOR", "3"))
    assert alice.aors == ("alice", "alice-mobile")
    assert alice.permit_deny.permits("10.1.2.3")
    assert not alice.permit_deny.permits("192.0.2.1")
    aor = objects["aor/alice"]
    assert isinstance(aor, Aor)
    assert len(aor.contact) == 3
    assert aor.qualify_timeout == 1.5
    transport = objects["transport/transport-udp"]
    assert isinstance(transport, Transport)
    assert (transport.bind_host, transport.bind_port) == ("0.0.0.0", 5070)
    assert [str(net) for net in transport.local_net] == ["10.0.0.0/8", "192.168.0.0/16"]
    settings = objects["global/global"]
    assert isinstance(settings, GlobalSettings)
    assert settings.default_auth_algorithms_uas == (Algorithm.SHA_256, Algorithm.MD5)
    identify = objects["identify/office"]
    assert isinstance(identify, Identify)
    assert [(str(m.network), m.host, m.negated) for m in identify.match] == [
        ("192.0.2.0/24", "", False),
        ("192.0.2.99/32", "", True),
        ("None", "sbc.example.org", False),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_shown_can_be_read_again(kind: type[ConfigObject]) -> None:
    needed = {
        Auth: [("username", "u"), ("password", "p")],
        Identify: [("endpoint", "e"), ("match", "192.0.2.1")],
        Transport: [("bind", "127.0.0.1")],
    }
    built = schema_of(kind).build("x", needed.get(kind, []))
    assert schema_of(kind).build("x", schema_of(kind).fields(built)) == built


@pytest.mark.parametrize(
    ("kind", "lines", "said"),
    [
        (Endpoint, ["dtmf_mode=morse"], "dtmf_mode"),
        (Endpoint, ["alow=ulaw"], "did you mean 'allow'"),
        (Endpoint, ["allow=ulaw,nonsense"], "unknown codec 'nonsense'"),
        (Endpoint, ["identify_by=username,telepathy"], "telepathy"),
        (Endpoint, ["timers_min_se=60"], "90 or greater"),
        (Endpoint, ["rtp_port_start=10000"], "set together"),
        (Endpoint, ["call_group=64"], "0 to 63"),
        (Endpoint, ["codec_prefs_incoming_offer=operation: union"], "operation cannot be 'union'"),
        (Endpoint, ["media_address=here"], "media_address"),
        (Auth, ["password=x"], "no authentication username"),
        (Auth, ["username=u", "auth_type=md5"], "needs md5_cred"),
        (Auth, ["username=u", "md5_cred=abc"], "32 hexadecimal digits"),
        (Auth, ["username=u", "supported_algorithms_uas=ROT13"], "unknown digest algorithm 'ROT13'"),
        (Auth, ["username=u", "password_digest=SHA-256:" + "0" * 64, "supported_algorithms_uas=MD5"], "for MD5"),
        (Aor, ["contact=tel:123"], "is not a sip: or sips: URI"),
        (Aor, ["max_contacts=many"], "max_contacts"),
        (Identify, ["endpoint=a"], "needs match"),
        (Identify, ["endpoint=a", "match=300.1.1.1"], "300.1.1.1"),
        (Identify, ["endpoint=a", "match_header=X: /(/"], "bad regular expression"),
        (Transport, ["protocol=udp"], "where it listens"),
        (Transport, ["bind=127.0.0.1:99999"], "99999"),
    ],
)
def test_wrong_lines_are_named(tmp_path: Path, kind: type[ConfigObject], lines: list[str], said: str) -> None:
    with pytest.raises(ConfigErrors, match=r"pjsip\.conf:[0-9]+") as caught:
        read(tmp_path, "\n".join(["[x]", f"type={kind.type_name}", *lines]))
    assert said in str(caught.value)


def test_errors_do_not_quote_secrets() -> None:
    with pytest.raises(ConfigErrors) as caught:
        schema_of(Auth).build("x", [("username", "u"), ("password_digest", "MD5:hunter2")])
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(schema_of(Auth).build("x", [("username", "u"), ("password", "hunter2")]))


def test_stored_hashes() -> None:
    ha1 = secret_hash(Algorithm.MD5, "u", "asterisk", "p")
    sha = secret_hash(Algorithm.SHA_256, "u", "asterisk", "p")
    lines = [
        ("auth_type", "digest"),
        ("username", "u"),
        ("md5_cred", ha1.upper()),
        ("password_digest", f"SHA-256:{sha}"),
    ]
    auth = schema_of(Auth).build("x", lines)
    assert auth.auth_type is AuthType.DIGEST
    assert auth.hashes == {Algorithm.MD5: ha1, Algorithm.SHA_256: sha}
    secret = auth.secret("asterisk", (Algorithm.SHA_512_256, Algorithm.SHA_256))
    assert secret.algorithms == (Algorithm.SHA_256,)
    assert secret.password is None


def test_webrtc_implies_what_browsers_need() -> None:
    built = schema_of(Endpoint).build("x", [("webrtc", "yes")])
    assert built.ice_support
    assert built.rtcp_mux
    assert built.bundle
    assert built.use_avpf
    assert built.dtls_auto_generate_cert
    assert (built.media_encryption, built.dtls_verify) == (MediaEncryption.DTLS, DtlsVerify.FINGERPRINT)


def test_ports_by_protocol() -> None:
    assert Transport("x", bind="[::1]", protocol=TransportProtocol.TLS).bind_port == 5061
    assert Transport("x", bind="[::1]:0").bind_port == 0
    assert Transport("x", bind="127.0.0.1").bind_port == 5060


def test_contact_ids() -> None:
    assert contact_id("alice", "sip:a@b").startswith("alice;@")
