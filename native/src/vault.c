/* SPDX-License-Identifier: Apache-2.0 */
/* A handle is serial number * 256 + slot.  Serial numbers count through the whole process and are never used again, so neither
 * a released secret's handle nor one of another vault opens anything.
 *
 * Memory.  A vault starts without slots; they come in chunks, and stay.  A secret is in a block of secure.h as large as its kind
 * needs, from vault_put until it is wiped.  The memory of a vault is never given back, only used again: collectors of garbage
 * (Python's, of cycles) may free a vault before the last handle into it, and releasing such a handle must find a vault, which then
 * knows no such serial number.
 *
 * Locks.  A slot's lock guards its handle and secret and is held while that is at work: one serves one thread at a time,
 * different ones do not wait for each other.  The vault's lock guards only which slots are taken.  No thread holds both, or two
 * slots; but around fork all are held, so that a child finds every vault whole and nobody at work in it. */
#define _POSIX_C_SOURCE 200809L /* pthread_atfork */

#include "vault.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ct.h"
#include "kept.h"
#include "lanes.h"
#include "noise.h"
#include "process.h"
#include "secure.h"
#include "wipe.h"

#define SCALAR_TRIES 256 /* each succeeds with a probability above one half; all failing means a broken generator */
#define CHUNK_SLOTS 32
#define CHUNKS (SECMOD_VAULT_SLOTS / CHUNK_SLOTS)

struct slot {
    pthread_mutex_t lock;
    uint64_t handle; /* 0: empty */
    struct secret *secret;
};

struct secmod_vault {
    secmod_vault *next;  /* of all there are */
    secmod_vault *spare; /* the next one that is not in use */
    struct generator *generator;
    _Atomic(int) unchecked; /* signatures */
    pthread_mutex_t lock;
    int live;
    uint32_t taken[CHUNKS];               /* a bit for each slot of a chunk */
    _Atomic(struct slot *) chunks[CHUNKS]; /* NULL, or CHUNK_SLOTS slots, for ever */
};

_Static_assert(SECMOD_VAULT_SLOTS == 256, "a handle keeps the slot in its lowest byte");
_Static_assert(CHUNK_SLOTS == 32, "a word has a bit for each slot of a chunk");

static atomic_uint_fast64_t serial;

/* NULL if it has no memory yet: no handle that was given names such a slot. */
static struct slot *slot_at(secmod_vault *vault, size_t index) {
    struct slot *chunk = atomic_load_explicit(&vault->chunks[index / CHUNK_SLOTS], memory_order_acquire);
    return chunk == NULL ? NULL : &chunk[index % CHUNK_SLOTS];
}

static struct slot *slot_of(secmod_vault *vault, uint64_t handle) { return slot_at(vault, handle & 0xFF); }

/* ---- slots -------------------------------------------------------------------------------------------------------------- */

/* The chunk with this number has memory then; 0 if there is none. */
static int chunk_ready(secmod_vault *vault, size_t number) {
    if (atomic_load_explicit(&vault->chunks[number], memory_order_relaxed) != NULL) return 1;
    struct slot *made = calloc(CHUNK_SLOTS, sizeof *made);
    if (made == NULL) return 0;
    /* with default attributes, initialising a mutex can not fail on Linux */
    for (int i = 0; i < CHUNK_SLOTS; i++) pthread_mutex_init(&made[i].lock, NULL);
    atomic_store_explicit(&vault->chunks[number], made, memory_order_release);
    return 1;
}

/* A free slot, marked as taken, into *index.  SECMOD_E_FULL, or SECMOD_E_LIBRARY if there is no memory. */
static int slot_reserve(secmod_vault *vault, size_t *index) {
    int result = SECMOD_E_FULL;
    pthread_mutex_lock(&vault->lock);
    for (size_t i = 0; i < SECMOD_VAULT_SLOTS && result == SECMOD_E_FULL; i++) {
        const uint32_t bit = (uint32_t)1 << i % CHUNK_SLOTS;
        if ((vault->taken[i / CHUNK_SLOTS] & bit) != 0) continue;
        result = chunk_ready(vault, i / CHUNK_SLOTS) ? SECMOD_OK : SECMOD_E_LIBRARY;
        if (result != SECMOD_OK) break;
        vault->taken[i / CHUNK_SLOTS] |= bit;
        vault->live++;
        *index = i;
    }
    pthread_mutex_unlock(&vault->lock);
    return result;
}

static void slot_free(secmod_vault *vault, size_t index) {
    pthread_mutex_lock(&vault->lock);
    vault->taken[index / CHUNK_SLOTS] &= ~((uint32_t)1 << index % CHUNK_SLOTS);
    vault->live--;
    pthread_mutex_unlock(&vault->lock);
}

