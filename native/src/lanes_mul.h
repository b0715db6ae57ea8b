/* SPDX-License-Identifier: Apache-2.0 */
/* Multiples of points in eight lanes, constant time in scalars, without exceptions to look for on the way.
 *
 * A scalar k in [1, n-1] is made odd (k or n - k) and written with odd digits: k = sum of d_i * 2^(w i), |d_i| < 2^w.  With
 * B = (k >> 1) + 2^(w * windows - 1) and b_i its window i, d_i = 2 b_i + 1 - 2^w.  No digit is zero and no sum is, as sums are
 * odd. The sum m * 2^w before digit d is even, so it is not d or -d as a number; it is not mod n either while m * 2^w + 2^w < n,
 * which only the last addition may leave: there m * 2^w + d is k, not 0 mod n, so the point added is never the opposite of the
 * sum, but it may be equal (k = n + 2 d).  The last addition allows for that. */
#ifndef LANES_MUL_H
#define LANES_MUL_H

#define COMB_WINDOW (LIMBS == 5 ? 7 : 6)
#define COMB_WINDOWS (LIMBS == 5 ? 37 : LIMBS == 8 ? 64 : 86)
#define COMB_ROW (1 << (COMB_WINDOW - 1))
#define WINDOW 5
#define WINDOWS (LIMBS == 5 ? 52 : LIMBS == 8 ? 77 : 103)
#define ROW (1 << (WINDOW - 1))

/* (2 j + 1) * 2^(w i) * G: limb by limb, those of x and of y, canonical; the row of a limb lies together. */
struct comb {
    _Alignas(64) uint64_t at[COMB_WINDOWS][2 * LIMBS][COMB_ROW];
};

/* ---- digits --------------------------------------------------------------------------------------------------------------- */

struct digits {
    struct fe b;
    __mmask8 negated; /* lanes that stand for n - k */
};

LANES_INLINE void digits_of(struct digits *z, const struct fe *k, int bits, const struct lanes_modulus *n) {
    struct fe other;
    z->b = *k;
    z->negated = _mm512_testn_epi64_mask(k->limb[0], vec_all(1));
    fe_negate(&other, k, 1, n);
    fe_select(&z->b, z->negated, &other);
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) {
        vec limb = _mm512_srli_epi64(z->b.limb[i], 1);
        if (i < LIMBS - 1)
            limb = _mm512_or_epi64(limb, _mm512_and_epi64(_mm512_slli_epi64(z->b.limb[i + 1], 51), vec_all(MASK52)));
        if (i == (bits - 1) / 52) limb = _mm512_or_epi64(limb, vec_all(UINT64_C(1) << ((bits - 1) % 52)));
        z->b.limb[i] = limb;
    }
    FAULT_LANES(FAULT_DIGITS, z->b);
}

/* The place of digit i in its row, and the lanes where it is negative. */
LANES_INLINE vec digit(const struct digits *z, int i, int window, __mmask8 *negative) {
    const int limb = i * window / 52, off = i * window % 52; /* public */
    vec b = _mm512_srl_epi64(z->b.limb[limb], _mm_cvtsi32_si128(off));
    if (off + window > 52 && limb + 1 < LIMBS) {
        b = _mm512_or_epi64(b, _mm512_sll_epi64(z->b.limb[limb + 1], _mm_cvtsi32_si128(52 - off)));
    }
    const vec top = vec_all(UINT64_C(1) << (window - 1)), rest = vec_all((UINT64_C(1) << (window - 1)) - 1);
    *negative = _mm512_testn_epi64_mask(b, top);
    return _mm512_and_epi64(_mm512_mask_xor_epi64(b, *negative, b, rest), rest);
}

LANES_INLINE void fe_negate_lanes(struct fe *y, __mmask8 lanes, const struct lanes_modulus *m) {
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) y->limb[i] = _mm512_mask_sub_epi64(y->limb[i], lanes, vec_all(m->times[1][i]), y->limb[i]);
    fe_carry(y);
}

