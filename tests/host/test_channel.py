# SPDX-License-Identifier: Apache-2.0
"""The channel: data too long for one command, and what cards say of themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from secmod import SecurityModule
from secmod.apdu import SW, CommandApdu
from secmod.errors import ApduError, ConditionsError, StatusError
from secmod.host.capabilities import Capabilities
from secmod.host.channel import Channel
from secmod.profile import Profile, load_profile
from secmod.testing import PASSWORDS, new_card
from secmod.transport.local import LocalTransport

# The delivered profile's answers to reset, whose third byte of card capabilities says what follows in the comment.
SHORT_AND_CHAINS = "3B D7 96 FF 81 B1 FE 45 1F 07 80 31 98 73 96 41 80 20"
SHORT_ONLY = "3B D7 96 FF 81 B1 FE 45 1F 07 80 31 98 73 96 41 00 A0"


class Noted(LocalTransport):
    """A card in this process, and the commands that it got."""

    def __init__(self, profile: str | Path, phase: str) -> None:
        super().__init__(new_card(profile, phase))
        self.sent: list[bytes] = []

    def transmit(self, command: bytes) -> bytes:
        self.sent.append(command)
        return super().transmit(command)


def short_card(path: Path, atr: str) -> Path:
    """A profile of a card that takes no extended lengths."""
    path = path / "short.toml"
    text = f'extends = "tr03109_2"\n[transport]\nextended_length = false\n[transport.atr]\nT1 = "{atr}"\n'
    path.write_text(text, encoding="utf-8")
    return path


def test_long_data_goes_in_a_chain_where_the_card_says_so(tmp_path: Path) -> None:
    profile = short_card(tmp_path, SHORT_AND_CHAINS)
    wire = Noted(profile, "O")
    with SecurityModule(wire, load_profile(profile)) as module:
        module.open_session(PASSWORDS["PIN.GW"])
        del wire.sent[:]
        content = bytes(range(250)) * 4
        module.update_file("EF.DATA", content)
        assert [command[0] for command in wire.sent] == [0x0C, 0x1C, 0x1C, 0x1C, 0x1C, 0x0C]
        assert module.read_file("EF.DATA") == content
        assert module.phase() == "O"
        assert len(module.random(1000)) == 1000
        key = module.generate_ephemeral("brainpoolP512r1")
        assert len(key.public.point) == 129
        assert all(len(command) <= 261 and command[4] for command in wire.sent)


def test_a_refused_part_ends_the_chain(tmp_path: Path) -> None:
    """The file is too small: the card says so at the last part; a card that refuses a part gets no further one."""
    profile = short_card(tmp_path, SHORT_AND_CHAINS)
    wire = Noted(profile, "O")
    with SecurityModule(wire, load_profile(profile)) as module:
        module.open_session(PASSWORDS["PIN.GW"])
        with pytest.raises(StatusError, match="6A84"):
            module.update_file("EF.DATA", bytes(1025))
        del wire.sent[:]
        with pytest.raises(StatusError, match="6700"):
            module.update_file("EF.DATA", bytes(6000))
        # 19 parts would have come after the SELECT; the card takes 4096 bytes in all.
        assert len(wire.sent) == 1 + 4096 // 223 + 1


def test_long_data_that_no_way_leads_through(tmp_path: Path) -> None:
    profile = short_card(tmp_path, SHORT_ONLY)
    wire = Noted(profile, "O")
    with SecurityModule(wire, load_profile(profile)) as module:
        module.open_session(PASSWORDS["PIN.GW"])
        module.update_file("EF.DATA", bytes(223))
        with pytest.raises(ApduError, match="223 bytes in one command and no chain; these are 224"):
            module.update_file("EF.DATA", bytes(224))
        assert module.phase() == "O"  # nothing was sent, nothing lost


def test_extended_lengths_reach_the_card_s_limit() -> None:
    profile = load_profile("tr03109_2")
    wire = Noted("tr03109_2", "O")
    with SecurityModule(wire, profile) as module:
        module.open_session(PASSWORDS["PIN.GW"])
        del wire.sent[:]
        for length in (4000, 4096):
            with pytest.raises(StatusError, match="6A84"):
                module.update_file("EF.DATA", bytes(length))
        assert max(map(len, wire.sent)) <= profile.transport.max_command
        assert [command[0] for command in wire.sent] == [0x0C, 0x0C, 0x0C, 0x1C, 0x0C]


def test_the_session_survives_a_command_that_can_not_be_protected() -> None:
    profile: Profile = load_profile("tr03109_2")
    with SecurityModule(Noted("tr03109_2", "O"), profile) as module:
        module.open_session(PASSWORDS["PIN.GW"])
        with pytest.raises(ApduError):
            module.transmit(bytes.fromhex("0CCADF2101"))
        with pytest.raises(ApduError):
            module.transmit(bytes.fromhex("00CA"))
        assert module.phase() == "O"


def test_a_channel_alone() -> None:
    card = LocalTransport(new_card("open"))
    channel = Channel(card, load_profile("open").transport)
    assert channel.exchange(CommandApdu(0x00, 0xB0, 0x00, 0x00, b"", 256)).sw == SW.NO_CURRENT_EF
    with pytest.raises(ConditionsError, match="read: 6986"):
        channel.send(CommandApdu(0x00, 0xB0, 0x00, 0x00, b"", 256), "read")
    assert channel.send(CommandApdu(0x00, 0xB0, 0x00, 0x00, b"", 256), "read", SW.NO_CURRENT_EF) == b""
    assert not channel.protected
    assert channel.age is None


@pytest.mark.parametrize(
    ("atr", "chaining", "extended"),
    [
        ("3BD796FF81B1FE451F07803198739641E040", True, True),
        ("3B179680319873 9641E0", True, True),
        (SHORT_AND_CHAINS, True, False),
        (SHORT_ONLY, False, False),
        ("3B 08 00 73 00 00 40 05 90 00", False, True),  # category 00: three bytes of status stand behind
    ],
)
def test_what_an_atr_says(atr: str, chaining: bool, extended: bool) -> None:
    assert Capabilities.of_atr(bytes.fromhex(atr)) == Capabilities(chaining, extended)


@pytest.mark.parametrize("atr", ["", "3B", "3B00", "3B800181", "3B0280 73", "3B048071 0000", "3B0510 73 00 00 40", "3BFF11"])
def test_an_atr_that_says_nothing_of_it(atr: str) -> None:
    assert Capabilities.of_atr(bytes.fromhex(atr)) is None
