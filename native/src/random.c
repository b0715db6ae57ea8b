/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */

#include "random.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ct.h"
#include "noise.h"
#include "vault.h"
#include "wipe.h"

/* Fresh entropy comes in before more than this goes out. */
#define REQUESTS_PER_SEED 1024
#define BYTES_PER_SEED 65536U

#define ALARMS_ALLOWED 1 /* which a reset ends; the next one is for good */

/* Where the process was when the generator was seeded: a copy of it has another process id (fork), or wakes up at a time when
 * its clocks no longer agree on when the machine was started (a snapshot of the machine or of the process, put back). */
struct place {
    pid_t process;
    int64_t start_of_machine; /* seconds of real time */
};

struct generator {
    pthread_mutex_t lock;
    EVP_RAND_CTX *drbg;
    struct noise *noise;        /* NULL: deterministic */
    uint8_t key[NOISE_SEED];    /* of the deterministic mode: what every seed is made from */
    uint64_t seedings;
    int requests;               /* since the last seeding */
    size_t bytes;
    struct place place;
    int state, alarms;
};

/* ---- seeding ------------------------------------------------------------------------------------------------------------- */

static int64_t seconds(clockid_t clock) {
    struct timespec now = {0};
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec;
}

#ifndef CLOCK_BOOTTIME
#define CLOCK_BOOTTIME 7 /* Linux; hidden by strict POSIX */
#endif

static struct place place_now(void) {
    return (struct place){.process = getpid(), .start_of_machine = seconds(CLOCK_REALTIME) - seconds(CLOCK_BOOTTIME)};
}

static int place_changed(const struct place *before) {
    struct place now = place_now();
    return now.process != before->process || llabs(now.start_of_machine - before->start_of_machine) > 1;
}

/* The seed of a deterministic generator: SHA-512 of its key and a count. */
static int seed_derive(const struct generator *generator, uint8_t seed[NOISE_SEED]) {
    uint8_t input[NOISE_SEED + sizeof generator->seedings];
    memcpy(input, generator->key, NOISE_SEED);
    for (size_t i = 0; i < sizeof generator->seedings; i++) input[NOISE_SEED + i] = (uint8_t)(generator->seedings >> (8 * i));
    return secmod_hash(SECMOD_SHA512, input, sizeof input, seed) == SECMOD_OK;
}

static void alarm_raise(struct generator *generator) {
    if (generator->state != SECMOD_RANDOM_READY) return;
    generator->alarms++;
    generator->state = generator->alarms > ALARMS_ALLOWED ? SECMOD_RANDOM_REFUSED : SECMOD_RANDOM_ALARM;
}

static int reseed(struct generator *generator) {
    uint8_t seed[NOISE_SEED];
    int done = generator->noise == NULL ? seed_derive(generator, seed) : noise_seed(generator->noise, seed);
    if (done) done = EVP_RAND_reseed(generator->drbg, 0, seed, sizeof seed, NULL, 0);
    wipe(seed, sizeof seed);
    generator->seedings++;
    generator->requests = 0;
    generator->bytes = 0;
    generator->place = place_now();
    if (done == 1) return SECMOD_OK;
    alarm_raise(generator);
    return SECMOD_E_RANDOM;
}

static int seed_is_due(const struct generator *generator, size_t length) {
    if (generator->requests >= REQUESTS_PER_SEED || generator->bytes + length > BYTES_PER_SEED) return 1;
    return generator->noise != NULL && place_changed(&generator->place);
}

/* ---- life ---------------------------------------------------------------------------------------------------------------- */

/* It needs a parent also where all that counts is the seed it gets from us. */
static EVP_RAND_CTX *drbg_made(struct generator *generator) {
    static const char text[] = "secmod";
    uint8_t personal[sizeof text + 2 * sizeof(int64_t) + sizeof generator] = {0};
    memcpy(personal, text, sizeof text);
    if (generator->noise != NULL) { /* what other generators do not share */
        struct place place = place_now();
        int64_t process = place.process;
        memcpy(personal + sizeof text, &process, sizeof process);
        memcpy(personal + sizeof text + sizeof process, &place.start_of_machine, sizeof place.start_of_machine);
        memcpy(personal + sizeof personal - sizeof generator, &generator, sizeof generator);
    }
    EVP_RAND_CTX *source = generator->noise == NULL ? fixed_source_new() : entropy_source_new();
    EVP_RAND_CTX *drbg = source == NULL ? NULL : drbg_new(source, personal, sizeof personal);
    EVP_RAND_CTX_free(source);
    return drbg;
}

static int noise_made(struct generator *generator) {
    generator->noise = calloc(1, sizeof *generator->noise);
    return generator->noise != NULL && noise_start(generator->noise);
}

static int generator_fill(struct generator *generator, const uint8_t *seed, size_t seed_length) {
    int ready = seed == NULL ? noise_made(generator)
                             : secmod_hash(SECMOD_SHA512, seed, seed_length, generator->key) == SECMOD_OK;
    if (ready) generator->drbg = drbg_made(generator);
    return generator->drbg != NULL && reseed(generator) == SECMOD_OK;
}

struct generator *generator_new(const uint8_t *seed, size_t seed_length) {
    struct generator *made = calloc(1, sizeof *made);
    if (made == NULL) return NULL;
    pthread_mutex_init(&made->lock, NULL);
    if (generator_fill(made, seed, seed_length)) return made;
    generator_free(made);
    return NULL;
}

