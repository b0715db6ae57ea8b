/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of LIMBS words of 64 bits, the lowest first, and arithmetic modulo an odd m with its highest bit set.
 *
 * Everything below is constant time in the words.  x, y < m unless said otherwise; z may alias any operand.  Montgomery form of x
 * is x * R mod m with R = 2^(64 * LIMBS).  The includer sets LIMBS (4, 6 or 8) and, for CPUs with BMI2 and ADX, CORE_ADX. */
#ifndef SECMOD_LIMBS_H
#define SECMOD_LIMBS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef LIMBS
#error "LIMBS is the number of words of an element"
#endif
#define ELEMENT_BYTES ((size_t)8 * LIMBS)

/* For what is called from many places: a copy in each would fill the instruction cache, and a compiler's time. */
#define OUT_OF_LINE __attribute__((noinline, unused))

typedef uint64_t limb;
typedef unsigned __int128 limb2;

typedef struct {
    limb m[LIMBS];   /* odd, above R / 2 */
    limb one[LIMBS]; /* R mod m */
    limb r2[LIMBS];  /* R^2 mod m */
    limb n0;         /* -1 / m mod 2^64 */
} modulus;

/* The value itself, in a way that the compiler can not see through (see ct.h). */
static inline limb limb_barrier(limb value) {
    __asm__("" : "+r"(value));
    return value;
}

/* All ones if `bit` is 1, zero if it is 0. */
static inline limb limb_mask(limb bit) { return 0U - limb_barrier(bit); }

/* All ones if the word is zero. */
static inline limb limb_is_zero(limb word) { return limb_mask(1U ^ ((word | (0U - word)) >> 63)); }

static inline limb limbs_is_zero(const limb x[LIMBS]) {
    limb seen = 0;
    for (int i = 0; i < LIMBS; i++) seen |= x[i];
    return limb_is_zero(seen);
}

static inline limb limbs_equal(const limb x[LIMBS], const limb y[LIMBS]) {
    limb difference = 0;
    for (int i = 0; i < LIMBS; i++) difference |= x[i] ^ y[i];
    return limb_is_zero(difference);
}

static inline void limbs_copy(limb z[LIMBS], const limb x[LIMBS]) { memcpy(z, x, ELEMENT_BYTES); }

/* z := mask ? x : y. */
static inline void limbs_select(limb mask, limb z[LIMBS], const limb x[LIMBS], const limb y[LIMBS]) {
    for (int i = 0; i < LIMBS; i++) z[i] = y[i] ^ (mask & (x[i] ^ y[i]));
}

/* Carries are comparisons of words: the compilers' overflow builtins branch at -O0. */

/* z := x + y mod R, any x and y; the carry, 0 or 1: x + y + carry < 2^65, so not both additions of a word overflow. */
static inline limb limbs_add(limb z[LIMBS], const limb x[LIMBS], const limb y[LIMBS]) {
    limb carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        limb first = x[i] + carry, sum = first + y[i];
        carry = (limb)(first < carry) | (limb)(sum < first);
        z[i] = sum;
    }
    return carry;
}

/* z := x - y mod R, any x and y; the borrow, 0 or 1. */
static inline limb limbs_sub(limb z[LIMBS], const limb x[LIMBS], const limb y[LIMBS]) {
    limb borrow = 0;
    for (int i = 0; i < LIMBS; i++) {
        limb first = x[i] - y[i], difference = first - borrow;
        borrow = (limb)(x[i] < y[i]) | (limb)(first < borrow);
        z[i] = difference;
    }
    return borrow;
}

/* All ones if x < y, any x and y. */
static inline limb limbs_less(const limb x[LIMBS], const limb y[LIMBS]) {
    limb unused[LIMBS];
    return limb_mask(limbs_sub(unused, x, y));
}

/* z := x + carry * R, reduced once; below 2m comes in, below m goes out. */
static inline void mod_reduce_once(const modulus *m, limb z[LIMBS], const limb x[LIMBS], limb carry) {
    limb less[LIMBS];
    limb borrow = limbs_sub(less, x, m->m);
    limbs_select(limb_mask(borrow & (carry ^ 1)), z, x, less);
}

static inline void bytes_to_limbs(limb z[LIMBS], const uint8_t bytes[ELEMENT_BYTES]) {
    for (int i = 0; i < LIMBS; i++) {
        limb word = 0;
        for (int j = 0; j < 8; j++) word = word << 8 | bytes[8 * (LIMBS - 1 - i) + j];
        z[i] = word;
    }
}

