/* SPDX-License-Identifier: Apache-2.0 */
/* A signature takes five HMACs, under keys that serve once or twice.  libcrypto's EVP_MAC, and its EVP_MD_CTX as well, spend more time
 * on their contexts than on hashing such short messages, and keep what they hashed on the heap.  The functions used here have been
 * called deprecated since OpenSSL 3.0, which advises EVP for everything; they are not about to go.  They can not fail on what they are
 * given here. */
#define OPENSSL_SUPPRESS_DEPRECATED /* in this file, for those functions */
#include "hmac.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <string.h>

#include "wipe.h"

union state {
    SHA256_CTX small;
    SHA512_CTX large;
};

_Static_assert(sizeof(union state) <= HMAC_STATE && _Alignof(union state) <= _Alignof(struct hmac_state), "the room for it");

static void state_begin(union state *state, size_t bytes) {
    if (bytes == 32) {
        (void)SHA256_Init(&state->small);
    } else if (bytes == 48) {
        (void)SHA384_Init(&state->large);
    } else {
        (void)SHA512_Init(&state->large);
    }
}

static void state_add(union state *state, size_t bytes, const uint8_t *data, size_t length) {
    if (bytes == 32) {
        (void)SHA256_Update(&state->small, data, length);
    } else {
        (void)SHA512_Update(&state->large, data, length); /* for SHA-384, too */
    }
}

static void state_end(union state *state, size_t bytes, uint8_t *out) {
    if (bytes == 32) {
        (void)SHA256_Final(out, &state->small);
    } else {
        (void)SHA512_Final(out, &state->large);
    }
}

static size_t state_bytes(size_t bytes) { return bytes == 32 ? sizeof(SHA256_CTX) : sizeof(SHA512_CTX); }

void hmac_begin(struct hmac *hmac, size_t bytes, const uint8_t *key) {
    uint8_t block[2 * HMAC_MAX]; /* the key, filled up with zeroes, xor a pad */
    const size_t length = bytes == 32 ? 64 : 128;
    union state state;
    hmac->bytes = bytes;
    memset(block, 0x36, length);
    for (size_t i = 0; i < bytes; i++) block[i] ^= key[i];
    state_begin(&state, bytes);
    state_add(&state, bytes, block, length);
    memcpy(hmac->inner.room, &state, state_bytes(bytes));
    for (size_t i = 0; i < length; i++) block[i] ^= 0x36 ^ 0x5C;
    state_begin(&state, bytes);
    state_add(&state, bytes, block, length);
    memcpy(hmac->outer.room, &state, state_bytes(bytes));
    wipe(&state, state_bytes(bytes));
    wipe(block, sizeof block);
}

static struct hmac zero_keys[3];
static pthread_once_t zero_keys_made = PTHREAD_ONCE_INIT;

static void zero_keys_make(void) {
    static const uint8_t zeroes[HMAC_MAX];
    for (size_t i = 0; i < 3; i++) hmac_begin(&zero_keys[i], 32 + 16 * i, zeroes);
}

void hmac_begin_zero(struct hmac *hmac, size_t bytes) {
    (void)pthread_once(&zero_keys_made, zero_keys_make);
    *hmac = zero_keys[(bytes - 32) / 16];
}

void hmac_of(const struct hmac *hmac, const struct part *parts, size_t count, uint8_t *out) {
    const size_t bytes = hmac->bytes;
    union state state;
    uint8_t digest[HMAC_MAX];
    memcpy(&state, hmac->inner.room, state_bytes(bytes));
    for (size_t i = 0; i < count; i++) state_add(&state, bytes, parts[i].bytes, parts[i].length);
    state_end(&state, bytes, digest);
    memcpy(&state, hmac->outer.room, state_bytes(bytes));
    state_add(&state, bytes, digest, bytes);
    state_end(&state, bytes, out);
    wipe(&state, state_bytes(bytes));
    wipe(digest, sizeof digest);
}

void hmac_sha256(const uint8_t key[32], const struct part *parts, size_t count, uint8_t out[32]) {
    struct hmac hmac;
    hmac_begin(&hmac, 32, key);
    hmac_of(&hmac, parts, count, out);
    wipe(&hmac, sizeof hmac);
}
