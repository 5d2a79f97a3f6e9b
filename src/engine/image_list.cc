// Which images a list shows, and in what order.
#include "engine/image_names.h"
#include "engine/images.h"
#include "registry/reference.h"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>

namespace engine {

namespace {

// One element of a [class]: a character, maybe escaped; nullopt at a syntax error.
std::optional<char> class_character(std::string_view& pattern) {
    if (pattern.empty() || pattern[0] == '-' || pattern[0] == ']') return std::nullopt;
    if (pattern[0] == '\\') pattern.remove_prefix(1);
    if (pattern.empty()) return std::nullopt;
    char c = pattern[0];
    pattern.remove_prefix(1);
    // The class must be closed behind it.
    return pattern.empty() ? std::nullopt : std::optional(c);
}

// Takes a [class] off `pattern`; nullopt at a syntax error.
std::optional<bool> match_class(std::string_view& pattern, char c) {
    pattern.remove_prefix(1);
    bool negated = !pattern.empty() && pattern[0] == '^', hit = false;
    if (negated) pattern.remove_prefix(1);
    for (bool first = true;; first = false) {
        if (!first && !pattern.empty() && pattern[0] == ']') break;
        auto low = class_character(pattern);
        if (!low) return std::nullopt;
        auto high = low;
        if (pattern[0] == '-') {
            pattern.remove_prefix(1);
            high = class_character(pattern);
            if (!high) return std::nullopt;
        }
        hit |= *low <= c && c <= *high;
    }
    pattern.remove_prefix(1);
    return hit != negated;
}

// One element that is no star; false also at a syntax error.
bool match_one(std::string_view& pattern, char c) {
    switch (pattern[0]) {
    case '[':
        return match_class(pattern, c).value_or(false);
    case '?':
        pattern.remove_prefix(1);
        return c != '/';
    case '\\':
        pattern.remove_prefix(1);
        if (pattern.empty()) return false;
        [[fallthrough]];
    default:
        bool same = pattern[0] == c;
        pattern.remove_prefix(1);
        return same;
    }
}

// The forms a reference filter may name: short and full, with and without tag.
bool name_fits(const std::vector<std::string>& patterns, const std::string& canonical) {
    std::string shown = registry::familiar(canonical);
    const std::string forms[] = {shown, name_part(shown), canonical, name_part(canonical)};
    return std::ranges::any_of(patterns, [&](const std::string& pattern) {
        return std::ranges::any_of(
            forms, [&](const std::string& form) { return path_match(pattern, form); });
    });
}

std::vector<std::string> shown_names(const std::vector<std::string>& canonical,
                                     const std::vector<std::string>& patterns) {
    std::vector<std::string> out;
    for (const std::string& name : canonical)
        if (patterns.empty() || name_fits(patterns, name)) out.push_back(registry::familiar(name));
    return out;
}

}  // namespace

// Only the last star is gone back to: what an earlier one could still take, the last one can.
bool path_match(std::string_view pattern, std::string_view text) {
    std::optional<std::string_view> star;  // the pattern behind the last star
    std::size_t at = 0, star_at = 0;
    std::string_view rest = pattern;
    for (;;) {
        if (!rest.empty() && rest[0] == '*') {
            rest.remove_prefix(1);
            star = rest;
            star_at = at;
            continue;
        }
        if (at == text.size() && rest.empty()) return true;
        if (at < text.size() && !rest.empty() && match_one(rest, text[at])) {
            ++at;
            continue;
        }
        if (!star || star_at == text.size() || text[star_at] == '/') return false;
        at = ++star_at;
        rest = *star;
    }
}

Status check_pattern(std::string_view pattern) {
    Error broken(Kind::invalid, "syntax error in pattern");
    while (!pattern.empty()) {
        if (pattern[0] == '[') {
            if (!match_class(pattern, 0)) return broken;
            continue;
        }
        bool escape = pattern[0] == '\\';
        pattern.remove_prefix(1);
        if (!escape) continue;
        if (pattern.empty()) return broken;
        pattern.remove_prefix(1);
    }
    return {};
}

std::set<std::string> Images::parents() const {
    std::set<std::string> out;
    for (const auto& [id, image] : images_)
        if (!image.record.parent.empty()) out.insert(image.record.parent);
    return out;
}

std::map<std::string, std::uint64_t> Images::shared_layers() const {
    std::map<std::string, unsigned> images;
    for (const auto& [id, image] : images_)
        for (const std::string& diff_id :
             std::set(image.record.diff_ids.begin(), image.record.diff_ids.end()))
            ++images[diff_id];
    std::map<std::string, std::uint64_t> out;
    for (const store::Layer& layer : store_.layers().list())
        if (auto found = images.find(layer.diff_id); found != images.end() && found->second > 1)
            out.emplace(layer.diff_id, layer.size);
    return out;
}

Result<std::vector<ListedImage>> Images::list(const ImageFilters& filters) const {
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
    if (filters.until) before.ns = std::min(before.ns, filters.until->ns);
    for (const std::string& pattern : filters.references)
        TRY_DO(check_pattern(pattern));
    bool only_dangling = filters.dangling.value_or(false);
    std::set<std::string> parents = this->parents();
    std::map<std::string, std::uint64_t> shared;
    if (filters.shared_sizes) shared = shared_layers();
    auto containers =
        users_ != nullptr ? users_->users() : std::map<std::string, std::vector<std::string>>();
    std::vector<ListedImage> out;
    out.reserve(images_.size());
    for (const auto& [id, image] : images_) {
        const store::Image& record = image.record;
        bool is_parent = parents.contains(id);
        if (only_dangling && is_parent) continue;
        if (before.ns != INT64_MAX && record.created >= before) continue;
        if (!filters.since.empty() && record.created <= since) continue;
        if (!filters.labels.labels(image.labels)) continue;
        ListedImage one{.image = &image,
                        .tags = shown_names(record.tags, filters.references),
                        .digests = shown_names(record.digests, filters.references),
                        .containers = {}};
        if (one.tags.empty() && one.digests.empty()) {
            if (is_parent && !filters.all) continue;
            if (filters.dangling && !only_dangling) continue;
            if (!filters.references.empty()) continue;
        } else if (only_dangling && !one.tags.empty()) {
            continue;
        }
        if (auto found = containers.find(id); found != containers.end())
            one.containers = std::move(found->second);
        for (const std::string& diff_id : std::set(record.diff_ids.begin(), record.diff_ids.end()))
            if (auto layer = shared.find(diff_id); layer != shared.end())
                one.shared_size += layer->second;
        out.push_back(std::move(one));
    }
    std::ranges::sort(out, [](const ListedImage& a, const ListedImage& b) {
        return std::tie(b.image->record.created, a.image->record.id) <
               std::tie(a.image->record.created, b.image->record.id);
    });
    return out;
}

std::vector<std::string> Images::containers_of(const Image& image) const {
    if (users_ == nullptr) return {};
    auto users = users_->users();
    auto found = users.find(image.record.id);
    return found == users.end() ? std::vector<std::string>() : found->second;
}

std::uint64_t Images::layers_size() const {
    std::set<std::string_view> diff_ids;
    for (const auto& [id, image] : images_)
        diff_ids.insert(image.record.diff_ids.begin(), image.record.diff_ids.end());
    std::uint64_t bytes = 0;
    for (const store::Layer& layer : store_.layers().list())
        if (diff_ids.contains(layer.diff_id)) bytes += layer.size;
    return bytes;
}

Result<const Image*> Images::find_for(std::string_view reference,
                                      const std::vector<registry::Platform>& platforms) const {
    TRY(const Image* image, find(reference));
    for (const registry::Platform& wanted : platforms)
        if (!registry::platform_fits(wanted, image->platform)) {
            auto target = registry::parse_reference(reference);
            std::string shown = image->record.id.find(reference) == std::string::npos && target
                                    ? target->familiar()
                                    : std::string(reference);
            return Error(Kind::missing,
                         fmt::format("image with reference {} was found but its platform ({}) does "
                                     "not match the specified platform ({})",
                                     shown, registry::platform_text(image->platform),
                                     registry::platform_text(wanted)));
        }
    return image;
}

}  // namespace engine
