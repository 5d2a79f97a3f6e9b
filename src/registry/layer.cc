#include "registry/layer.h"

#include "base/log.h"
#include "base/time.h"
#include "registry/chance.h"

#include <charconv>
#include <deque>
#include <fmt/format.h>

namespace registry {
namespace {

// Four megabytes a layer under way at most: one in the queue and one with a worker as they came,
// two inflated.
constexpr std::size_t queue_chunks_max = 16;
constexpr std::size_t batch_chunks_max = 16;
constexpr std::size_t plains_max = 2;
// Requests for parts of a layer at once.
constexpr std::size_t spans_ahead_max = 4;
constexpr std::int64_t progress_interval_ns = 100'000'000;

Status start_unpacker(LayerWork& work) {
    work.unpacker.reset();
    work.draft.reset();
    TRY(store::Draft draft, work.store->layers().begin());
    TRY(Fd folder, draft.folder());
    TRY(store::Unpacker unpacker, store::Unpacker::create(std::move(folder), work.options));
    if (work.assembly) work.assembly->begin();
    work.draft.emplace(std::move(draft));
    work.unpacker.emplace(std::move(unpacker));
    return {};
}

// The part of a partial pull holds just what is fetched; another choice is another part.
std::string part_name(const LayerWork& work) {
    if (!work.assembly) return work.digest;
    std::string what = work.digest;
    for (const codec::chunked::Span& span : work.assembly->plan().stream.spans())
        what += fmt::format(" {}-{}", span.begin, span.end);
    return store::sha256_digest(what);
}

std::uint64_t fetched_bytes(const LayerWork& work) {
    return work.assembly ? work.assembly->plan().stream.size() : work.blob_bytes;
}

Status feed(LayerWork& work, std::string_view bytes, store::Plain& plain) {
    if (!work.assembly) return work.unpacker->feed(bytes);
    do {
        plain.clear();
        TRY_DO(work.assembly->step(bytes, plain));
        TRY_DO(work.unpacker->write(plain));
    } while (plain.full());
    return {};
}

// Worker: opens the part and hands what is in it to a fresh unpacker.
Status begin_work(const loop::Stopping& stopping, LayerWork* work) {
    if (!work->part) {
        TRY(store::Part part, work->store->ingest().part(part_name(*work)));
        work->part.emplace(std::move(part));
    }
    if (!work->keep) TRY_DO(work->part->give_up());
    if (work->part->size() > fetched_bytes(*work)) TRY_DO(work->part->reset());
    TRY_DO(start_unpacker(*work));
    store::Plain plain;
    return work->part->replay([&](std::string_view bytes) -> Status {
        if (stopping.requested()) return loop::cancelled_error();
        return feed(*work, bytes, plain);
    });
}

// Worker: nothing of it is kept.
Status drop_part(LayerWork* work) {
    work->part->drop();
    return {};
}

// Worker: from zero, with nothing kept.
Status restart_work(LayerWork* work) {
    TRY_DO(work->part->reset());
    return start_unpacker(*work);
}

struct Inflating {
    std::vector<Chunk> chunks;  // back to the loop: slabs are reused by the thread that fills them
    std::size_t at = 0;         // the chunk under way, and
    std::size_t used = 0;       // how much of it is inflated
    store::Plain plain;         // what came of them; when it is full there may be more
    Status status;

