/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* getrandom */
#define _POSIX_C_SOURCE 200809L

#include "noise.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "wipe.h"

#define SYSTEM_SAMPLES 64  /* 384 bits of entropy are claimed for a seed; these alone have 512 */
#define JITTER_SAMPLES 256 /* 128 bits at the claimed half bit per sample, should the operating system's be none */
#define WALK_STEPS 128     /* 0.4 us and more than 2 bits per sample on an AMD EPYC; a walk a quarter as long gives 1.2 bits */

static uint64_t nanoseconds(void) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* fails for no clock that Linux has */
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* Goes WALK_STEPS steps through the memory; each depends on what the last one found, so none can be skipped or run ahead. */
static void walk(struct noise *noise) {
    uint32_t at = noise->walk;
    for (int i = 0; i < WALK_STEPS; i++) {
        uint8_t *cell = &noise->memory[(at >> 8) % NOISE_MEMORY];
        at = at * 1664525U + 1013904223U + *cell;
        *cell = (uint8_t)(*cell + 1);
    }
    noise->walk = at;
}

static void jitter_samples(struct noise *noise, uint8_t *samples, size_t length) {
    uint64_t before = nanoseconds();
    for (size_t i = 0; i < length; i++) {
        walk(noise);
        uint64_t after = nanoseconds();
        samples[i] = (uint8_t)(after - before);
        noise->walk ^= (uint32_t)samples[i];
        before = after;
    }
}

static int system_samples(uint8_t *samples, size_t length) {
    for (size_t got = 0; got < length;) {
        ssize_t more = getrandom(samples + got, length - got, 0);
        if (more < 0 && errno != EINTR) return 0;
        if (more > 0) got += (size_t)more;
    }
    return 1;
}

/* Raw samples, each of which has gone through the health tests. */
static int samples_take(struct noise *noise, int source, uint8_t *samples, size_t length) {
    if (source == SECMOD_SOURCE_JITTER) {
        jitter_samples(noise, samples, length);
    } else if (!system_samples(samples, length)) {
        return 0;
    }
    int healthy = 1;
    for (size_t i = 0; i < length; i++) {
        if (noise->stuck[source] > 0) {
            noise->stuck[source]--;
            samples[i] = noise->value[source];
        }
        healthy = health_take(&noise->health[source], samples[i]);
    }
    return healthy;
}

int noise_test(struct noise *noise) {
    uint8_t samples[HEALTH_STARTUP];
    int healthy = 1;
    for (int source = 0; source < NOISE_SOURCES; source++) {
        if (!samples_take(noise, source, samples, sizeof samples)) healthy = 0;
    }
    wipe(samples, sizeof samples);
    return healthy;
}

int noise_start(struct noise *noise) {
    for (int source = 0; source < NOISE_SOURCES; source++) (void)health_start(&noise->health[source], source);
    return noise_test(noise);
}

int noise_seed(struct noise *noise, uint8_t seed[NOISE_SEED]) {
    uint8_t samples[SYSTEM_SAMPLES + JITTER_SAMPLES];
    int done = samples_take(noise, SECMOD_SOURCE_SYSTEM, samples, SYSTEM_SAMPLES) &&
               samples_take(noise, SECMOD_SOURCE_JITTER, samples + SYSTEM_SAMPLES, JITTER_SAMPLES) &&
               secmod_hash(SECMOD_SHA512, samples, sizeof samples, seed) == SECMOD_OK;
    wipe(samples, sizeof samples);
    if (!done) wipe(seed, NOISE_SEED);
    return done;
}
