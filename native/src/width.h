/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of curve_ops.h for LIMBS words; each width*.c includes this once. */
#include "curve_ops.h"
#include "lanes.h"
#include "mul.h"

static const struct domain domains[] = {DOMAIN_ROWS};

static const struct domain *domain_of(const struct curve *c) {
    const struct domain *domain = domains;
    while (domain->number != c->number) domain++;
    return domain;
}

/* ---- bytes -------------------------------------------------------------------------------------------------------------- */

/* All ones if X and Y are below p; the point is that of the twin. */
static limb point_read(const struct domain *c, affine *z, const uint8_t *point) {
    limb below = fe_from_bytes(&c->p, z->x, point + 1) & fe_from_bytes(&c->p, z->y, point + 1 + ELEMENT_BYTES);
    fe_mul(&c->p, z->x, z->x, c->to_x);
    fe_mul(&c->p, z->y, z->y, c->to_y);
    return below;
}

/* Zeroes if the mask is zero; the mask as an answer. */
static int point_write(const struct domain *c, uint8_t *point, const affine *p, limb mask) {
    affine q;
    fe_mul(&c->p, q.x, p->x, c->from_x);
    fe_mul(&c->p, q.y, p->y, c->from_y);
    point[0] = 4 & (uint8_t)mask;
    for (int i = 0; i < LIMBS; i++) {
        q.x[i] &= mask;
        q.y[i] &= mask;
    }
    fe_to_bytes(&c->p, point + 1, q.x);
    fe_to_bytes(&c->p, point + 1 + ELEMENT_BYTES, q.y);
    return (int)(mask & 1);
}

/* ---- keys --------------------------------------------------------------------------------------------------------------- */

static int op_scalar_in_range(const struct curve *curve, const uint8_t *scalar) {
    sc k;
    int in_range = (int)(sc_from_bytes(&domain_of(curve)->n, k, scalar) & 1);
    wipe(k, sizeof k);
    return in_range;
}

static int op_point_check_vartime(const struct curve *curve, const uint8_t *point) {
    const struct domain *c = domain_of(curve);
    affine q;
    return point[0] == 4 && point_read(c, &q, point) && pt_on_curve(&c->p, c->b, &q);
}

static int op_base_mul(const struct curve *curve, const uint8_t *scalar, uint8_t *point) {
    const struct domain *c = domain_of(curve);
    sc k;
    extended product;
    affine q;
    limb in_range = sc_from_bytes(&c->n, k, scalar);
    base_mul(c, &product, k);
    xt_to_affine(&c->p, &q, &product);
    wipe(k, sizeof k);
    wipe(&product, sizeof product); /* its Z is one of few that k can give */
    return point_write(c, point, &q, in_range);
}

static int op_point_mul(const struct curve *curve, const uint8_t *scalar, const uint8_t *point, uint8_t *out) {
    const struct domain *c = domain_of(curve);
    sc k;
    jacobian product;
    affine q;
    limb in_range = sc_from_bytes(&c->n, k, scalar);
    (void)point_read(c, &q, point);
    limb good = point_mul(c, &product, k, &q) & in_range;
    pt_to_affine(&c->p, &q, &product);
    good &= pt_on_curve(&c->p, c->b, &q);
    wipe(k, sizeof k);
    wipe(&product, sizeof product);
    int done = point_write(c, out, &q, good);
    wipe(&q, sizeof q);
    return done;
}

static int op_point_add(const struct curve *curve, const uint8_t *p, const uint8_t *q, uint8_t *out) {
    const struct domain *c = domain_of(curve);
    jacobian sum;
    affine a, b;
    (void)point_read(c, &a, p);
    (void)point_read(c, &b, q);
    pt_from_affine(&c->p, &sum, &a);
    pt_add_affine_complete(&c->p, &sum, &sum, &b);
    limb finite = ~fe_is_zero(sum.z);
    pt_to_affine(&c->p, &a, &sum);
    int done = point_write(c, out, &a, finite);
    wipe(&sum, sizeof sum);
    wipe(&a, sizeof a);
    wipe(&b, sizeof b);
    return done;
}

