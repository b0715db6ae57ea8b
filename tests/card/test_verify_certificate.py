# SPDX-License-Identifier: Apache-2.0
"""PSO VERIFY CERTIFICATE: chains, roles, dates, link certificates; and everything that must not be taken for a certificate.

The certificates are made by `cryptography`.  Case numbers (J, M) are those of TR-03105 part 3.3.
"""

from __future__ import annotations

import datetime
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secmod.apdu import CommandApdu, Tlv
from secmod.card.certificate import Certificate
from secmod.errors import CardError
from tests.card.module import Module
from tests.card.pki import (
    Holder,
    coded,
    date,
    issue,
    key,
    parts,
    plain_signature,
    point_of,
    remade,
    root,
    signature_of,
    signed,
    sub,
    with_signature,
)

ROOT_A, ROOT_B, SUB_A, SUB_B, GWA_TLS, GWA_SIG, GWA_ENC, TMP = 0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC8

ROOT = root()
SUB = sub(ROOT)
TLS, SIG, ENC = (issue("Example.GWA", kind, SUB) for kind in ("TLS", "SIG", "ENC"))


def command(destination: int, certificate: bytes) -> CommandApdu:
    return CommandApdu(0x00, 0x2A, 0x00, 0xBE, bytes.fromhex(f"B6038301{destination:02X}") + certificate)


def vc(module: Module, destination: int, certificate: bytes, verifier: int | None = None) -> str:
    """The answer to VERIFY CERTIFICATE, after MSE DST if a verifier is named."""
    if verifier is not None:
        assert module.say(f"002281B6038301{verifier:02X}") == "9000"
    return module.send(command(destination, certificate)).hex().upper()


def snapshot(module: Module) -> tuple[object, ...]:
    """All that a refused certificate must leave as it was."""
    state = module.card._state
    keys = [(key.summary(), key._content.certified) for key in state.tree.public_keys.values()]
    return keys, state.clock.now, state.environment.verifying, set(state.security_status.proofs), state.challenge


def refused(module: Module, destination: int, certificate: bytes, answer: str = "6A80") -> None:
    """The card answers so, nothing has changed, and the session goes on."""
    before = snapshot(module)
    assert vc(module, destination, certificate) == answer
    assert snapshot(module) == before
    assert module.alive


@pytest.fixture
def module() -> Iterator[Module]:
    """Phase V, a session, nothing imported."""
    module = Module("V")
    yield module
    module.card.power_off()


@pytest.fixture
def anchored(module: Module) -> Module:
    """With root and Sub-CA; the Sub-CA is selected."""
    assert vc(module, ROOT_A, ROOT.certificate) == "9000"
    assert vc(module, SUB_A, SUB.certificate, ROOT_A) == "9000"
    assert module.say("002281B6038301C2") == "9000"
    return module


@pytest.fixture
def rooted(module: Module) -> Module:
    """With a root, which is selected."""
    assert vc(module, ROOT_A, ROOT.certificate) == "9000"
    assert module.say("002281B6038301C0") == "9000"
    return module


# ---- what is accepted ------------------------------------------------------------------------------------------------------


def test_j_1_the_whole_chain(module: Module) -> None:
    assert vc(module, ROOT_A, ROOT.certificate) == "9000"
    assert vc(module, SUB_A, SUB.certificate, ROOT_A) == "9000"
    for destination, holder in ((GWA_TLS, TLS), (GWA_SIG, SIG), (GWA_ENC, ENC)):
        assert vc(module, destination, holder.certificate, SUB_A) == "9000"
    for reference, holder in ((ROOT_A, ROOT), (SUB_A, SUB), (GWA_TLS, TLS), (GWA_SIG, SIG), (GWA_ENC, ENC)):
        content = module.card._state.tree.public_keys[reference]._content
        assert content.point == point_of(holder)
        assert content.curve.name.lower() == holder.key.curve.name.lower()
        assert content.certified.subject == holder.name.public_bytes()
        identifier = x509.SubjectKeyIdentifier.from_public_key(holder.key.public_key()).digest
        assert content.certified.key_identifier == identifier
        assert content.certified.not_after == date(2035)


@pytest.mark.parametrize("size", [100, 255, 400])
def test_chained(module: Module, size: int) -> None:
    assert module.chain(command(ROOT_A, ROOT.certificate), size) == "9000"
    assert module.card._state.tree.public_keys[ROOT_A].present


@pytest.mark.parametrize("curve", ["brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1", "secp256r1", "secp384r1"])
def test_j_51_any_curve_under_any_other(module: Module, curve: str) -> None:
    anchor = root(curve=curve)
    below = sub(anchor, curve="brainpoolP512r1")
    assert vc(module, ROOT_A, anchor.certificate) == "9000"
    assert vc(module, SUB_A, below.certificate, ROOT_A) == "9000"
    assert vc(module, GWA_SIG, issue("a.GWA", "SIG", below, curve=curve).certificate, SUB_A) == "9000"


def test_a_root_needs_no_verifier_in_preperso_and_may_have_one(module: Module) -> None:
    assert vc(module, ROOT_A, ROOT.certificate, ROOT_A) == "9000"  # an empty place is selected
    assert vc(module, ROOT_B, root(2).certificate, ROOT_A) == "9000"  # another is selected
    assert vc(module, ROOT_A, root(3).certificate) == "9000"  # and replaced


def test_a_self_signed_root_is_for_preperso_alone(rooted: Module) -> None:
    rooted.enter("P")
    rooted.proofs.add("G")
    refused(rooted, ROOT_B, root(2).certificate)
    assert rooted.say("0022F301") == "9000"
    rooted.proofs.add("G")
    refused(rooted, ROOT_B, root(2).certificate, "6985")


