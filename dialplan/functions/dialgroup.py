"""func_dialgroup, func_config and func_srv: lists to dial, configuration files and services of the DNS."""

from __future__ import annotations

from typing import Any, NamedTuple

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments, split_arguments
from dialplan.functions.base import live, scan_int, wait_within
from dialplan.registry import DialplanModule, FunctionError, function
from pbx.core.channel import Channel
from pbx.errors import ObeliskError

log = Logger()

#: Where dial groups are kept in the AstDB.
FAMILY = "dialgroup"
#: Interfaces one write may name.
MAX_INTERFACES = 100
#: Seconds for each attempt of a DNS query.
DNS_SECONDS = (2, 3)
#: Records kept of one service, and services asked for on one channel.
MAX_RECORDS = 64
MAX_SERVICES = 32

_SERVICES = "srv"


class DialgroupModule(DialplanModule):
    """DIALGROUP; the AstDB is where the groups are."""

    name = "func_dialgroup"
    description = "Dialgroup dialplan function"

    @function(
        "DIALGROUP",
        "group[,op]",
        synopsis="Manages a group of users for dialing.",
        description="Reads the group's interfaces joined by &, for Dial. Written, add and del take some in and out; "
        "without an operation the value is the whole group. Kept across restarts.",
    )
    def func_dialgroup(self, channel: Channel | None, args: Arguments) -> str:
        kept = self.server.astdb.get(FAMILY, args.raw)
        if kept is None:
            raise FunctionError(f"No such dialgroup '{args.raw}'")
        return kept

    @func_dialgroup.writer
    def set_dialgroup(self, channel: Channel | None, args: Arguments, value: str) -> None:
        group, operation = args["group"], args["op"].lower() or "replace"
        given = split_arguments(value, MAX_INTERFACES, "&")
        kept = self.server.astdb.get(FAMILY, group)
        members = dict.fromkeys([] if operation == "replace" or not kept else kept.split("&"))
        if operation in ("add", "replace"):
            members.update(dict.fromkeys(given))
        elif operation.startswith("del"):
            for each in given:
                if each not in members:
                    log.warn("Interface '{name}' not found in dialgroup '{group}'", name=each, group=group)
                members.pop(each, None)
        else:
            raise ArgumentError(f"Unrecognized operation: {args['op']}")
        if members:
            self.server.astdb.put(FAMILY, group, "&".join(members))
        else:
            self.server.astdb.delete(FAMILY, group)


class ConfigModule(DialplanModule):
    """AST_CONFIG."""

    name = "func_config"
    description = "Asterisk configuration file variable access"

    @function(
        "AST_CONFIG",
        "config_file,category,variable_name[,index]",
        synopsis="Retrieve a variable from a configuration file.",
        description="Of several of the name, the index says which: 0 the first, -1 the last.",
        capability="config",
    )
    def func_ast_config(self, channel: Channel | None, args: Arguments) -> str:
        for name in ("config_file", "category", "variable_name"):
            if not args[name]:
                raise ArgumentError(f"AST_CONFIG() requires a {name}")
        index = scan_int(args["index"] or "0")
        if index is None:
            raise ArgumentError("AST_CONFIG() index must be an integer")
        if "/" in args["config_file"]:
            raise ArgumentError("AST_CONFIG() reads files of the configuration's directory only")
        config = self.server.config.load_optional(args["config_file"])
        section = None if config is None else config.section(args["category"])
        wanted = args["variable_name"].lower()
        values = [] if section is None else [item.value for item in section.items if item.key.lower() == wanted]
        if not values or not -1 <= index < len(values):
            raise FunctionError(f"'{args['variable_name']}' not found at index {index} in '{args['config_file']}'")
        return values[index]


class Service(NamedTuple):
    """One SRV record."""

    priority: int
    weight: int
    port: int
    host: str


class ServiceModule(DialplanModule):
    """SRVQUERY and SRVRESULT."""

    name = "func_srv"
    description = "SRV related dialplan functions"

    _resolver: Any = None

    async def _look_up(self, channel: Channel, service: str) -> list[Service]:
        from twisted.names import client, dns
        from twisted.names.error import DNSServerError, DomainError, ResolverError

        if self._resolver is None:
            self._resolver = client.createResolver()  # type: ignore[no-untyped-call]
        try:
            answers, _, _ = await wait_within(channel, self._resolver.lookupService(service, DNS_SECONDS))
        except (DNSServerError, DomainError, ResolverError, OSError, ValueError) as error:
            raise FunctionError(f"Error performing lookup of service '{service}': {error!r}") from None
        except Exception as error:
            # twisted.names gives its own timeout, which is an Exception and nothing more.
            if isinstance(error, ObeliskError):
                raise
            raise FunctionError(f"Error performing lookup of service '{service}': {error!r}") from None
        records = [each.payload for each in answers if each.type == dns.SRV]
        found = [Service(each.priority, each.weight, each.port, str(each.target)) for each in records[:MAX_RECORDS]]
        return sorted(found, key=lambda each: (each.priority, -each.weight))

    async def _records(self, channel: Channel, service: str, *, anew: bool) -> list[Service]:
        kept: Any = channel.extra.setdefault(_SERVICES, {})
        if anew or service not in kept:
            found = await self._look_up(channel, service)
            if len(kept) >= MAX_SERVICES:
                kept.clear()
            kept[service] = found
        result: list[Service] = kept[service]
        return result

    @function(
        "SRVQUERY",
        "service",
        synopsis="Initiate an SRV query.",
        description="Of a name such as _sip._udp.example.com; gives the id for SRVRESULT.",
        see_also=("SRVRESULT",),
    )
    async def func_srvquery(self, channel: Channel | None, args: Arguments) -> str:
        if not args.raw:
            raise ArgumentError("SRVQUERY requires a service as an argument")
        await self._records(live(channel, "SRVQUERY"), args.raw, anew=True)
        return args.raw

    @function(
        "SRVRESULT",
        "id,resultnum[,field]",
        synopsis="Retrieve results from an SRVQUERY.",
        description="Fields: host, port, priority, weight of the result of that number, from 1. getnum: how many.",
        see_also=("SRVQUERY",),
    )
    async def func_srvresult(self, channel: Channel | None, args: Arguments) -> str:
        if len(args) < 2:
            raise ArgumentError("SRVRESULT requires two arguments (id and resultnum)")
        records = await self._records(live(channel, "SRVRESULT"), args["id"], anew=False)
        if args["resultnum"].lower() == "getnum":
            return str(len(records))
        if not args["field"]:
            raise ArgumentError("A field must be provided when requesting SRV data")
        number = scan_int(args["resultnum"])
        if number is None:
            raise ArgumentError(f"Invalid value '{args['resultnum']}' for resultnum to SRVRESULT")
        if not 1 <= number <= len(records):
            raise FunctionError(f"Failed to get record number {number} for SRVRESULT")
        field = args["field"].lower()
        if field not in Service._fields:
            raise ArgumentError(f"Unrecognized SRV field '{args['field']}'")
        return str(getattr(records[number - 1], field))
