"""func_groupcount: groups that channels put themselves into, and how many channels are in one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from twisted.logger import Logger

from dialplan.arguments import Arguments
from dialplan.functions.base import live, matcher
from dialplan.registry import DialplanModule, FunctionError, function
from pbx.cli.registry import Command, UsageError
from pbx.core.channel import Channel

log = Logger()

#: Where a channel keeps its groups by category (`Channel.extra`).
KEY = "groups"
#: Characters of a group and of a category.
MAX_NAME = 79


def split_group(text: str) -> tuple[str, str]:
    """``group[@category]`` apart, each as long as Asterisk keeps it."""
    group, _, category = text.partition("@")
    return group[:MAX_NAME], category[:MAX_NAME]


class Groups:
    """The groups of all channels; a channel is in one group of each category. Letter case does not count."""

    def __init__(self) -> None:
        #: Channels by group, and by group and category.
        self._by_group: Counter[str] = Counter()
        self._by_both: Counter[tuple[str, str]] = Counter()

    @staticmethod
    def of(channel: Channel) -> dict[str, str]:
        """A channel's groups as (category in lower case: ``group[@category]`` as given), the oldest first."""
        found = channel.extra.get(KEY)
        return found if isinstance(found, dict) else {}

    def set(self, channel: Channel, group: str, category: str) -> None:
        """Put ``channel`` into ``group``, out of the one it was in; an empty group is none."""
        mine = self.of(channel)
        if KEY not in channel.extra:
            channel.extra[KEY] = mine
            channel.on_end.append(self._ended)
        key = category.lower()
        before = mine.pop(key, None)
        if before is not None:
            self._count(before, key, -1)
        if not group:
            return
        mine[key] = f"{group}@{category}" if category else group
        self._count(mine[key], key, 1)

    def _count(self, text: str, category: str, step: int) -> None:
        group = split_group(text)[0].lower()
        for counter, key in ((self._by_group, group), (self._by_both, (group, category))):
            counter[key] += step  # type: ignore[index]
            if not counter[key]:  # type: ignore[index]
                del counter[key]

    def _ended(self, channel: Channel) -> None:
        for category, text in self.of(channel).items():
            self._count(text, category, -1)
        channel.extra.pop(KEY, None)

    def count(self, group: str, category: str = "") -> int:
        """How many channels are in a group; in any category where none is given."""
        if category:
            return self._by_both[group.lower(), category.lower()]
        return self._by_group[group.lower()]


class GroupModule(DialplanModule):
    """GROUP, GROUP_COUNT, GROUP_LIST, GROUP_MATCH_COUNT and ``group show channels``."""

    name = "func_groupcount"
    description = "Channel group dialplan functions"

    async def load(self) -> None:
        self._groups = Groups()
        self._withdraw: Callable[[], None] = self.server.cli.register(
            Command(
                "group show channels",
                "group show channels [pattern]",
                "Display active channels with group(s)",
                self._show,
            )
        )
        self.register()

    async def unload(self) -> None:
        await super().unload()
        self._withdraw()

    @function(
        "GROUP",
        "[category]",
        synopsis="Gets or sets the channel group.",
        description="A channel is in one group of each category; set to nothing, it leaves that of the category.",
        see_also=("GROUP_COUNT", "GROUP_MATCH_COUNT", "GROUP_LIST"),
    )
    def func_group(self, channel: Channel | None, args: Arguments) -> str:
        mine = Groups.of(live(channel, "GROUP"))
        category = args.raw[:MAX_NAME].lower()
        text = mine.get(category) if category else next(iter(mine.values()), None)
        return split_group(text)[0] if text else ""

    @func_group.writer
    def set_group(self, channel: Channel | None, args: Arguments, value: str) -> None:
        group, category = split_group(f"{value}@{args.raw}" if args.raw else value)
        self._groups.set(live(channel, "GROUP"), group, category)

    @function(
        "GROUP_COUNT",
        "[groupname[@category]]",
        synopsis="Counts the number of channels in the specified group.",
        description="Without a group, of the group that the channel is in.",
    )
    def func_group_count(self, channel: Channel | None, args: Arguments) -> str:
        call = live(channel, "GROUP_COUNT")
        group, category = split_group(args.raw)
        if not group:
            mine = Groups.of(call)
            text = mine.get(category.lower()) if category else next(iter(mine.values()), None)
            if not text:
                return "0"
            group, category = split_group(text)
        return str(self._groups.count(group, category))

    @function(
        "GROUP_MATCH_COUNT",
        "groupmatch[@category]",
        synopsis="Counts the number of channels in the groups matching the specified pattern.",
        description="Both parts are regular expressions.",
    )
    def func_group_match_count(self, channel: Channel | None, args: Arguments) -> str:
        group, category = split_group(args.raw)
        if not group:
            return ""
        try:
            wanted = matcher(group)
            of_category = matcher(category) if category else None
        except FunctionError as error:
            log.error("GROUP_MATCH_COUNT: {reason}", reason=str(error))
            return "0"
        count = 0
        for each in self.server.channels:
            for text in Groups.of(each).values():
                name, kind = split_group(text)
                count += wanted(name) and (of_category is None or (bool(kind) and of_category(kind)))
        return str(count)

    @function(
        "GROUP_LIST", "", synopsis="Gets a list of the groups set on a channel.", description="Divided by spaces."
    )
    def func_group_list(self, channel: Channel | None, args: Arguments) -> str:
        return " ".join(Groups.of(live(channel, "GROUP_LIST")).values())

    def _show(self, words: Sequence[str]) -> str:
        """``group show channels``."""
        if len(words) > 1:
            raise UsageError
        wanted = matcher(words[0]) if words else None
        lines = [f"{'Channel':<25}  {'Group':<20}  {'Category':<20}"]
        for channel in self.server.channels:
            for text in Groups.of(channel).values():
                group, category = split_group(text)
                if wanted is None or wanted(group):
                    lines.append(f"{channel.name:<25}  {group:<20}  {category or '(default)':<20}")
        count = len(lines) - 1
        return "\n".join((*lines, f"{count} active channel{'s' * (count != 1)}"))
