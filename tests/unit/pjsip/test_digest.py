"""Server side digest: RFC vectors, nonces, staleness, and headers nobody should send."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.cred.credentials import DigestedCredentials

from pbx.pjsip.digest import (
    MAX_AUTHORIZATION_CHARS,
    Algorithm,
    Authorization,
    DigestError,
    NonceSource,
    Secret,
    Verdict,
    algorithm_named,
    answers,
    available_algorithms,
    challenge,
    expected_response,
    parse_authorization,
    parse_authorizations,
    secret_hash,
    verify,
)

RFC7616 = Authorization(
    username="Mufasa",
    realm="http-auth@example.org",
    nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    uri="/dir/index.html",
    response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    algorithm="SHA-256",
    cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    qop="auth",
    nc="00000001",
)


def test_rfc_7616_section_3_9_1_sha_256() -> None:
    ha1 = secret_hash(Algorithm.SHA_256, "Mufasa", RFC7616.realm, "Circle of Life")
    assert expected_response(Algorithm.SHA_256, ha1, "GET", RFC7616) == RFC7616.response


def test_rfc_7616_section_3_9_1_md5() -> None:
    ha1 = secret_hash(Algorithm.MD5, "Mufasa", RFC7616.realm, "Circle of Life")
    assert expected_response(Algorithm.MD5, ha1, "GET", RFC7616) == "8ca523f5e9506fed4657c9700eebdbec"


def test_without_qop_as_rfc_2069() -> None:
    given_ = Authorization("u", "r", "n", "sip:r", "")
    ha1 = hashlib.md5(b"u:r:p").hexdigest()
    ha2 = hashlib.md5(b"INVITE:sip:r").hexdigest()
    assert expected_response(Algorithm.MD5, ha1, "INVITE", given_) == hashlib.md5(f"{ha1}:n:{ha2}".encode()).hexdigest()


words = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters='"\\,'), min_size=1, max_size=20
)


@given(words, words, words, words, words)
def test_agrees_with_twisted(username: str, realm: str, password: str, nonce: str, uri: str) -> None:
    fields = {
        "realm": realm,
        "nonce": nonce,
        "uri": uri,
        "nc": "00000001",
        "cnonce": "abc",
        "qop": "auth",
        "algorithm": "md5",
    }
    raw = {k: v.encode() for k, v in fields.items()}
    ours = Authorization(username, realm, nonce, uri, "", cnonce="abc", qop="auth", nc="00000001")
    ha1 = secret_hash(Algorithm.MD5, username, realm, password)
    raw["response"] = expected_response(Algorithm.MD5, ha1, "REGISTER", ours).encode()
    theirs = DigestedCredentials(username.encode(), b"REGISTER", realm.encode(), raw)  # type: ignore[no-untyped-call]
    assert theirs.checkPassword(password.encode())  # type: ignore[no-untyped-call]


@given(words, words, words, words)
def test_what_a_client_writes_is_read_back(username: str, realm: str, nonce: str, uri: str) -> None:
    text = f'Digest username="{username}", realm="{realm}",nonce="{nonce}" , uri="{uri}", response="ab", algorithm=MD5'
    assert parse_authorization(text) == Authorization(username, realm, nonce, uri, "ab", algorithm="MD5")


@given(st.text(max_size=400))
def test_garbage_is_refused_or_read_never_worse(text: str) -> None:
    for value in (text, f"Digest {text}", f'Digest username="a",realm="b",nonce="c",uri="d",response="e",{text}'):
        with suppress(DigestError):
            parse_authorization(value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Digest", "no username"),
        ('Digest username="a"', "no realm"),
        ('Digest username="a', "cannot be read"),
        ('Digest username="a",realm="b",nonce="c",uri="d"', "no response"),
        ('Digest username="a" realm="b"', "cannot be read"),
        ("Digest " + ",".join(f"a{n}=1" for n in range(40)), "too many"),
        ("Digest " + "x" * MAX_AUTHORIZATION_CHARS, "too long"),
    ],
)
def test_bad_headers_say_why(text: str, why: str) -> None:
    with pytest.raises(DigestError, match=why):
        parse_authorization(text)


def test_other_schemes_and_odd_quoting() -> None:
    assert parse_authorization("Basic dTpw") is None
    odd = parse_authorization(
        'digest ,username=u,realm="r r",nonce="n",uri="sip:x",response=00, nc="00000001",algorithm="MD5", ,'
    )
    assert odd == Authorization("u", "r r", "n", "sip:x", "00", algorithm="MD5", nc="00000001")
    assert parse_authorizations(
        ["Basic x", 'Digest username="', 'Digest username="u",realm=r,nonce=n,uri=u,response=0']
    )
    assert parse_authorizations(["Digest username=u,realm=r,nonce=n,uri=u,response=0"] * 100).__len__() == 8


def test_the_first_of_a_repeated_parameter_counts() -> None:
    parsed = parse_authorization("Digest username=a,username=b,realm=r,nonce=n,uri=u,response=0")
    assert parsed is not None
    assert parsed.username == "a"


SECRET = Secret("1001", "asterisk", (Algorithm.MD5, Algorithm.SHA_256), password="s3cret")
NOW = 1_700_000_000.0


def answer(
    nonce: str, *, secret: Secret = SECRET, password: str = "s3cret", algorithm: Algorithm = Algorithm.MD5
) -> Authorization:
    blank = Authorization(
        "1001", secret.realm, nonce, "sip:pbx", "", algorithm=algorithm.value, cnonce="xyz", qop="auth", nc="00000001"
    )
    ha1 = secret_hash(algorithm, "1001", secret.realm, password)
    return replace(blank, response=expected_response(algorithm, ha1, "REGISTER", blank))


def judge(
    given_: list[Authorization], *, source: str = "192.0.2.1", now: float = NOW, secret: Secret = SECRET
) -> Verdict:
    return verify(secret, "REGISTER", given_, SOURCE, source, now)


SOURCE = NonceSource(b"k" * 32)
NONCE = SOURCE.make("asterisk", "192.0.2.1", NOW)


@pytest.mark.parametrize("algorithm", [Algorithm.MD5, Algorithm.SHA_256])
def test_the_right_password_is_accepted(algorithm: Algorithm) -> None:
    assert judge([answer(NONCE, algorithm=algorithm)]) is Verdict.ACCEPTED


def test_nothing_given() -> None:
    assert judge([]) is Verdict.NOT_GIVEN


def test_a_wrong_password_fails() -> None:
    assert judge([answer(NONCE, password="guess")]) is Verdict.FAILED


def test_nonces_grow_stale() -> None:
    assert judge([answer(NONCE)], now=NOW + 32) is Verdict.ACCEPTED
    assert judge([answer(NONCE)], now=NOW + 33.5) is Verdict.STALE
    assert judge([answer(NONCE)], now=NOW - 60) is Verdict.STALE


def test_nonces_of_others_are_stale() -> None:
    assert judge([answer(NONCE)], source="192.0.2.2") is Verdict.STALE
    foreign = NonceSource(b"other" * 8).make("asterisk", "192.0.2.1", NOW)
    assert judge([answer(foreign)]) is Verdict.STALE
    for forged in ("", "x", "1/", "/", "99999999999999999/aa", "\u0661/aa", NONCE + "0", NONCE.replace("/", "0/")):
        assert judge([answer(forged)]) is Verdict.STALE


def test_a_stale_nonce_with_a_wrong_password_stays_a_failure() -> None:
    assert judge([answer("1/aa", password="guess")]) is Verdict.FAILED


@pytest.mark.parametrize(
    "change",
    [
        {"username": "1002"},
        {"realm": "elsewhere"},
        {"algorithm": "MD5-sess"},
        {"algorithm": "SHA-512-256"},
        {"qop": "auth-int"},
        {"nc": "1"},
        {"nc": ""},
        {"cnonce": ""},
        {"response": ""},
        {"response": "\u00e9"},
    ],
)
def test_altered_answers_fail(change: dict[str, str]) -> None:
    assert judge([replace(answer(NONCE), **change)]) is Verdict.FAILED


def test_a_good_answer_beside_one_for_another_realm() -> None:
    other = replace(answer(NONCE), realm="proxy")
    assert judge([other, answer(NONCE)]) is Verdict.ACCEPTED


def test_stored_hashes_need_no_password() -> None:
    hashed = Secret(
        "1001",
        "asterisk",
        (Algorithm.MD5,),
        hashes={Algorithm.MD5: secret_hash(Algorithm.MD5, "1001", "asterisk", "s3cret")},
    )
    assert judge([answer(NONCE)], secret=hashed) is Verdict.ACCEPTED
    assert hashed.ha1(Algorithm.SHA_256) is None
    assert not answers(
        replace(hashed, algorithms=(Algorithm.SHA_256,)), "REGISTER", answer(NONCE, algorithm=Algorithm.SHA_256)
    )


def test_secrets_stay_out_of_repr() -> None:
    assert "s3cret" not in repr(SECRET)
    assert answer(NONCE).response not in repr(answer(NONCE))


def test_challenges() -> None:
    text = challenge('a"b', NONCE, "op", Algorithm.SHA_256, stale=False)
    assert text == f'Digest realm="a\\"b",nonce="{NONCE}",opaque="op",algorithm=SHA-256,qop="auth"'
    assert challenge("r", "n", "o", Algorithm.MD5, stale=True).endswith(",stale=true")


def test_algorithm_names() -> None:
    assert algorithm_named(" sha-256 ") is Algorithm.SHA_256
    assert algorithm_named("AKAv1-MD5") is None
    assert Algorithm.MD5 in available_algorithms()
