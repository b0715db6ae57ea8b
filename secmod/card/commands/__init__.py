# SPDX-License-Identifier: Apache-2.0
"""The commands of the card, one file each; this list is the table of contents.

A file names the clause it implements, what it accepts, and does it.
"""

from secmod.card.commands import (
    change_reference_data,
    compute_digital_signature,
    general_authenticate,
    generate_asymmetric_key_pair,
    get_challenge,
    get_data,
    get_random,
    manage_security_environment,
    put_data,
    read_binary,
    reset_retry_counter,
    select,
    self_test,
    terminate_card_usage,
    verify,
    verify_digital_signature,
)

COMMANDS = (
    select.select,
    read_binary.read_binary,
    read_binary.read_binary_odd,
    get_data.get_data,
    put_data.put_data,
    get_challenge.get_challenge,
    get_random.get_random,
    generate_asymmetric_key_pair.generate_asymmetric_key_pair,
    manage_security_environment.set_signing_key,
    manage_security_environment.set_verification_key,
    manage_security_environment.set_agreement_key,
    manage_security_environment.set_authentication_key,
    manage_security_environment.set_pace,
    manage_security_environment.restore,
    compute_digital_signature.compute_digital_signature,
    verify_digital_signature.verify_digital_signature,
    general_authenticate.general_authenticate,
    change_reference_data.change_reference_data,
    reset_retry_counter.reset_retry_counter,
    verify.verify,
    terminate_card_usage.terminate_card_usage,
    self_test.self_test,
)

__all__ = ["COMMANDS"]
