"""Find and open the PJSIP library that the pjsua2 package carries, and refuse any that was not tried."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

from pbx.errors import ObeliskError
from pbx.pjsip._abi._pjsip_abi import ffi

DISTRIBUTION = "pjsua2-python"
RELEASE = "2.15.1.post1"
PJ_VERSION = "2.15.1"

#: sha256 of ``pjsua2/_pjsua2.cpython-*.so`` as the wheel's RECORD writes it (base64url without padding). The structures
#: declared in this package are laid out for exactly these builds.
KNOWN_BUILDS = {
    "2TeGwvGzIrPvDiAnOm9DoOHlP52a9LGwUyI3fGt_erk": "CPython 3.10",
    "EwO2f6skGoOZ9s-flFy8ocPQoy3G4LPn9tSBC-633Bk": "CPython 3.11",
    "FO-eyjJNaDtnuG3qVky4YMMPtRdQHXWfxjgPvWSlWiw": "CPython 3.12",
}

Library = Any  # cffi's library object: its functions are typed by the declarations, not by Python


class LibraryError(ObeliskError):
    """The PJSIP library is missing, is another build, or says another version."""


def find_library() -> Path:
    """Path of the shared object in the installed pjsua2 package; raises LibraryError unless it is a known build."""
    try:
        distribution = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        raise LibraryError(f"the package {DISTRIBUTION}=={RELEASE} is not installed") from None
    for entry in distribution.files or []:
        if entry.name.startswith("_pjsua2.") and entry.suffix == ".so" and entry.hash is not None:
            if entry.hash.value in KNOWN_BUILDS:
                return Path(str(distribution.locate_file(entry)))
            raise LibraryError(
                f"{entry} of {DISTRIBUTION} {distribution.version} has sha256 {entry.hash.value}, which is none of "
                f"the known builds ({', '.join(KNOWN_BUILDS.values())}); install {DISTRIBUTION}=={RELEASE}"
            )
    raise LibraryError(
        f"{DISTRIBUTION} {distribution.version} holds no _pjsua2 library for Python "
        f"{sys.version_info.major}.{sys.version_info.minor}; install {DISTRIBUTION}=={RELEASE} from its wheel"
    )


@cache
def open_library() -> Library:
    """The library, opened once per process; raises LibraryError.

    Opened local, never global: its old OpenSSL and Kerberos must not come before those other modules use.
    """
    path = find_library()
    try:
        library: Library = ffi.dlopen(str(path), os.RTLD_NOW)
    except OSError as error:
        raise LibraryError(f"{path} cannot be opened: {error}") from error
    found = ffi.string(library.pj_get_version())
    version = found if isinstance(found, str) else found.decode("ascii", "replace")
    if version != PJ_VERSION:
        raise LibraryError(f"{path} is PJSIP {version}; {PJ_VERSION} is needed")
    return library
