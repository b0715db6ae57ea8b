/* SPDX-License-Identifier: Apache-2.0 */
/* What the core takes from libcrypto (OpenSSL 3.0 or later) besides AES and HMAC: random numbers, hashes. */
#ifndef SECMOD_LIBCRYPTO_H
#define SECMOD_LIBCRYPTO_H

#define OPENSSL_API_COMPAT 30000
#define OPENSSL_NO_DEPRECATED

#include <openssl/evp.h>

#include "secmod.h"

/* Sources for drbg_new; NULL if libcrypto has none.  The operating system's, ready; and one that gives the same bytes again
 * and again, as they were set last. */
EVP_RAND_CTX *entropy_source_new(void);
EVP_RAND_CTX *fixed_source_new(void);
int fixed_source_set(EVP_RAND_CTX *source, uint8_t *entropy, size_t entropy_length, uint8_t *nonce, size_t nonce_length);

/* A CTR_DRBG over AES-256 with derivation function (SP 800-90A clause 10.2.1), seeded from `source`, of which it keeps a
 * reference of its own, and personalised; NULL if it can not be seeded.  For one thread at a time.  Reseeds itself after fork. */
EVP_RAND_CTX *drbg_new(EVP_RAND_CTX *source, const uint8_t *personal, size_t personal_length);

/* SECMOD_OK or SECMOD_E_RANDOM, and then zeroes.  They leave libcrypto's error queue as it was. */
int drbg_generate(EVP_RAND_CTX *drbg, uint8_t *out, size_t length);
int drbg_reseed(EVP_RAND_CTX *drbg, const uint8_t *seed, size_t length);

#endif
