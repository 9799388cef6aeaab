"""The seam between the core and what carries calls.

A `Technology` makes channels for addresses (``PJSIP/alice``); a `ChannelDriver` is one channel's other side. The core
calls the driver; the driver reports by `Channel.queue_frame` and `Channel.remote_hangup`, never by raising.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pbx.core.causes import Cause
from pbx.core.device_state import DeviceState
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pbx.core.channel import Channel
    from pbx.core.frames import Control


class RequestFailed(ObeliskError):
    """No channel could be made for an address; ``cause`` becomes DIALSTATUS and HANGUPCAUSE."""

    def __init__(self, message: str, cause: Cause) -> None:
        super().__init__(message)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class ChannelRequest:
    """What a technology is asked to make a channel for.

    ``formats`` are names in order of preference (empty: the technology's own); ``requestor`` is the channel that
    dials, if any; ids are given by clients that choose their own.
    """

    address: str
    requestor: Channel | None = None
    formats: Sequence[str] = ()
    uniqueid: str | None = None
    other_uniqueid: str | None = None
    linkedid: str | None = None
    variables: dict[str, str] = field(default_factory=dict)


class ChannelDriver(Protocol):
    """One channel's technology side. Every method returns at once; nothing raises for network trouble."""

    def call(self) -> None:
        """Place the outgoing call; the channel's parties and variables are set by now."""

    def answer(self) -> None:
        """Accept the incoming call."""

    def indicate(self, kind: Control, data: object) -> bool:
        """Tell the far end; False when the technology cannot, and the core may emulate with a tone."""

    def hangup(self) -> None:
        """End the call with the channel's cause and release everything. Called once, as the last thing."""

    def send_digit(self, digit: str, duration_ms: int) -> None:
        """Send one DTMF digit to the far end by the means the call negotiated."""

    def send_text(self, text: str, content_type: str = "") -> bool:
        """Send a text inside the call, plain unless ``content_type`` says otherwise; False where that is impossible."""

    def transfer(self, target: str) -> bool:
        """Ask the far end to call ``target`` instead; False where that is impossible."""

    def fixup(self, old: Channel, new: Channel) -> None:
        """The driver now belongs to ``new``."""


class Technology(Protocol):
    """A kind of channel."""

    @property
    def name(self) -> str:
        """``PJSIP``, ``Local``."""

    @property
    def description(self) -> str: ...

    def request(self, request: ChannelRequest) -> Channel:
        """Make an outgoing channel in state Down, not called yet.

        Raises RequestFailed with a cause (unknown address, unreachable, limits).
        """

    def device_state(self, resource: str) -> DeviceState:
        """The state of ``resource`` (the part behind the slash), its calls included.

        UNKNOWN lets the core judge by the calls there are, INVALID says that there is no such device.
        """


class Technologies:
    """The technologies loaded now."""

    def __init__(self) -> None:
        self._by_name: dict[str, Technology] = {}

    def register(self, technology: Technology) -> None:
        """Offer a technology; raises ValueError when its name is taken."""
        key = technology.name.upper()
        if key in self._by_name:
            raise ValueError(f"channel technology {technology.name} is registered twice")
        self._by_name[key] = technology

    def unregister(self, technology: Technology) -> None:
        self._by_name.pop(technology.name.upper(), None)

    def find(self, name: str) -> Technology | None:
        """By name in any case."""
        return self._by_name.get(name.upper())

    def all(self) -> list[Technology]:
        return [technology for _, technology in sorted(self._by_name.items())]

    def request(self, kind: str, request: ChannelRequest) -> Channel:
        """A channel of ``kind``. Raises RequestFailed, also when there is no such technology."""
        technology = self.find(kind)
        if technology is None:
            raise RequestFailed(f"no channel technology '{kind}' is loaded", Cause.CHAN_NOT_IMPLEMENTED)
        return technology.request(request)
