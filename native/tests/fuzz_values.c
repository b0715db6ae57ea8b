/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes, as points, signatures, scalars, passwords, steps of PACE, keys of a session and hashes: whatever is accepted works, and
 * whatever is refused leaves nothing behind.  Runs under libFuzzer; with -DFUZZ_MAIN by itself, on random bytes, for as many seconds
 * as its argument says. */
#include "fuzz.h"

static secmod_vault *vault;

/* What is left of the input; every piece is in a heap block of exactly its size while it is used. */
struct input {
    const uint8_t *at;
    size_t left;
};

static uint8_t *take(struct input *input, size_t length) {
    if (length > input->left) length = input->left;
    uint8_t *piece = calloc(1, length == 0 ? 1 : length);
    if (piece == NULL) abort();
    if (length > 0) memcpy(piece, input->at, length);
    input->at += length;
    input->left -= length;
    return piece;
}

static void check_key(int curve, const struct secmod_curve *facts, const uint8_t *bytes, size_t length) {
    uint64_t key = 0;
    uint8_t point[SECMOD_MAX_POINT], z[SECMOD_MAX_FIELD], signature[SECMOD_MAX_SIGNATURE];
    size_t point_length = sizeof point, z_length = sizeof z, signature_length = sizeof signature;
    const int result = secmod_key_import(vault, curve, bytes, length, &key);
    REQUIRE(result == SECMOD_OK || result == SECMOD_E_SCALAR || (result == SECMOD_E_ARGUMENT && length != (size_t)facts->field_bytes));
    if (result != SECMOD_OK) return;
    REQUIRE(secmod_key_public(vault, key, point, &point_length) == SECMOD_OK);
    REQUIRE(secmod_point_check(curve, point, point_length) == SECMOD_OK);
    REQUIRE(secmod_ecka_agree(vault, key, point, point_length, z, &z_length) == SECMOD_OK);
    REQUIRE(secmod_ecdsa_sign(vault, key, bytes, 32, signature, &signature_length) == SECMOD_OK);
    REQUIRE(secmod_ecdsa_verify(curve, point, point_length, bytes, 32, signature, signature_length) == SECMOD_OK);
    REQUIRE(secmod_secret_release(vault, key) == SECMOD_OK);
}

/* The point, also with an X of the curve's base point, so that some are on the curve. */
static void check_point(int curve, const struct secmod_curve *facts, uint64_t key, const uint8_t *bytes, size_t length) {
    uint8_t z[SECMOD_MAX_FIELD];
    size_t z_length = sizeof z;
    const int valid = secmod_point_check(curve, bytes, length), agreed = secmod_ecka_agree(vault, key, bytes, length, z, &z_length);
    REQUIRE(valid == SECMOD_OK || valid == SECMOD_E_POINT);
    REQUIRE(agreed == valid && (valid != SECMOD_OK || length == 1 + 2 * (size_t)facts->field_bytes));
    const int verified = secmod_ecdsa_verify(curve, bytes, length, bytes, length < 64 ? length : 64, bytes, length / 2);
    REQUIRE(length == 0 || verified == SECMOD_E_POINT || verified == SECMOD_E_SIGNATURE);
}

static void check_signature(int curve, uint64_t key, const uint8_t *bytes, size_t length) {
    uint8_t point[SECMOD_MAX_POINT];
    const uint8_t hash[32] = {1};
    size_t point_length = sizeof point;
    REQUIRE(secmod_key_public(vault, key, point, &point_length) == SECMOD_OK);
    REQUIRE(secmod_ecdsa_verify(curve, point, point_length, hash, sizeof hash, bytes, length) == SECMOD_E_SIGNATURE);
}

static void check_password(const uint8_t *bytes, size_t length) {
    uint64_t password = 0;
    const int result = secmod_password_store(vault, bytes, length, &password);
    REQUIRE(result == (length >= 1 && length <= SECMOD_MAX_PASSWORD ? SECMOD_OK : SECMOD_E_ARGUMENT));
    if (result != SECMOD_OK) return;
    REQUIRE(secmod_password_compare(vault, password, bytes, length) == SECMOD_OK);
    REQUIRE(secmod_password_compare(vault, password, bytes, length - 1) == SECMOD_E_MISMATCH);
    REQUIRE(secmod_secret_release(vault, password) == SECMOD_OK);
}

