/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes, as a protected command and as a protected response: as they are, and as data objects under a right MAC.  Whatever is
 * accepted is a command, and protected again gives the same data; whatever is refused leaves nothing behind.
 * Runs under libFuzzer; with -DFUZZ_MAIN by itself, on random bytes, for as many seconds as its argument says. */
#include "secmod.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vault.h"

#define REQUIRE(condition)                                          \
    do {                                                            \
        if (!(condition)) {                                         \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            abort();                                                \
        }                                                           \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static secmod_vault *vault;

static uint64_t session_made(size_t key_bytes) {
    static const uint8_t zeroes[16];
    uint8_t enc[32], mac[32];
    uint64_t handle = 0;
    memset(enc, 0x11, sizeof enc);
    memset(mac, 0x22, sizeof mac);
    REQUIRE(secmod_session_import(vault, enc, mac, key_bytes, zeroes, &handle) == SECMOD_OK);
    return handle;
}

static int is_filled(const uint8_t *bytes, size_t length, uint8_t value) {
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != value) return 0;
    }
    return 1;
}

/* Protected once more, and opened: the same command. */
static void check_again(const uint8_t *plain, size_t length, size_t key_bytes) {
    static uint8_t message[65600], opened[65600];
    uint64_t host = session_made(key_bytes), card = session_made(key_bytes);
    size_t message_length = sizeof message, opened_length = sizeof opened;
    struct secmod_command command;
    int result = secmod_protect_command(vault, host, plain, length, message, &message_length);
    REQUIRE(result == SECMOD_OK || (result == SECMOD_E_ARGUMENT && length > 65000));
    if (result == SECMOD_OK) {
        REQUIRE(message_length <= length + SECMOD_SM_OVERHEAD);
        REQUIRE(secmod_unprotect_command(vault, card, 0, message, message_length, opened, &opened_length, &command) == SECMOD_OK);
        REQUIRE(opened_length == length && memcmp(opened, plain, length) == 0);
    }
    REQUIRE(secmod_secret_release(vault, host) == SECMOD_OK && secmod_secret_release(vault, card) == SECMOD_OK);
}

static int check_command(const uint8_t *data, size_t length, int options, size_t key_bytes) {
    uint8_t *out = malloc(length == 0 ? 1 : length);
    size_t out_length = length;
    struct secmod_command command;
    if (out == NULL) abort();
    memset(out, 0xEE, length);
    uint64_t card = session_made(key_bytes);
    int result = secmod_unprotect_command(vault, card, options, data, length, out, &out_length, &command);
    if (result == SECMOD_OK) {
        struct secmod_command again;
        REQUIRE(out_length <= length && secmod_command_parse(out, out_length, &again) == 0x9000);
        REQUIRE(memcmp(&again, &command, sizeof again) == 0 && command.secure == 0);
        check_again(out, out_length, key_bytes);
        REQUIRE(secmod_secret_release(vault, card) == SECMOD_OK);
    } else {
        REQUIRE(result == SECMOD_E_SM_WRONG || result == SECMOD_E_SM_MISSING);
        REQUIRE(command.status == 0x6988 || command.status == 0x6987 || command.status == 0x6700 || command.status == 0x6E00);
        REQUIRE((command.status == 0x6987) == (result == SECMOD_E_SM_MISSING));
        REQUIRE(command.nc == 0 && command.ne == 0 && out_length == length && is_filled(out, length, 0));
        REQUIRE(secmod_secret_release(vault, card) == SECMOD_E_HANDLE);
    }
    free(out);
    return result;
}

static void check_response(const uint8_t *data, size_t length, int options, int odd) {
    uint8_t *out = malloc(length == 0 ? 1 : length);
    size_t out_length = length;
    if (out == NULL) abort();
    memset(out, 0xEE, length);
    uint64_t host = session_made(16);
    int result = secmod_unprotect_response(vault, host, options, odd, data, length, out, &out_length);
    if (result == SECMOD_OK) {
        REQUIRE(out_length >= 2 && out_length + 14 <= length && memcmp(out + out_length - 2, data + length - 2, 2) == 0);
        REQUIRE(secmod_secret_release(vault, host) == SECMOD_OK);
    } else {
        REQUIRE((result == SECMOD_E_SM_WRONG || result == SECMOD_E_SM_MISSING) && out_length == length);
        REQUIRE(is_filled(out, length, 0) && secmod_secret_release(vault, host) == SECMOD_E_HANDLE);
    }
    free(out);
}

