#include "codec/tar.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fmt/core.h>
#include <optional>

namespace codec::tar {

namespace {

constexpr std::uint64_t size_max = INT64_MAX;
constexpr std::uint64_t id_max = 0xfffffffe;  // the last one means "leave alone" to chown(2)

Error bad(std::string_view what) {
    return Error(Kind::invalid, fmt::format("invalid tar: {}", what));
}

std::string_view field(std::string_view block, std::size_t at, std::size_t size) {
    return block.substr(at, size);
}

// A text field ends at its first NUL.
std::string_view text_of(std::string_view block, std::size_t at, std::size_t size) {
    std::string_view text = field(block, at, size);
    return text.substr(0, text.find('\0'));
}

// Two's complement, big endian, the first byte's top bit set: GNU's form for what octal cannot
// hold.
Result<std::int64_t> base256(std::string_view bytes) {
    bool negative = (bytes[0] & 0x40) != 0;
    unsigned char flip = negative ? 0xff : 0x00;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        unsigned char byte =
            static_cast<unsigned char>(static_cast<unsigned char>(bytes[i]) ^ flip);
        if (i == 0) byte &= 0x7f;
        if ((value >> 56) != 0) return bad("number out of range");
        value = value << 8 | byte;
    }
    if (value > size_max) return bad("number out of range");
    return negative ? static_cast<std::int64_t>(~value) : static_cast<std::int64_t>(value);
}

Result<std::int64_t> number(std::string_view bytes) {
    if ((bytes[0] & 0x80) != 0) return base256(bytes);
    auto blank = [](char c) { return c == ' ' || c == '\0'; };
    while (!bytes.empty() && blank(bytes.front()))
        bytes.remove_prefix(1);
    bytes = bytes.substr(0, bytes.find('\0'));
    while (!bytes.empty() && blank(bytes.back()))
        bytes.remove_suffix(1);
    std::uint64_t value = 0;
    for (char digit : bytes) {
        if (digit < '0' || digit > '7') return bad("number is not octal");
        if (value >> 60 != 0) return bad("number out of range");
        value = value << 3 | static_cast<std::uint64_t>(digit - '0');
    }
    return static_cast<std::int64_t>(value);
}

Result<std::uint64_t> size_field(std::string_view bytes) {
    TRY(std::int64_t value, number(bytes));
    if (value < 0) return bad("negative size");
    return static_cast<std::uint64_t>(value);
}

Result<std::uint32_t> id_field(std::string_view bytes) {
    TRY(std::int64_t value, number(bytes));
    if (value < 0 || static_cast<std::uint64_t>(value) > id_max)
        return bad("owner id out of range");
    return static_cast<std::uint32_t>(value);
}

Result<std::uint64_t> decimal(std::string_view text, std::uint64_t max, std::string_view what) {
    std::uint64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || value > max)
        return bad(fmt::format("bad {} in extended header", what));
    return value;
}

// "[-]seconds[.fraction]", rounded down to nanoseconds.
Result<Moment> pax_time(std::string_view text) {
    bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    std::size_t dot = text.find('.');
    TRY(std::uint64_t seconds, decimal(text.substr(0, dot), size_max / 2, "time"));
    std::uint32_t nanoseconds = 0;
    bool more = false;
    if (dot != std::string_view::npos) {
        std::uint32_t unit = 100'000'000;
        for (char digit : text.substr(dot + 1)) {
            if (digit < '0' || digit > '9') return bad("bad time in extended header");
            nanoseconds += unit * static_cast<std::uint32_t>(digit - '0');
            more = more || (unit == 0 && digit != '0');
            unit /= 10;
        }
    }
    Moment moment{static_cast<std::int64_t>(seconds), nanoseconds};
    if (!negative) return moment;
    if (more) ++nanoseconds;
    moment.seconds = -moment.seconds;
    if (nanoseconds != 0) {
        --moment.seconds;
        moment.nanoseconds = 1'000'000'000 - nanoseconds;
    }
    return moment;
}

// The sum of the header's bytes with its own field as blanks; old writers summed signed chars.
bool checksum_fits(std::string_view block) {
    Result<std::int64_t> wanted = number(field(block, 148, 8));
    if (!wanted) return false;
    std::int64_t plain = 0, with_sign = 0;
    for (std::size_t i = 0; i < block_bytes; ++i) {
        char byte = i >= 148 && i < 156 ? ' ' : block[i];
        plain += static_cast<unsigned char>(byte);
        with_sign += static_cast<signed char>(byte);
    }
    return *wanted == plain || *wanted == with_sign;
}

