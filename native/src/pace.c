/* SPDX-License-Identifier: Apache-2.0 */
/* PACE.  Every function finds its handshake by handle, looks whether its turn has come, and works; whatever goes wrong wipes the
 * handshake and ends it.  A scalar and the nonce are wiped as soon as they have served. */
#include "pace.h"

#include <openssl/err.h>
#include <string.h>

#include "ct.h"
#include "curve_ops.h"
#include "vault.h"
#include "wipe.h"

#define PUBLIC_KEY_TAG 0x7F49
#define TOKEN_INPUT_MAX (6 + 2 + SECMOD_MAX_OID + 3 + SECMOD_MAX_POINT)

void pace_wipe(struct handshake *handshake) { wipe(handshake, sizeof *handshake); }

/* ---- keys from secrets -------------------------------------------------------------------------------------------------- */

int pace_derive(const uint8_t *secret, size_t length, uint8_t counter, size_t key_bytes, uint8_t *key) {
    uint8_t input[SECMOD_MAX_FIELD + 4] = {0}, digest[32];
    if (length > SECMOD_MAX_FIELD || (key_bytes != 16 && key_bytes != 24 && key_bytes != 32)) return SECMOD_E_ARGUMENT;
    memcpy(input, secret, length);
    input[length + 3] = counter;
    const char *hash = key_bytes == 16 ? "SHA1" : "SHA2-256";
    int done = EVP_Q_digest(NULL, hash, NULL, input, length + 4, digest, NULL);
    if (done == 1) memcpy(key, digest, key_bytes);
    wipe(input, sizeof input);
    wipe(digest, sizeof digest);
    return done == 1 ? SECMOD_OK : SECMOD_E_LIBRARY;
}

/* KSenc and KSmac from the x-coordinate of the shared point, leading zeros kept. */
static int session_keys(struct handshake *handshake, const uint8_t *shared) {
    const size_t length = curve_field_bytes(handshake->curve);
    int result = pace_derive(shared + 1, length, KDF_ENC, handshake->key_bytes, handshake->enc);
    if (result == SECMOD_OK) result = pace_derive(shared + 1, length, KDF_MAC, handshake->key_bytes, handshake->mac);
    return result;
}

/* ---- begin -------------------------------------------------------------------------------------------------------------- */

int secmod_pace_new(secmod_vault *vault, int end, int curve, int key_bytes, const uint8_t *oid, size_t oid_length,
                    uint64_t password, uint64_t *handle) {
    struct secret made = {.kind = SECRET_HANDSHAKE};
    struct handshake *handshake = &made.as.handshake;
    handshake->curve = curve_at(curve);
    handshake->end = end;
    handshake->key_bytes = (size_t)key_bytes;
    handshake->oid_length = oid_length;
    if (vault == NULL || handshake->curve == NULL || (end != SECMOD_PACE_CARD && end != SECMOD_PACE_HOST) ||
        (key_bytes != 16 && key_bytes != 24 && key_bytes != 32) || oid_length < 1 || oid_length > SECMOD_MAX_OID) {
        return SECMOD_E_ARGUMENT;
    }
    memcpy(handshake->oid, oid, oid_length);
    const struct password *known = vault_take_secret(vault, password, SECRET_PASSWORD);
    if (known == NULL) return SECMOD_E_HANDLE;
    ERR_set_mark();
    int result = pace_derive(known->value, known->length, KDF_PASSWORD, handshake->key_bytes, handshake->password_key);
    ERR_pop_to_mark();
    vault_give_back(vault, password);
    if (result == SECMOD_OK) return vault_put(vault, &made, handle);
    pace_wipe(handshake);
    return result;
}

/* ---- the steps ---------------------------------------------------------------------------------------------------------- */

/* The handshake under a handle, if its last step was `after`.  Its lock is held until settle. */
static int take(secmod_vault *vault, uint64_t handle, enum pace_step after, struct handshake **handshake) {
    *handshake = vault_take_secret(vault, handle, SECRET_HANDSHAKE);
    if (*handshake == NULL) return SECMOD_E_HANDLE;
    ERR_set_mark();
    return (*handshake)->step == after ? SECMOD_OK : SECMOD_E_STATE;
}

