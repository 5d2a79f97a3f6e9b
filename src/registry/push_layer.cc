#include "registry/push_layer.h"

#include "base/log.h"
#include "base/time.h"
#include "registry/chance.h"
#include "registry/manifest.h"
#include "registry/upload_answers.h"
#include "store/layer_tar.h"
#include "store/sha256.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace registry {

// What one job has made.
struct LayerUpload::Made {
    std::vector<Chunk> chunks;
    std::uint64_t tar_bytes = 0;  // read so far
    bool ended = false;
};

// A layer being compressed. One job at a time has it.
class LayerUpload::Work {
public:
    // `skip`: bytes of the blob that the registry has already.
    Work(store::Store& store, const LayerToPush& layer, std::uint64_t skip)
        : store_(store), diff_id_(layer.diff_id), kind_(layer.compression), skip_(skip) {}

    // The next half megabyte or so. Blocking.
    Result<Made> more(const loop::Stopping& stopping);

    std::string digest;  // of the blob, at its end
    std::uint64_t size = 0;

private:
    Status begin();
    void take(std::string_view piece);
    void close_slab();

    static constexpr std::size_t job_bytes = 512 * 1024;           // made
    static constexpr std::size_t job_tar_bytes = 8 * 1024 * 1024;  // read, where all is skipped

    store::Store& store_;
    std::string diff_id_;
    store::Packing kind_;
    std::uint64_t skip_;
    std::optional<store::LayerTar> tar_;
    std::unique_ptr<store::Compressor> compressor_;
    std::unique_ptr<char[]> buffer_;
    store::Sha256 hash_;
    std::vector<Chunk> chunks_;
    Slab* slab_ = nullptr;  // being filled; never between two jobs
    std::size_t filled_ = 0, made_ = 0;
};

Status LayerUpload::Work::begin() {
    TRY(store::LayerTar tar, store::LayerTar::open(store_.layers(), diff_id_));
    TRY(compressor_, store::Compressor::create(kind_));
    buffer_ = std::make_unique<char[]>(base::slab_bytes);
    tar_.emplace(std::move(tar));
    return {};
}

void LayerUpload::Work::close_slab() {
    if (slab_ == nullptr) return;
    chunks_.emplace_back(Slice(slab_, 0, filled_));
    slab_ = nullptr;
    filled_ = 0;
}

void LayerUpload::Work::take(std::string_view piece) {
    hash_.update(piece);
    std::uint64_t begin = size;
    size += piece.size();
    if (size <= skip_) return;
    if (begin < skip_) piece.remove_prefix(skip_ - begin);
    made_ += piece.size();
    while (!piece.empty()) {
        if (slab_ == nullptr) slab_ = Slab::make();
        std::size_t some = std::min(piece.size(), slab_->capacity() - filled_);
        std::memcpy(slab_->data() + filled_, piece.data(), some);
        filled_ += some;
        piece.remove_prefix(some);
        if (filled_ == slab_->capacity()) close_slab();
    }
}

Result<LayerUpload::Made> LayerUpload::Work::more(const loop::Stopping& stopping) {
    if (!tar_) TRY_DO(begin());
    made_ = 0;
    auto sink = [this](std::string_view piece) {
        take(piece);
        return Status();
    };
    Made out;
    std::uint64_t before = tar_->done_bytes();
    Status status;
    while (status && !out.ended && made_ < job_bytes &&
           tar_->done_bytes() - before < job_tar_bytes) {
        if (stopping.requested()) {
            status = loop::cancelled_error();
            break;
        }
        // The end comes only when all of it hashes to the diff id: what is not the layer never gets
        // a digest at the registry.
        auto read = tar_->read(buffer_.get(), base::slab_bytes);
        if (!read) {
            status = read.error();
        } else if (*read == 0) {
            out.ended = true;
            status = compressor_->finish(sink);
        } else {
            status = compressor_->feed({buffer_.get(), *read}, sink);
        }
    }
    close_slab();
    out.chunks = std::exchange(chunks_, {});
    if (!status) return status.error();
    out.tar_bytes = tar_->done_bytes();
    if (out.ended) digest = hash_.digest();
    return out;
}

Result<LayerUpload::Made> LayerUpload::make_more(const loop::Stopping& stopping, Work* work) {
    return work->more(stopping);
}

// Files and compressors end on a worker.
Status LayerUpload::drop(std::unique_ptr<Work> work) {
    work.reset();
    return {};
}