std::optional<Type> type_of(char flag) {
    switch (flag) {
    case '\0':
    case '0':
    case '7':
    case 'S':
        return Type::file;
    case '1':
        return Type::hard_link;
    case '2':
        return Type::symlink;
    case '3':
        return Type::char_device;
    case '4':
        return Type::block_device;
    case '5':
        return Type::folder;
    case '6':
        return Type::fifo;
    default:
        return std::nullopt;
    }
}

std::uint64_t padding_of(std::uint64_t size) {
    return (block_bytes - size % block_bytes) % block_bytes;
}

}  // namespace

Status Reader::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        switch (state_) {
        case State::content:
            TRY_DO(feed_content(bytes));
            break;
        case State::extension:
            TRY_DO(feed_extension(bytes));
            break;
        case State::after_end:
            return sink_->raw(bytes);
        case State::padding: {
            std::string_view piece =
                bytes.substr(0, std::min<std::uint64_t>(padding_, bytes.size()));
            TRY_DO(sink_->raw(piece));
            bytes.remove_prefix(piece.size());
            padding_ -= piece.size();
            if (padding_ == 0) state_ = State::header;
            break;
        }
        case State::header:
        case State::sparse_old:
        case State::sparse_map: {
            std::string_view block;
            if (block_filled_ == 0 && bytes.size() >= block_bytes) {
                block = bytes.substr(0, block_bytes);
                bytes.remove_prefix(block_bytes);
            } else {
                std::size_t piece = std::min(block_bytes - block_filled_, bytes.size());
                std::memcpy(block_ + block_filled_, bytes.data(), piece);
                block_filled_ += piece;
                bytes.remove_prefix(piece);
                if (block_filled_ < block_bytes) return {};
                block = {block_, block_bytes};
                block_filled_ = 0;
            }
            TRY_DO(sink_->raw(block));
            TRY_DO(take_block(block));
            break;
        }
        }
    }
    return {};
}

Status Reader::finish() {
    if (state_ == State::after_end) return {};
    if (state_ == State::header && block_filled_ == 0 && !pending_.any) return {};
    // Some writers (umoci) leave out the last file's padding; Go's reader does not miss it.
    if (state_ == State::padding && !pending_.any) return {};
    return bad("unexpected end");
}

Status Reader::take_block(std::string_view block) {
    if (state_ == State::sparse_map) return take_sparse_map(block);
    if (state_ == State::sparse_old) {
        TRY_DO(take_old_sparse(block, 0, 21));
        if (block[504] != 0) return {};
        return begin_content();
    }
    if (block.find_first_not_of('\0') == std::string_view::npos) {
        if (pending_.any) return bad("extended header without its file");
        if (zero_block_seen_) state_ = State::after_end;
        zero_block_seen_ = true;
        return {};
    }
    if (zero_block_seen_) return bad("data after a zero block");
    return take_header(block);
}

