#pragma once
// RE2 behind C: linear-time matching for patterns that come from outside.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tocsin_re2 tocsin_re2;

/// Compiles a pattern (UTF-8). `dot_newline`: `.` also matches a newline. `max_memory`: bytes for the program.
/// Never null; ask tocsin_re2_error whether it can be used.
tocsin_re2 *tocsin_re2_new(const char *pattern, size_t length, bool dot_newline, int64_t max_memory);
void tocsin_re2_free(tocsin_re2 *pattern);

/// The compile error, or null when the pattern is good. Valid as long as the pattern is.
const char *tocsin_re2_error(const tocsin_re2 *pattern);
int tocsin_re2_groups(const tocsin_re2 *pattern);
/// The name of a capture group (1-based), or null when it has none.
const char *tocsin_re2_group_name(const tocsin_re2 *pattern, int group);

/// True when the whole text matches.
bool tocsin_re2_full_match(const tocsin_re2 *pattern, const char *text, size_t length);

/// Matches anywhere from `start`, or the whole of the text when `anchored`. Writes `count` offset pairs
/// (begin, end); group 0 is the match; -1, -1 for a group that took no part.
bool tocsin_re2_match(
    const tocsin_re2 *pattern, const char *text, size_t length, size_t start, bool anchored, int64_t *offsets,
    int count);

#ifdef __cplusplus
}
#endif
