/* SPDX-License-Identifier: Apache-2.0 */
/* The random generator of a vault (a model of AIS 20/31 class DRG.4): when it is seeded, and when it refuses. */
#ifndef SECMOD_RANDOM_H
#define SECMOD_RANDOM_H

#include "libcrypto.h"

struct generator; /* may be used from several threads; no other lock is taken while its own is held */

/* Memory of a generator, for as long as the process lives; NULL if there is none.  From generator_begin to generator_end it is in
 * use, seeded with noise, or, if `seed` is not NULL, by nothing but those bytes: at power-on, or when it is first asked for
 * something.  generator_begin returns SECMOD_OK or SECMOD_E_LIBRARY. */
struct generator *generator_memory(void);
int generator_begin(struct generator *generator, const uint8_t *seed, size_t seed_length);
void generator_end(struct generator *generator);
void generator_end_if_idle(struct generator *generator); /* at exit, when other threads may hold it for ever */

/* How it treats the state before the output: reseeds if that is due, or in any case, as for a key that lives long. */
enum drbg_entropy { DRBG_AS_DUE, DRBG_FRESH };

/* SECMOD_OK or SECMOD_E_RANDOM, and then zeroes. */
int generator_bytes(struct generator *generator, uint8_t *out, size_t length, enum drbg_entropy entropy);

/* One of SECMOD_RANDOM_...; SECMOD_RANDOM_REFUSED means that no key may be used again. */
int generator_state(struct generator *generator);

int generator_is_deterministic(const struct generator *generator);

/* Something that must not happen has happened: nothing comes out any more. */
void generator_alarm(struct generator *generator);

/* Around fork: nobody is at work in it in between. */
void generator_lock(struct generator *generator);
void generator_unlock(struct generator *generator);

#endif
