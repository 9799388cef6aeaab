"""Registrations of ours elsewhere: the registrar is a phone's socket, every answer is the test's."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_twisted import ensureDeferred

from pbx.cli.registry import CommandRegistry
from pbx.pjsip.outbound_registration import RegistrationClients, RegistrationState, RegistryChanged

AUTH = """
[us]
type = auth
auth_type = userpass
username = exchange
password = sesame
"""
REGISTRATION = """
[trunk]
type = registration
server_uri = sip:127.0.0.1:{port}
client_uri = sip:account@127.0.0.1
contact_user = 100
expiration = 300
max_random_initial_delay = 0
outbound_auth = us
line = yes
endpoint = phone
{more}
"""


@pytest.fixture
def options() -> str:
    return AUTH


class Registrar:
    """The registration towards a phone's socket."""

    def __init__(self, exchange: Any, phone: Any) -> None:
        self.exchange = exchange
        self.phone = phone
        self.states: list[RegistrationState] = []
        exchange.server.bus.subscribe(RegistryChanged, lambda said: self.states.append(said.state))

    async def begin(self, more: str = "") -> Any:
        """Configure the registration and reload; gives the first REGISTER."""
        conf = self.exchange.server.directories.etc / "pjsip.conf"
        conf.write_text(conf.read_text() + REGISTRATION.format(port=self.phone.port, more=more))
        await self.exchange.server.reload("res_pjsip_outbound_registration")
        return await self.phone.wanted("REGISTER")

    @property
    def client(self) -> Any:
        return self.exchange.server.require(RegistrationClients).find("trunk")

    async def told(self, state: RegistrationState) -> None:
        await self.exchange.until(lambda: bool(self.states) and self.states[-1] is state, f"{state}")


@pytest.fixture
def registrar(exchange: Any, phone: Any) -> Registrar:
    return Registrar(exchange, phone)


async def console(exchange: Any, line: str) -> str:
    registry: CommandRegistry = exchange.server.cli
    return (await registry.run(line)).output


@ensureDeferred
async def test_it_registers_is_seen_and_unregisters(registrar: Registrar, exchange: Any, phone: Any) -> None:
    first = await registrar.begin()
    assert first.request_uri == f"sip:127.0.0.1:{phone.port}"
    assert (str(first.to), first.headers.get("Expires")) == ("<sip:account@127.0.0.1>", "300")
    phone.answer(first, 401, headers=['WWW-Authenticate: Digest realm="there", nonce="n", qop="auth"'])
    second = await phone.wanted("REGISTER")
    assert (second.call_id, second.cseq) == (first.call_id, first.cseq + 1)
    assert 'username="exchange"' in second.headers.get("Authorization")
    contact = second.headers.get("Contact")
    assert contact.startswith(f"<sip:100@127.0.0.1:{exchange.port};line=")
    phone.answer(second, 200, contact=f"Contact: {contact};expires=120")
    await registrar.told(RegistrationState.REGISTERED)
    assert 105 <= registrar.client.next_in_seconds <= 110
    listing = await console(exchange, "pjsip show registrations")
    assert f"trunk/sip:127.0.0.1:{phone.port}" in listing
    assert "Registered       (exp. 120s)" in listing
    assert "contact_user" in await console(exchange, "pjsip show registration trunk")
    await console(exchange, "pjsip send unregister trunk")
    third = await phone.wanted("REGISTER")
    assert (third.headers.get("Expires"), third.call_id) == ("0", first.call_id)
    phone.answer(third, 200)
    await registrar.told(RegistrationState.UNREGISTERED)
    assert "Unable to retrieve registration x" in await console(exchange, "pjsip send register x")


@ensureDeferred
async def test_a_call_by_the_line_is_its_endpoints(registrar: Registrar, exchange: Any, phone: Any) -> None:
    register = await registrar.begin()
    line = register.contacts[0].uri.params["line"]
    phone.answer(register, 200)
    await registrar.told(RegistrationState.REGISTERED)
    phone.target = "100"
    phone.request("OPTIONS", uri=f"sip:100@127.0.0.1:{exchange.port};line={line}")
    await phone.response(200, "OPTIONS")
    # The registration's endpoint is found before the address is looked at.
    names = [name for name, _ in exchange.server.require(_distributor()).identifiers.in_order()]
    assert "line" in names


def _distributor() -> type:
    from pbx.pjsip.distributor import Distributor

    return Distributor


@ensureDeferred
@pytest.mark.parametrize(
    ("more", "code", "headers", "planned"),
    [
        ("retry_interval = 30", 503, [], 30),
        ("retry_interval = 30", 503, ["Retry-After: 7"], 7),
        ("retry_interval = 30\nmax_retries = 0", 503, [], 0),
        ("forbidden_retry_interval = 40", 403, [], 40),
        ("fatal_retry_interval = 50", 404, [], 50),
        ("", 404, [], 0),
        ("", 401, [], 0),
        ("auth_rejection_permanent = no\nretry_interval = 30", 401, [], 30),
    ],
)
async def test_what_follows_a_refusal(
    registrar: Registrar, phone: Any, more: str, code: int, headers: list[str], planned: int
) -> None:
    phone.answer(await registrar.begin(more), code, headers=headers)
    await registrar.told(RegistrationState.REJECTED)
    assert planned - 2 <= registrar.client.next_in_seconds <= planned


@ensureDeferred
async def test_too_brief_an_interval_is_lengthened(registrar: Registrar, phone: Any) -> None:
    phone.answer(await registrar.begin(), 423, headers=["Min-Expires: 900"])
    longer = await phone.wanted("REGISTER")
    assert longer.headers.get("Expires") == "900"
    phone.answer(longer, 200, headers=["Expires: 900"])
    await registrar.told(RegistrationState.REGISTERED)


@ensureDeferred
async def test_a_section_taken_away_is_unregistered(registrar: Registrar, exchange: Any, phone: Any) -> None:
    phone.answer(await registrar.begin(), 200)
    await registrar.told(RegistrationState.REGISTERED)
    conf = exchange.server.directories.etc / "pjsip.conf"
    conf.write_text(conf.read_text().partition("[trunk]")[0])
    await exchange.server.reload("res_pjsip_outbound_registration")
    assert (await phone.wanted("REGISTER")).headers.get("Expires") == "0"
    assert list(exchange.server.require(RegistrationClients)) == []


@pytest.mark.parametrize(("more", "shown"), [("user_agent = Desk 9", ["Desk 9"]), ("", None)])
@ensureDeferred
async def test_who_registers_may_call_itself_otherwise(
    registrar: Registrar, more: str, shown: list[str] | None
) -> None:
    register = await registrar.begin(more)
    agents = register.headers.get_all("User-Agent")
    assert agents == shown or (shown is None and agents[0].startswith("Obelisk"))
    registrar.phone.answer(register, 403)
    await registrar.told(RegistrationState.REJECTED)
