/* SPDX-License-Identifier: Apache-2.0 */
/* Scalars, mod n, below n.  Plain unless said otherwise.  Constant time. */
#ifndef SECMOD_SCALAR_H
#define SECMOD_SCALAR_H

#include "limbs.h"

typedef limb sc[LIMBS];

/* From big-endian bytes.  All ones if they are in [1, n - 1]. */
static inline limb sc_from_bytes(const modulus *n, sc z, const uint8_t bytes[ELEMENT_BYTES]) {
    bytes_to_limbs(z, bytes);
    return limbs_less(z, n->m) & ~limbs_is_zero(z);
}

/* z := x mod n, for x < 2^(64 * LIMBS), which is below 2n. */
static inline void sc_reduce(const modulus *n, sc z, const limb x[LIMBS]) { mod_reduce_once(n, z, x, 0); }

/* The leftmost bits of a hash as a number mod n (TR-03111 4.2.1); a hash shorter than n is taken as it is.  The length is public. */
static inline void sc_from_hash(const modulus *n, sc z, const uint8_t *hash, size_t length) {
    uint8_t bytes[ELEMENT_BYTES] = {0};
    limb number[LIMBS];
    if (length > ELEMENT_BYTES) length = ELEMENT_BYTES;
    memcpy(bytes + ELEMENT_BYTES - length, hash, length);
    bytes_to_limbs(number, bytes);
    sc_reduce(n, z, number);
}

/* z := x * y, where y is in Montgomery form. */
static inline void sc_mul(const modulus *n, sc z, const sc x, const sc y_montgomery) { mont_mul(n, z, x, y_montgomery); }

/* z := x if x is odd, else n - x, which then is odd; all ones if it is the negative.  0 becomes n. */
static inline limb sc_odd_or_negative(const modulus *n, limb z[LIMBS], const sc x) {
    limb negative[LIMBS];
    limb even = limb_mask((x[0] & 1) ^ 1);
    (void)limbs_sub(negative, n->m, x);
    limbs_select(even, z, negative, x);
    return even;
}

#endif
