// Counts how often each line of standard input appeared within the last minute.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generated/hits.h"

// Returns what to do about an error of the map.
static const char *advice(const localmap_core_local_map_error_t *error) {
    switch (error->tag) {
    case LOCALMAP_CORE_LOCAL_MAP_ERROR_INVALID_KEY:
        return "the key is empty or too long: use 1 to 128 bytes";
    case LOCALMAP_CORE_LOCAL_MAP_ERROR_FULL:
        return "the map is full: use shorter TTLs, or raise its limits";
    case LOCALMAP_CORE_LOCAL_MAP_ERROR_NOT_A_COUNTER:
        return "the value is not a counter: use another key";
    case LOCALMAP_CORE_LOCAL_MAP_ERROR_OVERFLOW:
        return "the counter would exceed 64 bits: set it to a new value";
    default:
        return "the map refuses this write";
    }
}

int main(void) {
    // A new counter gets this time to live, and one that exists keeps its deadline.
    localmap_core_local_map_ttl_t minute = {
        .tag = LOCALMAP_CORE_LOCAL_MAP_TTL_AFTER,
        .val.after = 60ull * 1000 * 1000 * 1000, // nanoseconds
    };
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    while ((length = getline(&line, &room, stdin)) >= 0) {
        if (length > 0 && line[length - 1] == '\n') line[--length] = '\0';
        // The map copies the key, so the line may be reused.
        hits_list_u8_t key = {.ptr = (uint8_t *)line, .len = (size_t)length};
        int64_t hits;
        localmap_core_local_map_error_t error;
        if (!localmap_core_local_map_increment(&key, 1, &minute, &hits, &error)) {
            fprintf(stderr, "Error: %s: %s\n", line, advice(&error));
            return EXIT_FAILURE;
        }
        printf("%s: %" PRId64 "\n", line, hits);
    }
    free(line);
    return ferror(stdin) ? EXIT_FAILURE : EXIT_SUCCESS;
}
