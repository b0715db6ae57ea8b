/* SPDX-License-Identifier: Apache-2.0 */
/* What signing in batches shares with signing. */
#ifndef SECMOD_ECDSA_H
#define SECMOD_ECDSA_H

#include "curve_ops.h"
#include "keys.h"
#include "random.h"

#define ECDSA_HASH_MAX 64

/* A nonce for a hash of 1 .. ECDSA_HASH_MAX bytes, as secmod_ecdsa_sign takes it: field_bytes, in [1, n-1].  SECMOD_OK,
 * SECMOD_E_RANDOM, or SECMOD_E_LIBRARY if no candidate was in range. */
int ecdsa_nonce(const struct private_key *key, struct generator *generator, const uint8_t *hash, size_t hash_length, uint8_t *k);

/* Does the job, and the check of its signature if it has a `negative`.  From then on everybody may know the result. */
void sign_one(const struct curve *curve, struct sign_job *job);

#endif
