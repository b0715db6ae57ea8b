/* SPDX-License-Identifier: Apache-2.0 */
/* Inversion mod m in eight lanes: Bernstein and Yang's divsteps in the variant that starts at delta = 1/2 (safegcd-bounds), a
 * fixed number of rounds of 50 steps.  A round looks at the lower limbs of f and g alone and gathers its steps in a matrix (f, g)
 * := (u f + v g, q f + r g) / 2^50,     |u| + |v| and |q| + |r| not above 2^50, which then goes over the whole f and g, and mod m
 * over d and e, for which d * x = f and e * x = g up to powers of 2. */
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

/* ---- 50 steps on the lower limbs ---------------------------------------------------------------------------------------------
 */

/* At most 17 steps: f and a row of their matrix in one word, f + 2^20 u + 2^42 v, and g, q, r in another.  The matrix starts as
 * 2^17 and the lower row is halved with g, so all divisions are exact.  From |f|, |g| <= 2^19 on they stay so, and |u| + |v| <=
 * 2^17. */
struct walk {
    vec f, g, zeta, sign; /* sign: of zeta, in all bits */
};

LANES_INLINE vec vec_select(vec mask, vec yes, vec no) { return _mm512_ternarylogic_epi64(mask, yes, no, 0xCA); }

/* One divstep: where delta > 0 and g is odd (f, g) becomes (g, (g - f) / 2) and zeta -zeta - 2, else g becomes (g + f) / 2 or g /
 * 2 and zeta zeta - 1.  Both outcomes are made before g's lowest bit chooses: the chain from bit to bit is short. */
LANES_INLINE void walk_step(struct walk *w) {
    const vec odd = _mm512_sub_epi64(_mm512_setzero_si512(), _mm512_and_epi64(w->g, vec_all(1)));
    const vec sum = vec_select(w->sign, _mm512_sub_epi64(w->g, w->f), _mm512_add_epi64(w->g, w->f));
    const vec kept = _mm512_sub_epi64(w->zeta, vec_all(1)), turned = _mm512_sub_epi64(vec_all(UINT64_MAX - 1), w->zeta);
    const vec kept_sign = _mm512_srai_epi64(kept, 63), turned_sign = _mm512_srai_epi64(turned, 63);
    w->f = vec_select(odd, vec_select(w->sign, w->g, w->f), w->f);
    w->zeta = vec_select(odd, vec_select(w->sign, turned, kept), kept);
    w->g = _mm512_srai_epi64(vec_select(odd, sum, w->g), 1);
    w->sign = vec_select(odd, vec_select(w->sign, turned_sign, kept_sign), kept_sign);
}

/* The lower 20 bits, with sign. */
LANES_INLINE vec walk_low(vec word) { return _mm512_srai_epi64(_mm512_slli_epi64(word, 44), 44); }

LANES_INLINE void walk_row(vec *u, vec *v, vec word) {
    const vec both = _mm512_srai_epi64(_mm512_add_epi64(word, vec_all(UINT64_C(1) << 19)), 20);
    *u = _mm512_srai_epi64(_mm512_slli_epi64(both, 42), 42);
    *v = _mm512_srai_epi64(_mm512_sub_epi64(both, *u), 22);
}

LANES_INLINE vec dot(vec a, vec x, vec b, vec y) { return _mm512_add_epi64(_mm512_mullo_epi64(a, x), _mm512_mullo_epi64(b, y)); }

/* `steps` steps in each of `count` inversions; the lower words f, g move on, t becomes their matrix, times 2^17, times t. */
LANES_INLINE void walk_some(struct divsteps *s, vec f[2], vec g[2], int count, int steps, int first) {
    struct walk w[2];
    LANES_UNROLL
    for (int k = 0; k < count; k++) {
        w[k].f = _mm512_add_epi64(walk_low(f[k]), vec_all(UINT64_C(1) << 37));
        w[k].g = _mm512_add_epi64(walk_low(g[k]), vec_all(UINT64_C(1) << 59));
        w[k].zeta = s[k].zeta;
        w[k].sign = _mm512_srai_epi64(s[k].zeta, 63);
    }
    for (int i = 0; i < steps; i++) {
        LANES_UNROLL
        for (int k = 0; k < count; k++) walk_step(&w[k]);
    }
    LANES_UNROLL
    for (int k = 0; k < count; k++) {
        struct matrix a, *t = &s[k].t;
        walk_row(&a.u, &a.v, w[k].f);
        walk_row(&a.q, &a.r, w[k].g);
        s[k].zeta = w[k].zeta;
        const vec next = _mm512_srai_epi64(dot(a.u, f[k], a.v, g[k]), 17);
        g[k] = _mm512_srai_epi64(dot(a.q, f[k], a.r, g[k]), 17);
        f[k] = next;
        if (first) {
            *t = a;
        } else {
            const struct matrix b = *t;
            t->u = dot(a.u, b.u, a.v, b.q);
            t->v = dot(a.u, b.v, a.v, b.r);
            t->q = dot(a.q, b.u, a.r, b.q);
            t->r = dot(a.q, b.v, a.r, b.r);
        }
    }
}

/* 17 + 17 + 16 steps; of the last matrix 2^17 stands for 2^16. */
LANES_INLINE void walk_round(struct divsteps *s, int count) {
    vec f[2], g[2];
    LANES_UNROLL
    for (int k = 0; k < count; k++) {
        f[k] = s[k].f.limb[0];
        g[k] = s[k].g.limb[0];
    }
    walk_some(s, f, g, count, 17, 1);
    walk_some(s, f, g, count, 17, 0);
    walk_some(s, f, g, count, 16, 0);
    LANES_UNROLL
    for (int k = 0; k < count; k++) {
        s[k].t.u = _mm512_srai_epi64(s[k].t.u, 1);
        s[k].t.v = _mm512_srai_epi64(s[k].t.v, 1);
        s[k].t.q = _mm512_srai_epi64(s[k].t.q, 1);
        s[k].t.r = _mm512_srai_epi64(s[k].t.r, 1);
    }
}

/* ---- a matrix on the whole numbers
 * --------------------------------------------------------------------------------------------- */

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
        walk_round(&s, 1);
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
        walk_round(s, 2);
        divsteps_apply(&s[0]);
        divsteps_apply(&s[1]);
    }
    divsteps_end(z, &s[0]);
    divsteps_end(w, &s[1]);
    wipe(s, sizeof s);
}

#endif
