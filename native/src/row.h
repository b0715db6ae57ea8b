/* SPDX-License-Identifier: Apache-2.0 */
/* Reading one point of a row by a secret index: all of the row is read. */
#ifndef SECMOD_ROW_H
#define SECMOD_ROW_H

#include "limbs.h"

#define POINT_LIMBS (2 * LIMBS)

/* z := point `index` of `count`, the index in constant time. */
static inline void row_read(limb z[POINT_LIMBS], const limb *row, int count, limb index) {
    limb found[POINT_LIMBS] = {0};
    for (int i = 0; i < count; i++) {
        limb mask = limb_is_zero(index ^ (limb)i);
        for (int j = 0; j < POINT_LIMBS; j++) found[j] |= row[i * POINT_LIMBS + j] & mask;
    }
    memcpy(z, found, sizeof found);
}

#endif
