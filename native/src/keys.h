/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys, and the validation of public ones. */
#ifndef SECMOD_KEYS_H
#define SECMOD_KEYS_H

#include "curves.h"
#include "libcrypto.h"

struct private_key {
    const struct curve *curve;
    uint8_t scalar[SECMOD_MAX_FIELD];
    uint8_t negative[SECMOD_MAX_FIELD]; /* n - scalar: a second copy, for checks */
    uint8_t point[SECMOD_MAX_POINT];
};

/* All ones if 1 <= scalar <= n - 1; `scalar` has field_bytes.  Constant time. */
uint32_t scalar_in_range(const struct curve *curve, const uint8_t *scalar);

/* z := n - x for x in [1, n-1]; both have field_bytes.  Constant time. */
void scalar_negate(const struct curve *curve, const uint8_t *x, uint8_t *z);

/* Builds the key pair of a scalar and checks it.  SECMOD_OK, SECMOD_E_SCALAR, or SECMOD_E_FAULT if the check fails; on an error *key
 * is empty. */
int private_key_new(const struct curve *curve, const uint8_t *scalar, struct private_key *key);

/* SECMOD_OK if a scalar and its second copy fit each other; SECMOD_E_FAULT if one has changed. */
int private_key_whole(const struct private_key *key);

/* The two steps that private_key_new consists of, for a scalar in [1, n-1]: all but the point, and then, when it is there, the check;
 * SECMOD_OK, or SECMOD_E_FAULT and the key is wiped. */
void private_key_begin(const struct curve *curve, const uint8_t *scalar, struct private_key *key);
int private_key_check(struct private_key *key, int good);

/* Empties the key. */
void private_key_wipe(struct private_key *key);

/* Validates a public key (TR-03111 4.3: length, prefix 04, range of x and y, curve equation; with cofactor 1 that is all).
 * SECMOD_OK or SECMOD_E_POINT. */
int public_key_check(const struct curve *curve, const uint8_t *point, size_t length);

#endif
