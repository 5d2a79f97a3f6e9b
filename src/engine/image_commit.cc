#include "engine/image_commit.h"

#include "base/log.h"
#include "codec/json.h"
#include "engine/container_files.h"
#include "engine/create.h"
#include "engine/kept_files.h"
#include "store/sha256.h"
#include "store/unpack.h"
#include "sys/file.h"

#include <fmt/format.h>
#include <memory>

namespace engine {

namespace {

constexpr std::size_t buffer_bytes = 256 * 1024;
// Of a tar without entries: no layer at all.
constexpr std::string_view empty_diff_id =
    "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

// How something is run, in an image's words or in a container's: the names are the same.
template <class To, class From> To converted(const From& from) {
    To out;
    out.user = from.user;
    out.exposed_ports = from.exposed_ports;
    out.volumes = from.volumes;
    out.env = from.env;
    out.cmd.assign(from.cmd.begin(), from.cmd.end());
    out.entrypoint.assign(from.entrypoint.begin(), from.entrypoint.end());
    out.shell.assign(from.shell.begin(), from.shell.end());
    out.on_build = from.on_build;
    out.working_dir = from.working_dir;
    out.stop_signal = from.stop_signal;
    out.labels = from.labels;
    out.args_escaped = from.args_escaped;
    if (const auto& check = from.healthcheck)
        out.healthcheck = {.test = check->test,
                           .interval = check->interval,
                           .timeout = check->timeout,
                           .start_period = check->start_period,
                           .start_interval = check->start_interval,
                           .retries = check->retries};
    return out;
}

wire::oci::RunConfig run_config(const wire::ContainerConfig& config) {
    return converted<wire::oci::RunConfig>(config);
}

// What one commit owns; ends on a worker, as its draft is a folder.
struct Committing {
    store::Store* store = nullptr;
    std::optional<store::Draft> draft;
};

// Worker: the layer's files, tar skeleton and diff id.
Result<std::string> make_layer(const loop::Stopping& stopping, Committing* work, FilePlan plan) {
    TRY(store::Draft draft, work->store->layers().begin());
    TRY(Fd folder, draft.folder());
    TRY(store::Unpacker unpacker, store::Unpacker::create(std::move(folder), {}));
    {
        TRY(Fd old, mount_lowers(plan));
        TRY(Fd upper, open_upper(plan));
        UpperTar tar(std::move(upper), std::move(old));
        auto buffer = std::make_unique_for_overwrite<char[]>(buffer_bytes);
        for (;;) {
            if (stopping.requested()) return loop::cancelled_error();
            TRY(std::size_t got, tar.read(buffer.get(), buffer_bytes));
            if (got == 0) break;
            TRY_DO(unpacker.feed({buffer.get(), got}));
        }
    }
    TRY(draft.unpacked, unpacker.finish());
    TRY_DO(store::apply_implied(draft.diff_path(), draft.unpacked.implied, plan.lowers));
    std::string diff_id = draft.unpacked.diff_id;
    if (diff_id != empty_diff_id) work->draft.emplace(std::move(draft));
    return diff_id;
}

// Worker: durable, the layer first.
Result<std::string> store_image(Committing* work, std::string config) {
    if (work->draft) {
        std::vector<store::Draft> drafts;
        drafts.push_back(std::move(*work->draft));
        work->draft.reset();
        TRY([[maybe_unused]] auto layers, work->store->layers().commit(std::move(drafts)));
    }
    std::string id = store::sha256_digest(config);
    TRY_DO(work->store->images().write_blob(id, config));
    return id;
}

Status drop(std::unique_ptr<Committing> work) {
    work.reset();
    return {};
}

Task<void> drop_mark(Workers& workers, std::string folder) {
    Task<Status> dropping =
        workers.run(loop::Lane::quick, drop_kept, std::move(folder), std::string(committing_name));
    (void)co_await loop::shield(std::move(dropping));
}

// Of a parent that is gone: what is known of the machine, and a line for every layer.
wire::oci::ImageConfig without_parent(const std::vector<std::string>& diff_ids) {
    registry::Platform platform = registry::host_platform();
    wire::oci::ImageConfig config;
    config.architecture = platform.architecture;
    config.variant = platform.variant;
    config.os = platform.os;
    config.history.resize(diff_ids.size());
    return config;
}

}  // namespace

Result<wire::oci::RunConfig> committed_config(const wire::ContainerConfig& own,
                                              const std::optional<wire::ContainerConfig>& wanted,
                                              const std::vector<std::string>& changes) {
    const wire::ContainerConfig& base = wanted ? *wanted : own;
    wire::oci::RunConfig run = run_config(base);
    TRY_DO(apply_changes(run, changes));
    auto config = converted<wire::ContainerConfig>(run);
    // Emptied on purpose: the container's own does not come back.
    config.entrypoint.given =
        run.entrypoint.empty() && (base.entrypoint.given || !base.entrypoint.empty());
    merge_image(config, run_config(own));
    return run_config(config);
}

Task<Result<std::string>> Images::commit(CommitPlan plan) {
    LayerPins below(*this, plan.diff_ids);
    wire::oci::ImageConfig config = without_parent(plan.diff_ids);
    std::string parent;
    if (images_.contains(plan.parent)) {
        CO_TRY(config, co_await this->config(plan.parent));
        parent = plan.parent;
    }
    auto work = std::make_unique<Committing>();
    work->store = &store_;
    Task<Result<std::string>> making =
        workers_.run(loop::Lane::heavy, make_layer, work.get(), std::move(plan.files));
    Result<std::string> result = co_await std::move(making);
    if (result) {
        bool empty = *result == empty_diff_id;
        std::vector<std::string> fresh;
        if (!empty) fresh.push_back(*result);
        LayerPins pins(*this, fresh);
        config.created = base::now();
        config.config = std::move(plan.run);
        config.author = plan.author;
        config.comment.clear();
        config.container = plan.container;
        config.docker_version.clear();
        config.rootfs.type = "layers";
        config.rootfs.diff_ids = plan.diff_ids;
        config.rootfs.diff_ids.insert(config.rootfs.diff_ids.end(), fresh.begin(), fresh.end());
        wire::oci::History step;
        step.created = config.created;
        step.created_by = plan.created_by;
        step.author = plan.author;
        step.comment = plan.comment;
        step.empty_layer = empty;
        config.history.push_back(std::move(step));
        std::string text = json::write(config);
        Task<Result<std::string>> storing =
            workers_.run(loop::Lane::heavy, store_image, work.get(), std::move(text));
        result = co_await loop::shield(std::move(storing));
        if (result) {
            store::Image record;
            record.id = *result;
            record.parent = parent;
            record.diff_ids = config.rootfs.diff_ids;
            record.created = config.created;
            for (const std::string& diff_id : record.diff_ids)
                if (auto layer = store_.layers().find(diff_id)) record.size += layer->size;
            Task<Status> recording =
                record_archived(make_image(std::move(record), config), "create", LoadTold());
            Status recorded = co_await loop::shield(std::move(recording));
            if (!recorded) result = recorded.error();
        }
    }
    Task<Status> dropping = workers_.run(loop::Lane::heavy, drop, std::move(work));
    (void)co_await loop::shield(std::move(dropping));
    co_return result;
}

Task<Result<std::string>> ContainerFiles::commit(ContainerPtr container, CommitOrder order) {
    if (container->dead || container->removing)
        co_return Error(Kind::conflict,
                        fmt::format("You cannot commit container {} which is {}", container->id(),
                                    container->dead ? "Dead" : "being removed"));
    const ContainerRecord& record = container->record;
    CommitPlan plan;
    CO_TRY(plan.run, committed_config(record.config, order.config, order.changes));
    CO_TRY(plan.files, this->plan(*container, container->id()));
    plan.parent = record.image_id;
    plan.diff_ids = record.diff_ids;
    plan.container = container->id();
    plan.author = std::move(order.author);
    plan.comment = order.comment;
    plan.created_by = fmt::format("{}", fmt::join(record.config.cmd, " "));
    // One that cannot be paused (it does not run) needs not be.
    bool paused = false;
    std::string folder = containers_.folder_of(*container);
    if (order.pause && container->running && !container->paused) {
        CO_TRY_DO(co_await containers_.workers().run(loop::Lane::quick, write_kept, folder,
                                                     std::string(committing_name), ""));
        Status frozen = co_await containers_.pause(container);
        paused = bool(frozen);
        if (!frozen) co_await drop_mark(containers_.workers(), folder);
        if (!frozen && frozen.error().kind() == Kind::cancelled) co_return frozen.error();
    }
    Result<std::string> id = co_await images_.commit(std::move(plan));
    std::string shown;
    if (id && order.target) {
        shown = order.target->familiar_name() + (order.tag.empty() ? "" : ":" + order.tag);
        Status tagged = co_await images_.tag(*id, order.repository, order.tag);
        if (!tagged) id = tagged.error();
    }
    if (id)
        containers_.publish(*container, "commit",
                            {{"comment", order.comment}, {"imageID", *id}, {"imageRef", shown}});
    if (paused) {
        Task<Status> thawing = containers_.unpause(container);
        Status thawed = co_await loop::shield(std::move(thawing));
        if (!thawed && container->paused)
            base::log::warn("container={} stays paused after its commit: {}", container->id(),
                            thawed.error().message());
        co_await drop_mark(containers_.workers(), folder);
    }
    co_return id;
}

}  // namespace engine
