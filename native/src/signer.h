/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA signatures of one key: everything that can be prepared once is. */
#ifndef SECMOD_SIGNER_H
#define SECMOD_SIGNER_H

#include <openssl/ec.h>

#include "nonce.h"

struct signer; /* for one thread at a time */

/* Keeps references to the group and to the scalar, which have to outlive it.  NULL if libcrypto refuses. */
struct signer *signer_new(const struct curve *curve, const EC_GROUP *group, const BIGNUM *scalar);
void signer_free(struct signer *signer);

/* What a signature is made from besides the key and the hash. */
struct signer_input {
    const uint8_t *blind; /* field_bytes of random data: what blinds the inversion and the scalar */
    const uint8_t *extra; /* fresh random bytes for the nonce; length 0: RFC 6979 as it stands */
    size_t extra_length;
    const uint8_t *nonce; /* for known-answer tests: this one, field_bytes; else NULL */
};

/* r || s of a hash of 1 .. 64 bytes.  SECMOD_OK, SECMOD_E_SCALAR for a nonce given that does not work, or SECMOD_E_LIBRARY, and
 * then zeroes. */
int signer_sign(struct signer *signer, const uint8_t *hash, size_t hash_length, const struct signer_input *input,
                uint8_t *signature);

#endif
