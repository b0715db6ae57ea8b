/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of one width (LIMBS, CORE_ADX): its curves, numbers on the edge and random ones, and libcrypto's integers. */
#ifndef SECMOD_TESTS_NUMBERS_H
#define SECMOD_TESTS_NUMBERS_H

#include <openssl/bn.h>

#include "check.h"
#include "curve_ops.h"
#include "domain.h"
#include "paths.h"

/* Under memcheck, a part of what else is all. */
#define THIN (RUNNING_SLOWLY ? 8 : 1)

static const struct domain domains[] = {DOMAIN_ROWS};
#define DOMAINS (sizeof domains / sizeof domains[0])

/* 0 if this CPU can not run what is tested. */
static inline int runnable(void) {
#ifdef CORE_ADX
    return curve_ops_of_path(curve_at(domains[0].number), "adx") != NULL;
#else
    return 1;
#endif
}

static inline limb random_limb(void) { /* xorshift: the same in every run */
    static limb state = 0x9E3779B97F4A7C15U;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static inline void bn_from_limbs(BIGNUM *z, const limb x[LIMBS]) { BN_lebin2bn((const uint8_t *)x, (int)ELEMENT_BYTES, z); }
static inline void bn_to_limbs(limb z[LIMBS], const BIGNUM *x) { CHECK(BN_bn2lebinpad(x, (uint8_t *)z, (int)ELEMENT_BYTES) > 0); }

/* Numbers below R: around 0, m and R, halves and powers, words of zeroes and ones, and random ones of them. */
#define NUMBERS 96
static inline void numbers_fill(limb numbers[NUMBERS][LIMBS], const limb m[LIMBS]) {
    memset(numbers, 0, sizeof(limb[NUMBERS][LIMBS]));
    int count = 0;
    for (limb i = 0; i < 4; i++) {
        limb small[LIMBS] = {i};
        limbs_copy(numbers[count++], small);
        (void)limbs_sub(numbers[count++], m, small);
        (void)limbs_add(numbers[count++], m, small);
        for (int j = 0; j < LIMBS; j++) numbers[count][j] = UINT64_MAX;
        numbers[count++][0] -= i;
    }
    for (int j = 0; j < LIMBS; j++) {
        numbers[count++][j] = 1;
        numbers[count++][j] = UINT64_MAX;
        numbers[count++][j] = (limb)1 << 63;
        limbs_copy(numbers[count], m);
        numbers[count++][j] = 0;
        limbs_copy(numbers[count], m);
        if (j + 1 < LIMBS) numbers[count][j] = UINT64_MAX;
        numbers[count++][LIMBS - 1] -= 1;
    }
    for (int j = 0; j < LIMBS; j++) numbers[count][j] = m[j] >> 1 | (j + 1 < LIMBS ? m[j + 1] << 63 : 0);
    limb one[LIMBS] = {1};
    (void)limbs_add(numbers[count + 1], numbers[count], one);
    count += 2;
    while (count < NUMBERS) {
        limb kind = random_limb();
        for (int j = 0; j < LIMBS; j++) { /* a third of the words random, the others all zero or all one */
            numbers[count][j] = kind >> 2 * j & 2 ? random_limb() : 0U - (kind >> 2 * j & 1);
        }
        count++;
    }
}

/* The same, below m. */
static inline void elements_fill(limb numbers[NUMBERS][LIMBS], const limb m[LIMBS]) {
    numbers_fill(numbers, m);
    for (int i = 0; i < NUMBERS; i++) {
        if (!limbs_less(numbers[i], m)) (void)limbs_sub(numbers[i], numbers[i], m);
    }
}

#endif
