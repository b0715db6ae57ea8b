/* SPDX-License-Identifier: Apache-2.0 */
/* The random generator of a vault (a model of AIS 20/31 class DRG.4): when it is seeded, and when it refuses. */
#ifndef SECMOD_RANDOM_H
#define SECMOD_RANDOM_H

#include "libcrypto.h"

struct generator; /* may be used from several threads; no other lock is taken while its own is held */

/* Seeded with noise, or, if `seed` is not NULL, by nothing but those bytes.  NULL if the noise fails its start-up test, or
 * libcrypto has no generator. */
struct generator *generator_new(const uint8_t *seed, size_t seed_length);
void generator_free(struct generator *generator);

/* SECMOD_OK or SECMOD_E_RANDOM, and then zeroes. */
int generator_bytes(struct generator *generator, uint8_t *out, size_t length, enum drbg_entropy entropy);

/* One of SECMOD_RANDOM_...; SECMOD_RANDOM_REFUSED means that no key may be used again. */
int generator_state(struct generator *generator);

int generator_is_deterministic(const struct generator *generator);

/* Something that must not happen has happened: nothing comes out any more. */
void generator_alarm(struct generator *generator);

#endif
