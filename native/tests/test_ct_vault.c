/* SPDX-License-Identifier: Apache-2.0 */
/* Under memcheck: passwords, PACE from both ends and what a session protects, with the password secret and all random numbers, and so
 * what comes of them: nonces, ephemeral keys, session keys, tokens.  What goes over the line is public. */
#include "check.h"
#include "secmod.h"
#include "secrets.h"

static const uint8_t oid[] = {0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x04, 0x02, 0x02};

static uint64_t stored(secmod_vault *vault, const char *text) {
    uint8_t value[SECMOD_MAX_PASSWORD];
    uint64_t handle = 0;
    memcpy(value, text, strlen(text));
    SECRET(value, sizeof value);
    CHECK(secmod_password_store(vault, value, strlen(text), &handle) == SECMOD_OK);
    return handle;
}

static void test_passwords(secmod_vault *vault) {
    const uint64_t handle = stored(vault, "0123456789");
    static const char *const given[] = {"0123456789", "0123456788", "1123456789", "012345678", "01234567890", ""};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        uint8_t value[SECMOD_MAX_PASSWORD] = {0};
        memcpy(value, given[i], strlen(given[i]));
        SECRET(value, sizeof value);
        CHECK(secmod_password_compare(vault, handle, value, strlen(given[i])) == (i == 0 ? SECMOD_OK : SECMOD_E_MISMATCH));
    }
    CHECK(secmod_secret_release(vault, handle) == SECMOD_OK);
}

/* ---- PACE ------------------------------------------------------------------------------------------------------------------ */

struct end {
    secmod_vault *vault;
    uint64_t handshake, session;
    uint8_t point[SECMOD_MAX_POINT], token[8];
    size_t length;
};

static struct end begun(secmod_vault *vault, int role, int curve, const char *password) {
    struct end end = {.vault = vault};
    const uint64_t handle = stored(vault, password);
    CHECK(secmod_pace_new(vault, role, curve, 16, oid, sizeof oid, handle, &end.handshake) == SECMOD_OK);
    CHECK(secmod_secret_release(vault, handle) == SECMOD_OK);
    return end;
}

static void exchange(struct end *a, struct end *b, int (*key)(secmod_vault *, uint64_t, uint8_t *, size_t *),
                     int (*take)(secmod_vault *, uint64_t, const uint8_t *, size_t)) {
    a->length = b->length = SECMOD_MAX_POINT;
    CHECK(key(a->vault, a->handshake, a->point, &a->length) == SECMOD_OK);
    CHECK(key(b->vault, b->handshake, b->point, &b->length) == SECMOD_OK);
    PUBLIC(a->point, sizeof a->point);
    PUBLIC(b->point, sizeof b->point);
    CHECK(take(a->vault, a->handshake, b->point, b->length) == SECMOD_OK);
    CHECK(take(b->vault, b->handshake, a->point, a->length) == SECMOD_OK);
}

/* As far as the tokens, which fit if both ends know the same password. */
static void shake_hands(struct end *card, struct end *host) {
    uint8_t z[16];
    CHECK(secmod_pace_nonce(card->vault, card->handshake, z) == SECMOD_OK);
    PUBLIC(z, sizeof z);
    CHECK(secmod_pace_set_nonce(host->vault, host->handshake, z) == SECMOD_OK);
    exchange(card, host, secmod_pace_map_key, secmod_pace_map);
    exchange(card, host, secmod_pace_agree_key, secmod_pace_agree);
    CHECK(secmod_pace_token(host->vault, host->handshake, host->token) == SECMOD_OK);
    CHECK(secmod_pace_token(card->vault, card->handshake, card->token) == SECMOD_OK);
    PUBLIC(card->token, sizeof card->token);
    PUBLIC(host->token, sizeof host->token);
}

static void test_wrong_password(secmod_vault *vault, int curve) {
    struct end card = begun(vault, SECMOD_PACE_CARD, curve, "111111"), host = begun(vault, SECMOD_PACE_HOST, curve, "111112");
    shake_hands(&card, &host);
    CHECK(secmod_pace_finish(vault, card.handshake, host.token, &card.session) == SECMOD_E_MISMATCH);
    CHECK(secmod_pace_finish(vault, host.handshake, card.token, &host.session) == SECMOD_E_MISMATCH);
}

/* ---- secure messaging ------------------------------------------------------------------------------------------------------- */

/* A command with secret data there, an answer with secret data back. */
static void talk(const struct end *card, const struct end *host) {
    uint8_t plain[5 + 20] = {0x00, 0xD6, 0x00, 0x00, 20}, answer[20 + 2] = {0}, message[128], opened[128];
    size_t length = sizeof message, opened_length = sizeof opened;
    struct secmod_command command;
    answer[20] = 0x90;
    SECRET(plain + 5, 20);
    SECRET(answer, 20);
    CHECK(secmod_protect_command(host->vault, host->session, plain, sizeof plain, message, &length) == SECMOD_OK);
    PUBLIC(message, length);
    CHECK(secmod_unprotect_command(card->vault, card->session, 0, message, length, opened, &opened_length, &command) == SECMOD_OK);
    CHECK(command.nc == 20);
    length = sizeof message;
    opened_length = sizeof opened;
    CHECK(secmod_protect_response(card->vault, card->session, 0, answer, sizeof answer, message, &length) == SECMOD_OK);
    PUBLIC(message, length);
    CHECK(secmod_unprotect_response(host->vault, host->session, 0, 0, message, length, opened, &opened_length) == SECMOD_OK);
}

/* A MAC that differs in one bit; where, must not show. */
static void test_wrong_mac(const struct end *card, const struct end *host) {
    static const uint8_t plain[] = {0x00, 0x84, 0x00, 0x00, 0x08};
    uint8_t message[64], opened[64];
    size_t length = sizeof message, opened_length = sizeof opened;
    struct secmod_command command;
    CHECK(secmod_protect_command(host->vault, host->session, plain, sizeof plain, message, &length) == SECMOD_OK);
    PUBLIC(message, length);
    message[length - 3] ^= 1;
    CHECK(secmod_unprotect_command(card->vault, card->session, 0, message, length, opened, &opened_length, &command) == SECMOD_E_SM_WRONG);
    CHECK(secmod_secret_release(host->vault, host->session) == SECMOD_OK);
}

static void test_session(secmod_vault *vault, int curve) {
    struct end card = begun(vault, SECMOD_PACE_CARD, curve, "0000000000"), host = begun(vault, SECMOD_PACE_HOST, curve, "0000000000");
    shake_hands(&card, &host);
    CHECK(secmod_pace_finish(vault, card.handshake, host.token, &card.session) == SECMOD_OK);
    CHECK(secmod_pace_finish(vault, host.handshake, card.token, &host.session) == SECMOD_OK);
    talk(&card, &host);
    test_wrong_mac(&card, &host);
}

int main(void) {
    secmod_vault *vault = NULL;
    CHECK(secmod_vault_new(&vault) == SECMOD_OK);
    test_passwords(vault);
    for (int curve = 0; curve < secmod_curve_count(); curve++) {
        test_session(vault, curve);
        test_wrong_password(vault, curve);
    }
    CHECK(secmod_vault_live(vault) == 0);
    secmod_vault_free(vault);
    return check_end();
}
