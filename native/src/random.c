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
#include "process.h"
#include "secure.h"
#include "vault.h"
#include "wipe.h"

/* Fresh entropy comes in before more than this goes out. */
#define REQUESTS_PER_SEED 1024
#define BYTES_PER_SEED 65536U

/* The DRBG is asked for so many bytes at once, and those not asked for yet are kept.  Each is wiped as it goes out, so what went
 * out before can be told from them as little as from the DRBG's state; and whoever has that state would know them anyway. */
#define STOCK 512
#define STOCK_REQUEST 64 /* a longer request goes to the DRBG itself */

#define ALARMS_ALLOWED 1 /* which a reset ends; the next one is for good */

/* Where the process was when the generator was seeded: a copy of it has another number (fork), or wakes up at a time when its
 * clocks no longer agree on when they were started (a snapshot of the machine or of the process, put back). */
struct place {
    uint64_t process;
    int64_t start; /* of the clock that nobody sets, in seconds of real time */
};

struct generator {
    pthread_mutex_t lock;
    EVP_RAND_CTX *drbg; /* NULL until the first use: then it is seeded before anything comes out */
    int deterministic;
    struct noise noise;
    uint8_t key[NOISE_SEED]; /* of the deterministic mode: what every seed is made from */
    uint64_t seedings;
    int requests; /* since the last seeding */
    size_t bytes;
    struct place place;
    int state, alarms;
    uint8_t stock[STOCK]; /* its last `stocked` bytes have not gone out */
    size_t stocked;
};

_Static_assert(sizeof(struct generator) <= SECURE_MAX, "its memory is that of secrets");

/* ---- seeding ------------------------------------------------------------------------------------------------------------- */

#ifndef CLOCK_REALTIME_COARSE
#define CLOCK_REALTIME_COARSE 5 /* Linux; hidden by strict POSIX.  As good as its clock, but for some milliseconds */
#define CLOCK_MONOTONIC_COARSE 6
#endif

static int64_t seconds(clockid_t clock) {
    struct timespec now = {0};
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec;
}

static struct place place_now(void) {
    return (struct place){.process = process_epoch(), .start = seconds(CLOCK_REALTIME_COARSE) - seconds(CLOCK_MONOTONIC_COARSE)};
}

static int place_changed(const struct place *before) {
    struct place now = place_now();
    return now.process != before->process || llabs(now.start - before->start) > 1;
}

/* The seed of a deterministic generator: SHA-512 of its key and a count. */
static int seed_derive(const struct generator *generator, uint8_t seed[NOISE_SEED]) {
    uint8_t input[NOISE_SEED + sizeof generator->seedings];
    memcpy(input, generator->key, NOISE_SEED);
    for (size_t i = 0; i < sizeof generator->seedings; i++) input[NOISE_SEED + i] = (uint8_t)(generator->seedings >> (8 * i));
    int done = secmod_hash(SECMOD_SHA512, input, sizeof input, seed) == SECMOD_OK;
    wipe(input, sizeof input);
    return done;
}

static void stock_forget(struct generator *generator) {
    wipe(generator->stock, sizeof generator->stock);
    generator->stocked = 0;
}

static void alarm_raise(struct generator *generator) {
    if (generator->state != SECMOD_RANDOM_READY) return;
    stock_forget(generator);
    generator->alarms++;
    generator->state = generator->alarms > ALARMS_ALLOWED ? SECMOD_RANDOM_REFUSED : SECMOD_RANDOM_ALARM;
}

static int reseed(struct generator *generator, enum noise_seed_kind kind) {
    uint8_t seed[NOISE_SEED];
    if (!generator->deterministic && place_changed(&generator->place)) noise_forget(&generator->noise);
    int done = generator->deterministic ? seed_derive(generator, seed) : noise_seed(&generator->noise, kind, seed);
    if (done) done = drbg_reseed(generator->drbg, seed, sizeof seed) == SECMOD_OK;
    wipe(seed, sizeof seed);
    stock_forget(generator);
    generator->seedings++;
    generator->requests = 0;
    generator->bytes = 0;
    generator->place = place_now();
    if (done) return SECMOD_OK;
    alarm_raise(generator);
    return SECMOD_E_RANDOM;
}

