/* SPDX-License-Identifier: Apache-2.0 */
/* secmod_command_parse: the rows of ISO/IEC 7816-3 clause 12.1.2 at their boundaries, and all class bytes.  Every command lies in
 * a heap block of exactly its size, so that a sanitizer sees a read beyond it. */
#include "secmod.h"

#include "check.h"

#define HEADER 4

static struct secmod_command parsed;

static int parse(const uint8_t *apdu, size_t length) {
    uint8_t *exact = malloc(length > 0 ? length : 1);
    if (exact == NULL) abort();
    memcpy(exact, apdu, length);
    memset(&parsed, 0xA5, sizeof parsed);
    int status = secmod_command_parse(exact, length, &parsed);
    free(exact);
    CHECK(parsed.status == status);
    return status;
}

/* Header, the `prefix` of the body, and `rest` more bytes of 0x11. */
static int parse_body(const char *prefix, size_t rest) {
    static uint8_t apdu[HEADER + 8 + 65544];
    memset(apdu, 0x11, sizeof apdu);
    memcpy(apdu, "\x00\xA4\x04\x0C", HEADER);
    return parse(apdu, HEADER + check_unhex(prefix, apdu + HEADER) + rest);
}

static int is(int extended, int offset, int nc, int ne) {
    return parsed.extended == extended && parsed.data_offset == offset && parsed.nc == nc && parsed.ne == ne;
}

static void test_cases(void) {
    CHECK(parse_body("", 0) == 0x9000 && is(0, 4, 0, 0));
    CHECK(parsed.cla == 0x00 && parsed.ins == 0xA4 && parsed.p1 == 0x04 && parsed.p2 == 0x0C);
    CHECK(parse_body("00", 0) == 0x9000 && is(0, 4, 0, 256));
    CHECK(parse_body("01", 0) == 0x9000 && is(0, 4, 0, 1));
    CHECK(parse_body("ff", 0) == 0x9000 && is(0, 4, 0, 255));
    CHECK(parse_body("000000", 0) == 0x9000 && is(1, 4, 0, 65536));
    CHECK(parse_body("000001", 0) == 0x9000 && is(1, 4, 0, 1));
    CHECK(parse_body("00ffff", 0) == 0x9000 && is(1, 4, 0, 65535));
    CHECK(parse_body("01", 1) == 0x9000 && is(0, 5, 1, 0));
    CHECK(parse_body("ff", 255) == 0x9000 && is(0, 5, 255, 0));
    CHECK(parse_body("01", 2) == 0x9000 && is(0, 5, 1, 0x11));
    CHECK(parse_body("ff", 256) == 0x9000 && is(0, 5, 255, 0x11));
    CHECK(parse_body("01aa00", 0) == 0x9000 && is(0, 5, 1, 256));
    CHECK(parse_body("000001", 1) == 0x9000 && is(1, 7, 1, 0));
    CHECK(parse_body("00ffff", 65535) == 0x9000 && is(1, 7, 65535, 0));
    CHECK(parse_body("000001", 3) == 0x9000 && is(1, 7, 1, 0x1111));
    CHECK(parse_body("00ffff", 65537) == 0x9000 && is(1, 7, 65535, 0x1111));
    CHECK(parse_body("000001aa0000", 0) == 0x9000 && is(1, 7, 1, 65536));
}

static void test_malformed(void) {
    static const struct {
        const char *prefix;
        size_t rest;
    } bodies[] = {
        {"0000", 0},   {"00ff", 0},   {"000000", 1}, {"000000", 2}, {"000000", 3}, {"01", 3},         {"02", 1},
        {"02", 4},     {"ff", 254},   {"ff", 257},   {"000001", 2}, {"000001", 4}, {"000002", 1},     {"000002", 3},
        {"0000ff", 1}, {"00ffff", 1}, {"000100", 4}, {"00ffff", 4}, {"00ffff", 3}, {"00ffff", 65534}, {"00ffff", 65536},
    };
    static const struct secmod_command nothing = {.status = 0x6700};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        CHECK(parse_body(bodies[i].prefix, bodies[i].rest) == 0x6700);
        CHECK(memcmp(&parsed, &nothing, sizeof parsed) == 0);
    }
    CHECK(parse_body("00ffff", 65538) == 0x6700);
    for (size_t length = 0; length < HEADER; length++) {
        CHECK(parse((const uint8_t *)"\x00\xA4\x04\x0C", length) == 0x6700);
        CHECK(memcmp(&parsed, &nothing, sizeof parsed) == 0);
    }
    CHECK(secmod_command_parse(NULL, 0, &parsed) == 0x6700);
}

/* Every length field against every body length around it, judged by the two rules of the table. */
static void test_all_short_and_many_extended_lengths(void) {
    static uint8_t apdu[HEADER + 3 + 600];
    for (size_t claimed = 1; claimed < 512; claimed++) {
        for (size_t rest = claimed > 4 ? claimed - 4 : 0; rest < claimed + 6; rest++) {
            apdu[HEADER] = (uint8_t)claimed;
            if (claimed < 256) {
                CHECK(parse(apdu, HEADER + 1 + rest) == (rest == 0 || rest == claimed || rest == claimed + 1 ? 0x9000 : 0x6700));
            }
            apdu[HEADER] = 0;
            apdu[HEADER + 1] = (uint8_t)(claimed >> 8);
            apdu[HEADER + 2] = (uint8_t)claimed;
            CHECK(parse(apdu, HEADER + 3 + rest) == (rest == 0 || rest == claimed || rest == claimed + 2 ? 0x9000 : 0x6700));
            apdu[HEADER + 1] = apdu[HEADER + 2] = 0;
        }
    }
}

static void test_class(void) {
    int accepted = 0;
    for (int cla = 0; cla < 256; cla++) {
        uint8_t apdu[HEADER] = {(uint8_t)cla, 0xB0, 0, 0};
        int status = parse(apdu, HEADER);
        int reserved = (cla >= 0x20 && cla <= 0x3F) || cla == 0xFF;
        CHECK(status == (reserved ? 0x6E00 : 0x9000));
        if (reserved) {
            CHECK(parsed.cla == 0 && parsed.ins == 0);
            continue;
        }
        accepted++;
        int further = cla >= 0x40 && cla <= 0x7F;
        CHECK(parsed.cla == cla && parsed.proprietary == (cla >= 0x80) && parsed.chaining == ((cla & 0x10) != 0));
        CHECK(parsed.channel == (further ? cla % 16 + 4 : cla % 4));
        CHECK(parsed.secure == (further ? (cla & 0x20 ? 2 : 0) : cla / 4 % 4));
    }
    CHECK(accepted == 256 - 33);
}

int main(void) {
    test_cases();
    test_malformed();
    test_all_short_and_many_extended_lengths();
    test_class();
    return check_end();
}
