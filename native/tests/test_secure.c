/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of secrets: its pages as the kernel sees them, what is left of a secret and where, copies of the process, its end. */
#define _GNU_SOURCE

#include "secure.h"

#include <openssl/err.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "process.h"
#include "secrets.h"
#include "secmod.h"
#include "vault.h"

#if defined(RUNNING_ON_VALGRIND)
#define ON_VALGRIND (RUNNING_ON_VALGRIND != 0)
#else
#define ON_VALGRIND 0
#endif
#if defined(__has_feature) /* clang's way to say so */
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
/* Sanitizers and valgrind have a memory of their own, and a way of their own with what is locked in it. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(SANITIZED)
#define WATCHED 1
#else
#define WATCHED ON_VALGRIND
#endif

static secmod_vault *vault_made(void) {
    secmod_vault *vault = NULL;
    CHECK(secmod_vault_new(&vault) == SECMOD_OK && vault != NULL);
    return vault;
}

static int sign(secmod_vault *vault, uint64_t key) {
    const uint8_t hash[32] = {1};
    uint8_t signature[SECMOD_MAX_SIGNATURE];
    size_t length = sizeof signature;
    return secmod_ecdsa_sign(vault, key, hash, sizeof hash, signature, &length);
}

/* ---- blocks ------------------------------------------------------------------------------------------------------------- */

static void test_blocks(void) {
    static const size_t sizes[] = {1, 64, 65, 500, 1000, SECURE_MAX};
    CHECK(secure_take(0) == NULL && secure_take(SECURE_MAX + 1) == NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *blocks[40];
        for (int j = 0; j < 40; j++) { /* more than a region has room for, of the largest */
            blocks[j] = secure_take(sizes[i]);
            CHECK(blocks[j] != NULL && (uintptr_t)blocks[j] % 64 == 0 && check_filled(blocks[j], sizes[i], 0));
            memset(blocks[j], j + 1, sizes[i]);
        }
        for (int j = 0; j < 40; j++) CHECK(check_filled(blocks[j], sizes[i], (uint8_t)(j + 1))); /* none overlaps another */
        for (int j = 0; j < 40; j++) secure_give_back(blocks[j], sizes[i]);
        uint8_t *again = secure_take(sizes[i]);
        CHECK(again == blocks[39] && check_filled(again, sizes[i], 0));
        secure_give_back(again, sizes[i]);
    }
    secure_give_back(NULL, 64);
}

/* ---- what the kernel says ------------------------------------------------------------------------------------------------ */

/* Every mapping of the process, from /proc/self/smaps. */
struct mapping {
    uintptr_t start, end;
    char access[8];
    int dump, locked; /* VmFlags without dd, with lo */
};

static size_t mappings_read(struct mapping *out, size_t room) {
    FILE *smaps = fopen("/proc/self/smaps", "r");
    char line[512];
    size_t count = 0;
    struct mapping now = {.dump = 1};
    CHECK(smaps != NULL);
    while (smaps != NULL && count < room && fgets(line, sizeof line, smaps) != NULL) {
        unsigned long start, end;
        if (sscanf(line, "%lx-%lx %7s", &start, &end, now.access) == 3) {
            now.start = start;
            now.end = end;
        } else if (strncmp(line, "VmFlags:", 8) == 0) {
            now.dump = strstr(line, " dd") == NULL;
            now.locked = strstr(line, " lo") != NULL;
            out[count++] = now;
        }
    }
    if (smaps != NULL) (void)fclose(smaps);
    CHECK(count > 0 && count < room);
    return count;
}

static const struct mapping *mapping_of(const struct mapping *all, size_t count, const void *at) {
    for (size_t i = 0; i < count; i++) {
        if ((uintptr_t)at >= all[i].start && (uintptr_t)at < all[i].end) return &all[i];
    }
    return NULL;
}

static struct mapping all[4096];

/* Where the secret under a handle is. */
static const void *place_of(secmod_vault *vault, uint64_t handle, enum secret_kind kind) {
    const void *place = vault_take_secret(vault, handle, kind);
    CHECK(place != NULL);
    vault_give_back(vault, handle);
    return place;
}

static void test_pages(void) {
    secmod_vault *vault = vault_made();
    uint64_t key = 0, password = 0, store = 0;
    CHECK(secmod_key_generate(vault, 2, &key) == SECMOD_OK && secmod_store_key_generate(vault, &store) == SECMOD_OK);
    CHECK(secmod_password_store(vault, (const uint8_t *)"123456", 6, &password) == SECMOD_OK);
    const void *places[] = {place_of(vault, key, SECRET_KEY), place_of(vault, password, SECRET_PASSWORD),
                            place_of(vault, store, SECRET_STORE_KEY), vault_generator(vault)};
    const size_t count = mappings_read(all, sizeof all / sizeof all[0]);
    struct secmod_secret_memory memory;
    secmod_secret_memory(&memory);
    CHECK(memory.bytes > 0 && memory.locked <= memory.bytes && !memory.dumped);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const struct mapping *mapping = mapping_of(all, count, places[i]);
        CHECK(mapping != NULL && !mapping->dump);
        CHECK(mapping != NULL && (mapping->locked || memory.locked < memory.bytes || WATCHED));
    }
    secmod_vault_free(vault);
}

