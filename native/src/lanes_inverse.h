/* SPDX-License-Identifier: Apache-2.0 */
/* Inversion mod m in eight lanes: Bernstein and Yang's divsteps in the variant that starts at delta = 1/2 (safegcd-bounds), a fixed
 * number of rounds of 50 steps.  A round looks at the lower limbs of f and g alone and gathers its steps in a matrix
 *     (f, g) := (u f + v g, q f + r g) / 2^50,     |u| + |v| and |q| + |r| not above 2^50,
 * which then goes over the whole f and g, and mod m over d and e, for which d * x = f and e * x = g up to powers of 2. */
#ifndef LANES_INVERSE_H
#define LANES_INVERSE_H

#define DIVSTEPS 50

struct matrix {
    vec u, v, q, r;
};

/* f and g in two's complement of 52 * LIMBS bits; |f|, |g| < 2^(52 * LIMBS - 2). */
struct divsteps {
    struct fe f, g, d, e;
    vec zeta; /* -(delta + 1/2) */
    struct matrix t;
    const struct lanes_modulus *m;
};

/* One divstep: where delta > 0 and g is odd (f, g) becomes (g, (g - f) / 2), else (f, (g + f) / 2) or (f, g / 2).  The matrix grows
 * by the same sums, with its first row doubled instead of its second one halved. */
#define DIVSTEP(f, g, t, zeta)                                                             \
    do {                                                                                   \
        const __mmask8 positive = _mm512_movepi64_mask(zeta);                              \
        const __mmask8 odd = _mm512_test_epi64_mask(g, vec_all(1));                        \
        const __mmask8 swap = _kand_mask8(positive, odd);                                  \
        const vec g_odd = _mm512_mask_sub_epi64(_mm512_add_epi64(g, f), positive, g, f);   \
        const vec q_odd = _mm512_mask_sub_epi64(_mm512_add_epi64(t.q, t.u), positive, t.q, t.u); \
        const vec r_odd = _mm512_mask_sub_epi64(_mm512_add_epi64(t.r, t.v), positive, t.r, t.v); \
        f = _mm512_mask_mov_epi64(f, swap, g);                                             \
        t.u = _mm512_mask_mov_epi64(t.u, swap, t.q);                                       \
        t.v = _mm512_mask_mov_epi64(t.v, swap, t.r);                                       \
        t.u = _mm512_add_epi64(t.u, t.u);                                                  \
        t.v = _mm512_add_epi64(t.v, t.v);                                                  \
        g = _mm512_mask_mov_epi64(g, odd, g_odd);                                          \
        g = _mm512_srai_epi64(g, 1);                                                       \
        t.q = _mm512_mask_mov_epi64(t.q, odd, q_odd);                                      \
        t.r = _mm512_mask_mov_epi64(t.r, odd, r_odd);                                      \
        /* zeta := -zeta - 2 or zeta - 1 */                                                \
        zeta = _mm512_sub_epi64(_mm512_mask_sub_epi64(zeta, swap, vec_all(UINT64_MAX), zeta), vec_all(1)); \
    } while (0)

LANES_INLINE void matrix_one(struct matrix *t) {
    t->u = t->r = vec_all(1);
    t->v = t->q = _mm512_setzero_si512();
}

/* (a f + b g) / 2^50, a and b with sign: a' = a + 2^50 and b' have none, and f and g come off again at the end. */
LANES_INLINE void divsteps_row(struct fe *z, vec a, vec b, const struct fe *f, const struct fe *g) {
    const __mmask8 f_negative = _mm512_test_epi64_mask(f->limb[LIMBS - 1], vec_all(UINT64_C(1) << 51));
    const __mmask8 g_negative = _mm512_test_epi64_mask(g->limb[LIMBS - 1], vec_all(UINT64_C(1) << 51));
    vec t[LIMBS + 1];
    a = _mm512_add_epi64(a, vec_all(UINT64_C(1) << DIVSTEPS));
    b = _mm512_add_epi64(b, vec_all(UINT64_C(1) << DIVSTEPS));
    LANES_UNROLL
    for (int i = 0; i <= LIMBS; i++) t[i] = _mm512_setzero_si512();
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) {
        t[i] = _mm512_madd52lo_epu64(t[i], a, f->limb[i]);
        t[i] = _mm512_madd52lo_epu64(t[i], b, g->limb[i]);
        t[i + 1] = _mm512_madd52hi_epu64(t[i + 1], a, f->limb[i]);
        t[i + 1] = _mm512_madd52hi_epu64(t[i + 1], b, g->limb[i]);
    }
    t[LIMBS] = _mm512_mask_sub_epi64(t[LIMBS], f_negative, t[LIMBS], a);
    t[LIMBS] = _mm512_mask_sub_epi64(t[LIMBS], g_negative, t[LIMBS], b);
    /* 2 bits of limb 0 are left after 50 went, the limbs above move down by 50 */
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) {
        const vec sum = _mm512_add_epi64(f->limb[i], g->limb[i]);
        z->limb[i] = _mm512_sub_epi64(_mm512_slli_epi64(t[i + 1], 52 - DIVSTEPS), sum);
    }
    z->limb[0] = _mm512_add_epi64(z->limb[0], _mm512_srli_epi64(t[0], DIVSTEPS));
    fe_carry(z);
    z->limb[LIMBS - 1] = _mm512_and_epi64(z->limb[LIMBS - 1], vec_all(MASK52));
}

/* (a d + b e) / 2^52 mod m, a and b with sign; a negative one takes 2 m - d instead of d.  As |a| + |b| is not above 2^50 and
 * d, e, 2 m - d, 2 m - e not above 2 m, the outcome is below (2^50 * 2 + 2^52) / 2^52 m = 1.5 m. */
