/* SPDX-License-Identifier: Apache-2.0 */
/* No freed block and no used stack holds a private scalar, a password or a session key.  Blocks: libcrypto's allocator is replaced by one that looks before
 * it frees.  Stack: the work is done by a thread whose stack is ours, and searched afterwards. */
#define _XOPEN_SOURCE 700 /* pthread_attr_setstack */

#include "wipe.h"

#include <openssl/crypto.h>
#include <pthread.h>

#include "check.h"
#include "secmod.h"
#include "secrets.h"

/* As the numbers below lie in memory: the bytes of a big-endian scalar, and libcrypto's words, least significant first. */
static uint8_t secret[32], reversed[32];
static int found, freed;

union block {
    size_t length;
    max_align_t alignment;
};

static int contains(const uint8_t *bytes, size_t length, const uint8_t *part) {
    for (size_t i = 0; i + 16 <= length; i++) { /* half of it is a find, too */
        if (memcmp(bytes + i, part, 16) == 0 || memcmp(bytes + i, part + 16, 16) == 0) return 1;
    }
    return 0;
}

static void *look_malloc(size_t length, const char *file, int line) {
    (void)file, (void)line;
    union block *block = malloc(sizeof *block + length);
    if (block == NULL) return NULL;
    block->length = length;
    memset(block + 1, 0, length); /* an earlier owner's bytes are not this block's fault */
    return block + 1;
}

static void look_free(void *bytes, const char *file, int line) {
    (void)file, (void)line;
    if (bytes == NULL) return;
    union block *block = (union block *)bytes - 1;
    freed++;
    if (contains(bytes, block->length, secret) || contains(bytes, block->length, reversed)) found++;
    free(block);
}

static void *look_realloc(void *bytes, size_t length, const char *file, int line) {
    void *fresh = look_malloc(length, file, line);
    if (fresh == NULL || bytes == NULL) return fresh;
    size_t before = ((union block *)bytes - 1)->length;
    memcpy(fresh, bytes, before < length ? before : length);
    look_free(bytes, file, line);
    return fresh;
}

static void test_wipe(void) {
    uint8_t bytes[40];
    memset(bytes, 0xA5, sizeof bytes);
    wipe(bytes + 4, 32);
    CHECK(check_filled(bytes, 4, 0xA5) && check_filled(bytes + 4, 32, 0) && check_filled(bytes + 36, 4, 0xA5));
}

/* The search itself must find what it looks for. */
static void test_search(void) {
    uint8_t *leaking = OPENSSL_malloc(64);
    memcpy(leaking + 7, reversed, 32);
    OPENSSL_free(leaking);
    CHECK(found == 1);
    found = 0;
}

static void test_key(int curve, void (*end)(secmod_vault *, uint64_t)) {
    secmod_vault *vault = NULL;
    uint64_t key = 0;
    uint8_t point[SECMOD_MAX_POINT], hash[32] = {7}, out[SECMOD_MAX_SIGNATURE];
    size_t point_length = sizeof point, length = sizeof out;
    CHECK(secmod_vault_new(&vault) == SECMOD_OK);
    CHECK(secmod_key_import(vault, curve, secret, 32, &key) == SECMOD_OK);
    CHECK(secmod_key_public(vault, key, point, &point_length) == SECMOD_OK);
    CHECK(secmod_ecdsa_sign(vault, key, hash, sizeof hash, out, &length) == SECMOD_OK);
    length = sizeof out;
    CHECK(secmod_ecka_agree(vault, key, point, point_length, out, &length) == SECMOD_OK);
    CHECK(found == 0);
    end(vault, key);
    CHECK(found == 0);
    secmod_vault_free(vault);
    CHECK(freed > 0 && found == 0); /* the generator's */
    freed = 0;
}

/* A session's keys, and a password that has begun a handshake: nothing of them in a freed block, at work or afterwards. */
static void test_session(void (*end)(secmod_vault *, uint64_t)) {
    static const uint8_t ssc[16], plain[] = {0x00, 0xD6, 0x00, 0x00, 0x03, 1, 2, 3};
    secmod_vault *vault = NULL;
    uint64_t session = 0, password = 0, handshake = 0;
    uint8_t out[64];
    size_t length = sizeof out;
    CHECK(secmod_vault_new(&vault) == SECMOD_OK);
    CHECK(secmod_session_import(vault, secret, reversed, 32, ssc, &session) == SECMOD_OK);
    CHECK(secmod_protect_command(vault, session, plain, sizeof plain, out, &length) == SECMOD_OK);
    CHECK(secmod_password_store(vault, secret, 32, &password) == SECMOD_OK);
    CHECK(secmod_pace_new(vault, SECMOD_PACE_CARD, 0, 32, secret, 8, password, &handshake) == SECMOD_OK);
    CHECK(secmod_pace_inject(vault, handshake, SECMOD_PACE_INJECT_NONCE, reversed, 16) == SECMOD_OK);
    CHECK(secmod_pace_nonce(vault, handshake, out) == SECMOD_OK);
    CHECK(found == 0);
    freed = 0;
    end(vault, session);
    CHECK(freed > 0 && found == 0);
    secmod_vault_free(vault);
    CHECK(found == 0);
}

