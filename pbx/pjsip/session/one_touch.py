"""res_pjsip_one_touch_record_info: a phone's key for recording, as INFO with ``Record: on`` or ``off``.

What the endpoint names in ``record_on_feature`` and ``record_off_feature`` is looked up in features.conf, and its code
is taken as pressed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pbx.core.frames import DIGITS, DigitBegin, DigitEnd
from pbx.modules import Module
from pbx.pjsip.session.services import Sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pbx.pjsip.message import SipMessage
    from pbx.pjsip.session.session import PjsipSession

#: Codes of features.conf's [featuremap] where it names none (main/features_config.c).
BUILT_IN_CODES = {"blindxfer": "#", "atxfer": "", "disconnect": "*", "parkcall": "", "automixmon": ""}


class OneTouchRecording(Module):
    """Answers INFO with a Record header."""

    name: ClassVar[str] = "res_pjsip_one_touch_record_info"
    description: ClassVar[str] = "PJSIP INFO One Touch Recording Support"
    requires: ClassVar[tuple[str, ...]] = ("res_pjsip", "res_pjsip_session")

    async def load(self) -> None:
        self._codes = self._read()
        self._withdraw = self.server.require(Sessions).register_info(self._on_info)

    async def unload(self) -> None:
        self._withdraw()

    async def reload(self) -> None:
        self._codes = self._read()

    def _read(self) -> dict[str, str]:
        """Codes by feature: those of [featuremap] over the built-in ones, and the first word of [applicationmap]'s."""
        codes = dict(BUILT_IN_CODES)
        loaded = self.server.config.load_optional("features.conf")
        for section in () if loaded is None else loaded.sections:
            if section.name.lower() in ("featuremap", "applicationmap"):
                codes |= {item.key: item.value.split(",")[0].strip() for item in section}
        return codes

    def _on_info(self, session: PjsipSession, message: SipMessage) -> tuple[int, Sequence[tuple[str, str]]] | None:
        wanted = (message.headers.get("Record") or "").strip().lower()
        if wanted not in ("on", "off"):
            return None
        endpoint = session.endpoint
        feature = endpoint.record_on_feature if wanted == "on" else endpoint.record_off_feature
        code = self._codes.get(feature, "")
        if not endpoint.one_touch_recording or not code or not DIGITS.issuperset(code.upper()):
            return 403, ()
        session.later(self._press, session, code.upper())
        return 200, ()

    @staticmethod
    def _press(session: PjsipSession, code: str) -> None:
        for digit in code:
            session.channel.queue_frame(DigitBegin(digit))
            session.channel.queue_frame(DigitEnd(digit))
