/* SPDX-License-Identifier: Apache-2.0 */
/* The constants of the curves of LIMBS words, generated from native/curves.toml. */
#ifndef SECMOD_DOMAIN_H
#define SECMOD_DOMAIN_H

#include "domains_gen.h"
#include "limbs.h"

#define DOMAIN_JOIN_(a, b) a##b
#define DOMAIN_JOIN(a, b) DOMAIN_JOIN_(a, b)
#define DOMAIN_ROWS DOMAIN_JOIN(DOMAIN_ROWS_, LIMBS)
#define COMB_WINDOW DOMAIN_JOIN(COMB_WINDOW_, LIMBS)
#define DIVSTEPS_ROUNDS DOMAIN_JOIN(DIVSTEPS_ROUNDS_, LIMBS)

/* A curve, computed on its isomorphic twin y^2 = x^3 - 3x + b over (x, y) -> (to_x * x, to_y * y).  Elements in Montgomery form. */
struct domain {
    int number; /* as in struct curve */
    modulus p, n;
    limb b[LIMBS];
    limb to_x[LIMBS], to_y[LIMBS], from_x[LIMBS], from_y[LIMBS];
    const limb *comb; /* see mul.h */
};

#endif
