// Streams that misbehave, to wrap around a good one: every filter must survive all of them
// (STYLE.md section 9).
#pragma once

#include "loop/stream.h"
#include "loop/timer.h"

#include <memory>
#include <utility>

namespace support {

enum class Hostility {
    none,
    one_byte,     // reads and writes arrive one byte at a time
    pauses,       // every read waits a turn of the loop first
    fails_early,  // reads fail after the first byte
    ends_early,   // the end comes after the first byte
    write_fails,  // the first write fails
};

inline constexpr Hostility harmless_hostilities[] = {Hostility::none, Hostility::one_byte,
                                                     Hostility::pauses};
inline constexpr Hostility fatal_hostilities[] = {Hostility::fails_early, Hostility::ends_early,
                                                  Hostility::write_fails};

class HostileStream final : public Stream {
public:
    HostileStream(Loop& loop, std::unique_ptr<Stream> inner, Hostility how)
        : loop_(loop), inner_(std::move(inner)), how_(how) {}

    Task<Result<Slice>> read() override {
        if (how_ == Hostility::fails_early && given_ > 0)
            co_return Error(Kind::internal, "hostile read failure");
        if (how_ == Hostility::ends_early && given_ > 0) co_return Slice();
        if (how_ == Hostility::pauses) co_await loop_.yield();
        if (rest_.empty()) {
            CO_TRY(rest_, co_await inner_->read());
        }
        bool single = how_ == Hostility::one_byte || how_ == Hostility::fails_early ||
                      how_ == Hostility::ends_early;
        Slice part = single ? rest_.cut(0, 1) : rest_;
        rest_ = rest_.cut(part.size());
        given_ += part.size();
        co_return part;
    }
    Task<Status> write(Slice bytes) override {
        if (how_ == Hostility::write_fails) co_return base::errno_error(EPIPE, "write");
        if (how_ == Hostility::one_byte) {
            for (std::size_t i = 0; i < bytes.size(); ++i)
                CO_TRY_DO(co_await inner_->write(bytes.cut(i, 1)));
            co_return Status();
        }
        if (how_ == Hostility::pauses) co_await loop_.yield();
        co_return co_await inner_->write(std::move(bytes));
    }
    Task<Status> shutdown() override { return inner_->shutdown(); }
    Task<Status> hung_up() override { return inner_->hung_up(); }
    void close() override { inner_->close(); }
    int fd() const override { return inner_->fd(); }

private:
    Loop& loop_;
    std::unique_ptr<Stream> inner_;
    Hostility how_;
    Slice rest_;
    std::size_t given_ = 0;
};

}  // namespace support
