// One layer on its way to a registry: its tar is read, compressed and hashed on workers and sent as
// it comes, in one PUT when it is small, else in a PATCH of unknown length as Docker does. What
// breaks goes on at the byte the registry has, or from zero when it does not know.
#pragma once

#include "loop/channel.h"
#include "loop/scope.h"
#include "loop/workers.h"
#include "registry/progress.h"
#include "registry/session.h"
#include "store/compress.h"
#include "store/store.h"

#include <memory>
#include <string>
#include <vector>

namespace registry {

struct PushSettings {
    unsigned concurrent_uploads_max = 5;
    PullSettings session;                               // how long an answer may take
    RetryPolicy retry;                                  // 5 attempts, as dockerd
    std::chrono::milliseconds stall_timeout{60'000};    // without a byte taken
    std::chrono::milliseconds commit_timeout{900'000};  // the registry moves gigabytes around
    std::chrono::milliseconds abandon_timeout{2'000};   // for telling that an upload is given up
};

struct LayerToPush {
    std::string diff_id, short_id;
    std::uint64_t tar_size = 0;
    store::Packing compression = store::Packing::gzip;
};

// Waits, telling how long it will be, second by second.
Task<Status> wait_to_retry(Loop& loop, std::chrono::milliseconds delay, const std::string& id,
                           ProgressSink& sink);
// Tells the registry that nothing more comes. It may be the one that is broken: one try.
Task<void> abandon_upload(Loop& loop, Session& session, std::string location,
                          std::chrono::milliseconds timeout);

class LayerUpload {
public:
    // All outlive it. `location`: an upload that is open already, or "".
    LayerUpload(Loop& loop, Workers& workers, store::Store& store, const PushSettings& settings,
                Session& session, const LayerToPush& layer, ProgressSink& sink,
                std::string location);
    ~LayerUpload();

    // The blob as it is at the registry then: digest and size.
    Task<Result<wire::oci::Descriptor>> run();
    // Why it is not.
    const Trouble& trouble() const { return trouble_; }

private:
    class Work;  // what a worker has in its hands
    struct Made;
    struct Piece {
        Chunk chunk;
        std::uint64_t tar_bytes = 0;  // of the tar, up to here
    };
    enum class Next { done, again, restart, pause, give_up };

    static Result<Made> make_more(const loop::Stopping& stopping, Work* work);
    static Status drop(std::unique_ptr<Work> work);
    Task<Next> attempt();
    Task<Status> begin();
    Task<Next> send();
    Task<Next> send_rest(std::vector<Piece> first);
    Task<Next> commit(std::string body);
    Task<void> find_offset();
    Task<bool> is_there_already();
    Task<void> make();
    Task<Result<Slice>> next_piece();
    Task<Result<Reply>> watched(Session::Call call);
    Task<void> watch(loop::Stop& stop, bool& stalled);
    Next judge();
    void fail(Error error);
    void tell(std::string status);
    void tell_bytes(std::uint64_t tar_bytes, bool last);

    Loop& loop_;
    Workers& workers_;
    store::Store& store_;
    const PushSettings& settings_;
    Session& session_;
    const LayerToPush& layer_;
    ProgressSink& sink_;

    std::string location_;
    std::uint64_t offset_ = 0;  // bytes of the blob the registry has
    std::uint64_t sent_ = 0;    // bytes it was given
    std::unique_ptr<Work> work_;
    std::unique_ptr<loop::Channel<Piece>> queue_;
    std::vector<Piece> first_;  // in hand already, in order
    std::size_t first_taken_ = 0;
    Status made_;                 // whether our own side is well
    wire::oci::Descriptor blob_;  // complete once all is made
    Trouble trouble_{.failure = {}, .refusal = {}, .error = Error(Kind::internal, "")};
    unsigned restarts_ = 0, repeats_ = 0;
    bool making_ = false;  // it is us who wait, not the registry
    std::int64_t moved_ns_ = 0, told_ns_ = 0;
};

}  // namespace registry