    bool over() const { return at == chunks.size(); }
};

// Worker: until there is enough for the other half of the unpacker.
Result<Inflating> inflate_work(LayerWork* work, Inflating job) {
    job.plain.clear();
    while (!job.over() && !job.plain.full()) {
        std::string_view bytes = job.chunks[job.at].view();
        if (job.used == 0) job.status = work->part->append(bytes);
        bytes.remove_prefix(job.used);
        if (job.status)
            job.status = work->assembly ? work->assembly->step(bytes, job.plain)
                                        : work->unpacker->inflate(bytes, job.plain);
        if (!job.status) break;
        job.used = job.chunks[job.at].size() - bytes.size();
        if (job.plain.full()) break;
        ++job.at;
        job.used = 0;
    }
    return job;
}

struct Writing {
    store::Plain plain;  // back to the loop, to be filled again
    Status status;
};

Result<Writing> write_work(LayerWork* work, Writing job) {
    job.status = work->unpacker->write(job.plain);
    return job;
}

// So that the next layer like this one need not come whole. Without it nothing is lost but that.
Status keep_contents(LayerWork& work) {
    if (!work.layout) return {};
    TRY(Fd folder, work.draft->folder());
    if (work.assembly)
        return store::write_contents(folder, *work.layout, work.assembly->plan().packed_toc,
                                     work.blob_bytes);
    if (work.part->size() != work.blob_bytes) return {};  // it was not kept
    TRY(std::string toc,
        work.part->read(work.layout->toc.span.begin, work.layout->toc.span.size()));
    return store::write_contents(folder, *work.layout, toc, work.blob_bytes);
}

Status finish_work(LayerWork* work) {
    if (work->assembly) TRY_DO(work->assembly->finish());
    TRY(store::Unpacked unpacked, work->unpacker->finish());
    work->unpacker.reset();
    if (work->assembly) {
        unpacked.digest = work->digest;
        unpacked.size = work->blob_bytes;
        unpacked.compression = "zstd";
        // Of an earlier try to have it whole.
        work->store->ingest().drop(work->digest);
    }
    work->draft->unpacked = std::move(unpacked);
    work->draft->source = work->source;
    if (Status kept = keep_contents(*work); !kept)
        base::log::debug("no contents kept digest={} reason={:?}", work->digest,
                         kept.error().message());
    return {};
}

// Worker: the parts did not make the layer.
Status whole_work(LayerWork* work) {
    if (!work->assembly->liar().empty())
        store::drop_contents(work->store->layers(), work->assembly->liar());
    work->unpacker.reset();
    work->draft.reset();
    work->assembly.reset();
    if (work->part) work->part->drop();
    work->part.reset();
    return {};
}

Status set_validator(LayerWork* work, std::string validator) {
    return work->part->set_validator(std::move(validator));
}

// "bytes 100-199/200": begins at `from` and the whole is `size` (or untold).
bool range_fits(std::string_view text, std::uint64_t from, std::uint64_t size) {
    if (!text.starts_with("bytes ")) return false;
    text.remove_prefix(6);
    std::uint64_t begin = 0;
    auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), begin);
    if (error != std::errc() || begin != from) return false;
    std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return false;
    std::string_view total = text.substr(slash + 1);
    return total == "*" || total == fmt::format("{}", size);
}

}  // namespace

Status discard_work(std::unique_ptr<LayerWork> work) {
    if (work->drop && work->part) work->part->drop();
    work.reset();
    return {};
}

LayerTransfer::LayerTransfer(Loop& loop, Workers& workers, store::Store& store,
                             const PullSettings& settings, Session& session, LayerPlan plan,
                             ProgressSink& sink)
    : loop_(loop), workers_(workers), store_(store), settings_(settings), session_(session),
      plan_(std::move(plan)), sink_(sink) {}

void LayerTransfer::tell(std::string status, std::uint64_t current, bool detail) {
    Progress what{.id = plan_.short_id, .status = std::move(status)};
    if (detail) {
        what.current = current;
        what.total = size();
    }
    sink_.progress(std::move(what));
}

void LayerTransfer::tell_bytes(const char* status, std::uint64_t current, bool last) {
    std::int64_t now = base::monotonic_ns();
    if (!last && now - told_ns_ < progress_interval_ns) return;
    told_ns_ = now;
    tell(status, current, true);
}

Task<Result<std::unique_ptr<LayerWork>>> LayerTransfer::run() {
    work_ = std::make_unique<LayerWork>();
    work_->store = &store_;
    work_->digest = plan_.blob.digest;
    work_->blob_bytes = static_cast<std::uint64_t>(plan_.blob.size);
    work_->options.diff_id = plan_.diff_id;
    work_->options.written = plan_.written;
    work_->keep = plan_.keep;
    work_->source = plan_.source;
    if (settings_.partial)
        work_->layout = codec::chunked::layout_of(plan_.blob.annotations, work_->blob_bytes);
    if (work_->layout)
        work_->assembly =
            co_await plan_partial(workers_, store_, session_, plan_.blob, *work_->layout);
    if (!work_->assembly) {
        work_->options.digest = work_->digest;
        work_->options.size = work_->blob_bytes;
    }
    Status done = co_await transfer();
    bool whole = work_->assembly && !done && !disk_failed_ &&
                 (refused_ || done.error().kind() == Kind::invalid);
    if (whole) done = co_await go_whole(done.error());
    if (done) co_return std::move(work_);
    // Nobody else knows the part's name.
    work_->drop = work_->assembly && disk_failed_;
    Task<Status> discard = workers_.run(loop::Lane::heavy, discard_work, std::move(work_));
    (void)co_await loop::shield(std::move(discard));
    co_return done.error();
}

