/* SPDX-License-Identifier: Apache-2.0 */
/* Secure messaging with secret keys: known answers, all lengths in buffers of exact size, every error, and what is wiped. */
#include <openssl/err.h>

#include "check.h"
#include "secmod.h"
#include "secrets.h"
#include "vault.h"

static uint64_t imported(secmod_vault *vault, size_t key_bytes, uint8_t last) {
    uint8_t enc[32], mac[32], ssc[16] = {0};
    uint64_t handle = 0;
    ssc[15] = last;
    for (size_t i = 0; i < 32; i++) {
        enc[i] = (uint8_t)(0x51 + 7 * i);
        mac[i] = (uint8_t)(0xA3 - 5 * i);
    }
    SECRET(enc, sizeof enc);
    SECRET(mac, sizeof mac);
    CHECK(secmod_session_import(vault, enc, mac, key_bytes, ssc, &handle) == SECMOD_OK && handle != 0);
    return handle;
}

static uint64_t known(secmod_vault *vault) { /* gemSpec_COS chapter 13, the keys of the BSI's worked example */
    uint8_t enc[16], mac[16], ssc[16] = {0};
    uint64_t handle = 0;
    check_unhex("68406b4162100563d9c901a6154d2901", enc);
    check_unhex("73ff268784f72af833fdc9464049afc9", mac);
    CHECK(secmod_session_import(vault, enc, mac, 16, ssc, &handle) == SECMOD_OK);
    return handle;
}

static void test_known_command(secmod_vault *vault, const char *plain_hex, const char *protected_hex) {
    uint8_t plain[64], message[64], out[128];
    size_t plain_length = check_unhex(plain_hex, plain), length = check_unhex(protected_hex, message), out_length = length;
    struct secmod_command command;
    uint64_t card = known(vault), host = known(vault);
    CHECK(secmod_unprotect_command(vault, card, 0, message, length, out, &out_length, &command) == SECMOD_OK);
    CHECK(out_length == plain_length && memcmp(out, plain, plain_length) == 0 && command.status == 0x9000);
    out_length = sizeof out;
    CHECK(secmod_protect_command(vault, host, plain, plain_length, out, &out_length) == SECMOD_OK);
    CHECK(out_length == length && memcmp(out, message, length) == 0);
    CHECK(secmod_key_release(vault, card) == SECMOD_OK && secmod_key_release(vault, host) == SECMOD_OK);
}

static void test_known_response(secmod_vault *vault, const char *plain_hex, const char *protected_hex) {
    uint8_t plain[64], message[64], out[128];
    size_t plain_length = check_unhex(plain_hex, plain), length = check_unhex(protected_hex, message), out_length = sizeof out;
    uint64_t card = known(vault), host = known(vault);
    CHECK(secmod_protect_response(vault, card, 0, plain, plain_length, out, &out_length) == SECMOD_OK);
    CHECK(out_length == length && memcmp(out, message, length) == 0);
    out_length = length;
    CHECK(secmod_unprotect_response(vault, host, 0, 0, message, length, out, &out_length) == SECMOD_OK);
    CHECK(out_length == plain_length && memcmp(out, plain, plain_length) == 0);
    CHECK(secmod_key_release(vault, card) == SECMOD_OK && secmod_key_release(vault, host) == SECMOD_OK);
}

/* A block of exactly that size: what is read or written beyond it shows. */
static uint8_t *exact(size_t length) {
    uint8_t *bytes = malloc(length == 0 ? 1 : length);
    if (bytes == NULL) abort();
    memset(bytes, 0xEE, length);
    return bytes;
}

static size_t command_make(uint8_t *out, uint8_t ins, size_t nc, int le_bytes) {
    size_t at = 4;
    int extended = nc > 255 || le_bytes == 2;
    memset(out, 0, 4);
    out[1] = ins;
    if (nc > 0) {
        if (extended) out[at++] = 0, out[at++] = (uint8_t)(nc >> 8);
        out[at++] = (uint8_t)nc;
        for (size_t i = 0; i < nc; i++) out[at++] = (uint8_t)(i * 3 + 1);
    } else if (le_bytes == 2) {
        out[at++] = 0;
    }
    if (le_bytes > 0 && extended) out[at++] = 0;
    if (le_bytes > 0) out[at++] = 0;
    return at;
}

