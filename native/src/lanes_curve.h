/* SPDX-License-Identifier: Apache-2.0 */
/* What the lanes know of a curve: generated from curves.toml (generate_lanes.py), in limbs of 52 bits, R = 2^(52 * limbs). */
#ifndef SECMOD_LANES_CURVE_H
#define SECMOD_LANES_CURVE_H

#include <stdint.h>

#define LANES_ROOM 10

struct lanes_modulus {
    uint64_t times[9][LANES_ROOM];  /* k * m */
    uint64_t shift[LANES_ROOM];     /* 2^-52 mod m */
    uint64_t negated_inverse;       /* -1/m mod 2^52 */
    uint64_t one[LANES_ROOM];       /* R mod m */
    uint64_t square[LANES_ROOM];    /* R^2 mod m */
    uint64_t inversion[LANES_ROOM]; /* R^3 * 2^(2 * rounds) mod m: the last factor of an inversion (lanes_inverse.h) */
};

struct lanes_curve {
    struct lanes_modulus p, n;
    uint64_t b[LANES_ROOM], x[LANES_ROOM], y[LANES_ROOM]; /* of the twin y^2 = x^3 - 3x + b, times R */
    uint64_t x_in[LANES_ROOM], y_in[LANES_ROOM];          /* Z^2, Z^3, times R^2: to the twin */
    uint64_t x_out[LANES_ROOM], y_out[LANES_ROOM];        /* Z^-2, Z^-3: back from it, out of Montgomery form too */
    int limbs, rounds;
};

#endif
