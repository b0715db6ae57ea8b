/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <openssl/err.h>
#include <string.h>

#include "ct.h"
#include "vault.h"
#include "wipe.h"

#define NE_MAX 65536

int session_new(const uint8_t *enc, const uint8_t *mac, size_t key_bytes, const uint8_t ssc[AES_BLOCK], struct session *session) {
    memset(session, 0, sizeof *session);
    memcpy(session->ssc, ssc, AES_BLOCK);
    session->room = NE_MAX;
    session->block = aes_ecb_new(enc, key_bytes);
    session->encrypt = aes_cbc_new(AES_ENCRYPT_DIRECTION, enc, key_bytes);
    session->decrypt = aes_cbc_new(AES_DECRYPT_DIRECTION, enc, key_bytes);
    if (session->block != NULL && session->encrypt != NULL && session->decrypt != NULL &&
        cmac_new(mac, key_bytes, &session->mac) == SECMOD_OK) {
        return SECMOD_OK;
    }
    session_wipe(session);
    return SECMOD_E_LIBRARY;
}

void session_wipe(struct session *session) {
    EVP_CIPHER_CTX_free(session->block); /* each clears its key */
    EVP_CIPHER_CTX_free(session->encrypt);
    EVP_CIPHER_CTX_free(session->decrypt);
    cmac_wipe(&session->mac);
    wipe(session, sizeof *session);
}

int session_count(struct session *session) {
    uint8_t missing = 0; /* bits that the new value has not set */
    uint32_t carry = 1;
    for (size_t i = AES_BLOCK; i-- > 0;) {
        carry += session->ssc[i];
        session->ssc[i] = (uint8_t)carry;
        missing |= (uint8_t)~session->ssc[i];
        carry >>= 8;
    }
    return missing == 0 || carry != 0 ? SECMOD_E_SM_WRONG : SECMOD_OK;
}

/* ---- MAC ---------------------------------------------------------------------------------------------------------------- */

int session_mac(struct session *session, const uint8_t *header, const uint8_t *objects, size_t length, uint8_t mac[SESSION_MAC]) {
    uint8_t head[2 * AES_BLOCK] = {0}, last[AES_BLOCK] = {0}, full[AES_BLOCK];
    size_t head_length = AES_BLOCK;
    memcpy(head, session->ssc, AES_BLOCK);
    if (header != NULL) {
        memcpy(head + AES_BLOCK, header, 4);
        head[AES_BLOCK + 4] = 0x80;
        head_length = 2 * AES_BLOCK;
    }
    const size_t whole = length / AES_BLOCK * AES_BLOCK;
    if (length > 0) {
        memcpy(last, objects + whole, length - whole);
        last[length - whole] = 0x80;
    } else { /* a command without data objects ends with its header */
        head_length -= AES_BLOCK;
        memcpy(last, head + head_length, AES_BLOCK);
    }
    int result = cmac_start(&session->mac);
    if (result == SECMOD_OK) result = cmac_blocks(&session->mac, head, head_length);
    if (result == SECMOD_OK) result = cmac_blocks(&session->mac, objects, whole);
    if (result == SECMOD_OK) result = cmac_end(&session->mac, last, AES_BLOCK, full);
    memcpy(mac, full, SESSION_MAC);
    wipe(full, sizeof full);
    return result;
}

/* ---- encryption --------------------------------------------------------------------------------------------------------- */

/* The initial vector is the encrypted counter. */
static int start(struct session *session, EVP_CIPHER_CTX *cbc) {
    uint8_t iv[AES_BLOCK];
    int result = aes_cbc_blocks(session->block, session->ssc, sizeof iv, iv);
    if (result == SECMOD_OK) result = aes_cbc_start(cbc, iv);
    wipe(iv, sizeof iv);
    return result;
}

int session_encrypt(struct session *session, const uint8_t *plain, size_t length, uint8_t *cryptogram) {
    uint8_t last[AES_BLOCK] = {0};
    const size_t whole = length / AES_BLOCK * AES_BLOCK;
    memcpy(last, plain + whole, length - whole);
    last[length - whole] = 0x80;
    int result = start(session, session->encrypt);
    if (result == SECMOD_OK && whole > 0) result = aes_cbc_blocks(session->encrypt, plain, whole, cryptogram);
    if (result == SECMOD_OK) result = aes_cbc_blocks(session->encrypt, last, sizeof last, cryptogram + whole);
    wipe(last, sizeof last);
    return result;
}

/* How many of the last bytes are padding, 80 and zeroes; 0 if they are none.  Constant time. */
static size_t padding_of(const uint8_t last[AES_BLOCK]) {
    static const uint8_t mark = 0x80, zero = 0;
    uint32_t count = 0;
    ct_mask searching = ct_mask_of(1);
    for (int i = AES_BLOCK - 1; i >= 0; i--) {
        count |= searching & ct_equal(last + i, &mark, 1) & (uint32_t)(AES_BLOCK - i);
        searching &= ct_equal(last + i, &zero, 1);
    }
    return ct_reveal(count); /* the length of the data is public, and who made the MAC knows it */
}

int session_decrypt(struct session *session, const uint8_t *cryptogram, size_t *length, uint8_t *plain) {
    int result = start(session, session->decrypt);
    if (result == SECMOD_OK) result = aes_cbc_blocks(session->decrypt, cryptogram, *length, plain);
    if (result != SECMOD_OK) return result;
    const size_t padding = padding_of(plain + *length - AES_BLOCK);
    if (padding == 0 || padding == *length) return SECMOD_E_SM_WRONG;
    *length -= padding;
    return SECMOD_OK;
}

/* ---- known-answer tests ------------------------------------------------------------------------------------------------- */

int secmod_session_import(secmod_vault *vault, const uint8_t *enc, const uint8_t *mac, size_t key_bytes, const uint8_t ssc[16],
                          uint64_t *handle) {
    if (vault == NULL || (key_bytes != 16 && key_bytes != 24 && key_bytes != 32)) return SECMOD_E_ARGUMENT;
    struct secret made = {.kind = SECRET_SESSION};
    ERR_set_mark();
    int result = session_new(enc, mac, key_bytes, ssc, &made.as.session);
    ERR_pop_to_mark();
    return result == SECMOD_OK ? vault_put(vault, &made, handle) : result;
}
