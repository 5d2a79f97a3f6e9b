// Entries made of any bytes: what the writer accepts, the reader gives back unchanged.
#include "codec/tar_write.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

using codec::tar::Entry;
using codec::tar::Type;

class Kept final : public codec::tar::Sink {
public:
    Status entry(const Entry& entry) override {
        last = entry;
        ++entries;
        return {};
    }
    Status content(std::uint64_t, std::string_view) override { return {}; }
    Status entry_end() override { return {}; }
    Status raw(std::string_view) override { return {}; }
    Entry last;
    int entries = 0;
};

class Input {
public:
    explicit Input(std::string_view bytes) : bytes_(bytes) {}
    std::uint64_t number(std::size_t size) {
        std::uint64_t value = 0;
        size = std::min(size, bytes_.size());
        std::memcpy(&value, bytes_.data(), size);
        bytes_.remove_prefix(size);
        return value;
    }
    std::string text() {
        std::size_t size = std::min<std::size_t>(number(2) % 1024, bytes_.size());
        std::string out(bytes_.substr(0, size));
        bytes_.remove_prefix(size);
        return out;
    }

private:
    std::string_view bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(std::string_view(reinterpret_cast<const char*>(data), size));
    Entry entry;
    entry.type = static_cast<Type>(input.number(1) % 7);
    entry.mode = static_cast<std::uint32_t>(input.number(2)) & 07777;
    entry.uid = static_cast<std::uint32_t>(input.number(4));
    entry.gid = static_cast<std::uint32_t>(input.number(4));
    entry.modified.seconds = static_cast<std::int64_t>(input.number(8));
    entry.modified.nanoseconds = static_cast<std::uint32_t>(input.number(4)) % 1'000'000'000;
    entry.device_major = static_cast<std::uint32_t>(input.number(3));
    entry.device_minor = static_cast<std::uint32_t>(input.number(3));
    if (entry.type == Type::file) entry.size = input.number(1);
    entry.path = input.text();
    bool link = entry.type == Type::hard_link || entry.type == Type::symlink;
    if (link) entry.link = input.text();
    for (std::uint64_t left = input.number(1) % 4; left != 0; --left)
        entry.xattrs.emplace_back(input.text().substr(0, 255), input.text());
    // One name, one value; and what chown(2) cannot take, no reader takes.
    std::ranges::sort(entry.xattrs);
    auto same = std::ranges::unique(entry.xattrs, {}, &std::pair<std::string, std::string>::first);
    entry.xattrs.erase(same.begin(), same.end());
    if (entry.uid == UINT32_MAX || entry.gid == UINT32_MAX) return 0;
    constexpr std::int64_t time_max = INT64_MAX / 2;
    if (entry.modified.seconds > time_max || entry.modified.seconds < -time_max) return 0;

    Result<std::string> head = codec::tar::header(entry);
    if (!head) return 0;
    std::string archive = *head + std::string(entry.size, 'x') +
                          std::string(codec::tar::padding_bytes(entry.size), '\0') +
                          std::string(codec::tar::end_bytes, '\0');
    Kept kept;
    codec::tar::Reader reader(kept);
    if (!reader.feed(archive) || !reader.finish() || !reader.ended() || kept.entries != 1)
        std::abort();
    const Entry& back = kept.last;
    std::string path = entry.path;
    if (entry.type == Type::folder && !path.ends_with('/')) path += '/';
    if (back.type != entry.type || back.path != path || back.link != entry.link ||
        back.size != entry.size || back.mode != entry.mode || back.uid != entry.uid ||
        back.gid != entry.gid || back.modified.seconds != entry.modified.seconds ||
        back.modified.nanoseconds != entry.modified.nanoseconds || back.xattrs != entry.xattrs)
        std::abort();
    bool device = entry.type == Type::char_device || entry.type == Type::block_device;
    if (device &&
        (back.device_major != entry.device_major || back.device_minor != entry.device_minor))
        std::abort();
    return 0;
}
