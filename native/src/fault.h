/* SPDX-License-Identifier: Apache-2.0 */
/* Places where a test build (-DSECMOD_FAULTS, native/tests/test_fault.c) has a bit flipped, to see that checks notice.  Nothing in any
 * other build. */
#ifndef SECMOD_FAULT_H
#define SECMOD_FAULT_H

#ifdef SECMOD_FAULTS
#include <stddef.h>

enum fault_place {
    FAULT_DIGITS,    /* of a scalar */
    FAULT_ROW,       /* multiples of a point */
    FAULT_READ,      /* one of them, or of a comb, as it was read */
    FAULT_SUM,       /* after an addition */
    FAULT_KEY,       /* as it was read for a signature */
    FAULT_NONCE,     /* as above */
    FAULT_HASH,      /* as above */
    FAULT_INVERSES,  /* of the nonce and of Z */
    FAULT_R,         /* before s is made with it */
    FAULT_SIGNATURE, /* in the end */
    FAULT_STORED,    /* a private key in the vault */
    FAULT_PLACES
};

void fault_at(enum fault_place place, void *object, size_t length);
#define FAULT(place, object) fault_at(place, (void *)&(object), sizeof(object))
/* of vectors of eight lanes */
void fault_lanes_at(enum fault_place place, void *object, size_t length);
#define FAULT_LANES(place, object) fault_lanes_at(place, (void *)&(object), sizeof(object))
#else
#define FAULT(place, object) ((void)0)
#define FAULT_LANES(place, object) ((void)0)
#endif

#endif
