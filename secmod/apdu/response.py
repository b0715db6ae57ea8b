# SPDX-License-Identifier: Apache-2.0
"""Response APDUs (ISO/IEC 7816-4 clause 5.1): data and a status word."""

from __future__ import annotations

from typing import NamedTuple

from secmod.apdu.status import SW
from secmod.errors import ApduError


class ResponseApdu(NamedTuple):
    """A response: `data` (0..65536 bytes) and `sw`."""

    data: bytes
    sw: SW

    @classmethod
    def parse(cls, raw: bytes) -> ResponseApdu:
        """The response that these bytes are.  Raises `ApduError` (6F00) if there are not even two of them."""
        if len(raw) < 2:
            raise ApduError(SW.NO_DIAGNOSIS, f"a response of {len(raw)} bytes: the status word alone has 2")
        # The usual one is not looked up: that takes longer than all the rest.
        return cls(raw[:-2], SW.OK if raw.endswith(b"\x90\x00") else SW(raw[-2] << 8 | raw[-1]))

    def encode(self) -> bytes:
        """Data, SW1, SW2."""
        return self.data + self.sw.to_bytes(2, "big")

    @property
    def ok(self) -> bool:
        """The status word is 9000."""
        return self.sw == 0x9000

    def fitted(self, ne: int, *, protected: bool = False) -> ResponseApdu:
        """What may go out for a command with this Ne: data cut to Ne bytes (none without Le), and none with an error.

        Under secure messaging (`protected`) an error has data too: what proves that the card has sent it.
        Results that must not be cut are refused beforehand by `CommandApdu.check_ne`.
        """
        data, sw = self
        bare = sw.is_error and not protected
        if not data or (len(data) <= ne and not bare):
            return self
        return ResponseApdu(b"" if bare else data[:ne], sw)


__all__ = ["ResponseApdu"]