void generator_free(struct generator *generator) {
    if (generator == NULL) return;
    EVP_RAND_CTX_free(generator->drbg);
    if (generator->noise != NULL) wipe(generator->noise, sizeof *generator->noise);
    free(generator->noise);
    pthread_mutex_destroy(&generator->lock);
    wipe(generator, sizeof *generator);
    free(generator);
}

/* ---- use ----------------------------------------------------------------------------------------------------------------- */

static int bytes_make(struct generator *generator, uint8_t *out, size_t length) {
    int result = drbg_generate(generator->drbg, out, length, DRBG_AS_DUE);
    generator->requests++;
    generator->bytes += length;
    if (result != SECMOD_OK) alarm_raise(generator);
    return result;
}

int generator_bytes(struct generator *generator, uint8_t *out, size_t length, enum drbg_entropy entropy) {
    pthread_mutex_lock(&generator->lock);
    int result = generator->state == SECMOD_RANDOM_READY ? SECMOD_OK : SECMOD_E_RANDOM;
    if (result == SECMOD_OK && (entropy == DRBG_FRESH || seed_is_due(generator, length))) result = reseed(generator);
    if (result == SECMOD_OK) result = bytes_make(generator, out, length);
    pthread_mutex_unlock(&generator->lock);
    if (result == SECMOD_OK) {
        ct_conceal(out, length); /* of what comes here, keys and nonces are made */
    } else {
        wipe(out, length);
    }
    return result;
}

int generator_state(struct generator *generator) {
    pthread_mutex_lock(&generator->lock);
    int state = generator->state;
    pthread_mutex_unlock(&generator->lock);
    return state;
}

int generator_is_deterministic(const struct generator *generator) { return generator->noise == NULL; }

void generator_alarm(struct generator *generator) {
    pthread_mutex_lock(&generator->lock);
    alarm_raise(generator);
    pthread_mutex_unlock(&generator->lock);
}

/* ---- by the vault -------------------------------------------------------------------------------------------------------- */

static int random_bytes(secmod_vault *vault, uint8_t *out, size_t length, enum drbg_entropy entropy) {
    if (vault == NULL || length > SECMOD_RANDOM_MAX) return SECMOD_E_ARGUMENT;
    ERR_set_mark();
    int result = generator_bytes(vault_generator(vault), out, length, entropy);
    if (result == SECMOD_OK) ct_publish(out, length); /* whose secret it is, is the caller's matter */
    ERR_pop_to_mark();
    return result;
}

int secmod_random(secmod_vault *vault, uint8_t *out, size_t length) { return random_bytes(vault, out, length, DRBG_AS_DUE); }

int secmod_random_fresh(secmod_vault *vault, uint8_t *out, size_t length) {
    return random_bytes(vault, out, length, DRBG_FRESH);
}

int secmod_random_state(secmod_vault *vault) {
    return vault == NULL ? SECMOD_E_ARGUMENT : generator_state(vault_generator(vault));
}

int secmod_random_alarm(secmod_vault *vault) {
    if (vault == NULL) return SECMOD_E_ARGUMENT;
    generator_alarm(vault_generator(vault));
    return SECMOD_OK;
}

/* Does something with a vault's generator, under its lock and with libcrypto's error queue left as it was. */
static int with_generator(secmod_vault *vault, int (*work)(struct generator *)) {
    if (vault == NULL) return SECMOD_E_ARGUMENT;
    struct generator *generator = vault_generator(vault);
    pthread_mutex_lock(&generator->lock);
    ERR_set_mark();
    int result = work(generator);
    ERR_pop_to_mark();
    pthread_mutex_unlock(&generator->lock);
    return result;
}

static int reseed_if_ready(struct generator *generator) {
    return generator->state == SECMOD_RANDOM_READY ? reseed(generator) : SECMOD_E_RANDOM;
}

int secmod_random_reseed(secmod_vault *vault) { return with_generator(vault, reseed_if_ready); }

/* The first alarm ends here, if the noise is well again. */
static int power_on(struct generator *generator) {
    if (generator->state == SECMOD_RANDOM_REFUSED) return SECMOD_E_RANDOM;
    generator->state = SECMOD_RANDOM_READY;
    if (generator->noise == NULL || noise_start(generator->noise)) return reseed(generator);
    alarm_raise(generator);
    return SECMOD_E_RANDOM;
}

int secmod_random_power_on(secmod_vault *vault) { return with_generator(vault, power_on); }

static int test_on_demand(struct generator *generator) {
    if (generator->state != SECMOD_RANDOM_READY) return SECMOD_E_RANDOM;
    if (generator->noise == NULL || noise_test(generator->noise)) return SECMOD_OK;
    alarm_raise(generator);
    return SECMOD_E_RANDOM;
}

int secmod_random_test(secmod_vault *vault) { return with_generator(vault, test_on_demand); }

int secmod_random_stick(secmod_vault *vault, int source, int value, size_t count) {
    if (vault == NULL || source < 0 || source >= NOISE_SOURCES || value < 0 || value > 255) return SECMOD_E_ARGUMENT;
    struct generator *generator = vault_generator(vault);
    if (generator->noise == NULL) return SECMOD_E_ARGUMENT;
    pthread_mutex_lock(&generator->lock);
    generator->noise->value[source] = (uint8_t)value;
    generator->noise->stuck[source] = count;
    pthread_mutex_unlock(&generator->lock);
    return SECMOD_OK;
}
