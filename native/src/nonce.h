/* SPDX-License-Identifier: Apache-2.0 */
/* Nonces of ECDSA, derived from key and hash (RFC 6979), and from fresh random bytes too if there are any (clause 3.6): never the
 * same nonce for two hashes, and never one that a bad random generator alone decides. */
#ifndef SECMOD_NONCE_H
#define SECMOD_NONCE_H

#include "curves.h"
#include "hmac.h"

#define NONCE_EXTRA_MAX 64

/* The HMAC_DRBG of RFC 6979 clause 3.2. */
struct nonce {
    const struct curve *curve;
    int first;
    struct hmac hmac;
    uint8_t value[HMAC_MAX];
};

/* With the HMAC of `hash_bytes` (hmac.h), from a private scalar and a hash, which is reduced mod n and has field_bytes, too.
 * Constant time in all but lengths.  SECMOD_OK or SECMOD_E_ARGUMENT. */
int nonce_begin(struct nonce *nonce, size_t hash_bytes, const struct curve *curve, const uint8_t *scalar, const uint8_t *hash,
                const uint8_t *extra, size_t extra_length);

/* The next candidate in [1, n-1], field_bytes long. */
int nonce_next(struct nonce *nonce, uint8_t *out);

void nonce_end(struct nonce *nonce);

#endif
