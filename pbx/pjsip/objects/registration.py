"""``type=registration``: a registrar elsewhere that is to know where we are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pbx.config import types
from pbx.config.options import ConfigObject, OptionError, option
from pbx.pjsip.uri import SipSyntaxError, SipUri


@dataclass(frozen=True, slots=True)
class Registration(ConfigObject):
    """We register ``client_uri`` at ``server_uri``."""

    type_name: ClassVar[str] = "registration"

    server_uri: str = option(types.STRING, "", help="SIP URI of the registrar")
    client_uri: str = option(types.STRING, "", help="the address of record: From and To of the REGISTER")
    contact_user: str = option(types.STRING, "s", help="user part of our Contact")
    contact_header_params: str = option(types.STRING, "", help="parameters of the Contact header")
    outbound_auth: tuple[str, ...] = option(types.COMMA_LIST, (), help="auth objects that answer challenges")
    outbound_proxy: str = option(types.STRING, "", help="SIP URI through which the REGISTER is sent")
    transport: str = option(types.STRING, "", help="transport to register by and to be reached at")
    expiration: int = option(types.integer(0, 2**31 - 1), 3600, help="seconds to register for")
    retry_interval: int = option(types.integer(0, 2**31 - 1), 60, help="seconds until the next try; 0 for none")
    forbidden_retry_interval: int = option(types.integer(0, 2**31 - 1), 0, help="the same after a 403")
    fatal_retry_interval: int = option(types.integer(0, 2**31 - 1), 0, help="the same after other final refusals")
    max_retries: int = option(types.integer(0, 2**31 - 1), 10, help="tries in a row before it is given up")
    max_random_initial_delay: int = option(
        types.integer(0, 86_400), 10, help="the first REGISTER is sent within this many seconds"
    )
    auth_rejection_permanent: bool = option(types.BOOL, True, help="a second challenge is final")
    line: bool = option(types.BOOL, False, help="put a token into our Contact that marks calls by this registration")
    endpoint: str = option(types.STRING, "", help="the endpoint of calls so marked")
    support_path: bool = option(types.BOOL, False, help="say that Path is supported")
    support_outbound: bool = option(types.YESNO, False, help="say that outbound (RFC 5626) is supported")
    security_negotiation: str = option(types.STRING, "no", help="mediasec, or no")
    security_mechanisms: str = option(types.STRING, "", help="mechanisms offered by mediasec")
    user_agent: str = option(types.STRING, "", help="User-Agent in place of the global one")

    def applied(self) -> Registration:
        for name in ("server_uri", "client_uri"):
            text = getattr(self, name)
            if not text:
                raise OptionError(name, f"a registration needs {name}")
            try:
                valid = SipUri.parse(text).is_sip
            except SipSyntaxError:
                valid = False
            if not valid:
                raise OptionError(name, f"'{text}' is not a SIP URI")
        if self.line and not self.endpoint:
            raise OptionError("line", "line needs an endpoint")
        if self.endpoint and not self.line:
            raise OptionError("endpoint", "an endpoint is of no use without line=yes")
        return self
