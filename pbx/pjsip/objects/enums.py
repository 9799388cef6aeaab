"""The words that options of pjsip.conf choose from; each member's value is the word itself."""

from __future__ import annotations

from enum import Enum

from pbx.enums import SingleEnum


class AuthType(Enum):
    """``auth_type``: how credentials are held."""

    USERPASS = "userpass"
    MD5 = "md5"
    DIGEST = "digest"
    GOOGLE_OAUTH = "google_oauth"


class TransportProtocol(Enum):
    """``protocol`` of a transport."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"
    WS = "ws"
    WSS = "wss"
    FLOW = "flow"


class TlsMethod(Enum):
    """``method`` of a TLS transport."""

    UNSPECIFIED = ""
    DEFAULT = "default"
    UNSPECIFIED_WORD = "unspecified"
    TLSV1 = "tlsv1"
    TLSV1_1 = "tlsv1_1"
    TLSV1_2 = "tlsv1_2"
    TLSV1_3 = "tlsv1_3"
    SSLV2 = "sslv2"
    SSLV3 = "sslv3"
    SSLV23 = "sslv23"


class Prack(Enum):
    """``100rel``: reliable provisional responses (RFC 3262)."""

    NO = "no"
    REQUIRED = "required"
    PEER_SUPPORTED = "peer_supported"
    YES = "yes"


class Timers(SingleEnum):
    """``timers``: session timers (RFC 4028)."""

    NO = "no"
    YES = "yes"
    REQUIRED = "required"
    ALWAYS = "always"


class DtmfMode(SingleEnum):
    """``dtmf_mode``: how digits travel."""

    RFC4733 = "rfc4733"
    INBAND = "inband"
    INFO = "info"
    AUTO = "auto"
    AUTO_INFO = "auto_info"
    NONE = "none"


class SessionRefreshMethod(Enum):
    """``direct_media_method`` and ``connected_line_method``."""

    INVITE = "invite"
    UPDATE = "update"


class GlareMitigation(Enum):
    """``direct_media_glare_mitigation``: which side waits before it re-invites."""

    NONE = "none"
    OUTGOING = "outgoing"
    INCOMING = "incoming"


class CallerIdPrivacy(Enum):
    """``callerid_privacy``: presentation of the caller's number."""

    ALLOWED_NOT_SCREENED = "allowed_not_screened"
    ALLOWED_PASSED_SCREEN = "allowed_passed_screen"
    ALLOWED_FAILED_SCREEN = "allowed_failed_screen"
    ALLOWED = "allowed"
    PROHIB_NOT_SCREENED = "prohib_not_screened"
    PROHIB_PASSED_SCREEN = "prohib_passed_screen"
    PROHIB_FAILED_SCREEN = "prohib_failed_screen"
    PROHIB = "prohib"
    UNAVAILABLE = "unavailable"


class MediaEncryption(Enum):
    """``media_encryption``."""

    NO = "no"
    SDES = "sdes"
    DTLS = "dtls"


class DtlsVerify(Enum):
    """``dtls_verify``: what of the peer's certificate is checked."""

    NO = "no"
    FINGERPRINT = "fingerprint"
    CERTIFICATE = "certificate"
    YES = "yes"


class DtlsSetup(Enum):
    """``dtls_setup``: the role offered in SDP."""

    ACTPASS = "actpass"
    ACTIVE = "active"
    PASSIVE = "passive"


class DtlsFingerprint(Enum):
    """``dtls_fingerprint``: the hash written to SDP."""

    SHA_256 = "SHA-256"
    SHA_1 = "SHA-1"


class RedirectMethod(Enum):
    """``redirect_method``: who follows a 3xx."""

    USER = "user"
    URI_CORE = "uri_core"
    URI_PJSIP = "uri_pjsip"


class T38ErrorCorrection(Enum):
    """``t38_udptl_ec``."""

    NONE = "none"
    FEC = "fec"
    REDUNDANCY = "redundancy"


class OfferPreference(SingleEnum):
    """``incoming_call_offer_pref`` and ``outgoing_call_offer_pref``."""

    LOCAL = "local"
    LOCAL_MERGE = "local_merge"
    LOCAL_FIRST = "local_first"
    REMOTE = "remote"
    REMOTE_MERGE = "remote_merge"
    REMOTE_FIRST = "remote_first"


class SecurityNegotiation(Enum):
    """``security_negotiation`` (RFC 3329)."""

    NO = "no"
    MEDIASEC = "mediasec"


class OverloadTrigger(Enum):
    """``taskprocessor_overload_trigger``."""

    GLOBAL = "global"
    PJSIP_ONLY = "pjsip_only"
    NONE = "none"
