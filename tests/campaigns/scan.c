/* SPDX-License-Identifier: Apache-2.0 */
/* Finds many short byte strings in much memory: by their first eight bytes, at any offset. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BITS 24 /* of the filter that most offsets fail at */

static uint64_t mixed(uint64_t value) { return value * UINT64_C(0x9E3779B97F4A7C15); }

/* `table` has 2^table_bits places, 0 is an empty one; `filter` 2^(BITS - 3) bytes of zeros.  Enters the `count` prefixes. */
void scan_prepare(const uint64_t *prefixes, size_t count, uint64_t *table, int table_bits, uint8_t *filter) {
    const uint64_t mask = (UINT64_C(1) << table_bits) - 1;
    for (size_t i = 0; i < count; i++) {
        const uint64_t hash = mixed(prefixes[i]) >> (64 - BITS);
        filter[hash >> 3] |= (uint8_t)(1U << (hash & 7));
        uint64_t at = mixed(prefixes[i]) & mask;
        while (table[at] != 0 && table[at] != prefixes[i]) at = (at + 1) & mask;
        table[at] = prefixes[i];
    }
}

/* The offsets at which a prefix stands, `room` of them at most; returns how many there are. */
size_t scan_bytes(const uint8_t *data, size_t length, const uint64_t *table, int table_bits, const uint8_t *filter, uint64_t *offsets,
                  size_t room) {
    const uint64_t mask = (UINT64_C(1) << table_bits) - 1;
    size_t found = 0;
    for (size_t offset = 0; offset + 8 <= length; offset++) {
        uint64_t value;
        memcpy(&value, data + offset, sizeof value);
        const uint64_t hash = mixed(value) >> (64 - BITS);
        if (value == 0 || (filter[hash >> 3] >> (hash & 7) & 1) == 0) continue;
        uint64_t at = mixed(value) & mask;
        while (table[at] != 0 && table[at] != value) at = (at + 1) & mask;
        if (table[at] == 0) continue;
        if (found < room) offsets[found] = offset;
        found++;
    }
    return found;
}
