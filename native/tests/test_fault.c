/* SPDX-License-Identifier: Apache-2.0 */
/* Faults: a bit is flipped somewhere in an operation, and nothing but SECMOD_E_FAULT comes out of it.  Built with -DSECMOD_FAULTS; in other
 * builds there are no such places, and it does nothing. */
#include "check.h"
#include "fault.h"
#include "secmod.h"
#include "vault.h"

#ifdef SECMOD_FAULTS

/* The fault to come: at the place's pass with this number, counted from 0, this bit. */
static struct {
    enum fault_place place;
    long pass;
    size_t bit;
    unsigned int lanes;
} armed = {.pass = -1};
static long passes[FAULT_PLACES];

void fault_at(enum fault_place place, void *object, size_t length) {
    if (passes[place]++ != armed.pass || place != armed.place) return;
    ((uint8_t *)object)[armed.bit / 8 % length] ^= (uint8_t)(1U << armed.bit % 8);
}

/* In one lane, or in all of them, as if an instruction had gone wrong. */
void fault_lanes_at(enum fault_place place, void *object, size_t length) {
    if (passes[place]++ != armed.pass || place != armed.place) return;
    const size_t word = armed.bit / 64 % (length / 64);
    for (size_t lane = 0; lane < 8; lane++) {
        uint8_t *at = (uint8_t *)object + 64 * word + 8 * lane;
        if ((armed.lanes >> lane & 1) != 0) at[armed.bit / 8 % 8 % 6] ^= (uint8_t)(1U << armed.bit % 8); /* limbs have 52 bits */
    }
}

static uint64_t state = 88172645463325252U;

static size_t some(size_t bound) { /* xorshift64 */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)(state >> 16) % bound;
}

static void arm(enum fault_place place, long count) {
    memset(passes, 0, sizeof passes);
    armed.place = place;
    armed.pass = count > 0 ? (long)some((size_t)count) : -1;
    armed.bit = some(4096);
    armed.lanes = some(2) ? 0xFF : 1U << some(8);
}

struct subject {
    secmod_vault *vault;
    uint64_t key;
    int curve;
    uint8_t point[SECMOD_MAX_POINT];
    size_t point_length;
};

static const uint8_t hash[64] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static int sign(const struct subject *on, uint8_t signature[SECMOD_MAX_SIGNATURE]) {
    size_t length = SECMOD_MAX_SIGNATURE;
    memset(signature, 0, SECMOD_MAX_SIGNATURE);
    return secmod_ecdsa_sign(on->vault, on->key, hash, sizeof hash, signature, &length);
}

static int sign_many(const struct subject *on, uint8_t signature[SECMOD_MAX_SIGNATURE]) {
    struct secmod_sign_job job = {.vault = on->vault, .key = on->key, .hash_length = 32};
    memcpy(job.hash, hash, 32);
    secmod_ecdsa_sign_many(&job, 1);
    memcpy(signature, job.signature, SECMOD_MAX_SIGNATURE);
    return job.result;
}

static int agree(const struct subject *on, uint8_t z[SECMOD_MAX_SIGNATURE]) {
    size_t length = SECMOD_MAX_SIGNATURE;
    memset(z, 0, SECMOD_MAX_SIGNATURE);
    return secmod_ecka_agree(on->vault, on->key, on->point, on->point_length, z, &length);
}

static int generate(const struct subject *on, uint8_t out[SECMOD_MAX_SIGNATURE]) {
    uint64_t key = 0;
    memset(out, 0, SECMOD_MAX_SIGNATURE);
    int result = secmod_key_generate(on->vault, on->curve, &key);
    CHECK((result == SECMOD_OK) == (key != 0));
    if (result == SECMOD_OK) (void)secmod_secret_release(on->vault, key);
    return result;
}

static int good(const struct subject *on, const uint8_t *signature, size_t hash_length) {
    return secmod_ecdsa_verify(on->curve, on->point, on->point_length, hash, hash_length, signature, on->point_length - 1) == SECMOD_OK;
}

static void subject_new(struct subject *on, int curve) {
    const uint8_t seed[1] = {7};
    *on = (struct subject){.curve = curve, .point_length = sizeof on->point};
    arm(FAULT_SUM, 0);
    CHECK(secmod_vault_new_deterministic(&on->vault, seed, 1) == SECMOD_OK);
    CHECK(secmod_key_generate(on->vault, curve, &on->key) == SECMOD_OK);
    CHECK(secmod_key_public(on->vault, on->key, on->point, &on->point_length) == SECMOD_OK);
}

