/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures, their checks, and verification, for up to eight jobs. */
#ifndef LANES_SIGN_H
#define LANES_SIGN_H

/* s := (e + r d) / k mod n, from R / k in `inverse` = R^2 / (k as it is). */
LANES_INLINE void sign_s(struct fe *s, const struct fe *e, const struct fe *r, const struct fe *d, const struct fe *inverse,
                         const struct lanes_modulus *n) {
    struct fe one;
    fe_small(&one, 1);
    fe_mul_add(s, r, d, e, &one, n);
    fe_mul(s, s, inverse, n);
    fe_canonical(s, n);
}

/* Where the numbers of up to eight jobs are; zeroes in lanes without one.  Or those of one job, for all lanes. */
struct sign_numbers {
    const uint8_t *keys[8], *negatives[8], *nonces[8], *hashes[8], *r[8], *s[8];
    size_t hash_lengths[8];
    __mmask8 checked;
    int same;
};

static void sign_numbers_of(struct sign_numbers *z, const struct sign_job *jobs, size_t count, size_t bytes, int same) {
    static const struct sign_job nothing = {.key = batch_nothing,
                                            .nonce = batch_nothing,
                                            .hash = batch_nothing};
    z->same = same;
    z->checked = 0;
    for (size_t lane = 0; lane < 8; lane++) {
        const struct sign_job *job = same ? jobs : lane < count ? &jobs[lane] : &nothing;
        const uint8_t *signature = job == &nothing ? batch_nothing : job->signature;
        z->keys[lane] = job->key;
        z->nonces[lane] = job->nonce;
        z->negatives[lane] = job->negative != NULL ? job->negative : batch_nothing;
        z->hashes[lane] = job->hash;
        z->hash_lengths[lane] = job->hash_length;
        z->r[lane] = signature;
        z->s[lane] = signature + bytes;
        if (job->negative != NULL) z->checked = (__mmask8)(z->checked | 1U << lane);
    }
}

/* What sign_check of curve_ops.h asks, for signatures as they were written; `twice` is (2k) G in each lane.  Of one job, in lanes 4 to
 * 7, the first two try r and the others r + n, and the answer is in bit 0. */
LANES_CALL __mmask8 signatures_hold(const struct lanes_curve *c, size_t bytes, const struct sign_numbers *in, const struct pt *twice) {
    struct {
        struct fe r, s, k, d, e, x, other;
    } w;
    __mmask8 good = scalars_load(&w.r, in->r, bytes, in->same, &c->n) & scalars_load(&w.s, in->s, bytes, in->same, &c->n) &
                    scalars_load(&w.k, in->nonces, bytes, in->same, &c->n) &
                    scalars_load(&w.d, in->negatives, bytes, in->same, &c->n);
    hashes_load(&w.e, in->hashes, in->hash_lengths, bytes, in->same);
    fe_all(&w.other, c->n.times[1]);
    fe_add(&w.other, &w.other, &w.r);
    const __mmask8 has_other = fe_below(&w.other, 1, &c->p);
    fe_mul_add(&w.k, &w.s, &w.k, &w.r, &w.d, &c->n);
    fe_mul_one(&w.e, &w.e, &c->n);
    fe_sub(&w.k, &w.k, &w.e, 3, &c->n);
    good &= fe_vanishes(&w.k, &c->n);
    __mmask8 x_good;
    if (in->same) {
        fe_select(&w.r, 0xC0, &w.other);
        fe_mul_constant(&w.x, &w.r, c->x_in, &c->p);
        x_good = pt_is_double_of_x(twice, &w.x, c) & (has_other | 0x3F);
        good = spread_all(good) & (spread_all(x_good | 0xC0) | spread_all(x_good | 0x30));
    } else {
        fe_mul_constant(&w.x, &w.r, c->x_in, &c->p);
        x_good = pt_is_double_of_x(twice, &w.x, c);
        fe_mul_constant(&w.x, &w.other, c->x_in, &c->p);
        good &= x_good | (has_other & pt_is_double_of_x(twice, &w.x, c));
    }
    wipe(&w, sizeof w);
    return good;
}

