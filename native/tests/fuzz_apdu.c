/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes, as a command and as data objects: whatever is accepted lies within the bytes, and coded again gives the same bytes.
 * Runs under libFuzzer; with -DFUZZ_MAIN by itself, on random bytes, for as many seconds as its argument says. */
#include "secmod.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REQUIRE(condition)                                             \
    do {                                                               \
        if (!(condition)) {                                            \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);    \
            abort();                                                   \
        }                                                              \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static size_t put(uint8_t *out, size_t at, size_t value, size_t bytes) {
    while (bytes-- > 0) {
        out[at++] = (uint8_t)(value >> 8 * bytes);
    }
    return at;
}

static void check_command(const uint8_t *data, size_t length) {
    static uint8_t again[65544];
    struct secmod_command command;
    const int status = secmod_command_parse(data, length, &command);
    REQUIRE(status == command.status && (status == 0x9000 || status == 0x6700 || status == 0x6E00));
    if (status != 0x9000) {
        REQUIRE(command.nc == 0 && command.ne == 0 && command.data_offset == 0 && command.cla == 0);
        return;
    }
    REQUIRE(command.nc >= 0 && command.nc <= 65535 && command.ne >= 0 && command.ne <= 65536);
    REQUIRE((size_t)command.data_offset + (size_t)command.nc <= length && length <= sizeof again);
    REQUIRE(command.channel >= 0 && command.channel <= 19 && command.secure >= 0 && command.secure <= 3);
    memcpy(again, data, 4);
    size_t at = 4;
    if (command.nc > 0) {
        at = put(again, at, (size_t)command.nc, command.extended ? 3 : 1);
        REQUIRE(at == (size_t)command.data_offset);
        memcpy(again + at, data + command.data_offset, (size_t)command.nc);
        at += (size_t)command.nc;
    } else if (command.extended) {
        at = put(again, at, 0, 1);
    }
    if (command.ne > 0) {
        at = put(again, at, (size_t)command.ne, command.extended ? 2 : 1);
    }
    REQUIRE(at == length && memcmp(again, data, length) == 0);
}

static void check_objects(const uint8_t *data, size_t length, int depth) {
    struct secmod_tlv object;
    while (secmod_tlv_parse(data, length, &object) == SECMOD_OK) {
        uint8_t head[8];
        const size_t tag_bytes = object.tag > 0xFFFF ? 3 : object.tag > 0xFF ? 2 : 1;
        size_t at = put(head, 0, object.tag, tag_bytes);
        size_t length_bytes = 0;
        while (object.value_length >> 8 * length_bytes != 0) {
            length_bytes++;
        }
        if (object.value_length >= 0x80) {
            at = put(head, at, 0x80 | length_bytes, 1);
            at = put(head, at, object.value_length, length_bytes);
        } else {
            at = put(head, at, object.value_length, 1);
        }
        REQUIRE(at == object.value_offset && memcmp(head, data, at) == 0);
        REQUIRE(object.value_offset <= length && object.value_length <= length - object.value_offset);
        REQUIRE(object.constructed == ((data[0] & 0x20) != 0));
        if (object.constructed && depth < 8) {
            check_objects(data + object.value_offset, object.value_length, depth + 1);
        }
        data += object.value_offset + object.value_length;
        length -= object.value_offset + object.value_length;
    }
    REQUIRE(object.tag == 0 && object.value_offset == 0 && object.value_length == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    check_command(data, length);
    check_objects(data, length, 0);
    return 0;
}

#ifdef FUZZ_MAIN
static uint64_t state = 0x9E3779B97F4A7C15u;

static uint32_t next(uint32_t bound) { /* xorshift64* */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)(state * 0x2545F4914F6CDD1Du >> 32) % bound;
}

/* Random bytes, many of them such as lengths and tags are made of, in a heap block of exactly their size. */
int main(int argc, char **argv) {
    static const uint8_t likely[] = {0x00, 0x01, 0x02, 0x03, 0x05, 0x10, 0x1F, 0x30, 0x5F, 0x7F, 0x80, 0x81, 0x82, 0x83, 0xFF};
    const time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
    unsigned long runs = 0;
    while (runs % 4096 != 0 || time(NULL) < end) {
        const size_t length = next(next(8) == 0 ? 70000 : 40);
        uint8_t *data = malloc(length > 0 ? length : 1);
        if (data == NULL) abort();
        memset(data, (int)next(256), length);
        for (size_t i = 0; i < length && i < 64; i++) {
            data[i] = next(3) == 0 ? (uint8_t)next(256) : likely[next(sizeof likely)];
        }
        const uint32_t aim = next(4); /* now and then the lengths are made to fit */
        if (aim == 1 && length > 5) {
            data[4] = (uint8_t)(length - 5 - next(2));
        } else if (aim == 2 && length > 9) {
            data[4] = 0;
            put(data, 5, length - 7 - 2 * next(2), 2);
        }
        LLVMFuzzerTestOneInput(data, length);
        free(data);
        runs++;
    }
    printf("%lu runs\n", runs);
    return 0;
}
#endif
