/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords: stored once, compared in a time that tells nothing about them. */
#include "password.h"

#include <string.h>

#include "ct.h"
#include "vault.h"
#include "wipe.h"

int secmod_password_store(secmod_vault *vault, const uint8_t *value, size_t length, uint64_t *handle) {
    if (vault == NULL || length < 1 || length > SECMOD_MAX_PASSWORD) return SECMOD_E_ARGUMENT;
    struct secret made = {.kind = SECRET_PASSWORD};
    memcpy(made.as.password.value, value, length);
    made.as.password.length = (uint8_t)length;
    return vault_put(vault, &made, handle);
}

/* How long the given value is, is known to who gives it; how long the stored one is, is not. */
static ct_mask same(const struct password *password, const uint8_t *value, size_t length) {
    uint8_t padded[SECMOD_MAX_PASSWORD] = {0};
    memcpy(padded, value, length);
    const uint8_t given = (uint8_t)length;
    const ct_mask equal = ct_equal(padded, password->value, sizeof padded) & ct_equal(&given, &password->length, 1);
    wipe(padded, sizeof padded);
    return equal;
}

int secmod_password_compare(secmod_vault *vault, uint64_t handle, const uint8_t *value, size_t length) {
    const struct password *password = vault_take_secret(vault, handle, SECRET_PASSWORD);
    if (password == NULL) return SECMOD_E_HANDLE;
    const ct_mask equal = length > SECMOD_MAX_PASSWORD ? 0 : same(password, value, length);
    vault_give_back(vault, handle);
    return ct_reveal(equal) ? SECMOD_OK : SECMOD_E_MISMATCH;
}