static int seed_is_due(const struct generator *generator, size_t length) {
    if (generator->requests >= REQUESTS_PER_SEED || generator->bytes + length > BYTES_PER_SEED) return 1;
    return !generator->deterministic && place_changed(&generator->place);
}

/* It needs a parent also where all that counts is the seed it gets from us. */
static EVP_RAND_CTX *drbg_made(struct generator *generator) {
    static const char text[] = "secmod";
    uint8_t personal[sizeof text + 2 * sizeof(int64_t) + sizeof generator] = {0};
    memcpy(personal, text, sizeof text);
    if (!generator->deterministic) { /* what other generators do not share */
        int64_t process = getpid(), start = place_now().start;
        memcpy(personal + sizeof text, &process, sizeof process);
        memcpy(personal + sizeof text + sizeof process, &start, sizeof start);
        memcpy(personal + sizeof personal - sizeof generator, &generator, sizeof generator);
    }
    EVP_RAND_CTX *source = generator->deterministic ? fixed_source_new() : entropy_source_new();
    EVP_RAND_CTX *drbg = source == NULL ? NULL : drbg_new(source, personal, sizeof personal);
    EVP_RAND_CTX_free(source);
    return drbg;
}

/* The start-up test of the sources, and the first seed or a new one. */
static int start(struct generator *generator) {
    ERR_set_mark();
    if (generator->drbg == NULL) generator->drbg = drbg_made(generator);
    int result = generator->drbg != NULL && (generator->deterministic || noise_start(&generator->noise))
                     ? reseed(generator, NOISE_FULL)
                     : SECMOD_E_RANDOM;
    ERR_pop_to_mark();
    if (result != SECMOD_OK) alarm_raise(generator);
    return result;
}

/* ---- life ---------------------------------------------------------------------------------------------------------------- */

struct generator *generator_memory(void) {
    struct generator *made = secure_take(sizeof *made);
    if (made != NULL) pthread_mutex_init(&made->lock, NULL);
    return made;
}

static void empty(struct generator *generator) {
    const size_t kept = offsetof(struct generator, drbg);
    EVP_RAND_CTX_free(generator->drbg);
    wipe((uint8_t *)generator + kept, sizeof *generator - kept);
}

int generator_begin(struct generator *generator, const uint8_t *seed, size_t seed_length) {
    empty(generator);
    generator->deterministic = seed != NULL;
    return seed == NULL ? SECMOD_OK : secmod_hash(SECMOD_SHA512, seed, seed_length, generator->key);
}

void generator_end(struct generator *generator) {
    pthread_mutex_lock(&generator->lock);
    empty(generator);
    pthread_mutex_unlock(&generator->lock);
}

void generator_end_if_idle(struct generator *generator) {
    if (pthread_mutex_trylock(&generator->lock) != 0) return;
    empty(generator);
    pthread_mutex_unlock(&generator->lock);
}

void generator_lock(struct generator *generator) { pthread_mutex_lock(&generator->lock); }

void generator_unlock(struct generator *generator) { pthread_mutex_unlock(&generator->lock); }

/* ---- use ----------------------------------------------------------------------------------------------------------------- */

static int stock_take(struct generator *generator, uint8_t *out, size_t length) {
    if (generator->stocked < length) { /* what is left is too short, and is thrown away */
        int result = drbg_generate(generator->drbg, generator->stock, STOCK);
        if (result != SECMOD_OK) return result;
        generator->stocked = STOCK;
    }
    uint8_t *from = generator->stock + STOCK - generator->stocked;
    memcpy(out, from, length);
    wipe(from, length);
    generator->stocked -= length;
    return SECMOD_OK;
}

