#include "codec/tar_write.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>
#include <map>

namespace codec::tar {

namespace {

constexpr std::size_t name_at = 0, name_bytes = 100;
constexpr std::size_t mode_at = 100, uid_at = 108, gid_at = 116, id_bytes = 8;
constexpr std::size_t size_at = 124, modified_at = 136, long_bytes = 12;
constexpr std::size_t checksum_at = 148, checksum_bytes = 8, type_at = 156;
constexpr std::size_t link_at = 157, link_bytes = 100;
constexpr std::size_t magic_at = 257, version_at = 263;
constexpr std::size_t major_at = 329, minor_at = 337;
constexpr std::size_t prefix_at = 345, prefix_bytes = 155;

using Block = std::array<char, block_bytes>;
// By name, as Go writes them.
using Records = std::map<std::string, std::string>;

Error bad(std::string_view what, std::string_view path) {
    return Error(Kind::invalid, fmt::format("cannot write tar: {}: {}", path, what));
}

constexpr std::uint64_t octal_max(std::size_t field_bytes) {
    return (std::uint64_t(1) << (3 * (field_bytes - 1))) - 1;
}

char flag_of(Type type) {
    switch (type) {
    case Type::file:
        return '0';
    case Type::hard_link:
        return '1';
    case Type::symlink:
        return '2';
    case Type::char_device:
        return '3';
    case Type::block_device:
        return '4';
    case Type::folder:
        return '5';
    case Type::fifo:
        return '6';
    }
    return '0';
}

bool is_ascii(std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

void put_text(Block& block, std::size_t at, std::size_t room, std::string_view text) {
    std::memcpy(&block[at], text.data(), std::min(text.size(), room));
}

// Zero-filled octal digits and a NUL.
void put_octal(Block& block, std::size_t at, std::size_t room, std::uint64_t value) {
    put_text(block, at, room, fmt::format("{:0{}o}", value, room - 1));
}

void seal(Block& block) {
    std::memset(&block[checksum_at], ' ', checksum_bytes);
    unsigned sum = 0;
    for (char c : block)
        sum += static_cast<unsigned char>(c);
    // Six digits, NUL, blank: as every tar writes it.
    put_text(block, checksum_at, checksum_bytes, fmt::format("{:06o}", sum) + '\0');
}

// A name of more than 100 bytes goes into two fields when a slash is at the right place.
bool put_path(Block& block, std::string_view path) {
    if (!is_ascii(path)) return false;
    if (path.size() <= name_bytes) {
        put_text(block, name_at, name_bytes, path);
        return true;
    }
    if (path.size() > prefix_bytes + 1 + name_bytes) return false;
    std::size_t slash = path.rfind('/', std::min(prefix_bytes, path.size() - 2));
    if (slash == std::string_view::npos || slash == 0 || path.size() - slash - 1 > name_bytes)
        return false;
    put_text(block, prefix_at, prefix_bytes, path.substr(0, slash));
    put_text(block, name_at, name_bytes, path.substr(slash + 1));
    return true;
}

// For readers that know no PAX: what of the text fits, without what is not ASCII.
std::string plain(std::string_view text, std::size_t room) {
    std::string out;
    for (char c : text.substr(0, room))
        if (static_cast<unsigned char>(c) < 0x80) out += c;
    return out;
}

std::string time_text(const Moment& time) {
    bool negative = time.seconds < 0;
    std::uint64_t seconds = static_cast<std::uint64_t>(time.seconds);
    if (negative) seconds = 0 - seconds;
    std::uint32_t nanoseconds = time.nanoseconds;
    if (negative && nanoseconds != 0) {  // -1.25 is -2 s and 750,000,000 ns
        seconds -= 1;
        nanoseconds = 1'000'000'000 - nanoseconds;
    }
    const char* sign = negative ? "-" : "";
    if (nanoseconds == 0) return fmt::format("{}{}", sign, seconds);
    std::string fraction = fmt::format("{:09}", nanoseconds);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    return fmt::format("{}{}.{}", sign, seconds, fraction);
}

// "17 path=some/name\n": the length counts itself.
void add_record(std::string& out, std::string_view key, std::string_view value) {
    std::size_t rest = key.size() + value.size() + 3;  // blank, =, newline
    std::size_t size = rest + 1;
    while (fmt::formatted_size("{}", size) + rest != size)
        size = fmt::formatted_size("{}", size) + rest;
    out += fmt::format("{} ", size);
    out.append(key).append("=").append(value).append("\n");
}

Result<std::string> extended_header(const std::string& path, const Records& records) {
    std::string body;
    for (const auto& [key, value] : records)
        add_record(body, key, value);
    if (body.size() > extension_bytes_max) return bad("too many extended attributes", path);
    Block block{};
    std::string_view clean = path;
    while (clean.size() > 1 && clean.ends_with('/'))
        clean.remove_suffix(1);
    std::size_t slash = clean.rfind('/');
    std::string_view folder = slash == std::string_view::npos ? "" : clean.substr(0, slash + 1);
    std::string_view name = slash == std::string_view::npos ? clean : clean.substr(slash + 1);
    put_text(block, name_at, name_bytes,
             plain(fmt::format("{}PaxHeaders.0/{}", folder, name), name_bytes));
    for (std::size_t at : {mode_at, uid_at, gid_at})
        put_octal(block, at, id_bytes, 0);
    put_octal(block, size_at, long_bytes, body.size());
    put_octal(block, modified_at, long_bytes, 0);
    block[type_at] = 'x';
    put_text(block, magic_at, 6, "ustar");
    put_text(block, version_at, 2, "00");
    seal(block);
    std::string out(block.data(), block.size());
    out += body;
    out.append(padding_bytes(body.size()), '\0');
    return out;
}

// A number in its field, or zero there and the number in a record.
void put_number(Block& block, Records& records, std::size_t at, std::size_t room,
                std::uint64_t value, const char* key) {
    bool fits = value <= octal_max(room);
    put_octal(block, at, room, fits ? value : 0);
    if (!fits) records[key] = fmt::format("{}", value);
}

Status put_xattrs(const Entry& entry, Records& records) {
    for (const auto& [name, value] : entry.xattrs) {
        if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != name.npos)
            return bad("extended attribute with a bad name", entry.path);
        records["SCHILY.xattr." + name] = value;
    }
    return {};
}

}  // namespace

Result<std::string> header(const Entry& entry) {
    std::string path = entry.path;
    if (path.empty()) return bad("empty path", path);
    if (path.find('\0') != path.npos || entry.link.find('\0') != entry.link.npos)
        return bad("NUL in a name", path);
    if (entry.type == Type::folder) {
        if (!path.ends_with('/')) path += '/';
    } else if (path.ends_with('/')) {
        return bad("only a folder's path ends with a slash", path);
    }
    Block block{};
    Records records;
    if (!put_path(block, path)) {
        put_text(block, name_at, name_bytes, plain(path, name_bytes));
        records["path"] = path;
    }
    bool is_link = entry.type == Type::hard_link || entry.type == Type::symlink;
    if (is_link) {
        put_text(block, link_at, link_bytes, plain(entry.link, link_bytes));
        if (entry.link.size() > link_bytes || !is_ascii(entry.link))
            records["linkpath"] = entry.link;
    }
    put_octal(block, mode_at, id_bytes, entry.mode & 07777);
    put_number(block, records, uid_at, id_bytes, entry.uid, "uid");
    put_number(block, records, gid_at, id_bytes, entry.gid, "gid");
    put_number(block, records, size_at, long_bytes, entry.type == Type::file ? entry.size : 0,
               "size");
    bool whole = entry.modified.seconds >= 0 &&
                 static_cast<std::uint64_t>(entry.modified.seconds) <= octal_max(long_bytes);
    put_octal(block, modified_at, long_bytes,
              whole ? static_cast<std::uint64_t>(entry.modified.seconds) : 0);
    if (!whole || entry.modified.nanoseconds != 0) records["mtime"] = time_text(entry.modified);
    if (entry.type == Type::char_device || entry.type == Type::block_device) {
        if (entry.device_major > octal_max(id_bytes) || entry.device_minor > octal_max(id_bytes))
            return bad("device number out of range", path);
        put_octal(block, major_at, id_bytes, entry.device_major);
        put_octal(block, minor_at, id_bytes, entry.device_minor);
    }
    TRY_DO(put_xattrs(entry, records));
    block[type_at] = flag_of(entry.type);
    put_text(block, magic_at, 6, "ustar");
    put_text(block, version_at, 2, "00");
    seal(block);
    std::string out;
    if (!records.empty()) {
        TRY(out, extended_header(path, records));
    }
    return out.append(block.data(), block.size());
}

}  // namespace codec::tar
