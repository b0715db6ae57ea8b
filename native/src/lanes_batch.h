/* SPDX-License-Identifier: Apache-2.0 */
/* Multiples of points for up to eight jobs, and what every kind of job comes in and goes out by.  Lanes without a job, or with one that
 * is refused, compute on the scalar 1 and the base point. */
#ifndef LANES_BATCH_H
#define LANES_BATCH_H

#define MAX_BYTES 64

static const uint8_t batch_nothing[1 + 2 * MAX_BYTES];

/* The lanes whose number is below m, and those that are also not zero. */
LANES_INLINE __mmask8 in_field(const struct fe *x, const struct lanes_modulus *m) { return fe_below(x, 1, m); }

LANES_INLINE __mmask8 in_range(const struct fe *x, const struct lanes_modulus *m) {
    return (__mmask8)(fe_below(x, 1, m) & ~fe_is_zero(x));
}

LANES_INLINE __mmask8 lane_mask(size_t count) { return (__mmask8)((1U << count) - 1U); }

/* Reads the scalars of [1, n-1]; 1 elsewhere. */
LANES_INLINE __mmask8 scalars_load(struct fe *k, const uint8_t *const bytes[8], size_t length, int same,
                                   const struct lanes_modulus *n) {
    struct fe one;
    fe_load(k, bytes, length, same);
    const __mmask8 good = in_range(k, n);
    fe_small(&one, 1);
    fe_select(k, (__mmask8)~good, &one);
    return good;
}

/* The same, doubled modulo n. */
LANES_INLINE void scalars_load_twice(struct fe *k, const uint8_t *const bytes[8], size_t length, int same,
                                     const struct lanes_modulus *n) {
    (void)scalars_load(k, bytes, length, same, n);
    fe_add(k, k, k);
    fe_canonical(k, n);
}

/* Reads points of the curve into the twin; the base point elsewhere. */
LANES_CALL __mmask8 points_load(struct affine *p, const uint8_t *const bytes[8], size_t length, int same,
                                const struct lanes_curve *c) {
    const uint8_t *x[8], *y[8];
    struct affine base;
    __mmask8 good = 0;
    for (int lane = 0; lane < 8; lane++) {
        x[lane] = bytes[lane] + 1;
        y[lane] = bytes[lane] + 1 + length;
        good = (__mmask8)(good | (bytes[lane][0] == 0x04) << lane);
    }
    fe_load(&p->x, x, length, same);
    fe_load(&p->y, y, length, same);
    good &= in_field(&p->x, &c->p) & in_field(&p->y, &c->p);
    fe_mul_constant(&p->x, &p->x, c->x_in, &c->p);
    fe_mul_constant(&p->y, &p->y, c->y_in, &c->p);
    fe_canonical(&p->x, &c->p);
    fe_canonical(&p->y, &c->p);
    good &= pt_on_curve(p, c);
    fe_all(&base.x, c->x);
    fe_all(&base.y, c->y);
    fe_select(&p->x, (__mmask8)~good, &base.x);
    fe_select(&p->y, (__mmask8)~good, &base.y);
    return good;
}

/* The leftmost bytes of the hashes, as numbers below R. */
LANES_CALL void hashes_load(struct fe *e, const uint8_t *const hashes[8], const size_t lengths[8], size_t length,
                            int same) {
    uint8_t rows[8][MAX_BYTES];
    const uint8_t *bytes[8];
    memset(rows, 0, same ? sizeof rows[0] : sizeof rows);
    for (int lane = 0; lane < (same ? 1 : 8); lane++) {
        const size_t used = lengths[lane] < length ? lengths[lane] : length;
        if (used > 0) memcpy(rows[lane] + length - used, hashes[lane], used);
        bytes[lane] = rows[lane];
    }
    fe_load(e, bytes, length, same);
}