/* A handshake that went wrong is wiped, whatever the reason. */
static int settle(secmod_vault *vault, uint64_t handle, struct handshake *handshake, enum pace_step done, int result) {
    if (handshake == NULL) return result;
    ERR_pop_to_mark();
    if (result != SECMOD_OK) {
        vault_end(vault, handle);
        return vault_settle(vault, result);
    }
    handshake->step = done;
    vault_give_back(vault, handle);
    return result;
}

static int is_injected(const struct handshake *handshake, int what) { return (handshake->injected >> what & 1) != 0; }

int secmod_pace_nonce(secmod_vault *vault, uint64_t handle, uint8_t z[PACE_NONCE]) {
    struct handshake *handshake;
    int result = take(vault, handle, PACE_BEGUN, &handshake);
    if (result == SECMOD_OK && handshake->end != SECMOD_PACE_CARD) result = SECMOD_E_STATE;
    if (result == SECMOD_OK && !is_injected(handshake, SECMOD_PACE_INJECT_NONCE)) {
        result = generator_bytes(vault_generator(vault), handshake->nonce, PACE_NONCE, DRBG_AS_DUE);
    }
    if (result == SECMOD_OK) {
        /* CBC over one block with a zero initial vector and no padding is the block cipher itself */
        result = aes_block(AES_ENCRYPT_DIRECTION, handshake->password_key, handshake->key_bytes, handshake->nonce, z);
        wipe(handshake->password_key, sizeof handshake->password_key);
    }
    return settle(vault, handle, handshake, PACE_NONCE_KNOWN, result);
}

int secmod_pace_set_nonce(secmod_vault *vault, uint64_t handle, const uint8_t z[PACE_NONCE]) {
    struct handshake *handshake;
    int result = take(vault, handle, PACE_BEGUN, &handshake);
    if (result == SECMOD_OK && handshake->end != SECMOD_PACE_HOST) result = SECMOD_E_STATE;
    if (result == SECMOD_OK) {
        result = aes_block(AES_DECRYPT_DIRECTION, handshake->password_key, handshake->key_bytes, z, handshake->nonce);
        wipe(handshake->password_key, sizeof handshake->password_key);
    }
    return settle(vault, handle, handshake, PACE_NONCE_KNOWN, result);
}

/* All ones if the point is G or -G: they have the same x. */
static ct_mask is_base(const struct curve *curve, const uint8_t *point) {
    const size_t field = curve_field_bytes(curve);
    uint8_t one[SECMOD_MAX_FIELD] = {0}, base[SECMOD_MAX_POINT];
    one[field - 1] = 1;
    (void)curve_ops_of(curve)->base_mul(curve, one, base);
    return ct_equal(point + 1, base + 1, field);
}

int pace_map_generator(const struct curve *curve, const uint8_t s[PACE_NONCE], const uint8_t *h, uint8_t *generator) {
    const struct curve_ops *ops = curve_ops_of(curve);
    uint8_t scalar[SECMOD_MAX_FIELD] = {0}, product[SECMOD_MAX_POINT];
    memcpy(scalar + curve_field_bytes(curve) - PACE_NONCE, s, PACE_NONCE);
    int done;
    if (ct_reveal(ct_is_zero(s, PACE_NONCE))) { /* all that anyone learns is that it is not, but once in 2^128 runs */
        memcpy(generator, h, curve_point_bytes(curve));
        done = 1;
    } else {
        (void)ops->base_mul(curve, scalar, product);
        done = ops->point_add(curve, product, h, generator);
    }
    wipe(scalar, sizeof scalar);
    wipe(product, sizeof product);
    if (ct_reveal((ct_mask)done & ~is_base(curve, generator))) return 1;
    wipe(generator, curve_point_bytes(curve));
    return 0;
}