/* The data objects with 8E behind them; the header is NULL for a response.  Room for 10 bytes more. */
static size_t mac_added(uint8_t *objects, size_t length, const uint8_t *header, size_t key_bytes) {
    uint64_t handle = session_made(key_bytes);
    struct session *session = vault_take_secret(vault, handle, SECRET_SESSION);
    objects[length] = 0x8E;
    objects[length + 1] = 8;
    REQUIRE(session_count(session) == SECMOD_OK && session_mac(session, header, objects, length, objects + length + 2) == SECMOD_OK);
    vault_give_back(vault, handle);
    REQUIRE(secmod_secret_release(vault, handle) == SECMOD_OK);
    return length + 10;
}

static void check_with_mac(const uint8_t *data, size_t length, int options, int odd, size_t key_bytes) {
    static uint8_t message[65600];
    if (length > 60000) return;
    const uint8_t header[7] = {0x0C, (uint8_t)(0xB0 | odd), data[0], 0, 0, 0, 0};
    memcpy(message, header, sizeof header);
    memcpy(message + 7, data, length);
    size_t body = mac_added(message + 7, length, message, key_bytes);
    message[5] = (uint8_t)(body >> 8);
    message[6] = (uint8_t)body;
    message[7 + body] = message[8 + body] = 0;
    (void)check_command(message, 9 + body, options, key_bytes);
    memcpy(message, data, length);
    body = mac_added(message, length, NULL, 16);
    message[body] = data[0]; /* a status word */
    message[body + 1] = data[length - 1];
    check_response(message, body + 2, options, odd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    static const size_t sizes[] = {16, 24, 32, 16};
    if (vault == NULL) REQUIRE(secmod_vault_new(&vault) == SECMOD_OK);
    if (length < 2) return 0;
    const int options = data[0] & 1, odd = data[0] >> 1 & 1; /* the first byte chooses, the others are the message */
    const size_t key_bytes = sizes[data[0] >> 2 & 3];
    data++;
    length--;
    (void)check_command(data, length, options, key_bytes);
    check_response(data, length, options, odd);
    check_with_mac(data, length, options, odd, key_bytes);
    REQUIRE(secmod_vault_live(vault) == 0);
    return 0;
}

#ifdef FUZZ_MAIN
static uint64_t state = 0x9E3779B97F4A7C15u;

static uint32_t next(uint32_t bound) { /* xorshift64* */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)(state * 0x2545F4914F6CDD1Du >> 32) % bound;
}

/* Data objects such as there are, and some that there are not, in any order; in a heap block of exactly their size. */
int main(int argc, char **argv) {
    static const uint8_t tags[] = {0x81, 0x85, 0x87, 0x97, 0x99, 0x8E, 0x00, 0x5F, 0x0C};
    static const uint8_t lengths[] = {0, 1, 1, 2, 2, 3, 8, 16, 17, 17, 32, 33, 100};
    const time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
    unsigned long runs = 0;
    while (runs % 1024 != 0 || time(NULL) < end) {
        uint8_t bytes[600];
        size_t length = 1;
        bytes[0] = (uint8_t)next(256);
        for (uint32_t objects = next(4); objects > 0 && length < 400; objects--) {
            const size_t value = lengths[next(sizeof lengths)];
            bytes[length++] = tags[next(sizeof tags)];
            bytes[length++] = (uint8_t)(next(20) == 0 ? next(256) : value);
            for (size_t i = 0; i < value; i++) bytes[length++] = (uint8_t)(i == 0 && next(3) > 0 ? 1 : next(256));
        }
        if (next(10) == 0) length -= next((uint32_t)length);
        uint8_t *data = malloc(length);
        if (data == NULL) abort();
        memcpy(data, bytes, length);
        LLVMFuzzerTestOneInput(data, length);
        free(data);
        runs++;
    }
    printf("%lu runs\n", runs);
    return 0;
}
#endif
