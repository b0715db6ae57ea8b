/* SPDX-License-Identifier: Apache-2.0 */
/* The group law on the twin y^2 = x^3 - 3x + b, in eight lanes: Jacobian coordinates (x / z^2, y / z^3) in Montgomery form.
 * Infinity has no form of its own: who can meet it keeps a mask of the lanes.  Bounds of coordinates between operations, in
 * multiples of p: x 4.01, y 4, z 2.5 (lanes_bounds.py); affine ones are canonical. */
#ifndef LANES_POINT_H
#define LANES_POINT_H

struct pt {
    struct fe x, y, z;
};

struct affine {
    struct fe x, y;
};

LANES_INLINE void pt_select(struct pt *r, __mmask8 lanes, const struct pt *p) {
    fe_select(&r->x, lanes, &p->x);
    fe_select(&r->y, lanes, &p->y);
    fe_select(&r->z, lanes, &p->z);
}

LANES_INLINE void pt_from_affine(struct pt *r, const struct affine *p, const struct lanes_modulus *m) {
    r->x = p->x;
    r->y = p->y;
    fe_all(&r->z, m->one);
}

/* z := 3/2 (x - y + k * m), for k such that it is not negative. */
LANES_INLINE void fe_three_halves(struct fe *z, const struct fe *x, const struct fe *y, int k, const struct lanes_modulus *m) {
    struct fe h;
    raw_sub(&h, x, y);
    raw_add_multiple(&h, k, m);
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) h.limb[i] = _mm512_add_epi64(h.limb[i], _mm512_add_epi64(h.limb[i], h.limb[i]));
    const __mmask8 odd = _mm512_test_epi64_mask(h.limb[0], vec_all(1));
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) h.limb[i] = _mm512_mask_add_epi64(h.limb[i], odd, h.limb[i], vec_all(m->times[1][i]));
    LANES_UNROLL
    for (int i = 0; i < LIMBS - 1; i++) {
        const vec low_bit = _mm512_srli_epi64(_mm512_slli_epi64(h.limb[i + 1], 63), 63 - 51);
        z->limb[i] = _mm512_add_epi64(_mm512_srai_epi64(h.limb[i], 1), low_bit);
    }
    z->limb[LIMBS - 1] = _mm512_srai_epi64(h.limb[LIMBS - 1], 1);
    fe_carry(z);
}

/* r := 2 p; r may be p.  With a = 3/2 (x - z^2)(x + z^2) and the outcome's z half of the usual one:
 * x3 = a^2 - 2 x y^2, y3 = a (x y^2 - x3) - y^4, z3 = y z.  No exceptions: there is no point of order 2. */
LANES_CALL void pt_double(struct pt *r, const struct pt *p, const struct lanes_modulus *m) {
    struct fe delta, gamma, sum, a, beta, x3, rest, minus;
    HOT(fe_square)(&delta, &p->z, m);
    HOT(fe_square)(&gamma, &p->y, m);
    fe_add(&sum, &p->x, &delta);
    fe_three_halves(&a, &p->x, &delta, 3, m);
    HOT(fe_mul)(&a, &a, &sum, m);
    HOT(fe_mul)(&beta, &p->x, &gamma, m);
    HOT(fe_mul)(&r->z, &p->y, &p->z, m);
    HOT(fe_square)(&x3, &a, m);
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) {
        x3.limb[i] = _mm512_sub_epi64(x3.limb[i], _mm512_add_epi64(beta.limb[i], beta.limb[i]));
    }
    raw_add_multiple(&x3, 5, m);
    fe_weak(&x3, 4, m);
    fe_carry(&x3);
    r->x = x3;
    fe_sub(&rest, &beta, &x3, 5, m);
    fe_negate(&minus, &gamma, 3, m);
    HOT(fe_mul_add)(&r->y, &a, &rest, &gamma, &minus, m);
}

/* x and y of a sum, from x and y of the first point, and the differences h of the x and s of the y: (h^2, h^3) is (hh, hhh). */
LANES_INLINE void pt_add_rest(struct fe *x, struct fe *y, const struct fe *s, const struct fe *hh, const struct fe *hhh,
                              const struct lanes_modulus *m) {
    struct fe v, x3, rest, minus;
    HOT(fe_mul)(&v, x, hh, m);
    HOT(fe_square)(&x3, s, m);
    raw_sub(&x3, &x3, hhh);
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) x3.limb[i] = _mm512_sub_epi64(x3.limb[i], _mm512_add_epi64(v.limb[i], v.limb[i]));
    raw_add_multiple(&x3, 7, m);
    fe_weak(&x3, 5, m);
    fe_weak(&x3, 4, m);
    fe_carry(&x3);
    *x = x3;
    fe_sub(&rest, &v, &x3, 5, m);
    fe_negate(&minus, y, 4, m);
    HOT(fe_mul_add)(y, s, &rest, &minus, hhh, m);
}

