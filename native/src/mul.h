/* SPDX-License-Identifier: Apache-2.0 */
/* Multiplication of points, one function for each kind.
 *
 * All of them write an odd k < R as a sum of d_i * 2^(w i), where every d_i is odd and |d_i| < 2^w: no digit is zero, so nothing
 * is skipped and hardly any addition can meet an exception.  With k' = (k - 1) / 2 + 2^(w m - 1) for m windows, d_i is 2 c_i + 1 - 2^w,
 * where c_i are the w bits of k' at w i; for even k the negative, n - k, is taken.  A row of 2^(w - 1) points holds P, 3P, 5P .. for a P.
 *
 * A comb holds such a row for each 2^(w i) P, and its sum needs no doublings. */
#ifndef SECMOD_MUL_H
#define SECMOD_MUL_H

#include "domain.h"
#include "fault.h"
#include "inverse.h"
#include "point.h"
#include "row.h"
#include "scalar.h"
#include "wipe.h"

#define WINDOWS(w) ((64 * LIMBS + (w)-1) / (w))
#define ROW(w) (1 << ((w)-1)) /* points in a row */
#define MUL_WINDOW 5          /* of a secret multiple of any point: 16 points, made affine with one inversion */
#define KEPT_WINDOW 4         /* of the comb of a public key: 8 points a row */
#define NAF_WINDOW 5          /* of a public multiple of any point: digits to 15, 8 points */
#define NAF_ROW ROW(NAF_WINDOW - 1)

struct digits {
    limb words[LIMBS + 1];
};

struct kept_table {
    affine rows[WINDOWS(KEPT_WINDOW)][ROW(KEPT_WINDOW)];
};

/* Of an odd k. */
static inline void digits_of(struct digits *z, int window, const limb k[LIMBS]) {
    for (int i = 0; i < LIMBS; i++) z->words[i] = k[i] >> 1 | (i + 1 < LIMBS ? k[i + 1] << 63 : 0);
    z->words[LIMBS] = 0;
    int top = window * WINDOWS(window) - 1;
    z->words[top / 64] |= (limb)1 << top % 64;
}

/* Digit i as the index of a row; *negative is all ones if it is below zero. */
static inline limb digit_index(const struct digits *k, int window, int i, limb *negative) {
    int bit = window * i;
    limb bits = k->words[bit / 64] >> bit % 64;
    if (bit % 64 + window > 64) bits |= k->words[bit / 64 + 1] << (64 - bit % 64);
    *negative = limb_mask(1 ^ (bits >> (window - 1) & 1));
    return (bits ^ *negative) & (limb)(ROW(window) - 1);
}

/* z := the point of digit i of k, with the sign of the digit, or its opposite if `flip`. */
static OUT_OF_LINE void digit_point(const field *f, affine *z, const affine *row, int window, const struct digits *k, int i, limb flip) {
    limb negative;
    limb index = digit_index(k, window, i, &negative);
    row_read((limb *)z, (const limb *)row, ROW(window), index);
    pt_negate_if(f, negative ^ flip, z);
}

/* ---- to affine ---------------------------------------------------------------------------------------------------------- */

static inline void fe_inv(const field *f, fe z, const fe x) { mod_inv(f, z, x, f->r2); }

/* z := p, (0, 0) for infinity. */
static inline void xt_to_affine(const field *f, affine *z, const extended *p) {
    fe inverse, t;
    fe_inv(f, inverse, p->zzz);
    fe_mul(f, t, inverse, p->zz); /* 1 / Z */
    fe_sqr(f, t, t);
    fe_mul(f, z->x, p->x, t);
    fe_mul(f, z->y, p->y, inverse);
}

static inline void pt_to_affine(const field *f, affine *z, const jacobian *p) {
    fe inverse, t;
    fe_inv(f, inverse, p->z);
    fe_sqr(f, t, inverse);
    fe_mul(f, z->x, p->x, t);
    fe_mul(f, t, t, inverse);
    fe_mul(f, z->y, p->y, t);
}