/* There and back; the data is secret. */
static void test_length(secmod_vault *vault, uint64_t card, uint64_t host, uint8_t ins, size_t nc, int le_bytes) {
    static uint8_t plain[70000], message[70000];
    size_t length = command_make(plain, ins, nc, le_bytes), room = sizeof message;
    if (nc > 255 && le_bytes == 1) return;
    SECRET(plain + (nc > 255 || le_bytes == 2 ? 7 : 5), nc);
    CHECK(secmod_protect_command(vault, host, plain, length, message, &room) == SECMOD_OK);
    CHECK(room <= length + SECMOD_SM_OVERHEAD);
    uint8_t *sent = exact(room), *opened = exact(room);
    memcpy(sent, message, room);
    PUBLIC(sent, room);
    size_t opened_length = room;
    struct secmod_command command;
    CHECK(secmod_unprotect_command(vault, card, 0, sent, room, opened, &opened_length, &command) == SECMOD_OK);
    PUBLIC(opened, opened_length);
    PUBLIC(plain, length);
    CHECK(opened_length == length && memcmp(opened, plain, length) == 0 && (size_t)command.nc == nc);
    free(sent);
    free(opened);
    size_t response = nc + 2;
    uint8_t *answer = exact(response);
    memset(answer, 0x5A, nc);
    memcpy(answer + nc, "\x90\x00", 2);
    SECRET(answer, nc);
    size_t needed = sizeof message;
    CHECK(secmod_protect_response(vault, card, ins & 1, answer, response, message, &needed) == SECMOD_OK);
    sent = exact(needed);
    opened = exact(needed);
    memcpy(sent, message, needed);
    PUBLIC(sent, needed);
    opened_length = needed;
    CHECK(secmod_unprotect_response(vault, host, 0, ins & 1, sent, needed, opened, &opened_length) == SECMOD_OK);
    PUBLIC(opened, opened_length);
    PUBLIC(answer, response);
    int fits = nc <= 223 || le_bytes != 0 || nc > 239; /* else the outer Le is short */
    if (fits) CHECK(opened_length == response && memcmp(opened, answer, response) == 0);
    if (!fits) CHECK(opened_length == 2 && memcmp(opened, "\x67\x00", 2) == 0);
    free(sent);
    free(opened);
    free(answer);
}

static void test_lengths(secmod_vault *vault, size_t key_bytes) {
    uint64_t card = imported(vault, key_bytes, 0), host = imported(vault, key_bytes, 0);
    for (size_t nc = 0; nc < 300; nc++) {
        for (int le_bytes = 0; le_bytes < 3; le_bytes++) test_length(vault, card, host, (uint8_t)(0xB0 + nc % 2), nc, le_bytes);
    }
    test_length(vault, card, host, 0xB0, 4096, 0);
    test_length(vault, card, host, 0xB0, 65503, 2);
    CHECK(secmod_key_release(vault, card) == SECMOD_OK && secmod_key_release(vault, host) == SECMOD_OK);
}

/* ---- errors --------------------------------------------------------------------------------------------------------------- */

/* A wrong message: nothing is given out, and the session is gone. */
static void refused(secmod_vault *vault, const uint8_t *message, size_t length, int expected, int status) {
    uint64_t card = imported(vault, 16, 0);
    uint8_t *sent = exact(length), *out = exact(length);
    size_t out_length = length;
    struct secmod_command command = {.nc = 7};
    memcpy(sent, message, length);
    CHECK(secmod_unprotect_command(vault, card, 0, sent, length, out, &out_length, &command) == expected);
    CHECK(command.status == status && command.nc == 0 && out_length == length && check_filled(out, length, 0));
    CHECK(secmod_unprotect_command(vault, card, 0, sent, length, out, &out_length, &command) == SECMOD_E_HANDLE);
    CHECK(command.status == 0x6988 && secmod_vault_live(vault) == 0);
    free(sent);
    free(out);
}

static size_t genuine(secmod_vault *vault, uint8_t *message, size_t room) {
    uint64_t host = imported(vault, 16, 0);
    const uint8_t plain[] = {0x00, 0xD6, 0x00, 0x00, 0x03, 1, 2, 3, 0x05};
    CHECK(secmod_protect_command(vault, host, plain, sizeof plain, message, &room) == SECMOD_OK);
    PUBLIC(message, room);
    CHECK(secmod_key_release(vault, host) == SECMOD_OK);
    return room;
}

