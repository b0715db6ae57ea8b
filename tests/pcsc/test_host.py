# SPDX-License-Identifier: Apache-2.0
"""The host library through pcscd: the same calls as with a card in this process, one string different."""

import hashlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from secmod import SecurityModule
from secmod.emulator import build_card
from secmod.errors import CardResetError, NoCardError, NoReaderError, SecurityStatusError, TransportError
from secmod.reader.pcscd import PrivatePcscd
from secmod.reader.server import Server
from tests.pcsc.client import CClient

READER = "secmod reader 0 00 00"


@pytest.fixture
def server(pcscd: PrivatePcscd, start_server: Callable[..., Server], use_here: Callable[[PrivatePcscd], None]) -> Server:
    use_here(pcscd)
    return start_server(pcscd, build_card("open"))


@pytest.mark.parametrize("name", [READER, "secmod", ""])
@pytest.mark.both
def test_a_signature(server: Server, name: str) -> None:
    with SecurityModule.open(f"pcsc:{name}") as module:
        assert module.name == READER
        assert module.atr == build_card("open").atr
        module.select()
        key = module.generate_key("PrK.HAN.TLS.A", "brainpoolP384r1", overwrite=True)
        digest = hashlib.sha384(b"through pcscd").digest()
        signature = module.sign("PrK.HAN.TLS.A", digest)
        module.verify(key, digest, signature)
        public = serialization.load_der_public_key(key.der())
        assert isinstance(public, ec.EllipticCurvePublicKey)
        der = utils.encode_dss_signature(int.from_bytes(signature[:48]), int.from_bytes(signature[48:]))
        public.verify(der, b"through pcscd", ec.ECDSA(hashes.SHA384()))
        assert module.read_file("EF.GW.ID") == b"EPPC0212345678"
        assert len(module.random(3000)) == 3000


@pytest.mark.both
def test_over_t0(pcscd: PrivatePcscd, start_server: Callable[..., Server], use_here: Callable[[PrivatePcscd], None]) -> None:
    use_here(pcscd)
    start_server(pcscd, build_card("open", "T0"))
    with SecurityModule.open("pcsc:") as module:
        assert module.atr == build_card("open", "T0").atr
        module.select()
        key = module.generate_key("PrK.HAN.TLS.A", "brainpoolP512r1", overwrite=True)
        digest = bytes(64)
        module.verify(key, digest, module.sign("PrK.HAN.TLS.A", digest))
        assert len(module.random(1000)) == 1000


@pytest.mark.both
def test_a_module_that_wants_pace(
    pcscd: PrivatePcscd, start_server: Callable[..., Server], use_here: Callable[[PrivatePcscd], None]
) -> None:
    use_here(pcscd)
    start_server(pcscd, build_card("tr03109_2"))
    with SecurityModule.open("pcsc:") as module:
        module.select()
        with pytest.raises(SecurityStatusError, match="6982"):
            module.generate_key("PrK.WAN.TLS.A")


@pytest.mark.both
def test_another_program_resets_the_card(server: Server, start_client: Callable[..., CClient], pcscd: PrivatePcscd) -> None:
    with SecurityModule.open("pcsc:") as module, SecurityModule.open("pcsc:") as other:
        module.select()
        other.reset()
        with pytest.raises(CardResetError, match=r"call reset\(\) and start over"):
            module.read_file(0xE00B)
        module.reset()
        module.select()
        assert module.read_file(0xE00B) == b"EPPC0212345678"


@pytest.mark.both
def test_an_empty_reader(server: Server, client: CClient) -> None:
    with SecurityModule.open("pcsc:") as module:
        client.watch(READER)
        server.eject(0)
        client.wait_for(present=False)
        with pytest.raises(NoCardError, match="insert a card"):
            module.select()
    with pytest.raises(NoCardError, match="secmod serve"):
        SecurityModule.open("pcsc:")


@pytest.mark.both
def test_readers_that_are_not_there(
    server: Server, start_pcscd: Callable[..., PrivatePcscd], use_here: Callable[[PrivatePcscd], None]
) -> None:
    with pytest.raises(NoReaderError, match=f"no reader matches 'ACME'; there is '{READER}'"):
        SecurityModule.open("pcsc:ACME")
    two = start_pcscd(readers=2)
    use_here(two)
    with pytest.raises(NoReaderError, match=r"several readers match 'secmod'.*name one"):
        SecurityModule.open("pcsc:secmod")


def test_no_service(socket_link: object) -> None:
    socket_link.unlink(missing_ok=True)  # type: ignore[attr-defined]
    with pytest.raises(NoReaderError, match="start the PC/SC service"):
        SecurityModule.open("pcsc:")


@pytest.mark.both
def test_closed(server: Server) -> None:
    module = SecurityModule.open("pcsc:")
    module.close()
    module.close()
    with pytest.raises(TransportError, match="is closed"):
        module.select()