/* A whole run with known scalars, and a known password. */
static void test_handshake(int curve) {
    secmod_vault *vault = NULL;
    uint64_t password = 0, handshake = 0;
    uint8_t other[SECMOD_MAX_POINT], point[SECMOD_MAX_POINT], bytes[16];
    size_t other_length = sizeof other, length = sizeof point;
    uint64_t key = 0;
    CHECK(secmod_vault_new(&vault) == SECMOD_OK && secmod_key_generate(vault, curve, &key) == SECMOD_OK);
    CHECK(secmod_key_public(vault, key, other, &other_length) == SECMOD_OK);
    CHECK(secmod_password_store(vault, secret, 32, &password) == SECMOD_OK);
    CHECK(secmod_pace_new(vault, SECMOD_PACE_CARD, curve, 32, secret, 8, password, &handshake) == SECMOD_OK);
    CHECK(secmod_pace_inject(vault, handshake, SECMOD_PACE_INJECT_MAP, secret, 32) == SECMOD_OK);
    CHECK(secmod_pace_inject(vault, handshake, SECMOD_PACE_INJECT_AGREE, secret, 32) == SECMOD_OK);
    CHECK(secmod_pace_nonce(vault, handshake, bytes) == SECMOD_OK);
    CHECK(secmod_pace_map_key(vault, handshake, point, &length) == SECMOD_OK && found == 0);
    CHECK(secmod_pace_map(vault, handshake, other, other_length) == SECMOD_OK && found == 0);
    CHECK(secmod_pace_agree_key(vault, handshake, point, &length) == SECMOD_OK && found == 0);
    CHECK(secmod_pace_agree(vault, handshake, other, other_length) == SECMOD_OK && found == 0);
    CHECK(secmod_pace_token(vault, handshake, bytes) == SECMOD_OK && found == 0);
    secmod_vault_free(vault);
    CHECK(found == 0);
}

/* ---- stack -------------------------------------------------------------------------------------------------------------- */

#define STACK_BYTES ((size_t)1 << 20)
#define STACK_USED ((size_t)32 << 10) /* below its top; what the searches look at */

struct work {
    int curve;
    secmod_vault *vault;
    uint64_t key;
    uint8_t point[SECMOD_MAX_POINT];
    size_t point_length;
};

static void *imports(void *argument) {
    struct work *work = argument;
    CHECK(secmod_key_import(work->vault, work->curve, secret, sizeof secret, &work->key) == SECMOD_OK);
    CHECK(secmod_key_public(work->vault, work->key, work->point, &work->point_length) == SECMOD_OK);
    return NULL;
}

static void *uses(void *argument) {
    struct work *work = argument;
    uint8_t hash[32] = {7}, out[SECMOD_MAX_SIGNATURE];
    size_t length = sizeof out;
    CHECK(secmod_ecdsa_sign(work->vault, work->key, hash, sizeof hash, out, &length) == SECMOD_OK);
    length = sizeof out;
    CHECK(secmod_ecka_agree(work->vault, work->key, work->point, work->point_length, out, &length) == SECMOD_OK);
    return NULL;
}

static void *generates(void *argument) {
    struct work *work = argument;
    CHECK(secmod_key_generate(work->vault, work->curve, &work->key) == SECMOD_OK);
    CHECK(secmod_key_public(work->vault, work->key, work->point, &work->point_length) == SECMOD_OK);
    return NULL;
}

/* The top of the stack on which `run` has worked; to be freed. */
static uint8_t *stack_after(void *(*run)(void *), struct work *work) {
    uint8_t *stack = aligned_alloc(4096, STACK_BYTES), *top = malloc(STACK_USED);
    pthread_attr_t attributes;
    pthread_t thread;
    memset(stack, 0, STACK_BYTES);
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstack(&attributes, stack, STACK_BYTES) == 0);
    CHECK(pthread_create(&thread, &attributes, run, work) == 0 && pthread_join(thread, NULL) == 0);
    pthread_attr_destroy(&attributes);
    PUBLIC(stack, STACK_BYTES); /* memcheck takes a stack that was left for undefined */
    memcpy(top, stack + STACK_BYTES - STACK_USED, STACK_USED);
    free(stack);
    return top;
}