/* row := q, 3q, 5q .. up to `count` points, but of all except the first the x and y over 1 / Z, with Z / Z of the point before (of the
 * second: Z itself) in `ratios`.
 *
 * 2q = (X, Y, Z) is affine, and q is (x Z^2, y Z^3), on the curve with a = -3 Z^4; the addition does not use a.  Z of the sums, times this
 * one Z, is what they have on the first curve.  No exception: the order of q is above 2 * count. */
static OUT_OF_LINE void row_make_ratios(const field *f, affine *row, fe *ratios, const affine *q, int count) {
    jacobian twice, sum;
    affine step;
    fe ratio, t;
    pt_from_affine(f, &twice, q);
    pt_double(f, &twice, &twice);
    fe_copy(step.x, twice.x);
    fe_copy(step.y, twice.y);
    row[0] = *q;
    fe_sqr(f, t, twice.z);
    fe_mul(f, sum.x, q->x, t);
    fe_mul(f, t, t, twice.z);
    fe_mul(f, sum.y, q->y, t);
    fe_copy(sum.z, f->one);
    for (int i = 1; i < count; i++) {
        (void)pt_add_affine_ratio(f, &sum, &sum, &step, ratio);
        fe_copy(row[i].x, sum.x);
        fe_copy(row[i].y, sum.y);
        fe_copy(ratios[i], ratio);
    }
    fe_mul(f, ratios[1], ratios[1], twice.z);
    fe_mul(f, ratios[0], sum.z, twice.z); /* of the last point: Z */
}

/* Makes such a row affine, given 1 / Z of its last point. */
static OUT_OF_LINE void row_normalise(const field *f, affine *row, fe *ratios, const fe last_inverse, int count) {
    fe inverse, t;
    fe_copy(inverse, last_inverse);
    for (int i = count - 1; i > 0; i--) {
        fe_sqr(f, t, inverse);
        fe_mul(f, row[i].x, row[i].x, t);
        fe_mul(f, t, t, inverse);
        fe_mul(f, row[i].y, row[i].y, t);
        fe_mul(f, inverse, inverse, ratios[i]);
    }
}

/* row := q, 3q, 5q .. */
static OUT_OF_LINE void row_make(const field *f, affine *row, const affine *q, int count) {
    fe ratios[ROW(MUL_WINDOW)], inverse;
    row_make_ratios(f, row, ratios, q, count);
    fe_inv(f, inverse, ratios[0]);
    row_normalise(f, row, ratios, inverse, count);
}

/* ---- secret multiples --------------------------------------------------------------------------------------------------- */

/* z := k G for k < n, infinity for 0.  Constant time.
 *
 * Before digit i is added the sum s is odd and |s| < 2^(w i) <= |d_i| 2^(w i), so both points are different, not opposite and not infinity,
 * as long as |s| + |d_i| 2^(w i) < 2^(w (i + 1)) is below n.  Only the last digit's may be more, and is added completely. */
static OUT_OF_LINE void base_mul(const struct domain *c, extended *z, const sc k) {
    const affine *comb = (const affine *)c->comb;
    const field *f = &c->p;
    const int last = WINDOWS(COMB_WINDOW) - 1;
    struct digits digits;
    limb odd[LIMBS];
    affine point;
    limb negative = sc_odd_or_negative(&c->n, odd, k);
    digits_of(&digits, COMB_WINDOW, odd);
    FAULT(FAULT_DIGITS, digits);
    digit_point(f, &point, comb, COMB_WINDOW, &digits, 0, negative);
    xt_from_affine(f, z, &point);
    for (int i = 1; i < last; i++) {
        digit_point(f, &point, comb + i * ROW(COMB_WINDOW), COMB_WINDOW, &digits, i, negative);
        FAULT(FAULT_READ, point);
        (void)xt_add_affine(f, z, z, &point);
        FAULT(FAULT_SUM, *z);
    }
    digit_point(f, &point, comb + last * ROW(COMB_WINDOW), COMB_WINDOW, &digits, last, negative);
    xt_add_affine_complete(f, z, z, &point);
    wipe(&digits, sizeof digits);
    wipe(odd, sizeof odd);
    wipe(&point, sizeof point);
}

