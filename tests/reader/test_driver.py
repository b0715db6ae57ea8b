# SPDX-License-Identifier: Apache-2.0
"""Installing the driver below a directory of the test's own."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from secmod.errors import DriverError
from secmod.reader import driver
from secmod.reader.driver import CONFIG, DRIVER_DIRECTORY, DRIVER_NAME, ReaderConf, Step

CONF = ReaderConf(Path("/run/secmod"), 2)
EXPORTED = {
    "IFDHCloseChannel",
    "IFDHControl",
    "IFDHCreateChannel",
    "IFDHCreateChannelByName",
    "IFDHGetCapabilities",
    "IFDHICCPresence",
    "IFDHPowerICC",
    "IFDHSetCapabilities",
    "IFDHSetProtocolParameters",
    "IFDHTransmitToICC",
    "secmod_driver_mark",
}


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def below(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def test_install_status_uninstall(tmp_path: Path) -> None:
    assert driver.status(root=tmp_path).sentence == "the reader driver is not installed: run `secmod driver install`"
    plan = driver.plan_install(CONF, root=tmp_path)
    assert [action.step for action in plan.actions] == [Step.WRITE, Step.WRITE]
    assert files(tmp_path) == []  # a plan writes nothing
    plan.carry_out()
    assert files(tmp_path) == ["etc/reader.conf.d/secmod", "usr/lib/pcsc/drivers/serial/libifdsecmod.so"]
    library = below(tmp_path, DRIVER_DIRECTORY / DRIVER_NAME)
    assert library.read_bytes() == driver.driver_path().read_bytes()
    assert library.stat().st_mode & 0o777 == 0o755
    assert below(tmp_path, CONFIG).stat().st_mode & 0o777 == 0o644
    assert "restart pcscd" in plan.advice
    status = driver.status(root=tmp_path)
    assert (status.ours, status.current, status.sentence) == (True, True, "the reader driver is installed")
    assert not driver.plan_install(CONF, root=tmp_path).changes
    assert [action.step for action in driver.uninstall(root=tmp_path).actions] == [Step.REMOVE, Step.REMOVE]
    assert files(tmp_path) == []
    assert not driver.plan_uninstall(root=tmp_path).changes


def test_an_older_release_is_replaced(tmp_path: Path) -> None:
    driver.install(CONF, root=tmp_path)
    library = below(tmp_path, DRIVER_DIRECTORY / DRIVER_NAME)
    library.write_bytes(b"\x7fELF secmod reader driver, link version 0")
    assert "another release" in driver.status(root=tmp_path).sentence
    plan = driver.install(ReaderConf(Path("/run/secmod"), 1), root=tmp_path)
    assert [action.step for action in plan.actions] == [Step.REPLACE, Step.REPLACE]
    assert driver.status(root=tmp_path).current


@pytest.mark.parametrize("path", [CONFIG, DRIVER_DIRECTORY / DRIVER_NAME])
@pytest.mark.parametrize("kind", ["file", "symlink", "directory"])
def test_files_of_another_origin_are_left_alone(path: Path, kind: str, tmp_path: Path) -> None:
    place = below(tmp_path, path)
    place.parent.mkdir(parents=True)
    if kind == "file":
        place.write_text("somebody's", encoding="ascii")
    elif kind == "symlink":
        place.symlink_to("/dev/null")
    else:
        place.mkdir()
    before = place.lstat()
    for attempt in (lambda: driver.install(CONF, root=tmp_path), lambda: driver.uninstall(root=tmp_path)):
        with pytest.raises(DriverError, match=f"{re.escape(str(place))} was not written by secmod .* move it away"):
            attempt()
    assert place.lstat() == before
    assert not driver.status(root=tmp_path).ours
    assert len([p for p in tmp_path.rglob("*") if p.name in {CONFIG.name, DRIVER_NAME}]) == 1


def test_a_failed_write_leaves_no_half_file(tmp_path: Path) -> None:
    plan = driver.plan_install(CONF, root=tmp_path)
    (tmp_path / "usr").write_text("in the way", encoding="ascii")
    with pytest.raises(DriverError, match="can not be changed"):
        plan.carry_out()
    assert files(tmp_path) == ["usr"]


def test_the_configuration_is_what_pcscd_reads() -> None:
    text = ReaderConf(Path("/run/secmod"), 1, deadline_ms=500, group="smgw").text(Path("/usr/lib/libifdsecmod.so"))
    assert text.splitlines()[2:] == [
        'FRIENDLYNAME "secmod reader 0"',
        'DEVICENAME   "unix:/run/secmod/reader0.sock:deadline=500:group=smgw"',
        "LIBPATH      /usr/lib/libifdsecmod.so",
        "CHANNELID    0",
    ]


@pytest.mark.parametrize(
    ("conf", "sentence"),
    [
        (ReaderConf(Path("/run"), 0), "pcscd serves 1 to 16"),
        (ReaderConf(Path("/run"), 17), "pcscd serves 1 to 16"),
        (ReaderConf(Path("/run"), 2, names=["a", "a"]), "as many different names"),
        (ReaderConf(Path("/run"), names=['a"b']), "can not name a reader"),
        (ReaderConf(Path("/run"), names=["ä" * 61]), "can not name a reader"),
        (ReaderConf(Path("/run/a:b")), "without quotes and colons"),
        (ReaderConf(Path("/run/" + "a" * 100)), "107 bytes at most"),
        (ReaderConf(Path("/run"), group="a:b"), "without quotes and colons"),
    ],
)
def test_what_pcscd_would_not_read_is_not_written(conf: ReaderConf, sentence: str) -> None:
    with pytest.raises(DriverError, match=sentence):
        conf.text(Path("/usr/lib/libifdsecmod.so"))


def test_the_usual_group_is_that_of_the_system(tmp_path: Path) -> None:
    assert driver.usual_group(tmp_path) is None
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "group").write_text("root:x:0:\nsecmodern:x:7:\n", encoding="utf-8")
    assert driver.usual_group(tmp_path) is None
    (tmp_path / "etc" / "group").write_text("root:x:0:\nsecmod:x:998:\n", encoding="utf-8")
    assert driver.usual_group(tmp_path) == "secmod"


def test_a_driver_path_with_a_space_is_named() -> None:
    with pytest.raises(DriverError, match=r"pcscd can not read the path /my drivers/x\.so"):
        ReaderConf(Path("/run")).text(Path("/my drivers/x.so"))


def test_the_driver_needs_libc_alone_and_exports_the_interface() -> None:
    library = os.fspath(driver.driver_path())
    dynamic = subprocess.run(["readelf", "-d", library], check=True, capture_output=True, text=True).stdout
    assert re.findall(r"Shared library: \[(\S+)\]", dynamic) == ["libc.so.6"]
    symbols = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    assert {line.split()[-1] for line in symbols.splitlines()} == EXPORTED


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_driver_compiles_without_a_warning(compiler: str, tmp_path: Path) -> None:
    source = Path(__file__).parents[2] / "native" / "ifd"
    flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fvisibility=hidden", "-fPIC", "-shared"]
    subprocess.run(
        [compiler, *flags, "-I/usr/include/PCSC", *sorted(source.glob("*.c")), "-o", tmp_path / "driver.so"], check=True
    )