/* ---- fixed base ----------------------------------------------------------------------------------------------------------- */

/* Entry `index` of a row of COMB_ROW words, another one in each lane: the whole row is read, permutations choose. */
LANES_INLINE vec comb_choose(const uint64_t row[COMB_ROW], vec index, __mmask8 bit4, __mmask8 bit5) {
    vec part[COMB_ROW / 16];
    LANES_UNROLL
    for (int i = 0; i < COMB_ROW / 16; i++) {
        part[i] = _mm512_permutex2var_epi64(_mm512_load_si512(row + 16 * i), index, _mm512_load_si512(row + 16 * i + 8));
    }
    vec low = _mm512_mask_mov_epi64(part[0], bit4, part[1]);
    if (COMB_ROW == 64) {
        vec high = _mm512_mask_mov_epi64(part[COMB_ROW / 16 - 2], bit4, part[COMB_ROW / 16 - 1]);
        low = _mm512_mask_mov_epi64(low, bit5, high);
    }
    return low;
}

LANES_CALL void comb_select(struct affine *z, const struct comb *comb, const struct digits *k, int window,
                            const struct lanes_modulus *m) {
    __mmask8 negative;
    const vec index = digit(k, window, COMB_WINDOW, &negative);
    const __mmask8 bit4 = _mm512_test_epi64_mask(index, vec_all(16)), bit5 = _mm512_test_epi64_mask(index, vec_all(32));
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) {
        z->x.limb[i] = comb_choose(comb->at[window][i], index, bit4, bit5);
        z->y.limb[i] = comb_choose(comb->at[window][LIMBS + i], index, bit4, bit5);
    }
    fe_negate_lanes(&z->y, negative, m);
    FAULT_LANES(FAULT_READ, *z);
}

/* r := k G for k in [1, n-1]. */
LANES_CALL void base_mul(struct pt *r, const struct comb *comb, const struct fe *k, const struct lanes_curve *c) {
    struct {
        struct digits k;
        struct affine t;
        struct sum sum;
    } w;
    digits_of(&w.k, k, COMB_WINDOW * COMB_WINDOWS, &c->n);
    comb_select(&w.t, comb, &w.k, COMB_WINDOWS - 1, &c->p);
    sum_from_affine(&w.sum, &w.t, &c->p);
    for (int i = COMB_WINDOWS - 2; i > 0; i--) {
        comb_select(&w.t, comb, &w.k, i, &c->p);
        sum_add_affine(&w.sum, &w.t, &c->p);
        FAULT_LANES(FAULT_SUM, w.sum);
    }
    pt_from_sum(r, &w.sum, &c->p);
    comb_select(&w.t, comb, &w.k, 0, &c->p);
    pt_add_affine_equal(r, r, &w.t, &c->p);
    struct fe minus;
    fe_negate(&minus, &r->y, 4, &c->p);
    fe_select(&r->y, w.k.negated, &minus);
    wipe(&w, sizeof w);
}

/* ---- fixed base, one scalar over several lanes ---------------------------------------------------------------------------- */

/* Lane j of `each` gets the entry of window each * turn + j; nothing of use where there is no such window. */
LANES_INLINE void comb_select_spread(struct affine *z, const struct comb *comb, const struct digits *k, int turn, int each,
                                     const struct lanes_modulus *m) {
    struct affine t;
    for (int lane = 0; lane < each && each * turn + lane < COMB_WINDOWS; lane++) {
        const __mmask8 lanes = (__mmask8)((each == 8 ? 0x01U : 0x11U) << lane);
        comb_select(&t, comb, k, each * turn + lane, m);
        fe_select(&z->x, lanes, &t.x);
        fe_select(&z->y, lanes, &t.y);
    }
}