/* Without leave to lock pages all works the same, and says so. */
static int not_locked(void) {
    const struct rlimit none = {0, 0};
    struct secmod_secret_memory memory;
    uint64_t key = 0;
    CHECK(setrlimit(RLIMIT_MEMLOCK, &none) == 0 && munlockall() == 0);
    if (geteuid() == 0) CHECK(setresuid(65534, 65534, 65534) == 0); /* root may always */
    for (int i = 0; i < 20; i++) {
        secmod_vault *vault = vault_made();
        for (int j = 0; j < 20; j++) CHECK(secmod_key_generate(vault, 0, &key) == SECMOD_OK && sign(vault, key) == SECMOD_OK);
    }
    secmod_secret_memory(&memory);
    CHECK(memory.bytes > memory.locked);
    return check_end();
}

/* ---- what a core dump would have ---------------------------------------------------------------------------------------- */

/* This test knows secrets only disguised; nothing tells the compiler that it could undo that early. */
static volatile uint8_t mask = 0x5A;

/* How often the bytes are in memory that a core dump has: all of it, also what lies between objects. */
__attribute__((no_sanitize_address)) static size_t found_in_dump(const uint8_t *disguised, size_t length) {
    const size_t count = mappings_read(all, sizeof all / sizeof all[0]);
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (!all[i].dump || all[i].access[0] != 'r' || all[i].access[1] != 'w') continue;
        const uint8_t *at = (const uint8_t *)all[i].start; /* NOLINT: an address that the kernel has named */
        for (const uint8_t *end = (const uint8_t *)all[i].end - length; at <= end; at++) {
            size_t same = 0;
            while (same < length && (at[same] ^ mask) == disguised[same]) same++;
            found += same == length;
        }
    }
    return found;
}

/* Any run of 16 bytes of a secret: a half of the smallest scalar. */
static void check_absent(const uint8_t *disguised, size_t length) {
    for (size_t start = 0; start + 16 <= length; start += 8) CHECK(found_in_dump(disguised + start, 16) == 0);
}

static void disguise(uint8_t *out, const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) out[i] = (uint8_t)(bytes[i] ^ mask);
}

/* A key that was made here and has worked is nowhere but in its block; and found by this test where it must be. */
static void test_dump(void) {
    secmod_vault *vault = vault_made();
    uint8_t disguised[SECMOD_MAX_FIELD], hidden[SECMOD_STORE_KEY], blob[SECMOD_MAX_SEALED], point[SECMOD_MAX_POINT], z[SECMOD_MAX_FIELD];
    uint64_t store = 0;
    CHECK(secmod_store_key_generate(vault, &store) == SECMOD_OK);
    for (int curve = 0; curve < secmod_curve_count(); curve++) {
        uint64_t key = 0;
        struct secmod_unsealed out;
        struct secmod_curve facts;
        size_t length = sizeof blob, point_length = sizeof point, z_length = sizeof z;
        CHECK(secmod_curve_get(curve, &facts) == SECMOD_OK && secmod_key_generate(vault, curve, &key) == SECMOD_OK);
        CHECK(sign(vault, key) == SECMOD_OK && secmod_key_public(vault, key, point, &point_length) == SECMOD_OK);
        CHECK(secmod_ecka_agree(vault, key, point, point_length, z, &z_length) == SECMOD_OK);
        CHECK(secmod_seal(vault, store, key, NULL, 0, blob, &length) == SECMOD_OK);
        CHECK(secmod_unseal(vault, store, blob, length, NULL, 0, &out) == SECMOD_OK);
        const struct private_key *made = vault_take(vault, key);
        disguise(disguised, made->scalar, sizeof made->scalar);
        vault_give_back(vault, key);
        check_absent(disguised, (size_t)facts.field_bytes);
    }
    const struct store_key *key = vault_take_secret(vault, store, SECRET_STORE_KEY);
    disguise(hidden, key->key, sizeof hidden);
    vault_give_back(vault, store);
    check_absent(hidden, sizeof hidden);
    for (size_t i = 0; i < 16; i++) z[i] = (uint8_t)(hidden[i] ^ mask);
    CHECK(found_in_dump(hidden, 16) == 1); /* now it is on the stack */
    secmod_vault_free(vault);
}

/* ---- copies ------------------------------------------------------------------------------------------------------------- */

