// Bytes that blocking calls make on a worker (a layer's tar, an export), read on the loop: the
// opposite direction of WorkerQueue. A bounded number of slabs is made ahead of who reads.
#pragma once

#include "loop/channel.h"
#include "loop/scope.h"
#include "loop/workers.h"

#include <utility>
#include <vector>

namespace loop {

// `T` has `Result<std::size_t> read(char* out, std::size_t capacity)`; 0 is the end.
template <class T> class WorkerSource {
public:
    // Begins to read at once, in `scope`, which is joined or closed before this is dropped.
    WorkerSource(Workers& workers, Scope& scope, T source)
        : workers_(workers), source_(std::move(source)),
          queue_(workers.loop(), ahead_chunks_max, Policy::wait) {
        scope.spawn(produce());
    }
    WorkerSource(const WorkerSource&) = delete;
    WorkerSource& operator=(const WorkerSource&) = delete;

    // Some bytes; an empty slice is the end.
    Task<Result<Slice>> read() {
        auto chunk = co_await queue_.pop();
        if (chunk) co_return std::move(*chunk).into_slice();
        if (chunk.error().kind() != Kind::missing) co_return chunk.error();
        if (!status_) co_return status_.error();
        co_return Slice();
    }
    // Only while nothing is being read: after the end or an error.
    T& source() { return source_; }

private:
    static constexpr std::size_t ahead_chunks_max = 8;
    static constexpr std::size_t job_chunks_max = 4;  // a trip between the threads pays for these

    struct Made {
        std::vector<Chunk> chunks;
        bool ended = false;
    };
    static Result<Made> make(const Stopping& stopping, T* source) {
        Made made;
        while (made.chunks.size() < job_chunks_max) {
            if (stopping.requested()) return cancelled_error();
            Slab* slab = Slab::make();
            auto got = source->read(slab->data(), slab->capacity());
            Slice slice(slab, 0, got ? *got : 0);
            if (!got) return got.error();
            if (*got == 0) {
                made.ended = true;
                break;
            }
            made.chunks.emplace_back(std::move(slice));
        }
        return made;
    }
    Task<void> produce() {
        for (bool ended = false; !ended && status_;) {
            Result<Made> made = co_await workers_.run(Lane::heavy, &WorkerSource::make, &source_);
            if (!made) {
                status_ = made.error();
                break;
            }
            ended = made->ended;
            for (Chunk& chunk : made->chunks) {
                Task<Status> pushing = queue_.push(std::move(chunk));
                status_ = co_await std::move(pushing);
                if (!status_) break;
            }
        }
        queue_.close();
    }

    Workers& workers_;
    T source_;
    Channel<Chunk> queue_;
    Status status_;
};

}  // namespace loop

using loop::WorkerSource;