/* ---- secrets ------------------------------------------------------------------------------------------------------------ */

#define BYTES_WITH(member) (offsetof(struct secret, as) + sizeof((struct secret *)NULL)->as.member)

/* Of a secret of this kind, in its block. */
static size_t secret_bytes(enum secret_kind kind) {
    switch (kind) {
        case SECRET_KEY: return BYTES_WITH(key);
        case SECRET_PASSWORD: return BYTES_WITH(password);
        case SECRET_HANDSHAKE: return BYTES_WITH(handshake);
        case SECRET_SESSION: return BYTES_WITH(session);
        case SECRET_STORE_KEY: return BYTES_WITH(store_key);
        case SECRET_NONE: break;
    }
    return 0;
}

_Static_assert(sizeof(struct secret) <= SECURE_MAX, "every secret fits a block");

/* What it refers to is wiped, and freed. */
static void secret_empty(struct secret *secret) {
    if (secret->kind == SECRET_KEY) private_key_wipe(&secret->as.key);
    if (secret->kind == SECRET_SESSION) session_wipe(&secret->as.session);
}

/* Of a slot whose lock is held: nothing is in it then. */
static void slot_empty(struct slot *slot) {
    const size_t bytes = secret_bytes(slot->secret->kind);
    secret_empty(slot->secret);
    secure_give_back(slot->secret, bytes);
    slot->secret = NULL;
    slot->handle = 0;
}

/* Wipes the secret in a slot if `handle` is its handle, or whatever its handle is if that is 0. */
static int slot_wipe(secmod_vault *vault, size_t index, uint64_t handle) {
    struct slot *slot = slot_at(vault, index);
    if (slot == NULL) return 0;
    pthread_mutex_lock(&slot->lock);
    int lives = slot->handle != 0 && (handle == 0 || slot->handle == handle);
    if (lives) slot_empty(slot);
    pthread_mutex_unlock(&slot->lock);
    if (lives) slot_free(vault, index);
    return lives;
}

void *vault_take_secret(secmod_vault *vault, uint64_t handle, enum secret_kind kind) {
    struct slot *slot = vault == NULL || handle == 0 ? NULL : slot_of(vault, handle);
    if (slot == NULL) return NULL;
    pthread_mutex_lock(&slot->lock);
    if (slot->handle == handle && slot->secret->kind == kind) return &slot->secret->as;
    pthread_mutex_unlock(&slot->lock);
    return NULL;
}

struct private_key *vault_take(secmod_vault *vault, uint64_t handle) { return vault_take_secret(vault, handle, SECRET_KEY); }

void vault_give_back(secmod_vault *vault, uint64_t handle) { pthread_mutex_unlock(&slot_of(vault, handle)->lock); }

void vault_end(secmod_vault *vault, uint64_t handle) {
    struct slot *slot = slot_of(vault, handle);
    slot_empty(slot);
    pthread_mutex_unlock(&slot->lock);
    slot_free(vault, handle & 0xFF);
}

/* Into a block and a slot. */
static int put(secmod_vault *vault, const struct secret *secret, uint64_t *handle) {
    size_t index;
    const size_t bytes = secret_bytes(secret->kind);
    struct secret *block = secure_take(bytes);
    int result = block == NULL ? SECMOD_E_LIBRARY : slot_reserve(vault, &index);
    if (result != SECMOD_OK) {
        secure_give_back(block, bytes);
        return result;
    }
    memcpy(block, secret, bytes);
    struct slot *slot = slot_at(vault, index);
    pthread_mutex_lock(&slot->lock);
    slot->secret = block;
    slot->handle = *handle = (atomic_fetch_add(&serial, 1) + 1) << 8 | (uint64_t)index;
    pthread_mutex_unlock(&slot->lock);
    return SECMOD_OK;
}

int vault_put(secmod_vault *vault, struct secret *secret, uint64_t *handle) {
    int result = put(vault, secret, handle);
    if (result != SECMOD_OK) secret_empty(secret);
    wipe(secret, sizeof *secret);
    return result;
}

/* ---- the vault ---------------------------------------------------------------------------------------------------------- */

static pthread_mutex_t vaults_lock = PTHREAD_MUTEX_INITIALIZER; /* guards the two lists; taken before any other lock */
static secmod_vault *vaults, *spare;

