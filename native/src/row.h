/* SPDX-License-Identifier: Apache-2.0 */
/* Reading one point of a row by a secret index: all of the row is read. */
#ifndef SECMOD_ROW_H
#define SECMOD_ROW_H

#include "limbs.h"

#define POINT_LIMBS (2 * LIMBS)

/* z := point `index` of `count`, the index in constant time. */
#ifdef CORE_ADX
#include <immintrin.h>

#define POINT_VECTORS (POINT_LIMBS / 4)

__attribute__((target("avx2"))) static OUT_OF_LINE void row_read(limb z[POINT_LIMBS], const limb *row, int count, limb index) {
    __m256i found[POINT_VECTORS], wanted = _mm256_set1_epi64x((long long)index), at = _mm256_setzero_si256();
    const __m256i one = _mm256_set1_epi64x(1);
    for (int j = 0; j < POINT_VECTORS; j++) found[j] = _mm256_setzero_si256();
    for (int i = 0; i < count; i++) {
        __m256i mask = _mm256_cmpeq_epi64(at, wanted);
        at = _mm256_add_epi64(at, one);
        for (int j = 0; j < POINT_VECTORS; j++) {
            __m256i part = _mm256_loadu_si256((const __m256i *)(const void *)(row + i * POINT_LIMBS + 4 * j));
            found[j] = _mm256_or_si256(found[j], _mm256_and_si256(mask, part));
        }
    }
    for (int j = 0; j < POINT_VECTORS; j++) _mm256_storeu_si256((__m256i *)(void *)(z + 4 * j), found[j]);
}

#else

static inline void row_read(limb z[POINT_LIMBS], const limb *row, int count, limb index) {
    limb found[POINT_LIMBS] = {0};
    for (int i = 0; i < count; i++) {
        limb mask = limb_is_zero(index ^ (limb)i);
        for (int j = 0; j < POINT_LIMBS; j++) found[j] |= row[i * POINT_LIMBS + j] & mask;
    }
    memcpy(z, found, sizeof found);
}
#endif

#endif
