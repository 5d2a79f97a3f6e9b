// One layer on its way: body slices from the socket through a bounded queue to the unpacker's two
// halves on the heavy lane, which work side by side, resumed by Range after a break. Ends as a
// verified draft that is not yet durable.
#pragma once

#include "loop/channel.h"
#include "loop/scope.h"
#include "loop/workers.h"
#include "registry/partial.h"
#include "registry/progress.h"
#include "registry/rate.h"
#include "registry/session.h"
#include "store/store.h"
#include "wire/registry.h"

#include <atomic>
#include <memory>
#include <string>

namespace registry {

// A layer's disk side. Used by one worker job at a time, or by the loop between jobs.
struct LayerWork {
    store::Store* store = nullptr;
    bool keep = true;
    std::string source;
    store::UnpackOptions options;
    std::optional<store::Part> part;
    std::optional<store::Draft> draft;
    std::optional<store::Unpacker> unpacker;
    // zstd:chunked: where its table of contents is.
    std::optional<codec::chunked::Layout> layout;
    // Set: only parts of the blob are fetched, and this makes the tar of them.
    std::unique_ptr<store::Assembly> assembly;
    std::string digest;  // of the blob
    std::uint64_t blob_bytes = 0;
    bool drop = false;  // the part, when the work is discarded
};

struct LayerPlan {
    wire::oci::Descriptor blob;
    std::string diff_id;
    std::string short_id;  // for progress
    // What all layers of the pull have written; outlives them.
    std::atomic<std::uint64_t>* written = nullptr;
    bool keep = true;    // what came, for another time
    unsigned order = 0;  // lower ones first, when there is a limit on bytes per second
    Throttle* throttle = nullptr;
    std::string source;  // see store::Layer
};

class LayerTransfer {
public:
    // Everything referred to outlives the transfer.
    LayerTransfer(Loop& loop, Workers& workers, store::Store& store, const PullSettings& settings,
                  Session& session, LayerPlan plan, ProgressSink& sink);

    // Downloads and unpacks with retries. On success the work holds the finished draft and its part
    // (to drop once the layer is committed).
    Task<Result<std::unique_ptr<LayerWork>>> run();
    // It failed for this machine's disk, not for what came or did not come.
    bool disk_failed() const { return disk_failed_; }

private:
    struct Ahead;
    enum class Ended { complete, broken, wrong };  // wrong: the bytes are not the layer

    Task<Status> transfer();
    Task<Ended> attempt();
    Task<Status> go_whole(Error why);
    // How much is to be fetched.
    std::uint64_t size() const;
    Task<Result<Reply>> open_body(std::uint64_t from);
    Task<void> ask(std::shared_ptr<Ahead> one, codec::chunked::Span span);
    Task<Status> receive_spans();
    Task<Status> receive_spans_in(Scope& scope);
    Task<Status> receive(Body& body);
    Task<void> inflate();
    Task<void> write();
    void give_up(Status why);
    Task<Status> restart();
    Task<Status> pause(std::chrono::milliseconds delay);
    void tell(std::string status, std::uint64_t current = 0, bool detail = false);
    void tell_bytes(const char* status, std::uint64_t current, bool last);

    Loop& loop_;
    Workers& workers_;
    store::Store& store_;
    const PullSettings& settings_;
    Session& session_;
    LayerPlan plan_;
    ProgressSink& sink_;

    std::unique_ptr<LayerWork> work_;
    std::unique_ptr<loop::Channel<Chunk>> queue_;
    std::unique_ptr<loop::Channel<store::Plain>> plains_;  // inflated, to be written
    std::vector<store::Plain> spare_;                      // used again
    std::uint64_t received_ = 0;  // bytes of the blob taken from the network or the part
    std::uint64_t body_end_ = 0;  // where the body under way ends
    std::uint64_t fed_ = 0;       // bytes the unpacker has seen
    bool all_received_ = false;
    bool fresh_ = true;  // all bytes so far came in one go from this registry
    bool disk_failed_ = false;
    bool refused_ = false;     // the registry does not answer by range
    bool distrusted_ = false;  // one broken-off go had wrong bytes already
    Status feed_status_;
    Trouble trouble_{.failure = {}, .refusal = {}, .error = Error(Kind::internal, "")};
    std::int64_t told_ns_ = 0;
};

// Removes what a transfer left behind; blocking.
Status discard_work(std::unique_ptr<LayerWork> work);

}  // namespace registry