Status Reader::take_header(std::string_view block) {
    if (!checksum_fits(block)) return bad("header checksum does not match");
    bool gnu = block.substr(257, 8) == std::string_view("ustar  \0", 8);
    bool ustar = block.substr(257, 6) == std::string_view("ustar\0", 6);
    bool star = ustar && block.substr(508, 4) == std::string_view("tar\0", 4);
    char flag = block[156];
    TRY(std::uint64_t stored, size_field(field(block, 124, 12)));
    if (flag == 'x' || flag == 'g' || flag == 'L' || flag == 'K') return take_special(flag, stored);

    std::optional<Type> type = type_of(flag);
    if (!type)
        return Error(Kind::invalid,
                     fmt::format("unhandled tar header type {}", static_cast<unsigned char>(flag)));
    entry_ = Entry();
    entry_.type = *type;
    entry_.path = text_of(block, 0, 100);
    entry_.link = text_of(block, 157, 100);
    if (ustar) {
        std::string_view prefix = text_of(block, 345, star ? 131 : 155);
        if (!prefix.empty()) entry_.path = fmt::format("{}/{}", prefix, entry_.path);
    }
    TRY(std::int64_t mode, number(field(block, 100, 8)));
    entry_.mode = static_cast<std::uint32_t>(mode) & 07777;
    if (!pending_.has_uid) {
        TRY(entry_.uid, id_field(field(block, 108, 8)));
    }
    if (!pending_.has_gid) {
        TRY(entry_.gid, id_field(field(block, 116, 8)));
    }
    if (!pending_.has_modified) {
        TRY(entry_.modified.seconds, number(field(block, 136, 12)));
    }
    if (*type == Type::char_device || *type == Type::block_device) {
        TRY(entry_.device_major, id_field(field(block, 329, 8)));
        TRY(entry_.device_minor, id_field(field(block, 337, 8)));
    }
    TRY_DO(apply_pending(stored));
    // Before ustar had a type for them, folders were files whose name ends in a slash.
    if (entry_.type == Type::file && flag != 'S' && entry_.path.ends_with('/'))
        entry_.type = Type::folder;
    // As everywhere: only files have content, whatever the size field of the others says.
    if (entry_.type != Type::file) stored = 0;
    left_ = stored;
    padding_ = padding_of(stored);
    entry_.size = stored;
    if (entry_.type == Type::file && flag == 'S') {
        if (!gnu) return bad("sparse file in a header that is not GNU's");
        entry_.sparse = true;
        TRY(entry_.size, size_field(field(block, 483, 12)));
        pending_.sparse_numbers.clear();
        TRY_DO(take_old_sparse(block, 386, 4));
        if (block[482] != 0) {
            state_ = State::sparse_old;
            return {};
        }
        return begin_content();
    }
    bool has_map = !pending_.sparse_numbers.empty();
    bool version_1 = pending_.sparse_major == 1 && pending_.sparse_minor == 0;
    if (entry_.type == Type::file && (has_map || version_1 || pending_.sparse_major == 0)) {
        entry_.sparse = true;
        if (pending_.has_sparse_size) entry_.size = pending_.sparse_size;
        if (version_1) {
            pending_.sparse_numbers.clear();
            map_ = MapReader();
            state_ = State::sparse_map;
            return {};
        }
    }
    return begin_content();
}

Status Reader::take_special(char type, std::uint64_t size) {
    if (size > extension_bytes_max) return bad("extended header is too large");
    extension_kind_ = type == 'x'   ? Extension::pax
                      : type == 'g' ? Extension::pax_global
                      : type == 'L' ? Extension::gnu_name
                                    : Extension::gnu_link;
    if (type != 'g') pending_.any = true;
    extension_.clear();
    left_ = size;
    padding_ = padding_of(size);
    if (size == 0) return end_extension();
    state_ = State::extension;
    return {};
}

Status Reader::feed_extension(std::string_view& bytes) {
    std::string_view piece = bytes.substr(0, std::min<std::uint64_t>(left_, bytes.size()));
    TRY_DO(sink_->raw(piece));
    extension_.append(piece);
    bytes.remove_prefix(piece.size());
    left_ -= piece.size();
    if (left_ == 0) return end_extension();
    return {};
}

Status Reader::end_extension() {
    state_ = padding_ != 0 ? State::padding : State::header;
    std::string text;
    text.swap(extension_);  // gives its memory back when this returns
    switch (extension_kind_) {
    case Extension::pax_global:
        return {};  // as Docker: read over
    case Extension::pax:
        return take_pax(text);
    case Extension::gnu_name:
        pending_.path = text.substr(0, text.find('\0'));
        pending_.has_path = true;
        return {};
    case Extension::gnu_link:
        pending_.link = text.substr(0, text.find('\0'));
        pending_.has_link = true;
        return {};
    }
    return {};
}

// Records are "length key=value\n", the length counting itself.
Status Reader::take_pax(std::string_view records) {
    while (!records.empty()) {
        std::size_t space = records.find(' ');
        if (space == std::string_view::npos || space > 7) return bad("malformed extended header");
        TRY(std::uint64_t length, decimal(records.substr(0, space), extension_bytes_max, "length"));
        if (length < space + 3 || length > records.size() || records[length - 1] != '\n')
            return bad("malformed extended header");
        std::string_view record = records.substr(space + 1, length - space - 2);
        std::size_t equals = record.find('=');
        if (equals == std::string_view::npos || equals == 0)
            return bad("malformed extended header");
        TRY_DO(take_pax_record(record.substr(0, equals), record.substr(equals + 1)));
        records.remove_prefix(length);
    }
    return {};
}