/* Lane i gets what lane i ^ by has. */
LANES_INLINE void fe_swap(struct fe *z, const struct fe *x, int by) {
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) {
        const vec word = x->limb[i];
        z->limb[i] = by == 4   ? _mm512_alignr_epi64(word, word, 4)
                     : by == 2 ? _mm512_permutex_epi64(word, 0x4E)
                               : _mm512_permutex_epi64(word, 0xB1);
    }
}

LANES_INLINE __mmask8 mask_swap(__mmask8 mask, int by) {
    const unsigned int low = by == 4 ? 0x0FU : by == 2 ? 0x33U : 0x55U;
    const unsigned int all = mask;
    return (__mmask8)((all >> by & low) | (all & low) << by);
}

/* Groups of `each` lanes (8 or 4) have one k in [1, n-1] in all of them: r := k G in all lanes of the group.  Each sums up its share
 * of the windows.  Within a lane the argument of this file's head holds up to the last addition; a lane's sum may be infinite then,
 * and sums of lanes may be anything. */
LANES_INLINE void base_mul_groups(struct pt *r, const struct comb *comb, const struct fe *k, int each, const struct lanes_curve *c) {
    struct {
        struct digits k;
        struct affine t;
        struct sum part, first;
        struct pt other, sum;
    } w;
    const int turns = (COMB_WINDOWS + each - 1) / each;
    const __mmask8 topmost = (__mmask8)(((1U << ((COMB_WINDOWS - 1) % each + 1)) - 1U) * (each == 8 ? 0x01U : 0x11U));
    digits_of(&w.k, k, COMB_WINDOW * COMB_WINDOWS, &c->n);
    fe_all(&w.t.x, c->x);
    fe_all(&w.t.y, c->y);
    comb_select_spread(&w.t, comb, &w.k, turns - 1, each, &c->p);
    sum_from_affine(&w.part, &w.t, &c->p);
    for (int i = turns - 2; i > 0; i--) {
        comb_select_spread(&w.t, comb, &w.k, i, each, &c->p);
        sum_add_affine(&w.part, &w.t, &c->p);
        if (i == turns - 2) { /* lanes without a window above */
            sum_from_affine(&w.first, &w.t, &c->p);
            sum_select(&w.part, (__mmask8)~topmost, &w.first);
        }
        FAULT_LANES(FAULT_SUM, w.part);
    }
    pt_from_sum(r, &w.part, &c->p);
    comb_select_spread(&w.t, comb, &w.k, 0, each, &c->p);
    pt_from_affine(&w.other, &w.t, &c->p);
    __mmask8 infinite = pt_add(r, r, &w.other, &c->p);
    FAULT_LANES(FAULT_SUM, *r);
    for (int by = each / 2; by > 0; by /= 2) {
        const __mmask8 other_infinite = mask_swap(infinite, by);
        fe_swap(&w.other.x, &r->x, by);
        fe_swap(&w.other.y, &r->y, by);
        fe_swap(&w.other.z, &r->z, by);
        const __mmask8 none = pt_add(&w.sum, r, &w.other, &c->p);
        pt_select(&w.sum, other_infinite, r);
        pt_select(&w.sum, infinite, &w.other);
        infinite = (__mmask8)((infinite & other_infinite) | (none & ~infinite & ~other_infinite));
        *r = w.sum;
        FAULT_LANES(FAULT_SUM, *r);
    }
    fe_negate(&w.other.y, &r->y, 4, &c->p);
    fe_select(&r->y, w.k.negated, &w.other.y);
    wipe(&w, sizeof w);
}

/* One scalar, in all lanes. */
LANES_CALL void base_mul_spread(struct pt *r, const struct comb *comb, const struct fe *k, const struct lanes_curve *c) {
    base_mul_groups(r, comb, k, 8, c);
}

/* One scalar in lanes 0 to 3, another in lanes 4 to 7. */
LANES_CALL void base_mul_two(struct pt *r, const struct comb *comb, const struct fe *k, const struct lanes_curve *c) {
    base_mul_groups(r, comb, k, 4, c);
}