static inline void bytes_from_limbs(uint8_t bytes[ELEMENT_BYTES], const limb x[LIMBS]) {
    for (int i = 0; i < LIMBS; i++) {
        for (int j = 0; j < 8; j++) bytes[8 * (LIMBS - 1 - i) + j] = (uint8_t)(x[i] >> (56 - 8 * j));
    }
}

#ifdef CORE_ADX
#include "adx.h"
#define mod_add(m, z, x, y) adx_add(z, x, y, m)
#define mod_sub(m, z, x, y) adx_sub(z, x, y, m)
#define mont_mul(m, z, x, y) adx_mul(z, x, y, m)
#define mont_mul_add(m, z, x, y, v, w) adx_mul_add(z, x, y, v, w, m)
#define mont_sqr(m, z, x) adx_sqr(z, x, m)
#else

static inline void mod_add(const modulus *m, limb z[LIMBS], const limb x[LIMBS], const limb y[LIMBS]) {
    limb sum[LIMBS];
    limb carry = limbs_add(sum, x, y);
    mod_reduce_once(m, z, sum, carry);
}

static inline void mod_sub(const modulus *m, limb z[LIMBS], const limb x[LIMBS], const limb y[LIMBS]) {
    limb difference[LIMBS], back[LIMBS];
    limb mask = limb_mask(limbs_sub(difference, x, y));
    for (int i = 0; i < LIMBS; i++) back[i] = m->m[i] & mask;
    (void)limbs_add(z, difference, back); /* the carry undoes the borrow */
}

#define UNROLL _Pragma("GCC unroll 8")

/* x * y + a + b, at most (2^64 - 1)^2 + 2 (2^64 - 1) = 2^128 - 1. */
static inline limb2 limb_mul_add(limb x, limb y, limb a, limb b) { return (limb2)x * y + a + b; }

/* z := x * y / R mod m, for x * y < R * m.
 *
 * Each row adds x_i * y and the multiple q * m that makes the lowest word zero, and drops that word.  Before it t is below 2m, by
 * induction: (t + x_i * y + q * m) / 2^64 < (2m + (2^64 - 1) * (y + m)) / 2^64 < 2m for y <= m.  So t[LIMBS] is 0 or 1. */
static OUT_OF_LINE void mont_mul(const modulus *m, limb z[LIMBS], const limb x[LIMBS], const limb y[LIMBS]) {
    limb t[LIMBS + 1] = {0};
    UNROLL for (int i = 0; i < LIMBS; i++) {
        limb2 product = limb_mul_add(x[i], y[0], t[0], 0);
        limb q = (limb)product * m->n0;
        limb2 reduced = limb_mul_add(q, m->m[0], (limb)product, 0);
        UNROLL for (int j = 1; j < LIMBS; j++) {
            product = limb_mul_add(x[i], y[j], t[j], (limb)(product >> 64));
            reduced = limb_mul_add(q, m->m[j], (limb)product, (limb)(reduced >> 64));
            t[j - 1] = (limb)reduced;
        }
        limb2 top = (limb2)t[LIMBS] + (limb)(product >> 64) + (limb)(reduced >> 64);
        t[LIMBS - 1] = (limb)top;
        t[LIMBS] = (limb)(top >> 64);
    }
    mod_reduce_once(m, z, t, t[LIMBS]);
}

/* z := (x * y + v * w) / R mod m: one reduction for two products.  As above, with t below 3m, so that t[LIMBS] is at most 2: each row
 * makes it less than (3m + (2^64 - 1) * 3m) / 2^64. */