Status Reader::take_pax_record(std::string_view key, std::string_view value) {
    constexpr std::string_view xattr_prefix = "SCHILY.xattr.";
    bool nul = value.find('\0') != std::string_view::npos;
    if (key.find('\0') != std::string_view::npos) return bad("NUL in extended header");
    if (key.starts_with(xattr_prefix)) {
        std::string_view name = key.substr(xattr_prefix.size());
        if (name.empty() || name.size() > 255) return bad("bad xattr name in extended header");
        pending_.xattrs.emplace_back(name, value);
        return {};
    }
    if (key.starts_with("GNU.sparse.")) return take_pax_sparse(key.substr(11), value);
    if (value.empty()) return {};  // "as if it were not there"
    if (key == "path" || key == "linkpath") {
        if (nul) return bad("NUL in extended header");
        (key == "path" ? pending_.path : pending_.link) = value;
        (key == "path" ? pending_.has_path : pending_.has_link) = true;
    } else if (key == "size") {
        TRY(pending_.size, decimal(value, size_max, "size"));
        pending_.has_size = true;
    } else if (key == "uid") {
        TRY(std::uint64_t id, decimal(value, id_max, "uid"));
        pending_.uid = static_cast<std::uint32_t>(id);
        pending_.has_uid = true;
    } else if (key == "gid") {
        TRY(std::uint64_t id, decimal(value, id_max, "gid"));
        pending_.gid = static_cast<std::uint32_t>(id);
        pending_.has_gid = true;
    } else if (key == "mtime") {
        TRY(pending_.modified, pax_time(value));
        pending_.has_modified = true;
    }
    return {};
}

Status Reader::take_pax_sparse(std::string_view key, std::string_view value) {
    std::vector<std::uint64_t>& numbers = pending_.sparse_numbers;
    if (key == "major" || key == "minor") {
        TRY(std::uint64_t version, decimal(value, 99, "sparse version"));
        (key == "major" ? pending_.sparse_major : pending_.sparse_minor) =
            static_cast<int>(version);
    } else if (key == "size" || key == "realsize") {
        TRY(pending_.sparse_size, decimal(value, size_max, "sparse size"));
        pending_.has_sparse_size = true;
    } else if (key == "name") {
        if (value.find('\0') != std::string_view::npos) return bad("NUL in extended header");
        pending_.sparse_name = value;
        pending_.has_sparse_name = true;
    } else if (key == "offset" || key == "numbytes") {  // version 0.0: one record a number
        TRY(std::uint64_t one, decimal(value, size_max, "sparse map"));
        if ((key == "offset") != (numbers.size() % 2 == 0)) return bad("malformed sparse map");
        if (numbers.size() >= 2 * sparse_parts_max) return bad("sparse map is too large");
        numbers.push_back(one);
    } else if (key == "map") {  // version 0.1: all in one
        numbers.clear();
        while (!value.empty()) {
            std::size_t comma = value.find(',');
            TRY(std::uint64_t one, decimal(value.substr(0, comma), size_max, "sparse map"));
            if (numbers.size() >= 2 * sparse_parts_max) return bad("sparse map is too large");
            numbers.push_back(one);
            value = comma == std::string_view::npos ? std::string_view() : value.substr(comma + 1);
        }
    }
    return {};
}

Status Reader::apply_pending(std::uint64_t& stored_bytes) {
    if (pending_.has_path) entry_.path = std::move(pending_.path);
    if (pending_.has_sparse_name) entry_.path = std::move(pending_.sparse_name);
    if (pending_.has_link) entry_.link = std::move(pending_.link);
    if (pending_.has_size) stored_bytes = pending_.size;
    if (pending_.has_uid) entry_.uid = pending_.uid;
    if (pending_.has_gid) entry_.gid = pending_.gid;
    if (pending_.has_modified) entry_.modified = pending_.modified;
    entry_.xattrs = std::move(pending_.xattrs);
    return {};
}

