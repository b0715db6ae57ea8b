/* SPDX-License-Identifier: Apache-2.0 */
/* Points of y^2 = x^3 - 3x + b, and the group law.  Coordinates are field elements in Montgomery form.
 *
 * affine    (x, y), never infinity
 * jacobian  (X / Z^2, Y / Z^3); infinity is Z = 0
 * extended  (X / ZZ, Y / ZZZ) with ZZ^3 = ZZZ^2; infinity is ZZ = ZZZ = 0.  An affine point is added to it with one squaring less
 *
 * The order is prime and odd: no point has y = 0, so doubling has no exception.  Additions say which of theirs they handle.
 * Constant time unless named _vartime. */
#ifndef SECMOD_POINT_H
#define SECMOD_POINT_H

#include "field.h"

typedef struct {
    fe x, y;
} affine;

typedef struct {
    fe x, y, z;
} jacobian;

typedef struct {
    fe x, y, zz, zzz;
} extended;

static inline void pt_from_affine(const field *f, jacobian *z, const affine *p) {
    fe_copy(z->x, p->x);
    fe_copy(z->y, p->y);
    fe_copy(z->z, f->one);
}

static inline void pt_select(limb mask, jacobian *z, const jacobian *p, const jacobian *q) {
    fe_select(mask, z->x, p->x, q->x);
    fe_select(mask, z->y, p->y, q->y);
    fe_select(mask, z->z, p->z, q->z);
}

static inline void pt_negate_if(const field *f, limb mask, affine *p) {
    fe negative;
    fe_neg(f, negative, p->y);
    fe_select(mask, p->y, negative, p->y);
}

/* All ones if (x, y) is on the curve. */
static inline limb pt_on_curve(const field *f, const fe b, const affine *p) {
    fe left, right;
    fe_sqr(f, right, p->x);
    for (int i = 0; i < 3; i++) fe_sub(f, right, right, f->one);
    fe_mul(f, right, right, p->x);
    fe_add(f, right, right, b);
    fe_sqr(f, left, p->y);
    return fe_equal(left, right);
}

/* ---- jacobian ----------------------------------------------------------------------------------------------------------- */

/* z := 2p; complete; z may be p.  4M + 4S, with half the slope's numerator, so that Z = Y Z.  The last product and square
 * have one reduction, as in the additions. */
static OUT_OF_LINE void pt_double(const field *f, jacobian *z, const jacobian *p) {
    fe slope, s, t, y2;
    fe_sqr(f, t, p->z);
    fe_sqr(f, y2, p->y);
    fe_add(f, s, p->x, t);
    fe_sub(f, t, p->x, t);
    fe_mul(f, t, s, t);
    fe_mul(f, s, y2, p->x); /* X Y^2 */
    fe_half(f, slope, t);
    fe_add(f, slope, slope, t); /* 3/2 (X - Z^2) (X + Z^2) */
    fe_mul(f, z->z, p->y, p->z);
    fe_sqr(f, t, slope);
    fe_sub(f, t, t, s);
    fe_sub(f, z->x, t, s);
    fe_sub(f, s, s, z->x);
    fe_neg(f, t, y2);
    fe_mul_add(f, z->y, s, slope, y2, t); /* slope (X Y^2 - X') - Y^4 */
}

/* z := p + q for p != q, neither of them infinity; p = -q gives infinity; z may be p.  Returns all ones if p = q, and then z is
 * of no use (Z = 0).  `ratio` becomes the new Z over the old one.  8M + 3S. */
static OUT_OF_LINE limb pt_add_affine_ratio(const field *f, jacobian *z, const jacobian *p, const affine *q, fe ratio) {
    fe h, r, s, t, v;
    fe_sqr(f, t, p->z);
    fe_mul(f, h, q->x, t);
    fe_mul(f, t, t, p->z);
    fe_mul(f, r, q->y, t);
    fe_sub(f, h, h, p->x); /* H = x Z^2 - X */
    fe_sub(f, r, r, p->y); /* r = y Z^3 - Y */
    limb equal = fe_is_zero(h) & fe_is_zero(r);
    fe_copy(ratio, h);
    fe_mul(f, z->z, p->z, h);
    fe_sqr(f, t, h);
    fe_sqr(f, s, r);
    fe_mul(f, v, p->x, t); /* X H^2 */
    fe_mul(f, h, h, t);    /* H^3 */
    fe_sub(f, s, s, v);
    fe_sub(f, s, s, v);
    fe_sub(f, z->x, s, h); /* r^2 - 2 X H^2 - H^3 */
    fe_sub(f, v, v, z->x);
    fe_neg(f, h, h);
    fe_mul_add(f, z->y, v, r, p->y, h); /* r (X H^2 - X') - Y H^3 */
    return equal;
}