namespace {

constexpr std::size_t queue_pieces_max = 8;
constexpr std::size_t one_request_bytes_max = 512 * 1024;
constexpr unsigned restarts_max = 3, repeats_max = 5;
constexpr std::int64_t progress_interval_ns = 100'000'000;
constexpr std::string_view octets = "application/octet-stream";

bool is_success(const Reply& reply) {
    return reply.status / 100 == 2;
}

}  // namespace

Task<Status> wait_to_retry(Loop& loop, std::chrono::milliseconds delay, const std::string& id,
                           ProgressSink& sink) {
    constexpr std::chrono::milliseconds second(1000);
    while (delay.count() > 0) {
        auto seconds = (delay + second - std::chrono::milliseconds(1)) / second;
        sink.progress(
            {.id = id,
             .status = fmt::format("Retrying in {} second{}", seconds, seconds == 1 ? "" : "s")});
        auto step = delay % second;
        if (step.count() == 0) step = second;
        CO_TRY_DO(co_await loop::sleep(loop, step));
        delay -= step;
    }
    co_return Status();
}

Task<void> abandon_upload(Loop& loop, Session& session, std::string location,
                          std::chrono::milliseconds timeout) {
    if (location.empty()) co_return;
    Trouble trouble{.failure = {}, .refusal = {}, .error = Error(Kind::internal, "")};
    Session::Call call;
    call.method = "DELETE";
    call.url = std::move(location);
    (void)co_await loop::within(loop, timeout, session.send(std::move(call), trouble));
}

LayerUpload::LayerUpload(Loop& loop, Workers& workers, store::Store& store,
                         const PushSettings& settings, Session& session, const LayerToPush& layer,
                         ProgressSink& sink, std::string location)
    : loop_(loop), workers_(workers), store_(store), settings_(settings), session_(session),
      layer_(layer), sink_(sink), location_(std::move(location)) {}

LayerUpload::~LayerUpload() = default;

void LayerUpload::tell(std::string status) {
    sink_.progress({.id = layer_.short_id, .status = std::move(status)});
}

void LayerUpload::tell_bytes(std::uint64_t tar_bytes, bool last) {
    std::int64_t now = base::monotonic_ns();
    if (!last && now - told_ns_ < progress_interval_ns) return;
    told_ns_ = now;
    sink_.progress({.id = layer_.short_id,
                    .status = "Pushing",
                    .current = tar_bytes,
                    .total = std::max(layer_.tar_size, tar_bytes)});
}

void LayerUpload::fail(Error error) {
    trouble_ = {.failure = {}, .refusal = {}, .error = std::move(error)};
}

Task<Result<wire::oci::Descriptor>> LayerUpload::run() {
    Attempts attempts(settings_.retry);
    std::uint64_t gained = 0;  // by the attempt before the last
    for (;;) {
        Next next = co_await attempt();
        if (next == Next::done) co_return blob_;
        if (next == Next::again && ++repeats_ <= repeats_max) {
            // Refused or sent on before, or after, it took anything?
            if (sent_ > offset_ && trouble_.again) co_await find_offset();
            continue;
        }
        if (next == Next::restart && ++restarts_ <= restarts_max) {
            location_.clear();
            continue;
        }
        if (next == Next::pause) {
            auto delay = attempts.failed(trouble_.failure, gained, chance());
            if (delay) {
                base::log::debug("layer upload broke, trying again id={} sent={} error={:?}",
                                 layer_.short_id, sent_, trouble_.error.message());
                Status waited = co_await wait_to_retry(loop_, *delay, layer_.short_id, sink_);
                if (!waited) fail(waited.error());
                std::uint64_t before = offset_;
                if (waited) co_await find_offset();
                gained = offset_ > before ? offset_ - before : 0;
                if (waited) continue;
            }
        }
        Error error = trouble_.error;
        Task<void> giving_up = abandon_upload(loop_, session_, std::exchange(location_, ""),
                                              settings_.abandon_timeout);
        co_await loop::shield(std::move(giving_up));
        co_return error;
    }
}

// What the last answer means for this layer.
LayerUpload::Next LayerUpload::judge() {
    if (!made_ && made_.error().kind() != Kind::cancelled) {  // the layer cannot be read
        fail(made_.error());
        return Next::give_up;
    }
    if (trouble_.error.kind() == Kind::cancelled) return Next::give_up;
    if (trouble_.again) return Next::again;
    if (trouble_.told) return Next::give_up;
    unsigned status = trouble_.refusal.status;
    if (status == 0 || is_passing(status)) return Next::pause;
    // The upload is not known there, or not as we know it.
    const std::string& code = trouble_.refusal.code;
    if (status == 404 || status == 416 || code == "DIGEST_INVALID" || code == "SIZE_INVALID" ||
        code == "BLOB_UPLOAD_INVALID" || code == "BLOB_UPLOAD_UNKNOWN")
        return Next::restart;
    return Next::give_up;
}

