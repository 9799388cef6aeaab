"""``pjsip ...`` on the console."""

from __future__ import annotations

import pytest_twisted

from pbx.testing.sip_half import RawPhone, SipHalf

ensure = pytest_twisted.ensureDeferred


@ensure
async def test_endpoints(sip: SipHalf, phone: RawPhone) -> None:
    await phone.ask_with_password("REGISTER", contacts=(phone.contact,))
    shown = (await sip.cli("pjsip show endpoints")).splitlines()
    assert shown[1] == " Endpoint:  <Endpoint/CID.....................................>  <State.....>  <Channels.>"
    assert shown[2] == "    I/OAuth:  <AuthId/UserName...........................................................>"
    assert shown[3] == "        Aor:  <Aor............................................>  <MaxContact>"
    assert shown[4] == "      Contact:  <Aor/ContactUri..........................> <Hash....> <Status> <RTT(ms)..>"
    assert shown[5] == "  Transport:  <TransportId........>  <Type>  <cos>  <tos>  <BindAddress..................>"
    assert shown[10] == "=" * 90
    assert shown[12] == " Endpoint:  alice                                                Not in use    0 of inf"
    assert shown[13] == "     InAuth:  alice/alice"
    assert shown[14] == "        Aor:  alice                                              2"
    assert shown[15].split()[1] == f"alice/sip:alice@127.0.0.1:{phone.port}"
    assert shown[15].split()[-2:] == ["NonQual", "nan"]
    assert shown[16].startswith("      Contact:  alice/sip:alice@192.0.2.99")
    assert "Objects found: 1" in shown
    assert "Objects found: 1" in await sip.cli("pjsip list endpoints like ^al")
    assert "No objects found" in await sip.cli("pjsip show endpoints like ^zz")


@ensure
async def test_single_objects_and_no_secrets(sip: SipHalf) -> None:
    for line in ("pjsip show auth alice", "pjsip show auths", "pjsip show endpoint alice", "pjsip show aor alice"):
        shown = await sip.cli(line)
        assert "wonderland" not in shown
        assert "alice" in shown
    auth = await sip.cli("pjsip show auth alice")
    assert "ParameterName" in auth
    assert any(line.split() == ["password", ":", "********"] for line in auth.splitlines())
    assert "Unable to find object zz." in await sip.cli("pjsip show aor zz")
    assert "Usage: pjsip show aor <id>" in await sip.cli("pjsip show aor")
    assert f"127.0.0.1:{sip.port()}" in await sip.cli("pjsip show transports")
    assert "max_contacts" in await sip.cli("pjsip show aor alice")


@ensure
async def test_the_rest(sip: SipHalf) -> None:
    assert "No objects found." in await sip.cli("pjsip show registrations")
    assert "No objects found." in await sip.cli("pjsip show channels")
    assert "No objects found." in await sip.cli("pjsip show identifies")
    assert "ip\nusername\nanonymous\n" in await sip.cli("pjsip show identifiers")
    assert "default_realm" in await sip.cli("pjsip show settings")
    assert "alice/sip:alice@192.0.2.99" in await sip.cli("pjsip show contacts")
    assert "alice/sip:alice@192.0.2.99" in await sip.cli("pjsip show contact alice/sip:alice@192.0.2.99")
    await sip.server.modules.stop()
    assert "No such command" in await sip.cli("pjsip show endpoints")
