/* SPDX-License-Identifier: Apache-2.0 */
#include "kept.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SIGHTS_FOR_TABLE 2 /* a table costs several verifications: a key seen only once is not worth it */

struct kept_key {
    const struct curve *curve; /* NULL: empty */
    uint8_t point[SECMOD_MAX_POINT];
    int sights;     /* up to SIGHTS_FOR_TABLE */
    int users;      /* while there are any, it stays */
    uint64_t stamp; /* of its last use */
    kept_table *table;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards all of the following but the tables' contents */
static struct kept_key keys[KEPT_KEYS];
static uint64_t now;

static struct kept_key *find(const struct curve *curve, const uint8_t *point) {
    for (int i = 0; i < KEPT_KEYS; i++) {
        if (keys[i].curve == curve && memcmp(keys[i].point, point, curve_point_bytes(curve)) == 0) return &keys[i];
    }
    return NULL;
}

/* An empty key, or the least recently used one, emptied; NULL if all are in use. */
static struct kept_key *make_room(void) {
    struct kept_key *oldest = NULL;
    for (int i = 0; i < KEPT_KEYS; i++) {
        if (keys[i].users == 0 && (oldest == NULL || keys[i].stamp < oldest->stamp)) oldest = &keys[i];
    }
    if (oldest == NULL) return NULL;
    free(oldest->table);
    memset(oldest, 0, sizeof *oldest);
    return oldest;
}

static struct kept_key *find_or_add(const struct curve *curve, const uint8_t *point) {
    struct kept_key *key = find(curve, point);
    if (key != NULL) return key;
    key = make_room();
    if (key == NULL) return NULL;
    key->curve = curve;
    memcpy(key->point, point, curve_point_bytes(curve));
    return key;
}

/* NULL if there is no memory. */
static kept_table *table_new(const struct curve *curve, const uint8_t *point) {
    const struct curve_ops *ops = curve_ops_of(curve);
    kept_table *table = aligned_alloc(64, ops->kept_bytes);
    if (table != NULL) ops->kept_make_vartime(curve, point, table);
    return table;
}

struct kept_key *kept_take(const struct curve *curve, const uint8_t *point, const kept_table **table) {
    int due = 0;
    *table = NULL;
    pthread_mutex_lock(&lock);
    struct kept_key *key = find_or_add(curve, point);
    if (key != NULL) {
        key->users++;
        key->stamp = ++now;
        due = key->sights < SIGHTS_FOR_TABLE && ++key->sights == SIGHTS_FOR_TABLE; /* for one thread alone */
        *table = key->table;
    }
    pthread_mutex_unlock(&lock);
    if (!due) return key;
    kept_table *made = table_new(curve, point);
    pthread_mutex_lock(&lock);
    key->table = made;
    pthread_mutex_unlock(&lock);
    *table = made;
    return key;
}

void kept_release(struct kept_key *key) {
    if (key == NULL) return;
    pthread_mutex_lock(&lock);
    key->users--;
    pthread_mutex_unlock(&lock);
}

void kept_fork_prepare(void) { pthread_mutex_lock(&lock); }

void kept_fork_done(void) { pthread_mutex_unlock(&lock); }
