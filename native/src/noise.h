/* SPDX-License-Identifier: Apache-2.0 */
/* Where entropy comes from: the operating system's generator, and the time that a walk through memory takes. */
#ifndef SECMOD_NOISE_H
#define SECMOD_NOISE_H

#include "health.h"

#define NOISE_SOURCES 2
#define NOISE_SEED 64    /* bytes: one SHA-512 */
#define NOISE_JITTER 256 /* samples of the walk that go into a seed: 128 bits at the claimed half bit per sample */

struct noise {
    struct health health[NOISE_SOURCES];
    size_t stuck[NOISE_SOURCES]; /* how many samples to come are `value` instead: a fault, for tests */
    uint8_t value[NOISE_SOURCES];
    uint8_t jitter[NOISE_JITTER]; /* gathered, and not yet in a seed */
    size_t gathered;
};

/* The start-up test of every source: HEALTH_STARTUP samples, which are then thrown away.  1 if none failed. */
int noise_start(struct noise *noise);

/* The same on demand, without forgetting what the continuous tests have seen. */
int noise_test(struct noise *noise);

/* What has been gathered goes into no seed: a copy of the process has it, too. */
void noise_forget(struct noise *noise);

/* What a seed is made from, by SHA-512.  Always from 64 bytes of the operating system, taken for it alone (384 bits at the claimed
 * 6 of each byte).  NOISE_FULL: and from NOISE_JITTER samples of the walk, which take 0.1 ms.  NOISE_QUICK: gathers a few samples,
 * and every 128th such seed, for which NOISE_JITTER have come together, is made from these, too: less than that is never mixed in,
 * lest someone who knows the state and the operating system's bytes guesses it bit by bit. */
enum noise_seed_kind { NOISE_FULL, NOISE_QUICK };

/* 1, or 0 and zeroes if a source fails its continuous tests. */
int noise_seed(struct noise *noise, enum noise_seed_kind kind, uint8_t seed[NOISE_SEED]);

/* Around fork: nobody is walking in between. */
void noise_fork_prepare(void);
void noise_fork_done(void);

#endif
