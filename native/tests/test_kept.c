/* SPDX-License-Identifier: Apache-2.0 */
/* The store of tables of public keys: more keys than it holds, in several orders, from several threads. */
#include "kept.h"

#include <pthread.h>

#include "check.h"

#define KEYS (KEPT_KEYS + 5)
#define THREADS 4

struct signer {
    const struct curve *curve;
    uint8_t point[SECMOD_MAX_POINT], hash[32], signature[SECMOD_MAX_SIGNATURE];
};

static struct signer signers[KEYS];

static void signers_make(void) {
    for (int i = 0; i < KEYS; i++) {
        struct signer *s = &signers[i];
        const struct curve *c = s->curve = curve_at(i % secmod_curve_count());
        uint8_t d[SECMOD_MAX_FIELD] = {0}, k[SECMOD_MAX_FIELD] = {0};
        d[curve_field_bytes(c) - 1] = (uint8_t)(3 + i);
        k[3] = (uint8_t)(100 + i);
        s->hash[0] = (uint8_t)i;
        CHECK(curve_ops_of(c)->base_mul(c, d, s->point));
        CHECK(curve_ops_of(c)->sign(c, d, k, s->hash, sizeof s->hash, s->signature));
    }
}

static int verify(const struct signer *s, const uint8_t hash[32]) {
    return secmod_ecdsa_verify(s->curve->number, s->point, curve_point_bytes(s->curve), hash, 32, s->signature,
                               curve_signature_bytes(s->curve));
}

static void verify_both(const struct signer *s) {
    uint8_t other[32];
    memcpy(other, s->hash, sizeof other);
    other[31] ^= 1;
    CHECK(verify(s, s->hash) == SECMOD_OK);
    CHECK(verify(s, other) == SECMOD_E_SIGNATURE);
}

/* No table at the first sight, the same one from the second on, until other keys have taken its place. */
static void test_sights(void) {
    const struct signer *s = &signers[0];
    const kept_table *table[4], *other;
    for (int i = 0; i < 4; i++) {
        if (i == 3) {
            for (int j = 1; j <= KEPT_KEYS; j++) kept_release(kept_take(signers[j].curve, signers[j].point, &other));
        }
        struct kept_key *key = kept_take(s->curve, s->point, &table[i]);
        CHECK(key != NULL);
        kept_release(key);
    }
    CHECK(table[0] == NULL && table[1] != NULL && table[2] == table[1] && table[3] == NULL);
}

/* What is in use stays; when all are, another key is not remembered, and verified none the less. */
static void test_full(void) {
    struct kept_key *used[KEPT_KEYS];
    const kept_table *table;
    for (int i = 0; i < KEPT_KEYS; i++) CHECK((used[i] = kept_take(signers[i].curve, signers[i].point, &table)) != NULL);
    CHECK(kept_take(signers[KEPT_KEYS].curve, signers[KEPT_KEYS].point, &table) == NULL && table == NULL);
    verify_both(&signers[KEPT_KEYS]);
    for (int i = 0; i < KEPT_KEYS; i++) kept_release(used[i]);
}

static void *verifies(void *argument) {
    const size_t start = (size_t)((struct signer *)argument - signers);
    for (size_t i = 0; i < (size_t)4 * KEYS; i++) verify_both(&signers[(start + i / 3 * (1 + start)) % KEYS]);
    return NULL;
}

static void test_threads(void) {
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, verifies, &signers[i]) == 0);
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(void) {
    signers_make();
    test_sights();
    test_full();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < KEYS; i++) verify_both(&signers[i]);
    }
    test_threads();
    return check_end();
}