@pytest.mark.parametrize("phase", "PO")
def test_m_3_link_certificate(anchored: Module, phase: str) -> None:
    new = root(2)
    link = issue("SM-Test-Root.CA", "CA", ROOT, curve="brainpoolP384r1", generation=2, path_length=1)
    assert link.key is new.key
    anchored.enter(phase)
    anchored.proofs.add("G")
    assert vc(anchored, ROOT_B, link.certificate, ROOT_A) == "9000"
    anchored.card.reset()
    anchored.pace()
    anchored.proofs.add("G")
    assert vc(anchored, SUB_B, sub(new).certificate, ROOT_B) == "9000"  # a chain of its own: path lengths begin anew
    assert vc(anchored, ROOT_A, link.certificate, ROOT_A) == "9000"  # over its own verifier


def test_a_link_certificate_for_the_same_name(rooted: Module) -> None:
    """Self-issued and not self-signed: the key tells."""
    same = issue("SM-Test-Root.CA", "CA", ROOT, curve="secp256r1", path_length=1)
    assert same.name == ROOT.name
    assert same.key is not ROOT.key
    assert vc(rooted, ROOT_B, same.certificate) == "9000"
    assert vc(rooted, SUB_A, sub(same).certificate, ROOT_B) == "9000"


def test_temporary_keys_take_any_end_entity(anchored: Module) -> None:
    partner = issue("Example.EMT.MAK", "ENC", SUB)
    assert vc(anchored, TMP, partner.certificate) == "9000"
    assert vc(anchored, TMP + 1, SIG.certificate) == "9000"
    assert vc(anchored, TMP + 2, issue("Root service.CA.TLS", "TLS", ROOT).certificate, ROOT_A) == "9000"
    anchored.card.reset()
    assert not anchored.card._state.tree.public_keys[TMP].present
    assert anchored.card._state.tree.public_keys[SUB_A].present


def test_an_imported_key_verifies_signatures(anchored: Module) -> None:
    assert vc(anchored, TMP, SIG.certificate) == "9000"
    anchored.say(f"002281B6038301{TMP:02X}")
    question = b"\x90\x20" + hashlib.sha256(b"hello").digest() + b"\x9e\x40" + plain_signature(SIG, b"hello")
    assert anchored.say(f"002A00A8{len(question):02X}{question.hex()}") == "9000"


@pytest.mark.parametrize(
    "common_name", ["a.GWA", "a.b.GWA", "a.GWA.1", "Stadtwerke Köln.GWA.Nord", "..GWA", "a.GWA.EMT", ".GWA."]
)
def test_names_of_administrators(anchored: Module, common_name: str) -> None:
    assert vc(anchored, GWA_SIG, issue(common_name, "SIG", SUB).certificate) == "9000"


def test_extensions_that_are_missing_or_unknown_do_no_harm(anchored: Module) -> None:
    without = (x509.AuthorityKeyIdentifier, x509.SubjectKeyIdentifier, x509.CertificatePolicies, x509.BasicConstraints)
    assert vc(anchored, GWA_SIG, issue("a.GWA", "SIG", SUB, without=without).certificate) == "9000"
    foreign = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    assert vc(anchored, GWA_SIG, issue("a.GWA", "SIG", SUB, more=((foreign, False),)).certificate) == "9000"


# ---- order of checks, and who may ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        ("", "6700"),
        ("B6038301C0", "6A80"),
        ("B6038301C030", "6A80"),
        ("B6038301C03000" + "00", "6A80"),
        ("B6038301C030003000", "6A80"),
        ("3000", "6A80"),
        ("3000B6038301C0", "6A80"),
        ("B6038401C03000", "6A80"),
        ("B604" + "8302C0C0" + "3000", "6A80"),
        ("B606" + "8301C08301C0" + "3000", "6A80"),
        ("B6003000", "6A80"),
        ("B4038301C03000", "6A80"),
        ("B6038301C0" + "7F210100", "6A80"),
        ("B6038301C03000", "6A80"),
        ("B6038301D03000", "6A88"),
        ("B603830181" + "3000", "6A88"),
        ("B6038301C23000", "6985"),
    ],
)
def test_malformed_data_fields(module: Module, data: str, answer: str) -> None:
    lc = f"{len(data) // 2:02X}" if data else ""
    assert module.say(f"002A00BE{lc}{data}") == answer
    assert module.alive


def test_j_2_an_unknown_verifier(anchored: Module) -> None:
    assert anchored.say("0022F301") == "9000"
    assert anchored.say("002281B6038301D0") == "6A88"
    refused(anchored, GWA_SIG, SIG.certificate, "6985")


def test_an_empty_verifier(rooted: Module) -> None:
    assert rooted.say("002281B6038301C2") == "9000"
    refused(rooted, GWA_SIG, SIG.certificate, "6A88")


def test_j_33_no_verifier(rooted: Module) -> None:
    assert rooted.say("0022F301") == "9000"
    refused(rooted, SUB_A, SUB.certificate, "6985")
    refused(rooted, SUB_A, b"\x30\x00", "6985")
    refused(rooted, ROOT_B, SUB.certificate, "6985")  # not self-signed


def test_j_12_in_plain(rooted: Module) -> None:
    assert rooted.plain("002281B6038301C0") == "9000"  # and the session is over
    assert rooted.plain(command(SUB_A, SUB.certificate).encode().hex()) == "6982"
    assert rooted.plain("002281B6038301C0") == "9000"
    assert not rooted.alive


def test_j_13_proprietary_class(rooted: Module) -> None:
    assert rooted.say("802281B6038301C0") == "6E00"
    assert rooted.alive


RIGHTS = {
    ROOT_B: ("V", "PO"),
    SUB_A: ("VP", "O"),
    GWA_TLS: ("V", "PO"),
    GWA_SIG: ("V", "PO"),
    GWA_ENC: ("V", "PO"),
    TMP: ("VPO", ""),
}