/* r := p + q for p not infinity and q not p or -p; r may be p.  h and s are the differences of the x and of the y, times powers
 * of z: h vanishes where q = p or q = -p, and s too where q = p. */
LANES_INLINE void pt_add_affine_parts(struct pt *r, const struct pt *p, const struct affine *q, struct fe *h, struct fe *s,
                                      const struct lanes_modulus *m) {
    struct fe zz, zzz, hh, hhh;
    HOT(fe_square)(&zz, &p->z, m);
    HOT(fe_mul)(h, &q->x, &zz, m);
    HOT(fe_mul)(&zzz, &p->z, &zz, m);
    HOT(fe_mul)(s, &q->y, &zzz, m);
    fe_sub(h, h, &p->x, 5, m);
    fe_sub(s, s, &p->y, 4, m);
    HOT(fe_square)(&hh, h, m);
    HOT(fe_mul)(&r->z, &p->z, h, m);
    HOT(fe_mul)(&hhh, h, &hh, m);
    r->x = p->x;
    r->y = p->y;
    pt_add_rest(&r->x, &r->y, s, &hh, &hhh, m);
}

LANES_CALL void pt_add_affine(struct pt *r, const struct pt *p, const struct affine *q, const struct lanes_modulus *m) {
    struct fe h, s;
    pt_add_affine_parts(r, p, q, &h, &s, m);
}

/* The same where q may be p.  It is not -p. */
LANES_CALL void pt_add_affine_equal(struct pt *r, const struct pt *p, const struct affine *q, const struct lanes_modulus *m) {
    struct fe h, s;
    struct pt twice;
    pt_double(&twice, p, m);
    pt_add_affine_parts(r, p, q, &h, &s, m);
    pt_select(r, fe_vanishes(&h, m), &twice);
}

/* Sums of affine points in coordinates (x / zz, y / zzz), zz^3 = zzz^2: one squaring less than in Jacobian ones. */
struct sum {
    struct fe x, y, zz, zzz;
};

LANES_INLINE void sum_from_affine(struct sum *r, const struct affine *p, const struct lanes_modulus *m) {
    r->x = p->x;
    r->y = p->y;
    fe_all(&r->zz, m->one);
    fe_all(&r->zzz, m->one);
}

LANES_INLINE void sum_select(struct sum *r, __mmask8 lanes, const struct sum *p) {
    fe_select(&r->x, lanes, &p->x);
    fe_select(&r->y, lanes, &p->y);
    fe_select(&r->zz, lanes, &p->zz);
    fe_select(&r->zzz, lanes, &p->zzz);
}

/* r := r + q for r not infinity and q not r or -r. */
LANES_CALL void sum_add_affine(struct sum *r, const struct affine *q, const struct lanes_modulus *m) {
    struct fe h, s, hh, hhh;
    HOT(fe_mul)(&h, &q->x, &r->zz, m);
    HOT(fe_mul)(&s, &q->y, &r->zzz, m);
    fe_sub(&h, &h, &r->x, 5, m);
    fe_sub(&s, &s, &r->y, 4, m);
    HOT(fe_square)(&hh, &h, m);
    HOT(fe_mul)(&hhh, &h, &hh, m);
    HOT(fe_mul)(&r->zz, &r->zz, &hh, m);
    HOT(fe_mul)(&r->zzz, &r->zzz, &hhh, m);
    pt_add_rest(&r->x, &r->y, &s, &hh, &hhh, m);
}

/* z = zz: then x z^2 / zz and y z^3 / zzz are x zz and y zzz. */
LANES_CALL void pt_from_sum(struct pt *r, const struct sum *p, const struct lanes_modulus *m) {
    fe_mul(&r->x, &p->x, &p->zz, m);
    fe_mul(&r->y, &p->y, &p->zzz, m);
    r->z = p->zz;
}