static void test_refusals(secmod_vault *vault) {
    uint8_t message[64];
    size_t length = genuine(vault, message, sizeof message);
    for (size_t bit = 0; bit < 8 * (length - 1); bit++) {
        message[bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct secmod_command parsed;
        int status = secmod_command_parse(message, length, &parsed); /* its own answer, where the bytes are no command */
        if (status == 0x9000) status = parsed.ne == 0 ? 0x6700 : 0x6988;
        refused(vault, message, length, SECMOD_E_SM_WRONG, status);
        message[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t cut = 0; cut < length; cut++) {
        if (cut != 5) refused(vault, message, cut, SECMOD_E_SM_WRONG, 0x6700);
    }
    refused(vault, message, 5, SECMOD_E_SM_MISSING, 0x6987); /* what was Lc is Le now */
    const uint8_t none[] = {0x0C, 0xB0, 0x00, 0x00, 0x00}, le[] = {0x0C, 0xB0, 0x00, 0x00, 0x03, 0x97, 0x01, 0x00, 0x00};
    refused(vault, none, sizeof none, SECMOD_E_SM_MISSING, 0x6987);
    refused(vault, le, sizeof le, SECMOD_E_SM_MISSING, 0x6987);
}

/* Right MAC, wrong padding: reached with the session's own parts. */
static void test_padding(secmod_vault *vault) {
    for (int last = 0; last < 4; last++) {
        static const uint8_t blocks[4][16] = {{0}, {[0] = 0x80}, {[15] = 0x81}, {[3] = 1, [4] = 0x80}};
        uint64_t host = imported(vault, 16, 0), card = imported(vault, 16, 0);
        struct session *session = vault_take_secret(vault, host, SECRET_SESSION);
        uint8_t message[64] = {0x0C, 0xD6, 0, 0, 29, 0x87, 0x11, 0x01}, out[64], padded[32];
        CHECK(session_count(session) == SECMOD_OK && session_encrypt(session, blocks[last], 16, padded) == SECMOD_OK);
        memcpy(message + 8, padded, 16); /* without the block of padding */
        message[24] = 0x8E;
        message[25] = 8;
        PUBLIC(message, sizeof message);
        CHECK(session_mac(session, message, message + 5, 19, message + 26) == SECMOD_OK);
        vault_give_back(vault, host);
        PUBLIC(message, sizeof message);
        size_t out_length = sizeof out;
        struct secmod_command command;
        int result = secmod_unprotect_command(vault, card, 0, message, 35, out, &out_length, &command);
        PUBLIC(out, sizeof out);
        CHECK(result == (last == 3 ? SECMOD_OK : SECMOD_E_SM_WRONG) && command.status == (last == 3 ? 0x9000 : 0x6988));
        CHECK(last == 3 ? command.nc == 4 : check_filled(out, 35, 0));
        CHECK(secmod_key_release(vault, host) == SECMOD_OK);
        CHECK(secmod_key_release(vault, card) == (last == 3 ? SECMOD_OK : SECMOD_E_HANDLE));
    }
}

static void test_rooms(secmod_vault *vault) {
    const uint8_t plain[] = {0x00, 0xD6, 0x00, 0x00, 0x03, 1, 2, 3}, answer[] = {1, 2, 3, 0x90, 0x00};
    uint64_t host = imported(vault, 16, 0), card = imported(vault, 16, 0);
    for (size_t room = 0; room < 64; room++) { /* too little room: nothing is written, nothing is counted */
        uint8_t *out = exact(room);
        size_t length = room;
        int result = secmod_protect_command(vault, host, plain, sizeof plain, out, &length);
        CHECK(result == SECMOD_OK || (result == SECMOD_E_ARGUMENT && length == room && check_filled(out, room, 0xEE)));
        free(out);
        if (result == SECMOD_OK) break;
        CHECK(room < sizeof plain + SECMOD_SM_OVERHEAD);
    }
    for (size_t room = 0; room < 64; room++) {
        uint8_t *out = exact(room);
        size_t length = room;
        int result = secmod_protect_response(vault, card, 0, answer, sizeof answer, out, &length);
        CHECK(result == (room >= 35 ? SECMOD_OK : SECMOD_E_ARGUMENT));
        if (result != SECMOD_OK) CHECK(length == room && check_filled(out, room, 0xEE));
        free(out);
        if (result == SECMOD_OK) break;
    }
    uint8_t out[8];
    size_t length = sizeof out;
    struct secmod_command command;
    CHECK(secmod_unprotect_command(vault, card, 0, out, 9, out, &length, &command) == SECMOD_E_ARGUMENT);
    CHECK(secmod_unprotect_response(vault, card, 0, 0, out, 9, out, &length) == SECMOD_E_ARGUMENT && length == sizeof out);
    CHECK(secmod_protect_response(vault, card, 0, answer, 1, out, &length) == SECMOD_E_ARGUMENT);
    CHECK(secmod_protect_command(vault, host, plain, 3, out, &length) == SECMOD_E_ARGUMENT);
    CHECK(secmod_vault_live(vault) == 2);
    CHECK(secmod_key_release(vault, host) == SECMOD_OK && secmod_key_release(vault, card) == SECMOD_OK);
}

static void test_counter(secmod_vault *vault) {
    uint8_t key[16] = {0}, ssc[16], out[64];
    const uint8_t answer[] = {0x90, 0x00};
    uint64_t handle = 0;
    size_t length = sizeof out;
    for (int missing = 0; missing < 3; missing++) { /* 2^128 - 1, - 2, - 3 */
        memset(ssc, 0xFF, sizeof ssc);
        ssc[15] = (uint8_t)(0xFF - missing);
        CHECK(secmod_session_import(vault, key, key, 16, ssc, &handle) == SECMOD_OK);
        int result = secmod_protect_response(vault, handle, 0, answer, sizeof answer, out, &length);
        CHECK(result == (missing == 2 ? SECMOD_OK : SECMOD_E_SM_WRONG));
        CHECK(secmod_key_release(vault, handle) == (missing == 2 ? SECMOD_OK : SECMOD_E_HANDLE));
        length = sizeof out;
    }
    CHECK(secmod_session_import(vault, key, key, 17, ssc, &handle) == SECMOD_E_ARGUMENT);
    CHECK(secmod_session_import(NULL, key, key, 16, ssc, &handle) == SECMOD_E_ARGUMENT);
}

static void test_wiped(secmod_vault *vault) {
    uint64_t handle = imported(vault, 32, 5);
    const struct session *session = vault_take_secret(vault, handle, SECRET_SESSION);
    vault_give_back(vault, handle);
    CHECK(session->block != NULL && session->ssc[15] == 5);
    CHECK(secmod_key_release(vault, handle) == SECMOD_OK);
    CHECK(check_filled((const uint8_t *)session, sizeof *session, 0));
}

int main(void) {
    secmod_vault *vault = NULL;
    CHECK(secmod_vault_new(&vault) == SECMOD_OK);
    test_known_command(vault, "01020304", "0d0203040a8e08d92b4fddc2bbed8c00");
    test_known_command(vault, "010203047f", "0d0203040d97017f8e0871d8e0418dae20f300");
    test_known_command(vault, "01020304000101", "0d02030400000e970201018e089f3eddfbb1d3971d0000");
    test_known_command(vault, "010203040605060708090a", "0d0203041d871101496c26d36306679609665a385c54db378e08e7aad918f260d8ef00");
    test_known_command(vault, "010203040605060708090a7f",
                       "0d02030420871101496c26d36306679609665a385c54db3797017f8e0863d541f262bd445a00");
    test_known_response(vault, "9000", "990290008e08087631d746f872729000");
    test_known_response(vault, "05060708090a9000", "871101496c26d36306679609665a385c54db37990290008e08b7e9ed2a0c89fb3a9000");
    for (size_t key_bytes = 16; key_bytes <= 32; key_bytes += 8) test_lengths(vault, key_bytes);
    test_refusals(vault);
    test_padding(vault);
    test_rooms(vault);
    test_counter(vault);
    test_wiped(vault);
    CHECK(secmod_vault_live(vault) == 0);
    secmod_vault_free(vault);
    CHECK(ERR_peek_error() == 0);
    return check_end();
}
