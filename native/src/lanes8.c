/* SPDX-License-Identifier: Apache-2.0 */
/* Eight lanes of 384 bits in 8 limbs of 52. */
#include "lanes_width.h"

#if LANES_BUILT
#include <string.h>

#include "fault.h"
#include "lanes_gen.h"
#include "wipe.h"

#define LIMBS 8
#define ROUNDS LANES_ROUNDS_8

LANES_BEGIN
#include "lanes_field.h"
#include "lanes_inverse.h"
#include "lanes_point.h"
#include "lanes_mul.h"
#include "lanes_comb.h"
#include "lanes_batch.h"
#include "lanes_sign.h"
LANES_END

_Static_assert(sizeof(struct comb) == LANES_COMB8, "the room in lanes.c");

const struct lanes_width lanes_width8 = {
    .comb_bytes = sizeof(struct comb),
    .comb_make = batch_comb_make,
    .base_mul = batch_base_mul,
    .point_mul = batch_point_mul,
    .sign = batch_sign,
    .verify = batch_verify,
    .base_mul_one = spread_base_mul,
    .sign_one = spread_sign,
};
#endif