/* r := p + q, p and q not infinity; the lanes whose sum is infinity come back. */
LANES_CALL __mmask8 pt_add(struct pt *r, const struct pt *p, const struct pt *q, const struct lanes_modulus *m) {
    struct fe zz1, zz2, u1, s1, h, s, hh, hhh, v, x3, rest, minus;
    struct pt twice;
    pt_double(&twice, p, m);
    fe_square(&zz1, &p->z, m);
    fe_square(&zz2, &q->z, m);
    fe_mul(&u1, &p->x, &zz2, m);
    fe_mul(&h, &q->x, &zz1, m);
    fe_mul(&s1, &p->y, &zz2, m);
    fe_mul(&s1, &s1, &q->z, m);
    fe_mul(&s, &q->y, &zz1, m);
    fe_mul(&s, &s, &p->z, m);
    fe_sub(&h, &h, &u1, 4, m);
    fe_sub(&s, &s, &s1, 4, m);
    const __mmask8 same_x = fe_vanishes(&h, m), same_y = fe_vanishes(&s, m);
    fe_square(&hh, &h, m);
    fe_mul(&hhh, &h, &hh, m);
    fe_mul(&v, &u1, &hh, m);
    fe_mul(&r->z, &p->z, &q->z, m);
    fe_mul(&r->z, &r->z, &h, m);
    fe_square(&x3, &s, m);
    raw_sub(&x3, &x3, &hhh);
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) x3.limb[i] = _mm512_sub_epi64(x3.limb[i], _mm512_add_epi64(v.limb[i], v.limb[i]));
    raw_add_multiple(&x3, 7, m);
    fe_weak(&x3, 5, m);
    fe_weak(&x3, 4, m);
    fe_carry(&x3);
    r->x = x3;
    fe_sub(&rest, &v, &x3, 5, m);
    fe_negate(&minus, &s1, 3, m);
    fe_mul_add(&r->y, &s, &rest, &minus, &hhh, m);
    pt_select(r, same_x & same_y, &twice);
    return (__mmask8)(same_x & ~same_y);
}

/* The lanes where p and q, not infinity, are the same. */
LANES_CALL __mmask8 pt_same(const struct pt *p, const struct pt *q, const struct lanes_modulus *m) {
    struct fe zz1, zz2, u, v;
    fe_square(&zz1, &p->z, m);
    fe_square(&zz2, &q->z, m);
    fe_mul(&u, &p->x, &zz2, m);
    fe_mul(&v, &q->x, &zz1, m);
    fe_sub(&u, &u, &v, 3, m);
    const __mmask8 same_x = fe_vanishes(&u, m);
    fe_mul(&zz1, &zz1, &p->z, m);
    fe_mul(&zz2, &zz2, &q->z, m);
    fe_mul(&u, &p->y, &zz2, m);
    fe_mul(&v, &q->y, &zz1, m);
    fe_sub(&u, &u, &v, 3, m);
    return same_x & fe_vanishes(&u, m);
}

/* The lanes where a point with this x, doubled, has the x of p: X 4 (x^3 - 3x + b) = Z^2 ((x^2 + 3)^2 - 8 b x). */
LANES_CALL __mmask8 pt_is_double_of_x(const struct pt *p, const struct fe *x, const struct lanes_curve *c) {
    struct fe b, zz, square, three, left, right;
    fe_all(&b, c->b);
    fe_all(&three, c->p.one);
    raw_add(&left, &three, &three);
    fe_add(&three, &three, &left);
    fe_square(&square, x, &c->p);
    fe_add(&right, &square, &three);
    fe_square(&right, &right, &c->p);
    left = *x;
    for (int i = 0; i < 3; i++) fe_add(&left, &left, &left);
    fe_mul(&left, &left, &b, &c->p);
    fe_sub(&right, &right, &left, 3, &c->p);
    fe_square(&zz, &p->z, &c->p);
    fe_mul(&right, &right, &zz, &c->p);
    fe_sub(&left, &square, &three, 3, &c->p);
    fe_mul(&left, &left, x, &c->p);
    fe_add(&left, &left, &b);
    for (int i = 0; i < 2; i++) fe_add(&left, &left, &left);
    fe_mul(&left, &left, &p->x, &c->p);
    fe_sub(&left, &left, &right, 3, &c->p);
    return (__mmask8)(fe_vanishes(&left, &c->p) & ~fe_vanishes(&zz, &c->p));
}

/* y^2 = x^3 - 3x + b? */
LANES_CALL __mmask8 pt_on_curve(const struct affine *p, const struct lanes_curve *c) {
    struct fe left, right, x3;
    fe_square(&right, &p->x, &c->p);
    fe_mul(&right, &right, &p->x, &c->p);
    raw_add(&x3, &p->x, &p->x);
    fe_add(&x3, &x3, &p->x);
    fe_sub(&right, &right, &x3, 8, &c->p);
    fe_all(&left, c->b);
    fe_add(&right, &right, &left);
    fe_canonical(&right, &c->p);
    fe_square(&left, &p->y, &c->p);
    fe_canonical(&left, &c->p);
    raw_sub(&left, &left, &right);
    return fe_is_zero(&left);
}

#endif