/* A run that somebody else leads: any step may get any bytes, in any order. */
static void check_pace(int curve, struct input *input) {
    uint64_t password = 0, run = 0, session = 0;
    uint8_t out[SECMOD_MAX_POINT];
    int result = SECMOD_OK;
    REQUIRE(secmod_password_store(vault, (const uint8_t *)"123456", 6, &password) == SECMOD_OK);
    uint8_t *head = take(input, 12);
    REQUIRE(secmod_pace_new(vault, head[0] & 1, curve, 16 + 8 * (head[0] % 3), (const uint8_t *)"oid", 3, password, &run) == SECMOD_OK);
    for (int step = 1; step < 12 && result == SECMOD_OK; step++) {
        size_t room = sizeof out;
        uint8_t *value = calloc(1, SECMOD_MAX_POINT);
        uint8_t *piece = take(input, SECMOD_MAX_POINT);
        if (value == NULL) abort();
        memcpy(value, piece, input->left == 0 ? 0 : SECMOD_MAX_POINT);
        switch (head[0] & 0x80 ? 0 : step) { /* mostly in order */
            case 1: result = head[0] & 1 ? secmod_pace_set_nonce(vault, run, value) : secmod_pace_nonce(vault, run, out); break;
            case 2: result = secmod_pace_map_key(vault, run, out, &room); break;
            case 3: result = secmod_pace_map(vault, run, value, SECMOD_MAX_POINT); break;
            case 4: result = secmod_pace_agree_key(vault, run, out, &room); break;
            case 5: result = secmod_pace_agree(vault, run, value, SECMOD_MAX_POINT); break;
            case 6: result = secmod_pace_token(vault, run, out); break;
            case 7: result = secmod_pace_finish(vault, run, value, &session); break;
            default: result = secmod_pace_inject(vault, run, value[0], value, SECMOD_MAX_FIELD); break;
        }
        free(value);
        free(piece);
    }
    free(head);
    REQUIRE(session == 0);
    if (result == SECMOD_OK) REQUIRE(secmod_secret_release(vault, run) == SECMOD_OK);
    REQUIRE(secmod_secret_release(vault, run) == SECMOD_E_HANDLE && secmod_secret_release(vault, password) == SECMOD_OK);
}

static void check_session(struct input *input) {
    uint64_t session = 0;
    uint8_t *keys = take(input, 80), *whole = calloc(1, 80), digest[64];
    if (whole == NULL) abort();
    if (input->left > 0) memcpy(whole, keys, 80);
    const size_t key_bytes = whole[79] % 40;
    const int result = secmod_session_import(vault, whole, whole + 32, key_bytes, whole + 64, &session);
    REQUIRE(result == (key_bytes == 16 || key_bytes == 24 || key_bytes == 32 ? SECMOD_OK : SECMOD_E_ARGUMENT));
    if (result == SECMOD_OK) REQUIRE(secmod_secret_release(vault, session) == SECMOD_OK);
    for (int algorithm = 0; algorithm < 5; algorithm++) {
        REQUIRE(secmod_hash(algorithm, input->at, input->left, digest) == (algorithm >= 1 && algorithm <= 3 ? SECMOD_OK : SECMOD_E_ARGUMENT));
    }
    free(keys);
    free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    static uint64_t keys[8];
    struct secmod_curve facts;
    if (length < 2) return 0;
    const int curve = data[0] % secmod_curve_count();
    if (vault == NULL) {
        REQUIRE(secmod_vault_new(&vault) == SECMOD_OK);
        for (int i = 0; i < secmod_curve_count(); i++) REQUIRE(secmod_key_generate(vault, i, &keys[i]) == SECMOD_OK);
    }
    REQUIRE(secmod_curve_get(curve, &facts) == SECMOD_OK);
    struct input input = {.at = data + 2, .left = length - 2};
    const size_t field = (size_t)facts.field_bytes;
    const size_t wanted = data[1] % 6 == 0 ? data[1] : data[1] % 3 == 0 ? field : data[1] % 3 == 1 ? 2 * field : 1 + 2 * field;
    const size_t size = wanted < input.left ? wanted : input.left;
    uint8_t *piece = take(&input, size);
    if (size >= 32) check_key(curve, &facts, piece, size);
    check_point(curve, &facts, keys[curve], piece, size);
    check_signature(curve, keys[curve], piece, size);
    check_password(piece, size);
    free(piece);
    check_pace(curve, &input);
    check_session(&input);
    REQUIRE(secmod_vault_live(vault) == secmod_curve_count());
    return 0;
}

#ifdef FUZZ_MAIN
size_t fuzz_input(uint8_t *bytes) {
    const size_t length = fuzz_next(FUZZ_MAX);
    for (size_t i = 0; i < length; i++) bytes[i] = (uint8_t)fuzz_next(fuzz_next(4) == 0 ? 2 : 256);
    if (length > 2) bytes[2] = 4;
    return length;
}
#endif
