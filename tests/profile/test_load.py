# SPDX-License-Identifier: Apache-2.0
"""Profiles: what is delivered loads, and every mistake is named with its place and a way out."""

from pathlib import Path

import pytest

from secmod.emulator import build_card
from secmod.errors import ProfileError
from secmod.profile import load_profile, profile_names

MINIMAL = """
[profile]
name = "small"
version = "1"
[transport]
protocol = "T1"
max_command = 300
max_response = 256
extended_length = false
atr = { T1 = "3B 80 01 81" }
[phases]
initial = "A"
list = { A = { code = 1, name = "ALL" } }
[command.select]
[[df]]
name = "MF"
fid = 0x3F00
aid = "A000000001"
"""


def write(path: Path, text: str) -> Path:
    file = path / "mine.toml"
    file.write_text(text)
    return file


def test_delivered_profiles() -> None:
    assert profile_names() == ["open", "tr03109_2"]
    module, opened = load_profile("tr03109_2"), load_profile("open")
    assert [file.name for file in module.files] == [file.name for file in opened.files]
    assert module.private_keys[0].rules != opened.private_keys[0].rules
    assert {file.fid for file in module.files} >= {0x011C, 0x2F01, 0xE00C}
    assert module.application() == bytes.fromhex("F05452303331303932")


def test_open_allows_everything_in_every_phase() -> None:
    profile = load_profile("open")
    rules = [rule for file in profile.files for rule in file.rules.values()]
    rules += [entry.rule for key in profile.private_keys for entry in key.rules.values()]
    rules += [key.verify for key in profile.public_keys] + [command.access for command in profile.commands.values()]
    rules += [entry.read for entry in profile.data_objects]
    assert all(rule.conditions == dict.fromkeys("IGVPOX", "always") for rule in rules)


def test_minimal(tmp_path: Path) -> None:
    card = build_card(write(tmp_path, MINIMAL))
    card.power_on()
    assert card.transmit(bytes.fromhex("00A4000C")) == b"\x90\x00"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[transport]", "[transprot]", r"mine.toml: 'transport' is missing \(there is 'transprot': a typing error\?\)"),
        ("[command.select]", "[command.selct]", r"\[command\]: .*no command 'selct'; it can be 'select' \(a typing error\?\)"),
        ("[command.select]", "[command.select]\np2 = 1", r"\[select\]: 'p2' is not known here"),
        ("[command.select]", "[command.get_random]\nmin = 1", r"\[get_random\]: 'max' is missing"),
        ("[command.select]", '[command.get_random]\nmin = 1\nmax = "2"', r"'max' must be a whole number, not '2'"),
        ("fid = 0x3F00", "fid = 0x13F00", r"\[\[df\]\] MF: fid = 0x13f00 is outside"),
        ("fid = 0x3F00", "fid = 0x3F00\nsize = 4", r"\[\[df\]\] MF: 'size' is not known here"),
        ("A000000001", "A00000001", r"'aid' is no hexadecimal text"),
        ("A000000001", "A0", r"'aid' has 1 bytes; it must have 5 to 16"),
        ('"T1"', '"T2"', r"protocol = 'T2' is not known; it can be 'T1'"),
        ('"T1"', '"T0"', r"protocol = 'T0' is not known"),
        ("01 81", "01 82", r"its check byte TCK should be 81"),
        ("3B 80", "3C 80", r"an ATR starts with 3B or 3F"),
        ("80 01 81", "80 01", r"it has 3 bytes; its format byte promises 4"),
        ("80 01 81", "80", r"ends inside its interface bytes"),
        ('T1 = "3B 80 01 81"', 'T0 = "3B 80 01 81"', r"it offers T=1 first"),
        ('initial = "A"', 'initial = "B"', r"initial = 'B' is not known; it can be 'A'"),
        ("[[df]]", "[[file]]\npath = 'MF/X'\n[[df]]", r"\[\[file\]\] MF/X: 'size' is missing"),
        ("[[df]]", "[[file]]\npath = 'DF/X'\n[[df]]", r"'path' must be DF/NAME, with DF one of MF"),
        ("[[df]]", "[[file]]\npath = 'MF/X'\nsize=1\nfid=1\nread='x'\n[[df]]", r"read = 'x' is no rule"),
        ("[[df]]", "[[file]]\npath = 'MF/X'\nsize=1\nfid=1\ncontent='0102'\n[[df]]", r"'content' has 2 bytes"),
        (
            "[[df]]",
            "[[file]]\npath='MF/X'\nsize=1\nfid=1\nsfi=1\n[[file]]\npath='MF/Y'\nsize=1\nfid=2\nsfi=1\n[[df]]",
            r"\[\[file\]\] MF/Y: sfi 0x0001 is taken by X",
        ),
        ("[[df]]", "[rule]\nr = { A = 'S' }\n[[df]]", r"A = 'S': 'S' is not known"),
        ("[[df]]", "[rule]\nr = { B = 'always' }\n[[df]]", r"'B' is not known here"),
        ("[profile]", "extends = 'opne'\n[profile]", r"there is no profile 'opne'; it can be 'open' \(a typing error\?\)"),
        ("[profile]", "extends = 'mine.toml'\n[profile]", r"extends itself"),
        ("[profile]", "profile", r"not TOML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in MINIMAL
    with pytest.raises(ProfileError, match=message):
        build_card(write(tmp_path, MINIMAL.replace(old, new)))


def test_keys_are_checked(tmp_path: Path) -> None:
    key = '[[private_key]]\nname="K"\nreference=1\ncurve="{}"\nalgorithms=["{}"]\nstate_after_generate="active"\nrules="r"\n'
    more = '[key_rules.r]\n[algorithm.sig]\nuse="sign"\nreference=0\noids={}\n'
    with pytest.raises(ProfileError, match="no curve 'P-256'; the core has brainpoolP256r1"):
        build_card(write(tmp_path, MINIMAL + more + key.format("P-256", "sig")))
    with pytest.raises(ProfileError, match="algorithms: 'sgi' is not known; it can be 'sig'"):
        build_card(write(tmp_path, MINIMAL + more + key.format("secp256r1", "sgi")))
    twice = key.format("secp256r1", "sig") + key.format("secp256r1", "sig").replace('"K"', '"L"')
    with pytest.raises(ProfileError, match="K and L have the same reference 0x01"):
        build_card(write(tmp_path, MINIMAL + more + twice))
    public = '[[public_key]]\nname="P"\nreference=2\nverify={A="always"}\ncurve="secp256r1"\npoint="04' + "01" * 64 + '"\n'
    with pytest.raises(ProfileError, match="P: "):
        build_card(write(tmp_path, MINIMAL + public))


def test_names_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"no profile 'opne'; it can be 'open'"):
        load_profile("opne")
    with pytest.raises(ProfileError, match=r"no profile file .*nowhere.toml.*check the path"):
        load_profile(tmp_path / "nowhere.toml")
    with pytest.raises(ProfileError, match="no entry T0"):
        build_card(write(tmp_path, MINIMAL), "T0")
