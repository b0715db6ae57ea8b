/* SPDX-License-Identifier: Apache-2.0 */
/* Where entropy comes from: the operating system's generator, and the time that a walk through memory takes. */
#ifndef SECMOD_NOISE_H
#define SECMOD_NOISE_H

#include "health.h"

#define NOISE_SOURCES 2
#define NOISE_SEED 64         /* bytes: one SHA-512 */
#define NOISE_MEMORY 0x10000U /* bytes walked through; more than a first-level cache holds */

struct noise {
    struct health health[NOISE_SOURCES];
    size_t stuck[NOISE_SOURCES]; /* how many samples to come are `value` instead: a fault, for tests */
    uint8_t value[NOISE_SOURCES];
    uint32_t walk;
    uint8_t memory[NOISE_MEMORY];
};

/* The start-up test of every source: HEALTH_STARTUP samples, which are then thrown away.  1 if none failed. */
int noise_start(struct noise *noise);

/* The same on demand, without forgetting what the continuous tests have seen. */
int noise_test(struct noise *noise);

/* Conditions SYSTEM_SAMPLES bytes of the operating system and JITTER_SAMPLES of the walk into a seed.  1, or 0 and zeroes if a
 * source fails its continuous tests. */
int noise_seed(struct noise *noise, uint8_t seed[NOISE_SEED]);

#endif