Task<LayerUpload::Next> LayerUpload::attempt() {
    // An earlier round may have got through with its answer lost.
    if (!blob_.digest.empty() && co_await is_there_already()) co_return Next::done;
    if (location_.empty()) {
        offset_ = 0;
        Status begun = co_await begin();
        if (!begun) {
            // Nobody may push here: a 404 is about the repository, not about an upload.
            co_return trouble_.refusal.status == 404 ? Next::give_up : judge();
        }
    }
    sent_ = offset_;
    made_ = Status();
    blob_ = {};
    work_ = std::make_unique<Work>(store_, layer_, offset_);
    queue_ = std::make_unique<loop::Channel<Piece>>(loop_, queue_pieces_max, loop::Policy::wait);
    first_.clear();
    first_taken_ = 0;
    Scope scope(loop_, co_await loop::this_stop());
    scope.spawn(make());
    Next next = co_await send();
    queue_->close();
    co_await scope.close();
    Task<Status> dropping = workers_.run(loop::Lane::heavy, &LayerUpload::drop, std::move(work_));
    (void)co_await loop::shield(std::move(dropping));
    co_return next;
}

Task<bool> LayerUpload::is_there_already() {
    Trouble trouble{.failure = {}, .refusal = {}, .error = Error(Kind::internal, "")};
    auto reply = co_await session_.request("HEAD", "blobs/" + blob_.digest, {}, trouble);
    co_return reply&& is_success(*reply);
}

Task<Status> LayerUpload::begin() {
    Session::Call call;
    call.method = "POST";
    call.url = session_.url_of("blobs/uploads/");
    std::string url = call.url;
    auto reply = co_await session_.send(std::move(call), trouble_);
    if (!reply) co_return std::move(reply).error();
    auto location = resolve_location(url, reply->header("location"));
    if (!location) {
        fail(location.error());
        trouble_.told = true;  // it will not be better the next time
        co_return std::move(location).error();
    }
    location_ = std::move(*location);
    co_return Status();
}

// Worker to queue, one batch ahead of the network.
Task<void> LayerUpload::make() {
    for (bool ended = false; !ended;) {
        auto made = co_await workers_.run(loop::Lane::heavy, &LayerUpload::make_more, work_.get());
        if (!made) {
            made_ = made.error();
            break;
        }
        ended = made->ended;
        if (ended) {
            blob_.digest = work_->digest;
            blob_.size = static_cast<std::int64_t>(work_->size);
        }
        for (Chunk& chunk : made->chunks) {
            Piece piece{std::move(chunk), made->tar_bytes};
            Task<Status> pushing = queue_->push(std::move(piece));
            Status pushed = co_await std::move(pushing);
            if (!pushed) co_return;  // whoever read has gone
        }
    }
    queue_->close();
}

Task<Result<Slice>> LayerUpload::next_piece() {
    Piece piece;
    if (first_taken_ < first_.size()) {
        piece = std::move(first_[first_taken_++]);
    } else {
        making_ = true;
        auto next = co_await queue_->pop();
        making_ = false;
        moved_ns_ = base::monotonic_ns();
        if (!next && next.error().kind() != Kind::missing) co_return std::move(next).error();
        if (!next && !made_) co_return made_.error();
        if (!next) co_return Slice();
        piece = std::move(*next);
    }
    moved_ns_ = base::monotonic_ns();
    sent_ += piece.chunk.size();
    tell_bytes(piece.tar_bytes, false);
    co_return std::move(piece.chunk).into_slice();
}

// A small layer goes in one request; of a large one the first part only shows that it is.
Task<LayerUpload::Next> LayerUpload::send() {
    std::vector<Piece> first;
    std::size_t size = 0;
    bool whole = false;
    while (size <= one_request_bytes_max && !whole) {
        auto piece = co_await queue_->pop();
        if (!piece && piece.error().kind() != Kind::missing) {
            fail(piece.error());
            co_return judge();
        }
        whole = !piece;
        if (whole) break;
        size += piece->chunk.size();
        first.push_back(std::move(*piece));
    }
    if (!made_) {
        fail(made_.error());
        co_return judge();
    }
    if (!whole) co_return co_await send_rest(std::move(first));
    std::string body;
    for (const Piece& piece : first)
        body += piece.chunk.view();
    if (!first.empty()) tell_bytes(first.back().tar_bytes, true);
    sent_ += body.size();
    co_return co_await commit(std::move(body));
}