std::uint64_t LayerTransfer::size() const {
    return work_ ? fetched_bytes(*work_) : static_cast<std::uint64_t>(plan_.blob.size);
}

// Whatever was wrong with the parts: the whole layer has a digest of its own.
Task<Status> LayerTransfer::go_whole(Error why) {
    base::log::debug("partial pull gave up digest={} reason={:?}", plan_.blob.digest,
                     why.message());
    CO_TRY_DO(co_await workers_.run(loop::Lane::heavy, whole_work, work_.get()));
    work_->options.digest = work_->digest;
    work_->options.size = work_->blob_bytes;
    all_received_ = distrusted_ = refused_ = false;
    co_return co_await transfer();
}

Task<Status> LayerTransfer::transfer() {
    Status begun = co_await workers_.run(loop::Lane::heavy, begin_work, work_.get());
    if (!begun) {
        // A damaged part (a power cut leaves such) is no reason to fail.
        if (begun.error().kind() == Kind::cancelled || !work_->part || work_->part->size() == 0)
            co_return begun;
        CO_TRY_DO(co_await restart());
    }
    received_ = fed_ = work_->part->size();
    fresh_ = received_ == 0;
    Attempts attempts(settings_.retry);
    for (;;) {
        std::uint64_t before = received_;
        Ended ended = co_await attempt();
        if (ended == Ended::complete) co_return Status();
        if (trouble_.error.kind() == Kind::cancelled) co_return trouble_.error;
        if (ended == Ended::wrong) {
            // Old bytes of another day or server may be the wrong ones: once more from zero.
            if (work_->assembly) co_return trouble_.error;
            if (fresh_) {
                // Bytes that no try makes better are not kept for one.
                if (!disk_failed_)
                    (void)co_await workers_.run(loop::Lane::quick, drop_part, work_.get());
                co_return trouble_.error;
            }
            CO_TRY_DO(co_await restart());
            continue;
        }
        auto delay = attempts.failed(trouble_.failure, received_ > before ? received_ - before : 0,
                                     chance());
        if (!delay) co_return trouble_.error;
        base::log::debug("layer download broke, trying again id={} error={:?}", plan_.short_id,
                         trouble_.error.message());
        CO_TRY_DO(co_await pause(*delay));
    }
}

Task<Status> LayerTransfer::pause(std::chrono::milliseconds delay) {
    auto seconds = (delay.count() + 999) / 1000;
    tell(fmt::format("Retrying in {} second{}", seconds, seconds == 1 ? "" : "s"));
    co_return co_await loop::sleep(loop_, delay);
}

Task<Status> LayerTransfer::restart() {
    CO_TRY_DO(co_await workers_.run(loop::Lane::heavy, restart_work, work_.get()));
    received_ = fed_ = 0;
    fresh_ = true;
    all_received_ = false;
    co_return Status();
}

// The body from byte `from` on. A server that cannot or will not resume gets us back to zero.
Task<Result<Reply>> LayerTransfer::open_body(std::uint64_t from) {
    std::vector<std::pair<std::string, std::string>> headers{{"Accept-Encoding", "identity"}};
    if (from > 0) {
        headers.emplace_back("Range", fmt::format("bytes={}-", from));
        if (!work_->part->validator().empty())
            headers.emplace_back("If-Range", work_->part->validator());
    }
    std::string what = "blobs/" + plan_.blob.digest;
    auto reply = co_await session_.request("GET", what, std::move(headers), trouble_);
    if (!reply && from > 0 && trouble_.refusal.status == 416) {
        CO_TRY_DO(co_await restart());
        std::vector<std::pair<std::string, std::string>> plain{{"Accept-Encoding", "identity"}};
        reply = co_await session_.request("GET", what, std::move(plain), trouble_);
        from = 0;
    }
    if (!reply) co_return std::move(reply);
    bool fits = reply->status == 200 ? from == 0
                                     : reply->status == 206 &&
                                           range_fits(reply->header("content-range"), from,
                                                      static_cast<std::uint64_t>(plan_.blob.size));
    if (!fits && reply->status == 200) {
        CO_TRY_DO(co_await restart());
        from = 0;
        fits = true;
    }
    if (!fits) {
        CO_TRY_DO(co_await restart());
        trouble_.failure = {};
        trouble_.refusal = {};
        trouble_.error =
            Error(Kind::internal,
                  fmt::format("registry answered a wrong range (status {})", reply->status));
        co_return trouble_.error;
    }
    std::string etag = reply->header("etag");
    if (from == 0 && !etag.empty() && !etag.starts_with("W/") && etag.size() < 512)
        CO_TRY_DO(
            co_await workers_.run(loop::Lane::quick, set_validator, work_.get(), std::move(etag)));
    co_return std::move(reply);
}

