"""Who gets in: identification, access lists, methods, modules that are not loaded."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.logger import capturedLogs, formatEvent

from pbx.logs.format import level_of, record_of
from pbx.pjsip.distributor import Distributor
from pbx.security_events import FailedACL
from pbx.testing.sip_half import RawPhone, SipHalf, answer, nonce_of

ensure = pytest_twisted.ensureDeferred

TRUNK = """
[trunk]
type=endpoint
context=from-trunk
[trunk]
type=identify
endpoint=trunk
match=192.0.2.0/24,127.0.0.0/8,!127.0.0.9
"""
BY_HEADER = """
[global]
type=global
endpoint_identifier_order=header,request_uri,username
[gateway]
type=endpoint
[gateway]
type=identify
endpoint=gateway
match_header=X-Gateway: /^secret-[0-9]+$/
match_request_uri=sip:door@127.0.0.1
"""


@ensure
async def test_options(sip: SipHalf, phone: RawPhone) -> None:
    assert (await phone.ask("OPTIONS")).status_code == 401
    ok = await phone.ask_with_password("OPTIONS")
    assert ok.status_code == 200
    assert ok.headers.get("Allow") == "OPTIONS, REGISTER"
    assert ok.headers.get("Accept-Language") == "en"
    # without a dialplan no extension exists
    assert (await phone.ask_with_password("OPTIONS", uri="sip:100@127.0.0.1")).status_code == 404


@ensure
async def test_methods_without_a_module(sip: SipHalf, phone: RawPhone) -> None:
    refused = await phone.ask_with_password("PUBLISH")
    assert (refused.status_code, refused.headers.get("Allow")) == (405, "OPTIONS, REGISTER")
    assert (await phone.ask_with_password("DANCE")).status_code == 501
    await sip.server.modules.unload("res_pjsip_registrar")
    assert (await phone.ask_with_password("REGISTER")).status_code == 405
    await sip.server.modules.load("res_pjsip_registrar")
    assert (await phone.ask_with_password("REGISTER")).status_code == 200


@ensure
async def test_without_an_authenticator_nobody_gets_in(sip: SipHalf, phone: RawPhone) -> None:
    await sip.server.modules.unload("res_pjsip_authenticator_digest")
    assert (await phone.ask("OPTIONS")).status_code == 500
    assert (await phone.ask("OPTIONS", user="nobody")).status_code == 500


@pytest.mark.parametrize("extra_conf", [TRUNK])
@ensure
async def test_by_address_without_a_password(sip: SipHalf, phone: RawPhone) -> None:
    assert (await phone.ask("OPTIONS", user="whoever")).status_code == 200


@pytest.mark.parametrize("extra_conf", [BY_HEADER])
@ensure
async def test_by_header_and_request_uri(sip: SipHalf, phone: RawPhone) -> None:
    assert (await phone.ask("OPTIONS", user="x", headers=(("X-Gateway", "secret-7"),))).status_code == 200
    assert (await phone.ask("OPTIONS", user="x", headers=(("X-Gateway", "secret-x"),))).status_code == 401
    assert (await phone.ask("OPTIONS", user="x", uri="sip:door@127.0.0.1")).status_code == 404
    assert (await phone.ask("OPTIONS", user="x", uri="sip:gate@127.0.0.1")).status_code == 401


@pytest.mark.parametrize("extra_conf", ["[anonymous]\ntype=endpoint\n"])
@ensure
async def test_anonymous_only_where_configured(sip: SipHalf, phone: RawPhone) -> None:
    assert (await phone.ask("OPTIONS", user="whoever")).status_code == 200
    assert (await phone.ask("OPTIONS", user="alice")).status_code == 401
    await sip.server.modules.unload("res_pjsip_endpoint_identifier_anonymous")
    assert (await phone.ask("OPTIONS", user="whoever")).status_code == 401


@pytest.mark.parametrize(
    "extra_conf",
    [
        "[alice](+)\ndeny=0.0.0.0/0\npermit=10.0.0.0/8\n",
        "[alice](+)\nacl=office\n",
        "[alice](+)\nacl=no-such-list\n",
        "[alice](+)\ncontact_deny=127.0.0.0/8\n",
    ],
)
@ensure
async def test_endpoint_access_lists(sip: SipHalf, phone: RawPhone) -> None:
    sip.write("acl.conf", "[office]\ndeny=0.0.0.0/0\npermit=10.0.0.0/8\n")
    await sip.server.modules.reload("res_pjsip")
    events = sip.events(FailedACL)
    nonce = nonce_of(await phone.ask("REGISTER", contacts=(phone.contact,)))
    right = answer("REGISTER", "alice", "wonderland", nonce)
    refused = await phone.ask("REGISTER", contacts=(phone.contact,), authorization=right)
    assert refused.status_code == 401
    assert {each.acl_name for each in events} <= {"not_match_endpoint_acl", "not_match_endpoint_contact_acl"}
    assert len(events) == 2


@pytest.mark.parametrize("extra_conf", ["[all]\ntype=acl\ndeny=127.0.0.0/8\n"])
@ensure
async def test_access_lists_for_everybody(sip: SipHalf, phone: RawPhone) -> None:
    assert (await phone.ask("OPTIONS")).status_code == 403
    await sip.server.modules.unload("res_pjsip_acl")
    assert (await phone.ask("OPTIONS")).status_code == 401


@pytest.mark.parametrize("extra_conf", ["[bob](phone)\nauth=nowhere\n"])
@ensure
async def test_an_endpoint_whose_auth_is_missing_lets_nobody_in(sip: SipHalf, phone: RawPhone) -> None:
    assert (await phone.ask("OPTIONS", user="bob")).status_code == 500


@ensure
async def test_before_the_end_of_boot_requests_are_dropped(sip: SipHalf, phone: RawPhone) -> None:
    sip.server.booted = False
    phone.send(phone.request("OPTIONS")).addErrback(lambda failure: None)
    sip.server.booted = True
    assert (await phone.ask("OPTIONS")).status_code == 401


@ensure
async def test_a_bad_reload_leaves_things_as_they_were(sip: SipHalf, phone: RawPhone) -> None:
    sip.write("pjsip.conf", "[alice]\ntype=endpoint\nallow=nonsense\n")
    with pytest.raises(Exception, match=r"pjsip\.conf:3"):
        await sip.server.modules.reload("res_pjsip")
    assert (await phone.ask_with_password("REGISTER")).status_code == 200


@ensure
async def test_suspects_are_counted(sip: SipHalf, phone: RawPhone) -> None:
    for _ in range(3):
        await phone.ask("OPTIONS", user="nobody")
    assert "127.0.0.1" in await sip.cli("pjsip show unidentified_requests")
    assert sip.server.require(Distributor).suspects.rows()[0][1].count == 3
    await phone.ask_with_password("OPTIONS")
    assert "No objects found" in await sip.cli("pjsip show unidentified_requests")


@ensure
async def test_a_method_that_differs_from_its_cseq(sip: SipHalf, phone: RawPhone) -> None:
    raw = phone.request("OPTIONS").replace(b" OPTIONS\r\nMax", b" NEWMETHOD\r\nMax")
    assert b"CSeq: 1 NEWMETHOD" in raw
    assert (await phone.send(raw)).status_code == 400


@ensure
async def test_every_answer_names_the_server_once(sip: SipHalf, phone: RawPhone) -> None:
    for method in ("OPTIONS", "REGISTER", "INVITE", "MESSAGE", "SUBSCRIBE", "DANCE"):
        refused = await phone.ask(method, contacts=(phone.contact,))
        assert len(refused.headers.get_all("Server")) == 1, method
        taken = await phone.ask_with_password(method, contacts=(phone.contact,))
        assert len(taken.headers.get_all("Server")) == 1, method


@pytest.mark.parametrize("number", [2**31, 2**32, 10**30])
@ensure
async def test_a_cseq_beyond_31_bits_is_the_senders_fault(sip: SipHalf, phone: RawPhone, number: int) -> None:
    with capturedLogs() as logs:
        refused = await phone.ask("OPTIONS", cseq=number)
    assert refused.status_code == 400
    assert [event["log_level"].name for event in logs] == ["warn"]
    line = formatEvent(logs[0])
    assert f"from 127.0.0.1:{phone.port} by udp, answered 400" in line
    assert phone.call_id in line
    record = record_of(logs[0], *level_of(logs[0]))
    assert (record.source, record.call_id) == ("pbx.pjsip.transports.ingress", phone.call_id)