// `count` pairs of 12-byte numbers at `at`; the first empty one ends them.
Status Reader::take_old_sparse(std::string_view block, std::size_t at, int count) {
    for (int i = 0; i < count; ++i, at += 24) {
        if (block[at] == '\0') break;
        if (pending_.sparse_numbers.size() >= 2 * sparse_parts_max)
            return bad("sparse map is too large");
        TRY(std::uint64_t offset, size_field(field(block, at, 12)));
        TRY(std::uint64_t size, size_field(field(block, at + 12, 12)));
        pending_.sparse_numbers.push_back(offset);
        pending_.sparse_numbers.push_back(size);
    }
    return {};
}

// Version 1.0: decimal numbers, each ended by a newline: a count of pairs, then the pairs; the rest
// of the last block is padding. The map's blocks count as stored bytes.
Status Reader::take_sparse_map(std::string_view block) {
    if (left_ < block_bytes) return bad("malformed sparse map");
    left_ -= block_bytes;
    for (char c : block) {
        if (c >= '0' && c <= '9') {
            if (map_.value > (size_max - 9) / 10) return bad("number out of range");
            map_.value = map_.value * 10 + static_cast<std::uint64_t>(c - '0');
            map_.digits = true;
            continue;
        }
        if (c != '\n' || !map_.digits) return bad("malformed sparse map");
        std::uint64_t value = std::exchange(map_.value, 0);
        map_.digits = false;
        if (!map_.has_count) {
            if (value > sparse_parts_max) return bad("sparse map is too large");
            map_.has_count = true;
            map_.wanted = 2 * value;
        } else {
            pending_.sparse_numbers.push_back(value);
            --map_.wanted;
        }
        if (map_.wanted == 0) return begin_content();
    }
    return {};
}

Status Reader::make_parts() {
    const std::vector<std::uint64_t>& numbers = pending_.sparse_numbers;
    if (numbers.size() % 2 != 0) return bad("malformed sparse map");
    std::uint64_t end = 0, total = 0;
    for (std::size_t i = 0; i < numbers.size(); i += 2) {
        std::uint64_t offset = numbers[i], size = numbers[i + 1];
        if (offset < end || size > entry_.size || offset > entry_.size - size)
            return bad("sparse map does not fit the file");
        end = offset + size;
        total += size;
        if (size != 0) entry_.parts.push_back({offset, size});
    }
    if (total != left_) return bad("sparse map does not fit the stored bytes");
    return {};
}

Status Reader::begin_content() {
    if (entry_.sparse) TRY_DO(make_parts());
    pending_ = Pending();
    entry_.stored_bytes = left_;
    part_ = 0;
    part_done_ = offset_ = 0;
    state_ = State::content;
    TRY_DO(sink_->entry(entry_));
    return left_ == 0 ? end_content() : Status();
}

Status Reader::feed_content(std::string_view& bytes) {
    std::uint64_t piece_bytes = std::min<std::uint64_t>(left_, bytes.size());
    std::uint64_t offset = offset_;
    if (entry_.sparse) {
        const Part& part = entry_.parts[part_];
        piece_bytes = std::min(piece_bytes, part.size - part_done_);
        offset = part.offset + part_done_;
        part_done_ += piece_bytes;
        if (part_done_ == part.size) {
            ++part_;
            part_done_ = 0;
        }
    }
    TRY_DO(sink_->content(offset, bytes.substr(0, piece_bytes)));
    bytes.remove_prefix(piece_bytes);
    offset_ += piece_bytes;
    left_ -= piece_bytes;
    return left_ == 0 ? end_content() : Status();
}

Status Reader::end_content() {
    state_ = padding_ != 0 ? State::padding : State::header;
    return sink_->entry_end();
}

Result<std::string> clean_path(std::string_view path) {
    std::string clean;
    clean.reserve(path.size());
    if (path.find('\0') != std::string_view::npos) return bad("NUL in a name");
    while (!path.empty()) {
        std::size_t slash = path.find('/');
        std::string_view name = path.substr(0, slash);
        path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
        if (name.empty() || name == ".") continue;
        if (name == "..") {
            if (clean.empty())
                return Error(Kind::invalid, "invalid tar: a name leaves the layer by \"..\"");
            std::size_t cut = clean.rfind('/');
            clean.resize(cut == std::string::npos ? 0 : cut);
            continue;
        }
        if (name.size() > component_bytes_max) return bad("file name too long");
        if (!clean.empty()) clean += '/';
        clean += name;
    }
    if (clean.size() > path_bytes_max) return bad("path too long");
    return clean;
}

}  // namespace codec::tar
