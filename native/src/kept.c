/* SPDX-License-Identifier: Apache-2.0 */
#include "kept.h"

#include <pthread.h>
#include <string.h>

struct key {
    const struct curve *curve; /* NULL: the place is free */
    uint8_t point[SECMOD_MAX_POINT];
    uint64_t used; /* when it was used last, on the clock below */
};

struct seen {
    struct key key;
    int times;
};

struct table {
    struct key key;
    int readers; /* threads that verify with it: it stays as long */
    int ready;   /* 0 while a thread makes it */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below except the bytes of a table that is ready */
static uint64_t used;
static struct seen seen[KEPT_SEEN];
static struct table tables[KEPT_TABLES];
static uint8_t bytes[KEPT_TABLES][KEPT_BYTES_MAX] __attribute__((aligned(64))); /* pages never written to take no memory */

static kept_table *table_bytes(const struct table *table) { return (kept_table *)(void *)bytes[table - tables]; }

static int key_is(struct key *key, const struct curve *c, const uint8_t *point) {
    if (key->curve != c || memcmp(key->point, point, curve_point_bytes(c)) != 0) return 0;
    key->used = ++used;
    return 1;
}

static void key_set(struct key *key, const struct curve *c, const uint8_t *point) {
    key->curve = c;
    key->used = ++used;
    memcpy(key->point, point, curve_point_bytes(c));
}

/* ---- with the lock held -------------------------------------------------------------------------------------------------- */

static struct table *table_find(const struct curve *c, const uint8_t *point) {
    for (int i = 0; i < KEPT_TABLES; i++) {
        if (key_is(&tables[i].key, c, point)) return &tables[i];
    }
    return NULL;
}

static struct seen *seen_find(const struct curve *c, const uint8_t *point) {
    for (int i = 0; i < KEPT_SEEN; i++) {
        if (key_is(&seen[i].key, c, point)) return &seen[i];
    }
    return NULL;
}

static int seen_times(const struct curve *c, const uint8_t *point) {
    const struct seen *one = seen_find(c, point);
    return one != NULL ? one->times : 0;
}

/* The place of the table longest unused, for this key, not ready; NULL if all are in use. */
static struct table *table_take(const struct curve *c, const uint8_t *point) {
    struct table *oldest = NULL;
    for (int i = 0; i < KEPT_TABLES; i++) {
        if (tables[i].readers > 0 || (tables[i].key.curve != NULL && !tables[i].ready)) continue;
        if (oldest == NULL || tables[i].key.used < oldest->key.used) oldest = &tables[i];
    }
    if (oldest == NULL) return NULL;
    key_set(&oldest->key, c, point);
    oldest->ready = 0;
    return oldest;
}

/* ---- without ------------------------------------------------------------------------------------------------------------- */

enum state { FRESH, MAKE, READY };

/* What there is for the key; *table is held for the caller unless it is FRESH. */
static enum state look_up(const struct curve *c, const uint8_t *point, struct table **table) {
    enum state state = FRESH;
    (void)pthread_mutex_lock(&lock);
    *table = table_find(c, point);
    if (*table != NULL && (*table)->ready) {
        state = READY;
    } else if (*table == NULL && seen_times(c, point) >= KEPT_AFTER) {
        *table = table_take(c, point);
        if (*table != NULL) state = MAKE;
    }
    if (state != FRESH) (*table)->readers++;
    (void)pthread_mutex_unlock(&lock);
    return state;
}

/* A valid key has been verified with. */
static void seen_again(const struct curve *c, const uint8_t *point) {
    (void)pthread_mutex_lock(&lock);
    struct seen *one = seen_find(c, point);
    if (one == NULL) {
        one = &seen[0];
        for (int i = 1; i < KEPT_SEEN; i++) {
            if (seen[i].key.used < one->key.used) one = &seen[i];
        }
        key_set(&one->key, c, point);
        one->times = 0;
    }
    one->times++;
    (void)pthread_mutex_unlock(&lock);
}

static void table_ready(struct table *table) {
    (void)pthread_mutex_lock(&lock);
    table->ready = 1;
    (void)pthread_mutex_unlock(&lock);
}

static void table_give_back(struct table *table) {
    (void)pthread_mutex_lock(&lock);
    table->readers--;
    (void)pthread_mutex_unlock(&lock);
}

int kept_verify_vartime(const struct curve *c, const uint8_t *point, const uint8_t *hash, size_t hash_length, const uint8_t *signature) {
    const struct curve_ops *ops = curve_ops_of(c);
    struct table *table;
    enum state state = look_up(c, point, &table);
    if (state == FRESH) { /* the others have been checked then */
        if (!ops->point_check_vartime(c, point)) return SECMOD_E_POINT;
        seen_again(c, point);
    }
    if (state == MAKE) {
        ops->kept_make_vartime(c, point, table_bytes(table));
        table_ready(table);
    }
    const kept_table *kept = state == FRESH ? NULL : table_bytes(table);
    int good = ops->verify_vartime(c, kept, point, hash, hash_length, signature);
    if (state != FRESH) table_give_back(table);
    return good ? SECMOD_OK : SECMOD_E_SIGNATURE;
}

void kept_forget(void) {
    (void)pthread_mutex_lock(&lock);
    memset(seen, 0, sizeof seen);
    memset(tables, 0, sizeof tables);
    (void)pthread_mutex_unlock(&lock);
}

int kept_count(void) {
    int count = 0;
    (void)pthread_mutex_lock(&lock);
    for (int i = 0; i < KEPT_TABLES; i++) count += tables[i].key.curve != NULL && tables[i].ready;
    (void)pthread_mutex_unlock(&lock);
    return count;
}