/* A vault without slots; NULL if there is no memory. */
static secmod_vault *memory_make(void) {
    secmod_vault *made = calloc(1, sizeof *made);
    struct generator *generator = made == NULL ? NULL : generator_memory();
    if (generator == NULL) {
        free(made);
        return NULL;
    }
    made->generator = generator;
    pthread_mutex_init(&made->lock, NULL);
    return made;
}

static secmod_vault *memory_take(void) {
    pthread_mutex_lock(&vaults_lock);
    secmod_vault *vault = spare;
    if (vault != NULL) {
        spare = vault->spare;
    } else if ((vault = memory_make()) != NULL) {
        vault->next = vaults;
        vaults = vault;
    }
    pthread_mutex_unlock(&vaults_lock);
    return vault;
}

/* `vault` holds no secret any more. */
static void memory_give_back(secmod_vault *vault) {
    pthread_mutex_lock(&vaults_lock);
    vault->spare = spare;
    spare = vault;
    pthread_mutex_unlock(&vaults_lock);
}

static pthread_once_t prepared = PTHREAD_ONCE_INIT;

static void process_prepare(void);

static int vault_new(secmod_vault **vault, const uint8_t *seed, size_t length) {
    (void)pthread_once(&prepared, process_prepare);
    secmod_vault *made = memory_take();
    if (made == NULL) return SECMOD_E_LIBRARY;
    int result = generator_begin(made->generator, seed, length);
    if (result == SECMOD_OK) {
        atomic_store(&made->unchecked, 0);
        *vault = made;
    } else {
        memory_give_back(made);
    }
    return result;
}

int secmod_vault_new(secmod_vault **vault) { return vault_new(vault, NULL, 0); }

int secmod_vault_new_deterministic(secmod_vault **vault, const uint8_t *seed, size_t length) {
    return seed == NULL || length < 1 || length > SECMOD_SEED_MAX ? SECMOD_E_ARGUMENT : vault_new(vault, seed, length);
}

int secmod_vault_is_deterministic(secmod_vault *vault) { return vault != NULL && generator_is_deterministic(vault->generator); }

struct generator *vault_generator(secmod_vault *vault) { return vault->generator; }

int secmod_vault_check_signatures(secmod_vault *vault, int on) {
    if (vault == NULL) return SECMOD_E_ARGUMENT;
    atomic_store(&vault->unchecked, !on);
    return SECMOD_OK;
}

int vault_checks(const secmod_vault *vault) { return !atomic_load_explicit(&vault->unchecked, memory_order_relaxed); }

int vault_settle(secmod_vault *vault, int result) {
    if (result == SECMOD_E_FAULT) generator_alarm(vault->generator);
    return result;
}

int vault_usable(secmod_vault *vault) {
    return generator_state(vault->generator) == SECMOD_RANDOM_REFUSED ? SECMOD_E_RANDOM : SECMOD_OK;
}

void secmod_vault_clear(secmod_vault *vault) {
    if (vault == NULL) return;
    for (size_t i = 0; i < SECMOD_VAULT_SLOTS; i++) (void)slot_wipe(vault, i, 0);
}

void secmod_vault_free(secmod_vault *vault) {
    if (vault == NULL) return;
    secmod_vault_clear(vault);
    generator_end(vault->generator);
    memory_give_back(vault);
}

int secmod_vault_live(secmod_vault *vault) {
    if (vault == NULL) return 0;
    pthread_mutex_lock(&vault->lock);
    int live = vault->live;
    pthread_mutex_unlock(&vault->lock);
    return live;
}

int secmod_secret_release(secmod_vault *vault, uint64_t handle) {
    if (vault == NULL || handle == 0) return SECMOD_E_HANDLE;
    return slot_wipe(vault, handle & 0xFF, handle) ? SECMOD_OK : SECMOD_E_HANDLE;
}

/* ---- the process: its copies, and its end ------------------------------------------------------------------------------- */

static void slots_each(secmod_vault *vault, void (*work)(struct slot *)) {
    for (size_t i = 0; i < SECMOD_VAULT_SLOTS; i++) {
        struct slot *slot = slot_at(vault, i);
        if (slot != NULL) work(slot);
    }
}

static void slot_lock(struct slot *slot) { pthread_mutex_lock(&slot->lock); }

static void slot_unlock(struct slot *slot) { pthread_mutex_unlock(&slot->lock); }

static void fork_prepare(void) {
    pthread_mutex_lock(&vaults_lock);
    for (secmod_vault *vault = vaults; vault != NULL; vault = vault->next) {
        pthread_mutex_lock(&vault->lock); /* no slots are added from here on */
        slots_each(vault, slot_lock);
    }
    for (secmod_vault *vault = vaults; vault != NULL; vault = vault->next) generator_lock(vault->generator);
    noise_fork_prepare();
    kept_fork_prepare();
    lanes_fork_prepare();
    secure_fork_prepare();
}

