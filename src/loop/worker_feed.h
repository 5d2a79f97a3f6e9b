// Bytes from the loop (a request's body) for blocking calls on a worker (an archive that is
// unpacked): the opposite of WorkerSource. A bounded number of chunks is read ahead.
#pragma once

#include "loop/channel.h"
#include "loop/scope.h"
#include "loop/workers.h"

#include <functional>
#include <utility>
#include <vector>

namespace loop {

// The next bytes; an empty slice is the end.
using ByteSource = std::function<Task<Result<Slice>>()>;

// `T` has `Status feed(std::string_view bytes)`.
template <class T> class WorkerFeed {
public:
    // `taker` outlives it.
    WorkerFeed(Workers& workers, T& taker)
        : workers_(workers), taker_(taker), queue_(workers.loop(), ahead_chunks_max, Policy::wait) {
    }
    WorkerFeed(const WorkerFeed&) = delete;
    WorkerFeed& operator=(const WorkerFeed&) = delete;

    // Until the source ends, or it or the taker fails: what the taker said comes first.
    Task<Status> run(ByteSource source) {
        Scope scope(workers_.loop(), co_await this_stop());
        scope.spawn(take());
        Status got = co_await give(std::move(source));
        queue_.close();
        co_await scope.join();
        co_return status_ ? got : status_;
    }

private:
    static constexpr std::size_t ahead_chunks_max = 32;
    static constexpr std::size_t job_chunks_max = 16;

    struct Batch {
        std::vector<Chunk> chunks;  // back to the loop: slabs are used again by its thread
        Status status;
    };
    static Result<Batch> feed(const Stopping& stopping, T* taker, std::vector<Chunk> chunks) {
        Batch batch{std::move(chunks), {}};
        for (const Chunk& chunk : batch.chunks) {
            if (stopping.requested()) return cancelled_error();
            batch.status = taker->feed(chunk.view());
            if (!batch.status) break;
        }
        return batch;
    }
    Task<Status> give(ByteSource source) {
        for (;;) {
            auto piece = co_await source();
            if (!piece) co_return std::move(piece).error();
            if (piece->empty()) co_return Status();
            Chunk chunk(std::move(*piece));
            Task<Status> pushing = queue_.push(std::move(chunk));
            CO_TRY_DO(co_await std::move(pushing));
        }
    }
    Task<void> take() {
        for (;;) {
            auto first = co_await queue_.pop();
            if (!first && first.error().kind() == Kind::missing) co_return;
            if (!first) co_return fail(first.error());
            std::vector<Chunk> chunks;
            chunks.push_back(std::move(*first));
            while (!queue_.empty() && chunks.size() < job_chunks_max) {
                auto more = co_await queue_.pop();
                if (!more) break;
                chunks.push_back(std::move(*more));
            }
            Result<Batch> fed =
                co_await workers_.run(Lane::heavy, &WorkerFeed::feed, &taker_, std::move(chunks));
            if (!fed) co_return fail(fed.error());
            if (!fed->status) co_return fail(fed->status.error());
        }
    }
    void fail(Error error) {
        status_ = std::move(error);
        queue_.close();
    }

    Workers& workers_;
    T& taker_;
    Channel<Chunk> queue_;
    Status status_;
};

}  // namespace loop

using loop::WorkerFeed;
