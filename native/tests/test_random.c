/* SPDX-License-Identifier: Apache-2.0 */
/* A vault's generator: seeds, alarms, copies of the process, the deterministic mode. */
#define _GNU_SOURCE /* syscall */

#include <openssl/err.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "secmod.h"

static secmod_vault *vault_made(void) {
    secmod_vault *vault = NULL;
    CHECK(secmod_vault_new(&vault) == SECMOD_OK);
    return vault;
}

static int draw(secmod_vault *vault) {
    uint8_t byte;
    return secmod_random(vault, &byte, 1);
}

static void test_alarm(void) {
    secmod_vault *vault = vault_made();
    uint8_t out[48];
    CHECK(secmod_random_state(vault) == SECMOD_RANDOM_READY && secmod_random_alarm(vault) == SECMOD_OK);
    CHECK(secmod_random_state(vault) == SECMOD_RANDOM_ALARM);
    memset(out, 0xFF, sizeof out);
    CHECK(secmod_random(vault, out, sizeof out) == SECMOD_E_RANDOM && check_filled(out, sizeof out, 0));
    memset(out, 0xFF, sizeof out);
    CHECK(secmod_random_fresh(vault, out, sizeof out) == SECMOD_E_RANDOM && check_filled(out, sizeof out, 0));
    CHECK(secmod_random_reseed(vault) == SECMOD_E_RANDOM && secmod_random_test(vault) == SECMOD_E_RANDOM);
    CHECK(secmod_random_power_on(vault) == SECMOD_OK && draw(vault) == SECMOD_OK);
    CHECK(secmod_random_alarm(vault) == SECMOD_OK && secmod_random_state(vault) == SECMOD_RANDOM_REFUSED);
    CHECK(secmod_random_power_on(vault) == SECMOD_E_RANDOM && draw(vault) == SECMOD_E_RANDOM);
    secmod_vault_free(vault);
}

static void test_refused_keys(void) {
    secmod_vault *vault = vault_made();
    uint8_t scalar[32] = {[31] = 9}, point[SECMOD_MAX_POINT], out[SECMOD_MAX_SIGNATURE] = {0};
    size_t point_length = sizeof point, length = sizeof out;
    uint64_t key = 0, other = 0;
    CHECK(secmod_key_import(vault, 0, scalar, 32, &key) == SECMOD_OK);
    CHECK(secmod_key_public(vault, key, point, &point_length) == SECMOD_OK);
    for (int alarm = 0; alarm < 2; alarm++) {
        CHECK(secmod_random_power_on(vault) == SECMOD_OK && secmod_random_alarm(vault) == SECMOD_OK);
    }
    CHECK(secmod_ecdsa_sign(vault, key, scalar, 32, out, &length) == SECMOD_E_RANDOM);
    CHECK(secmod_ecka_agree(vault, key, point, point_length, out, &length) == SECMOD_E_RANDOM);
    CHECK(secmod_key_generate(vault, 0, &other) == SECMOD_E_RANDOM);
    CHECK(secmod_key_import(vault, 0, scalar, 32, &other) == SECMOD_E_RANDOM);
    CHECK(check_filled(out, sizeof out, 0) && length == sizeof out && other == 0 && secmod_vault_live(vault) == 1);
    secmod_vault_free(vault);
}

static void test_stuck(void) {
    for (int source = SECMOD_SOURCE_SYSTEM; source <= SECMOD_SOURCE_JITTER; source++) {
        secmod_vault *vault = vault_made();
        CHECK(secmod_random_power_on(vault) == SECMOD_OK && secmod_random_stick(vault, source, 0, SIZE_MAX) == SECMOD_OK);
        for (int i = 0; i < 1024; i++) CHECK(draw(vault) == SECMOD_OK); /* of the seed from before */
        CHECK(draw(vault) == SECMOD_E_RANDOM && secmod_random_state(vault) == SECMOD_RANDOM_ALARM);
        CHECK(secmod_random_power_on(vault) == SECMOD_E_RANDOM && secmod_random_state(vault) == SECMOD_RANDOM_REFUSED);
        secmod_vault_free(vault);
    }
}

/* A new vault is seeded before anything comes out of it, or nothing does. */
static void test_first_use(void) {
    for (int source = SECMOD_SOURCE_SYSTEM; source <= SECMOD_SOURCE_JITTER; source++) {
        secmod_vault *vault = vault_made();
        uint64_t key = 0;
        CHECK(secmod_random_stick(vault, source, 0, 1000) == SECMOD_OK && secmod_random_state(vault) == SECMOD_RANDOM_READY);
        CHECK(draw(vault) == SECMOD_E_RANDOM && secmod_random_state(vault) == SECMOD_RANDOM_ALARM);
        CHECK(secmod_key_generate(vault, 0, &key) == SECMOD_E_RANDOM && key == 0);
        CHECK(secmod_random_stick(vault, source, 0, 0) == SECMOD_OK && secmod_random_power_on(vault) == SECMOD_OK);
        CHECK(secmod_key_generate(vault, 0, &key) == SECMOD_OK);
        secmod_vault_free(vault);
    }
}

