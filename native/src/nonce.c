/* SPDX-License-Identifier: Apache-2.0 */
#include "nonce.h"

#include <string.h>

#include "ct.h"
#include "curve_ops.h"
#include "wipe.h"

#define TRIES 256 /* each passes with a probability above one half */

/* value := HMAC(key, value) */
static void advance(struct nonce *nonce) {
    const struct part value = {nonce->value, nonce->hmac.bytes};
    hmac_of(&nonce->hmac, &value, 1, nonce->value);
}

/* key := HMAC(key, value || step || data) and value := HMAC(key, value): steps d to g of clause 3.2. */
static void update(struct nonce *nonce, uint8_t step, const uint8_t *data, size_t length) {
    const size_t size = nonce->hmac.bytes;
    const struct part parts[] = {{nonce->value, size}, {&step, 1}, {data, length}};
    uint8_t key[HMAC_MAX];
    hmac_of(&nonce->hmac, parts, length > 0 ? 3 : 2, key);
    hmac_begin(&nonce->hmac, size, key);
    wipe(key, sizeof key);
    advance(nonce);
}

int nonce_begin(struct nonce *nonce, size_t hash_bytes, const struct curve *curve, const uint8_t *scalar, const uint8_t *hash,
                const uint8_t *extra, size_t extra_length) {
    uint8_t input[2 * SECMOD_MAX_FIELD + NONCE_EXTRA_MAX];
    size_t field = curve_field_bytes(curve);
    if (extra_length > NONCE_EXTRA_MAX || (hash_bytes != 32 && hash_bytes != 48 && hash_bytes != 64)) return SECMOD_E_ARGUMENT;
    nonce->curve = curve;
    nonce->first = 1;
    hmac_begin_zero(&nonce->hmac, hash_bytes);
    memset(nonce->value, 1, sizeof nonce->value);
    memcpy(input, scalar, field);
    memcpy(input + field, hash, field);
    if (extra_length > 0) memcpy(input + 2 * field, extra, extra_length);
    update(nonce, 0, input, 2 * field + extra_length);
    update(nonce, 1, input, 2 * field + extra_length);
    wipe(input, sizeof input);
    return SECMOD_OK;
}

/* As many bytes as a scalar has, of the values to come: they are all that bits2int takes, since n has 8 bits for each. */
static void candidate(struct nonce *nonce, uint8_t *out) {
    size_t needed = curve_field_bytes(nonce->curve);
    if (!nonce->first) update(nonce, 0, NULL, 0);
    nonce->first = 0;
    for (size_t got = 0; got < needed; got += nonce->hmac.bytes) {
        advance(nonce);
        memcpy(out + got, nonce->value, needed - got < nonce->hmac.bytes ? needed - got : nonce->hmac.bytes);
    }
}

int nonce_next(struct nonce *nonce, uint8_t *out) {
    for (int tries = 0; tries < TRIES; tries++) {
        candidate(nonce, out);
        if (ct_reveal((ct_mask)curve_ops_of(nonce->curve)->scalar_in_range(nonce->curve, out))) return SECMOD_OK; /* tells about rejected candidates only */
    }
    wipe(out, curve_field_bytes(nonce->curve));
    return SECMOD_E_LIBRARY;
}

void nonce_end(struct nonce *nonce) { wipe(nonce, sizeof *nonce); }
