/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include <string.h>

#include "ct.h"
#include "curve_ops.h"
#include "wipe.h"

/* ---- public keys -------------------------------------------------------------------------------------------------------- */

int public_key_check(const struct curve *curve, const uint8_t *point, size_t length) {
    if (length != curve_point_bytes(curve)) return SECMOD_E_POINT;
    return curve_ops_of(curve)->point_check_vartime(curve, point) ? SECMOD_OK : SECMOD_E_POINT;
}

int secmod_point_check(int curve, const uint8_t *point, size_t length) {
    const struct curve *row = curve_at(curve);
    return row == NULL ? SECMOD_E_ARGUMENT : public_key_check(row, point, length);
}

/* ---- private keys ------------------------------------------------------------------------------------------------------- */

uint32_t scalar_in_range(const struct curve *curve, const uint8_t *scalar) {
    size_t length = curve_field_bytes(curve);
    return ~ct_is_zero(scalar, length) & ct_less(scalar, curve->order, length);
}

/* A slip in one of the two multiplications shows, and so does a damaged constant in both, for it leads off the curve. */
int private_key_check(struct private_key *key, const uint8_t *again) {
    ct_publish(key->point, sizeof key->point);
    ct_publish(again, curve_point_bytes(key->curve));
    if (memcmp(again, key->point, curve_point_bytes(key->curve)) == 0 &&
        curve_ops_of(key->curve)->point_check_vartime(key->curve, key->point)) {
        return SECMOD_OK;
    }
    private_key_wipe(key);
    return SECMOD_E_LIBRARY;
}

int private_key_new(const struct curve *curve, const uint8_t *scalar, struct private_key *key) {
    uint8_t again[SECMOD_MAX_POINT];
    memset(key, 0, sizeof *key);
    if (!ct_reveal(scalar_in_range(curve, scalar))) return SECMOD_E_SCALAR; /* whether a scalar is refused is public */
    key->curve = curve;
    memcpy(key->scalar, scalar, curve_field_bytes(curve));
    (void)curve_ops_of(curve)->base_mul(curve, scalar, key->point);
    (void)curve_ops_of(curve)->base_mul(curve, key->scalar, again);
    return private_key_check(key, again);
}

void private_key_wipe(struct private_key *key) {
    for (int i = 0; i < KEY_HMACS; i++) EVP_MAC_CTX_free(key->hmac[i]); /* libcrypto clears what they hold */
    wipe(key, sizeof *key);
}
