/* SPDX-License-Identifier: Apache-2.0 */
/* What the core takes from libcrypto (OpenSSL 3.0 or later) besides curves: random numbers, hashes, AES, CMAC. */
#ifndef SECMOD_LIBCRYPTO_H
#define SECMOD_LIBCRYPTO_H

#define OPENSSL_API_COMPAT 30000
#define OPENSSL_NO_DEPRECATED

#include <openssl/evp.h>

#include "secmod.h"

/* Sources for drbg_new; NULL if libcrypto has none.  The operating system's, ready; and one that gives fixed bytes, for
 * known-answer tests, to be filled and instantiated by them. */
EVP_RAND_CTX *entropy_source_new(void);
EVP_RAND_CTX *test_source_new(void);

/* A CTR_DRBG over AES-256 with derivation function (SP 800-90A clause 10.2.1), seeded from `source`, of which it keeps a
 * reference of its own; NULL if it can not be seeded.  Safe for several threads, and reseeds itself after fork. */
EVP_RAND_CTX *drbg_new(EVP_RAND_CTX *source);

/* How drbg_generate treats the state before the output: leave it (the DRBG reseeds by its own count), or mix in fresh entropy. */
enum drbg_entropy { DRBG_AS_DUE, DRBG_FRESH };

/* SECMOD_OK or SECMOD_E_RANDOM, and then zeroes. */
int drbg_generate(EVP_RAND_CTX *drbg, uint8_t *out, size_t length, enum drbg_entropy entropy);

/* One block under a key of 16 or 32 bytes (FIPS 197). */
int aes_encrypt_block(const uint8_t *key, size_t key_length, const uint8_t in[16], uint8_t out[16]);

/* AES-128-CMAC (RFC 4493), all 16 bytes of it. */
int cmac(const uint8_t key[16], const uint8_t *data, size_t length, uint8_t mac[16]);

#endif