/* ---- ECDSA -------------------------------------------------------------------------------------------------------------- */

static int op_sign(const struct curve *curve, const uint8_t *d_bytes, const uint8_t *k_bytes, const uint8_t *hash, size_t hash_length,
                   uint8_t *signature) {
    const struct domain *c = domain_of(curve);
    struct {
        sc d, k, e, r, s, inverse;
        fe x;
        extended point;
    } v;
    limb good = sc_from_bytes(&c->n, v.d, d_bytes) & sc_from_bytes(&c->n, v.k, k_bytes);
    sc_from_hash(&c->n, v.e, hash, hash_length);
    FAULT(FAULT_KEY, v.d);
    FAULT(FAULT_NONCE, v.k);
    FAULT(FAULT_HASH, v.e);

    base_mul(c, &v.point, v.k);
    mod_inv_pair(&c->p, v.x, v.point.zz, c->p.r2, &c->n, v.inverse, v.k, c->n.one); /* 1 / ZZ, R / k */
    FAULT(FAULT_INVERSES, v.inverse);
    FAULT(FAULT_INVERSES, v.x);
    fe_mul(&c->p, v.x, v.x, v.point.x);
    fe_mul(&c->p, v.x, v.x, c->from_x);
    mont_to_plain(&c->p, v.x, v.x);
    sc_reduce(&c->n, v.r, v.x);
    FAULT(FAULT_R, v.r);

    mont_from_plain(&c->n, v.d, v.d);
    sc_mul(&c->n, v.s, v.r, v.d);
    mod_add(&c->n, v.s, v.s, v.e);
    sc_mul(&c->n, v.s, v.s, v.inverse);
    good &= ~limbs_is_zero(v.r) & ~limbs_is_zero(v.s);
    for (int i = 0; i < LIMBS; i++) {
        v.r[i] &= good;
        v.s[i] &= good;
    }
    bytes_from_limbs(signature, v.r);
    bytes_from_limbs(signature + ELEMENT_BYTES, v.s);
    FAULT(FAULT_SIGNATURE, *(uint8_t(*)[32])signature);
    wipe(&v, sizeof v);
    return (int)(good & 1);
}

/* ---- checks ------------------------------------------------------------------------------------------------------------- */

/* All ones if a point of the twin with this x, doubled, has the x of p: X 4 (x^3 - 3x + b) = ZZ ((x^2 + 3)^2 - 8 b x). */
static limb double_has_x(const struct domain *c, const fe x, const extended *p) {
    const field *f = &c->p;
    fe square, three, above, below;
    fe_add(f, three, f->one, f->one);
    fe_add(f, three, three, f->one);
    fe_sqr(f, square, x);
    fe_add(f, above, square, three);
    fe_sqr(f, above, above);
    fe_mul(f, below, c->b, x);
    for (int i = 0; i < 3; i++) fe_add(f, below, below, below);
    fe_sub(f, above, above, below);
    fe_sub(f, below, square, three);
    fe_mul(f, below, below, x);
    fe_add(f, below, below, c->b);
    for (int i = 0; i < 2; i++) fe_add(f, below, below, below);
    fe_mul(f, above, above, p->zz);
    fe_mul(f, below, below, p->x);
    return fe_equal(above, below) & ~fe_is_zero(p->zz);
}

/* The same for the x of the curve that is r modulo n. */
static limb double_of_r_has_x(const struct domain *c, const sc r, const extended *p) {
    fe x;
    limb above[LIMBS];
    mont_from_plain(&c->p, x, r); /* n is below p */
    fe_mul(&c->p, x, x, c->to_x);
    limb good = double_has_x(c, x, p);
    limb below = ~limb_mask(limbs_add(above, r, c->n.m)) & limbs_less(above, c->p.m);
    mont_from_plain(&c->p, x, above);
    fe_mul(&c->p, x, x, c->to_x);
    return good | (below & double_has_x(c, x, p));
}

/* z := (2k) G */
static void twice_base(const struct domain *c, extended *z, const sc k) {
    sc twice;
    mod_add(&c->n, twice, k, k);
    base_mul(c, z, twice);
    wipe(twice, sizeof twice);
}