/* One fault: it shows, and nothing comes out but zeroes; or the bit was one that nobody looked at. */
static int strike(int (*work)(const struct subject *, uint8_t *), int curve, enum fault_place place, long count, int *harmless) {
    struct subject on;
    uint8_t out[SECMOD_MAX_SIGNATURE], expected[SECMOD_MAX_SIGNATURE];
    subject_new(&on, curve);
    CHECK(work(&on, expected) == SECMOD_OK);
    arm(place, count);
    int result = work(&on, out);
    armed.pass = -1;
    if (result == SECMOD_E_FAULT) {
        CHECK(check_filled(out, sizeof out, 0) && secmod_random_state(on.vault) == SECMOD_RANDOM_ALARM);
    } else if (result == SECMOD_OK && (work == sign || work == sign_many)) {
        CHECK(good(&on, out, work == sign ? sizeof hash : 32));
        (*harmless)++;
    } else if (result == SECMOD_OK) {
        CHECK(memcmp(out, expected, sizeof out) == 0);
        (*harmless)++;
    } else {
        CHECK(result == SECMOD_E_SCALAR || result == SECMOD_E_RANDOM);
    }
    secmod_vault_free(on.vault);
    return result;
}

/* How often an operation passes a place. */
static long count_passes(int (*work)(const struct subject *, uint8_t *), int curve, enum fault_place place) {
    struct subject on;
    uint8_t out[SECMOD_MAX_SIGNATURE];
    subject_new(&on, curve);
    arm(place, 0);
    CHECK(work(&on, out) == SECMOD_OK);
    secmod_vault_free(on.vault);
    return passes[place];
}

static void test_work(const char *name, int (*work)(const struct subject *, uint8_t *), int times) {
    for (int curve = 0; curve < secmod_curve_count(); curve++) {
        for (int place = 0; place < FAULT_PLACES; place++) {
            const long count = count_passes(work, curve, (enum fault_place)place);
            int seen = 0, harmless = 0;
            if (count == 0) continue;
            for (int i = 0; i < times; i++) seen += strike(work, curve, (enum fault_place)place, count, &harmless) == SECMOD_E_FAULT;
            CHECK(seen > times / 8); /* most lanes are of no use to one job */
            CHECK(seen + harmless == times);
            if (getenv("SECMOD_VERBOSE") != NULL) {
                printf("%s curve %d place %d: %ld passes, %d faults, %d seen, %d harmless\n", name, curve, place, count, times, seen,
                       harmless);
                (void)fflush(stdout);
            }
        }
    }
}

/* Without the check a wrong signature comes out: the fault was one. */
static void test_unchecked(void) {
    struct subject on;
    uint8_t out[SECMOD_MAX_SIGNATURE];
    subject_new(&on, 0);
    CHECK(secmod_vault_check_signatures(NULL, 0) == SECMOD_E_ARGUMENT);
    CHECK(secmod_vault_check_signatures(on.vault, 0) == SECMOD_OK);
    arm(FAULT_SUM, 10);
    CHECK(sign(&on, out) == SECMOD_OK && !good(&on, out, sizeof hash));
    CHECK(secmod_vault_check_signatures(on.vault, 1) == SECMOD_OK);
    arm(FAULT_SUM, 10);
    CHECK(sign(&on, out) == SECMOD_E_FAULT);
    secmod_vault_free(on.vault);
}

/* Eight at once: a job whose lane has a fault ends with it or is right, and the others are right. */
static void strike_batch(int curve, enum fault_place place, long count, int *seen) {
    const int lanes = strcmp(secmod_core(), "lanes") == 0, bad = (int)some(8);
    struct secmod_sign_job jobs[8];
    struct subject on;
    subject_new(&on, curve);
    for (int i = 0; i < 8; i++) {
        jobs[i] = (struct secmod_sign_job){.vault = on.vault, .key = on.key, .hash_length = 32};
        memcpy(jobs[i].hash, hash, 32);
    }
    arm(place, count);
    armed.lanes = 1U << bad;
    secmod_ecdsa_sign_many(jobs, 8);
    armed.pass = -1;
    for (int i = 0; i < 8; i++) {
        if (jobs[i].result == SECMOD_E_FAULT) {
            CHECK(check_filled(jobs[i].signature, sizeof jobs[i].signature, 0) && (!lanes || i == bad || place == FAULT_SIGNATURE));
            CHECK(secmod_random_state(on.vault) == SECMOD_RANDOM_ALARM);
            (*seen)++;
        } else {
            CHECK(jobs[i].result == SECMOD_OK && good(&on, jobs[i].signature, 32));
        }
    }
    secmod_vault_free(on.vault);
}

static void test_batch(int times) {
    for (int curve = 0; curve < secmod_curve_count(); curve++) {
        for (int place = 0; place < FAULT_STORED; place++) {
            int seen = 0;
            strike_batch(curve, (enum fault_place)place, 0, &seen);
            CHECK(seen == 0);
            const long count = passes[place];
            if (count == 0) continue;
            for (int i = 0; i < times; i++) strike_batch(curve, (enum fault_place)place, count, &seen);
            CHECK(seen > times / 2 && seen <= times);
            if (getenv("SECMOD_VERBOSE") != NULL)
                printf("batch curve %d place %d: %ld passes, %d faults, %d seen\n", curve, place, count, times, seen);
        }
    }
}

int main(int argc, char **argv) {
    const int times = argc > 1 ? atoi(argv[1]) : 6;
    test_unchecked();
    test_work("sign", sign, times);
    test_work("sign_many", sign_many, times);
    test_batch(times);
    test_work("agree", agree, times);
    test_work("generate", generate, times);
    return check_end();
}

#else

int main(void) { return check_end(); }

#endif