/* z := k q for k < n, infinity for 0.  Constant time.
 *
 * Before digit i is added the sum is 2^w s q with s odd and 2^w <= 2^w s, above |d_i|; below n the two points are different and
 * not opposite.  Only the last addition can go beyond n (k = n - 2 (n mod 2^w) does) and is complete.
 *
 * Returns all ones if each digit and each point of the row were the same when read once more. */
static OUT_OF_LINE limb point_mul(const struct domain *c, jacobian *z, const sc k, const affine *q) {
    const field *f = &c->p;
    struct digits digits, again;
    limb odd[LIMBS], same = limb_mask(1);
    affine row[ROW(MUL_WINDOW)], point, second;
    limb negative = sc_odd_or_negative(&c->n, odd, k);
    digits_of(&digits, MUL_WINDOW, odd);
    limb negative_again = sc_odd_or_negative(&c->n, odd, k);
    digits_of(&again, MUL_WINDOW, odd);
    FAULT(FAULT_DIGITS, digits);
    row_make(f, row, q, ROW(MUL_WINDOW));
    FAULT(FAULT_ROW, row);
    for (int i = WINDOWS(MUL_WINDOW) - 1; i >= 0; i--) {
        digit_point(f, &point, row, MUL_WINDOW, &digits, i, negative);
        FAULT(FAULT_READ, point);
        digit_point(f, &second, row, MUL_WINDOW, &again, i, negative_again);
        same &= fe_equal(point.x, second.x) & fe_equal(point.y, second.y);
        if (i == WINDOWS(MUL_WINDOW) - 1) { /* public, as below */
            pt_from_affine(f, z, &point);
            continue;
        }
        for (int j = 0; j < MUL_WINDOW; j++) pt_double(f, z, z);
        if (i > 0) {
            (void)pt_add_affine(f, z, z, &point);
        } else {
            pt_add_affine_complete(f, z, z, &point);
        }
        FAULT(FAULT_SUM, *z);
    }
    wipe(&digits, sizeof digits);
    wipe(&again, sizeof again);
    wipe(odd, sizeof odd);
    wipe(&point, sizeof point);
    wipe(&second, sizeof second);
    return same;
}

/* ---- public multiples --------------------------------------------------------------------------------------------------- */

/* z := z + q, complete. */
static inline void pt_add_vartime(const field *f, jacobian *z, const affine *q) {
    if (fe_is_zero(z->z)) {
        pt_from_affine(f, z, q);
    } else if (pt_add_affine(f, z, z, q)) {
        pt_from_affine(f, z, q);
        pt_double(f, z, z);
    }
}

static inline void xt_add_vartime(const field *f, extended *z, const affine *q) {
    if (fe_is_zero(z->zz)) {
        xt_from_affine(f, z, q);
    } else if (xt_add_affine(f, z, z, q)) {
        xt_double_affine(f, z, q);
    }
}

/* z := z + k P for a comb of P, k < n. */
static OUT_OF_LINE void comb_add_vartime(const struct domain *c, extended *z, const affine *comb, int window, const sc k) {
    struct digits digits;
    limb odd[LIMBS];
    affine point;
    if (limbs_is_zero(k)) return;
    limb flip = sc_odd_or_negative(&c->n, odd, k);
    digits_of(&digits, window, odd);
    for (int i = 0; i < WINDOWS(window); i++) {
        limb negative;
        limb index = digit_index(&digits, window, i, &negative);
        point = comb[i * ROW(window) + (int)index];
        if (negative ^ flip) fe_neg(&c->p, point.y, point.y);
        xt_add_vartime(&c->p, z, &point);
    }
}

/* Digits of k, each 0 or odd and of magnitude below 2^(window - 1), at least window - 1 zeroes after each other one; the place of the
 * highest plus one. */