@pytest.mark.parametrize("phase", "IGVPO")
@pytest.mark.parametrize("destination", RIGHTS)
def test_who_may(anchored: Module, phase: str, destination: int) -> None:
    alone, together = RIGHTS[destination]
    link = issue("SM-Test-Root.CA", "CA", ROOT, curve="brainpoolP384r1", generation=2, path_length=1)
    certificate = {ROOT_B: link, SUB_A: SUB, GWA_TLS: TLS, GWA_SIG: SIG, GWA_ENC: ENC, TMP: SIG}[destination].certificate
    verifier = ROOT_A if destination in (ROOT_B, SUB_A) else SUB_A
    anchored.say(f"002281B6038301{verifier:02X}")
    anchored.enter(phase)
    if phase in alone:
        assert vc(anchored, destination, certificate) == "9000"
    else:
        refused(anchored, destination, certificate, "6982")
    anchored.proofs.add("G")
    assert vc(anchored, destination, certificate) == ("9000" if phase in alone + together else "6982")


# ---- roles, kinds, verifiers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("destination", "holder"),
    [(GWA_TLS, SIG), (GWA_TLS, ENC), (GWA_SIG, TLS), (GWA_SIG, ENC), (GWA_ENC, TLS), (GWA_ENC, SIG), (SUB_A, SIG), (ROOT_B, SIG)],
)
def test_a_certificate_for_something_else(anchored: Module, destination: int, holder: Holder) -> None:
    refused(anchored, destination, holder.certificate)


@pytest.mark.parametrize("common_name", ["a.EMT", "GWA", "a.GWAx", "aGWA", "a.gwa", "GWA.a", "a.SMGW", "a.GWA ", "a,GWA"])
def test_j_6_not_the_administrator(anchored: Module, common_name: str) -> None:
    refused(anchored, GWA_SIG, issue(common_name, "SIG", SUB).certificate)


def test_a_name_with_two_common_names_has_no_role(anchored: Module) -> None:
    two = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a.GWA"), x509.NameAttribute(NameOID.COMMON_NAME, "b.EMT")])
    refused(anchored, GWA_SIG, remade(SIG, SUB, subject=two.public_bytes()))
    none = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "a.GWA")])
    refused(anchored, GWA_SIG, remade(SIG, SUB, subject=none.public_bytes()))


def usage(**bits: bool) -> x509.KeyUsage:
    names = "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign"
    return x509.KeyUsage(**dict.fromkeys(names.split(), False) | {"encipher_only": False, "decipher_only": False} | bits)


@pytest.mark.parametrize(
    ("destination", "bits"),
    [
        (GWA_SIG, {"digital_signature": True, "key_agreement": True}),
        (GWA_ENC, {"digital_signature": True, "key_agreement": True}),
        (GWA_SIG, {"digital_signature": True, "key_cert_sign": True}),
        (TMP, {"digital_signature": True, "key_cert_sign": True}),
        (GWA_SIG, {"content_commitment": True}),
        (GWA_ENC, {"key_encipherment": True}),
        (SUB_A, {"crl_sign": True}),
    ],
)
def test_other_usages(anchored: Module, destination: int, bits: dict[str, bool]) -> None:
    holder = issue("a.GWA", "SIG", SUB, without=(x509.KeyUsage,), more=((usage(**bits), True),))
    refused(anchored, destination, holder.certificate)


def test_without_key_usage_there_is_no_kind(anchored: Module) -> None:
    refused(anchored, GWA_SIG, issue("a.GWA", "SIG", SUB, without=(x509.KeyUsage,)).certificate)
    eku = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    refused(anchored, GWA_ENC, issue("a.GWA", "ENC", SUB, more=((eku, True),)).certificate)


@pytest.mark.parametrize("without", [x509.KeyUsage, x509.BasicConstraints])
def test_an_authority_says_so_twice(rooted: Module, without: type) -> None:
    refused(rooted, SUB_A, sub(ROOT, without=(without,)).certificate)


def test_j_40_and_m_5_the_root_certifies_no_administrator(rooted: Module) -> None:
    refused(rooted, GWA_SIG, issue("a.GWA", "SIG", ROOT).certificate)


def test_j_41_a_sub_authority_certifies_no_root(anchored: Module) -> None:
    refused(anchored, ROOT_B, issue("SM-Test-Root.CA", "CA", SUB, generation=2).certificate)


@pytest.mark.parametrize("verifier", [GWA_SIG, TMP])
def test_j_47_and_j_50_an_end_entity_certifies_nobody(anchored: Module, verifier: int) -> None:
    assert vc(anchored, verifier, SIG.certificate) == "9000"
    anchored.say(f"002281B6038301{verifier:02X}")
    refused(anchored, SUB_B, sub(SIG).certificate)
    refused(anchored, ROOT_B, issue("SM-Test-Root.CA", "CA", SIG, generation=2).certificate)
    refused(anchored, TMP + 1, issue("a.EMT", "SIG", SIG).certificate)


def test_who_is_no_authority_certifies_nobody_in_any_profile() -> None:
    certificate = Certificate.parse(SIG.certificate)
    issuer = Certificate.parse(SUB.certificate).key
    certificate.check_signed_by(issuer)
    with pytest.raises(CardError, match="no authority"):
        certificate.check_signed_by(replace(issuer, authority=False))


def test_path_length(module: Module) -> None:
    short = root(4, path_length=0)
    assert vc(module, ROOT_A, short.certificate) == "9000"
    module.say("002281B6038301C0")
    refused(module, SUB_A, sub(short).certificate)
    assert vc(module, TMP, issue("a.EMT", "SIG", short).certificate) == "9000"


