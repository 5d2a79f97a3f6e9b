// Pulls: clients that order the same share one; what came is recorded whoever has gone.
#include "engine/images.h"
#include "registry/reference.h"

#include <algorithm>
#include <fmt/format.h>

namespace engine {

using registry::Progress;
using registry::ProgressSink;

// One pull and everybody who looks at it. Viewers take themselves out before they end.
struct Images::Pull final : ProgressSink {
    Pull(Loop& loop, PullOrder wanted) : order(std::move(wanted)), ended(loop) {}

    PullOrder order;
    std::string id;  // of the image that came last
    std::vector<ProgressSink*> viewers;
    std::vector<Progress>
        told;  // the latest of each id, in order of appearance: for who comes late
    loop::Stop* stop = nullptr;  // of the task that runs it
    loop::WaitList ended;
    std::optional<Result<std::string>> result;

    void progress(Progress what) override {
        for (ProgressSink* viewer : viewers)
            viewer->progress(what);
        auto same = std::ranges::find_if(
            told, [&](const Progress& p) { return !p.id.empty() && p.id == what.id; });
        if (same != told.end())
            *same = std::move(what);
        else
            told.push_back(std::move(what));
    }
    bool same_order(const PullOrder& other) const {
        auto platform = [](const PullOrder& o) {
            return o.platform ? registry::platform_text(*o.platform) : "";
        };
        const auto &a = order.caller.credentials, &b = other.caller.credentials;
        return registry::canonical_tag(order.target) == registry::canonical_tag(other.target) &&
               order.target.digest == other.target.digest && platform(order) == platform(other) &&
               a.username == b.username && a.password == b.password &&
               a.identity_token == b.identity_token && a.registry_token == b.registry_token;
    }
};

Task<void> Images::close() {
    return pulls_.close();
}

Task<Result<std::string>> Images::pull(PullOrder order, ProgressSink& sink) {
    std::shared_ptr<Pull> pull;
    for (const auto& running : running_)
        if (running->same_order(order) && !running->viewers.empty()) pull = running;
    if (!pull) {
        pull = std::make_shared<Pull>(loop_, std::move(order));
        running_.push_back(pull);
        pulls_.spawn(run_pull(pull));
    }
    for (const Progress& what : pull->told)
        sink.progress(what);
    pull->viewers.push_back(&sink);
    Status waited;
    while (!pull->result && waited)
        waited = co_await pull->ended.wait();
    std::erase(pull->viewers, &sink);
    if (pull->viewers.empty() && pull->stop != nullptr) pull->stop->request();
    if (!waited) co_return waited.error();
    co_return *pull->result;
}

Task<void> Images::run_pull(std::shared_ptr<Pull> pull) {
    loop::Stop stop(co_await loop::this_stop());
    pull->stop = &stop;
    // All viewers may have gone before this task began.
    if (pull->viewers.empty()) stop.request();
    Result<std::string> result = co_await loop::with_stop(stop, pull_and_record(pull));
    pull->stop = nullptr;
    pull->result = std::move(result);
    running_.remove(pull);
    pull->ended.wake_all();
}

Task<Result<std::string>> Images::pull_and_record(std::shared_ptr<Pull> pull) {
    const registry::Target& wanted = pull->order.target;
    std::vector<std::string> tags{wanted.tag};
    if (wanted.tag.empty() && wanted.digest.empty()) {
        CO_TRY(tags, co_await puller_.tags(wanted, pull->order.caller));
    }
    bool newer = false;
    for (const std::string& tag : tags) {
        registry::Target target = wanted;
        target.tag = tag;
        CO_TRY(bool one, co_await pull_target(pull, std::move(target)));
        newer |= one;
    }
    pull->progress({.id = {},
                    .status = fmt::format("Status: {} for {}",
                                          newer ? "Downloaded newer image" : "Image is up to date",
                                          wanted.familiar())});
    tell("pull", pull->id, wanted.familiar(), wanted.familiar_name());
    co_return pull->id;
}

// One image of it; true when the reference means another than before.
Task<Result<bool>> Images::pull_target(std::shared_ptr<Pull> pull, registry::Target target) {
    registry::PullRequest request;
    request.target = target;
    request.platform = pull->order.platform;
    request.caller = pull->order.caller;
    request.bytes_per_second_max = pull->order.bytes_per_second_max;
    registry::Known& known = *this;
    auto pulled = co_await puller_.pull(std::move(request), *pull, known);
    if (!pulled) co_return std::move(pulled).error();
    // Everything is on disk: the record follows whoever has gone.
    auto newer = co_await loop::shield(record(*pulled, target));
    if (!pulled->up_to_date) unpin(pulled->diff_ids);
    if (newer) pull->id = pulled->id;
    co_return std::move(newer);
}

}  // namespace engine
