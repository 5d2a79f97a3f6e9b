#include "codec/skeleton.h"

#include <algorithm>
#include <optional>

namespace codec::skeleton {

namespace {

Error bad(std::string_view what) {
    return Error(::Kind::invalid, "damaged skeleton: " + std::string(what));
}

// Seven bits a byte, lowest first, the top bit set on all but the last.
void append_number(std::string& out, std::uint64_t value) {
    while (value >= 0x80) {
        out += static_cast<char>(value | 0x80);
        value >>= 7;
    }
    out += static_cast<char>(value);
}

// nullopt: the bytes end before the number does. 2^63 and more are no number here.
Result<std::optional<std::uint64_t>> take_number(std::string_view& bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 9) return bad("number out of range");
        auto byte = static_cast<unsigned char>(bytes[i]);
        value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) != 0) continue;
        bytes.remove_prefix(i + 1);
        return std::optional<std::uint64_t>(value);
    }
    if (bytes.size() > 9) return bad("number out of range");
    return std::optional<std::uint64_t>();
}

Result<std::uint64_t> number_of(std::string_view& body) {
    TRY(std::optional<std::uint64_t> value, take_number(body));
    if (!value) return bad("record is cut off");
    return *value;
}

void append_record(std::string& out, Kind kind, std::string_view body) {
    out += static_cast<char>(kind);
    append_number(out, body.size());
    out += body;
}

constexpr std::size_t hash_bytes = 8;

Result<std::uint64_t> hash_of(std::string_view& body) {
    if (body.size() < hash_bytes) return bad("record is cut off");
    std::uint64_t hash = 0;
    for (std::size_t i = 0; i < hash_bytes; ++i)
        hash |= static_cast<std::uint64_t>(static_cast<unsigned char>(body[i])) << (8 * i);
    body.remove_prefix(hash_bytes);
    return hash;
}

Status take_parts(std::string_view body, Record& record) {
    std::uint64_t at = 0, total = 0;
    while (!body.empty()) {
        if (record.parts.size() >= tar::sparse_parts_max) return bad("sparse map is too large");
        TRY(std::uint64_t gap, number_of(body));
        TRY(std::uint64_t size, number_of(body));
        constexpr std::uint64_t offset_max = INT64_MAX;
        if (size == 0 || gap > offset_max - at || size > offset_max - at - gap)
            return bad("sparse map");
        record.parts.push_back({at + gap, size});
        at += gap + size;
        total += size;
    }
    if (total != record.stored) return bad("sparse map does not fit");
    return {};
}

Status take_file(std::string_view body, Record& record) {
    TRY(record.inode, number_of(body));
    TRY(record.stored, number_of(body));
    TRY(record.hash, hash_of(body));
    TRY(std::uint64_t path_bytes, number_of(body));
    if (path_bytes > body.size()) return bad("record is cut off");
    record.path = body.substr(0, path_bytes);
    body.remove_prefix(path_bytes);
    auto clean = tar::clean_path(record.path);
    if (!clean || clean->empty() || *clean != record.path) return bad("path");
    TRY(std::uint64_t sparse, number_of(body));
    if (sparse > 1) return bad("record");
    record.sparse = sparse == 1;
    if (!record.sparse && !body.empty()) return bad("record");
    return record.sparse ? take_parts(body, record) : Status();
}

}  // namespace

void append_begin(std::string& out) {
    std::string body;
    append_number(body, version);
    append_record(out, Kind::begin, body);
}

void append_raw(std::string& out, std::string_view bytes) {
    while (!bytes.empty()) {
        std::string_view piece = bytes.substr(0, raw_bytes_max);
        append_record(out, Kind::raw, piece);
        bytes.remove_prefix(piece.size());
    }
}

void append_file(std::string& out, const Record& record) {
    std::string body;
    append_number(body, record.inode);
    append_number(body, record.stored);
    for (std::size_t i = 0; i < hash_bytes; ++i)
        body += static_cast<char>(record.hash >> (8 * i));
    append_number(body, record.path.size());
    body += record.path;
    append_number(body, record.sparse ? 1 : 0);
    std::uint64_t at = 0;
    for (const tar::Part& part : record.parts) {
        append_number(body, part.offset - at);
        append_number(body, part.size);
        at = part.offset + part.size;
    }
    append_record(out, Kind::file, body);
}

void append_end(std::string& out, std::uint64_t tar_bytes) {
    std::string body;
    append_number(body, tar_bytes);
    append_record(out, Kind::end, body);
}

Result<bool> next(std::string_view& bytes, Record& record) {
    std::string_view rest = bytes;
    if (rest.empty()) return false;
    auto kind = static_cast<unsigned char>(rest[0]);
    if (kind < 1 || kind > 4) return bad("unknown record");
    rest.remove_prefix(1);
    TRY(std::optional<std::uint64_t> size, take_number(rest));
    if (!size) return false;
    if (*size > record_bytes_max) return bad("record is too large");
    if (rest.size() < *size) return false;
    std::string_view body = rest.substr(0, *size);
    rest.remove_prefix(*size);
    record = Record();
    record.kind = static_cast<Kind>(kind);
    switch (record.kind) {
    case Kind::raw:
        if (body.empty() || body.size() > raw_bytes_max) return bad("record");
        record.raw = body;
        break;
    case Kind::file:
        TRY_DO(take_file(body, record));
        break;
    case Kind::begin:
    case Kind::end: {
        TRY(record.number, number_of(body));
        if (!body.empty()) return bad("record");
        break;
    }
    }
    bytes = rest;
    return true;
}

}  // namespace codec::skeleton