static inline int naf_digits_vartime(int8_t digits[64 * LIMBS + 1], int window, const sc k) {
    limb rest[LIMBS + 1];
    int length = 0, bit = 0, carry = 0; /* the carry is that of a negative digit, at `bit` */
    memcpy(rest, k, ELEMENT_BYTES);
    rest[LIMBS] = 0;
    memset(digits, 0, 64 * LIMBS + 1);
    while (bit <= 64 * LIMBS) {
        limb bits = rest[bit / 64] >> bit % 64;
        if ((int)(bits & 1) == carry) {
            bit++;
            continue;
        }
        if (bit % 64 + window > 64 && bit / 64 < LIMBS) bits |= rest[bit / 64 + 1] << (64 - bit % 64);
        int digit = (int)(bits & ((1U << window) - 1)) + carry;
        carry = digit >> (window - 1);
        digits[bit] = (int8_t)(digit - carry * (1 << window));
        length = bit + 1;
        bit += window;
    }
    return length;
}

/* z := z + digit * P, for the row of P. */
static inline void naf_add_vartime(const field *f, jacobian *z, const affine *row, int digit) {
    affine point = row[(digit < 0 ? -digit : digit) / 2];
    if (digit < 0) fe_neg(f, point.y, point.y);
    pt_add_vartime(f, z, &point);
}

/* z := a G + b Q for a, b < n, and the row of Q with 2^(NAF_WINDOW - 2) points.  The first row of the comb is one of G. */
static OUT_OF_LINE void double_mul_vartime(const struct domain *c, jacobian *z, const sc a, const sc b, const affine *row) {
    int8_t of_g[64 * LIMBS + 1], of_q[64 * LIMBS + 1];
    int length = naf_digits_vartime(of_g, COMB_WINDOW + 1, a), other = naf_digits_vartime(of_q, NAF_WINDOW, b);
    memset(z, 0, sizeof *z);
    for (int i = (length > other ? length : other) - 1; i >= 0; i--) {
        pt_double(&c->p, z, z);
        if (of_g[i] != 0) naf_add_vartime(&c->p, z, (const affine *)c->comb, of_g[i]);
        if (of_q[i] != 0) naf_add_vartime(&c->p, z, row, of_q[i]);
    }
}

/* Rows made affine with one inversion. */
#define KEPT_BATCH 8

/* The comb of q.  2^(w i) q is never infinity. */
static inline void kept_make(const struct domain *c, struct kept_table *kept, const affine *q) {
    const field *f = &c->p;
    jacobian base;
    fe ratios[KEPT_BATCH][ROW(KEPT_WINDOW)], products[KEPT_BATCH + 1], inverse, t;
    affine bases[KEPT_BATCH];
    fe z[KEPT_BATCH];
    pt_from_affine(f, &base, q);
    for (int row = 0; row < WINDOWS(KEPT_WINDOW); row += KEPT_BATCH) {
        int count = WINDOWS(KEPT_WINDOW) - row < KEPT_BATCH ? WINDOWS(KEPT_WINDOW) - row : KEPT_BATCH;
        fe_copy(products[0], f->one);
        for (int i = 0; i < count; i++) { /* the points whose multiples the rows are */
            fe_copy(bases[i].x, base.x);
            fe_copy(bases[i].y, base.y);
            fe_copy(z[i], base.z);
            fe_mul(f, products[i + 1], products[i], base.z);
            for (int j = 0; j < KEPT_WINDOW; j++) pt_double(f, &base, &base);
        }
        fe_inv(f, inverse, products[count]);
        for (int i = count - 1; i >= 0; i--) {
            fe_mul(f, t, inverse, products[i]);
            fe_mul(f, inverse, inverse, z[i]);
            fe_sqr(f, z[i], t);
            fe_mul(f, t, t, z[i]);
            fe_mul(f, bases[i].x, bases[i].x, z[i]);
            fe_mul(f, bases[i].y, bases[i].y, t);
        }
        for (int i = 0; i < count; i++) {
            row_make_ratios(f, kept->rows[row + i], ratios[i], &bases[i], ROW(KEPT_WINDOW));
            fe_mul(f, products[i + 1], products[i], ratios[i][0]);
        }
        fe_inv(f, inverse, products[count]);
        for (int i = count - 1; i >= 0; i--) {
            fe_mul(f, t, inverse, products[i]);
            fe_mul(f, inverse, inverse, ratios[i][0]);
            row_normalise(f, kept->rows[row + i], ratios[i], t, ROW(KEPT_WINDOW));
        }
    }
}

#endif
