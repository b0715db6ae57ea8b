/* SPDX-License-Identifier: Apache-2.0 */
/* secmod_tlv_parse: every coding at its boundaries.  The bytes lie in a heap block of exactly their size, so that a sanitizer
 * sees a read beyond it. */
#include "secmod.h"

#include "check.h"

static struct secmod_tlv parsed;

/* The bytes of `head` and `rest` more. */
static int parse(const char *head, size_t rest) {
    size_t length = strlen(head) / 2 + rest;
    uint8_t *exact = calloc(length > 0 ? length : 1, 1);
    if (exact == NULL) abort();
    check_unhex(head, exact);
    memset(&parsed, 0xA5, sizeof parsed);
    int result = secmod_tlv_parse(exact, length, &parsed);
    free(exact);
    return result;
}

static int is(uint32_t tag, int constructed, size_t offset, size_t length) {
    return parsed.tag == tag && parsed.constructed == constructed && parsed.value_offset == offset &&
           parsed.value_length == length;
}

static void test_well_formed(void) {
    CHECK(parse("8000", 0) == SECMOD_OK && is(0x80, 0, 2, 0));
    CHECK(parse("8000", 7) == SECMOD_OK && is(0x80, 0, 2, 0)); /* what follows is the next object's */
    CHECK(parse("8001", 1) == SECMOD_OK && is(0x80, 0, 2, 1));
    CHECK(parse("307f", 127) == SECMOD_OK && is(0x30, 1, 2, 127));
    CHECK(parse("308180", 128) == SECMOD_OK && is(0x30, 1, 3, 128));
    CHECK(parse("3081ff", 255) == SECMOD_OK && is(0x30, 1, 3, 255));
    CHECK(parse("30820100", 256) == SECMOD_OK && is(0x30, 1, 4, 256));
    CHECK(parse("3082ffff", 65535) == SECMOD_OK && is(0x30, 1, 4, 65535));
    CHECK(parse("3083010000", 65536) == SECMOD_OK && is(0x30, 1, 5, 65536));
    CHECK(parse("308401000000", 1u << 24) == SECMOD_OK && is(0x30, 1, 6, 1u << 24));
    CHECK(parse("7f4901", 1) == SECMOD_OK && is(0x7F49, 1, 3, 1));
    CHECK(parse("5f3700", 0) == SECMOD_OK && is(0x5F37, 0, 3, 0));
    CHECK(parse("1f1f00", 0) == SECMOD_OK && is(0x1F1F, 0, 3, 0));
    CHECK(parse("df8101818080", 127) == SECMOD_OK && is(0xDF8101, 0, 5, 128));
    CHECK(parse("ffff7f00", 0) == SECMOD_OK && is(0xFFFF7F, 1, 4, 0));
}

static void test_malformed(void) {
    static const struct {
        const char *head;
        size_t rest;
    } objects[] = {
        {"", 0},         {"00", 0},         {"0000", 0},           {"80", 0},           {"7f", 0},         {"7f49", 0},
        {"df", 0},       {"df81", 0},       {"df8101", 0},         {"8001", 0},         {"807f", 126},     {"8080", 0},
        {"8080", 2},     {"8081", 0},       {"80817f", 127},       {"808100", 0},       {"808180", 127},   {"8082", 0},
        {"808201", 0},   {"80820080", 128}, {"808200ff", 255},     {"80820100", 255},   {"8083", 2},       {"8083000100", 256},
        {"8083ffff", 0}, {"8083ffffff", 9}, {"808400010000", 9},   {"8084ffffffff", 9}, {"80847fffff", 0}, {"80850000000001", 1},
        {"80ff", 200},   {"5f0000", 0},     {"5f1e00", 0},         {"5f8000", 0},       {"5f802100", 0},   {"5f818000", 0},
        {"5f81", 0},     {"5fffff7f00", 0}, {"808800000000", 100}, {"8088ffffffffffffffff", 0},
    };
    static const struct secmod_tlv nothing;
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        CHECK(parse(objects[i].head, objects[i].rest) == SECMOD_E_ARGUMENT);
        CHECK(parsed.tag == nothing.tag && parsed.constructed == 0 && parsed.value_offset == 0 && parsed.value_length == 0);
    }
}

/* All first and second bytes: a tag, or none; a length, or none. */
static void test_beginnings(void) {
    for (unsigned int first = 0; first < 256; first++) {
        for (unsigned int second = 0; second < 256; second++) {
            uint8_t *object = calloc(2 + 127, 1);
            if (object == NULL) abort();
            object[0] = (uint8_t)first;
            object[1] = (uint8_t)second;
            int result = secmod_tlv_parse(object, 2 + 127, &parsed);
            free(object);
            int accepted = first != 0 && second < 0x80; /* a short length, and room for it */
            if (first % 32 == 31) {
                accepted = second > 0x1E && second != 0x80; /* the length is zero, or a third byte of tag is */
            }
            CHECK(result == (accepted ? SECMOD_OK : SECMOD_E_ARGUMENT));
            if (accepted) {
                CHECK(parsed.constructed == (first / 32 % 2 == 1));
                CHECK(parsed.value_offset + parsed.value_length <= 2 + 127);
            }
        }
    }
}

int main(void) {
    test_well_formed();
    test_malformed();
    test_beginnings();
    return check_end();
}
