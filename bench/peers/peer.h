/* SPDX-License-Identifier: Apache-2.0 */
/* What every library under test is made into: a program LIBRARY CURVE OPERATION, which does that operation as block.h says.
 *
 * sign         a hash as long as the curve, with a key that stays
 * verify       a signature, with a public key that stays; verify-new: with another key each time, read from its point
 * agree        the other's point is read and found on the curve, then the shared value derived
 * generate     a key pair
 * random       32 bytes (CURVE does not matter)
 *
 * Curves have our names; each library is asked for its own. */
#ifndef SECMOD_BENCH_PEER_H
#define SECMOD_BENCH_PEER_H

#include <string.h>

#include "block.h"

#define PEER_CURVES 5
#define PEER_KEYS 64 /* taken in turn where it must be another one: more than any library keeps tables of */

static const char *const peer_curves[PEER_CURVES] = {"brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1", "secp256r1", "secp384r1"};
static const size_t peer_bytes[PEER_CURVES] = {32, 48, 64, 32, 48};

struct peer_operation {
    const char *name;
    bool (*once)(void *work);
};

/* The number of a curve in peer_curves; PEER_CURVES if it is none of them. */
static inline size_t peer_curve(const char *name)
{
    size_t i = 0;
    while (i < PEER_CURVES && strcmp(name, peer_curves[i]) != 0)
        i++;
    return i;
}

/* The exit code.  `prepare` makes keys and a signature, before anything is measured; `operations` end with one that has no name. */
static inline int peer_main(int argc, char **argv, const struct peer_operation *operations, bool (*prepare)(size_t curve, void *work),
                            void *work)
{
    const size_t curve = argc == 3 ? peer_curve(argv[1]) : PEER_CURVES;
    while (argc == 3 && operations->name != NULL && strcmp(argv[2], operations->name) != 0)
        operations++;
    if (curve == PEER_CURVES || operations->name == NULL) {
        fprintf(stderr, "usage: %s CURVE OPERATION, both of those in peer.h\n", argv[0]);
        return 2;
    }
    if (!prepare(curve, work)) {
        fprintf(stderr, "%s can not work on %s\n", argv[0], argv[1]);
        return 1;
    }
    return serve_blocks(operations->once, work);
}

#endif
