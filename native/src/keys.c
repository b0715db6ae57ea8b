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

void scalar_negate(const struct curve *curve, const uint8_t *x, uint8_t *z) {
    uint32_t borrow = 0;
    for (size_t i = curve_field_bytes(curve); i-- > 0;) {
        const uint32_t difference = (uint32_t)curve->order[i] - x[i] - borrow;
        z[i] = (uint8_t)difference;
        borrow = difference >> 31;
    }
}

int private_key_whole(const struct private_key *key) {
    uint8_t again[SECMOD_MAX_FIELD];
    scalar_negate(key->curve, key->negative, again);
    const ct_mask same = ct_equal(again, key->scalar, curve_field_bytes(key->curve));
    wipe(again, sizeof again);
    return ct_reveal(same) ? SECMOD_OK : SECMOD_E_FAULT;
}

void private_key_begin(const struct curve *curve, const uint8_t *scalar, struct private_key *key) {
    memset(key, 0, sizeof *key);
    key->curve = curve;
    memcpy(key->scalar, scalar, curve_field_bytes(curve));
    scalar_negate(curve, scalar, key->negative);
}

int private_key_check(struct private_key *key, int good) {
    ct_publish(key->point, sizeof key->point);
    if (ct_reveal((ct_mask)good) && private_key_whole(key) == SECMOD_OK) return SECMOD_OK;
    private_key_wipe(key);
    return SECMOD_E_FAULT;
}

int private_key_new(const struct curve *curve, const uint8_t *scalar, struct private_key *key) {
    const struct curve_ops *ops = curve_ops_of(curve);
    memset(key, 0, sizeof *key);
    if (!ct_reveal(scalar_in_range(curve, scalar))) return SECMOD_E_SCALAR; /* whether a scalar is refused is public */
    private_key_begin(curve, scalar, key);
    return private_key_check(key, ops->base_mul_checked(curve, key->scalar, key->point));
}

void private_key_wipe(struct private_key *key) { wipe(key, sizeof *key); }