static int op_sign_check(const struct curve *curve, const uint8_t *negative, const uint8_t *k_bytes, const uint8_t *hash,
                         size_t hash_length, const uint8_t *signature) {
    const struct domain *c = domain_of(curve);
    struct {
        sc d, k, e, r, s;
        extended point;
    } v;
    limb good = sc_from_bytes(&c->n, v.r, signature) & sc_from_bytes(&c->n, v.s, signature + ELEMENT_BYTES) &
                sc_from_bytes(&c->n, v.d, negative) & sc_from_bytes(&c->n, v.k, k_bytes);
    sc_from_hash(&c->n, v.e, hash, hash_length);
    twice_base(c, &v.point, v.k);
    good &= double_of_r_has_x(c, v.r, &v.point);
    mont_from_plain(&c->n, v.k, v.k);
    sc_mul(&c->n, v.k, v.s, v.k);
    mont_from_plain(&c->n, v.d, v.d);
    sc_mul(&c->n, v.d, v.r, v.d);
    mod_add(&c->n, v.k, v.k, v.d);
    good &= limbs_equal(v.k, v.e);
    wipe(&v, sizeof v);
    return (int)(good & 1);
}

static int op_base_check(const struct curve *curve, const uint8_t *scalar, const uint8_t *point) {
    const struct domain *c = domain_of(curve);
    sc k;
    extended sum, doubled;
    affine q;
    fe left, right;
    limb good = sc_from_bytes(&c->n, k, scalar) & point_read(c, &q, point) & limb_is_zero(point[0] ^ 4U);
    good &= pt_on_curve(&c->p, c->b, &q);
    twice_base(c, &sum, k);
    xt_double_affine(&c->p, &doubled, &q);
    fe_mul(&c->p, left, doubled.x, sum.zz);
    fe_mul(&c->p, right, sum.x, doubled.zz);
    good &= fe_equal(left, right);
    fe_mul(&c->p, left, doubled.y, sum.zzz);
    fe_mul(&c->p, right, sum.y, doubled.zzz);
    good &= fe_equal(left, right);
    wipe(k, sizeof k);
    wipe(&sum, sizeof sum);
    return (int)(good & 1);
}

/* ---- both --------------------------------------------------------------------------------------------------------------- */

static int op_base_mul_checked(const struct curve *curve, const uint8_t *scalar, uint8_t *point) {
    int done = op_base_mul(curve, scalar, point);
    return done & op_base_check(curve, scalar, point);
}

static void op_sign_checked(const struct curve *curve, struct sign_job *job) {
    int done = op_sign(curve, job->key, job->nonce, job->hash, job->hash_length, job->signature);
    int good = op_sign_check(curve, job->negative, job->nonce, job->hash, job->hash_length, job->signature);
    job->result = ((done - 1) & SECMOD_E_SCALAR) | (-done & (good - 1) & SECMOD_E_FAULT);
}

/* ---- verification ------------------------------------------------------------------------------------------------------- */

/* All ones if the candidate, any number below R, is below p and x / zz is it. */
static limb x_is_vartime(const struct domain *c, const limb candidate[LIMBS], const fe x, const fe zz) {
    fe t;
    mont_from_plain(&c->p, t, candidate);
    fe_mul(&c->p, t, t, zz);
    return limbs_less(candidate, c->p.m) & fe_equal(t, x);
}

/* 1 if X / ZZ, the x of a point other than infinity, is r modulo n. */
static int x_is_r_vartime(const struct domain *c, const fe x, const fe zz, const sc r) {
    fe mapped;
    limb above[LIMBS];
    if (fe_is_zero(zz)) return 0;
    fe_mul(&c->p, mapped, x, c->from_x);
    if (x_is_vartime(c, r, mapped, zz)) return 1;
    return limbs_add(above, r, c->n.m) == 0 && x_is_vartime(c, above, mapped, zz);
}