/* Every key takes fresh bytes of the operating system, and every 128th what has come together of the walk. */
static void test_keys(void) {
    secmod_vault *vault = vault_made();
    uint64_t key = 0;
    CHECK(secmod_random_power_on(vault) == SECMOD_OK && secmod_random_stick(vault, SECMOD_SOURCE_SYSTEM, 0, SIZE_MAX) == SECMOD_OK);
    CHECK(secmod_key_generate(vault, 0, &key) == SECMOD_E_RANDOM);
    CHECK(secmod_random_stick(vault, SECMOD_SOURCE_SYSTEM, 0, 0) == SECMOD_OK && secmod_random_power_on(vault) == SECMOD_OK);
    CHECK(secmod_random_stick(vault, SECMOD_SOURCE_JITTER, 0, SIZE_MAX) == SECMOD_OK);
    for (int i = 0; i < 30; i++) { /* 2 samples for each, of 61 that make the alarm */
        CHECK(secmod_key_generate(vault, 0, &key) == SECMOD_OK);
    }
    CHECK(secmod_key_generate(vault, 0, &key) == SECMOD_E_RANDOM);
    secmod_vault_free(vault);
}

static void test_arguments(void) {
    secmod_vault *vault = NULL;
    const uint8_t seed[SECMOD_SEED_MAX + 1] = {0};
    CHECK(secmod_vault_new_deterministic(&vault, NULL, 1) == SECMOD_E_ARGUMENT);
    CHECK(secmod_vault_new_deterministic(&vault, seed, 0) == SECMOD_E_ARGUMENT);
    CHECK(secmod_vault_new_deterministic(&vault, seed, sizeof seed) == SECMOD_E_ARGUMENT && vault == NULL);
    CHECK(secmod_random_state(NULL) == SECMOD_E_ARGUMENT && secmod_random_alarm(NULL) == SECMOD_E_ARGUMENT);
    CHECK(secmod_random_power_on(NULL) == SECMOD_E_ARGUMENT && secmod_random_reseed(NULL) == SECMOD_E_ARGUMENT);
    CHECK(secmod_random_test(NULL) == SECMOD_E_ARGUMENT && secmod_random_stick(NULL, 0, 0, 0) == SECMOD_E_ARGUMENT);
    CHECK(secmod_random_fresh(NULL, NULL, 0) == SECMOD_E_ARGUMENT && !secmod_vault_is_deterministic(NULL));
}

static void replay(const char *seed, uint8_t out[64 + SECMOD_MAX_POINT]) {
    secmod_vault *vault = NULL;
    uint64_t key = 0;
    size_t length = SECMOD_MAX_POINT;
    CHECK(secmod_vault_new_deterministic(&vault, (const uint8_t *)seed, strlen(seed)) == SECMOD_OK);
    CHECK(secmod_vault_is_deterministic(vault) && secmod_random_stick(vault, 0, 0, 1) == SECMOD_E_ARGUMENT);
    CHECK(secmod_random(vault, out, 32) == SECMOD_OK && secmod_random_power_on(vault) == SECMOD_OK);
    CHECK(secmod_random_fresh(vault, out + 32, 32) == SECMOD_OK && secmod_key_generate(vault, 0, &key) == SECMOD_OK);
    CHECK(secmod_key_public(vault, key, out + 64, &length) == SECMOD_OK);
    secmod_vault_free(vault);
}

static void test_deterministic(void) {
    uint8_t first[64 + SECMOD_MAX_POINT] = {0}, again[sizeof first] = {0}, other[sizeof first] = {0};
    replay("seed", first);
    replay("seed", again);
    replay("seeds", other);
    CHECK(memcmp(first, again, sizeof first) == 0 && memcmp(first, other, 32) != 0 && memcmp(first, first + 32, 32) != 0);
}

static pid_t by_fork(void) { return fork(); }

#ifndef EMULATED /* qemu-user does not wipe what the kernel would, and of this copy nobody else tells */
/* Without the C library's knowledge, and so without libcrypto's. */
static pid_t by_system_call(void) { return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }
#endif

static void test_copy(pid_t (*copy)(void)) {
    secmod_vault *vault = vault_made();
    uint8_t mine[32], theirs[32];
    int ends[2], status = -1;
    CHECK(draw(vault) == SECMOD_OK && pipe(ends) == 0);
    pid_t child = copy();
    CHECK(child >= 0 && secmod_random(vault, mine, sizeof mine) == SECMOD_OK);
    if (child == 0) {
        secmod_vault_free(vault); /* or memcheck misses it */
        _exit(write(ends[1], mine, sizeof mine) == sizeof mine ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0 && read(ends[0], theirs, sizeof theirs) == sizeof theirs);
    CHECK(memcmp(mine, theirs, sizeof mine) != 0);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
    secmod_vault_free(vault);
}

int main(void) {
    test_alarm();
    test_refused_keys();
    test_stuck();
    test_first_use();
    test_keys();
    test_arguments();
    test_deterministic();
    test_copy(by_fork);
#ifndef EMULATED
    test_copy(by_system_call);
#endif
    CHECK(ERR_peek_error() == 0);
    return check_end();
}
