#include "CRE2.h"

#include <re2/re2.h>

#include <string>
#include <vector>

struct tocsin_re2 {
    re2::RE2 regex;
    std::vector<std::string> names;
    tocsin_re2(re2::StringPiece pattern, const re2::RE2::Options &options) : regex(pattern, options) {
        if (!regex.ok()) return;
        names.resize(regex.NumberOfCapturingGroups() + 1);
        for (const auto &entry : regex.CapturingGroupNames()) names[entry.first] = entry.second;
    }
};

extern "C" {

tocsin_re2 *tocsin_re2_new(const char *pattern, size_t length, bool dot_newline, int64_t max_memory) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_dot_nl(dot_newline);
    options.set_max_mem(max_memory);
    return new tocsin_re2(re2::StringPiece(pattern, length), options);
}

void tocsin_re2_free(tocsin_re2 *pattern) { delete pattern; }

const char *tocsin_re2_error(const tocsin_re2 *pattern) {
    return pattern->regex.ok() ? nullptr : pattern->regex.error().c_str();
}

int tocsin_re2_groups(const tocsin_re2 *pattern) { return pattern->regex.NumberOfCapturingGroups(); }

const char *tocsin_re2_group_name(const tocsin_re2 *pattern, int group) {
    if (group < 0 || static_cast<size_t>(group) >= pattern->names.size()) return nullptr;
    return pattern->names[group].empty() ? nullptr : pattern->names[group].c_str();
}

bool tocsin_re2_full_match(const tocsin_re2 *pattern, const char *text, size_t length) {
    return pattern->regex.Match(
        re2::StringPiece(text, length), 0, length, re2::RE2::ANCHOR_BOTH, nullptr, 0);
}

bool tocsin_re2_match(
    const tocsin_re2 *pattern, const char *text, size_t length, size_t start, bool anchored, int64_t *offsets,
    int count) {
    std::vector<re2::StringPiece> found(count);
    auto anchor = anchored ? re2::RE2::ANCHOR_BOTH : re2::RE2::UNANCHORED;
    if (!pattern->regex.Match(re2::StringPiece(text, length), start, length, anchor, found.data(), count))
        return false;
    for (int i = 0; i < count; i++) {
        bool part = found[i].data() != nullptr;
        offsets[2 * i] = part ? found[i].data() - text : -1;
        offsets[2 * i + 1] = part ? found[i].data() - text + static_cast<int64_t>(found[i].size()) : -1;
    }
    return true;
}

}