static inline limb pt_add_affine(const field *f, jacobian *z, const jacobian *p, const affine *q) {
    fe ratio;
    return pt_add_affine_ratio(f, z, p, q, ratio);
}

/* z := p + q, complete; z may be p. */
static OUT_OF_LINE void pt_add_affine_complete(const field *f, jacobian *z, const jacobian *p, const affine *q) {
    jacobian sum, other;
    limb infinity = fe_is_zero(p->z);
    limb equal = pt_add_affine(f, &sum, p, q);
    pt_from_affine(f, &other, q);
    pt_select(infinity, &sum, &other, &sum);
    pt_double(f, &other, &other);
    pt_select(equal & ~infinity, z, &other, &sum);
}

/* ---- extended ----------------------------------------------------------------------------------------------------------- */

static inline void xt_from_affine(const field *f, extended *z, const affine *p) {
    fe_copy(z->x, p->x);
    fe_copy(z->y, p->y);
    fe_copy(z->zz, f->one);
    fe_copy(z->zzz, f->one);
}

static inline void xt_select(limb mask, extended *z, const extended *p, const extended *q) {
    fe_select(mask, z->x, p->x, q->x);
    fe_select(mask, z->y, p->y, q->y);
    fe_select(mask, z->zz, p->zz, q->zz);
    fe_select(mask, z->zzz, p->zzz, q->zzz);
}

/* z := 2p for an affine p.  4M + 3S. */
static OUT_OF_LINE void xt_double_affine(const field *f, extended *z, const affine *p) {
    fe slope, s, t, u;
    fe_add(f, u, p->y, p->y);
    fe_sqr(f, z->zz, u);
    fe_mul(f, t, u, z->zz); /* 8 y^3 */
    fe_mul(f, s, p->x, z->zz);
    fe_sqr(f, slope, p->x);
    fe_sub(f, slope, slope, f->one);
    fe_add(f, u, slope, slope);
    fe_add(f, slope, u, slope); /* 3 x^2 - 3 */
    fe_mul(f, u, t, p->y);
    fe_copy(z->zzz, t);
    fe_sqr(f, t, slope);
    fe_sub(f, t, t, s);
    fe_sub(f, z->x, t, s);
    fe_sub(f, s, s, z->x);
    fe_mul(f, s, s, slope);
    fe_sub(f, z->y, s, u);
}

/* z := p + q for p != q, neither of them infinity; p = -q gives infinity; z may be p.  Returns all ones if p = q, and then z is
 * of no use (ZZ = 0).  8M + 2S. */
static OUT_OF_LINE limb xt_add_affine(const field *f, extended *z, const extended *p, const affine *q) {
    fe h, r, s, t, v;
    fe_mul(f, h, q->x, p->zz);
    fe_mul(f, r, q->y, p->zzz);
    fe_sub(f, h, h, p->x); /* H = x ZZ - X */
    fe_sub(f, r, r, p->y); /* r = y ZZZ - Y */
    limb equal = fe_is_zero(h) & fe_is_zero(r);
    fe_sqr(f, t, h);
    fe_sqr(f, s, r);
    fe_mul(f, v, p->x, t); /* X H^2 */
    fe_mul(f, h, h, t);    /* H^3 */
    fe_sub(f, s, s, v);
    fe_sub(f, s, s, v);
    fe_mul(f, z->zz, p->zz, t);
    fe_sub(f, z->x, s, h); /* r^2 - 2 X H^2 - H^3 */
    fe_mul(f, z->zzz, p->zzz, h);
    fe_neg(f, h, h);
    fe_sub(f, v, v, z->x);
    fe_mul_add(f, z->y, v, r, p->y, h); /* r (X H^2 - X') - Y H^3 */
    return equal;
}

/* z := p + q, complete; z may be p. */
static OUT_OF_LINE void xt_add_affine_complete(const field *f, extended *z, const extended *p, const affine *q) {
    extended sum, other;
    limb infinity = fe_is_zero(p->zz);
    limb equal = xt_add_affine(f, &sum, p, q);
    xt_from_affine(f, &other, q);
    xt_select(infinity, &sum, &other, &sum);
    xt_double_affine(f, &other, q);
    xt_select(equal & ~infinity, z, &other, &sum);
}

#endif
