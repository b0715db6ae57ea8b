/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of public keys that are verified with again and again.  One bounded store for the whole process; public data only. */
#ifndef SECMOD_KEPT_H
#define SECMOD_KEPT_H

#include "curve_ops.h"

/* How many keys are remembered, the least recently used one making room for a new one; their tables take at most 2 MiB. */
#define KEPT_KEYS 16

struct kept_key; /* a remembered key that is in use */

/* What is kept of a valid point: *table is its table, or NULL at the first sight.  NULL if it can not be remembered; else it stays
 * until kept_release. */
struct kept_key *kept_take(const struct curve *curve, const uint8_t *point, const kept_table **table);
void kept_release(struct kept_key *key);

/* Around fork: nobody is changing what is kept in between.  A child keeps what is there; a table that another thread was making,
 * it never has. */
void kept_fork_prepare(void);
void kept_fork_done(void);

#endif
