/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of all sizes, with curves, keys, vaults and errors mixed: each job ends as the single operation does. */
#include <openssl/err.h>
#include <pthread.h>

#include "check.h"
#include "secmod.h"

#define CURVES 5
#define VAULTS 3
#define JOBS 83 /* groups and rests of every curve */
#define THREADS 4

static secmod_vault *vaults[VAULTS];
static uint64_t keys[VAULTS][CURVES];
static uint8_t points[VAULTS][CURVES][SECMOD_MAX_POINT];
static int fields[CURVES];

/* How job i is: its vault, its curve, and in what it is bad, or -1. */
struct way {
    int vault, curve, bad;
};

static struct way way_of(int i, int kinds) {
    const struct way way = {.vault = i % VAULTS, .curve = i * 7 / 3 % CURVES, .bad = i % 5 == 2 ? i / 5 % kinds : -1};
    return way;
}

static void setup(void) {
    struct secmod_generate_job jobs[VAULTS * CURVES];
    for (int i = 0; i < VAULTS; i++) CHECK(secmod_vault_new(&vaults[i]) == SECMOD_OK);
    for (int i = 0; i < VAULTS * CURVES; i++) jobs[i] = (struct secmod_generate_job){.vault = vaults[i % VAULTS], .curve = i / VAULTS};
    secmod_key_generate_many(jobs, VAULTS * CURVES);
    for (int i = 0; i < VAULTS * CURVES; i++) {
        struct secmod_curve facts;
        uint8_t point[SECMOD_MAX_POINT] = {0};
        size_t length = sizeof point;
        CHECK(jobs[i].result == SECMOD_OK && jobs[i].key != 0);
        CHECK(secmod_key_public(jobs[i].vault, jobs[i].key, point, &length) == SECMOD_OK);
        CHECK(memcmp(point, jobs[i].point, sizeof point) == 0);
        CHECK(secmod_point_check(jobs[i].curve, point, length) == SECMOD_OK);
        CHECK(secmod_curve_get(jobs[i].curve, &facts) == SECMOD_OK);
        fields[jobs[i].curve] = facts.field_bytes;
        keys[i % VAULTS][i / VAULTS] = jobs[i].key;
        memcpy(points[i % VAULTS][i / VAULTS], point, sizeof point);
    }
}

/* ---- sign and verify ---------------------------------------------------------------------------------------------------- */

static void sign_job(struct secmod_sign_job *job, int i) {
    const struct way way = way_of(i, 4);
    memset(job, 0xEE, sizeof *job);
    memset(job->hash, i, sizeof job->hash);
    job->vault = vaults[way.vault];
    job->key = keys[way.vault][way.curve];
    job->hash_length = 1 + i * 5 % 64;
    if (way.bad == 0) job->key ^= UINT64_C(1) << 40;
    if (way.bad == 1) job->hash_length = i % 2 ? 65 : 0;
    if (way.bad == 2) job->vault = NULL;
    if (way.bad == 3) job->hash_length = -1;
}

static int sign_result(const struct secmod_sign_job *job) {
    uint8_t signature[SECMOD_MAX_SIGNATURE];
    size_t length = sizeof signature;
    return secmod_ecdsa_sign(job->vault, job->key, job->hash, (size_t)job->hash_length, signature, &length);
}

static void verify_job(struct secmod_verify_job *job, const struct secmod_sign_job *signed_job, int i) {
    const struct way way = way_of(i + 1, 9);
    const struct way of = way_of(i, 4);
    *job = (struct secmod_verify_job){.curve = of.curve, .result = 1, .hash_length = signed_job->hash_length};
    memcpy(job->point, points[of.vault][of.curve], sizeof job->point);
    memcpy(job->hash, signed_job->hash, sizeof job->hash);
    memcpy(job->signature, signed_job->signature, sizeof job->signature);
    job->point_length = 1 + 2 * fields[of.curve];
    job->signature_length = 2 * fields[of.curve];
    switch (way.bad) {
        case 0: job->hash[0] ^= 1; break;
        case 1: job->signature[i % job->signature_length] ^= 0x20; break;
        case 2: job->point[1 + i % (job->point_length - 1)] ^= 1; break;
        case 3: job->point_length--; break;
        case 4: job->signature_length--; break;
        case 5: job->curve = i % 2 ? -1 : CURVES; break;
        case 6: job->hash_length = 0; break;
        case 7: job->point[0] = 2; break;
        case 8: memset(job->signature, 0, (size_t)fields[of.curve]); break;
        default: break;
    }
}