// A span that is asked for before its turn.
struct LayerTransfer::Ahead {
    Ahead(Loop& loop, std::uint64_t where) : answered(loop), end(where) {}
    loop::WaitList answered;
    const std::uint64_t end;  // of it, in what is fetched
    std::optional<Result<Reply>> reply;
    Trouble trouble{.failure = {}, .refusal = {}, .error = Error(Kind::internal, "")};
    bool refused = false;
};

// `one` is shared by this task and whoever receives the spans, who may have given up before.
Task<void> LayerTransfer::ask(std::shared_ptr<Ahead> one, codec::chunked::Span span) {
    auto reply = co_await open_span(session_, plan_.blob.digest, span, work_->blob_bytes,
                                    one->trouble, one->refused);
    one->reply.emplace(std::move(reply));
    one->answered.wake_all();
}

Task<Status> LayerTransfer::receive_spans() {
    Scope scope(loop_, co_await loop::this_stop());
    Status done = co_await receive_spans_in(scope);
    scope.cancel();
    co_await scope.join();
    co_return done;
}

// In order; the next ones are asked for meanwhile, as the way there and back takes longer than most
// of them.
Task<Status> LayerTransfer::receive_spans_in(Scope& scope) {
    const codec::chunked::Stream& stream = work_->assembly->plan().stream;
    std::deque<std::shared_ptr<Ahead>> asked;
    std::uint64_t end = received_;
    while (received_ < stream.size()) {
        while (end < stream.size() && asked.size() < spans_ahead_max) {
            codec::chunked::Span span = stream.from(end);
            end += span.size();
            asked.push_back(std::make_shared<Ahead>(loop_, end));
            scope.spawn(ask(asked.back(), span));
        }
        std::shared_ptr<Ahead> one = std::move(asked.front());
        asked.pop_front();
        while (!one->reply)
            CO_TRY_DO(co_await one->answered.wait());
        if (!*one->reply) {
            trouble_ = std::move(one->trouble);
            refused_ = one->refused;
            co_return one->reply->error();
        }
        body_end_ = one->end;
        CO_TRY_DO(co_await receive(*(*one->reply)->body));
    }
    co_return Status();
}

Task<LayerTransfer::Ended> LayerTransfer::attempt() {
    std::uint64_t size = this->size();
    if (received_ > 0) fresh_ = false;
    trouble_.failure = {};
    trouble_.refusal = {};
    Status got;
    // Parts: there may be work even when nothing is to be fetched.
    if (received_ < size || work_->assembly) {
        std::optional<Reply> reply;
        if (!work_->assembly) {
            auto opened = co_await open_body(received_);
            if (!opened) {
                trouble_.error = opened.error();
                co_return Ended::broken;
            }
            reply = std::move(*opened);
            body_end_ = size;
        }
        queue_ =
            std::make_unique<loop::Channel<Chunk>>(loop_, queue_chunks_max, loop::Policy::wait);
        plains_ =
            std::make_unique<loop::Channel<store::Plain>>(loop_, plains_max, loop::Policy::wait);
        feed_status_ = Status();
        Scope scope(loop_, co_await loop::this_stop());
        scope.spawn(inflate());
        scope.spawn(write());
        if (work_->assembly) queue_->offer(Chunk());  // what stands in front of all that comes
        if (reply)
            got = co_await receive(*reply->body);
        else
            got = co_await receive_spans();
        if (got) {
            all_received_ = true;
            tell("Verifying Checksum");
            tell("Download complete");
        }
        queue_->close();
        co_await scope.join();
        received_ = fed_;
        if (!feed_status_) {
            trouble_.error = feed_status_.error();
            // Only what is wrong with the bytes is worth another go; a full disk is not.
            Kind kind = trouble_.error.kind();
            bool content = kind == Kind::invalid;
            if (!content) fresh_ = true;
            disk_failed_ = !content && kind != Kind::too_large && kind != Kind::unsupported &&
                           kind != Kind::cancelled;
            // Refused before the digest could tell whether the registry or the way here spoilt the
            // bytes: from zero once, then it is the registry.
            if (content && !all_received_ && !distrusted_) {
                distrusted_ = true;
                fresh_ = false;
            }
            co_return Ended::wrong;
        }
        if (!got) {
            trouble_.error = got.error();
            bool wrong = refused_ || got.error().kind() == Kind::invalid;
            co_return wrong ? Ended::wrong : Ended::broken;
        }
    } else {
        tell("Download complete");
    }
    Status finished = co_await workers_.run(loop::Lane::heavy, finish_work, work_.get());
    if (!finished) {
        trouble_.error = finished.error();
        co_return Ended::wrong;
    }
    tell_bytes("Extracting", size, true);
    co_return Ended::complete;
}

