/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of the field, mod p, in Montgomery form and always below p.  Constant time. */
#ifndef SECMOD_FIELD_H
#define SECMOD_FIELD_H

#include "limbs.h"

typedef modulus field;
typedef limb fe[LIMBS];

static inline void fe_mul(const field *f, fe z, const fe x, const fe y) { mont_mul(f, z, x, y); }
static inline void fe_sqr(const field *f, fe z, const fe x) { mont_sqr(f, z, x); }
static inline void fe_mul_add(const field *f, fe z, const fe x, const fe y, const fe v, const fe w) { mont_mul_add(f, z, x, y, v, w); }
static inline void fe_add(const field *f, fe z, const fe x, const fe y) { mod_add(f, z, x, y); }
static inline void fe_sub(const field *f, fe z, const fe x, const fe y) { mod_sub(f, z, x, y); }
static inline void fe_neg(const field *f, fe z, const fe x) { mod_neg(f, z, x); }
static inline void fe_half(const field *f, fe z, const fe x) { mod_half(f, z, x); }
static inline void fe_select(limb mask, fe z, const fe x, const fe y) { limbs_select(mask, z, x, y); }
static inline void fe_copy(fe z, const fe x) { limbs_copy(z, x); }
static inline limb fe_is_zero(const fe x) { return limbs_is_zero(x); }
static inline limb fe_equal(const fe x, const fe y) { return limbs_equal(x, y); }

/* From big-endian bytes.  All ones if they are below p; else z is not an element. */
static inline limb fe_from_bytes(const field *f, fe z, const uint8_t bytes[ELEMENT_BYTES]) {
    limb plain[LIMBS];
    bytes_to_limbs(plain, bytes);
    limb below = limbs_less(plain, f->m);
    mont_from_plain(f, z, plain);
    return below;
}

static inline void fe_to_bytes(const field *f, uint8_t bytes[ELEMENT_BYTES], const fe x) {
    limb plain[LIMBS];
    mont_to_plain(f, plain, x);
    bytes_from_limbs(bytes, plain);
}

#endif
