// import: a tar of a root file system becomes an image of one layer.
#include "base/limits.h"
#include "codec/json.h"
#include "engine/image_archive.h"
#include "engine/images.h"
#include "store/sha256.h"
#include "store/unpack.h"

#include <memory>

namespace engine {

namespace {

// What one import owns; ends on a worker, as its draft is a folder.
struct Importing {
    store::Store* store = nullptr;
    std::optional<store::Draft> draft;
    std::optional<store::Unpacker> unpacker;

    Status feed(std::string_view bytes) {
        if (!unpacker) {
            TRY(store::Draft made, store->layers().begin());
            TRY(Fd folder, made.folder());
            TRY(store::Unpacker fresh, store::Unpacker::create(std::move(folder), {}));
            draft.emplace(std::move(made));
            unpacker.emplace(std::move(fresh));
        }
        return unpacker->feed(bytes);
    }
};

// Worker: the tar has ended. Gives the layer's diff id.
Result<std::string> end_tar(Importing* importing) {
    if (!importing->unpacker) return Error(Kind::invalid, "the archive is empty");
    TRY(importing->draft->unpacked, importing->unpacker->finish());
    importing->unpacker.reset();
    return importing->draft->unpacked.diff_id;
}

struct Stored {
    std::string id;
    std::uint64_t size = 0;
};

Result<Stored> commit(Importing* importing, std::string config) {
    std::vector<store::Draft> drafts;
    drafts.push_back(std::move(*importing->draft));
    importing->draft.reset();
    TRY(auto layers, importing->store->layers().commit(std::move(drafts)));
    std::string id = store::sha256_digest(config);
    TRY_DO(importing->store->images().write_blob(id, config));
    return Stored{std::move(id), layers.front().size};
}

Status drop(std::unique_ptr<Importing> importing) {
    importing.reset();
    return {};
}

Result<wire::oci::ImageConfig> describe(const ImportOrder& order) {
    wire::oci::ImageConfig config;
    registry::Platform platform = order.platform.value_or(registry::host_platform());
    config.created = base::now();
    config.architecture = platform.architecture;
    config.variant = platform.variant;
    config.os = platform.os;
    TRY_DO(apply_changes(config.config, order.changes));
    wire::oci::History step;
    step.created = config.created;
    step.comment = order.message;
    config.history.push_back(std::move(step));
    config.rootfs.type = "layers";
    return config;
}

}  // namespace

Task<Result<std::string>> Images::import_archive(loop::ByteSource source, ImportOrder order) {
    // What cannot be is told before a byte is read.
    CO_TRY(wire::oci::ImageConfig config, describe(order));
    auto importing = std::make_unique<Importing>();
    importing->store = &store_;
    WorkerFeed<Importing> feed(workers_, *importing);
    Status done = co_await feed.run(std::move(source));
    Result<std::string> diff_id(Error(Kind::internal, ""));
    if (done) {
        diff_id = co_await workers_.run(loop::Lane::heavy, end_tar, importing.get());
        if (!diff_id) done = diff_id.error();
    }
    std::string id;
    if (done) {
        LayerPins pins(*this, {*diff_id});
        config.rootfs.diff_ids = {*diff_id};
        std::string text = json::write(config);
        Task<Result<Stored>> committing =
            workers_.run(loop::Lane::heavy, engine::commit, importing.get(), std::move(text));
        auto stored = co_await loop::shield(std::move(committing));
        if (stored) {
            id = stored->id;
            store::Image record;
            record.id = id;
            record.diff_ids = config.rootfs.diff_ids;
            record.size = stored->size;
            record.created = config.created;
            if (order.target) record.tags = {registry::canonical_tag(*order.target)};
            Task<Status> recording =
                record_archived(make_image(std::move(record), config), "import", LoadTold());
            done = co_await loop::shield(std::move(recording));
        } else {
            done = stored.error();
        }
    }
    Task<Status> dropping = workers_.run(loop::Lane::heavy, drop, std::move(importing));
    (void)co_await loop::shield(std::move(dropping));
    if (!done) co_return done.error();
    co_return id;
}

}  // namespace engine
