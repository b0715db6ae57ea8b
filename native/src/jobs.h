/* SPDX-License-Identifier: Apache-2.0 */
/* What batches of curve operations are made of: the operands of one operation each, and a result of its own.  A bad job does not
 * disturb its neighbours, and its output is zeroed.  Numbers are big-endian, L = field_bytes of the curve; points are 04 X Y. */
#ifndef SECMOD_JOBS_H
#define SECMOD_JOBS_H

#include "curves.h"

/* k * G */
struct base_job {
    const uint8_t *scalar; /* L bytes */
    uint8_t *point;        /* 1 + 2L bytes */
    int checked;           /* the point, as it was written, must have (2k) G for its double, and be on the curve */
    int result;            /* SECMOD_OK, SECMOD_E_SCALAR outside [1, n-1], SECMOD_E_FAULT after a check, with a point of no worth */
};

/* k * Q; Q is validated. */
struct point_job {
    const uint8_t *scalar, *point; /* L, 1 + 2L bytes */
    uint8_t *out;                  /* 1 + 2L bytes, or L if only X is asked for */
    int result;                    /* SECMOD_OK, SECMOD_E_POINT, SECMOD_E_SCALAR */
};

/* ECDSA with a given nonce. */
struct sign_job {
    const uint8_t *key, *nonce; /* L bytes each */
    const uint8_t *negative;    /* n - key: what has been signed is checked (sign_check of curve_ops.h); NULL: it is not */
    const uint8_t *hash;
    size_t hash_length; /* the leftmost bits up to those of n count */
    uint8_t *signature; /* r || s, 2L bytes */
    int result; /* SECMOD_OK; SECMOD_E_SCALAR: key or nonce outside [1, n-1], or r or s would be 0; SECMOD_E_FAULT after a check, with a
                   signature that must not leave */
};

struct verify_job {
    const uint8_t *point, *hash, *signature; /* 1 + 2L, hash_length, 2L bytes */
    size_t hash_length;
    int result; /* SECMOD_OK, SECMOD_E_POINT, SECMOD_E_SIGNATURE */
};

#endif
