/* SPDX-License-Identifier: Apache-2.0 */
#include "health.h"

#define WINDOW 512 /* of the adaptive proportion test, for samples that are not binary */

/* Cutoffs for a false alarm of 2^-30 per test, by the min-entropy per sample that is claimed (SP 800-90B clauses 4.4.1, 4.4.2;
 * tests/crypto/test_health.py derives them).  The operating system's bytes have 8 bits: claiming 6 makes a false alarm as rare
 * as a life of many resets needs it.  Timing has 2 to 3 bits on the machines seen; where it has less than half a bit, it is no
 * noise. */
static const struct {
    int repetition, proportion;
} CUTOFFS[] = {
    [SECMOD_SOURCE_SYSTEM] = {6, 31},   /* H = 6 */
    [SECMOD_SOURCE_JITTER] = {61, 422}, /* H = 0.5 */
};

int health_start(struct health *health, int source) {
    if (source != SECMOD_SOURCE_SYSTEM && source != SECMOD_SOURCE_JITTER) return 0;
    *health = (struct health){.repetition_cutoff = CUTOFFS[source].repetition, .proportion_cutoff = CUTOFFS[source].proportion};
    return 1;
}

static int repetition_count(struct health *health, uint8_t sample) {
    health->run = health->run > 0 && sample == health->last ? health->run + 1 : 1;
    health->last = sample;
    return health->run < health->repetition_cutoff;
}

static int adaptive_proportion(struct health *health, uint8_t sample) {
    if (health->position == 0) {
        health->first = sample;
        health->seen = 0;
    }
    health->seen += sample == health->first;
    health->position = (health->position + 1) % WINDOW;
    return health->seen < health->proportion_cutoff;
}

int health_take(struct health *health, uint8_t sample) {
    int repetition_passed = repetition_count(health, sample);
    int proportion_passed = adaptive_proportion(health, sample);
    if (!repetition_passed || !proportion_passed) health->failed = 1;
    return !health->failed;
}

int secmod_health_test(int source, const uint8_t *samples, size_t length) {
    struct health health;
    if (!health_start(&health, source)) return SECMOD_E_ARGUMENT;
    for (size_t i = 0; i < length; i++) (void)health_take(&health, samples[i]);
    return health.failed ? SECMOD_E_RANDOM : SECMOD_OK;
}
