/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic with points that are no key pairs, as PACE needs it: by libcrypto, behind octet strings, so that other arithmetic can
 * take its place.  Points are 04 X Y. */
#ifndef SECMOD_POINTS_H
#define SECMOD_POINTS_H

#include "curves.h"

/* product := scalar * base, or scalar * G if `base` is NULL; the scalar has field_bytes and is in [1, n-1].  SECMOD_OK,
 * SECMOD_E_POINT if the base is not on the curve or the product is infinity, SECMOD_E_LIBRARY. */
int point_multiply(const struct curve *curve, const uint8_t *scalar, const uint8_t *base, uint8_t *product);

/* mapped := s * G + h (TR-03110-3 A.3.4.1, generic mapping).  SECMOD_E_POINT if h is not on the curve, or the outcome is infinity,
 * G or -G. */
int point_map(const struct curve *curve, const uint8_t s[16], const uint8_t *h, uint8_t *mapped);

#endif