/* An ephemeral key over the base point, or another generator. */
static int key_make(secmod_vault *vault, struct handshake *handshake, int what, const uint8_t *generator, uint8_t *scalar,
                    uint8_t *own, uint8_t *point, size_t *length) {
    const size_t needed = curve_point_bytes(handshake->curve);
    if (*length < needed) return SECMOD_E_ARGUMENT;
    int result = SECMOD_OK;
    if (!is_injected(handshake, what)) result = vault_scalar(vault, handshake->curve, scalar, DRBG_AS_DUE);
    if (result != SECMOD_OK) return result;
    const struct curve_ops *ops = curve_ops_of(handshake->curve);
    if (generator == NULL) { /* no scalar that gets here is refused */
        (void)ops->base_mul(handshake->curve, scalar, own);
    } else {
        if (!ct_reveal((ct_mask)ops->point_mul(handshake->curve, scalar, generator, own))) return SECMOD_E_FAULT;
    }
    ct_publish(own, needed);
    memcpy(point, own, needed);
    *length = needed;
    return SECMOD_OK;
}

/* shared := scalar * point, for a valid point of the other end that is not our own; the scalar has served then. */
static int key_use(const struct handshake *handshake, uint8_t *scalar, const uint8_t *own, const uint8_t *point, size_t length,
                   uint8_t *shared) {
    if (public_key_check(handshake->curve, point, length) != SECMOD_OK) return SECMOD_E_POINT;
    if (memcmp(own, point, length) == 0) return SECMOD_E_MISMATCH; /* public keys */
    int done = curve_ops_of(handshake->curve)->point_mul(handshake->curve, scalar, point, shared);
    wipe(scalar, SECMOD_MAX_FIELD);
    return ct_reveal((ct_mask)done) ? SECMOD_OK : SECMOD_E_FAULT;
}

int secmod_pace_map_key(secmod_vault *vault, uint64_t handle, uint8_t *point, size_t *length) {
    struct handshake *handshake;
    int result = take(vault, handle, PACE_NONCE_KNOWN, &handshake);
    if (result == SECMOD_OK) {
        result = key_make(vault, handshake, SECMOD_PACE_INJECT_MAP, NULL, handshake->map_scalar, handshake->map_point, point,
                          length);
    }
    return settle(vault, handle, handshake, PACE_MAP_KEY_MADE, result);
}

int secmod_pace_map(secmod_vault *vault, uint64_t handle, const uint8_t *point, size_t length) {
    struct handshake *handshake;
    uint8_t shared[SECMOD_MAX_POINT];
    int result = take(vault, handle, PACE_MAP_KEY_MADE, &handshake);
    if (result == SECMOD_OK) {
        result = key_use(handshake, handshake->map_scalar, handshake->map_point, point, length, shared);
    }
    if (result == SECMOD_OK) {
        if (!pace_map_generator(handshake->curve, handshake->nonce, shared, handshake->generator)) result = SECMOD_E_POINT;
        wipe(handshake->nonce, sizeof handshake->nonce);
    }
    wipe(shared, sizeof shared);
    return settle(vault, handle, handshake, PACE_MAPPED, result);
}

int secmod_pace_agree_key(secmod_vault *vault, uint64_t handle, uint8_t *point, size_t *length) {
    struct handshake *handshake;
    int result = take(vault, handle, PACE_MAPPED, &handshake);
    if (result == SECMOD_OK) {
        result = key_make(vault, handshake, SECMOD_PACE_INJECT_AGREE, handshake->generator, handshake->agree_scalar,
                          handshake->agree_point, point, length);
    }
    return settle(vault, handle, handshake, PACE_AGREE_KEY_MADE, result);
}

int secmod_pace_agree(secmod_vault *vault, uint64_t handle, const uint8_t *point, size_t length) {
    struct handshake *handshake;
    uint8_t shared[SECMOD_MAX_POINT];
    int result = take(vault, handle, PACE_AGREE_KEY_MADE, &handshake);
    if (result == SECMOD_OK) {
        result = key_use(handshake, handshake->agree_scalar, handshake->agree_point, point, length, shared);
    }
    if (result == SECMOD_OK) {
        memcpy(handshake->other_point, point, length);
        result = session_keys(handshake, shared);
    }
    wipe(shared, sizeof shared);
    return settle(vault, handle, handshake, PACE_AGREED, result);
}

/* ---- tokens ------------------------------------------------------------------------------------------------------------- */