Task<LayerUpload::Next> LayerUpload::send_rest(std::vector<Piece> first) {
    first_ = std::move(first);
    Session::Call call;
    call.method = "PATCH";
    call.url = location_;
    call.headers = {{"Content-Type", std::string(octets)}};
    call.source = [this] { return next_piece(); };
    auto reply = co_await watched(std::move(call));
    if (!reply) co_return judge();
    std::string location = reply->header("location");
    reply->body.reset();
    bool sent_on = reply->status / 100 == 3;
    if (!is_success(*reply) && !sent_on) {
        fail(Error(Kind::unavailable,
                   fmt::format("received unexpected HTTP status: {}", reply->status)));
        co_return Next::give_up;
    }
    if (!location.empty() || sent_on) {
        auto next = resolve_location(location_, location);
        if (!next) {
            fail(next.error());
            co_return Next::give_up;
        }
        location_ = std::move(*next);
    }
    // A redirect has taken nothing: all of it again, at the other address.
    if (sent_on) co_return Next::again;
    offset_ = sent_;
    co_return co_await commit("");
}

Task<LayerUpload::Next> LayerUpload::commit(std::string body) {
    tell_bytes(layer_.tar_size, true);
    Session::Call call;
    call.method = "PUT";
    call.url = with_digest(location_, blob_.digest);
    call.headers = {{"Content-Type", std::string(octets)}};
    call.body = std::move(body);
    call.answer_timeout = settings_.commit_timeout;
    auto reply = co_await session_.send(std::move(call), trouble_);
    if (!reply) co_return judge();
    if (!is_success(*reply)) {
        fail(Error(Kind::unavailable,
                   fmt::format("received unexpected HTTP status: {}", reply->status)));
        co_return Next::give_up;
    }
    location_.clear();
    std::string digest = reply->header("docker-content-digest");
    if (!digest.empty() && digest != blob_.digest) {
        fail(Error(Kind::internal, fmt::format("the registry took blob {} for {}", blob_.digest,
                                               is_digest(digest) ? digest : "something else")));
        co_return Next::give_up;
    }
    co_return Next::done;
}

// Ends a request of which nothing has moved for too long.
Task<void> LayerUpload::watch(loop::Stop& stop, bool& stalled) {
    std::int64_t limit_ns = settings_.stall_timeout.count() * 1'000'000;
    for (;;) {
        std::int64_t left = moved_ns_ + limit_ns - base::monotonic_ns();
        if (making_) left = limit_ns;
        if (left <= 0) break;
        auto pause = std::chrono::milliseconds(left / 1'000'000 + 1);
        if (Status slept = co_await loop::sleep(loop_, pause); !slept) co_return;
    }
    stalled = true;
    stop.request();
}

Task<Result<Reply>> LayerUpload::watched(Session::Call call) {
    moved_ns_ = base::monotonic_ns();
    bool stalled = false;
    loop::Stop stop(co_await loop::this_stop());
    Scope scope(loop_, co_await loop::this_stop());
    scope.spawn(watch(stop, stalled));
    Task<Result<Reply>> sending = session_.send(std::move(call), trouble_);
    auto reply = co_await loop::with_stop(stop, std::move(sending));
    co_await scope.close();
    if (!reply && stalled) {
        fail(Error(Kind::timeout, fmt::format("the registry took nothing for {} s",
                                              settings_.stall_timeout / std::chrono::seconds(1))));
        co_return trouble_.error;
    }
    if (!reply && reply.error().kind() == Kind::cancelled) fail(reply.error());
    co_return std::move(reply);
}

// Where to go on: the registry says how much it has; when it does not, from zero.
Task<void> LayerUpload::find_offset() {
    std::string location = std::exchange(location_, "");
    offset_ = 0;
    if (location.empty()) co_return;
    Trouble trouble{.failure = {}, .refusal = {}, .error = Error(Kind::internal, "")};
    Session::Call call;
    call.url = location;
    auto reply = co_await session_.send(std::move(call), trouble);
    if (!reply) co_return;
    auto have = parse_upload_range(reply->header("range"));
    // More than it was given is somebody else's upload.
    if (!have || *have == 0 || *have > sent_) {
        co_await abandon_upload(loop_, session_, std::move(location), settings_.abandon_timeout);
        co_return;
    }
    std::string moved = reply->header("location");
    auto next = moved.empty() ? Result<std::string>(location) : resolve_location(location, moved);
    if (!next) co_return;
    location_ = std::move(*next);
    offset_ = *have;
}

}  // namespace registry
