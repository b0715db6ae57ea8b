# SPDX-License-Identifier: Apache-2.0
"""The typed error of a status word."""

from __future__ import annotations

from secmod import errors
from secmod.apdu import SW

_BY_STATUS: dict[int, type[errors.StatusError]] = {
    SW.WRONG_LENGTH: errors.WrongLengthError,
    SW.SECURITY_STATUS: errors.SecurityStatusError,
    SW.BLOCKED: errors.BlockedError,
    SW.REFERENCE_UNUSABLE: errors.ReferenceUnusableError,
    SW.CONDITIONS: errors.ConditionsError,
    SW.NO_CURRENT_EF: errors.ConditionsError,
    SW.WRONG_DATA: errors.WrongDataError,
    SW.FUNCTION_NOT_SUPPORTED: errors.NotSupportedError,
    SW.CHANNEL_NOT_SUPPORTED: errors.NotSupportedError,
    SW.SM_NOT_SUPPORTED: errors.NotSupportedError,
    SW.LAST_OF_CHAIN_EXPECTED: errors.NotSupportedError,
    SW.CHAINING_NOT_SUPPORTED: errors.NotSupportedError,
    SW.INS_NOT_SUPPORTED: errors.NotSupportedError,
    SW.CLA_NOT_SUPPORTED: errors.NotSupportedError,
    SW.FILE_NOT_FOUND: errors.FileNotFoundOnCardError,
    SW.REFERENCE_NOT_FOUND: errors.ReferenceNotFoundError,
    SW.WRONG_P1P2: errors.WrongParametersError,
    SW.NC_P1P2: errors.WrongParametersError,
    SW.WRONG_OFFSET: errors.WrongParametersError,
    SW.NO_DIAGNOSIS: errors.CardFaultError,
}

_BY_FAMILY: dict[int, type[errors.StatusError]] = {
    0x6C: errors.WrongLengthError,
    0x64: errors.CardFaultError,
    0x65: errors.CardFaultError,
}


def status_error(sw: SW, doing: str) -> errors.StatusError:
    """The typed error of a status word; `doing` names the command that was refused."""
    if sw & 0xFFF0 == 0x63C0:
        return errors.RetriesLeftError(sw, sw.meaning, doing)
    kind = _BY_STATUS.get(sw) or _BY_FAMILY.get(sw >> 8, errors.StatusError)
    return kind(sw, sw.meaning, doing)


__all__ = ["status_error"]