def test_the_issuer_is_told_by_its_name_and_its_key(anchored: Module) -> None:
    twin = sub(ROOT)  # same name and key: a renewed certificate
    assert twin.key is SUB.key
    assert vc(anchored, GWA_SIG, issue("a.GWA", "SIG", twin).certificate) == "9000"
    other_name = Holder(sub(ROOT, "Other.CA").name, SUB.key, b"")
    refused(anchored, GWA_SIG, issue("a.GWA", "SIG", other_name).certificate)
    other_key = Holder(SUB.name, key("another"), b"")
    refused(anchored, GWA_SIG, issue("a.GWA", "SIG", other_key).certificate)
    foreign = x509.AuthorityKeyIdentifier(b"\x01" * 20, None, None)
    refused(
        anchored,
        GWA_SIG,
        issue("a.GWA", "SIG", SUB, without=(x509.AuthorityKeyIdentifier,), more=((foreign, False),)).certificate,
    )
    nothing = x509.AuthorityKeyIdentifier(None, [x509.DirectoryName(ROOT.name)], 1)
    refused(
        anchored,
        GWA_SIG,
        issue("a.GWA", "SIG", SUB, without=(x509.AuthorityKeyIdentifier,), more=((nothing, False),)).certificate,
    )


def test_names_are_compared_octet_by_octet(anchored: Module) -> None:
    """The same name in another string type is another name."""
    printable = x509.Name([x509.NameAttribute(each.oid, each.value, _ASN1Type.PrintableString) for each in SUB.name])
    assert printable.public_bytes() != SUB.name.public_bytes()
    refused(anchored, GWA_SIG, remade(SIG, SUB, issuer=printable.public_bytes()))


def test_a_self_signed_end_entity_is_nobody(module: Module) -> None:
    refused(module, ROOT_A, issue("a.GWA", "SIG").certificate)


def test_a_root_that_another_key_has_signed(module: Module) -> None:
    refused(module, ROOT_A, remade(ROOT, Holder(ROOT.name, key("stranger", "brainpoolP384r1"), b"")))


# ---- dates -----------------------------------------------------------------------------------------------------------------


def test_m_1_accepted_certificates_move_the_date(anchored: Module) -> None:
    clock = anchored.card.clock
    assert clock.now == date(2025)
    assert vc(anchored, GWA_SIG, issue("a.GWA", "SIG", SUB, begin=date(2030)).certificate) == "9000"
    assert clock.now == date(2030)
    refused(anchored, GWA_TLS, issue("a.GWA", "TLS", SUB, end=date(2029)).certificate, "6983")
    assert vc(anchored, GWA_TLS, issue("a.GWA", "TLS", SUB, end=date(2030)).certificate) == "9000"  # its last second
    anchored.card.reset()
    assert clock.now == date(2030)


def test_j_23_refused_certificates_do_not(anchored: Module) -> None:
    later = issue("a.GWA", "SIG", SUB, begin=date(2034)).certificate
    anchored.say("0022F301")
    refused(anchored, GWA_SIG, later, "6985")
    anchored.say("002281B6038301C0")
    refused(anchored, GWA_SIG, later)
    anchored.say("002281B6038301C2")
    refused(anchored, GWA_SIG, later[:-1] + bytes([later[-1] ^ 1]))
    assert vc(anchored, GWA_SIG, issue("a.GWA", "SIG", SUB, end=date(2026)).certificate) == "9000"


def test_the_time_that_the_host_sets(anchored: Module) -> None:
    clock = anchored.card.clock
    clock.set(date(2028))
    refused(anchored, GWA_SIG, issue("a.GWA", "SIG", SUB, begin=date(2029)).certificate, "6983")
    refused(anchored, GWA_SIG, issue("a.GWA", "SIG", SUB, end=date(2027)).certificate, "6983")
    assert vc(anchored, GWA_SIG, issue("a.GWA", "SIG", SUB, begin=date(2027), end=date(2029)).certificate) == "9000"
    clock.set(date(2036))
    refused(anchored, GWA_SIG, issue("a.GWA", "SIG", SUB, end=date(2040)).certificate, "6983")  # the Sub-CA has expired
    clock.set(None)
    assert clock.now == date(2027)


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (coded(0x17, b"490101000000Z"), coded(0x18, b"20500101000000Z")),
        (coded(0x17, b"500101000000Z"), coded(0x17, b"491231235959Z")),  # 1950 to 2049
        (coded(0x17, b"250101000000Z"), coded(0x18, b"99991231235959Z")),
        (coded(0x17, b"280229000000Z"), coded(0x17, b"280229000000Z")),  # one second on a leap day
    ],
)
def test_forms_of_time(anchored: Module, begin: bytes, end: bytes) -> None:
    assert vc(anchored, GWA_SIG, remade(SIG, SUB, validity=coded(0x30, begin, end))) == "9000"


GOOD = coded(0x17, b"250101000000Z")
TIMES = {
    "J_7: one is missing": coded(0x30, GOOD),
    "none": coded(0x30),
    "three": coded(0x30, GOOD, GOOD, GOOD),
    "J_9: no digits": coded(0x30, coded(0x17, b"25O1O1000000Z"), coded(0x17, b"350101000000Z")),
    "J_17: the 32nd": coded(0x30, coded(0x17, b"250132000000Z"), coded(0x17, b"350101000000Z")),
    "30 February": coded(0x30, coded(0x17, b"250230000000Z"), coded(0x17, b"350101000000Z")),
    "29 February, no leap year": coded(0x30, coded(0x17, b"250229000000Z"), coded(0x17, b"350101000000Z")),
    "month 0": coded(0x30, coded(0x17, b"250001000000Z"), coded(0x17, b"350101000000Z")),
    "hour 24": coded(0x30, coded(0x17, b"250101240000Z"), coded(0x17, b"350101000000Z")),
    "second 60": coded(0x30, coded(0x17, b"250101000060Z"), coded(0x17, b"350101000000Z")),
    "J_19: it ends before it begins": coded(0x30, coded(0x17, b"350101000000Z"), GOOD),
    "UTCTime without seconds": coded(0x30, coded(0x17, b"2501010000Z"), coded(0x17, b"350101000000Z")),
    "UTCTime with an offset": coded(0x30, coded(0x17, b"250101000000+0100"), coded(0x17, b"350101000000Z")),
    "UTCTime without zone": coded(0x30, coded(0x17, b"250101000000"), coded(0x17, b"350101000000Z")),
    "GeneralizedTime before 2050": coded(0x30, coded(0x18, b"20250101000000Z"), coded(0x17, b"350101000000Z")),
    "GeneralizedTime with a fraction": coded(0x30, GOOD, coded(0x18, b"20510101000000.5Z")),
    "GeneralizedTime, local": coded(0x30, GOOD, coded(0x18, b"20510101000000")),
    "four digits in UTCTime": coded(0x30, GOOD, coded(0x17, b"20350101000000Z")),
    "text": coded(0x30, GOOD, coded(0x13, b"350101000000Z")),
    "a set": coded(0x31, GOOD, coded(0x17, b"350101000000Z")),
}