static int bytes_make(struct generator *generator, uint8_t *out, size_t length) {
    int result = length <= STOCK_REQUEST ? stock_take(generator, out, length) : drbg_generate(generator->drbg, out, length);
    generator->requests++;
    generator->bytes += length;
    if (result != SECMOD_OK) alarm_raise(generator);
    return result;
}

/* Seeded, or seeded anew, if that is due. */
static int prepare(struct generator *generator, size_t length, enum drbg_entropy entropy) {
    if (generator->state != SECMOD_RANDOM_READY) return SECMOD_E_RANDOM;
    if (generator->drbg == NULL) return start(generator);
    if (seed_is_due(generator, length)) return reseed(generator, NOISE_FULL);
    return entropy == DRBG_FRESH ? reseed(generator, NOISE_QUICK) : SECMOD_OK;
}

int generator_bytes(struct generator *generator, uint8_t *out, size_t length, enum drbg_entropy entropy) {
    pthread_mutex_lock(&generator->lock);
    int result = prepare(generator, length, entropy);
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

int generator_is_deterministic(const struct generator *generator) { return generator->deterministic; }

void generator_alarm(struct generator *generator) {
    pthread_mutex_lock(&generator->lock);
    alarm_raise(generator);
    pthread_mutex_unlock(&generator->lock);
}

/* ---- by the vault -------------------------------------------------------------------------------------------------------- */

static int random_bytes(secmod_vault *vault, uint8_t *out, size_t length, enum drbg_entropy entropy) {
    if (vault == NULL || length > SECMOD_RANDOM_MAX) return SECMOD_E_ARGUMENT;
    int result = generator_bytes(vault_generator(vault), out, length, entropy);
    if (result == SECMOD_OK) ct_publish(out, length); /* whose secret it is, is the caller's matter */
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

/* Does something with a vault's generator, under its lock. */
static int with_generator(secmod_vault *vault, int (*work)(struct generator *)) {
    if (vault == NULL) return SECMOD_E_ARGUMENT;
    struct generator *generator = vault_generator(vault);
    pthread_mutex_lock(&generator->lock);
    int result = work(generator);
    pthread_mutex_unlock(&generator->lock);
    return result;
}

static int reseed_if_ready(struct generator *generator) {
    if (generator->state != SECMOD_RANDOM_READY) return SECMOD_E_RANDOM;
    return generator->drbg == NULL ? start(generator) : reseed(generator, NOISE_FULL);
}

int secmod_random_reseed(secmod_vault *vault) { return with_generator(vault, reseed_if_ready); }

/* The first alarm ends here, if the noise is well again. */
static int power_on(struct generator *generator) {
    if (generator->state == SECMOD_RANDOM_REFUSED) return SECMOD_E_RANDOM;
    generator->state = SECMOD_RANDOM_READY;
    return start(generator);
}

int secmod_random_power_on(secmod_vault *vault) { return with_generator(vault, power_on); }

static int test_on_demand(struct generator *generator) {
    if (generator->state != SECMOD_RANDOM_READY) return SECMOD_E_RANDOM;
    if (generator->drbg == NULL) return start(generator); /* that is such a test, and the health tests need one first */
    if (generator->deterministic || noise_test(&generator->noise)) return SECMOD_OK;
    alarm_raise(generator);
    return SECMOD_E_RANDOM;
}

int secmod_random_test(secmod_vault *vault) { return with_generator(vault, test_on_demand); }

int secmod_random_stick(secmod_vault *vault, int source, int value, size_t count) {
    if (vault == NULL || source < 0 || source >= NOISE_SOURCES || value < 0 || value > 255) return SECMOD_E_ARGUMENT;
    struct generator *generator = vault_generator(vault);
    if (generator->deterministic) return SECMOD_E_ARGUMENT;
    pthread_mutex_lock(&generator->lock);
    generator->noise.value[source] = (uint8_t)value;
    generator->noise.stuck[source] = count;
    pthread_mutex_unlock(&generator->lock);
    return SECMOD_OK;
}
