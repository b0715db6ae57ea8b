# SPDX-License-Identifier: Apache-2.0
"""The gateway's side, against a card in this process; tests/pcsc runs the same tasks through pcscd."""

import hashlib
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from secmod import SecurityModule
from secmod.apdu import SW
from secmod.crypto import CURVES
from secmod.emulator import build_card
from secmod.errors import (
    BlockedError,
    CardFaultError,
    ConditionsError,
    FileNotFoundOnCardError,
    NotSupportedError,
    ProfileError,
    ReferenceNotFoundError,
    RetriesLeftError,
    SecurityStatusError,
    StatusError,
    TransportError,
    UnknownNameError,
    WrongDataError,
    WrongLengthError,
)
from secmod.host.refusals import status_error
from secmod.profile import load_profile
from secmod.transport.local import LocalTransport


@pytest.fixture
def module() -> Iterator[SecurityModule]:
    with SecurityModule.open("local:open") as module:
        module.select()
        yield module


@pytest.mark.parametrize("curve", CURVES)
def test_sign_here_verify_there(module: SecurityModule, curve: str) -> None:
    public = module.generate_key("PrK.HAN.TLS.A", curve)
    assert public.curve.name == curve
    assert module.public_key("PrK.HAN.TLS.A") == public
    message = b"gateway"
    digest = hashlib.sha256(message).digest()
    signature = module.sign("PrK.HAN.TLS.A", digest)
    module.verify(public, digest, signature)
    key = serialization.load_der_public_key(public.der())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    half = len(signature) // 2
    der = utils.encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
    key.verify(der, message, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(WrongDataError, match="6A80"):
        module.verify(public, hashlib.sha256(b"other").digest(), signature)


def test_keys_by_number_and_name(module: SecurityModule) -> None:
    assert module.generate_key(0x81) == module.public_key("PrK.WAN.TLS.A")
    with pytest.raises(ConditionsError):
        module.generate_key(0x81)
    module.generate_key(0x81, overwrite=True)
    with pytest.raises(CardFaultError) as refused:
        module.public_key(0x82)
    assert refused.value.sw == 0x6400
    with pytest.raises(ReferenceNotFoundError):
        module.generate_key(0x7F)
    with pytest.raises(UnknownNameError, match=r"PrK\.WAN"):
        module.generate_key("PrK.WAN")
    with pytest.raises(UnknownNameError, match="P-256"):
        module.generate_key("PrK.HAN.TLS.A", "P-256")


def test_files(module: SecurityModule) -> None:
    assert module.read_file("EF.GDO").hex().upper() == "5A0AF0031092000000000001"
    assert module.read_file("DF.SMGW/EF.GW.ID") == b"EPPC0212345678"
    assert module.read_file(0xE00B) == b"EPPC0212345678"
    assert module.read_file("EF.C.ROOT") == b""
    with pytest.raises(FileNotFoundOnCardError):
        module.read_file(0x2F01)
    with pytest.raises(UnknownNameError, match=r"EF\.NONE"):
        module.read_file("EF.NONE")


@pytest.mark.parametrize("length", [0, 1, 256, 257, 1024, 1025, 5000])
def test_random(module: SecurityModule, length: int) -> None:
    assert len(module.random(length)) == length


def test_random_differs(module: SecurityModule) -> None:
    assert module.random(32) != module.random(32)
    assert len(module.challenge()) == 16


def test_phase(module: SecurityModule) -> None:
    assert module.phase() == "O"
    with SecurityModule.open("local:tr03109_2") as closed:
        assert closed.phase() == "I"


def test_a_module_that_wants_pace(module: SecurityModule) -> None:
    with SecurityModule.open("local:tr03109_2") as closed:
        closed.select()
        assert closed.read_file("EF.CardAccess").startswith(b"\x31\x3c")
        for task in (
            lambda: closed.random(8),
            lambda: closed.generate_key("PrK.WAN.TLS.A"),
            lambda: closed.sign("PrK.WAN.TLS.A", bytes(32)),
            lambda: closed.read_file("EF.GW.ID"),
        ):
            with pytest.raises(SecurityStatusError, match="6982 The security status"):
                task()


def test_reset_forgets(module: SecurityModule) -> None:
    module.reset()
    with pytest.raises(FileNotFoundOnCardError):
        module.read_file(0xE00B)  # the MF is current again


def test_over_t0() -> None:
    """The same tasks over T=0: what does not fit a TPDU is fetched."""
    from secmod.apdu import T0Mapper

    card = build_card("open", "T0")
    transport = LocalTransport(card)
    mapper = T0Mapper(card.transmit)
    transport.transmit = mapper  # type: ignore[method-assign]
    transport.protocol = "T0"
    with SecurityModule(transport, load_profile("open")) as module:
        module.select()
        public = module.generate_key("PrK.HAN.TLS.A", "brainpoolP512r1")
        digest = hashlib.sha512(b"t0").digest()
        module.verify(public, digest, module.sign("PrK.HAN.TLS.A", digest))
        assert module.read_file("EF.GW.ID") == b"EPPC0212345678"
        assert len(module.random(1000)) == 1000


def test_closed() -> None:
    module = SecurityModule.open("local:open")
    module.close()
    module.close()
    with pytest.raises(TransportError, match="local:open is closed"):
        module.select()


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        ("nowhere", TransportError, "no transport opens 'nowhere'; an address starts with one of local:, pcsc:"),
        ("usb:1", TransportError, "no transport opens 'usb:1'"),
        ("local:opne", ProfileError, "no profile 'opne'; it can be 'open'"),
    ],
)
def test_addresses(address: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        SecurityModule.open(address)


@pytest.mark.parametrize(
    ("sw", "kind"),
    [
        (0x6700, WrongLengthError),
        (0x6C10, WrongLengthError),
        (0x6982, SecurityStatusError),
        (0x6983, BlockedError),
        (0x6985, ConditionsError),
        (0x6A80, WrongDataError),
        (0x6D00, NotSupportedError),
        (0x6F00, CardFaultError),
        (0x6581, CardFaultError),
        (0x1234, StatusError),
    ],
)
def test_every_refusal_has_its_type(sw: int, kind: Callable[..., StatusError]) -> None:
    error = status_error(SW(sw), "TEST")
    assert type(error) is kind
    assert error.sw == sw
    assert str(error).startswith(f"TEST: {sw:04X} ")
    assert error.meaning


def test_tries_left() -> None:
    error = status_error(SW(0x63C2), "VERIFY")
    assert isinstance(error, RetriesLeftError)
    assert error.retries_left == 2