/* x from the twin and 1 / z: canonical, out of Montgomery form. */
LANES_INLINE void x_out(struct fe *x, const struct pt *p, const struct fe *inverse, const struct lanes_curve *c) {
    struct fe square;
    fe_square(&square, inverse, &c->p);
    fe_mul(x, &p->x, &square, &c->p);
    fe_mul_constant(x, x, c->x_out, &c->p);
    fe_canonical(x, &c->p);
}

LANES_INLINE void y_out(struct fe *y, const struct pt *p, const struct fe *inverse, const struct lanes_curve *c) {
    struct fe cube;
    fe_square(&cube, inverse, &c->p);
    fe_mul(&cube, &cube, inverse, &c->p);
    fe_mul(y, &p->y, &cube, &c->p);
    fe_mul_constant(y, y, c->y_out, &c->p);
    fe_canonical(y, &c->p);
}

/* Numbers to the outputs of `count` lanes, zeroes in those that are not good.  No branch: whether a scalar is good is for the
 * caller to make public. */
LANES_CALL void numbers_store(uint8_t *const *out, size_t count, __mmask8 good, const struct fe *x, size_t length) {
    struct fe z;
    fe_small(&z, 0);
    fe_select(&z, good, x);
    fe_store(out, count, &z, length);
    wipe(&z, sizeof z);
}

LANES_CALL void points_store(uint8_t *const *out, size_t count, __mmask8 good, const struct pt *p, size_t length,
                             const struct lanes_curve *c, int x_only) {
    struct {
        struct fe z, inverse, x, y;
    } w;
    uint8_t *at[8] = {NULL};
    w.z = p->z;
    fe_canonical(&w.z, &c->p);
    fe_invert(&w.inverse, &w.z, &c->p);
    x_out(&w.x, p, &w.inverse, c);
    for (size_t lane = 0; lane < count; lane++) at[lane] = out[lane] + (x_only ? 0 : 1);
    numbers_store(at, count, good, &w.x, length);
    if (!x_only) {
        y_out(&w.y, p, &w.inverse, c);
        for (size_t lane = 0; lane < count; lane++) {
            out[lane][0] = (uint8_t)((good >> lane & 1) << 2); /* 04 */
            at[lane] = out[lane] + 1 + length;
        }
        numbers_store(at, count, good, &w.y, length);
    }
    wipe(&w, sizeof w);
}

/* SECMOD_OK or the error, without a branch. */
LANES_INLINE int lane_result(__mmask8 good, size_t lane, int error) { return ((int)(good >> lane & 1) - 1) & error; }

/* The same for two steps: the second one's error only where the first one went well. */
LANES_INLINE int lane_results(__mmask8 good, int error, __mmask8 checked, int second, size_t lane) {
    return lane_result(good, lane, error) | lane_result((__mmask8)(checked | ~good), lane, second);
}

/* ---- multiples of the base point --------------------------------------------------------------------------------------------- */

/* The lanes whose point, as it was written, doubled is `twice`; they are on the curve. */
LANES_CALL __mmask8 points_hold(const uint8_t *const points[8], const struct pt *twice, size_t bytes, int same,
                                const struct lanes_curve *c) {
    struct affine q;
    struct pt doubled;
    const __mmask8 good = points_load(&q, points, bytes, same, c);
    pt_from_affine(&doubled, &q, &c->p);
    pt_double(&doubled, &doubled, &c->p);
    return good & pt_same(&doubled, twice, &c->p);
}

/* Bit 0 is set if all of bits 4 to 7 are: the lanes of a check that is spread. */
LANES_INLINE __mmask8 spread_all(__mmask8 mask) { return (__mmask8)((unsigned int)(mask >> 4) + 1U) >> 4; }

/* One job: the base point's multiple is shared out, the rest costs what eight cost.  A job that is checked has k G in lanes 0 to 3
 * and (2k) G in lanes 4 to 7.  No addition is left out or made wrong in both alike without being seen, even if it is the same
 * instruction's fault: digits are odd, so what is missing from 2k is never twice what is missing from k. */
