/* SPDX-License-Identifier: Apache-2.0 */
/* Curve operations on CPUs with AVX512-IFMA: batches (jobs.h), eight at a time, and single ones spread over the lanes.  Any count of
 * jobs; a remainder below eight costs as much as eight.  Constant time in all numbers and in the results, except in points that
 * come in and in what a verification gets: those are public.
 *
 * Combs of base points are computed on first use, in 0.3 to 1.2 ms a curve, and kept: 1.3 MiB for the five.  Stack: 150 KiB on the
 * first use, later 105 KiB for batches and 40 KiB for single operations. */
#ifndef SECMOD_LANES_H
#define SECMOD_LANES_H

#include "jobs.h"

/* 1 if this CPU and operating system run the code behind this header.  Nothing else here may be called where they do not. */
int lanes_available(void);

void lanes_base_mul_many(const struct curve *curve, struct base_job *jobs, size_t count);
void lanes_point_mul_many(const struct curve *curve, struct point_job *jobs, size_t count);
/* The same with X of the product alone, the shared value Z of ECKA. */
void lanes_agree_many(const struct curve *curve, struct point_job *jobs, size_t count);
void lanes_sign_many(const struct curve *curve, struct sign_job *jobs, size_t count);
void lanes_verify_many_vartime(const struct curve *curve, struct verify_job *jobs, size_t count);

/* One operation spread over the lanes, an eighth of the additions in each; or a quarter, and in the other lanes those of its check.
 * As in curve_ops.h. */
int lanes_base_mul(const struct curve *curve, const uint8_t *scalar, uint8_t *point);
int lanes_base_mul_checked(const struct curve *curve, const uint8_t *scalar, uint8_t *point);
int lanes_sign(const struct curve *curve, const uint8_t *d, const uint8_t *k, const uint8_t *hash, size_t hash_length,
               uint8_t *signature);
void lanes_sign_checked(const struct curve *curve, struct sign_job *job);

/* Around fork: nobody is computing a comb in between. */
void lanes_fork_prepare(void);
void lanes_fork_done(void);

#endif
