/* SPDX-License-Identifier: Apache-2.0 */
/* Command APDUs (ISO/IEC 7816-4 clause 5, ISO/IEC 7816-3 clause 12.1): header, class byte, and the length fields of the body.
 * Nothing here is secret: the form of a command is seen on the wire. */
#include "secmod.h"

#define SW_OK 0x9000
#define SW_WRONG_LENGTH 0x6700
#define SW_CLA_NOT_SUPPORTED 0x6E00

#define HEADER 4u

static int load16(const uint8_t *p) {
    return p[0] << 8 | p[1];
}

/* Le: zero means "as much as there can be". */
static int short_le(const uint8_t *p) {
    return p[0] != 0 ? p[0] : 0x100;
}

static int extended_le(const uint8_t *p) {
    const int le = load16(p);
    return le != 0 ? le : 0x10000;
}

/* The body is the n > 0 bytes behind the header; the cases are told apart by its first byte and its length alone. */
static int parse_body(const uint8_t *body, size_t n, struct secmod_command *out) {
    if (n == 1) { /* case 2, short */
        out->ne = short_le(body);
        return SW_OK;
    }
    if (body[0] != 0) { /* case 3 or 4, short */
        const size_t nc = body[0];
        if (n != 1 + nc && n != 2 + nc) {
            return SW_WRONG_LENGTH;
        }
        out->data_offset = HEADER + 1;
        out->nc = body[0];
        out->ne = n == 2 + nc ? short_le(body + 1 + nc) : 0;
        return SW_OK;
    }
    if (n < 3) {
        return SW_WRONG_LENGTH;
    }
    if (n == 3) { /* case 2, extended */
        out->extended = 1;
        out->ne = extended_le(body + 1);
        return SW_OK;
    }
    const size_t nc = (size_t)load16(body + 1); /* case 3 or 4, extended */
    if (nc == 0 || (n != 3 + nc && n != 5 + nc)) {
        return SW_WRONG_LENGTH;
    }
    out->extended = 1;
    out->data_offset = HEADER + 3;
    out->nc = (int)nc;
    out->ne = n == 5 + nc ? extended_le(body + 3 + nc) : 0;
    return SW_OK;
}

/* 000c ssnn first interindustry, 01sc nnnn further interindustry, 1xxx xxxx proprietary, read like the first. */
static int parse_class(uint8_t cla, struct secmod_command *out) {
    if (cla == 0xFF || (cla & 0xE0) == 0x20) {
        return SW_CLA_NOT_SUPPORTED;
    }
    out->chaining = cla >> 4 & 1;
    if ((cla & 0xC0) == 0x40) {
        out->secure = (cla >> 5 & 1) * 2;
        out->channel = 4 + (cla & 0x0F);
    } else {
        out->proprietary = cla >> 7;
        out->secure = cla >> 2 & 3;
        out->channel = cla & 3;
    }
    return SW_OK;
}

int secmod_command_parse(const uint8_t *apdu, size_t length, struct secmod_command *out) {
    struct secmod_command command = {0};
    command.status = SW_WRONG_LENGTH;
    if (length >= HEADER) {
        command.cla = apdu[0];
        command.ins = apdu[1];
        command.p1 = apdu[2];
        command.p2 = apdu[3];
        command.data_offset = HEADER;
        command.status = length == HEADER ? SW_OK : parse_body(apdu + HEADER, length - HEADER, &command);
        if (command.status == SW_OK) {
            command.status = parse_class(apdu[0], &command);
        }
    }
    if (command.status != SW_OK) { /* never half written */
        command = (struct secmod_command){.status = command.status};
    }
    *out = command;
    return command.status;
}
