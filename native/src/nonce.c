/* SPDX-License-Identifier: Apache-2.0 */
#include "nonce.h"

#include <string.h>

#include "ct.h"
#include "keys.h"
#include "wipe.h"

#define TRIES 256 /* each passes with a probability above one half */

/* key := HMAC(key, value || step || data) and value := HMAC(key, value): steps d to g of clause 3.2.  From the second time on the
 * HMAC has the key. */
static int update(struct nonce *nonce, uint8_t step, const uint8_t *data, size_t length) {
    size_t size = nonce->hash_bytes;
    const uint8_t *key = nonce->keyed ? NULL : nonce->key;
    nonce->keyed = 1;
    return EVP_MAC_init(nonce->hmac, key, key == NULL ? 0 : size, NULL) == 1 && EVP_MAC_update(nonce->hmac, nonce->value, size) == 1 &&
           EVP_MAC_update(nonce->hmac, &step, 1) == 1 && (length == 0 || EVP_MAC_update(nonce->hmac, data, length) == 1) &&
           EVP_MAC_final(nonce->hmac, nonce->key, &size, sizeof nonce->key) == 1 &&
           EVP_MAC_init(nonce->hmac, nonce->key, size, NULL) == 1 && EVP_MAC_update(nonce->hmac, nonce->value, size) == 1 &&
           EVP_MAC_final(nonce->hmac, nonce->value, &size, sizeof nonce->value) == 1;
}

/* value := HMAC(key, value); the key is the one of the last update. */
static int advance(struct nonce *nonce) {
    size_t size = nonce->hash_bytes;
    return EVP_MAC_init(nonce->hmac, NULL, 0, NULL) == 1 && EVP_MAC_update(nonce->hmac, nonce->value, size) == 1 &&
           EVP_MAC_final(nonce->hmac, nonce->value, &size, sizeof nonce->value) == 1;
}

int nonce_begin(struct nonce *nonce, EVP_MAC_CTX *hmac, size_t hash_bytes, const struct curve *curve, const uint8_t *scalar,
                const uint8_t *hash, const uint8_t *extra, size_t extra_length) {
    uint8_t input[2 * SECMOD_MAX_FIELD + NONCE_EXTRA_MAX];
    size_t field = curve_field_bytes(curve);
    if (extra_length > NONCE_EXTRA_MAX || hash_bytes < 1 || hash_bytes > EVP_MAX_MD_SIZE) return SECMOD_E_ARGUMENT;
    *nonce = (struct nonce){.hmac = hmac, .curve = curve, .hash_bytes = hash_bytes, .first = 1};
    memset(nonce->value, 1, sizeof nonce->value);
    memcpy(input, scalar, field);
    memcpy(input + field, hash, field);
    if (extra_length > 0) memcpy(input + 2 * field, extra, extra_length);
    int done = update(nonce, 0, input, 2 * field + extra_length) && update(nonce, 1, input, 2 * field + extra_length);
    wipe(input, sizeof input);
    return done ? SECMOD_OK : SECMOD_E_LIBRARY;
}

/* As many bytes as a scalar has, of the values to come: they are all that bits2int takes, since n has 8 bits for each. */
static int candidate(struct nonce *nonce, uint8_t *out) {
    size_t needed = curve_field_bytes(nonce->curve);
    if (!nonce->first && !update(nonce, 0, NULL, 0)) return 0;
    nonce->first = 0;
    for (size_t got = 0; got < needed; got += nonce->hash_bytes) {
        if (!advance(nonce)) return 0;
        memcpy(out + got, nonce->value, needed - got < nonce->hash_bytes ? needed - got : nonce->hash_bytes);
    }
    return 1;
}

int nonce_next(struct nonce *nonce, uint8_t *out) {
    for (int tries = 0; tries < TRIES && candidate(nonce, out); tries++) {
        if (ct_reveal(scalar_in_range(nonce->curve, out))) return SECMOD_OK; /* tells about rejected candidates only */
    }
    wipe(out, curve_field_bytes(nonce->curve));
    return SECMOD_E_LIBRARY;
}

void nonce_end(struct nonce *nonce) { wipe(nonce, sizeof *nonce); }