static void test_epoch(void) {
    const uint64_t mine = process_epoch();
    CHECK(process_epoch() == mine);
    pid_t child = fork();
    if (child == 0) {
        const uint64_t epoch = process_epoch();
        pid_t grandchild = fork();
        int status = 1;
        if (grandchild == 0) _exit(process_epoch() == epoch || process_epoch() == mine);
        _exit(epoch == mine || process_epoch() != epoch || waitpid(grandchild, &status, 0) != grandchild || status != 0);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0 && process_epoch() == mine);
}

struct work {
    secmod_vault *vault;
    uint64_t key;
    int stop;
};

static void *works(void *argument) {
    struct work *work = argument;
    uint8_t point[SECMOD_MAX_POINT], hash[32] = {1}, signature[SECMOD_MAX_SIGNATURE] = {1};
    while (!__atomic_load_n(&work->stop, __ATOMIC_RELAXED)) {
        uint64_t own = 0;
        size_t length = sizeof point;
        (void)secmod_key_generate(work->vault, 0, &own);
        (void)secmod_key_public(work->vault, own, point, &length);
        (void)sign(work->vault, work->key);
        (void)secmod_ecdsa_verify(0, point, length, hash, sizeof hash, signature, 64);
        (void)secmod_secret_release(work->vault, own);
        secmod_vault *more = NULL;
        if (secmod_vault_new(&more) == SECMOD_OK) secmod_vault_free(more);
    }
    return NULL;
}

/* A child finds all locks open, whatever other threads were doing, and its random numbers are its own. */
static int child_works(struct work *work, int out) {
    uint8_t drawn[16];
    uint64_t own = 0;
    secmod_vault *more = NULL;
    alarm(60); /* a lock that stays closed ends here */
    int wrong = sign(work->vault, work->key) != SECMOD_OK || secmod_key_generate(work->vault, 1, &own) != SECMOD_OK ||
                secmod_secret_release(work->vault, own) != SECMOD_OK || secmod_vault_new(&more) != SECMOD_OK ||
                secmod_random(work->vault, drawn, sizeof drawn) != SECMOD_OK;
    secmod_vault_clear(work->vault);
    return wrong || write(out, drawn, sizeof drawn) != sizeof drawn;
}

static void test_fork(void) {
    struct work work = {.vault = vault_made()};
    pthread_t threads[3];
    const int count = ON_VALGRIND ? 0 : 3; /* in a child it misses what libcrypto has for the threads that are not there */
    uint8_t drawn[40][16];
    int ends[2];
    CHECK(secmod_key_generate(work.vault, 0, &work.key) == SECMOD_OK && pipe(ends) == 0);
    for (int i = 0; i < count; i++) CHECK(pthread_create(&threads[i], NULL, works, &work) == 0);
    for (int i = 0; i < 20; i++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0) _exit(child_works(&work, ends[1]));
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        CHECK(read(ends[0], drawn[2 * i], 16) == 16 && secmod_random(work.vault, drawn[2 * i + 1], 16) == SECMOD_OK);
    }
    __atomic_store_n(&work.stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < count; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < 40; i++) {
        for (int j = 0; j < i; j++) CHECK(memcmp(drawn[i], drawn[j], 16) != 0);
    }
    CHECK(sign(work.vault, work.key) == SECMOD_OK && close(ends[0]) == 0 && close(ends[1]) == 0);
    secmod_vault_free(work.vault);
}

/* ---- the end ------------------------------------------------------------------------------------------------------------ */

static const uint8_t *left_behind; /* a private key that nobody released, and a generator */
static const uint8_t *left_generator;

static void look(void) { /* registered before the vault: runs after it has ended */
    const int wiped = check_filled(left_behind + 8, 64, 0) && check_filled(left_generator + sizeof(pthread_mutex_t), 600, 0);
    if (!wiped) _exit(1);
}

static void test_exit(const char *program) {
    pid_t child = fork();
    if (child == 0) {
        (void)execl(program, program, "exit", (char *)NULL);
        _exit(2);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int leaves_at_exit(void) {
    uint64_t key = 0;
    CHECK(atexit(look) == 0);
    secmod_vault *vault = vault_made();
    CHECK(secmod_key_generate(vault, 2, &key) == SECMOD_OK && sign(vault, key) == SECMOD_OK);
    left_behind = place_of(vault, key, SECRET_KEY);
    left_generator = (const uint8_t *)vault_generator(vault);
    CHECK(!check_filled(left_behind + 8, 64, 0));
    return check_end();
}

static void test_no_lock(void) {
    pid_t child = fork();
    if (child == 0) _exit(not_locked());
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "exit") == 0) return leaves_at_exit();
    test_blocks();
    test_pages();
    if (!WATCHED) test_dump();
    test_epoch();
    test_fork();
    if (!WATCHED) test_no_lock();
    test_exit(argv[0]);
    CHECK(ERR_peek_error() == 0);
    return check_end();
}
