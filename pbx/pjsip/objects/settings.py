"""``type=global`` and ``type=system``: one of each, whatever their sections are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pbx.config import types
from pbx.config.options import ConfigObject, option
from pbx.pjsip.digest import Algorithm
from pbx.pjsip.objects.endpoint import MAX_UINT
from pbx.pjsip.objects.enums import OverloadTrigger
from pbx.pjsip.objects.types import ALGORITHMS, choice
from pbx.version import PRODUCT_TOKEN

UINT = types.integer(0, MAX_UINT)


@dataclass(frozen=True, slots=True)
class GlobalSettings(ConfigObject):
    """``type=global``: can change on reload."""

    type_name: ClassVar[str] = "global"

    user_agent: str = option(types.STRING, PRODUCT_TOKEN, help="User-Agent and Server")
    max_forwards: int = option(types.integer(1, 255), 70, help="Max-Forwards of requests")
    keep_alive_interval: int = option(UINT, 90, help="seconds between keep-alives on connections; 0 none")
    endpoint_identifier_order: tuple[str, ...] = option(
        types.COMMA_LIST, ("ip", "username", "anonymous"), help="order in which the ways of identification are tried"
    )
    default_realm: str = option(types.STRING, "asterisk", help="realm of challenges")
    default_auth_algorithms_uas: tuple[Algorithm, ...] = option(
        ALGORITHMS, (Algorithm.MD5,), help="digest algorithms we challenge with"
    )
    default_auth_algorithms_uac: tuple[Algorithm, ...] = option(
        ALGORITHMS, (Algorithm.MD5,), help="digest algorithms we answer challenges with"
    )
    default_from_user: str = option(types.STRING, "asterisk", help="From user of requests without a caller")
    default_outbound_endpoint: str = option(
        types.STRING, "default_outbound_endpoint", help="endpoint whose settings serve requests to bare URIs"
    )
    default_voicemail_extension: str = option(types.STRING, "", help="extension sent as Message-Account")
    debug: str = option(types.STRING, "no", help="yes, no or an address: trace SIP from the start")
    contact_expiration_check_interval: int = option(UINT, 30, help="seconds between looks for expired contacts; 0 none")
    send_contact_status_on_update_registration: bool = option(
        types.YESNO, False, help="publish ContactStatus when a registration is refreshed too"
    )
    max_initial_qualify_time: int = option(
        UINT, 0, help="seconds over which the first OPTIONS are spread; 0 as frequency"
    )
    unidentified_request_count: int = option(UINT, 5, help="unidentified requests after which a sender is reported")
    unidentified_request_period: int = option(UINT, 5, help="seconds in which they are counted")
    unidentified_request_prune_interval: int = option(UINT, 30, help="seconds after which a quiet sender is forgotten")
    disable_multi_domain: bool = option(types.BOOL, False, help="look endpoints up by user alone")
    ignore_uri_user_options: bool = option(types.BOOL, False, help="cut the user part of URIs at a semicolon")
    use_callerid_contact: bool = option(types.YESNO, False, help="put the caller's number into our Contact")
    norefersub: bool = option(types.YESNO, True, help="offer norefersub")
    regcontext: str = option(types.STRING, "", help="context in which registered phones get an extension")
    all_codecs_on_empty_reinvite: bool = option(types.BOOL, False, help="offer all codecs to a re-INVITE without SDP")
    allow_sending_180_after_183: bool = option(types.BOOL, False, help="send 180 after 183")
    mwi_disable_initial_unsolicited: bool = option(types.BOOL, False, help="no message waiting notices at start")
    mwi_tps_queue_high: int = option(UINT, 500, help="kept for compatibility")
    mwi_tps_queue_low: int = option(types.integer(-1, MAX_UINT), -1, help="kept for compatibility")
    taskprocessor_overload_trigger: OverloadTrigger = option(
        choice(OverloadTrigger), OverloadTrigger.GLOBAL, help="kept for compatibility"
    )


@dataclass(frozen=True, slots=True)
class SystemSettings(ConfigObject):
    """``type=system``: read at start only."""

    type_name: ClassVar[str] = "system"

    timer_t1: int = option(types.integer(1, MAX_UINT), 500, help="T1 of RFC 3261, in milliseconds")
    timer_b: int = option(types.integer(1, MAX_UINT), 32_000, help="timer B of RFC 3261, in milliseconds")
    compact_headers: bool = option(types.BOOL, False, help="send header names in their short form")
    follow_early_media_fork: bool = option(types.BOOL, True, help="follow SDP that changes with a new To tag")
    accept_multiple_sdp_answers: bool = option(types.BOOL, False, help="follow SDP that changes without a new To tag")
    disable_tcp_switch: bool = option(types.BOOL, True, help="large requests stay on UDP")
    disable_rport: bool = option(types.BOOL, False, help="send no rport in our Via")
    threadpool_initial_size: int = option(UINT, 4, help="kept for compatibility")
    threadpool_auto_increment: int = option(UINT, 1, help="kept for compatibility")
    threadpool_idle_timeout: int = option(UINT, 60, help="kept for compatibility")
    threadpool_max_size: int = option(UINT, 50, help="kept for compatibility")
    taskpool_initial_size: int = option(UINT, 4, help="kept for compatibility")
    taskpool_minimum_size: int = option(UINT, 4, help="kept for compatibility")
    taskpool_auto_increment: int = option(UINT, 1, help="kept for compatibility")
    taskpool_idle_timeout: int = option(UINT, 60, help="kept for compatibility")
    taskpool_max_size: int = option(UINT, 50, help="kept for compatibility")
