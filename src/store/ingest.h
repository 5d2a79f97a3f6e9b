// Compressed bytes of layers under way, ingest/<hex>.part, appended as they come, so that a broken
// pull goes on with a Range request where it stopped. They are a hint: after a power cut a part may
// hold garbage, which the layer's digest finds; then the pull begins again from zero.
#pragma once

#include "base/error.h"
#include "sys/fd.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace store {

class Part {
public:
    // How much is there already; the next byte to ask for.
    std::uint64_t size() const { return size_; }
    // The registry's ETag when the bytes came, for If-Range; empty if unknown.
    const std::string& validator() const { return validator_; }
    Status set_validator(std::string validator);

    // On a full disk the part is given up, not the layer: nothing is kept from then on.
    Status append(std::string_view bytes);
    // Hands what is there to `output` in slabs, e.g. to the unpacker when a pull is resumed.
    Status replay(const std::function<Status(std::string_view)>& output) const;
    // Bytes in the middle; an error when they are not all there.
    Result<std::string> read(std::uint64_t offset, std::size_t size) const;
    // Begin again from zero.
    Status reset();
    // From zero too, and nothing is kept from then on: there is no room for it.
    Status give_up();
    // The layer is in (or the bytes were wrong): removes the file.
    void drop();
    // Before the layer is flushed to the disk: a part that came just now is dropped rather than
    // flushed beside it, as it is sooner fetched again than it is worth a third more writes. What
    // came slowly stays, and so does what has been on the disk before.
    void drop_if_new();

private:
    friend class Ingest;
    Fd folder_, file_;
    std::string name_, validator_;
    std::uint64_t size_ = 0;
    bool given_up_ = false;
    std::int64_t begun_ns_ = 0;  // monotonic; 0: some of it was there before
};

class Ingest {
public:
    static Result<std::unique_ptr<Ingest>> open(const std::string& data_root);
    // Opens or creates the part of `digest`. One at a time per digest: conflict otherwise.
    Result<Part> part(std::string_view digest);
    // What is there of these.
    std::uint64_t bytes_of(const std::vector<std::string>& digests) const;
    // The part of `digest`, if there is one: room for others.
    void drop(std::string_view digest);
    // Removes parts not written to for `age_seconds`; 0: all.
    Status sweep(std::int64_t age_seconds);

private:
    explicit Ingest(Fd folder) : folder_(std::move(folder)) {}
    Fd folder_;
};

}  // namespace store
