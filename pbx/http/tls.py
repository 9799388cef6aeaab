"""TLS towards servers of the web: whom the exchange trusts, and what it shows of itself."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.python.failure import Failure
from zope.interface import implementer

_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Files are PEM. Without ``ca_file`` and ``ca_path`` (a directory of certificates) the system's list is trusted.

    ``key`` is in the file of the certificate where it names none. ``verify_name`` has no say without ``verify_peer``.
    """

    ca_file: str = ""
    ca_path: str = ""
    certificate: str = ""
    key: str = ""
    password: str = ""
    verify_peer: bool = True
    verify_name: bool = True


def connection_creator(settings: TlsSettings, host: str) -> Any:
    """What Twisted makes the client's side of a connection to ``host`` with.

    Raises OSError or ValueError for files that cannot be used.
    """
    from OpenSSL import SSL, crypto
    from twisted.internet import ssl as twisted_ssl

    ssl: Any = twisted_ssl  # its functions are not typed
    try:
        trust, own = _trusted(ssl, settings), _own(ssl, settings)
    except (SSL.Error, crypto.Error) as error:
        raise ValueError(f"a certificate or its key is unfit: {error}") from error
    mine = {} if own is None else {"privateKey": own.privateKey.original, "certificate": own.original}
    root = (trust or ssl.platformTrust()) if settings.verify_peer else None
    context = ssl.CertificateOptions(trustRoot=root, **mine).getContext()
    return _Creator(context, host, verify_name=settings.verify_peer and settings.verify_name)


def _trusted(ssl: Any, settings: TlsSettings) -> Any:
    files = [Path(settings.ca_file)] if settings.ca_file else []
    if settings.ca_path:
        files += sorted(each for each in Path(settings.ca_path).iterdir() if each.is_file())
    if not files:
        return None
    parts = [part for each in files for part in each.read_bytes().split(_END) if _BEGIN in part]
    if not parts:
        raise ValueError(f"there is no certificate in {settings.ca_file or settings.ca_path}")
    return ssl.trustRootFromCertificates([ssl.Certificate.loadPEM(part + _END) for part in parts])


def _own(ssl: Any, settings: TlsSettings) -> Any:
    if not settings.certificate:
        return None
    from OpenSSL import crypto

    key = crypto.load_privatekey(
        crypto.FILETYPE_PEM, Path(settings.key or settings.certificate).read_bytes(), settings.password.encode()
    )
    certificate = ssl.Certificate.loadPEM(Path(settings.certificate).read_bytes())
    return ssl.PrivateCertificate.fromCertificateAndKeyPair(certificate, ssl.KeyPair(key))


@implementer(IOpenSSLClientConnectionCreator)
class _Creator:
    """Makes connections on which the server is told whom we mean (RFC 6066 section 3).

    Not Twisted's optionsForClientTLS: that lets a certificate pass that bears no name at all (RFC 6125 section 6).
    """

    def __init__(self, context: Any, host: str, *, verify_name: bool) -> None:
        self._context = context
        self._is_address = isIPAddress(host) or isIPv6Address(host)
        self._host = host if self._is_address else host.encode("idna").decode("ascii")
        self._verify_name = verify_name

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Any:
        from OpenSSL import SSL

        connection = SSL.Connection(self._context, None)
        if not self._is_address:
            connection.set_tlsext_host_name(self._host.encode("ascii"))
        if self._verify_name:
            mode = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
            connection.set_verify(mode, partial(self._verify, weakref.proxy(tlsProtocol)))
        return connection

    def _verify(self, protocol: Any, connection: object, certificate: Any, error: int, depth: int, ok: int) -> bool:
        """Whether a certificate of the chain will do: the server's own, at depth 0, must bear the server's name."""
        from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity
        from service_identity.pyopenssl import extract_patterns

        if depth or not ok:
            return bool(ok)
        try:
            wanted = IPAddress_ID(self._host) if self._is_address else DNS_ID(self._host)
            verify_service_identity(extract_patterns(certificate), [wanted], [])
        except Exception:  # into OpenSSL it must not go; whatever it was, the name is not verified
            failure: Any = Failure  # which is not typed
            protocol.failVerification(failure())
            return False
        return True
