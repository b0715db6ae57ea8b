/* SPDX-License-Identifier: Apache-2.0 */
/* The key of a store: what seals secrets, wraps other such keys, and authenticates plain records. */
#ifndef SECMOD_STORE_KEY_H
#define SECMOD_STORE_KEY_H

#include "libcrypto.h"

/* The other keys are derived from the first: HMAC-SHA-256 of a label and 01, which is the expansion of HKDF (RFC 5869 2.3). */
struct store_key {
    uint8_t key[SECMOD_STORE_KEY];
    uint8_t seal[32], wrap[32], nonce[32], tag[32];
};

void store_key_new(const uint8_t key[SECMOD_STORE_KEY], struct store_key *store);

/* A copy of what lives under a handle; the caller wipes it.  SECMOD_OK or SECMOD_E_HANDLE. */
int store_key_get(secmod_vault *vault, uint64_t handle, struct store_key *copy);

#endif
