// Archives of any bytes: cut in any way they are reported alike, every byte once, and nothing that
// is reported goes beyond the limits.
#include "codec/tar.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using codec::tar::Entry;

// Tells the archive as text, so that two runs can be compared.
class Told final : public codec::tar::Sink {
public:
    Status entry(const Entry& entry) override {
        if (open_) std::abort();
        open_ = true;
        next_ = 0;
        size_ = entry.size;
        if (entry.parts.size() > codec::tar::sparse_parts_max) std::abort();
        std::uint64_t end = 0;
        for (const codec::tar::Part& part : entry.parts) {
            if (part.offset < end || part.size > entry.size || part.offset > entry.size - part.size)
                std::abort();
            end = part.offset + part.size;
        }
        text += "entry " + entry.path + " " + entry.link + " " + std::to_string(entry.size) + "\n";
        if (auto path = codec::tar::clean_path(entry.path)) {
            std::string inside = "/" + *path + "/";
            if (inside.find("/../") != inside.npos || path->starts_with('/')) std::abort();
        }
        return {};
    }
    Status content(std::uint64_t offset, std::string_view bytes) override {
        if (!open_ || offset < next_ || bytes.size() > size_ || offset > size_ - bytes.size())
            std::abort();
        next_ = offset + bytes.size();
        text += bytes;
        seen += bytes.size();
        return {};
    }
    Status entry_end() override {
        if (!open_) std::abort();
        open_ = false;
        text += "end\n";
        return {};
    }
    Status raw(std::string_view bytes) override {
        seen += bytes.size();
        return {};
    }
    std::string text;
    std::uint64_t seen = 0;

private:
    bool open_ = false;
    std::uint64_t next_ = 0, size_ = 0;
};

std::string read(std::string_view archive, std::size_t step) {
    Told told;
    codec::tar::Reader reader(told);
    for (std::size_t at = 0; at < archive.size(); at += step)
        if (auto fed = reader.feed(archive.substr(at, step)); !fed)
            return told.text + "refused: " + fed.error().message();
    auto end = reader.finish();
    // What was fed was reported, once.
    if (end && told.seen != archive.size()) std::abort();
    return told.text + (end ? "" : "unfinished: " + end.error().message());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view archive(reinterpret_cast<const char*>(data), size);
    std::string whole = read(archive, archive.size() + 1);
    if (read(archive, 1) != whole || read(archive, 513) != whole) std::abort();
    return 0;
}
