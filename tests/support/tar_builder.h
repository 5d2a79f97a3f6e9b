// Tar archives made entry by entry, well-formed or not, for tests of what reads them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

namespace support {

struct TarEntry {
    std::string path;
    char type = '0';
    std::string content;
    std::string link;
    unsigned mode = 0644;
    unsigned uid = 0;
    unsigned gid = 0;
    long mtime = 1'500'000'000;
    unsigned major = 0;
    unsigned minor = 0;
};

class TarBuilder {
public:
    TarBuilder& add(const TarEntry& entry) {
        char block[512] = {};
        std::memcpy(block, entry.path.data(), entry.path.size() < 100 ? entry.path.size() : 100);
        std::snprintf(block + 100, 8, "%07o", entry.mode);
        std::snprintf(block + 108, 8, "%07o", entry.uid);
        std::snprintf(block + 116, 8, "%07o", entry.gid);
        std::snprintf(block + 124, 12, "%011zo", entry.content.size());
        std::snprintf(block + 136, 12, "%011lo", entry.mtime);
        block[156] = entry.type;
        std::memcpy(block + 157, entry.link.data(),
                    entry.link.size() < 100 ? entry.link.size() : 100);
        std::memcpy(block + 257, "ustar\00000", 8);
        std::snprintf(block + 329, 8, "%07o", entry.major);
        std::snprintf(block + 337, 8, "%07o", entry.minor);
        std::memset(block + 148, ' ', 8);
        unsigned sum = 0;
        for (char byte : block)
            sum += static_cast<unsigned char>(byte);
        std::snprintf(block + 148, 7, "%06o", sum);
        bytes_.append(block, sizeof block);
        bytes_ += entry.content;
        bytes_.append((512 - entry.content.size() % 512) % 512, '\0');
        return *this;
    }
    // A PAX header with one record for the entry that follows.
    TarBuilder& pax(std::string_view key, std::string_view value) {
        std::size_t size = key.size() + value.size() + 3;
        std::size_t total = size + 1;
        while (std::to_string(total).size() + size != total)
            ++total;
        std::string record =
            std::to_string(total) + " " + std::string(key) + "=" + std::string(value) + "\n";
        return add({.path = "pax", .type = 'x', .content = record});
    }
    TarBuilder& folder(std::string path, unsigned mode = 0755) {
        return add({.path = std::move(path), .type = '5', .mode = mode});
    }
    TarBuilder& file(std::string path, std::string content = "x") {
        return add({.path = std::move(path), .content = std::move(content)});
    }
    std::string done() const { return bytes_ + std::string(1024, '\0'); }

private:
    std::string bytes_;
};

}  // namespace support