static int verify_result(const struct secmod_verify_job *job) {
    return secmod_ecdsa_verify(job->curve, job->point, (size_t)job->point_length, job->hash, (size_t)job->hash_length, job->signature,
                               (size_t)job->signature_length);
}

static void test_sign_verify(int count) {
    struct secmod_sign_job *jobs = calloc((size_t)count + 1, sizeof *jobs);
    struct secmod_verify_job *checks = calloc((size_t)count + 1, sizeof *checks);
    for (int i = 0; i <= count; i++) sign_job(&jobs[i], i);
    secmod_ecdsa_sign_many(jobs, (size_t)count);
    for (int i = 0; i < count; i++) {
        CHECK(jobs[i].result == sign_result(&jobs[i]));
        CHECK((jobs[i].result == SECMOD_OK) == (way_of(i, 4).bad < 0));
        const size_t length = jobs[i].result == SECMOD_OK ? 2 * (size_t)fields[way_of(i, 4).curve] : 0;
        CHECK(check_filled(jobs[i].signature + length, sizeof jobs[i].signature - length, 0));
        verify_job(&checks[i], &jobs[i], i);
    }
    CHECK(check_filled(jobs[count].signature, sizeof jobs[count].signature, 0xEE)); /* beyond the last */
    secmod_ecdsa_verify_many(checks, (size_t)count);
    for (int i = 0; i < count; i++) {
        CHECK(checks[i].result == verify_result(&checks[i]));
        if (jobs[i].result == SECMOD_OK) CHECK((checks[i].result == SECMOD_OK) == (way_of(i + 1, 9).bad < 0));
    }
    free(jobs);
    free(checks);
}

/* ---- agree -------------------------------------------------------------------------------------------------------------- */

static void agree_job(struct secmod_agree_job *job, int i) {
    const struct way way = way_of(i, 6);
    *job = (struct secmod_agree_job){.vault = vaults[way.vault], .key = keys[way.vault][way.curve], .result = 1};
    memcpy(job->point, points[(i + 1) % VAULTS][way.curve], sizeof job->point);
    memset(job->z, 0xEE, sizeof job->z);
    job->point_length = 1 + 2 * fields[way.curve];
    switch (way.bad) {
        case 0: job->key++; break;
        case 1: job->vault = NULL; break;
        case 2: job->point_length++; break;
        case 3: job->point[1 + i % (2 * fields[way.curve])] ^= 4; break;
        case 4: job->point[0] = 3; break;
        case 5: memset(job->point + 1, 0xFF, sizeof job->point - 1); break;
        default: break;
    }
}

static void test_agree(int count) {
    struct secmod_agree_job *jobs = calloc((size_t)count + 1, sizeof *jobs);
    for (int i = 0; i <= count; i++) agree_job(&jobs[i], i);
    secmod_ecka_agree_many(jobs, (size_t)count);
    for (int i = 0; i < count; i++) {
        uint8_t z[SECMOD_MAX_FIELD] = {0};
        size_t length = sizeof z;
        CHECK(jobs[i].result == secmod_ecka_agree(jobs[i].vault, jobs[i].key, jobs[i].point, (size_t)jobs[i].point_length, z, &length));
        CHECK((jobs[i].result == SECMOD_OK) == (way_of(i, 6).bad < 0) && memcmp(z, jobs[i].z, sizeof z) == 0);
    }
    CHECK(check_filled(jobs[count].z, sizeof jobs[count].z, 0xEE));
    free(jobs);
}

/* ---- generate ----------------------------------------------------------------------------------------------------------- */

/* More keys than a vault holds: those that fit are made. */
static void test_generate_full(void) {
    const size_t count = SECMOD_VAULT_SLOTS + 20;
    struct secmod_generate_job *jobs = calloc(count, sizeof *jobs);
    secmod_vault *vault = NULL;
    CHECK(secmod_vault_new_deterministic(&vault, (const uint8_t *)"batch", 5) == SECMOD_OK);
    int made = 0, full = 0, refused = 0;
    for (size_t i = 0; i < count; i++) jobs[i] = (struct secmod_generate_job){.vault = i == 3 ? NULL : vault, .curve = i == 5 ? 99 : 0};
    secmod_key_generate_many(jobs, count);
    for (size_t i = 0; i < count; i++) {
        made += jobs[i].result == SECMOD_OK && jobs[i].key != 0;
        refused += jobs[i].result == SECMOD_E_ARGUMENT;
        if (jobs[i].result == SECMOD_E_FULL) full += jobs[i].key == 0 && check_filled(jobs[i].point, sizeof jobs[i].point, 0);
    }
    CHECK(made == SECMOD_VAULT_SLOTS && full == 18 && refused == 2 && secmod_vault_live(vault) == SECMOD_VAULT_SLOTS);
    secmod_vault_free(vault);
    free(jobs);
}