/* Signs with the points k G, in the lanes of the mask; those where that was possible come back. */
LANES_CALL __mmask8 sign_with(const struct lanes_curve *c, size_t bytes, const struct sign_numbers *in, __mmask8 good, const struct fe *k,
                              const struct pt *p, struct sign_job *jobs, size_t count) {
    struct {
        struct fe k, d, e, z, z_inverse, k_inverse, r, s;
    } w;
    uint8_t *r[8] = {NULL}, *s[8] = {NULL};
    good &= scalars_load(&w.d, in->keys, bytes, in->same, &c->n);
    hashes_load(&w.e, in->hashes, in->hash_lengths, bytes, in->same);
    FAULT_LANES(FAULT_KEY, w.d);
    FAULT_LANES(FAULT_HASH, w.e);
    w.z = p->z;
    fe_canonical(&w.z, &c->p);
    fe_invert_two(&w.z_inverse, &w.z, &c->p, &w.k_inverse, k, &c->n);
    FAULT_LANES(FAULT_INVERSES, w.z_inverse);
    FAULT_LANES(FAULT_INVERSES, w.k_inverse);
    x_out(&w.r, p, &w.z_inverse, c);
    fe_canonical(&w.r, &c->n);
    FAULT_LANES(FAULT_R, w.r);
    sign_s(&w.s, &w.e, &w.r, &w.d, &w.k_inverse, &c->n);
    good &= (__mmask8) ~(fe_is_zero(&w.r) | fe_is_zero(&w.s));
    for (size_t lane = 0; lane < count; lane++) {
        r[lane] = jobs[lane].signature;
        s[lane] = jobs[lane].signature + bytes;
    }
    numbers_store(r, count, good, &w.r, bytes);
    numbers_store(s, count, good, &w.s, bytes);
    wipe(&w, sizeof w);
    return good;
}

/* Of one job, which has k G in lanes 0 to 3 and (2k) G in lanes 4 to 7 if it is checked (as in spread_base_mul), or up to eight. */
static void sign_jobs(const struct lanes_curve *c, const void *comb, size_t bytes, struct sign_job *jobs, size_t count,
                      int spread) {
    struct {
        struct fe k, twice;
        struct pt p, twice_p;
    } w;
    struct sign_numbers in;
    sign_numbers_of(&in, jobs, count, bytes, spread);
    __mmask8 good = scalars_load(&w.k, in.nonces, bytes, spread, &c->n), holds = 0;
    FAULT_LANES(FAULT_NONCE, w.k);
    if (in.checked) scalars_load_twice(&w.twice, in.nonces, bytes, spread, &c->n);
    if (spread && in.checked) {
        struct fe both = w.k;
        fe_select(&both, 0xF0, &w.twice);
        base_mul_two(&w.p, comb, &both, c);
        w.twice_p = w.p;
        wipe(&both, sizeof both);
    } else if (spread) {
        base_mul_spread(&w.p, comb, &w.k, c);
    } else {
        base_mul(&w.p, comb, &w.k, c);
        if (in.checked) base_mul(&w.twice_p, comb, &w.twice, c);
    }
    good = sign_with(c, bytes, &in, good, &w.k, &w.p, jobs, count);
    for (size_t lane = 0; lane < count; lane++) FAULT(FAULT_SIGNATURE, *(uint8_t(*)[32])jobs[lane].signature);
    if (in.checked) holds = signatures_hold(c, bytes, &in, &w.twice_p);
    for (size_t lane = 0; lane < count; lane++) {
        jobs[lane].result = lane_results(good, SECMOD_E_SCALAR, (__mmask8)(holds | ~in.checked), SECMOD_E_FAULT, lane);
    }
    wipe(&w, sizeof w);
}