static void spread_base_mul(const struct lanes_curve *c, const void *comb, size_t bytes, struct base_job *job) {
    struct {
        struct fe k, twice;
        struct pt p;
    } w;
    const uint8_t *scalars[8] = {job->scalar}, *points[8];
    uint8_t *out[1] = {job->point};
    const __mmask8 good = scalars_load(&w.k, scalars, bytes, 1, &c->n);
    __mmask8 holds = 1;
    if (job->checked) {
        scalars_load_twice(&w.twice, scalars, bytes, 1, &c->n);
        fe_select(&w.k, 0xF0, &w.twice);
        base_mul_two(&w.p, comb, &w.k, c);
    } else {
        base_mul_spread(&w.p, comb, &w.k, c);
    }
    points_store(out, 1, good, &w.p, bytes, c, 0);
    if (job->checked) {
        for (int lane = 0; lane < 8; lane++) points[lane] = job->point;
        holds = spread_all(points_hold(points, &w.p, bytes, 1, c));
    }
    job->result = lane_results(good, SECMOD_E_SCALAR, holds, SECMOD_E_FAULT, 0);
    wipe(&w, sizeof w);
}

static void batch_base_mul(const struct lanes_curve *c, const void *comb, size_t bytes, struct base_job *jobs,
                           size_t count) {
    struct {
        struct fe k;
        struct pt p;
    } w;
    const uint8_t *scalars[8], *points[8];
    uint8_t *out[8] = {NULL};
    __mmask8 unchecked = 0xFF, holds = 0;
    for (size_t lane = 0; lane < 8; lane++) {
        scalars[lane] = lane < count ? jobs[lane].scalar : batch_nothing;
        points[lane] = out[lane] = lane < count ? jobs[lane].point : NULL;
        if (lane >= count) points[lane] = batch_nothing;
        if (lane < count && jobs[lane].checked) unchecked = (__mmask8)(unchecked & ~(1U << lane));
    }
    const __mmask8 good = scalars_load(&w.k, scalars, bytes, 0, &c->n) & lane_mask(count);
    base_mul(&w.p, comb, &w.k, c);
    points_store(out, count, good, &w.p, bytes, c, 0);
    if (unchecked != 0xFF) { /* public */
        scalars_load_twice(&w.k, scalars, bytes, 0, &c->n);
        base_mul(&w.p, comb, &w.k, c);
        holds = points_hold(points, &w.p, bytes, 0, c);
    }
    for (size_t lane = 0; lane < count; lane++) {
        jobs[lane].result = lane_results(good, SECMOD_E_SCALAR, holds | unchecked, SECMOD_E_FAULT, lane);
    }
    wipe(&w, sizeof w);
}

/* ---- multiples of any point -------------------------------------------------------------------------------------------------- */

static void batch_point_mul(const struct lanes_curve *c, size_t bytes, struct point_job *jobs, size_t count, int x_only) {
    struct {
        struct fe k;
        struct affine q;
        struct pt p;
    } w;
    const uint8_t *scalars[8], *points[8];
    uint8_t *out[8] = {NULL};
    for (size_t lane = 0; lane < 8; lane++) {
        scalars[lane] = lane < count ? jobs[lane].scalar : batch_nothing;
        points[lane] = lane < count ? jobs[lane].point : batch_nothing;
    }
    const __mmask8 scalar_good = scalars_load(&w.k, scalars, bytes, 0, &c->n);
    const __mmask8 point_good = points_load(&w.q, points, bytes, 0, c);
    const __mmask8 good = scalar_good & point_good & lane_mask(count);
    point_mul(&w.p, &w.k, &w.q, c);
    for (size_t lane = 0; lane < count; lane++) {
        out[lane] = jobs[lane].out;
        const int scalar = lane_result(scalar_good, lane, SECMOD_E_SCALAR);
        jobs[lane].result = point_good >> lane & 1 ? scalar : SECMOD_E_POINT; /* points are public */
    }
    points_store(out, count, good, &w.p, bytes, c, x_only);
    wipe(&w, sizeof w);
}

static void batch_comb_make(void *comb, const struct lanes_curve *c) { comb_make(comb, c); }

#endif
