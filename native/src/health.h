/* SPDX-License-Identifier: Apache-2.0 */
/* The continuous health tests of SP 800-90B clause 4.4 on the raw samples, of 8 bits, of a noise source. */
#ifndef SECMOD_HEALTH_H
#define SECMOD_HEALTH_H

#include "secmod.h"

#define HEALTH_STARTUP 1024 /* samples that a source must give without a failure before any is used (clause 4.3) */

struct health {
    int repetition_cutoff, proportion_cutoff;
    int run;            /* how often the last value has come in a row */
    int position, seen; /* in the window: samples so far, and how many of them were its first */
    uint8_t last, first;
    int failed; /* stays set until health_start */
};

/* Begins anew, with the cutoffs of a SECMOD_SOURCE_...; 0 if there is no such source. */
int health_start(struct health *health, int source);

/* 1 as long as no test has failed, this sample included. */
int health_take(struct health *health, uint8_t sample);

#endif