static size_t object_head(uint8_t *out, size_t at, unsigned int tag, size_t length) {
    if (tag > 0xFF) out[at++] = (uint8_t)(tag >> 8);
    out[at++] = (uint8_t)tag;
    if (length >= 0x80) out[at++] = 0x81;
    out[at++] = (uint8_t)length;
    return at;
}

/* The authentication token over one end's public key (TR-03110-3 D.3.4): 7F49 { 06 oid, 86 point }, first half of its CMAC. */
static int token_of(const struct handshake *handshake, const uint8_t *point, uint8_t token[PACE_TOKEN]) {
    uint8_t input[TOKEN_INPUT_MAX], mac[AES_BLOCK];
    const size_t length = curve_point_bytes(handshake->curve);
    const size_t inside = 2 + handshake->oid_length + (length < 0x80 ? 2 : 3) + length;
    size_t at = object_head(input, 0, PUBLIC_KEY_TAG, inside);
    at = object_head(input, at, 0x06, handshake->oid_length);
    memcpy(input + at, handshake->oid, handshake->oid_length);
    at = object_head(input, at + handshake->oid_length, 0x86, length);
    memcpy(input + at, point, length);
    int result = cmac_of(handshake->mac, handshake->key_bytes, input, at + length, mac);
    memcpy(token, mac, PACE_TOKEN);
    wipe(mac, sizeof mac);
    return result;
}

int secmod_pace_token(secmod_vault *vault, uint64_t handle, uint8_t token[PACE_TOKEN]) {
    struct handshake *handshake;
    int result = take(vault, handle, PACE_AGREED, &handshake);
    if (result == SECMOD_OK) result = token_of(handshake, handshake->other_point, token);
    return settle(vault, handle, handshake, PACE_TOKEN_MADE, result);
}

/* The other end's token must be the one over our key; then the session keys are good. */
static int finish(const struct handshake *handshake, const uint8_t *token, struct session *session) {
    static const uint8_t ssc[AES_BLOCK];
    uint8_t expected[PACE_TOKEN];
    int result = token_of(handshake, handshake->agree_point, expected);
    if (result == SECMOD_OK && !ct_reveal(ct_equal(expected, token, PACE_TOKEN))) result = SECMOD_E_MISMATCH;
    wipe(expected, sizeof expected);
    return result == SECMOD_OK ? session_new(handshake->enc, handshake->mac, handshake->key_bytes, ssc, session) : result;
}

int secmod_pace_finish(secmod_vault *vault, uint64_t handle, const uint8_t token[PACE_TOKEN], uint64_t *session) {
    struct handshake *handshake;
    struct secret made = {.kind = SECRET_SESSION};
    int result = take(vault, handle, PACE_TOKEN_MADE, &handshake);
    if (handshake == NULL) return result;
    if (result == SECMOD_OK) result = finish(handshake, token, &made.as.session);
    ERR_pop_to_mark();
    vault_end(vault, handle); /* in any case: it has served, or failed */
    return result == SECMOD_OK ? vault_put(vault, &made, session) : result;
}

/* ---- known-answer tests ------------------------------------------------------------------------------------------------- */

static int inject(struct handshake *handshake, int what, const uint8_t *value, size_t length) {
    const int is_nonce = what == SECMOD_PACE_INJECT_NONCE, is_map = what == SECMOD_PACE_INJECT_MAP;
    if (!is_nonce && !is_map && what != SECMOD_PACE_INJECT_AGREE) return SECMOD_E_ARGUMENT;
    if (length != (is_nonce ? PACE_NONCE : curve_field_bytes(handshake->curve))) return SECMOD_E_ARGUMENT;
    if (!is_nonce && !scalar_in_range(handshake->curve, value)) return SECMOD_E_SCALAR;
    memcpy(is_nonce ? handshake->nonce : is_map ? handshake->map_scalar : handshake->agree_scalar, value, length);
    handshake->injected |= 1U << what;
    return SECMOD_OK;
}

int secmod_pace_inject(secmod_vault *vault, uint64_t handle, int what, const uint8_t *value, size_t length) {
    struct handshake *handshake;
    int result = take(vault, handle, PACE_BEGUN, &handshake);
    if (result == SECMOD_OK) result = inject(handshake, what, value, length);
    return settle(vault, handle, handshake, PACE_BEGUN, result);
}
