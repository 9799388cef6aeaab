"""Who a client is: a user's secret, or its answer to a challenge, and whether that user may come in now.

A refusal goes the session's way (`Session.refuse`: it waits, answers and closes), and each is a security event.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from twisted.logger import Logger

from ami.encoding import to_bytes
from ami.secrets import HashedSecret
from ami.session import SessionState
from pbx.security_events import ChallengeResponseFailed, FailedACL, InvalidAccountID, InvalidPassword, SessionLimit

if TYPE_CHECKING:
    from ami.codec import Message
    from ami.context import Context
    from ami.manager import Manager
    from ami.session import Session
    from ami.users import Account

log = Logger()

AUTHENTICATION_FAILED = "Authentication failed"
LOGIN_IN_USE = "Login Already In Use"


def refused_in_use(ctx: Context) -> bool:
    """Whether the user that is named is logged in already and may not be twice; the client is refused then."""
    username = ctx.get("Username")
    account = ctx.manager.accounts.get(username)
    if account is None or account.user.allowmultiplelogin:
        return False
    session = ctx.session
    if not any(each is not session and each.username == username for each in ctx.manager.sessions):
        return False
    session.report(SessionLimit, account_id=username)
    session.refuse(LOGIN_IN_USE, ctx)
    return True


async def log_in(ctx: Context) -> None:
    """Check who it is and answer; only for a session that is not logged in."""
    session, request = ctx.session, ctx.request
    username = request.get("Username")
    account = ctx.manager.accounts.get(username)
    try:
        accepted = await _authenticate(ctx.manager, session, account, username, request)
    finally:
        session.resume()
    if session.state is not SessionState.CONNECTED:
        return
    if not accepted or account is None:
        if username:
            log.info("{peer} failed to authenticate as '{user}'", peer=session.address, user=username)
        session.refuse(AUTHENTICATION_FAILED, ctx)
        return
    session.logged_in(account, ctx)


async def _authenticate(
    manager: Manager, session: Session, account: Account | None, username: str, request: Message
) -> bool:
    if not username:
        return False
    if account is None:
        session.report(InvalidAccountID, account_id=username)
        return False
    if not account.admits(session.address):
        session.report(FailedACL, account_id=username)
        return False
    if request.get("AuthType").lower() == "md5":
        return _check_key(session, account, request.get("Key"))
    accepted = await _check_secret(manager, session, account, request.get("Secret"))
    if not accepted:
        session.report(InvalidPassword, account_id=username)
    return accepted


def _check_key(session: Session, account: Account, key: str) -> bool:
    if not key or not session.challenge or not account.secret:
        return False
    if isinstance(account.secret, HashedSecret):
        log.warn("manager user '{user}' has a hashed secret, which rules out MD5 login", user=account.name)
        return False
    expected = hashlib.md5(to_bytes(session.challenge + account.secret)).hexdigest()
    if hmac.compare_digest(to_bytes(expected), to_bytes(key.lower())):
        return True
    session.report(ChallengeResponseFailed, account_id=account.name, challenge=session.challenge, response=key)
    return False


async def _check_secret(manager: Manager, session: Session, account: Account, secret: str) -> bool:
    wanted = account.secret
    if not wanted:
        return False
    if isinstance(wanted, HashedSecret):
        # Nothing else of this connection is looked at until the hash is done.
        session.pause()
        return await manager.in_thread(lambda: wanted.matches(secret))
    return hmac.compare_digest(to_bytes(wanted), to_bytes(secret))
