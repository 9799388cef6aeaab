"""Options of pjsip.conf that are read and kept, but change nothing yet; docs/pjsip.md lists them, the log warns.

Whoever lets one act takes it out of here, and the documentation's test then asks for its place among those that act.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pbx.config.options import schema_of
from pbx.pjsip.objects import Auth, Endpoint, GlobalSettings, Registration, SystemSettings, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pbx.config.options import ConfigObject, Option
    from pbx.sorcery import Sorcery


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: What nobody misses: threads and queues there are none of, and media that always passes through the exchange.
HARMLESS: dict[type[ConfigObject], frozenset[str]] = {
    Endpoint: _words(
        "direct_media direct_media_glare_mitigation direct_media_method disable_direct_media_on_nat rtp_engine"
    ),
    Transport: _words("async_operations websocket_write_timeout"),
    GlobalSettings: _words("mwi_tps_queue_high mwi_tps_queue_low taskprocessor_overload_trigger"),
    SystemSettings: _words(
        "taskpool_auto_increment taskpool_idle_timeout taskpool_initial_size taskpool_max_size taskpool_minimum_size "
        "threadpool_auto_increment threadpool_idle_timeout threadpool_initial_size threadpool_max_size"
    ),
}

#: What somebody who sets it will miss.
MISSED: dict[type[ConfigObject], frozenset[str]] = {
    Endpoint: _words(
        "accept_multiple_sdp_answers asymmetric_rtp_codec bundle call_group codec_prefs_incoming_answer "
        "codec_prefs_incoming_offer codec_prefs_outgoing_answer codec_prefs_outgoing_offer cos_video "
        "dtls_auto_generate_cert dtls_ca_file dtls_ca_path dtls_cert_file dtls_cipher dtls_fingerprint "
        "dtls_private_key dtls_rekey dtls_setup dtls_verify fax_detect fax_detect_timeout follow_early_media_fork "
        "follow_redirect_methods force_avp g726_non_standard geoloc_incoming_call_profile "
        "geoloc_outgoing_call_profile ice_support max_audio_streams max_video_streams media_encryption "
        "media_encryption_optimistic media_use_received_transport named_call_group named_pickup_group "
        "outgoing_call_offer_pref pickup_group rtcp_mux rtp_ipv6 rtp_keepalive rtp_port_end "
        "rtp_port_start security_mechanisms security_negotiation srtp_tag_32 stir_shaken stir_shaken_profile "
        "t38_bind_udptl_to_media_address t38_udptl t38_udptl_ec t38_udptl_ipv6 "
        "t38_udptl_maxdatagram t38_udptl_nat tos_video use_avpf webrtc"
    ),
    Auth: _words("oauth_clientid oauth_secret refresh_token"),
    Registration: _words("security_mechanisms security_negotiation"),
    Transport: _words(
        "allow_wildcard_certs ca_list_file ca_list_path cert_file cipher method password priv_key_file "
        "require_client_cert symmetric_transport verify_client verify_server"
    ),
}


def without_effect(kind: type[ConfigObject]) -> frozenset[str]:
    """Every option of ``kind`` that changes nothing."""
    return HARMLESS.get(kind, frozenset()) | MISSED.get(kind, frozenset())


def warnings(sorcery: Sorcery) -> Iterator[str]:
    """One line for each option that is set in vain, naming the first object that sets it."""
    for kind, names in MISSED.items():
        if kind not in sorcery.types():
            continue
        objects = sorcery.all(kind)
        for declared in schema_of(kind).options.values():
            missed = [word for word in declared.words if word in names]
            if not missed or declared.hidden:
                continue
            setting = [each for each in objects if getattr(each, declared.attribute) != declared.default]
            if setting:
                yield _warning(setting, declared, missed[0])


def _warning(setting: list[Any], declared: Option, word: str) -> str:
    first = setting[0]
    place = "" if first.source is None else f"{first.source.path}:{first.source.line}: "
    more = f" and {len(setting) - 1} more" if len(setting) > 1 else ""
    return f"{place}{word} of {first.type_name} '{first.id}'{more} has no effect in this version"
