# SPDX-License-Identifier: Apache-2.0
"""Self-test (PP-0077, FPT_TST.1): known answers, the health of the noise sources, and the checksum of every object."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from secmod.apdu import SW
from secmod.card.dispatch import command
from secmod.errors import CardError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.state import CardState

log = logging.getLogger(__name__)


@command("self_test", None, proprietary=True, p1=0x00, p2=0x00)
def self_test(apdu: CommandApdu, card: CardState) -> None:
    """9000 if all is well; else 6F00, and the card is in its alarm state.

    Objects that are damaged in the store are told by 6F00 alone: they do no harm, and the others serve on.
    """
    card.vault.check_sources()
    failed = card.failed_self_tests()
    if failed:
        log.warning("self-test failed: %s", ", ".join(failed))
        card.raise_alarm(", ".join(failed))
        raise CardError(SW.NO_DIAGNOSIS, f"self-test failed: {', '.join(failed)}")
    if lost := card.tree.lost():
        raise CardError(SW.NO_DIAGNOSIS, f"the store could not give back: {', '.join(lost)}")
