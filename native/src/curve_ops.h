/* SPDX-License-Identifier: Apache-2.0 */
/* What can be done with a curve, one set of functions for each width and code path.
 *
 * L is field_bytes of the curve.  Scalars are big-endian, L bytes; points 04 X Y, 1 + 2L bytes; signatures r || s, 2L bytes.
 * Outputs may alias inputs.  Functions return 1 for yes and done, 0 for no, and then outputs are zeroed.  They are constant time in all that is
 * passed to them, except lengths and the answer itself, unless named _vartime. */
#ifndef SECMOD_CURVE_OPS_H
#define SECMOD_CURVE_OPS_H

#include "jobs.h"

/* Multiples of a public key, so that it is verified with again without doublings: kept_bytes of memory at any address divisible by
 * 64, filled by kept_make_vartime. */
typedef struct kept_table kept_table;

struct curve_ops {
    const char *path;  /* "portable", "adx" or "lanes" */
    size_t kept_bytes; /* room for a kept table: 128 KiB for the widest curve */

    /* 1 if 1 <= scalar <= n - 1. */
    int (*scalar_in_range)(const struct curve *c, const uint8_t *scalar);
    /* 1 if the point is 04 X Y with X, Y < p, and on the curve. */
    int (*point_check_vartime)(const struct curve *c, const uint8_t *point);
    /* point := k G; 0 if k is not in [1, n - 1]. */
    int (*base_mul)(const struct curve *c, const uint8_t *scalar, uint8_t *point);
    /* out := k Q; 0 if k is not in [1, n - 1], or if a fault showed: a digit or point that reads otherwise a second time, or an outcome
     * that is not on the curve.  Q must have passed point_check_vartime. */
    int (*point_mul)(const struct curve *c, const uint8_t *scalar, const uint8_t *point, uint8_t *out);
    /* out := P + Q; 0 if that is infinity.  P and Q must have passed point_check_vartime. */
    int (*point_add)(const struct curve *c, const uint8_t *p, const uint8_t *q, uint8_t *out);
    /* ECDSA (TR-03111 4.2.1.1) with key d and nonce k; 0 if d or k is not in [1, n - 1], or r or s is 0. */
    int (*sign)(const struct curve *c, const uint8_t *d, const uint8_t *k, const uint8_t *hash, size_t hash_length, uint8_t *signature);
    /* 1 if the signature is what `sign` makes of n - d, k and this hash: R, with r for its x, doubled is (2k) G or -(2k) G, and
     * s k + r (n - d) is the hash. */
    int (*sign_check)(const struct curve *c, const uint8_t *negative, const uint8_t *k, const uint8_t *hash, size_t hash_length,
                      const uint8_t *signature);
    /* 1 if the point, doubled, is (2k) G, and on the curve. */
    int (*base_check)(const struct curve *c, const uint8_t *scalar, const uint8_t *point);
    /* base_mul and base_check of the point as it was written; sign and sign_check of the signature as it was written, which is left
     * there. */
    int (*base_mul_checked)(const struct curve *c, const uint8_t *scalar, uint8_t *point);
    void (*sign_checked)(const struct curve *c, struct sign_job *job);
    /* 1 if the signature is good.  `kept` is the table of the point, or NULL.  The point must have passed point_check_vartime. */
    int (*verify_vartime)(const struct curve *c, const kept_table *kept, const uint8_t *point, const uint8_t *hash,
                          size_t hash_length, const uint8_t *signature);
    /* Fills a table for verify_vartime.  The point must have passed point_check_vartime. */
    void (*kept_make_vartime)(const struct curve *c, const uint8_t *point, kept_table *kept);

    /* Batches of any count, or NULL: this path has nothing faster than one by one.  Points are validated here. */
    void (*base_mul_many)(const struct curve *c, struct base_job *jobs, size_t count);
    void (*agree_many)(const struct curve *c, struct point_job *jobs, size_t count); /* L bytes, X of the product */
    void (*sign_many)(const struct curve *c, struct sign_job *jobs, size_t count);
    void (*verify_many_vartime)(const struct curve *c, struct verify_job *jobs, size_t count);
};

/* The functions for a curve: the fastest path of this CPU, or what the environment variable SECMOD_CORE names (portable, adx,
 * lanes), if the CPU has it.  Chosen once. */
const struct curve_ops *curve_ops_of(const struct curve *c);

/* The functions of one path, for tests and measurements; NULL if there are none of this name on this CPU. */
const struct curve_ops *curve_ops_of_path(const struct curve *c, const char *path);

/* Those of every width: words of an element, and path. */
extern const struct curve_ops curve_ops_4_portable, curve_ops_6_portable, curve_ops_8_portable;
#if defined(__x86_64__)
extern const struct curve_ops curve_ops_4_adx, curve_ops_6_adx, curve_ops_8_adx;
extern const struct curve_ops curve_ops_4_lanes, curve_ops_6_lanes, curve_ops_8_lanes;
#endif

#endif