static void batch_sign(const struct lanes_curve *c, const void *comb, size_t bytes, struct sign_job *jobs, size_t count) {
    sign_jobs(c, comb, bytes, jobs, count, 0);
}

static void spread_sign(const struct lanes_curve *c, const void *comb, size_t bytes, struct sign_job *job) {
    sign_jobs(c, comb, bytes, job, 1, 1);
}

/* The lanes where x / z^2 of the twin stands for an x that is r mod n: r or r + n. */
LANES_INLINE __mmask8 x_is(const struct pt *p, const struct fe *r, const struct lanes_curve *c) {
    struct fe zz, x, other = *r, n;
    fe_square(&zz, &p->z, &c->p);
    x = p->x;
    fe_canonical(&x, &c->p);
    fe_all(&n, c->n.times[1]);
    fe_add(&other, &other, &n);
    const __mmask8 has_other = fe_below(&other, 1, &c->p);
    __mmask8 same = 0;
    const struct fe *candidates[2] = {r, &other};
    for (int i = 0; i < 2; i++) {
        struct fe scaled;
        fe_mul_constant(&scaled, candidates[i], c->x_in, &c->p);
        fe_mul(&scaled, &scaled, &zz, &c->p);
        fe_canonical(&scaled, &c->p);
        raw_sub(&scaled, &scaled, &x);
        same |= (__mmask8)(fe_is_zero(&scaled) & (i == 0 ? 0xFF : has_other));
    }
    return same;
}

static void batch_verify(const struct lanes_curve *c, const void *comb, size_t bytes, struct verify_job *jobs,
                         size_t count) {
    const uint8_t *points[8], *hashes[8], *r_bytes[8], *s_bytes[8];
    size_t hash_lengths[8];
    for (size_t lane = 0; lane < 8; lane++) {
        const int job = lane < count;
        points[lane] = job ? jobs[lane].point : batch_nothing;
        hashes[lane] = job ? jobs[lane].hash : batch_nothing;
        hash_lengths[lane] = job ? jobs[lane].hash_length : 0;
        r_bytes[lane] = job ? jobs[lane].signature : batch_nothing;
        s_bytes[lane] = job ? jobs[lane].signature + bytes : batch_nothing;
    }
    struct affine q;
    struct fe r, s, e, w, u1, u2, one;
    struct pt p1, p2, sum;
    const __mmask8 point_good = points_load(&q, points, bytes, 0, c);
    __mmask8 good = point_good & scalars_load(&r, r_bytes, bytes, 0, &c->n) & scalars_load(&s, s_bytes, bytes, 0, &c->n);
    hashes_load(&e, hashes, hash_lengths, bytes, 0);
    fe_invert(&w, &s, &c->n);
    fe_mul_one(&e, &e, &c->n);
    fe_mul(&u1, &e, &w, &c->n);
    fe_mul_one(&u2, &r, &c->n);
    fe_mul(&u2, &u2, &w, &c->n);
    fe_canonical(&u1, &c->n);
    fe_canonical(&u2, &c->n);
    const __mmask8 u1_zero = fe_is_zero(&u1);
    fe_small(&one, 1);
    fe_select(&u1, u1_zero, &one);
    base_mul(&p1, comb, &u1, c);
    point_mul(&p2, &u2, &q, c);
    const __mmask8 infinite = pt_add(&sum, &p1, &p2, &c->p);
    pt_select(&sum, u1_zero, &p2);
    good &= (__mmask8) ~(infinite & ~u1_zero);
    good &= x_is(&sum, &r, c);
    for (size_t lane = 0; lane < count; lane++) {
        jobs[lane].result = !(point_good >> lane & 1) ? SECMOD_E_POINT : good >> lane & 1 ? SECMOD_OK : SECMOD_E_SIGNATURE;
    }
}

#endif
