"""ari.conf: the interface's settings and its users, as typed options."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from pbx.config import types
from pbx.config.errors import flatten, raise_if_any
from pbx.config.options import ConfigObject, OptionError, option, parse_section
from pbx.config.types import AccessList
from pbx.errors import ConfigError

if TYPE_CHECKING:
    from pbx.config import Config, ConfigLoader, Section

FILE = "ari.conf"
ACL_FILE = "acl.conf"
_LATER = "accepted from Asterisk's file; changes nothing here yet"


class PasswordFormat(Enum):
    """How ari.conf holds passwords."""

    PLAIN = "plain"
    CRYPT = "crypt"


@dataclass(frozen=True, slots=True)
class General(ConfigObject):
    """``[general]`` of ari.conf."""

    type_name: ClassVar[str] = "general"

    enabled: bool = option(types.YESNO, True, help="whether ARI is served")
    pretty: bool = option(types.YESNO, False, help="whether JSON is indented")
    auth_realm: str = option(types.STRING, "Asterisk REST Interface", help="realm of HTTP authentication")
    allowed_origins: tuple[str, ...] = option(
        types.COMMA_LIST, (), help="origins whose scripts browsers let in (CORS); * for every one"
    )
    websocket_write_timeout: int = option(
        types.integer(1, 3_600_000), 30_000, help="milliseconds an event socket may leave data unread; at least 100"
    )
    channelvars: tuple[str, ...] = option(
        types.COMMA_LIST, (), help="variables that the JSON of every channel carries as channelvars"
    )


@dataclass(frozen=True, slots=True)
class User(ConfigObject):
    """A user of ARI; ``id`` is the name to authenticate with."""

    type_name: ClassVar[str] = "user"

    type: str = option(types.STRING, "user", hidden=True, help="user")
    read_only: bool = option(types.YESNO, False, help="whether the user may only ask (GET, OPTIONS)")
    password: str = option(types.STRING, "", secret=True, help="password: plain, ${ENV:NAME}, or as crypt(3) gives it")
    password_format: PasswordFormat = option(types.enum(PasswordFormat), PasswordFormat.PLAIN, help="plain or crypt")
    address_rules: AccessList = option(
        types.ACCESS_LIST, AccessList(), names=("permit", "deny"), help="networks the user may come from"
    )
    acl: tuple[str, ...] = option(
        types.accumulate(types.COMMA_LIST), (), help="lists of acl.conf that must let the user in"
    )

    def applied(self) -> User:
        """Check the options against each other. Raises OptionError."""
        if self.password_format is PasswordFormat.CRYPT and self.password and not self.password.startswith(("$", "_")):
            raise OptionError("password", "is not what crypt(3) gives ($6$salt$hash); make one with: openssl passwd -6")
        return self

    @property
    def name(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True)
class OutboundWebSocket(ConfigObject):
    """A socket that the exchange opens; ``id`` is the section's name."""

    type_name: ClassVar[str] = "outbound_websocket"

    type: str = option(types.STRING, "outbound_websocket", hidden=True, help="outbound_websocket")
    websocket_client_id: str = option(types.STRING, "", help="section of websocket_client.conf: where to connect to")
    apps: tuple[str, ...] = option(types.COMMA_LIST, (), help="applications that the other end runs")
    subscribe_all: bool = option(types.YESNO, False, help="whether they hear of everything")
    local_ari_user: str = option(types.STRING, "", help="the user whose rights requests over the socket have")

    def applied(self) -> OutboundWebSocket:
        """Check that nothing is missing. Raises OptionError."""
        for name in ("websocket_client_id", "apps", "local_ari_user"):
            if not getattr(self, name):
                raise OptionError(name, "is needed")
        return self


@dataclass(frozen=True, slots=True)
class NamedAcl(ConfigObject):
    """A section of acl.conf."""

    type_name: ClassVar[str] = "acl"

    rules: AccessList = option(
        types.ACCESS_LIST, AccessList(), names=("permit", "deny"), help="networks let in or kept out"
    )


@dataclass(frozen=True, slots=True)
class AriConfig:
    """ari.conf as a whole; ``acls`` are each user's lists, its own rules among them."""

    general: General = field(default_factory=lambda: General("general"))
    users: dict[str, User] = field(default_factory=dict)
    acls: dict[str, tuple[AccessList, ...]] = field(default_factory=dict)
    outbound: dict[str, OutboundWebSocket] = field(default_factory=dict)

    def admits(self, user: User, address: str) -> bool:
        """Whether a user may come from an IP address."""
        return all(acl.permits(address) for acl in self.acls.get(user.id, ()))


def read_ari_conf(loader: ConfigLoader) -> AriConfig | None:
    """ari.conf; None without the file. Raises ConfigErrors with everything that is wrong."""
    config = loader.load_optional(FILE)
    if config is None:
        return None
    errors: list[ConfigError] = []
    general = General("general")
    try:
        general = parse_section(General, config.section("general"))
    except ConfigError as error:
        errors += flatten(error)
    users: dict[str, User] = {}
    acls: dict[str, tuple[AccessList, ...]] = {}
    sockets: list[Section] = []
    acl_config = loader.load_optional(ACL_FILE)
    for section in config.sections:
        if section.name.lower() == "general":
            continue
        kind = section.get("type")
        if kind == OutboundWebSocket.type_name:
            sockets.append(section)
            continue
        if kind != "user":
            last = section.last("type")
            line = section.line if last is None else last.line
            text = f"[{section.name}]: type must be user or outbound_websocket"
            errors.append(ConfigError(text, section.path, line))
            continue
        if section.name in users:
            errors.append(ConfigError(f"user '{section.name}' is defined twice", section.path, section.line))
            continue
        try:
            user = parse_section(User, section)
            acls[user.id] = _acls(user, section, acl_config)
            users[user.id] = user
        except ConfigError as error:
            errors += flatten(error)
    outbound = _outbound(sockets, users, errors)
    raise_if_any(errors)
    return AriConfig(general, users, acls, outbound)


def _outbound(
    sections: list[Section], users: dict[str, User], errors: list[ConfigError]
) -> dict[str, OutboundWebSocket]:
    """The sockets to open. What is wrong goes to ``errors``: each application is served by one, for a known user."""
    found: dict[str, OutboundWebSocket] = {}
    served: dict[str, str] = {}
    for section in sections:
        try:
            made = parse_section(OutboundWebSocket, section)
        except ConfigError as error:
            errors += flatten(error)
            continue
        wrong = [f"apps: {app} is served by [{served[app]}] already" for app in made.apps if app in served]
        if made.local_ari_user not in users:
            wrong.append(f"local_ari_user: there is no user '{made.local_ari_user}'")
        errors += [ConfigError(f"[{section.name}] {text}", section.path, section.line) for text in wrong]
        served.update(dict.fromkeys(made.apps, section.name))
        found[section.name] = made
    return found


def _acls(user: User, section: Section, acl_config: Config | None) -> tuple[AccessList, ...]:
    acls = [user.address_rules]
    for name in user.acl:
        named = None if acl_config is None else acl_config.section(name)
        if named is None:
            item = section.last("acl")
            line = section.line if item is None else item.line
            raise ConfigError(f"acl: there is no [{name}] in {ACL_FILE}", section.path, line)
        acls.append(parse_section(NamedAcl, named).rules)
    return tuple(acls)
