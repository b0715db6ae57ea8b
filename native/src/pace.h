/* SPDX-License-Identifier: Apache-2.0 */
/* One run of PACE with generic mapping (TR-03110-3 3.2 and B.1), as either end sees it. */
#ifndef SECMOD_PACE_H
#define SECMOD_PACE_H

#include "aes.h"
#include "curves.h"

#define PACE_NONCE 16
#define PACE_TOKEN 8

/* What was done last; each step is possible after the one before it, and after no other. */
enum pace_step { PACE_BEGUN, PACE_NONCE_KNOWN, PACE_MAP_KEY_MADE, PACE_MAPPED, PACE_AGREE_KEY_MADE, PACE_AGREED, PACE_TOKEN_MADE };

struct handshake {
    const struct curve *curve;
    enum pace_step step;
    int end; /* SECMOD_PACE_CARD or SECMOD_PACE_HOST */
    unsigned int injected;
    size_t key_bytes;
    size_t oid_length;
    uint8_t oid[SECMOD_MAX_OID];
    uint8_t password_key[32];
    uint8_t nonce[PACE_NONCE];
    uint8_t map_scalar[SECMOD_MAX_FIELD], agree_scalar[SECMOD_MAX_FIELD];
    uint8_t map_point[SECMOD_MAX_POINT];   /* own */
    uint8_t generator[SECMOD_MAX_POINT];   /* the mapped one */
    uint8_t agree_point[SECMOD_MAX_POINT]; /* own */
    uint8_t other_point[SECMOD_MAX_POINT]; /* the other end's key of step 3 */
    uint8_t enc[32], mac[32];              /* the session keys */
};

/* Key derivation (TR-03110-3 A.2.3): SHA-1 for keys of 16 bytes, SHA-256 for 24 and 32, over secret and counter.  The secret has
 * at most SECMOD_MAX_FIELD bytes. */
#define KDF_ENC 1
#define KDF_MAC 2
#define KDF_PASSWORD 3
int pace_derive(const uint8_t *secret, size_t length, uint8_t counter, size_t key_bytes, uint8_t *key);

/* The mapped generator s * G + h (TR-03110-3 A.3.4.1, generic mapping); h is a valid point.  0, and zeroes, if it is infinity, G or
 * -G. */
int pace_map_generator(const struct curve *curve, const uint8_t s[PACE_NONCE], const uint8_t *h, uint8_t *generator);

void pace_wipe(struct handshake *handshake);

#endif
