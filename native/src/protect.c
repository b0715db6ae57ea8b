/* SPDX-License-Identifier: Apache-2.0 */
/* Secure messaging (TR-03110-3 F, ISO/IEC 7816-4 clause 10): protected APDUs from plain ones and back, for both ends.
 *
 *   command    header, Lc, [87 | 85] [97] 8E, Le        85 stands for 87 where INS is odd; 81 holds plain data
 *   response   [87 | 85] 99 8E, status word */
#include <openssl/err.h>
#include <string.h>

#include "ct.h"
#include "session.h"
#include "vault.h"
#include "wipe.h"

#define SW_OK 0x9000
#define SW_WRONG_LENGTH 0x6700
#define SW_SM_MISSING 0x6987
#define SW_SM_WRONG 0x6988

#define TAG_PLAIN 0x81
#define TAG_CRYPTOGRAM_ODD 0x85
#define TAG_CRYPTOGRAM 0x87
#define TAG_MAC 0x8E
#define TAG_LE 0x97
#define TAG_STATUS 0x99

#define HEADER 4
#define SECURE_BITS 0x0C    /* of CLA: secure messaging with the header in the MAC */
#define MAC_OBJECT 10       /* 8E 08 and the MAC */
#define STATUS_OBJECT 4     /* 99 02 and the status word */
#define LC_MAX 65535
#define SHORT_LC_MAX 255
#define SHORT_ROOM 223      /* bytes of data in the largest response for a short Le, protected */