/* ---- affine form ---------------------------------------------------------------------------------------------------------- */

/* x / z^2 and y / z^3, canonical, from 1 / z. */
LANES_INLINE void pt_scale(struct affine *r, const struct pt *p, const struct fe *inverse, const struct lanes_modulus *m) {
    struct fe square;
    fe_square(&square, inverse, m);
    fe_mul(&r->x, &p->x, &square, m);
    fe_mul(&square, &square, inverse, m);
    fe_mul(&r->y, &p->y, &square, m);
    fe_canonical(&r->x, m);
    fe_canonical(&r->y, m);
}

/* All of them with one inversion: z_0, z_0 z_1, ... on the way there, 1 / z_i on the way back. */
LANES_CALL void pt_make_affine(struct affine *r, const struct pt *p, struct fe *products, int count,
                               const struct lanes_modulus *m) {
    struct fe inverse, one;
    products[0] = p[0].z;
    for (int i = 1; i < count; i++) fe_mul(&products[i], &products[i - 1], &p[i].z, m);
    fe_canonical(&products[count - 1], m);
    fe_invert(&inverse, &products[count - 1], m);
    for (int i = count - 1; i > 0; i--) {
        fe_mul(&one, &inverse, &products[i - 1], m);
        fe_mul(&inverse, &inverse, &p[i].z, m);
        pt_scale(&r[i], &p[i], &one, m);
    }
    pt_scale(&r[0], &p[0], &inverse, m);
}

/* p, 3 p, 5 p, ... */
LANES_CALL void pt_odd_multiples(struct pt *row, const struct pt *p, int count, const struct lanes_modulus *m) {
    struct pt twice;
    pt_double(&twice, p, m);
    row[0] = *p;
    for (int i = 1; i < count; i++) (void)pt_add(&row[i], &row[i - 1], &twice, m); /* neither equal nor opposite */
}

/* ---- variable base -------------------------------------------------------------------------------------------------------- */

LANES_CALL void row_select(struct affine *z, const struct affine row[ROW], const struct digits *k, int window,
                           const struct lanes_modulus *m) {
    __mmask8 negative;
    const vec index = digit(k, window, WINDOW, &negative);
    *z = row[0];
    for (int i = 1; i < ROW; i++) {
        const __mmask8 here = _mm512_cmpeq_epi64_mask(index, vec_all((uint64_t)i));
        fe_select(&z->x, here, &row[i].x);
        fe_select(&z->y, here, &row[i].y);
    }
    fe_negate_lanes(&z->y, negative, m);
}

/* r := k q for k in [1, n-1] and q on the curve. */
LANES_CALL void point_mul(struct pt *r, const struct fe *k, const struct affine *q, const struct lanes_curve *c) {
    struct {
        struct digits k;
        struct affine t, row[ROW];
        struct pt jacobian[ROW];
        struct fe products[ROW];
    } w;
    digits_of(&w.k, k, WINDOW * WINDOWS, &c->n);
    pt_from_affine(r, q, &c->p);
    pt_odd_multiples(w.jacobian, r, ROW, &c->p);
    pt_make_affine(w.row, w.jacobian, w.products, ROW, &c->p);
    row_select(&w.t, w.row, &w.k, WINDOWS - 1, &c->p);
    pt_from_affine(r, &w.t, &c->p);
    for (int i = WINDOWS - 2; i >= 0; i--) {
        for (int j = 0; j < WINDOW; j++) pt_double(r, r, &c->p);
        row_select(&w.t, w.row, &w.k, i, &c->p);
        if (i > 0) { /* public */
            pt_add_affine(r, r, &w.t, &c->p);
        } else {
            pt_add_affine_equal(r, r, &w.t, &c->p);
        }
    }
    struct fe minus;
    fe_negate(&minus, &r->y, 4, &c->p);
    fe_select(&r->y, w.k.negated, &minus);
    wipe(&w, sizeof w);
}

#endif
