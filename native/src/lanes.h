/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of curve operations, eight at a time, on CPUs with AVX512-IFMA.  A job holds the operands of one operation and gets its
 * own `result`; a bad job does not disturb its neighbours and its output is zeroed.  Numbers are big-endian, L = field_bytes of
 * the curve; points are 04 X Y.  Any count of jobs; a remainder below eight costs as much as eight.  Constant time in all numbers
 * and in the results, except in points that come in and in what a verification gets: those are public. */
#ifndef SECMOD_LANES_H
#define SECMOD_LANES_H

#include "curves.h"

/* 1 if this CPU and operating system run the code behind this header.  Nothing else here may be called where they do not. */
int lanes_available(void);

/* k * G */
struct lanes_base_job {
    const uint8_t *scalar; /* L bytes */
    uint8_t *point;        /* 1 + 2L bytes */
    int result;            /* SECMOD_OK, or SECMOD_E_SCALAR outside [1, n-1] */
};

/* k * Q; Q is validated. */
struct lanes_point_job {
    const uint8_t *scalar, *point; /* L, 1 + 2L bytes */
    uint8_t *out;                  /* 1 + 2L bytes, or L if only X is asked for */
    int result;                    /* SECMOD_OK, SECMOD_E_POINT, SECMOD_E_SCALAR */
};

/* ECDSA with a given nonce. */
struct lanes_sign_job {
    const uint8_t *key, *nonce; /* L bytes each */
    const uint8_t *hash;
    size_t hash_length; /* the leftmost bits up to those of n count */
    uint8_t *signature; /* r || s, 2L bytes */
    int result;         /* SECMOD_OK; SECMOD_E_SCALAR: key or nonce outside [1, n-1], or r or s would be 0 */
};

struct lanes_verify_job {
    const uint8_t *point, *hash, *signature; /* 1 + 2L, hash_length, 2L bytes */
    size_t hash_length;
    int result; /* SECMOD_OK, SECMOD_E_POINT, SECMOD_E_SIGNATURE */
};

void lanes_base_mul_many(const struct curve *curve, struct lanes_base_job *jobs, size_t count);
void lanes_point_mul_many(const struct curve *curve, struct lanes_point_job *jobs, size_t count);
/* The same with X of the product alone, the shared value Z of ECKA. */
void lanes_agree_many(const struct curve *curve, struct lanes_point_job *jobs, size_t count);
void lanes_sign_many(const struct curve *curve, struct lanes_sign_job *jobs, size_t count);
void lanes_verify_many_vartime(const struct curve *curve, struct lanes_verify_job *jobs, size_t count);

/* One operation spread over the lanes, for a single job: an eighth of the additions in each. */
void lanes_base_mul_one(const struct curve *curve, struct lanes_base_job *job);
void lanes_sign_one(const struct curve *curve, struct lanes_sign_job *job);

#endif