// Socket to queue; ends when the announced size is there and the body says so too.
Task<Status> LayerTransfer::receive(Body& body) {
    std::uint64_t size = body_end_;
    Pace pace(settings_.stall_timeout, base::monotonic_ns());
    for (;;) {
        Task<Result<Slice>> reading = body.read();
        auto part =
            co_await loop::within(loop_, pace.left(base::monotonic_ns()), std::move(reading));
        if (!part && part.error().kind() == Kind::timeout)
            co_return Error(Kind::timeout, "the registry sent nothing for too long");
        if (!part) co_return std::move(part).error();
        if (part->empty()) break;
        if (part->size() > size - received_)
            co_return Error(Kind::invalid,
                            fmt::format("layer {} is larger than the {} bytes its manifest says",
                                        plan_.blob.digest, size));
        received_ += part->size();
        std::uint64_t bytes = part->size();
        std::int64_t came_ns = base::monotonic_ns();
        pace.got(bytes, came_ns);
        Chunk chunk(std::move(*part));
        Task<Status> pushing = queue_->push(std::move(chunk));
        CO_TRY_DO(co_await std::move(pushing));
        if (plan_.throttle != nullptr) CO_TRY_DO(co_await plan_.throttle->pay(bytes, plan_.order));
        pace.excuse(base::monotonic_ns() - came_ns);
        tell_bytes("Downloading", received_, received_ == this->size());
    }
    if (received_ < size) co_return Error(Kind::unavailable, "unexpected EOF");
    co_return Status();
}

void LayerTransfer::give_up(Status why) {
    if (feed_status_) feed_status_ = std::move(why);
    queue_->close();
    plains_->close();
}

// Queue to worker, a batch a job, so that no worker thread ever waits for the network.
Task<void> LayerTransfer::inflate() {
    for (;;) {
        auto first = co_await queue_->pop();
        if (!first) {
            if (first.error().kind() == Kind::cancelled) give_up(first.error());
            plains_->close();
            co_return;
        }
        Inflating job;
        std::uint64_t bytes = first->size();
        job.chunks.push_back(std::move(*first));
        while (!queue_->empty() && job.chunks.size() < batch_chunks_max) {
            auto more = co_await queue_->pop();
            if (!more) break;
            bytes += more->size();
            job.chunks.push_back(std::move(*more));
        }
        while (!job.over()) {
            job.plain = store::Plain();
            if (!spare_.empty()) {
                job.plain = std::move(spare_.back());
                spare_.pop_back();
            }
            auto done =
                co_await workers_.run(loop::Lane::heavy, inflate_work, work_.get(), std::move(job));
            if (!done) co_return give_up(done.error());
            if (!done->status) co_return give_up(done->status);
            job = std::move(*done);
            Task<Status> pushing = plains_->push(std::move(job.plain));
            Status pushed = co_await std::move(pushing);
            if (!pushed) co_return give_up(pushed);
        }
        fed_ += bytes;
        if (all_received_) tell_bytes("Extracting", fed_, false);
    }
}

// The other half of the unpacker.
Task<void> LayerTransfer::write() {
    for (;;) {
        auto plain = co_await plains_->pop();
        if (!plain) {
            if (plain.error().kind() == Kind::cancelled) give_up(plain.error());
            co_return;
        }
        Writing job{std::move(*plain), {}};
        auto done =
            co_await workers_.run(loop::Lane::heavy, write_work, work_.get(), std::move(job));
        if (!done) co_return give_up(done.error());
        if (!done->status) co_return give_up(done->status);
        if (spare_.size() < plains_max) spare_.push_back(std::move(done->plain));
    }
}

}  // namespace registry
