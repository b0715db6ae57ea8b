# SPDX-License-Identifier: Apache-2.0
"""What a store must know of the profile that its modules were made from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from secmod.crypto import sha256
from secmod.store import Origin

if TYPE_CHECKING:
    from secmod.profile import Profile


def origin_of(profile: Profile) -> Origin:
    """Name, version and shape: all that records are about.  Access rules are not: they may get better from version to version."""
    shape = {
        "phases": [(phase.letter, phase.terminated) for phase in profile.phases.values()],
        "initial": profile.initial_phase,
        "files": [(file.directory, file.name, file.size) for file in profile.files],
        "private_keys": [(key.name, key.curve, key.volatile) for key in profile.private_keys],
        "public_keys": [(key.name, key.volatile) for key in profile.public_keys],
        "passwords": [password.name for password in profile.passwords],
    }
    return Origin(profile.name, profile.version, sha256(json.dumps(shape).encode()).hex())


__all__ = ["origin_of"]
