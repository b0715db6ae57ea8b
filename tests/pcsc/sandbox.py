# SPDX-License-Identifier: Apache-2.0
"""Becomes a program under the restrictions of a hardened pcscd unit, without systemd; run as root, as a script.

Arguments: user, group and supplementary group (numbers), the one directory that stays writable, program, its arguments.
The comments name the directives of the unit.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import subprocess
import sys

_MS_BIND, _MS_REC, _MS_PRIVATE, _CLONE_NEWNS = 0x1000, 0x4000, 0x40000, 0x20000
_AT_FDCWD, _AT_RECURSIVE, _MOUNT_ATTR_RDONLY, _MOUNT_SETATTR = -100, 0x8000, 1, 442
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_SET_MDWE = 1, 24, 38, 65
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_EQ, _MASKED_EQ = 4, 7
_INET, _INET6, _UNIX, _NETLINK = 2, 10, 1, 16

_libc = ctypes.CDLL(None, use_errno=True)


class _MountAttributes(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns"))


class _Comparison(ctypes.Structure):
    _fields_ = (("argument", ctypes.c_uint), ("operator", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def _call(name: str, *arguments: object, may_lack: bool = False) -> None:
    if getattr(_libc, name)(*arguments) < 0 and not (may_lack and ctypes.get_errno() == errno.EINVAL):
        raise OSError(ctypes.get_errno(), name)


def _read_only(path: bytes, *, clear: bool = False, recursive: int = 0) -> None:
    value = (0, _MOUNT_ATTR_RDONLY) if clear else (_MOUNT_ATTR_RDONLY, 0)
    attributes = _MountAttributes(*value)
    _call("syscall", _MOUNT_SETATTR, _AT_FDCWD, path, recursive, ctypes.byref(attributes), ctypes.sizeof(attributes))


def _close_files(writable: str) -> None:
    """ProtectSystem=strict, PrivateTmp, ProtectHome, ReadWritePaths."""
    _call("unshare", _CLONE_NEWNS)
    _call("mount", b"none", b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None)
    place = os.fsencode(writable)
    _call("mount", place, place, None, ctypes.c_ulong(_MS_BIND), None)
    _read_only(b"/", recursive=_AT_RECURSIVE)
    _read_only(place, clear=True)
    for hidden in (b"/tmp", b"/var/tmp", b"/root", b"/home"):
        if not writable.startswith(os.fsdecode(hidden) + "/"):
            _call("mount", b"tmpfs", hidden, b"tmpfs", ctypes.c_ulong(0), b"mode=1777")


def _groups_of_calls() -> dict[str, set[str]]:
    """systemd's own list: group of system calls -> names and further groups."""
    text = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter"], capture_output=True, text=True, check=True).stdout
    groups: dict[str, set[str]] = {}
    members: set[str] = set()
    for line in text.splitlines():
        word = line.strip()
        if line.startswith("@"):
            members = groups.setdefault(word, set())
        elif word and line.startswith(" ") and not word.startswith("#"):
            members.add(word)
    return groups


def _members(group: str, groups: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    for name in groups[group]:
        found |= _members(name, groups) if name.startswith("@") else {name}
    return found


def _filter_calls() -> None:
    """SystemCallFilter=@system-service, then ~@resources @privileged; RestrictAddressFamilies, RestrictSUIDSGID."""
    groups = _groups_of_calls()
    allowed = (_members("@system-service", groups) | _members("@default", groups)) - _members("@resources", groups)
    allowed -= _members("@privileged", groups)
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_KILL)))

    def rule(action: int, name: str, *comparisons: tuple[int, int, int, int]) -> None:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:  # of another architecture
            return
        array = (_Comparison * len(comparisons))(*(_Comparison(*one) for one in comparisons))
        assert library.seccomp_rule_add_array(rules, ctypes.c_uint32(action), number, len(comparisons), array) == 0, name

    special = {"socket": 0, "chmod": 1, "fchmod": 1, "fchmodat": 2}
    for name in allowed - set(special):
        rule(_ALLOW, name)
    for family in (_UNIX, _NETLINK):
        rule(_ALLOW, "socket", (0, _EQ, family, 0))
    for family in (_INET, _INET6):
        rule(_REFUSE | errno.EAFNOSUPPORT, "socket", (0, _EQ, family, 0))
    for name, argument in list(special.items())[1:]:
        rule(_ALLOW, name, (argument, _MASKED_EQ, 0o6000, 0))
        for bits in (0o2000, 0o4000, 0o6000):
            rule(_REFUSE | errno.EPERM, name, (argument, _MASKED_EQ, 0o6000, bits))
    assert library.seccomp_load(rules) == 0


def main() -> None:
    user, group, supplementary, writable, program, *arguments = sys.argv[1:]
    _close_files(writable)
    for capability in range(64):  # CapabilityBoundingSet=
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            break
    os.setgroups([int(supplementary)])  # SupplementaryGroups=
    os.setgid(int(group))
    os.setuid(int(user))  # User=
    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # forgotten at a change of the user
    os.umask(0o077)  # UMask=
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)  # NoNewPrivileges=
    _call("prctl", _PR_SET_MDWE, 1, 0, 0, 0, may_lack=True)  # MemoryDenyWriteExecute=
    _filter_calls()
    os.execv(program, [program, *arguments])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
