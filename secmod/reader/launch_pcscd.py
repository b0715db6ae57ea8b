# SPDX-License-Identifier: Apache-2.0
"""Becomes a private pcscd; run as a script by pcscd.py, in a process of its own, with nothing but the standard library.

Arguments: descriptor of the listening socket, process id of the parent, directory that must stay visible, program, its
arguments.  The daemon writes /run/pcscd/pcscd.pid and nothing can be done about that: so it gets a /run/pcscd of its own where
the kernel allows it (a mount namespace; for an ordinary user inside a user namespace).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import Final

_CLONE_NEWNS: Final = 0x00020000
_CLONE_NEWUSER: Final = 0x10000000
_MS_BIND: Final = 0x1000
_MS_REC: Final = 0x4000
_MS_PRIVATE: Final = 0x40000
_PR_SET_PDEATHSIG: Final = 1
_LISTEN_FD: Final = 3  # sd_listen_fds(3)
_RUN: Final = Path("/run/pcscd")

_libc: Final = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount(source: str, target: Path, kind: str, flags: int, data: str = "") -> None:
    _call("mount", source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), data.encode())


def _unshare() -> None:
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        _call("unshare", _CLONE_NEWNS)
        return
    _call("unshare", _CLONE_NEWNS | _CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")


def _private_run(keep: Path) -> None:
    """Mounts an empty /run/pcscd, or an empty /run where there is none and none can be made; `keep` stays visible."""
    _unshare()
    _mount("none", Path("/"), "", _MS_REC | _MS_PRIVATE)
    with contextlib.suppress(OSError):
        _RUN.mkdir(mode=0o755)
    if _RUN.is_dir():
        _mount("tmpfs", _RUN, "tmpfs", 0, "mode=755")
        return
    kept = os.open(keep, os.O_PATH)
    run = _RUN.parent.resolve()
    _mount("tmpfs", run, "tmpfs", 0, "mode=755")
    _RUN.mkdir(mode=0o755)
    if keep.is_relative_to(run):
        keep.mkdir(mode=0o700, parents=True)
        _mount(f"/proc/self/fd/{kept}", keep, "", _MS_BIND)
    os.close(kept)


def _main() -> None:
    listener, parent, keep, program, *arguments = sys.argv[1:]
    try:
        _private_run(Path(keep).resolve())
    except OSError as error:
        with contextlib.suppress(OSError):
            _RUN.mkdir(mode=0o755)
        if not _RUN.is_dir():
            sys.exit(f"no namespace of our own ({error}) and no {_RUN}: make the directory as root (install -d {_RUN})")
    os.dup2(int(listener), _LISTEN_FD)
    os.set_inheritable(_LISTEN_FD, True)  # dup2 onto itself would leave close-on-exec
    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it died before prctl took effect
        sys.exit("the parent is gone")
    os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
    if preload := os.environ.pop("SECMOD_PRELOAD", ""):
        os.environ["LD_PRELOAD"] = preload
    os.execv(program, [program, *arguments])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    _main()
