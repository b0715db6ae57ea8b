/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* getrandom */
#define _POSIX_C_SOURCE 200809L

#include "noise.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "wipe.h"

#define SYSTEM_SAMPLES 64 /* for each seed */
#define QUICK_SAMPLES 2   /* of the walk, for each quick seed: a microsecond of the ten that a key pair takes */
#define WALK_STEPS 128    /* 0.4 us and more than 2 bits per sample on an AMD EPYC; a walk a quarter as long gives 1.2 bits */
#define MEMORY 0x10000U   /* bytes walked through; more than a first-level cache holds */

/* One memory for all vaults of the process: what it holds is of no worth, only how long it takes to read. */
static pthread_mutex_t walking = PTHREAD_MUTEX_INITIALIZER; /* guards the two; no other lock is taken under it */
static uint8_t memory[MEMORY];
static uint32_t position;

static uint64_t nanoseconds(void) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* fails for no clock that Linux has */
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* Goes WALK_STEPS steps through the memory; each depends on what the last one found, so none can be skipped or run ahead. */
static void walk(void) {
    uint32_t at = position;
    for (int i = 0; i < WALK_STEPS; i++) {
        uint8_t *cell = &memory[(at >> 8) % MEMORY];
        at = at * 1664525U + 1013904223U + *cell;
        *cell = (uint8_t)(*cell + 1);
    }
    position = at;
}

static void jitter_samples(uint8_t *samples, size_t length) {
    pthread_mutex_lock(&walking);
    uint64_t before = nanoseconds();
    for (size_t i = 0; i < length; i++) {
        walk();
        uint64_t after = nanoseconds();
        samples[i] = (uint8_t)(after - before);
        position ^= (uint32_t)samples[i];
        before = after;
    }
    pthread_mutex_unlock(&walking);
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
        jitter_samples(samples, length);
    } else if (!system_samples(samples, length)) {
        return 0;
    }
    int healthy = !noise->health[source].failed;
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

void noise_forget(struct noise *noise) {
    wipe(noise->jitter, sizeof noise->jitter);
    noise->gathered = 0;
}

int noise_start(struct noise *noise) {
    noise_forget(noise);
    for (int source = 0; source < NOISE_SOURCES; source++) (void)health_start(&noise->health[source], source);
    return noise_test(noise);
}

/* Gathers so many samples of the walk, or what is missing to NOISE_JITTER. */
static int jitter_gather(struct noise *noise, size_t count) {
    const size_t missing = NOISE_JITTER - noise->gathered, more = count < missing ? count : missing;
    int healthy = samples_take(noise, SECMOD_SOURCE_JITTER, noise->jitter + noise->gathered, more);
    noise->gathered += more;
    return healthy;
}

int noise_seed(struct noise *noise, enum noise_seed_kind kind, uint8_t seed[NOISE_SEED]) {
    uint8_t samples[SYSTEM_SAMPLES + NOISE_JITTER];
    size_t length = SYSTEM_SAMPLES;
    int done = samples_take(noise, SECMOD_SOURCE_SYSTEM, samples, SYSTEM_SAMPLES) &&
               jitter_gather(noise, kind == NOISE_QUICK ? QUICK_SAMPLES : NOISE_JITTER);
    if (done && noise->gathered == NOISE_JITTER) {
        memcpy(samples + length, noise->jitter, NOISE_JITTER);
        length += NOISE_JITTER;
        noise_forget(noise);
    }
    done = done && secmod_hash(SECMOD_SHA512, samples, length, seed) == SECMOD_OK;
    wipe(samples, sizeof samples);
    if (!done) wipe(seed, NOISE_SEED);
    return done;
}

void noise_fork_prepare(void) { pthread_mutex_lock(&walking); }

void noise_fork_done(void) { pthread_mutex_unlock(&walking); }
