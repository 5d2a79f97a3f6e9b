// Writes the flat specification of run/protocol.h.
#pragma once

#include "run/protocol.h"

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace run {

class Encoder {
public:
    Encoder() : bytes_(sizeof(protocol::Spec), '\0') {}

    protocol::Text text(std::string_view text) {
        if (text.empty()) return {};
        protocol::Text placed{at(), static_cast<std::uint32_t>(text.size())};
        bytes_.append(text).push_back('\0');
        return placed;
    }
    template <class T> protocol::List<T> list(const std::vector<T>& items) {
        if (items.empty()) return {};
        align();
        protocol::List<T> placed{at(), static_cast<std::uint32_t>(items.size())};
        bytes_.append(reinterpret_cast<const char*>(items.data()), items.size() * sizeof(T));
        return placed;
    }
    protocol::List<protocol::Text> texts(const std::vector<std::string>& all) {
        std::vector<protocol::Text> placed;
        placed.reserve(all.size());
        for (const std::string& one : all)
            placed.push_back(text(one));
        return list(placed);
    }
    // An array that is bytes already.
    template <class T> protocol::List<T> list_of_bytes(std::string_view items) {
        if (items.empty()) return {};
        align();
        protocol::List<T> placed{at(), static_cast<std::uint32_t>(items.size() / sizeof(T))};
        bytes_.append(items);
        return placed;
    }
    std::size_t size() const { return bytes_.size(); }
    std::string finish(protocol::Spec spec) {
        align();
        spec.bytes = at();
        std::memcpy(bytes_.data(), &spec, sizeof spec);
        return std::move(bytes_);
    }

private:
    std::uint32_t at() const { return static_cast<std::uint32_t>(bytes_.size()); }
    void align() { bytes_.resize((bytes_.size() + 7) / 8 * 8); }
    std::string bytes_;
};

}  // namespace run
