/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA verification that remembers public keys: one that has come before gets a table (curve_ops.h, kept_table), and is verified
 * with three times as fast.  Bounded: KEPT_TABLES tables of at most KEPT_BYTES_MAX bytes, of which the longest unused gives way, and
 * KEPT_SEEN keys remembered without a table, so that keys that come but once drive out no table.  For any number of threads. */
#ifndef SECMOD_KEPT_H
#define SECMOD_KEPT_H

#include "curve_ops.h"

#define KEPT_TABLES 16
#define KEPT_SEEN 64
#define KEPT_AFTER 2 /* verifications with a key before it gets a table, which costs as much as four of them */

/* SECMOD_OK, SECMOD_E_POINT for a point that is no public key, or SECMOD_E_SIGNATURE.  Sizes as in curve_ops.h. */
int kept_verify_vartime(const struct curve *c, const uint8_t *point, const uint8_t *hash, size_t hash_length, const uint8_t *signature);

/* Forgets all keys, as after a change of code path; not while another thread verifies. */
void kept_forget(void);

/* How many keys have a table. */
int kept_count(void);

#endif