static void *has_session(void *argument) {
    static const uint8_t ssc[16], plain[] = {0x00, 0xD6, 0x00, 0x00, 0x03, 1, 2, 3};
    struct work *work = argument;
    uint8_t out[64];
    size_t length = sizeof out;
    uint64_t password = 0;
    CHECK(secmod_session_import(work->vault, secret, reversed, 32, ssc, &work->key) == SECMOD_OK);
    CHECK(secmod_protect_command(work->vault, work->key, plain, sizeof plain, out, &length) == SECMOD_OK);
    CHECK(secmod_password_store(work->vault, secret, 32, &password) == SECMOD_OK);
    CHECK(secmod_password_compare(work->vault, password, secret, 32) == SECMOD_OK);
    CHECK(secmod_pace_new(work->vault, SECMOD_PACE_CARD, 0, 32, plain, 8, password, &work->key) == SECMOD_OK);
    CHECK(secmod_pace_inject(work->vault, work->key, SECMOD_PACE_INJECT_MAP, secret, 32) == SECMOD_OK);
    CHECK(secmod_pace_nonce(work->vault, work->key, out) == SECMOD_OK);
    length = sizeof work->point;
    CHECK(secmod_pace_map_key(work->vault, work->key, work->point, &length) == SECMOD_OK);
    return NULL;
}

static void test_stack_of_session(void) {
    struct work work = {0};
    CHECK(secmod_vault_new(&work.vault) == SECMOD_OK);
    uint8_t *stack = stack_after(has_session, &work);
    CHECK(!check_filled(stack, STACK_USED, 0));
    CHECK(!contains(stack, STACK_USED, secret) && !contains(stack, STACK_USED, reversed));
    free(stack);
    secmod_vault_free(work.vault);
}

static void test_stack_of_known_key(int curve) {
    struct work work = {.curve = curve, .point_length = SECMOD_MAX_POINT};
    CHECK(secmod_vault_new(&work.vault) == SECMOD_OK);
    for (int step = 0; step < 2; step++) {
        uint8_t *stack = stack_after(step == 0 ? imports : uses, &work);
        CHECK(!check_filled(stack, STACK_USED, 0));
        CHECK(!contains(stack, STACK_USED, secret) && !contains(stack, STACK_USED, reversed));
        free(stack);
    }
    secmod_vault_free(work.vault);
}

/* Nobody knows a generated scalar, but it can be tried whether some bytes are it: do they have the same public point?  Arrays
 * of 16 bytes and more lie on multiples of 16 (System V ABI for x86-64). */
static void test_stack_of_generated_key(int curve) {
    struct work work = {.curve = curve, .point_length = SECMOD_MAX_POINT};
    CHECK(secmod_vault_new(&work.vault) == SECMOD_OK);
    uint8_t *stack = stack_after(generates, &work), point[SECMOD_MAX_POINT];
    for (size_t at = 0; at + 32 <= STACK_USED; at += 16) {
        uint64_t key = 0;
        size_t length = sizeof point;
        if (check_filled(stack + at, 16, 0)) continue;
        if (secmod_key_import(work.vault, curve, stack + at, 32, &key) != SECMOD_OK) continue;
        CHECK(secmod_key_public(work.vault, key, point, &length) == SECMOD_OK && memcmp(point, work.point, length) != 0);
        CHECK(secmod_secret_release(work.vault, key) == SECMOD_OK);
    }
    free(stack);
    secmod_vault_free(work.vault);
}

/* ---- all ---------------------------------------------------------------------------------------------------------------- */

static void by_release(secmod_vault *vault, uint64_t key) { CHECK(secmod_secret_release(vault, key) == SECMOD_OK); }

static void by_clear(secmod_vault *vault, uint64_t key) {
    (void)key;
    secmod_vault_clear(vault);
}

int main(void) {
    CHECK(CRYPTO_set_mem_functions(look_malloc, look_realloc, look_free) == 1);
    for (int i = 0; i < 32; i++) reversed[31 - i] = secret[i] = (uint8_t)(0x51 + 7 * i);
    test_wipe();
    test_search();
    test_session(by_release);
    test_session(by_clear);
    test_stack_of_session();
    for (int curve = 0; curve < secmod_curve_count(); curve++) {
        struct secmod_curve facts;
        CHECK(secmod_curve_get(curve, &facts) == SECMOD_OK);
        if (facts.field_bytes != 32) continue;
        test_handshake(curve);
        test_key(curve, by_release);
        test_key(curve, by_clear);
        test_stack_of_known_key(curve);
        test_stack_of_generated_key(curve);
    }
    return check_end();
}
