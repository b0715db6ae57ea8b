/* SPDX-License-Identifier: Apache-2.0 */
/* BER-TLV (ISO/IEC 7816-4 clause 5.2.2) as the profile narrows it: definite, minimal lengths and tags of up to three bytes. */
#include "secmod.h"

#define MAX_TAG_BYTES 3u
#define MAX_LENGTH_BYTES 4u

/* Reads a tag; returns how many bytes it has, 0 if it is none.  00 is padding, no tag.  Of longer tags the second byte is not
 * 00..1E (the short form would do) and not 80 (a leading zero). */
static size_t read_tag(const uint8_t *data, size_t length, uint32_t *tag) {
    if (length == 0 || data[0] == 0) {
        return 0;
    }
    *tag = data[0];
    if ((data[0] & 0x1F) != 0x1F) {
        return 1;
    }
    for (size_t i = 1; i < length && i < MAX_TAG_BYTES; i++) {
        if (i == 1 && (data[i] < 0x1F || data[i] == 0x80)) {
            return 0;
        }
        *tag = *tag << 8 | data[i];
        if (data[i] < 0x80) {
            return i + 1;
        }
    }
    return 0;
}

/* Reads a length; returns how many bytes the field has, 0 if it is none: indefinite, truncated, or not as short as could be. */
static size_t read_length(const uint8_t *data, size_t length, size_t *value) {
    if (length == 0) {
        return 0;
    }
    if (data[0] < 0x80) {
        *value = data[0];
        return 1;
    }
    const size_t count = data[0] & 0x7F;
    if (count == 0 || count > MAX_LENGTH_BYTES || count >= length || data[1] == 0) {
        return 0;
    }
    size_t read = 0;
    for (size_t i = 1; i <= count; i++) {
        read = read << 8 | data[i];
    }
    if (read < 0x80) {
        return 0;
    }
    *value = read;
    return 1 + count;
}

int secmod_tlv_parse(const uint8_t *data, size_t length, struct secmod_tlv *out) {
    uint32_t tag = 0;
    size_t value_length = 0;
    *out = (struct secmod_tlv){0};
    const size_t tag_bytes = read_tag(data, length, &tag);
    if (tag_bytes == 0) {
        return SECMOD_E_ARGUMENT;
    }
    const size_t length_bytes = read_length(data + tag_bytes, length - tag_bytes, &value_length);
    const size_t value_offset = tag_bytes + length_bytes;
    if (length_bytes == 0 || value_length > length - value_offset) {
        return SECMOD_E_ARGUMENT;
    }
    out->tag = tag;
    out->constructed = data[0] >> 5 & 1;
    out->value_offset = value_offset;
    out->value_length = value_length;
    return SECMOD_OK;
}
