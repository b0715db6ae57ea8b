# SPDX-License-Identifier: Apache-2.0
"""The commands of the card, one file each; this list is the table of contents.

A file names the clause it implements, what it accepts, and does it.
"""

from secmod.card.commands import (
    compute_digital_signature,
    generate_asymmetric_key_pair,
    get_challenge,
    get_data,
    get_random,
    manage_security_environment,
    read_binary,
    select,
    self_test,
    verify_digital_signature,
)

COMMANDS = (
    select.select,
    read_binary.read_binary,
    read_binary.read_binary_odd,
    get_data.get_data,
    get_challenge.get_challenge,
    get_random.get_random,
    generate_asymmetric_key_pair.generate_asymmetric_key_pair,
    manage_security_environment.set_signing_key,
    manage_security_environment.set_verification_key,
    manage_security_environment.restore,
    compute_digital_signature.compute_digital_signature,
    verify_digital_signature.verify_digital_signature,
    self_test.self_test,
)

__all__ = ["COMMANDS"]
