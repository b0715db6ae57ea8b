/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC (FIPS 198-1) over SHA-2, in memory of the caller, who wipes it.  Hashing is libcrypto's. */
#ifndef SECMOD_HMAC_H
#define SECMOD_HMAC_H

#include <stddef.h>
#include <stdint.h>

#define HMAC_MAX 64
#define HMAC_STATE 216 /* room for libcrypto's SHA512_CTX, the largest */

/* The hash after the key's block, for the message and for what comes out of that. */
struct hmac {
    size_t bytes; /* of the outcome */
    struct hmac_state {
        _Alignas(uint64_t) uint8_t room[HMAC_STATE];
    } inner, outer;
};

/* Bytes that come in parts. */
struct part {
    const uint8_t *bytes;
    size_t length;
};

/* By SHA-256, SHA-384 or SHA-512, with a key of as many bytes (32, 48, 64) as it makes; with a key of zeroes. */
void hmac_begin(struct hmac *hmac, size_t bytes, const uint8_t *key);
void hmac_begin_zero(struct hmac *hmac, size_t bytes);

/* Of the parts together; as often as wanted.  `out` may be among them. */
void hmac_of(const struct hmac *hmac, const struct part *parts, size_t count, uint8_t *out);

/* Both at once. */
void hmac_sha256(const uint8_t key[32], const struct part *parts, size_t count, uint8_t out[32]);

#endif
