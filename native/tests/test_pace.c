/* SPDX-License-Identifier: Apache-2.0 */
/* PACE: both ends on every curve, the order of steps, what ends a handshake, and, under memcheck, secret tokens. */
#include <openssl/err.h>

#include "check.h"
#include "curve_ops.h"
#include "secmod.h"
#include "secrets.h"
#include "vault.h"

static const uint8_t OID[10] = {0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x04, 0x02, 0x02};
static const uint8_t PIN[10] = {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9'};

static uint64_t begun(secmod_vault *vault, int end, int curve, int key_bytes) {
    uint64_t password = 0, handle = 0;
    CHECK(secmod_password_store(vault, PIN, sizeof PIN, &password) == SECMOD_OK);
    CHECK(secmod_pace_new(vault, end, curve, key_bytes, OID, sizeof OID, password, &handle) == SECMOD_OK);
    CHECK(secmod_secret_release(vault, password) == SECMOD_OK); /* its key is derived already */
    return handle;
}

struct ends {
    uint64_t card, host;
};

/* Both ends, as far as the tokens. */
static struct ends agreed(secmod_vault *vault, int curve, int key_bytes) {
    struct ends ends = {begun(vault, SECMOD_PACE_CARD, curve, key_bytes), begun(vault, SECMOD_PACE_HOST, curve, key_bytes)};
    uint8_t z[16], of_card[SECMOD_MAX_POINT], of_host[SECMOD_MAX_POINT];
    size_t card_length = sizeof of_card, host_length = sizeof of_host;
    CHECK(secmod_pace_nonce(vault, ends.card, z) == SECMOD_OK && secmod_pace_set_nonce(vault, ends.host, z) == SECMOD_OK);
    CHECK(secmod_pace_map_key(vault, ends.card, of_card, &card_length) == SECMOD_OK);
    CHECK(secmod_pace_map_key(vault, ends.host, of_host, &host_length) == SECMOD_OK);
    CHECK(secmod_pace_map(vault, ends.card, of_host, host_length) == SECMOD_OK);
    CHECK(secmod_pace_map(vault, ends.host, of_card, card_length) == SECMOD_OK);
    CHECK(secmod_pace_agree_key(vault, ends.card, of_card, &card_length) == SECMOD_OK);
    CHECK(secmod_pace_agree_key(vault, ends.host, of_host, &host_length) == SECMOD_OK);
    CHECK(secmod_pace_agree(vault, ends.card, of_host, host_length) == SECMOD_OK);
    CHECK(secmod_pace_agree(vault, ends.host, of_card, card_length) == SECMOD_OK);
    return ends;
}

/* The session keys of a handshake become secret: neither tokens nor the session may branch on them. */
static void make_secret(secmod_vault *vault, uint64_t handle) {
    struct handshake *handshake = vault_take_secret(vault, handle, SECRET_HANDSHAKE);
    SECRET(handshake->enc, sizeof handshake->enc);
    SECRET(handshake->mac, sizeof handshake->mac);
    vault_give_back(vault, handle);
}

static void talk(secmod_vault *vault, uint64_t card, uint64_t host) {
    const uint8_t plain[] = {0x00, 0xB0, 0x00, 0x00, 0x10}, answer[] = {1, 2, 3, 0x90, 0x00};
    uint8_t message[64], opened[64];
    size_t length = sizeof message, plain_length = sizeof opened;
    struct secmod_command command;
    CHECK(secmod_protect_command(vault, host, plain, sizeof plain, message, &length) == SECMOD_OK);
    PUBLIC(message, length);
    CHECK(secmod_unprotect_command(vault, card, 0, message, length, opened, &plain_length, &command) == SECMOD_OK);
    CHECK(plain_length == sizeof plain && memcmp(opened, plain, plain_length) == 0 && command.ne == 16);
    length = sizeof message;
    plain_length = sizeof opened;
    CHECK(secmod_protect_response(vault, card, 0, answer, sizeof answer, message, &length) == SECMOD_OK);
    PUBLIC(message, length);
    CHECK(secmod_unprotect_response(vault, host, 0, 0, message, length, opened, &plain_length) == SECMOD_OK);
    PUBLIC(opened, plain_length);
    CHECK(plain_length == sizeof answer && memcmp(opened, answer, plain_length) == 0);
}

static void test_run(secmod_vault *vault, int curve, int key_bytes) {
    struct ends ends = agreed(vault, curve, key_bytes);
    uint8_t of_card[8], of_host[8];
    uint64_t card = 0, host = 0;
    make_secret(vault, ends.card);
    make_secret(vault, ends.host);
    CHECK(secmod_pace_token(vault, ends.card, of_card) == SECMOD_OK && secmod_pace_token(vault, ends.host, of_host) == SECMOD_OK);
    PUBLIC(of_card, sizeof of_card);
    PUBLIC(of_host, sizeof of_host);
    CHECK(secmod_pace_finish(vault, ends.card, of_host, &card) == SECMOD_OK);
    CHECK(secmod_pace_finish(vault, ends.host, of_card, &host) == SECMOD_OK);
    CHECK(secmod_vault_live(vault) == 2 && secmod_secret_release(vault, ends.card) == SECMOD_E_HANDLE);
    talk(vault, card, host);
    CHECK(secmod_secret_release(vault, card) == SECMOD_OK && secmod_secret_release(vault, host) == SECMOD_OK);
}

static void test_wrong_tokens(secmod_vault *vault) {
    for (int bit = 0; bit < 64; bit += 9) {
        struct ends ends = agreed(vault, 0, 16);
        uint8_t of_card[8], of_host[8];
        uint64_t session = 7;
        make_secret(vault, ends.card);
        CHECK(secmod_pace_token(vault, ends.card, of_card) == SECMOD_OK);
        CHECK(secmod_pace_token(vault, ends.host, of_host) == SECMOD_OK);
        of_host[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(secmod_pace_finish(vault, ends.card, of_host, &session) == SECMOD_E_MISMATCH && session == 7);
        CHECK(secmod_pace_finish(vault, ends.host, of_host, &session) == SECMOD_E_MISMATCH); /* its own, sent back */
        CHECK(secmod_vault_live(vault) == 0);
    }
}

/* ---- order and errors --------------------------------------------------------------------------------------------------- */

static int step(secmod_vault *vault, uint64_t handle, int number) {
    uint8_t point[SECMOD_MAX_POINT], bytes[16] = {0};
    size_t length = sizeof point;
    uint64_t session;
    uint8_t two[SECMOD_MAX_FIELD] = {0}, other[SECMOD_MAX_POINT];
    two[31] = 2;
    CHECK(curve_ops_of(curve_at(0))->base_mul(curve_at(0), two, other));
    switch (number) {
        case 0: return secmod_pace_nonce(vault, handle, bytes);
        case 1: return secmod_pace_map_key(vault, handle, point, &length);
        case 2: return secmod_pace_map(vault, handle, other, 65);
        case 3: return secmod_pace_agree_key(vault, handle, point, &length);
        case 4: return secmod_pace_agree(vault, handle, other, 65);
        case 5: return secmod_pace_token(vault, handle, bytes);
        case 6: return secmod_pace_finish(vault, handle, bytes, &session);
        case 7: return secmod_pace_set_nonce(vault, handle, bytes);
        default: return secmod_pace_inject(vault, handle, SECMOD_PACE_INJECT_NONCE, bytes, 16);
    }
}

static void test_order(secmod_vault *vault) {
    for (int done = 0; done < 7; done++) {
        for (int wrong = 0; wrong < 9; wrong++) {
            if (wrong == done || (done == 0 && wrong == 8)) continue;
            uint64_t handle = begun(vault, SECMOD_PACE_CARD, 0, 16);
            for (int i = 0; i < done; i++) CHECK(step(vault, handle, i) == SECMOD_OK);
            CHECK(step(vault, handle, wrong) == SECMOD_E_STATE);
            CHECK(step(vault, handle, done) == SECMOD_E_HANDLE && secmod_vault_live(vault) == 0);
        }
    }
    uint64_t host = begun(vault, SECMOD_PACE_HOST, 0, 16);
    CHECK(step(vault, host, 0) == SECMOD_E_STATE && secmod_vault_live(vault) == 0);
}

/* Everything of a handshake is zero when it is over; the vault's memory is looked at, where a slot lay. */
static void test_wiped(secmod_vault *vault) {
    for (int done = 1; done < 7; done++) {
        uint64_t handle = begun(vault, SECMOD_PACE_CARD, 0, 32);
        for (int i = 0; i < done; i++) CHECK(step(vault, handle, i) == SECMOD_OK);
        const struct handshake *handshake = vault_take_secret(vault, handle, SECRET_HANDSHAKE);
        PUBLIC(handshake, sizeof *handshake);
        CHECK(check_filled(handshake->password_key, sizeof handshake->password_key, 0));      /* served in step 1 */
        CHECK(check_filled(handshake->nonce, sizeof handshake->nonce, 0) == (done >= 3));     /* until the mapping */
        CHECK(check_filled(handshake->map_scalar, SECMOD_MAX_FIELD, 0) == (done != 2));       /* between two steps */
        CHECK(check_filled(handshake->agree_scalar, SECMOD_MAX_FIELD, 0) == (done != 4));
        CHECK(check_filled(handshake->enc, 32, 0) == (done < 5) && check_filled(handshake->mac, 32, 0) == (done < 5));
        vault_give_back(vault, handle);
        CHECK(step(vault, handle, 7) == SECMOD_E_STATE);
        CHECK(check_filled((const uint8_t *)handshake, sizeof *handshake, 0));
    }
}

static void test_points(secmod_vault *vault) {
    uint8_t own[SECMOD_MAX_POINT], bad[SECMOD_MAX_POINT] = {4};
    size_t length = sizeof own;
    for (int late = 0; late < 2; late++) { /* at the mapping, and at the agreement */
        for (size_t wrong = 0; wrong <= 66; wrong++) {
            uint64_t handle = begun(vault, SECMOD_PACE_CARD, 0, 16);
            for (int i = 0; i < 2 + 2 * late; i++) CHECK(step(vault, handle, i) == SECMOD_OK);
            uint8_t *exact = malloc(wrong == 0 ? 1 : wrong);
            memcpy(exact, bad, wrong);
            CHECK((late ? secmod_pace_agree : secmod_pace_map)(vault, handle, exact, wrong) == SECMOD_E_POINT);
            free(exact);
            CHECK(secmod_vault_live(vault) == 0);
        }
        uint64_t handle = begun(vault, SECMOD_PACE_CARD, 0, 16);
        for (int i = 0; i < 1 + 2 * late; i++) CHECK(step(vault, handle, i) == SECMOD_OK);
        length = sizeof own;
        CHECK((late ? secmod_pace_agree_key : secmod_pace_map_key)(vault, handle, own, &length) == SECMOD_OK);
        CHECK((late ? secmod_pace_agree : secmod_pace_map)(vault, handle, own, length) == SECMOD_E_MISMATCH);
        handle = begun(vault, SECMOD_PACE_CARD, 0, 16);
        for (int i = 0; i < 1 + 2 * late; i++) CHECK(step(vault, handle, i) == SECMOD_OK);
        length = 64; /* too little room */
        CHECK((late ? secmod_pace_agree_key : secmod_pace_map_key)(vault, handle, own, &length) == SECMOD_E_ARGUMENT);
        CHECK(length == 64 && secmod_vault_live(vault) == 0);
    }
}

static void test_mapping(void) {
    const struct curve *curve = curve_at(0);
    uint8_t one[SECMOD_MAX_FIELD] = {0}, g[SECMOD_MAX_POINT], minus[SECMOD_MAX_POINT], out[SECMOD_MAX_POINT], s[16] = {0};
    one[31] = 1;
    const struct curve_ops *ops = curve_ops_of(curve);
    CHECK(ops->base_mul(curve, one, g));
    uint8_t last[SECMOD_MAX_FIELD];
    memcpy(last, curve->order, sizeof last);
    last[31]--;
    CHECK(ops->base_mul(curve, last, minus) && memcmp(g, minus, 33) == 0);
    s[15] = 1;
    CHECK(!pace_map_generator(curve, s, minus, out)); /* infinity */
    s[15] = 2;
    CHECK(!pace_map_generator(curve, s, minus, out)); /* G */
    s[15] = 0;
    CHECK(!pace_map_generator(curve, s, minus, out)); /* -G */
    CHECK(check_filled(out, 65, 0));
    s[15] = 3;
    CHECK(pace_map_generator(curve, s, minus, out) && memcmp(out, g, 65) != 0); /* 2 G */
    s[15] = 1;
    CHECK(pace_map_generator(curve, s, g, minus) && memcmp(out, minus, 65) == 0);
    s[15] = 0;
    CHECK(pace_map_generator(curve, s, minus, out) && memcmp(out, minus, 65) == 0); /* 2 G */
}

/* ---- key derivation ------------------------------------------------------------------------------------------------------- */

static void derives(const char *secret_hex, uint8_t counter, const char *key_hex) {
    uint8_t secret[SECMOD_MAX_FIELD], known[32], key[32];
    size_t length = check_unhex(secret_hex, secret), key_bytes = check_unhex(key_hex, known);
    CHECK(pace_derive(secret, length, counter, key_bytes, key) == SECMOD_OK && memcmp(key, known, key_bytes) == 0);
}

static void test_derive(void) { /* tests/vectors/tr03110_kdf.json */
    uint8_t key[32], secret[SECMOD_MAX_FIELD + 1] = {0};
    derives("313233343536", KDF_PASSWORD, "591468cda83d65219cccb8560233600f");
    derives("313233343536", KDF_PASSWORD, "8df3278fb32026e66277357fcd6c826dbeb3de32088b2531");
    derives("313233343536", KDF_PASSWORD, "8df3278fb32026e66277357fcd6c826dbeb3de32088b2531757d753940185923");
    derives("28768d20701247dae81804c9e780ede582a9996db4a315020b2733197db84925", KDF_ENC, "f5f0e35c0d7161ee6724ee513a0d9a7f");
    derives("28768d20701247dae81804c9e780ede582a9996db4a315020b2733197db84925", KDF_MAC, "fe251c7858b356b24514b3bd5f4297d1");
    derives("7e2d2a41c74ea0b38cd36f863939bfa8e9032aad", KDF_PASSWORD, "89ded1b26624ec1e634c1989302849dd");
    CHECK(pace_derive(secret, sizeof secret, KDF_ENC, 16, key) == SECMOD_E_ARGUMENT);
    CHECK(pace_derive(secret, 16, KDF_ENC, 20, key) == SECMOD_E_ARGUMENT);
}

static void test_arguments(secmod_vault *vault) {
    uint64_t password = 0, handle = 7;
    CHECK(secmod_password_store(vault, PIN, sizeof PIN, &password) == SECMOD_OK);
    CHECK(secmod_pace_new(NULL, 0, 0, 16, OID, 10, password, &handle) == SECMOD_E_ARGUMENT);
    CHECK(secmod_pace_new(vault, 2, 0, 16, OID, 10, password, &handle) == SECMOD_E_ARGUMENT);
    CHECK(secmod_pace_new(vault, 0, 99, 16, OID, 10, password, &handle) == SECMOD_E_ARGUMENT);
    CHECK(secmod_pace_new(vault, 0, -1, 16, OID, 10, password, &handle) == SECMOD_E_ARGUMENT);
    CHECK(secmod_pace_new(vault, 0, 0, 8, OID, 10, password, &handle) == SECMOD_E_ARGUMENT);
    CHECK(secmod_pace_new(vault, 0, 0, 16, OID, 0, password, &handle) == SECMOD_E_ARGUMENT);
    CHECK(secmod_pace_new(vault, 0, 0, 16, OID, SECMOD_MAX_OID + 1, password, &handle) == SECMOD_E_ARGUMENT);
    CHECK(secmod_pace_new(vault, 0, 0, 16, OID, 10, password + 1, &handle) == SECMOD_E_HANDLE && handle == 7);
    CHECK(secmod_vault_live(vault) == 1 && secmod_secret_release(vault, password) == SECMOD_OK);
}

int main(void) {
    static const int sizes[] = {16, 24, 32};
    secmod_vault *vault = NULL;
    CHECK(secmod_vault_new(&vault) == SECMOD_OK);
    test_derive();
    for (int curve = 0; curve < secmod_curve_count(); curve++) test_run(vault, curve, sizes[curve % 3]);
    test_wrong_tokens(vault);
    test_order(vault);
    test_wiped(vault);
    test_points(vault);
    test_mapping();
    test_arguments(vault);
    CHECK(secmod_vault_live(vault) == 0);
    secmod_vault_free(vault);
    CHECK(ERR_peek_error() == 0);
    return check_end();
}