/* e / s and r / s, from R / s. */
static void verify_factors(const struct domain *c, sc u1, sc u2, const sc e, const sc r, const sc inverse) {
    sc_mul(&c->n, u1, e, inverse);
    sc_mul(&c->n, u2, r, inverse);
}

static int verify_kept_vartime(const struct domain *c, const kept_table *kept, const sc e, const sc r, const sc s) {
    sc u1, u2, inverse;
    extended sum = {.zz = {0}};
    mod_inv(&c->n, inverse, s, c->n.one);
    verify_factors(c, u1, u2, e, r, inverse);
    comb_add_vartime(c, &sum, kept->rows[0], KEPT_WINDOW, u2);
    comb_add_vartime(c, &sum, (const affine *)c->comb, COMB_WINDOW, u1);
    return x_is_r_vartime(c, sum.x, sum.zz, r);
}

static int verify_fresh_vartime(const struct domain *c, const affine *q, const sc e, const sc r, const sc s) {
    sc u1, u2, inverse;
    affine row[NAF_ROW];
    fe ratios[NAF_ROW], last, zz;
    jacobian sum;
    row_make_ratios(&c->p, row, ratios, q, NAF_ROW);
    mod_inv_pair(&c->p, last, ratios[0], c->p.r2, &c->n, inverse, s, c->n.one);
    row_normalise(&c->p, row, ratios, last, NAF_ROW);
    verify_factors(c, u1, u2, e, r, inverse);
    double_mul_vartime(c, &sum, u1, u2, row);
    fe_sqr(&c->p, zz, sum.z);
    return x_is_r_vartime(c, sum.x, zz, r);
}

static int op_verify_vartime(const struct curve *curve, const kept_table *kept, const uint8_t *point, const uint8_t *hash,
                             size_t hash_length, const uint8_t *signature) {
    const struct domain *c = domain_of(curve);
    affine q;
    sc r, s, e;
    if (!sc_from_bytes(&c->n, r, signature) || !sc_from_bytes(&c->n, s, signature + ELEMENT_BYTES)) return 0;
    sc_from_hash(&c->n, e, hash, hash_length);
    if (kept != NULL) return verify_kept_vartime(c, kept, e, r, s);
    (void)point_read(c, &q, point);
    return verify_fresh_vartime(c, &q, e, r, s);
}

static void op_kept_make_vartime(const struct curve *curve, const uint8_t *point, kept_table *kept) {
    const struct domain *c = domain_of(curve);
    affine q;
    (void)point_read(c, &q, point);
    kept_make(c, kept, &q);
}

const struct curve_ops OPS_NAME = {
    .path = OPS_PATH,
    .kept_bytes = sizeof(struct kept_table),
    .scalar_in_range = op_scalar_in_range,
    .point_check_vartime = op_point_check_vartime,
    .base_mul = op_base_mul,
    .point_mul = op_point_mul,
    .point_add = op_point_add,
    .sign = op_sign,
    .sign_check = op_sign_check,
    .base_check = op_base_check,
    .base_mul_checked = op_base_mul_checked,
    .sign_checked = op_sign_checked,
    .verify_vartime = op_verify_vartime,
    .kept_make_vartime = op_kept_make_vartime,
};

#ifdef OPS_LANES_NAME /* batches, and what one operation gains from lanes */
const struct curve_ops OPS_LANES_NAME = {
    .path = "lanes",
    .kept_bytes = sizeof(struct kept_table),
    .scalar_in_range = op_scalar_in_range,
    .point_check_vartime = op_point_check_vartime,
    .base_mul = lanes_base_mul,
    .point_mul = op_point_mul,
    .point_add = op_point_add,
    .sign = lanes_sign,
    .sign_check = op_sign_check,
    .base_check = op_base_check,
    .base_mul_checked = lanes_base_mul_checked,
    .sign_checked = lanes_sign_checked,
    .verify_vartime = op_verify_vartime,
    .kept_make_vartime = op_kept_make_vartime,
    .base_mul_many = lanes_base_mul_many,
    .agree_many = lanes_agree_many,
    .sign_many = lanes_sign_many,
    .verify_many_vartime = lanes_verify_many_vartime,
};
#endif
