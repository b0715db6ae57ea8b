/* SPDX-License-Identifier: Apache-2.0 */
/* Nonces of ECDSA, derived from key and hash (RFC 6979), and from fresh random bytes too if there are any (clause 3.6): never the
 * same nonce for two hashes, and never one that a bad random generator alone decides. */
#ifndef SECMOD_NONCE_H
#define SECMOD_NONCE_H

#include "curves.h"
#include "libcrypto.h"

#define NONCE_EXTRA_MAX 64

/* The HMAC_DRBG of RFC 6979 clause 3.2. */
struct nonce {
    EVP_MAC_CTX *hmac; /* borrowed */
    const struct curve *curve;
    size_t hash_bytes; /* of the HMAC */
    int first, keyed;
    uint8_t key[EVP_MAX_MD_SIZE], value[EVP_MAX_MD_SIZE];
};

/* With an HMAC that makes `hash_bytes`, from a private scalar and a hash, which is reduced mod n and has field_bytes, too.
 * Constant time in all but lengths.  SECMOD_OK or SECMOD_E_LIBRARY. */
int nonce_begin(struct nonce *nonce, EVP_MAC_CTX *hmac, size_t hash_bytes, const struct curve *curve, const uint8_t *scalar,
                const uint8_t *hash, const uint8_t *extra, size_t extra_length);

/* The next candidate in [1, n-1], field_bytes long. */
int nonce_next(struct nonce *nonce, uint8_t *out);

void nonce_end(struct nonce *nonce);

#endif
