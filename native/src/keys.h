/* SPDX-License-Identifier: Apache-2.0 */
/* Private and public keys as libcrypto holds them: the only file pair that builds them. */
#ifndef SECMOD_KEYS_H
#define SECMOD_KEYS_H

#include "signer.h"

struct private_key {
    const struct curve *curve;
    BIGNUM *scalar;
    EVP_PKEY *pair;
    EVP_PKEY_CTX *derive;  /* set up once, so that an agreement costs nothing but itself */
    struct signer *signer; /* the same for signatures, from the first one on */
    uint8_t point[SECMOD_MAX_POINT];
};

/* libcrypto's group of the curve, valid for ever; NULL if it has none. */
const EC_GROUP *curve_group(const struct curve *curve);

/* All ones if 1 <= scalar <= n - 1; `scalar` has field_bytes.  Constant time. */
uint32_t scalar_in_range(const struct curve *curve, const uint8_t *scalar);

/* Builds the key pair of a scalar and checks it: Q is computed twice.  SECMOD_OK, SECMOD_E_SCALAR or SECMOD_E_LIBRARY; on an
 * error *key is empty. */
int private_key_new(const struct curve *curve, const uint8_t *scalar, struct private_key *key);

/* What signs with the key; NULL if libcrypto refuses to make it. */
struct signer *private_key_signer(struct private_key *key);

/* Wipes and frees what the key holds, and empties it. */
void private_key_wipe(struct private_key *key);

/* A validated public key (TR-03111 4.3: length, prefix 04, range of x and y, curve equation; with cofactor 1 that is all).
 * SECMOD_OK, SECMOD_E_POINT or SECMOD_E_LIBRARY. */
int public_key_new(const struct curve *curve, const uint8_t *point, size_t length, EVP_PKEY **key);

#endif