static void fork_done(void) {
    lanes_fork_done();
    kept_fork_done();
    noise_fork_done();
    for (secmod_vault *vault = vaults; vault != NULL; vault = vault->next) {
        generator_unlock(vault->generator);
        slots_each(vault, slot_unlock);
        pthread_mutex_unlock(&vault->lock);
    }
    pthread_mutex_unlock(&vaults_lock);
}

static void fork_parent(void) {
    secure_fork_parent();
    fork_done();
}

static void fork_child(void) {
    secure_fork_child();
    process_forked();
    fork_done();
}

/* A secret that another thread is using is left to it: it may never come back, and the memory goes with the process. */
static void slot_end(struct slot *slot) {
    if (pthread_mutex_trylock(&slot->lock) != 0) return;
    if (slot->handle != 0) slot_empty(slot);
    pthread_mutex_unlock(&slot->lock);
}

/* At exit. */
static void end(void) {
    pthread_mutex_lock(&vaults_lock);
    for (secmod_vault *vault = vaults; vault != NULL; vault = vault->next) {
        slots_each(vault, slot_end);
        generator_end_if_idle(vault->generator);
    }
    pthread_mutex_unlock(&vaults_lock);
}

/* Once, before the first vault.  What is registered last runs first at exit: libcrypto has cleaned nothing up then. */
static void process_prepare(void) {
    (void)OPENSSL_init_crypto(0, NULL);
    (void)atexit(end);
    (void)pthread_atfork(fork_prepare, fork_parent, fork_child);
}

/* ---- keys --------------------------------------------------------------------------------------------------------------- */

/* A scalar in [1, n-1] by rejection (TR-03111 4.1.1, algorithm 1: drawing c in [0, n-2] and adding 1 is the same). */
int vault_scalar(secmod_vault *vault, const struct curve *curve, uint8_t *scalar, enum drbg_entropy entropy) {
    size_t length = curve_field_bytes(curve);
    uint8_t top = (uint8_t)(0xFF >> (8 * curve->facts.field_bytes - curve->facts.bits));
    for (int tries = 0; tries < SCALAR_TRIES; tries++) {
        int result = generator_bytes(vault->generator, scalar, length, tries == 0 ? entropy : DRBG_AS_DUE);
        if (result != SECMOD_OK) return result;
        scalar[0] &= top;
        if (ct_reveal(scalar_in_range(curve, scalar))) return SECMOD_OK; /* tells about rejected scalars only */
    }
    wipe(scalar, length);
    generator_alarm(vault->generator);
    return SECMOD_E_RANDOM;
}

int secmod_key_generate(secmod_vault *vault, int curve, uint64_t *handle) {
    const struct curve *row = curve_at(curve);
    if (vault == NULL || row == NULL) return SECMOD_E_ARGUMENT;
    uint8_t scalar[SECMOD_MAX_FIELD];
    struct secret made = {.kind = SECRET_KEY};
    ERR_set_mark();
    int result = vault_scalar(vault, row, scalar, DRBG_FRESH);
    if (result == SECMOD_OK) result = private_key_new(row, scalar, &made.as.key);
    if (result == SECMOD_OK) result = vault_put(vault, &made, handle);
    wipe(scalar, sizeof scalar);
    ERR_pop_to_mark();
    return vault_settle(vault, result);
}

int secmod_key_import(secmod_vault *vault, int curve, const uint8_t *scalar, size_t length, uint64_t *handle) {
    const struct curve *row = curve_at(curve);
    if (vault == NULL || row == NULL || length != curve_field_bytes(row)) return SECMOD_E_ARGUMENT;
    struct secret made = {.kind = SECRET_KEY};
    ERR_set_mark();
    int result = vault_usable(vault);
    if (result == SECMOD_OK) result = private_key_new(row, scalar, &made.as.key);
    if (result == SECMOD_OK) result = vault_put(vault, &made, handle);
    ERR_pop_to_mark();
    return vault_settle(vault, result);
}

int secmod_key_public(secmod_vault *vault, uint64_t handle, uint8_t *point, size_t *length) {
    const struct private_key *key = vault_take(vault, handle);
    if (key == NULL) return SECMOD_E_HANDLE;
    size_t needed = curve_point_bytes(key->curve);
    int fits = *length >= needed;
    if (fits) {
        memcpy(point, key->point, needed);
        *length = needed;
    }
    vault_give_back(vault, handle);
    return fits ? SECMOD_OK : SECMOD_E_ARGUMENT;
}