static OUT_OF_LINE void mont_mul_add(const modulus *m, limb z[LIMBS], const limb x[LIMBS], const limb y[LIMBS], const limb v[LIMBS],
                                     const limb w[LIMBS]) {
#if LIMBS > 6 /* the registers do not reach: gcc makes two products faster */
    limb t[LIMBS];
    mont_mul(m, t, x, y);
    mont_mul(m, z, v, w);
    mod_add(m, z, z, t);
#else
    limb t[LIMBS + 1] = {0};
    UNROLL for (int i = 0; i < LIMBS; i++) {
        limb2 first = limb_mul_add(x[i], y[0], t[0], 0);
        limb2 second = limb_mul_add(v[i], w[0], (limb)first, 0);
        limb q = (limb)second * m->n0;
        limb2 reduced = limb_mul_add(q, m->m[0], (limb)second, 0);
        UNROLL for (int j = 1; j < LIMBS; j++) {
            first = limb_mul_add(x[i], y[j], t[j], (limb)(first >> 64));
            second = limb_mul_add(v[i], w[j], (limb)first, (limb)(second >> 64));
            reduced = limb_mul_add(q, m->m[j], (limb)second, (limb)(reduced >> 64));
            t[j - 1] = (limb)reduced;
        }
        limb2 top = (limb2)t[LIMBS] + (limb)(first >> 64) + (limb)(second >> 64) + (limb)(reduced >> 64);
        t[LIMBS - 1] = (limb)top;
        t[LIMBS] = (limb)(top >> 64);
    }
    limb less[LIMBS];
    limb borrow = limbs_sub(less, t, m->m);
    limb below = borrow & limb_is_zero(t[LIMBS]); /* m, already */
    limbs_select(limb_mask(below), t, t, less);
    mod_reduce_once(m, z, t, t[LIMBS] - (borrow ^ below));
#endif
}

/* The same for x * x: products of different limbs once, then doubled with the squares added, then the lower half reduced, row by
 * row, to (half + q * m) / 2^64 < R; the upper half, below m, is added last. */
static OUT_OF_LINE void mont_sqr(const modulus *m, limb z[LIMBS], const limb x[LIMBS]) {
    limb cross[2 * LIMBS], t[2 * LIMBS], before = 0, carry = 0;
    cross[0] = cross[2 * LIMBS - 1] = 0;
    for (int j = 1; j < LIMBS; j++) cross[j] = 0;
    UNROLL for (int i = 0; i + 1 < LIMBS; i++) {
        carry = 0;
        UNROLL for (int j = i + 1; j < LIMBS; j++) {
            limb2 sum = limb_mul_add(x[i], x[j], cross[i + j], carry);
            cross[i + j] = (limb)sum;
            carry = (limb)(sum >> 64);
        }
        cross[i + LIMBS] = carry;
    }
    carry = 0;
    UNROLL for (int i = 0; i < LIMBS; i++) {
        limb2 sum = limb_mul_add(x[i], x[i], cross[2 * i] << 1 | before >> 63, carry);
        t[2 * i] = (limb)sum;
        sum = (limb2)(cross[2 * i + 1] << 1 | cross[2 * i] >> 63) + (limb)(sum >> 64);
        t[2 * i + 1] = (limb)sum;
        carry = (limb)(sum >> 64);
        before = cross[2 * i + 1];
    }
    UNROLL for (int i = 0; i < LIMBS; i++) {
        limb q = t[0] * m->n0;
        limb2 sum = limb_mul_add(q, m->m[0], t[0], 0);
        UNROLL for (int j = 1; j < LIMBS; j++) {
            sum = limb_mul_add(q, m->m[j], t[j], (limb)(sum >> 64));
            t[j - 1] = (limb)sum;
        }
        t[LIMBS - 1] = (limb)(sum >> 64);
    }
    carry = limbs_add(t, t, t + LIMBS);
    mod_reduce_once(m, z, t, carry);
}
#endif

static inline void mod_neg(const modulus *m, limb z[LIMBS], const limb x[LIMBS]) {
    static const limb zero[LIMBS] = {0};
    mod_sub(m, z, zero, x);
}

/* z := x / 2: x or x + m is even; a sum is below 2m, and its carry the highest bit of the half. */
static inline void mod_half(const modulus *m, limb z[LIMBS], const limb x[LIMBS]) {
    limb sum[LIMBS], odd = limb_mask(x[0] & 1);
    for (int i = 0; i < LIMBS; i++) sum[i] = m->m[i] & odd;
    limb carry = limbs_add(sum, sum, x);
    for (int i = 0; i + 1 < LIMBS; i++) z[i] = sum[i] >> 1 | sum[i + 1] << 63;
    z[LIMBS - 1] = sum[LIMBS - 1] >> 1 | carry << 63;
}

/* Montgomery form and back. */
static inline void mont_from_plain(const modulus *m, limb z[LIMBS], const limb x[LIMBS]) { mont_mul(m, z, x, m->r2); }
static inline void mont_to_plain(const modulus *m, limb z[LIMBS], const limb x[LIMBS]) {
    static const limb one[LIMBS] = {1};
    mont_mul(m, z, x, one);
}

#endif
