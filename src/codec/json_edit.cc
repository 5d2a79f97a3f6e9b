#include "codec/json_edit.h"

#include "codec/gotemplate_value.h"

#include <algorithm>
#include <optional>

namespace codec {

namespace {

constexpr std::string_view blanks = " \t\r\n";

std::size_t skip_blanks(std::string_view text, std::size_t at) {
    return std::min(text.find_first_not_of(blanks, at), text.size());
}

std::size_t end_of_string(std::string_view text, std::size_t at) {
    for (++at; at < text.size() && text[at] != '"'; ++at)
        if (text[at] == '\\') ++at;
    return std::min(at + 1, text.size());
}

// Behind the value that begins at `at`; the document is known to be valid.
std::size_t end_of_value(std::string_view text, std::size_t at) {
    std::size_t depth = 0;
    while (at < text.size()) {
        char c = text[at];
        if (c == '"') {
            at = end_of_string(text, at);
            if (depth == 0) return at;
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}' || c == ']' || blanks.find(c) != blanks.npos))
            return at;
        if (c == '{' || c == '[') ++depth;
        ++at;
        if ((c == '}' || c == ']') && --depth == 0) return at;
    }
    return at;
}

// One member's place: from its key to behind its value.
struct Place {
    std::size_t key = 0, value = 0, end = 0;
};

// What stands in the object that begins at `open`.
struct Scan {
    std::optional<Place> wanted;  // the last of that name, which is the one that counts
    std::optional<Place> last;
    std::size_t before_wanted = 0, before_last = 0;  // behind the "{" or "," in front of it
    std::size_t close = 0;
};

Scan scan_object(std::string_view text, std::size_t open, std::string_view name) {
    Scan scan;
    std::size_t at = open + 1;
    for (;;) {
        std::size_t before = at;
        Place place;
        place.key = skip_blanks(text, at);
        if (place.key >= text.size() || text[place.key] != '"') {
            scan.close = place.key;
            return scan;
        }
        std::size_t key_end = end_of_string(text, place.key);
        place.value = skip_blanks(text, skip_blanks(text, key_end) + 1);
        place.end = end_of_value(text, place.value);
        auto key = parse_value(text.substr(place.key, key_end - place.key));
        if (key && key->text() == name) {
            scan.wanted = place;
            scan.before_wanted = before;
        }
        scan.last = place;
        scan.before_last = before;
        at = skip_blanks(text, place.end);
        if (at < text.size() && text[at] == ',') ++at;
    }
}

std::string quoted(std::string_view name) {
    std::string out;
    append_json_text(out, name);
    return out;
}

// `value`, inside what `path` still asks for, as new text whose lines begin with `indent`; on one
// line without.
std::string nested(std::span<const std::string> path, std::string_view value, std::string indent,
                   bool lines) {
    std::string out;
    if (path.empty()) {
        for (char c : lines ? indent_json(value, "\t") : std::string(value)) {
            out += c;
            if (c == '\n') out += indent;
        }
        return out;
    }
    std::string inner = nested(path.subspan(1), value, indent + "\t", lines);
    if (!lines) return "{" + quoted(path[0]) + ":" + inner + "}";
    return "{\n" + indent + "\t" + quoted(path[0]) + ": " + inner + "\n" + indent + "}";
}

// What stands between the last end of line before `at` and it.
std::string indent_at(std::string_view text, std::size_t at) {
    std::size_t line = text.substr(0, at).rfind('\n');
    std::size_t begin = line == text.npos ? 0 : line + 1;
    std::size_t end = std::min(text.find_first_not_of(" \t", begin), at);
    return std::string(text.substr(begin, end - begin));
}

Status check(std::string_view document) {
    TRY(Value parsed, parse_value(document));
    if (!parsed.is_object()) return Error(Kind::invalid, "the document is no object");
    return {};
}

}  // namespace

Result<std::string> set_json(std::string_view document, std::span<const std::string> path,
                             std::string_view value) {
    if (document.find_first_not_of(blanks) == document.npos) return nested(path, value, "", true);
    TRY_DO(check(document));
    std::string out(document);
    std::size_t open = skip_blanks(document, 0);
    for (std::size_t i = 0; i < path.size(); ++i) {
        Scan scan = scan_object(document, open, path[i]);
        auto rest = path.subspan(i + 1);
        if (scan.wanted) {
            bool further = !rest.empty() && document[scan.wanted->value] == '{';
            if (further) {
                open = scan.wanted->value;
                continue;
            }
            bool lines = document.substr(open, scan.wanted->key - open).find('\n') != document.npos;
            out.replace(scan.wanted->value, scan.wanted->end - scan.wanted->value,
                        nested(rest, value, indent_at(document, scan.wanted->key), lines));
            return out;
        }
        std::string between;
        std::size_t at = open + 1;
        if (scan.last) {
            between = document.substr(scan.before_last, scan.last->key - scan.before_last);
            at = scan.last->end;
        }
        // An object without members is written as the one around it.
        bool whole = document.find('\n') != document.npos;
        bool lines = scan.last ? between.find('\n') != between.npos : whole;
        std::string outer = indent_at(document, open);
        std::string indent = scan.last ? indent_at(document, scan.last->key) : outer + "\t";
        if (!scan.last && lines) between = "\n" + indent;
        std::string member = scan.last ? "," : "";
        member += between + quoted(path[i]) + (lines ? ": " : ":");
        member += nested(rest, value, indent, lines);
        if (!scan.last && lines) member += "\n" + outer;
        out.replace(at, scan.last ? 0 : scan.close - at, member);
        return out;
    }
    return Error(Kind::invalid, "no member is named");
}

Result<std::string> erase_json(std::string_view document, std::span<const std::string> path) {
    TRY_DO(check(document));
    std::string out(document);
    for (bool again = !path.empty(); again;) {
        std::size_t open = skip_blanks(out, 0);
        for (std::size_t i = 0; i < path.size(); ++i) {
            Scan scan = scan_object(out, open, path[i]);
            again = scan.wanted.has_value();
            if (!again) break;
            if (i + 1 < path.size()) {
                open = scan.wanted->value;
                again = out[open] == '{';
                if (!again) break;
                continue;
            }
            std::size_t from = scan.before_wanted, to = scan.wanted->end;
            std::size_t next = skip_blanks(out, to);
            if (out[next] == ',') {
                from = scan.wanted->key;
                to = skip_blanks(out, next + 1);
            } else if (out[from - 1] == ',') {
                --from;
            } else {
                to = next;  // the only one: {} is left
            }
            out.erase(from, to - from);
        }
    }
    return out;
}

}  // namespace codec
