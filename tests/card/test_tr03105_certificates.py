# SPDX-License-Identifier: Apache-2.0
"""Import of certificates: the cases of TR-03105-3.3 units J and M, card-verifiable certificates adapted to X.509.

Session S in phase V.  After every refusal the places hold what they held, the session is alive, and what hangs on the refused
certificate is refused too.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography import x509

from tests.card import authority
from tests.card.authority import SEQUENCE, Chain, Party, certificate, day, signature_of
from tests.card.sessions import (
    administrated,
    fingerprint,
    import_certificate,
    import_chain,
    inventory,
    select_verifier,
    terminal,
    verify,
)
from tests.card.talk import CURVES, Terminal, apdu, do, undo
from tests.reference import tlv

ROOT_A, ROOT_B, SUB_A, SUB_B, GWA_TLS, GWA_SIG, GWA_ENC, TMP_1 = 0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC8
EXAMPLE = Chain()
LATER = day(2027)


def with_root(chain: Chain = EXAMPLE) -> Terminal:
    talk = terminal("V")
    assert import_certificate(talk, ROOT_A, chain.root_certificate).sw == "9000"
    return talk


def with_chain(chain: Chain = EXAMPLE) -> Terminal:
    talk = terminal("V")
    import_chain(talk, chain)
    return talk


def refused(talk: Terminal, verifier: int, destination: int, wrong: bytes, sw: str | tuple[str, ...] = "6A80") -> None:
    """The certificate is not taken, and nothing else changes."""
    before = inventory(talk)
    assert verify(talk, verifier, destination, wrong) in ((sw,) if isinstance(sw, str) else sw)
    assert inventory(talk) == before
    assert talk.alive


def a_sub(start: object = EXAMPLE.start, **changes: object) -> tuple[Party, bytes]:
    party = Party("Other.CA")
    return party, EXAMPLE.issue(party, EXAMPLE.root, "SUB", start=start, **changes)


def refused_with_what_hangs_on_it(talk: Terminal, party: Party, wrong: bytes, sw: str | tuple[str, ...] = "6A80") -> None:
    refused(talk, ROOT_A, SUB_B, wrong, sw)
    leaf = EXAMPLE.issue(Party("Example.GWA"), party, "SIG")
    before = inventory(talk)
    assert verify(talk, SUB_B, GWA_SIG, leaf)[0] == "6"
    assert inventory(talk) == before


def date_has_not_moved(talk: Terminal) -> None:
    """A certificate is taken that ended before the refused one begins."""
    short = EXAMPLE.issue(Party("Short.CA"), EXAMPLE.root, "SUB", end=day(2026))
    assert verify(talk, ROOT_A, SUB_B, short) == "9000"


def parts(whole: bytes) -> list[bytes]:
    """The three parts of a certificate, encoded."""
    return [do(tag, value) for tag, value in tlv.parse_all(undo(whole, SEQUENCE)) or []]


def last_octet_changed(whole: bytes, by: Callable[[int], int]) -> bytes:
    return whole[:-1] + bytes([by(whole[-1])])


def tag_of_tbs_changed(whole: bytes) -> bytes:
    to_be_signed, *rest = parts(whole)
    return do(SEQUENCE, b"\x31" + to_be_signed[1:], *rest)


def tag_of_signature_changed(whole: bytes) -> bytes:
    to_be_signed, algorithm, signature = parts(whole)
    return do(SEQUENCE, to_be_signed, algorithm, b"\x04" + signature[1:])


def length_of_tbs_one_less(whole: bytes) -> bytes:
    to_be_signed, *rest = parts(whole)
    assert to_be_signed[1] == 0x82
    length = int.from_bytes(to_be_signed[2:4], "big") - 1
    return do(SEQUENCE, to_be_signed[:2] + length.to_bytes(2, "big") + to_be_signed[4:], *rest)


def validity(start: bytes, end: bytes) -> dict[int, bytes]:
    return {authority.VALIDITY: do(SEQUENCE, start, end)}


def utc(text: str) -> bytes:
    return do(authority.UTC_TIME, text.encode())


END = utc("300101000000Z")


def test_J_1() -> None:
    talk = terminal("V")
    assert import_certificate(talk, ROOT_A, EXAMPLE.root_certificate).sw == "9000"
    assert verify(talk, ROOT_A, SUB_A, EXAMPLE.sub_certificate) == "9000"
    assert verify(talk, SUB_A, GWA_SIG, EXAMPLE.administrator_certificates[1]) == "9000"
    found = inventory(talk)
    for reference, party in ((ROOT_A, EXAMPLE.root), (SUB_A, EXAMPLE.sub), (GWA_SIG, EXAMPLE.signing)):
        assert found[reference] == (5, fingerprint(party.point))


def test_J_2() -> None:
    talk = with_root()
    before = inventory(talk)
    assert select_verifier(talk, 0xD0).sw == "6A88"
    assert import_certificate(talk, SUB_A, EXAMPLE.sub_certificate).sw[0] == "6"
    assert inventory(talk) == before
    assert talk.alive


def test_J_3() -> None:
    party, whole = a_sub()
    refused_with_what_hangs_on_it(with_root(), party, last_octet_changed(whole, lambda octet: octet ^ 1))


def test_J_5() -> None:
    party, whole = a_sub()
    refused_with_what_hangs_on_it(with_root(), party, do(SEQUENCE, *parts(whole)[1:]))


@pytest.mark.parametrize("name", ["Example.EMT", "Example", "GWA", "ExampleGWA", "Example.GWAX", "Example.gwa"])
def test_J_6(name: str) -> None:
    talk = with_chain()
    refused(talk, SUB_A, GWA_SIG, EXAMPLE.issue(Party(name), EXAMPLE.sub, "SIG"))


def test_J_7() -> None:
    party, wrong = a_sub(fields={authority.VALIDITY: do(SEQUENCE, END)})
    refused_with_what_hangs_on_it(with_root(), party, wrong)


def test_J_9() -> None:
    party, wrong = a_sub(fields=validity(utc("24010A000000Z"), END))
    refused_with_what_hangs_on_it(with_root(), party, wrong)


def test_J_12() -> None:
    talk = with_root()
    command = apdu("002281B6", do(0x83, bytes([ROOT_A])))
    assert talk.plain(command).sw == "9000"
    raw = talk.channel
    assert raw
    answer = talk.attempt(apdu("002A00BE", do(0xB6, do(0x83, bytes([SUB_A]))) + EXAMPLE.sub_certificate))
    assert (answer.sw, answer.protected) == ("6988", False)
    assert talk.pace().sw == "9000"
    assert SUB_A not in {reference for reference, (state, _) in inventory(talk).items() if state}

    assert talk.send(command).sw == "9000"
    plain = talk.plain(apdu("002A00BE", do(0xB6, do(0x83, bytes([SUB_A]))) + EXAMPLE.sub_certificate))
    assert plain.sw == "6982"
    answer = talk.attempt(command)
    assert (answer.sw, answer.protected) == ("6988", False)


def test_J_13() -> None:
    talk = with_root()
    answer = talk.attempt(apdu("002281B6", do(0x83, bytes([ROOT_A]))), cla=0x8C)
    assert answer.sw == "6E00"


def test_J_15() -> None:
    party, whole = a_sub()
    refused_with_what_hangs_on_it(with_root(), party, tag_of_tbs_changed(whole))


def test_J_16() -> None:
    party, whole = a_sub()
    refused_with_what_hangs_on_it(with_root(), party, tag_of_signature_changed(whole))


@pytest.mark.parametrize("start", ["240132000000Z", "240230000000Z", "241301000000Z"])
def test_J_17(start: str) -> None:
    party, wrong = a_sub(fields=validity(utc(start), END))
    refused_with_what_hangs_on_it(with_root(), party, wrong)


def test_J_19() -> None:
    party, wrong = a_sub(start=day(2027), end=day(2026))
    refused_with_what_hangs_on_it(with_root(), party, wrong, ("6A80", "6983"))


def test_J_22() -> None:
    party = Party("Other.CA", "secp521r1")
    wrong = EXAMPLE.issue(party, EXAMPLE.root, "SUB")
    refused_with_what_hangs_on_it(with_root(), party, wrong)


def test_J_23() -> None:
    talk = with_root()
    _, later = a_sub(LATER)
    assert select_verifier(talk, 0xD0).sw == "6A88"
    assert import_certificate(talk, SUB_B, later).sw[0] == "6"
    date_has_not_moved(talk)


@pytest.mark.parametrize("change", [tag_of_tbs_changed, tag_of_signature_changed], ids=["J_24", "J_25"])
def test_J_24_and_J_25(change: Callable[[bytes], bytes]) -> None:
    talk = with_root()
    party, later = a_sub(LATER)
    refused_with_what_hangs_on_it(talk, party, change(later))
    date_has_not_moved(talk)


def test_J_26() -> None:
    talk = with_root()
    party, later = a_sub(LATER)
    refused_with_what_hangs_on_it(talk, party, length_of_tbs_one_less(later))
    date_has_not_moved(talk)


def test_J_28() -> None:
    talk = with_root()
    party, later = a_sub(LATER)
    refused_with_what_hangs_on_it(talk, party, last_octet_changed(later, lambda octet: (octet + 1) % 256))
    date_has_not_moved(talk)


@pytest.mark.parametrize("multiple", [1, 0], ids=["s plus n", "n"])
def test_J_30(multiple: int) -> None:
    def signed(message: bytes) -> bytes:
        r, s = EXAMPLE.root.sign(message)
        return signature_of(r, s * multiple + CURVES["brainpoolP256r1"].n)

    talk = with_root()
    party, later = a_sub(LATER, signed=signed)
    refused_with_what_hangs_on_it(talk, party, later)
    date_has_not_moved(talk)


@pytest.mark.parametrize("zero", ["r", "s", "both"])
def test_J_31(zero: str) -> None:
    def signed(message: bytes) -> bytes:
        r, s = EXAMPLE.root.sign(message)
        return signature_of(0 if zero != "s" else r, 0 if zero != "r" else s)

    talk = with_root()
    party, later = a_sub(LATER, signed=signed)
    refused_with_what_hangs_on_it(talk, party, later)
    date_has_not_moved(talk)


def test_J_33() -> None:
    talk = with_root()
    _, later = a_sub(LATER)
    assert import_certificate(talk, SUB_A, later).sw == "6985"
    date_has_not_moved(talk)


def test_J_34() -> None:
    talk = with_root()
    party = Party("Other.CA")
    rsa = bytes.fromhex("2A864886F70D010101")
    info = do(SEQUENCE, do(SEQUENCE, do(0x06, rsa), b"\x05\x00"), do(0x03, b"\x00", party.point))
    later = EXAMPLE.issue(party, EXAMPLE.root, "SUB", start=LATER, fields={authority.KEY: info})
    refused_with_what_hangs_on_it(talk, party, later)
    date_has_not_moved(talk)


@pytest.mark.parametrize("bits", [b"", b"\x00", b"\x00\x00", b"\x00\x04" + bytes(64), b"\x00\x04" + bytes(63)])
def test_J_36(bits: bytes) -> None:
    talk = with_root()
    party = Party("Other.CA")
    algorithm = do(SEQUENCE, do(0x06, authority.EC_PUBLIC_KEY), do(0x06, CURVES["brainpoolP256r1"].oid))
    info = do(SEQUENCE, algorithm, do(0x03, bits))
    later = EXAMPLE.issue(party, EXAMPLE.root, "SUB", start=LATER, fields={authority.KEY: info})
    refused_with_what_hangs_on_it(talk, party, later)
    date_has_not_moved(talk)


@pytest.mark.parametrize(("reference", "kind"), [(GWA_TLS, "TLS"), (GWA_SIG, "SIG"), (GWA_ENC, "ENC")])
def test_J_40(reference: int, kind: str) -> None:
    talk = with_chain()
    refused(talk, ROOT_A, reference, EXAMPLE.issue(Party("Example.GWA"), EXAMPLE.root, kind))


def test_J_41() -> None:
    talk = with_chain()
    party = Party("SM-Test-Root.CA", number=2)
    refused(talk, SUB_A, ROOT_B, EXAMPLE.issue(party, EXAMPLE.sub, "ROOT"), ("6A80", "6A88", "6985"))


@pytest.mark.parametrize("verifier", [GWA_TLS, TMP_1])
@pytest.mark.parametrize(("destination", "kind"), [(SUB_B, "SUB"), (ROOT_B, "ROOT")], ids=["J_47", "J_50"])
def test_J_47_and_J_50(verifier: int, destination: int, kind: str) -> None:
    talk = with_chain()
    assert verify(talk, SUB_A, TMP_1, EXAMPLE.issue(EXAMPLE.tls, EXAMPLE.sub, "TLS")) == "9000"
    wrong = EXAMPLE.issue(Party("Other.CA"), EXAMPLE.tls, kind)
    before = inventory(talk)
    assert verify(talk, verifier, destination, wrong)[0] == "6"
    assert inventory(talk) == before
    assert talk.alive


@pytest.mark.parametrize("upper", CURVES)
@pytest.mark.parametrize("lower", CURVES)
def test_J_51(upper: str, lower: str) -> None:
    """A deviation: any of the five curves may stand above any other."""
    chain = Chain(
        root=Party("SM-Test-Root.CA", upper),
        sub=Party("Example.CA", lower),
        tls=Party("Example.GWA", upper),
        signing=Party("Example.GWA", lower),
    )
    talk = with_chain(chain)
    assert inventory(talk)[GWA_TLS] == (5, fingerprint(chain.tls.point))


def test_M_1() -> None:
    talk = with_chain()
    later = EXAMPLE.issue(Party("Example.GWA"), EXAMPLE.sub, "SIG", start=LATER)
    assert verify(talk, SUB_A, GWA_SIG, later) == "9000"
    ended = EXAMPLE.issue(Party("Example.GWA"), EXAMPLE.sub, "SIG", end=day(2026))
    refused(talk, SUB_A, GWA_SIG, ended, "6983")


def test_M_3() -> None:
    talk = with_root()
    new = Party("SM-Test-Root.CA", "brainpoolP384r1", number=2)
    assert verify(talk, ROOT_A, ROOT_B, EXAMPLE.issue(new, EXAMPLE.root, "ROOT")) == "9000"
    talk.reset()
    assert talk.pace().sw == "9000"
    assert verify(talk, ROOT_B, SUB_A, EXAMPLE.issue(EXAMPLE.sub, new, "SUB")) == "9000"
    assert inventory(talk)[ROOT_B] == (5, fingerprint(new.point))


def test_M_5() -> None:
    talk = with_chain()
    new = Party("SM-Test-Root.CA", number=2)
    assert verify(talk, ROOT_A, ROOT_B, EXAMPLE.issue(new, EXAMPLE.root, "ROOT")) == "9000"
    refused(talk, ROOT_B, GWA_SIG, EXAMPLE.issue(Party("Example.GWA"), new, "SIG"))


# ---- beyond the sheet ----


@pytest.mark.parametrize("destination", [0x00, 0x81, 0xBF, 0xC7, 0xD0, 0xFF])
def test_destinations_that_do_not_exist(destination: int) -> None:
    refused(with_root(), ROOT_A, destination, EXAMPLE.sub_certificate, "6A88")


@pytest.mark.parametrize(
    ("destination", "kind"),
    [(GWA_TLS, "SIG"), (GWA_TLS, "ENC"), (GWA_SIG, "TLS"), (GWA_SIG, "ENC"), (GWA_ENC, "TLS"), (GWA_ENC, "SIG")],
)
def test_key_usage_decides_the_destination(destination: int, kind: str) -> None:
    refused(with_chain(), SUB_A, destination, EXAMPLE.issue(Party("Example.GWA"), EXAMPLE.sub, kind))


@pytest.mark.parametrize("name", ["Example.GWA", "Example.GWA.EXT", "A.B.GWA", "A.GWA.1"])
def test_names_of_administrators(name: str) -> None:
    talk = with_chain()
    assert verify(talk, SUB_A, GWA_SIG, EXAMPLE.issue(Party(name), EXAMPLE.sub, "SIG")) == "9000"


def test_a_leaf_is_no_authority() -> None:
    refused(with_root(), ROOT_A, SUB_A, EXAMPLE.issue(Party("Other.CA"), EXAMPLE.root, "SIG"))


def test_an_authority_is_no_leaf() -> None:
    talk = with_chain()
    refused(talk, SUB_A, GWA_SIG, EXAMPLE.issue(Party("Example.GWA"), EXAMPLE.sub, "SUB"))
    refused(talk, SUB_A, TMP_1, EXAMPLE.issue(Party("Example.CA"), EXAMPLE.sub, "SUB"))


def test_the_issuers_name_counts() -> None:
    other = Party("Nobody.CA")
    party, wrong = a_sub(fields={authority.ISSUER: other.distinguished_name})
    refused_with_what_hangs_on_it(with_root(), party, wrong)


def test_algorithms_inside_and_outside_agree() -> None:
    other = do(SEQUENCE, do(0x06, authority.SIGNATURES[48]))
    party, wrong = a_sub(fields={authority.ALGORITHM: other})
    refused_with_what_hangs_on_it(with_root(), party, wrong)


def test_an_unknown_critical_extension_is_refused() -> None:
    party = Party("Other.CA")
    unknown = do(SEQUENCE, do(0x06, b"\x2a\x03\x04"), do(0x01, b"\xff"), do(0x04, b"\x05\x00"))
    known = authority.extensions(party, EXAMPLE.root, "SUB")
    wrong = EXAMPLE.issue(party, EXAMPLE.root, "SUB", fields={authority.EXTENSIONS: do(0xA3, do(SEQUENCE, *known, unknown))})
    refused_with_what_hangs_on_it(with_root(), party, wrong)


def test_an_unknown_other_extension_is_not() -> None:
    talk = with_root()
    party = Party("Other.CA")
    unknown = do(SEQUENCE, do(0x06, b"\x2a\x03\x04"), do(0x04, b"\x05\x00"))
    known = authority.extensions(party, EXAMPLE.root, "SUB")
    right = EXAMPLE.issue(party, EXAMPLE.root, "SUB", fields={authority.EXTENSIONS: do(0xA3, do(SEQUENCE, *known, unknown))})
    assert verify(talk, ROOT_A, SUB_B, right) == "9000"


def test_trailing_octets_are_refused() -> None:
    party, whole = a_sub()
    refused_with_what_hangs_on_it(with_root(), party, whole + b"\x00")
    refused_with_what_hangs_on_it(with_root(), party, whole[:-1])


@pytest.mark.parametrize("version", [0, 1, 3])
def test_only_version_3(version: int) -> None:
    party, wrong = a_sub(fields={authority.VERSION: do(0xA0, do(0x02, bytes([version])))})
    refused_with_what_hangs_on_it(with_root(), party, wrong)


def test_a_root_signs_itself_in_one_phase_only() -> None:
    talk, chain = administrated("O")
    new = Party("SM-Test-Root.CA", number=2)
    refused(talk, ROOT_A, ROOT_B, chain.issue(new, new, "ROOT"))
    assert verify(talk, ROOT_A, ROOT_B, chain.issue(new, chain.root, "ROOT")) == "9000"


def test_a_self_signed_sub_authority_is_refused() -> None:
    talk = with_root()
    party = Party("Other.CA")
    before = inventory(talk)
    assert import_certificate(talk, SUB_A, EXAMPLE.issue(party, party, "SUB")).sw == "6985"
    refused(talk, ROOT_A, SUB_A, EXAMPLE.issue(party, party, "SUB"))
    assert inventory(talk) == before


def test_keys_of_others_serve_until_the_reset() -> None:
    talk = with_chain()
    emt = Party("Example.EMT")
    assert verify(talk, SUB_A, TMP_1, EXAMPLE.issue(emt, EXAMPLE.sub, "SIG")) == "9000"
    assert inventory(talk)[TMP_1] == (5, fingerprint(emt.point))
    talk.reset()
    assert talk.pace().sw == "9000"
    assert inventory(talk)[TMP_1] == (0, b"")


def test_a_chain_of_commands_brings_the_certificate_too() -> None:
    talk = with_root()
    select_verifier(talk, ROOT_A)
    data = do(0xB6, do(0x83, bytes([SUB_A]))) + EXAMPLE.sub_certificate
    pieces = [data[start : start + 200] for start in range(0, len(data), 200)]
    for piece in pieces[:-1]:
        assert talk.send(apdu("102A00BE", piece)).sw == "9000"
    assert talk.send(apdu("002A00BE", pieces[-1])).sw == "9000"
    assert inventory(talk)[SUB_A] == (5, fingerprint(EXAMPLE.sub.point))


@pytest.mark.parametrize("position", range(0, 640, 16))
def test_no_octet_of_a_certificate_is_without_meaning(position: int) -> None:
    talk = with_root()
    _, whole = a_sub()
    if position < len(whole):
        wrong = bytearray(whole)
        wrong[position] ^= 0x20
        refused(talk, ROOT_A, SUB_B, bytes(wrong), ("6A80", "6983"))


def test_certificates_are_written_rightly() -> None:
    """The test's own encoder, against a reader that is not ours."""
    root = x509.load_der_x509_certificate(EXAMPLE.root_certificate)
    sub = x509.load_der_x509_certificate(EXAMPLE.sub_certificate)
    sub.verify_directly_issued_by(root)
    for leaf in EXAMPLE.administrator_certificates:
        x509.load_der_x509_certificate(leaf).verify_directly_issued_by(sub)
    assert certificate(EXAMPLE.root, EXAMPLE.root, "ROOT", day(2024), day(2030))[:2] == EXAMPLE.root_certificate[:2]
