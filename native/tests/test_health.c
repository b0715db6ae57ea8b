/* SPDX-License-Identifier: Apache-2.0 */
/* The health tests on samples that are made up, and the noise on faults that are. */
#include "health.h"

#include "check.h"
#include "noise.h"

static void test_repetition(int source, int cutoff) {
    struct health health;
    CHECK(health_start(&health, source));
    for (int i = 1; i < cutoff; i++) CHECK(health_take(&health, 7));
    CHECK(health_take(&health, 8) && health_take(&health, 7)); /* a run ends with another value */
    for (int i = 2; i < cutoff; i++) CHECK(health_take(&health, 7));
    CHECK(!health_take(&health, 7));
    CHECK(!health_take(&health, 9)); /* a failure stays */
    CHECK(health_start(&health, source) && health_take(&health, 7));
}

/* `count` of the window's first value, with others between them. */
static int proportion(int source, int count) {
    struct health health;
    int passed = health_start(&health, source);
    for (int i = 0, seen = 0; i < 512; i++) {
        int other = i % 3 == 2 || seen == count; /* at most two in a row, so that the other test keeps quiet */
        seen += !other;
        passed = health_take(&health, (uint8_t)(other ? 1 + i % 255 : 0));
    }
    return passed;
}

static void test_starts(void) {
    struct health health;
    uint8_t stuck[2 * HEALTH_STARTUP] = {0};
    CHECK(!health_start(&health, -1) && !health_start(&health, 2));
    CHECK(secmod_health_test(2, stuck, 1) == SECMOD_E_ARGUMENT);
    for (int source = 0; source < NOISE_SOURCES; source++) {
        CHECK(secmod_health_test(source, stuck, 0) == SECMOD_OK && secmod_health_test(source, stuck, 5) == SECMOD_OK);
        CHECK(secmod_health_test(source, stuck, sizeof stuck) == SECMOD_E_RANDOM);
    }
}

static struct noise *noise_made(void) {
    struct noise *noise = calloc(1, sizeof *noise);
    CHECK(noise != NULL && noise_start(noise));
    return noise;
}

static void test_noise(void) {
    struct noise *noise = noise_made();
    uint8_t seed[NOISE_SEED], other[NOISE_SEED];
    CHECK(noise_seed(noise, NOISE_FULL, seed) && noise_seed(noise, NOISE_FULL, other) && memcmp(seed, other, sizeof seed) != 0);
    CHECK(noise_test(noise));
    for (int source = 0; source < NOISE_SOURCES; source++) {
        noise->stuck[source] = SIZE_MAX;
        memset(seed, 0xFF, sizeof seed);
        CHECK(!noise_seed(noise, NOISE_FULL, seed) && check_filled(seed, sizeof seed, 0));
        noise->stuck[source] = 0;
        CHECK(!noise_seed(noise, NOISE_FULL, seed) && !noise_test(noise)); /* not before a new start */
        CHECK(noise_start(noise) && noise_seed(noise, NOISE_FULL, seed));
        noise->stuck[source] = SIZE_MAX;
        CHECK(!noise_start(noise));
        noise->stuck[source] = 0;
        CHECK(noise_start(noise));
    }
    free(noise);
}

/* A timer's bias: one value more often than the half bit that is claimed allows. */
static void test_bias(void) {
    uint8_t samples[512];
    for (int one_in = 4; one_in <= 20; one_in++) {
        for (int i = 0; i < 512; i++) samples[i] = (uint8_t)(i % one_in == one_in - 1 ? i : 0);
        int zeroes = 512 - 512 / one_in;
        int expected = zeroes >= 422 ? SECMOD_E_RANDOM : SECMOD_OK;
        CHECK(secmod_health_test(SECMOD_SOURCE_JITTER, samples, sizeof samples) == expected);
        CHECK(secmod_health_test(SECMOD_SOURCE_SYSTEM, samples, sizeof samples) == SECMOD_E_RANDOM);
    }
}

int main(void) {
    test_repetition(SECMOD_SOURCE_SYSTEM, 6);
    test_repetition(SECMOD_SOURCE_JITTER, 61);
    CHECK(proportion(SECMOD_SOURCE_SYSTEM, 30) && !proportion(SECMOD_SOURCE_SYSTEM, 31));
    test_starts();
    test_noise();
    test_bias();
    return check_end();
}