@pytest.mark.parametrize("case", TIMES)
def test_times_that_are_none(anchored: Module, case: str) -> None:
    refused(anchored, GWA_SIG, remade(SIG, SUB, validity=TIMES[case]))


# ---- what is no certificate, or not in the one right coding ----------------------------------------------------------------

P256_ORDER = 0xA9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7


def integer(value: int) -> bytes:
    return coded(0x02, value.to_bytes(value.bit_length() // 8 + 1))


def signature(r: bytes, s: bytes) -> bytes:
    return coded(0x30, r, s)


R, S = signature_of(SIG.certificate)
WIDE = coded(0x02, b"\x00" + R.to_bytes(33))
SIGNATURES = {
    "J_3: another last octet": SIG.certificate[:-1] + bytes([SIG.certificate[-1] ^ 1]),
    "J_28: last octet + 1": SIG.certificate[:-1] + bytes([(SIG.certificate[-1] + 1) & 0xFF]),
    "J_30: s = s + n": with_signature(SIG.certificate, signature(integer(R), integer(S + P256_ORDER))),
    "s = n": with_signature(SIG.certificate, signature(integer(R), integer(P256_ORDER))),
    "J_31: r = 0": with_signature(SIG.certificate, signature(integer(0), integer(S))),
    "s = 0": with_signature(SIG.certificate, signature(integer(R), integer(0))),
    "r and s exchanged": with_signature(SIG.certificate, signature(integer(S), integer(R))),
    "r negative": with_signature(SIG.certificate, signature(coded(0x02, b"\x80" + bytes(31)), integer(S))),
    "r with a needless zero": with_signature(SIG.certificate, signature(WIDE, integer(S))),
    "r empty": with_signature(SIG.certificate, signature(coded(0x02), integer(S))),
    "three numbers": with_signature(SIG.certificate, coded(0x30, integer(R), integer(S), integer(1))),
    "one number": with_signature(SIG.certificate, coded(0x30, integer(R))),
    "a set of numbers": with_signature(SIG.certificate, coded(0x31, integer(R), integer(S))),
    "plain r || s": with_signature(SIG.certificate, R.to_bytes(32) + S.to_bytes(32)),
    "octets behind": with_signature(SIG.certificate, signature(integer(R), integer(S)) + b"\x00"),
    "a long length": with_signature(SIG.certificate, b"\x30\x81" + signature(integer(R), integer(S))[1:]),
    "empty": with_signature(SIG.certificate, b""),
}


@pytest.mark.parametrize("case", SIGNATURES)
def test_signatures_that_are_none(anchored: Module, case: str) -> None:
    refused(anchored, GWA_SIG, SIGNATURES[case])


def test_the_signature_with_minus_s_is_one_too(anchored: Module) -> None:
    """Not a check of ours: ECDSA itself accepts both."""
    assert vc(anchored, GWA_SIG, with_signature(SIG.certificate, signature(integer(R), integer(P256_ORDER - S)))) == "9000"


def patched(certificate: bytes, index: int, value: int) -> bytes:
    return certificate[:index] + bytes([value]) + certificate[index + 1 :]


BODY = Tlv.parse(SIG.certificate).children[0].encode()
PARTS = parts(SIG.certificate)
SUB_ALGORITHM = PARTS[2]
SHA256, SHA384, SHA1 = "06082A8648CE3D040302", "06082A8648CE3D040303", "06072A8648CE3D0401"
OUTER = len(SIG.certificate) - len(Tlv.parse(SIG.certificate).value)  # where the body begins


def sequence_of(*hexadecimal: str) -> bytes:
    return coded(0x30, *map(bytes.fromhex, hexadecimal))


def with_algorithms(inner: bytes, outer: bytes) -> bytes:
    own = [*PARTS]
    own[2] = inner
    return signed(coded(0x30, *own), SUB, outer)


STRUCTURES = {
    "J_5: no body": coded(0x30, *(part.encode() for part in Tlv.parse(SIG.certificate).children[1:])),
    "J_15: the body is a set": patched(SIG.certificate, OUTER, 0x31),
    "J_15: the body has a context tag": patched(SIG.certificate, OUTER, 0xA0),
    "J_16: the signature is an octet string": coded(
        0x30, BODY, SUB_ALGORITHM, coded(0x04, Tlv.parse(SIG.certificate).children[2].value)
    ),
    "J_26: the body's length is one too small": patched(SIG.certificate, OUTER + 3, (SIG.certificate[OUTER + 3] - 1) & 0xFF),
    "the body's length is one too large": patched(SIG.certificate, OUTER + 3, (SIG.certificate[OUTER + 3] + 1) & 0xFF),
    "a fourth part": coded(0x30, Tlv.parse(SIG.certificate).value, b"\x05\x00"),
    "unused bits in the signature": coded(
        0x30, BODY, SUB_ALGORITHM, coded(0x03, b"\x01" + Tlv.parse(SIG.certificate).children[2].value[1:-1] + b"\x00")
    ),
    "octets behind": coded(0x30, Tlv.parse(SIG.certificate).value + b"\x00"),
    "version 1": remade(SIG, SUB, version=None),
    "version 2": remade(SIG, SUB, version=bytes.fromhex("A003020101")),
    "version 4": remade(SIG, SUB, version=bytes.fromhex("A003020103")),
    "version twice": remade(SIG, SUB, version=bytes.fromhex("A006020102020102")),
    "no serial number": remade(SIG, SUB, serial=None),
    "serial number 0": remade(SIG, SUB, serial=bytes.fromhex("020100")),
    "serial number negative": remade(SIG, SUB, serial=bytes.fromhex("020180")),
    "serial number empty": remade(SIG, SUB, serial=bytes.fromhex("0200")),
    "serial number with a needless zero": remade(SIG, SUB, serial=bytes.fromhex("02020001")),
    "serial number of 21 octets": remade(SIG, SUB, serial=coded(0x02, b"\x01" * 21)),
    "serial number as text": remade(SIG, SUB, serial=coded(0x13, b"1")),
    "no names": remade(SIG, SUB, subject=coded(0x30)),
    "no subject": remade(SIG, SUB, subject=None),
    "algorithms differ": with_algorithms(sequence_of(SHA384), sequence_of(SHA256)),
    "algorithms differ the other way": with_algorithms(sequence_of(SHA256), sequence_of(SHA384)),
    "algorithm with NULL": with_algorithms(sequence_of(SHA256, "0500"), sequence_of(SHA256, "0500")),
    "SHA-1": with_algorithms(sequence_of(SHA1), sequence_of(SHA1)),
    "no algorithm": with_algorithms(coded(0x30), coded(0x30)),
    "RSA": with_algorithms(sequence_of("06092A864886F70D01010B", "0500"), sequence_of("06092A864886F70D01010B", "0500")),
    "unique identifiers": remade(SIG, SUB, key=PARTS[6] + bytes.fromhex("81020055")),
    "no extensions": remade(SIG, SUB, extensions=None),
    "empty extensions": remade(SIG, SUB, extensions=coded(0xA3, coded(0x30))),
    "a part behind the extensions": remade(SIG, SUB, extensions=PARTS[7] + b"\x05\x00"),
    "extensions under another tag": remade(SIG, SUB, extensions=b"\xa2" + PARTS[7][1:]),
    "a set of extensions": remade(SIG, SUB, extensions=coded(0xA3, b"\x31" + Tlv.parse(PARTS[7]).value[1:])),
    "a long length inside": remade(SIG, SUB, serial=bytes.fromhex("02810101")),
    "an indefinite length inside": remade(SIG, SUB, validity=b"\x30\x80" + Tlv.parse(PARTS[4]).value + b"\x00\x00"),
}


@pytest.mark.parametrize("case", STRUCTURES)
def test_structures_that_are_no_certificate(anchored: Module, case: str) -> None:
    refused(anchored, GWA_SIG, STRUCTURES[case])


EC, P256 = "06072A8648CE3D0201", "06092B2403030208010107"
POINT = point_of(SIG)


def key_info(algorithm: bytes, point: bytes, unused: int = 0) -> bytes:
    return coded(0x30, algorithm, coded(0x03, bytes([unused]), point))


NAMED = sequence_of(EC, P256)
KEYS = {
    "J_22: secp521r1": Tlv.parse(issue("x", "SIG", SUB, curve="secp521r1").certificate).children[0].children[6].encode(),
    "J_22: brainpoolP256t1": key_info(sequence_of(EC, "06092B2403030208010108"), POINT),
    "J_34: RSA": key_info(sequence_of("06092A864886F70D010101", "0500"), POINT),
    "J_34: Ed25519": key_info(sequence_of("06032B6570"), POINT[1:33]),
    "J_34: id-ecDH": key_info(sequence_of("06052B8104010C", P256), POINT),
    "J_36: no point": key_info(NAMED, b""),
    "a bit string without content": coded(0x30, NAMED, coded(0x03)),
    "the point at infinity": key_info(NAMED, b"\x00"),
    "compressed": key_info(NAMED, bytes([2 + (POINT[-1] & 1)]) + POINT[1:33]),
    "hybrid": key_info(NAMED, bytes([6 + (POINT[-1] & 1)]) + POINT[1:]),
    "too short": key_info(NAMED, POINT[:-1]),
    "too long": key_info(NAMED, POINT + b"\x00"),
    "off the curve": key_info(NAMED, patched(POINT, 64, POINT[64] ^ 1)),
    "of another curve": key_info(sequence_of(EC, "06082A8648CE3D030107"), POINT),
    "zero": key_info(NAMED, b"\x04" + bytes(64)),
    "unused bits": key_info(NAMED, POINT[:-1] + bytes([POINT[-1] & 0xFE]), 1),
    "no parameters": key_info(sequence_of(EC), POINT),
    "parameters NULL (implicit)": key_info(sequence_of(EC, "0500"), POINT),
    "explicit parameters": key_info(coded(0x30, bytes.fromhex(EC), sequence_of("020101", "300C06072A8648CE3D0101020117")), POINT),
    "three in the algorithm": key_info(sequence_of(EC, P256, "0500"), POINT),
    "an octet string": coded(0x30, NAMED, coded(0x04, b"\x00" + POINT)),
    "a set": coded(0x31, NAMED, coded(0x03, b"\x00" + POINT)),
}


@pytest.mark.parametrize("case", KEYS)
def test_keys_that_are_none(anchored: Module, case: str) -> None:
    refused(anchored, GWA_SIG, remade(SIG, SUB, key=KEYS[case]))


CN, C, SERIAL_NUMBER, ORGANIZATION = "0603550403", "0603550406", "0603550405", "060355040A"


def relative(*attributes: bytes) -> bytes:
    return coded(0x31, *attributes)


def attribute(oid: str, tag: int, value: bytes) -> bytes:
    return coded(0x30, bytes.fromhex(oid), coded(tag, value))


GWA = attribute(CN, 0x0C, b"a.GWA")
NAMES = {
    "TeletexString": coded(0x30, relative(attribute(CN, 0x14, b"a.GWA"))),
    "BMPString": coded(0x30, relative(attribute(CN, 0x1E, "a.GWA".encode("utf-16-be")))),
    "UniversalString": coded(0x30, relative(attribute(CN, 0x1C, "a.GWA".encode("utf-32-be")))),
    "IA5String": coded(0x30, relative(attribute(CN, 0x16, b"a.GWA"))),
    "VisibleString": coded(0x30, relative(attribute(CN, 0x1A, b"a.GWA"))),
    "OCTET STRING": coded(0x30, relative(attribute(CN, 0x04, b"a.GWA"))),
    "PrintableString with other characters": coded(0x30, relative(attribute(CN, 0x13, b"a*.GWA"))),
    "PrintableString with umlauts": coded(0x30, relative(attribute(CN, 0x13, "Köln.GWA".encode()))),
    "broken UTF-8": coded(0x30, relative(attribute(CN, 0x0C, b"\xc3.GWA"))),
    "overlong UTF-8": coded(0x30, relative(attribute(CN, 0x0C, b"\xc0\xae.GWA"))),
    "broken UTF-8, not in the common name": coded(0x30, relative(GWA), relative(attribute(ORGANIZATION, 0x0C, b"\xff"))),
    "surrogates": coded(0x30, relative(attribute(CN, 0x0C, b"\xed\xa0\x80.GWA"))),
    "empty value": coded(0x30, relative(GWA), relative(attribute(ORGANIZATION, 0x0C, b""))),
    "country in UTF-8": coded(0x30, relative(GWA), relative(attribute(C, 0x0C, b"DE"))),
    "serial number in UTF-8": coded(0x30, relative(GWA), relative(attribute(SERIAL_NUMBER, 0x0C, b"1"))),
    "empty set": coded(0x30, relative(GWA), relative()),
    "no set": coded(0x30, coded(0x30, GWA)),
    "unsorted set": coded(0x30, relative(*sorted([GWA, attribute(ORGANIZATION, 0x0C, b"x")], reverse=True))),
    "one element in an attribute": coded(0x30, relative(coded(0x30, bytes.fromhex(CN)))),
    "three elements in an attribute": coded(0x30, relative(coded(0x30, bytes.fromhex(CN), GWA, GWA))),
    "constructed string": coded(0x30, relative(coded(0x30, bytes.fromhex(CN), coded(0x2C, coded(0x0C, b"a.GWA"))))),
    "identifier with leading 80": coded(0x30, relative(GWA), relative(attribute("0604" + "55800403", 0x0C, b"x"))),
    "identifier cut off": coded(0x30, relative(GWA), relative(attribute("0603" + "550483", 0x0C, b"x"))),
    "identifier empty": coded(0x30, relative(GWA), relative(attribute("0600", 0x0C, b"x"))),
}


@pytest.mark.parametrize("case", NAMES)
def test_names_that_are_none(anchored: Module, case: str) -> None:
    refused(anchored, GWA_SIG, remade(SIG, SUB, subject=NAMES[case]))


def test_a_sorted_set_is_well(anchored: Module) -> None:
    subject = coded(0x30, relative(*sorted([GWA, attribute(ORGANIZATION, 0x0C, b"x")])))
    assert vc(anchored, GWA_SIG, remade(SIG, SUB, subject=subject)) == "9000"


USAGE, CONSTRAINTS, EXTENDED, NAME_CONSTRAINTS, OWN_KEY = "0603551D0F", "0603551D13", "0603551D25", "0603551D1E", "0603551D0E"
CRITICAL = "0101FF"
SIGNS = coded(0x30, bytes.fromhex(USAGE + CRITICAL), coded(0x04, bytes.fromhex("03020780")))


def extension(head: str, value: str) -> bytes:
    return coded(0x30, bytes.fromhex(head), coded(0x04, bytes.fromhex(value)))


def with_extensions(*extensions: bytes) -> bytes:
    return remade(SIG, SUB, extensions=coded(0xA3, coded(0x30, *extensions)))


EXTENSION_CASES = {
    "twice": with_extensions(SIGNS, SIGNS),
    "unknown and critical": with_extensions(SIGNS, extension("06082B06010505076363" + CRITICAL, "0500")),
    "name constraints, critical": with_extensions(SIGNS, extension(NAME_CONSTRAINTS + CRITICAL, "3000")),
    "subject key identifier, critical": with_extensions(SIGNS, extension(OWN_KEY + CRITICAL, "04020102")),
    "critical FALSE": with_extensions(SIGNS, extension(CONSTRAINTS + "010100", "3000")),
    "critical 01": with_extensions(SIGNS, extension(CONSTRAINTS + "010101", "3000")),
    "critical twice": with_extensions(SIGNS, extension(CONSTRAINTS + CRITICAL + CRITICAL, "3000")),
    "critical as a number": with_extensions(SIGNS, extension(CONSTRAINTS + "020101", "3000")),
    "no value": with_extensions(SIGNS, coded(0x30, bytes.fromhex(CONSTRAINTS))),
    "value in a bit string": with_extensions(SIGNS, coded(0x30, bytes.fromhex(CONSTRAINTS), coded(0x03, b"\x00\x30\x00"))),
    "no extension": with_extensions(SIGNS, coded(0x30)),
    "constraints: CA FALSE written out": with_extensions(SIGNS, extension(CONSTRAINTS + CRITICAL, "3003010100")),
    "constraints: CA 01": with_extensions(SIGNS, extension(CONSTRAINTS + CRITICAL, "3003010101")),
    "constraints: path length of no authority": with_extensions(SIGNS, extension(CONSTRAINTS + CRITICAL, "3003020100")),
    "constraints: octets behind": with_extensions(SIGNS, extension(CONSTRAINTS + CRITICAL, "300000")),
    "constraints: empty": with_extensions(SIGNS, extension(CONSTRAINTS + CRITICAL, "")),
    "constraints: long length": with_extensions(SIGNS, extension(CONSTRAINTS + CRITICAL, "308100")),
    "usage: trailing zero bits": with_extensions(extension(USAGE + CRITICAL, "03020080")),
    "usage: trailing zero octet": with_extensions(extension(USAGE + CRITICAL, "0303078000")),
    "usage: unused bits set": with_extensions(extension(USAGE + CRITICAL, "030207FF")),
    "usage: no bits": with_extensions(extension(USAGE + CRITICAL, "030100")),
    "usage: empty": with_extensions(extension(USAGE + CRITICAL, "0300")),
    "usage: other type": with_extensions(extension(USAGE + CRITICAL, "04020780")),
    "usage: octets behind": with_extensions(extension(USAGE + CRITICAL, "0302078000")),
    "extended usage: empty": with_extensions(SIGNS, extension(EXTENDED + CRITICAL, "3000")),
    "key identifier: other type": with_extensions(SIGNS, extension(OWN_KEY, "03020001")),
    "key identifier: long length": with_extensions(SIGNS, extension(OWN_KEY, "04810101")),
}


@pytest.mark.parametrize("case", EXTENSION_CASES)
def test_extensions_that_are_none(anchored: Module, case: str) -> None:
    refused(anchored, GWA_SIG, EXTENSION_CASES[case])


def test_the_same_tools_make_good_certificates(anchored: Module) -> None:
    """So that the cases above are refused for their own reasons."""
    assert vc(anchored, GWA_SIG, remade(SIG, SUB)) == "9000"
    assert vc(anchored, GWA_SIG, with_extensions(SIGNS)) == "9000"
    assert vc(anchored, GWA_SIG, with_extensions(SIGNS, extension(CONSTRAINTS + CRITICAL, "3000"))) == "9000"
    assert vc(anchored, GWA_SIG, with_extensions(SIGNS, extension(OWN_KEY, "04020102"))) == "9000"
    assert vc(anchored, GWA_SIG, with_algorithms(sequence_of(SHA256), sequence_of(SHA256))) == "9000"
    assert vc(anchored, GWA_SIG, remade(SIG, SUB, key=key_info(NAMED, POINT))) == "9000"
    assert vc(anchored, GWA_SIG, remade(SIG, SUB, subject=coded(0x30, relative(GWA)))) == "9000"
    assert vc(anchored, GWA_SIG, with_signature(SIG.certificate, signature(integer(R), integer(S)))) == "9000"
    good = coded(0x30, GOOD, coded(0x17, b"350101000000Z"))
    assert vc(anchored, GWA_SIG, remade(SIG, SUB, validity=good)) == "9000"


@pytest.mark.parametrize("length", [6, 40, 5000])
def test_deep_nesting(anchored: Module, length: int) -> None:
    nested = b""
    for _ in range(length):
        nested = coded(0x30, nested)
        if len(nested) > 3500:
            break
    refused(anchored, GWA_SIG, nested)


def test_a_card_starts_without_the_parser() -> None:
    """It takes half as long to import as all the rest."""
    program = "import sys, secmod.testing; secmod.testing.new_card(); sys.exit('cryptography' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


# ---- any bytes -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared() -> Module:
    module = Module("V")
    assert vc(module, ROOT_A, ROOT.certificate) == "9000"
    assert vc(module, SUB_A, SUB.certificate, ROOT_A) == "9000"
    assert module.say("002281B6038301C2") == "9000"
    return module


mutations = st.lists(
    st.tuples(st.integers(0, len(SIG.certificate) - 1), st.sampled_from(["set", "insert", "delete"]), st.integers(0, 255)),
    min_size=1,
    max_size=4,
)


def mutated(certificate: bytes, changes: list[tuple[int, str, int]]) -> bytes:
    result = bytearray(certificate)
    for position, kind, value in changes:
        at = min(position, len(result) - 1)
        if kind == "set":
            result[at] = value
        elif kind == "insert":
            result.insert(at, value)
        else:
            del result[at]
    return bytes(result)


@given(mutations)
def test_a_certificate_with_any_octet_changed_is_refused(shared: Module, changes: list[tuple[int, str, int]]) -> None:
    certificate = mutated(SIG.certificate, changes)
    if certificate == SIG.certificate:
        return
    refused(shared, GWA_SIG, certificate)


@given(st.integers(0, 7), mutations)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_part_changed_and_signed_again_never_ends_in_a_fault(
    shared: Module, part: int, changes: list[tuple[int, str, int]]
) -> None:
    own = [*PARTS]
    own[part] = mutated(own[part], [(position % len(own[part]), kind, value) for position, kind, value in changes])
    before = snapshot(shared)
    answer = vc(shared, TMP, signed(coded(0x30, *own), SUB))
    assert answer in {"9000", "6A80", "6983"}
    if answer == "9000":  # serial number, name, extensions that nobody reads
        assert shared.say("00E42100038301C8") == "9000"
        shared.card.clock._proven = date(2025)
    else:
        assert snapshot(shared) == before


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(shared: Module, data: bytes) -> None:
    before = snapshot(shared)
    for octets in (data, coded(0x30, data)):
        answer = shared.send(CommandApdu(0, 0x2A, 0, 0xBE, b"\xb6\x03\x83\x01\xc5" + octets)).hex().upper()
        assert answer == "6A80"
    assert snapshot(shared) == before
    assert isinstance(shared.card.clock.now, datetime.datetime)