/* In a deterministic vault a batch signs as single calls do: with the nonces of RFC 6979. */
static void test_deterministic(void) {
    secmod_vault *vault = NULL;
    uint64_t key = 0;
    struct secmod_sign_job jobs[11];
    CHECK(secmod_vault_new_deterministic(&vault, (const uint8_t *)"batch", 5) == SECMOD_OK);
    for (int curve = 0; curve < CURVES; curve++) {
        CHECK(secmod_key_generate(vault, curve, &key) == SECMOD_OK);
        for (int i = 0; i < 11; i++) {
            jobs[i] = (struct secmod_sign_job){.vault = vault, .key = key, .hash_length = 20 + 4 * i, .hash = {(uint8_t)i}};
        }
        secmod_ecdsa_sign_many(jobs, 11);
        for (int i = 0; i < 11; i++) {
            uint8_t signature[SECMOD_MAX_SIGNATURE];
            size_t length = sizeof signature;
            CHECK(secmod_ecdsa_sign(vault, key, jobs[i].hash, (size_t)jobs[i].hash_length, signature, &length) == SECMOD_OK);
            CHECK(jobs[i].result == SECMOD_OK && memcmp(signature, jobs[i].signature, length) == 0);
        }
    }
    secmod_vault_free(vault);
}

static void test_alarm(void) {
    secmod_vault *vault = NULL;
    uint64_t key = 0;
    CHECK(secmod_vault_new(&vault) == SECMOD_OK && secmod_key_generate(vault, 0, &key) == SECMOD_OK);
    CHECK(secmod_random_alarm(vault) == SECMOD_OK);
    struct secmod_sign_job sign = {.vault = vault, .key = key, .hash_length = 32};
    struct secmod_generate_job generate = {.vault = vault};
    secmod_ecdsa_sign_many(&sign, 1);
    secmod_key_generate_many(&generate, 1);
    CHECK(sign.result == SECMOD_E_RANDOM && generate.result == SECMOD_E_RANDOM && generate.key == 0);
    secmod_vault_free(vault);
}

/* ---- threads ------------------------------------------------------------------------------------------------------------ */

/* Each goes through the keys of all vaults in another order. */
static void *works(void *argument) {
    const int start = *(const int *)argument;
    struct secmod_sign_job jobs[JOBS];
    struct secmod_agree_job agrees[JOBS];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < JOBS; i++) {
            sign_job(&jobs[i], (i * (1 + start) + start) % JOBS);
            agree_job(&agrees[i], (i * (1 + start) + start) % JOBS);
        }
        secmod_ecdsa_sign_many(jobs, JOBS);
        secmod_ecka_agree_many(agrees, JOBS);
        for (int i = 0; i < JOBS; i++) {
            CHECK((jobs[i].result == SECMOD_OK) == (way_of((i * (1 + start) + start) % JOBS, 4).bad < 0));
            CHECK((agrees[i].result == SECMOD_OK) == (way_of((i * (1 + start) + start) % JOBS, 6).bad < 0));
        }
    }
    return NULL;
}

static void test_threads(void) {
    pthread_t threads[THREADS];
    int starts[THREADS];
    for (int i = 0; i < THREADS; i++) {
        starts[i] = i;
        CHECK(pthread_create(&threads[i], NULL, works, &starts[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(void) {
    CHECK(secmod_curve_count() == CURVES);
    printf("core: %s\n", secmod_core());
    setup();
    test_threads(); /* first, so that they meet on the first use of tables */
    for (int count = 0; count <= 20; count++) {
        test_sign_verify(count);
        test_agree(count);
    }
    test_sign_verify(JOBS);
    test_agree(JOBS);
    test_generate_full();
    test_deterministic();
    test_alarm();
    for (int i = 0; i < VAULTS; i++) secmod_vault_free(vaults[i]);
    CHECK(ERR_peek_error() == 0);
    return check_end();
}
