"""``type=endpoint``: what the exchange calls and is called by. One row an option; signalling first, then media."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from pbx.config import types
from pbx.config.options import ConfigObject, OptionError, option
from pbx.config.types import AccessList, CodecList
from pbx.core.party import PartyId
from pbx.pjsip.objects.enums import (
    CallerIdPrivacy,
    DtlsFingerprint,
    DtlsSetup,
    DtlsVerify,
    DtmfMode,
    GlareMitigation,
    MediaEncryption,
    OfferPreference,
    Prack,
    RedirectMethod,
    SecurityNegotiation,
    SessionRefreshMethod,
    T38ErrorCorrection,
    Timers,
)
from pbx.pjsip.objects.types import (
    CALLER_ID,
    GROUPS,
    IDENTIFY_BY,
    IP_ADDRESS,
    REDIRECT_METHODS,
    CodecPreferences,
    choice,
    codec_preferences,
)

MAX_UINT = 2**32 - 1
MIN_SESSION_EXPIRES_SECONDS = 90
"""RFC 4028 section 5 allows no shorter session."""
MIN_RTP_PORT = 1024

SESSION_REFRESH = choice(SessionRefreshMethod, {"reinvite": SessionRefreshMethod.INVITE})
INCOMING_PREFERENCE = choice(OfferPreference)
INTERSECT = CodecPreferences()
UNION = CodecPreferences(operation="union")


@dataclass(frozen=True, slots=True)
class Endpoint(ConfigObject):
    """An endpoint of pjsip.conf; fields are named as the options (``100rel`` is ``prack``)."""

    type_name: ClassVar[str] = "endpoint"

    context: str = option(types.STRING, "default", help="dialplan context of this endpoint's calls")
    auth: tuple[str, ...] = option(types.COMMA_LIST, (), help="auth objects that a request must satisfy")
    outbound_auth: tuple[str, ...] = option(types.COMMA_LIST, (), help="auth objects used when the far end challenges")
    aors: tuple[str, ...] = option(types.COMMA_LIST, (), help="addresses of record: where the endpoint can be reached")
    identify_by: tuple[str, ...] = option(
        IDENTIFY_BY, ("username", "ip"), help="ways in which requests are matched to this endpoint"
    )
    transport: str = option(types.STRING, "", help="transport for requests to this endpoint")
    outbound_proxy: str = option(types.STRING, "", help="SIP URI through which requests are sent")
    acl: tuple[str, ...] = option(
        types.accumulate(types.COMMA_LIST), (), help="named access lists of acl.conf for the source address"
    )
    permit_deny: AccessList = option(
        types.ACCESS_LIST, AccessList(), names=("permit", "deny"), help="allowed and refused source networks"
    )
    contact_acl: tuple[str, ...] = option(
        types.accumulate(types.COMMA_LIST), (), help="named access lists of acl.conf for Contact addresses"
    )
    contact_permit_deny: AccessList = option(
        types.ACCESS_LIST,
        AccessList(),
        names=("contact_permit", "contact_deny"),
        help="allowed and refused Contact networks",
    )
    callerid: PartyId = option(CALLER_ID, PartyId(), help='caller id, as "Name" <number>')
    callerid_privacy: CallerIdPrivacy = option(
        choice(CallerIdPrivacy), CallerIdPrivacy.ALLOWED_NOT_SCREENED, help="presentation of the caller id"
    )
    callerid_tag: str = option(types.STRING, "", help="internal tag of the caller id")
    trust_id_inbound: bool = option(types.BOOL, False, help="believe the identity headers that this endpoint sends")
    trust_id_outbound: bool = option(types.BOOL, False, help="send private identities to this endpoint")
    trust_connected_line: bool = option(types.YESNO, True, help="accept connected line updates from this endpoint")
    send_connected_line: bool = option(types.YESNO, True, help="send connected line updates to this endpoint")
    connected_line_method: SessionRefreshMethod = option(
        SESSION_REFRESH, SessionRefreshMethod.INVITE, help="method of connected line updates"
    )
    send_pai: bool = option(types.BOOL, False, help="send P-Asserted-Identity")
    send_rpid: bool = option(types.BOOL, False, help="send Remote-Party-ID")
    rpid_immediate: bool = option(types.BOOL, False, help="send connected line updates before the answer at once")
    send_diversion: bool = option(types.BOOL, True, help="send Diversion headers")
    send_history_info: bool = option(types.BOOL, False, help="send History-Info headers")
    send_aoc: bool = option(types.BOOL, False, help="send advice of charge")
    from_user: str = option(types.STRING, "", help="user part of From in requests to this endpoint")
    from_domain: str = option(types.STRING, "", help="host part of From in requests to this endpoint")
    contact_user: str = option(types.STRING, "", help="user part of our Contact")
    user_eq_phone: bool = option(types.BOOL, False, help="add user=phone to URIs whose user is a number")
    prack: Prack = option(choice(Prack), Prack.YES, name="100rel", help="reliable provisional responses")
    timers: Timers = option(choice(Timers, {"forced": Timers.ALWAYS}), Timers.YES, help="session timers")
    timers_min_se: int = option(types.integer(0, MAX_UINT), 90, help="shortest session expiry accepted, in seconds")
    timers_sess_expires: int = option(types.integer(0, MAX_UINT), 1800, help="session expiry asked for, in seconds")
    allow_transfer: bool = option(types.BOOL, True, help="accept REFER")
    refer_blind_progress: bool = option(types.BOOL, True, help="report each step of a blind transfer")
    allow_overlap: bool = option(types.BOOL, True, help="accept numbers digit by digit")
    overlap_context: str = option(types.STRING, "", help="context in which partial numbers are matched")
    allow_subscribe: bool = option(types.BOOL, True, help="accept SUBSCRIBE")
    subscribe_context: str = option(types.STRING, "", help="context of the hints that SUBSCRIBE watches")
    sub_min_expiry: int = option(types.integer(0, MAX_UINT), 0, help="shortest subscription accepted, in seconds")
    message_context: str = option(types.STRING, "", help="context of MESSAGE requests")
    allow_unauthenticated_options: bool = option(types.BOOL, False, help="answer OPTIONS without a challenge")
    redirect_method: RedirectMethod = option(
        choice(RedirectMethod), RedirectMethod.USER, help="who follows a redirection"
    )
    follow_redirect_methods: tuple[str, ...] = option(
        REDIRECT_METHODS, (), help="methods other than INVITE whose redirections are followed"
    )
    rewrite_contact: bool = option(
        types.BOOL, False, help="send to the address a request came from, not to its Contact"
    )
    force_rport: bool = option(types.BOOL, True, help="answer to the port a request came from")
    call_group: frozenset[int] = option(GROUPS, frozenset(), help="call groups of this endpoint's channels")
    pickup_group: frozenset[int] = option(GROUPS, frozenset(), help="call groups whose calls may be picked up")
    named_call_group: tuple[str, ...] = option(types.COMMA_LIST, (), help="named call groups")
    named_pickup_group: tuple[str, ...] = option(types.COMMA_LIST, (), help="named groups whose calls may be picked up")
    device_state_busy_at: int = option(
        types.integer(0, MAX_UINT), 0, help="number of channels from which the device is busy; 0 never"
    )
    notify_early_inuse_ringing: bool = option(types.BOOL, False, help="show ringing while in use")
    mailboxes: str = option(types.STRING, "", help="mailboxes whose state is sent unasked")
    aggregate_mwi: bool = option(types.BOOL, True, help="one message for all mailboxes")
    mwi_from_user: str = option(types.STRING, "", help="From user of message waiting notices")
    mwi_subscribe_replaces_unsolicited: bool = option(
        types.YESNO, False, help="a subscription replaces unasked notices"
    )
    incoming_mwi_mailbox: str = option(types.STRING, "", help="mailbox fed by message waiting notices from the far end")
    voicemail_extension: str = option(types.STRING, "", help="extension sent as Message-Account")
    accountcode: str = option(types.STRING, "", help="account code of the endpoint's channels")
    language: str = option(types.STRING, "", help="language of prompts")
    tone_zone: str = option(types.STRING, "", help="country of the tones")
    set_var: tuple[tuple[str, str], ...] = option(
        types.VARIABLES, (), help="channel variables, as name=value; may be repeated"
    )
    tenantid: str = option(types.STRING, "", help="tenant of the endpoint's channels")
    moh_suggest: str = option(types.STRING, "default", help="music on hold class asked for")
    moh_passthrough: bool = option(types.BOOL, False, help="pass hold through instead of playing music")
    suppress_moh_on_sendonly: bool = option(types.BOOL, False, help="no music when the far end only sends")
    inband_progress: bool = option(types.BOOL, False, help="ring by audio instead of 180")
    one_touch_recording: bool = option(types.BOOL, False, help="let the phone switch recording")
    record_on_feature: str = option(types.STRING, "automixmon", help="feature run when recording is switched on")
    record_off_feature: str = option(types.STRING, "automixmon", help="feature run when recording is switched off")
    suppress_q850_reason_headers: bool = option(types.BOOL, False, help="send no Reason header with Q.850 causes")
    ignore_183_without_sdp: bool = option(types.BOOL, False, help="do not pass on 183 without SDP")
    security_mechanisms: tuple[str, ...] = option(types.COMMA_LIST, (), help="security mechanisms offered (RFC 3329)")
    security_negotiation: SecurityNegotiation = option(
        choice(SecurityNegotiation), SecurityNegotiation.NO, help="negotiation of security mechanisms"
    )
    stir_shaken: str = option(types.STRING, "no", help="no longer supported: use stir_shaken_profile")
    stir_shaken_profile: str = option(types.STRING, "", help="STIR/SHAKEN profile")
    geoloc_incoming_call_profile: str = option(types.STRING, "", help="geolocation profile of calls from the endpoint")
    geoloc_outgoing_call_profile: str = option(types.STRING, "", help="geolocation profile of calls to the endpoint")

    # Media.
    allow: CodecList = option(
        types.CODECS, CodecList(), names=("allow", "disallow"), help="codecs in order of preference"
    )
    dtmf_mode: DtmfMode = option(choice(DtmfMode), DtmfMode.RFC4733, help="how digits are sent and understood")
    direct_media: bool = option(types.BOOL, True, help="let media flow between the phones")
    direct_media_method: SessionRefreshMethod = option(
        SESSION_REFRESH, SessionRefreshMethod.INVITE, help="method that redirects media"
    )
    direct_media_glare_mitigation: GlareMitigation = option(
        choice(GlareMitigation), GlareMitigation.NONE, help="which direction waits before it re-invites"
    )
    disable_direct_media_on_nat: bool = option(types.BOOL, False, help="no direct media for endpoints behind NAT")
    rtp_symmetric: bool = option(types.BOOL, False, help="send RTP to where RTP comes from")
    rtp_ipv6: bool = option(types.BOOL, False, help="use IPv6 for media")
    rtp_engine: str = option(types.STRING, "asterisk", help="RTP engine; kept for compatibility")
    rtp_keepalive: int = option(types.integer(0, MAX_UINT), 0, help="seconds between comfort noise packets; 0 none")
    rtp_timeout: int = option(types.integer(0, MAX_UINT), 0, help="seconds without RTP before the call ends; 0 never")
    rtp_timeout_hold: int = option(types.integer(0, MAX_UINT), 0, help="the same while on hold")
    rtp_port_start: int = option(
        types.integer(0, 65535), 0, help="first RTP port of this endpoint; 0 takes rtp.conf's range"
    )
    rtp_port_end: int = option(types.integer(0, 65535), 0, help="last RTP port of this endpoint")
    media_address: str = option(IP_ADDRESS, "", help="address written to SDP")
    bind_rtp_to_media_address: bool = option(types.BOOL, False, help="bind RTP to media_address")
    media_use_received_transport: bool = option(types.BOOL, False, help="answer with the transport words of the offer")
    media_encryption: MediaEncryption = option(choice(MediaEncryption), MediaEncryption.NO, help="encryption of media")
    media_encryption_optimistic: bool = option(types.BOOL, False, help="offer encryption, accept none")
    use_avpf: bool = option(types.BOOL, False, help="use the AVPF profile")
    force_avp: bool = option(types.BOOL, False, help="write RTP/AVP even with DTLS")
    ice_support: bool = option(types.BOOL, False, help="ICE")
    rtcp_mux: bool = option(types.BOOL, False, help="RTP and RTCP on one port")
    bundle: bool = option(types.BOOL, False, help="all media on one transport")
    webrtc: bool = option(types.YESNO, False, help="what browsers need: DTLS, ICE, AVPF, rtcp_mux, bundle")
    max_audio_streams: int = option(types.integer(0, MAX_UINT), 1, help="audio streams in one call")
    max_video_streams: int = option(types.integer(0, MAX_UINT), 1, help="video streams in one call")
    use_ptime: bool = option(types.BOOL, False, help="use the packet length that the far end asks for")
    preferred_codec_only: bool = option(types.BOOL, False, help="answer with the first common codec alone")
    asymmetric_rtp_codec: bool = option(types.BOOL, False, help="let both directions use different codecs")
    incoming_call_offer_pref: OfferPreference = option(
        INCOMING_PREFERENCE, OfferPreference.LOCAL, help="whose codec order counts for calls from the endpoint"
    )
    outgoing_call_offer_pref: OfferPreference = option(
        choice(OfferPreference), OfferPreference.REMOTE_MERGE, help="whose codec order counts for calls to the endpoint"
    )
    codec_prefs_incoming_offer: CodecPreferences = option(
        codec_preferences(INTERSECT, barred="union"), INTERSECT, help="codecs of the endpoint's offers"
    )
    codec_prefs_outgoing_offer: CodecPreferences = option(codec_preferences(UNION), UNION, help="codecs of our offers")
    codec_prefs_incoming_answer: CodecPreferences = option(
        codec_preferences(INTERSECT), INTERSECT, help="codecs of the endpoint's answers"
    )
    codec_prefs_outgoing_answer: CodecPreferences = option(
        codec_preferences(INTERSECT), INTERSECT, help="codecs of our answers"
    )
    follow_early_media_fork: bool = option(types.BOOL, True, help="follow SDP that changes between provisional answers")
    accept_multiple_sdp_answers: bool = option(types.BOOL, False, help="follow SDP that changes without a new To tag")
    sdp_owner: str = option(types.STRING, "-", help="user name in the o= line")
    sdp_session: str = option(types.STRING, "Asterisk", help="session name in the s= line")
    tos_audio: int = option(types.TOS, 0, help="type of service of audio packets")
    tos_video: int = option(types.TOS, 0, help="type of service of video packets")
    cos_audio: int = option(types.integer(0, 7), 0, help="802.1p priority of audio packets")
    cos_video: int = option(types.integer(0, 7), 0, help="802.1p priority of video packets")
    srtp_tag_32: bool = option(types.BOOL, False, help="use a 32 bit authentication tag")
    g726_non_standard: bool = option(types.BOOL, False, help="swap the nibbles of G.726")
    dtls_verify: DtlsVerify = option(
        choice(DtlsVerify), DtlsVerify.NO, help="what of the far end's certificate is checked"
    )
    dtls_rekey: int = option(types.integer(0, MAX_UINT), 0, help="seconds between new DTLS keys; 0 never")
    dtls_auto_generate_cert: bool = option(types.BOOL, False, help="make a certificate for each start")
    dtls_cert_file: str = option(types.STRING, "", help="certificate")
    dtls_private_key: str = option(types.STRING, "", help="private key file")
    dtls_cipher: str = option(types.STRING, "", help="OpenSSL cipher string")
    dtls_ca_file: str = option(types.STRING, "", help="file of trusted authorities")
    dtls_ca_path: str = option(types.STRING, "", help="directory of trusted authorities")
    dtls_setup: DtlsSetup = option(choice(DtlsSetup), DtlsSetup.ACTPASS, help="role in the handshake")
    dtls_fingerprint: DtlsFingerprint = option(
        choice(DtlsFingerprint), DtlsFingerprint.SHA_256, help="hash of the certificate in SDP"
    )
    fax_detect: bool = option(types.BOOL, False, help="go to the fax extension when a fax tone is heard")
    fax_detect_timeout: int = option(
        types.integer(0, MAX_UINT), 0, help="seconds for which fax tones are looked for; 0 always"
    )
    t38_udptl: bool = option(types.BOOL, False, help="T.38 fax")
    t38_udptl_ec: T38ErrorCorrection = option(
        choice(T38ErrorCorrection), T38ErrorCorrection.NONE, help="error correction of T.38"
    )
    t38_udptl_maxdatagram: int = option(
        types.integer(0, MAX_UINT), 0, help="largest T.38 datagram; 0 as the far end says"
    )
    t38_udptl_nat: bool = option(types.BOOL, False, help="send T.38 to where it comes from")
    t38_udptl_ipv6: bool = option(types.BOOL, False, help="use IPv6 for T.38")
    t38_bind_udptl_to_media_address: bool = option(types.BOOL, False, help="bind T.38 to media_address")

    def applied(self) -> Endpoint:
        """Check what one option alone cannot show, and spread ``webrtc`` and ``bundle`` to the options they imply."""
        if self.timers_min_se < MIN_SESSION_EXPIRES_SECONDS:
            raise OptionError("timers_min_se", f"must be {MIN_SESSION_EXPIRES_SECONDS} or greater")
        if self.timers_sess_expires < self.timers_min_se:
            raise OptionError("timers_sess_expires", "must not be less than timers_min_se")
        if bool(self.rtp_port_start) != bool(self.rtp_port_end):
            raise OptionError("rtp_port_end", "rtp_port_start and rtp_port_end must be set together")
        if self.rtp_port_start and not MIN_RTP_PORT <= self.rtp_port_start < self.rtp_port_end:
            raise OptionError("rtp_port_start", f"must be at least {MIN_RTP_PORT} and less than rtp_port_end")
        if self.incoming_call_offer_pref in {OfferPreference.LOCAL_MERGE, OfferPreference.REMOTE_MERGE}:
            raise OptionError("incoming_call_offer_pref", "must be local, local_first, remote or remote_first")
        if self.preferred_codec_only and self.incoming_call_offer_pref is not OfferPreference.LOCAL:
            raise OptionError("preferred_codec_only", "cannot be combined with incoming_call_offer_pref")
        implied: dict[str, object] = {}
        if self.webrtc:
            implied |= {"ice_support": True, "use_avpf": True, "rtcp_mux": True, "bundle": True}
            implied |= {"media_encryption": MediaEncryption.DTLS, "media_use_received_transport": True}
            if not self.dtls_cert_file:
                implied["dtls_auto_generate_cert"] = True
            # RFC 8827 section 6.5: the fingerprint is what is trusted, and renegotiation is refused.
            implied |= {"dtls_setup": DtlsSetup.ACTPASS, "dtls_verify": DtlsVerify.FINGERPRINT, "dtls_rekey": 0}
        if self.bundle:
            implied["rtcp_mux"] = True
        if self.sdp_owner != self.sdp_owner.strip() or not self.sdp_owner or " " in self.sdp_owner:
            implied["sdp_owner"] = "-"
        if not self.sdp_session.strip():
            implied["sdp_session"] = "-"
        return replace(self, **implied) if implied else self  # type: ignore[arg-type]