/* After an error nobody knows whether both ends have counted alike: the session ends. */
static int settle(secmod_vault *vault, uint64_t handle, int result) {
    if (result == SECMOD_OK || result == SECMOD_E_ARGUMENT) {
        vault_give_back(vault, handle);
    } else {
        vault_end(vault, handle);
    }
    return result;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

/* The data objects of a message, in order. */
struct objects {
    struct secmod_tlv data;    /* 81, 85 or 87; tag 0 if there is none */
    size_t data_at;            /* where its value starts in the body */
    const uint8_t *middle;     /* value of 97 or 99 */
    size_t middle_length;      /* 0: none */
    size_t covered;            /* bytes before 8E */
    const uint8_t *mac;
};

static int is_data_tag(uint32_t tag, int odd, int options) {
    if (tag == TAG_PLAIN) return (options & SECMOD_SM_ALLOW_PLAIN) != 0;
    return tag == (odd ? TAG_CRYPTOGRAM_ODD : TAG_CRYPTOGRAM);
}

/* Does the value of a data object have the right form? */
static int data_is_right(const uint8_t *value, const struct secmod_tlv *object) {
    const size_t length = object->value_length;
    switch (object->tag) {
        case TAG_PLAIN: return length > 0;
        case TAG_CRYPTOGRAM_ODD: return length > 0 && length % AES_BLOCK == 0;
        default: return length > 1 && value[0] == 0x01 && (length - 1) % AES_BLOCK == 0;
    }
}

/* Exactly the known data objects, each at most once and in order, 8E at the end; `middle` is the tag between data and MAC. */
static int objects_read(const uint8_t *body, size_t length, int odd, int options, uint32_t middle, struct objects *out) {
    size_t at = 0;
    memset(out, 0, sizeof *out);
    while (at < length) {
        struct secmod_tlv object;
        if (secmod_tlv_parse(body + at, length - at, &object) != SECMOD_OK) return SECMOD_E_SM_WRONG;
        const uint8_t *value = body + at + object.value_offset;
        if (is_data_tag(object.tag, odd, options) && at == 0) {
            if (!data_is_right(value, &object)) return SECMOD_E_SM_WRONG;
            out->data = object;
            out->data_at = object.value_offset;
        } else if (object.tag == middle && out->middle == NULL) {
            if (object.value_length < 1 || object.value_length > 2) return SECMOD_E_SM_WRONG;
            out->middle = value;
            out->middle_length = object.value_length;
        } else if (object.tag == TAG_MAC) {
            if (object.value_length != SESSION_MAC || at + MAC_OBJECT != length) return SECMOD_E_SM_WRONG;
            out->covered = at;
            out->mac = value;
        } else {
            return SECMOD_E_SM_WRONG;
        }
        at += object.value_offset + object.value_length;
    }
    return out->mac == NULL ? SECMOD_E_SM_MISSING : SECMOD_OK;
}

static int mac_check(struct session *session, const uint8_t *header, const uint8_t *body, const struct objects *objects) {
    uint8_t mac[SESSION_MAC];
    int result = session_mac(session, header, body, objects->covered, mac);
    if (result == SECMOD_OK && !ct_reveal(ct_equal(mac, objects->mac, SESSION_MAC))) result = SECMOD_E_SM_WRONG;
    wipe(mac, sizeof mac); /* a right MAC for a refused message is nobody's business */
    return result;
}

/* The plain data of a message, 1 byte at least; *length is 0 if there is no data object. */
static int data_open(struct session *session, const uint8_t *body, const struct objects *objects, uint8_t *plain, size_t *length) {
    const uint8_t *value = body + objects->data_at;
    *length = objects->data.value_length;
    switch (objects->data.tag) {
        case 0: return SECMOD_OK;
        case TAG_PLAIN: memcpy(plain, value, *length); return SECMOD_OK;
        case TAG_CRYPTOGRAM_ODD: return session_decrypt(session, value, length, plain);
        default: *length -= 1; return session_decrypt(session, value + 1, length, plain);
    }
}

/* ---- writing ------------------------------------------------------------------------------------------------------------ */

static size_t put(uint8_t *out, size_t at, size_t value, size_t bytes) {
    while (bytes-- > 0) out[at++] = (uint8_t)(value >> 8 * bytes);
    return at;
}

static size_t length_bytes(size_t length) { return length < 0x80 ? 1 : length < 0x100 ? 2 : 3; }

/* How many bytes the data object of so much data has; none if there is no data. */
static size_t data_object_length(size_t length, int odd) {
    const size_t value = session_padded(length) + (odd ? 0 : 1);
    return length == 0 ? 0 : 1 + length_bytes(value) + value;
}

static int data_object_put(struct session *session, const uint8_t *data, size_t length, int odd, uint8_t *out, size_t *at) {
    if (length == 0) return SECMOD_OK;
    const size_t value = session_padded(length) + (odd ? 0 : 1), size = length_bytes(value);
    *at = put(out, *at, odd ? TAG_CRYPTOGRAM_ODD : TAG_CRYPTOGRAM, 1);
    if (size > 1) *at = put(out, *at, 0x80 | (size - 1), 1);
    *at = put(out, *at, value, size > 1 ? size - 1 : 1);
    if (!odd) *at = put(out, *at, 0x01, 1);
    int result = session_encrypt(session, data, length, out + *at);
    *at += session_padded(length);
    return result;
}

/* 8E over what stands in `out` from `start` to *at. */
static int mac_put(struct session *session, const uint8_t *header, uint8_t *out, size_t start, size_t *at) {
    out[*at] = TAG_MAC;
    out[*at + 1] = SESSION_MAC;
    int result = session_mac(session, header, out + start, *at - start, out + *at + 2);
    *at += MAC_OBJECT;
    return result;
}

/* ---- commands ----------------------------------------------------------------------------------------------------------- */

/* The plain command, in front of its data field: where that must lie depends on its length, so it is moved into place. */
static size_t command_build(const uint8_t *header, uint8_t *plain, size_t data_at, size_t nc, const struct objects *objects) {
    const size_t le_bytes = objects->middle_length;
    const int extended = le_bytes == 2 || nc > SHORT_LC_MAX;
    memcpy(plain, header, HEADER);
    plain[0] = (uint8_t)(header[0] & ~SECURE_BITS);
    size_t at = HEADER;
    if (nc > 0) {
        const uint8_t *data = plain + data_at;
        at = put(plain, at, nc, extended ? 3 : 1);
        memmove(plain + at, data, nc);
        at += nc;
    } else if (extended) {
        at = put(plain, at, 0, 1);
    }
    if (le_bytes == 0) return at;
    size_t le = objects->middle[0];
    if (le_bytes == 2) le = le << 8 | objects->middle[1];
    if (le_bytes == 1 && extended && le == 0) le = 0x100; /* one byte of zero says 256; in two it would say 65536 */
    return put(plain, at, le, extended ? 2 : 1);
}

static int command_unprotect(struct session *session, int options, const uint8_t *apdu, size_t length, uint8_t *plain,
                             size_t *plain_length, struct secmod_command *out) {
    struct objects objects;
    struct secmod_command outer;
    size_t nc = 0;
    const size_t data_at = HEADER + 3;
    out->status = secmod_command_parse(apdu, length, &outer);
    if (out->status != SW_OK) return SECMOD_E_SM_WRONG;
    out->status = SW_WRONG_LENGTH;
    if (outer.ne < STATUS_OBJECT + MAC_OBJECT) return SECMOD_E_SM_WRONG; /* no answer would fit */
    out->status = SW_SM_WRONG;
    if (outer.secure != 3) return SECMOD_E_SM_WRONG;
    const uint8_t *body = apdu + outer.data_offset;
    int result = objects_read(body, (size_t)outer.nc, outer.ins & 1, options, TAG_LE, &objects);
    if (result == SECMOD_E_SM_MISSING) out->status = SW_SM_MISSING;
    if (result == SECMOD_OK) result = session_count(session);
    if (result == SECMOD_OK) result = mac_check(session, apdu, body, &objects);
    if (result == SECMOD_OK) result = data_open(session, body, &objects, plain + data_at, &nc);
    if (result != SECMOD_OK) return result;
    *plain_length = command_build(apdu, plain, data_at, nc, &objects);
    session->room = outer.ne;
    return secmod_command_parse(plain, *plain_length, out) == SW_OK ? SECMOD_OK : SECMOD_E_SM_WRONG;
}

int secmod_unprotect_command(secmod_vault *vault, uint64_t handle, int options, const uint8_t *apdu, size_t length,
                             uint8_t *plain, size_t *plain_length, struct secmod_command *out) {
    const size_t room = *plain_length;
    *out = (struct secmod_command){.status = SW_SM_WRONG};
    if (room < length) return SECMOD_E_ARGUMENT;
    struct session *session = vault_take_secret(vault, handle, SECRET_SESSION);
    if (session == NULL) return SECMOD_E_HANDLE;
    int result = command_unprotect(session, options, apdu, length, plain, plain_length, out);
    if (result != SECMOD_OK) {
        *plain_length = room;
        wipe(plain, length); /* what was decrypted may be no padding and a secret */
    }
    return settle(vault, handle, result);
}

static int command_protect(struct session *session, const struct secmod_command *command, const uint8_t *plain, size_t length,
                           uint8_t *out, size_t *out_length) {
    const int odd = command->ins & 1;
    const size_t nc = (size_t)command->nc, le_bytes = command->ne == 0 ? 0 : command->extended ? 2 : 1;
    const size_t lc = data_object_length(nc, odd) + (le_bytes > 0 ? 2 + le_bytes : 0) + MAC_OBJECT;
    const int extended = command->extended || lc > SHORT_LC_MAX || command->ne > SHORT_ROOM;
    if (lc > LC_MAX || *out_length < HEADER + 3 + lc + 2) return SECMOD_E_ARGUMENT;
    int result = session_count(session);
    if (result != SECMOD_OK) return result;
    memcpy(out, plain, HEADER);
    out[0] |= SECURE_BITS;
    const size_t start = put(out, HEADER, lc, extended ? 3 : 1);
    size_t at = start;
    result = data_object_put(session, plain + command->data_offset, nc, odd, out, &at);
    if (le_bytes > 0) {
        at = put(out, at, TAG_LE, 1);
        at = put(out, at, le_bytes, 1);
        memcpy(out + at, plain + length - le_bytes, le_bytes); /* as it stands in the plain command */
        at += le_bytes;
    }
    if (result == SECMOD_OK) result = mac_put(session, out, out, start, &at);
    at = put(out, at, 0, extended ? 2 : 1);
    if (result == SECMOD_OK) {
        *out_length = at;
    } else {
        wipe(out, at);
    }
    return result;
}

int secmod_protect_command(secmod_vault *vault, uint64_t handle, const uint8_t *plain, size_t length, uint8_t *out,
                           size_t *out_length) {
    struct secmod_command command;
    if (secmod_command_parse(plain, length, &command) != SW_OK) return SECMOD_E_ARGUMENT;
    if (command.secure != 0 || (command.cla & 0xC0) == 0x40) return SECMOD_E_ARGUMENT; /* channels 4 .. 19 have no such class */
    struct session *session = vault_take_secret(vault, handle, SECRET_SESSION);
    if (session == NULL) return SECMOD_E_HANDLE;
    return settle(vault, handle, command_protect(session, &command, plain, length, out, out_length));
}

/* ---- responses ---------------------------------------------------------------------------------------------------------- */

/* An error comes without data (ISO/IEC 7816-4 clause 5.6): neither 61xx, 62xx, 63xx nor 9000. */
static int is_error(const uint8_t *sw) { return (sw[0] < 0x61 || sw[0] > 0x63) && (sw[0] != 0x90 || sw[1] != 0x00); }

static int response_protect(struct session *session, int odd, const uint8_t *data, size_t data_length, const uint8_t *sw,
                            uint8_t *out, size_t *out_length) {
    size_t at = 0;
    if (*out_length < data_object_length(data_length, odd) + STATUS_OBJECT + MAC_OBJECT + 2) return SECMOD_E_ARGUMENT;
    int result = session_count(session);
    if (result != SECMOD_OK) return result;
    result = data_object_put(session, data, data_length, odd, out, &at);
    at = put(out, at, TAG_STATUS, 1);
    at = put(out, at, 2, 1);
    memcpy(out + at, sw, 2);
    at += 2;
    if (result == SECMOD_OK) result = mac_put(session, NULL, out, 0, &at);
    if (result != SECMOD_OK) {
        wipe(out, at);
        return result;
    }
    memcpy(out + at, sw, 2);
    *out_length = at + 2;
    return SECMOD_OK;
}

int secmod_protect_response(secmod_vault *vault, uint64_t handle, int odd, const uint8_t *plain, size_t length, uint8_t *out,
                            size_t *out_length) {
    static const uint8_t too_long[2] = {SW_WRONG_LENGTH >> 8, SW_WRONG_LENGTH & 0xFF};
    if (length < 2) return SECMOD_E_ARGUMENT;
    struct session *session = vault_take_secret(vault, handle, SECRET_SESSION);
    if (session == NULL) return SECMOD_E_HANDLE;
    const uint8_t *sw = plain + length - 2;
    size_t data_length = is_error(sw) ? 0 : length - 2;
    if (data_object_length(data_length, odd) + STATUS_OBJECT + MAC_OBJECT > (size_t)session->room) {
        data_length = 0;
        sw = too_long;
    }
    return settle(vault, handle, response_protect(session, odd, plain, data_length, sw, out, out_length));
}

static int response_unprotect(struct session *session, int options, int odd, const uint8_t *apdu, size_t length, uint8_t *out,
                              size_t *out_length) {
    struct objects objects;
    size_t data_length = 0;
    if (length < 2) return SECMOD_E_SM_WRONG;
    const uint8_t *sw = apdu + length - 2;
    int result = objects_read(apdu, length - 2, odd, options, TAG_STATUS, &objects);
    if (result == SECMOD_OK && objects.middle == NULL) result = SECMOD_E_SM_MISSING;
    if (result == SECMOD_OK && (objects.middle_length != 2 || memcmp(objects.middle, sw, 2) != 0)) result = SECMOD_E_SM_WRONG;
    if (result == SECMOD_OK) result = session_count(session);
    if (result == SECMOD_OK) result = mac_check(session, NULL, apdu, &objects);
    if (result == SECMOD_OK) result = data_open(session, apdu, &objects, out, &data_length);
    if (result != SECMOD_OK) return result;
    memcpy(out + data_length, sw, 2);
    *out_length = data_length + 2;
    return SECMOD_OK;
}

int secmod_unprotect_response(secmod_vault *vault, uint64_t handle, int options, int odd, const uint8_t *apdu, size_t length,
                              uint8_t *out, size_t *out_length) {
    const size_t room = *out_length;
    if (room < length) return SECMOD_E_ARGUMENT;
    struct session *session = vault_take_secret(vault, handle, SECRET_SESSION);
    if (session == NULL) return SECMOD_E_HANDLE;
    int result = response_unprotect(session, options, odd, apdu, length, out, out_length);
    if (result != SECMOD_OK) {
        *out_length = room;
        wipe(out, length);
    }
    return settle(vault, handle, result);
}