LANES_INLINE void divsteps_row_mod(struct fe *z, vec a, vec b, const struct fe *d, const struct fe *e, const struct fe *minus_d,
                                   const struct fe *minus_e, const struct lanes_modulus *m) {
    const __mmask8 a_negative = _mm512_movepi64_mask(a), b_negative = _mm512_movepi64_mask(b);
    struct fe x = *d, y = *e;
    vec t[LIMBS + 1];
    fe_select(&x, a_negative, minus_d);
    fe_select(&y, b_negative, minus_e);
    a = _mm512_abs_epi64(a);
    b = _mm512_abs_epi64(b);
    LANES_UNROLL
    for (int i = 0; i <= LIMBS; i++) t[i] = _mm512_setzero_si512();
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) {
        t[i] = _mm512_madd52lo_epu64(t[i], a, x.limb[i]);
        t[i] = _mm512_madd52lo_epu64(t[i], b, y.limb[i]);
        t[i + 1] = _mm512_madd52hi_epu64(t[i + 1], a, x.limb[i]);
        t[i + 1] = _mm512_madd52hi_epu64(t[i + 1], b, y.limb[i]);
    }
    const vec k = _mm512_madd52lo_epu64(_mm512_setzero_si512(), t[0], vec_all(m->negated_inverse));
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) {
        t[i] = _mm512_madd52lo_epu64(t[i], k, vec_all(m->times[1][i]));
        t[i + 1] = _mm512_madd52hi_epu64(t[i + 1], k, vec_all(m->times[1][i]));
    }
    t[1] = _mm512_add_epi64(t[1], _mm512_srli_epi64(t[0], 52));
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) z->limb[i] = t[i + 1];
    fe_carry(z);
}

LANES_CALL void divsteps_begin(struct divsteps *s, const struct fe *x, const struct lanes_modulus *m) {
    s->m = m;
    fe_all(&s->f, m->times[1]);
    s->g = *x;
    fe_small(&s->d, 0);
    fe_small(&s->e, 1);
    s->zeta = vec_all(UINT64_MAX);
}

LANES_CALL void divsteps_apply(struct divsteps *s) {
    struct fe first, second, minus_d, minus_e;
    divsteps_row(&first, s->t.u, s->t.v, &s->f, &s->g);
    divsteps_row(&second, s->t.q, s->t.r, &s->f, &s->g);
    s->f = first;
    s->g = second;
    fe_negate(&minus_d, &s->d, 2, s->m);
    fe_negate(&minus_e, &s->e, 2, s->m);
    divsteps_row_mod(&first, s->t.u, s->t.v, &s->d, &s->e, &minus_d, &minus_e, s->m);
    divsteps_row_mod(&second, s->t.q, s->t.r, &s->d, &s->e, &minus_d, &minus_e, s->m);
    s->d = first;
    s->e = second;
}

/* R^2 / x from d, which is 1/x or -1/x by the sign of f, times the powers of 2 that `inversion` takes away. */
LANES_CALL void divsteps_end(struct fe *z, struct divsteps *s) {
    struct fe minus;
    fe_negate(&minus, &s->d, 2, s->m);
    fe_select(&s->d, _mm512_test_epi64_mask(s->f.limb[LIMBS - 1], vec_all(UINT64_C(1) << 51)), &minus);
    fe_mul_constant(z, &s->d, s->m->inversion, s->m);
}

/* z := R^2 / x mod m for canonical x, 0 for 0.  With x = R a that is R / a. */
LANES_CALL void fe_invert(struct fe *z, const struct fe *x, const struct lanes_modulus *m) {
    struct divsteps s;
    divsteps_begin(&s, x, m);
    for (int round = 0; round < ROUNDS; round++) {
        vec f = s.f.limb[0], g = s.g.limb[0], zeta = s.zeta;
        struct matrix t;
        matrix_one(&t);
        for (int i = 0; i < DIVSTEPS; i++) DIVSTEP(f, g, t, zeta);
        s.zeta = zeta;
        s.t = t;
        divsteps_apply(&s);
    }
    divsteps_end(z, &s);
    wipe(&s, sizeof s);
}

/* Two inversions, modulo m and n, in step: the chain of one fills the gaps of the other. */
LANES_CALL void fe_invert_two(struct fe *z, const struct fe *x, const struct lanes_modulus *m, struct fe *w, const struct fe *y,
                              const struct lanes_modulus *n) {
    struct divsteps s[2];
    divsteps_begin(&s[0], x, m);
    divsteps_begin(&s[1], y, n);
    for (int round = 0; round < ROUNDS; round++) {
        vec f0 = s[0].f.limb[0], g0 = s[0].g.limb[0], zeta0 = s[0].zeta;
        vec f1 = s[1].f.limb[0], g1 = s[1].g.limb[0], zeta1 = s[1].zeta;
        struct matrix t0, t1;
        matrix_one(&t0);
        matrix_one(&t1);
        for (int i = 0; i < DIVSTEPS; i++) {
            DIVSTEP(f0, g0, t0, zeta0);
            DIVSTEP(f1, g1, t1, zeta1);
        }
        s[0].zeta = zeta0;
        s[1].zeta = zeta1;
        s[0].t = t0;
        s[1].t = t1;
        divsteps_apply(&s[0]);
        divsteps_apply(&s[1]);
    }
    divsteps_end(z, &s[0]);
    divsteps_end(w, &s[1]);
    wipe(s, sizeof s);
}

#endif
