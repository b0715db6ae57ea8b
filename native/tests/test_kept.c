/* SPDX-License-Identifier: Apache-2.0 */
/* Remembered public keys: answers do not depend on what is remembered, memory is bounded, and threads may share it. */
#include "kept.h"

#include <pthread.h>

#include "check.h"

#define KEYS 40

struct signed_key {
    const struct curve *c;
    uint8_t d[SECMOD_MAX_FIELD], q[SECMOD_MAX_POINT], hash[32], signature[SECMOD_MAX_SIGNATURE];
};

static struct signed_key keys[KEYS];

static void keys_fill(void) {
    for (int i = 0; i < KEYS; i++) {
        struct signed_key *key = &keys[i];
        key->c = curve_at(i % secmod_curve_count());
        const struct curve_ops *ops = curve_ops_of(key->c);
        memset(key->d, i + 1, sizeof key->d);
        memset(key->hash, 2 * i + 1, sizeof key->hash);
        uint8_t k[SECMOD_MAX_FIELD];
        memset(k, 3 * i + 5, sizeof k);
        k[0] = 0x20;
        CHECK(ops->base_mul(key->c, key->d, key->q) == 1);
        CHECK(ops->sign(key->c, key->d, k, key->hash, sizeof key->hash, key->signature) == 1);
    }
}

static int verify(const struct signed_key *key) {
    return kept_verify_vartime(key->c, key->q, key->hash, sizeof key->hash, key->signature);
}

static void check_key(const struct signed_key *key) {
    struct signed_key wrong = *key;
    CHECK(verify(key) == SECMOD_OK);
    wrong.signature[curve_signature_bytes(key->c) - 1] ^= 1;
    CHECK(verify(&wrong) == SECMOD_E_SIGNATURE);
    wrong = *key;
    wrong.hash[3] ^= 0x80;
    CHECK(verify(&wrong) == SECMOD_E_SIGNATURE);
    wrong = *key;
    wrong.q[5] ^= 1; /* no point of the curve, and never remembered as one */
    for (int i = 0; i < KEPT_AFTER + 2; i++) CHECK(verify(&wrong) == SECMOD_E_POINT);
}

static void test_counts(void) {
    kept_forget();
    CHECK(kept_count() == 0);
    for (int i = 0; i < KEPT_AFTER; i++) {
        CHECK(verify(&keys[0]) == SECMOD_OK);
        CHECK(kept_count() == 0);
    }
    CHECK(verify(&keys[0]) == SECMOD_OK);
    CHECK(kept_count() == 1);
    check_key(&keys[0]);
    for (int round = 0; round < 2; round++) { /* more keys than tables */
        for (int i = 0; i < KEYS; i++) check_key(&keys[i]);
        CHECK(kept_count() == KEPT_TABLES);
    }
    for (int i = 0; i < KEYS; i++) check_key(&keys[(i * 7) % 10]); /* fewer */
    CHECK(kept_count() == KEPT_TABLES);
    kept_forget();
    CHECK(kept_count() == 0);
}

/* Keys that come once leave a table where it is. */
static void test_passers_by(void) {
    kept_forget();
    for (int i = 0; i <= KEPT_AFTER; i++) CHECK(verify(&keys[0]) == SECMOD_OK);
    for (int i = 1; i < KEYS; i++) CHECK(verify(&keys[i]) == SECMOD_OK);
    CHECK(kept_count() == 1);
}

static void *run(void *argument) {
    int start = *(const int *)argument;
    for (int i = 0; i < 150; i++) {
        const struct signed_key *key = &keys[(start + i * 3 + i / 7) % 24];
        CHECK(verify(key) == SECMOD_OK);
        if (i % 16 == 0) check_key(key);
    }
    return NULL;
}

static void test_threads(void) {
    pthread_t threads[4];
    int starts[4] = {0, 5, 11, 17};
    kept_forget();
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, run, &starts[i]) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(kept_count() == KEPT_TABLES);
}

int main(void) {
    keys_fill();
    test_counts();
    test_passers_by();
    test_threads();
    return check_end();
}
