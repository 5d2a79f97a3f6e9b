// Which images a list shows, and in what order.
#include "engine/image_names.h"
#include "engine/images.h"
#include "registry/reference.h"

#include <algorithm>
#include <tuple>

namespace engine {

namespace {

bool label_holds(const Image& image, const std::string& wanted) {
    std::size_t equals = wanted.find('=');
    auto found = image.labels.find(wanted.substr(0, equals));
    if (found == image.labels.end()) return false;
    return equals == std::string::npos || found->second == wanted.substr(equals + 1);
}

}  // namespace

bool path_match(std::string_view pattern, std::string_view text) {
    while (!pattern.empty()) {
        if (pattern.front() == '*') {
            std::string_view rest = pattern.substr(1);
            for (std::size_t i = 0;; ++i) {
                if (path_match(rest, text.substr(i))) return true;
                if (i == text.size() || text[i] == '/') return false;
            }
        }
        if (text.empty()) return false;
        if (pattern.front() == '[') {
            std::size_t at = 1;
            bool negated = at < pattern.size() && pattern[at] == '^', hit = false, first = true;
            if (negated) ++at;
            while (at < pattern.size() && (pattern[at] != ']' || first)) {
                first = false;
                if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
                char low = pattern[at], high = low;
                if (at + 2 < pattern.size() && pattern[at + 1] == '-' && pattern[at + 2] != ']') {
                    high = pattern[at + 2];
                    at += 2;
                }
                hit |= low <= text.front() && text.front() <= high;
                ++at;
            }
            if (at >= pattern.size() || hit == negated || text.front() == '/') return false;
            pattern.remove_prefix(at + 1);
        } else {
            bool any = pattern.front() == '?';
            if (pattern.front() == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
            if (any ? text.front() == '/' : pattern.front() != text.front()) return false;
            pattern.remove_prefix(1);
        }
        text.remove_prefix(1);
    }
    return text.empty();
}

Result<std::vector<const Image*>> Images::list(const ImageFilters& filters) const {
    auto bound = [&](const std::vector<std::string>& names, bool latest) -> Result<Time> {
        Time out{latest ? Time::never_ns : INT64_MAX};
        for (const std::string& name : names) {
            TRY(const Image* image, find(name));
            out.ns = latest ? std::max(out.ns, image->record.created.ns)
                            : std::min(out.ns, image->record.created.ns);
        }
        return out;
    };
    TRY(Time before, bound(filters.before, false));
    TRY(Time since, bound(filters.since, true));
    std::vector<const Image*> out;
    for (const auto& [id, image] : images_) {
        const store::Image& record = image.record;
        if (filters.dangling && *filters.dangling != record.tags.empty()) continue;
        if (!filters.before.empty() && record.created >= before) continue;
        if (!filters.since.empty() && record.created <= since) continue;
        if (filters.until && record.created >= *filters.until) continue;
        auto holds = [&](const std::string& label) { return label_holds(image, label); };
        if (!std::ranges::all_of(filters.labels, holds) ||
            std::ranges::any_of(filters.no_labels, holds))
            continue;
        auto named = [&](const std::string& pattern) {
            auto hit = [&](const std::string& canonical) {
                std::string shown = registry::familiar(canonical);
                return path_match(pattern, shown) || path_match(pattern, name_part(shown));
            };
            return std::ranges::any_of(record.tags, hit) ||
                   std::ranges::any_of(record.digests, hit);
        };
        if (!filters.references.empty() && !std::ranges::any_of(filters.references, named))
            continue;
        out.push_back(&image);
    }
    std::ranges::sort(out, [](const Image* a, const Image* b) {
        return std::tie(b->record.created, a->record.id) <
               std::tie(a->record.created, b->record.id);
    });
    return out;
}

}  // namespace engine
