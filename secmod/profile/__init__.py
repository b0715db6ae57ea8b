# SPDX-License-Identifier: Apache-2.0
"""Card profiles as values: the one description that the card is built from and that the host finds names in.

    model.py   what a profile says, as frozen dataclasses
    load.py    from TOML to these, with every mistake named
    table.py   one TOML table, read to its last key

The profiles themselves lie in secmod/profiles/.
"""

from secmod.profile.load import load_profile, profile_names
from secmod.profile.model import Profile

__all__ = ["Profile", "load_profile", "profile_names"]
