"""func_blacklist, func_vmcount, and AMI_CLIENT and LOG_GROUP of the core: what others keep or count."""

from __future__ import annotations

from dialplan.arguments import ArgumentError, Arguments
from dialplan.functions.base import live, write_only
from dialplan.registry import DialplanModule, FunctionError, function
from pbx.core.channel import Channel
from pbx.logs import call_groups
from pbx.manager_clients import ManagerClients
from pbx.mwi import Mailboxes

_FAMILY = "blacklist"
#: Folders of a mailbox whose counts are known.
_NEW, _OLD = "inbox", "old"


class BlacklistModule(DialplanModule):
    """BLACKLIST."""

    name = "func_blacklist"
    description = "Look up Caller*ID name/number from blacklist database"

    @function(
        "BLACKLIST",
        synopsis="Check if the callerid is on the blacklist.",
        description="1 when the caller's number or name is a key of the AstDB's family 'blacklist', else 0.",
        see_also=("DB",),
    )
    def func_blacklist(self, channel: Channel | None, args: Arguments) -> str:
        party = live(channel, "BLACKLIST").caller.id
        names = [party.number] if party.number_valid and party.number else []
        names += [party.name] if party.name_valid and party.name else []
        return str(int(any(self.server.astdb.get(_FAMILY, name) is not None for name in names)))


class VmcountModule(DialplanModule):
    """VMCOUNT."""

    name = "func_vmcount"
    description = "Indicator for whether a voice mailbox has messages in a given folder."

    @function(
        "VMCOUNT",
        "vmbox[,folder]",
        synopsis="Count the voicemails in a specified mailbox or mailboxes.",
        description="Several mailboxes are divided by &. The folder is INBOX, for new messages, unless it is Old.",
    )
    def func_vmcount(self, channel: Channel | None, args: Arguments) -> str:
        if not args["vmbox"]:
            raise ArgumentError("VMCOUNT requires a mailbox")
        mailboxes = self.server.find(Mailboxes)
        folder = args["folder"].lower() or _NEW
        if mailboxes is None or folder not in (_NEW, _OLD):
            return "0"
        found = (mailboxes.find(name) for name in args["vmbox"].split("&") if name)
        return str(sum(each.msgs_new if folder == _NEW else each.msgs_old for each in found if each is not None))


class CoreLookups(DialplanModule):
    """AMI_CLIENT and LOG_GROUP, which are the core's own."""

    name = "core"
    description = "The core's functions"

    @function(
        "AMI_CLIENT",
        "loginname,field",
        synopsis="Checks attributes of manager accounts.",
        description="The field 'sessions' is the number of sessions of the account.",
    )
    def func_ami_client(self, channel: Channel | None, args: Arguments) -> str:
        name, field = args["loginname"].strip(), args["field"].strip().lower()
        if not name:
            raise ArgumentError("AMI_CLIENT() requires two arguments: AMI_CLIENT(<name>[,<arg>])")
        clients = self.server.find(ManagerClients)
        count = None if clients is None else clients.sessions(name)
        if count is None:
            raise FunctionError(f'There\'s no manager user called : "{name}"')
        if field != "sessions":
            raise FunctionError(f"Invalid arguments provided to function AMI_CLIENT: {field}")
        return str(count)

    @function(
        "LOG_GROUP",
        "[group]",
        synopsis="Set the channel group name for log filtering on this channel",
        description=(
            "Can be written only: Set(LOG_GROUP()=name), with nothing to leave the group. While the console command "
            '"logger filter changroup" has enabled groups, verbose messages of their calls only are shown.'
        ),
        see_also=("Log",),
    )
    def func_log_group(self, channel: Channel | None, args: Arguments) -> str:
        raise write_only("LOG_GROUP")

    @func_log_group.writer
    def set_log_group(self, channel: Channel | None, args: Arguments, value: str) -> None:
        call = live(channel, "LOG_GROUP")
        if not value:
            call_groups.of_call.pop(call.callid, None)
            return
        call_groups.of_call[call.callid] = value
        if _forget_group not in call.on_end:
            call.on_end.append(_forget_group)


def _forget_group(channel: Channel) -> None:
    call_groups.of_call.pop(channel.callid, None)
