#include "api/disk_usage.h"

#include "api/container_view.h"
#include "api/status.h"
#include "codec/filters.h"
#include "wire/disk_usage.h"

#include <fmt/format.h>

namespace api {

namespace {

// The first versions that hear `type`, and that tell sums by kind.
constexpr http::Version with_types{1, 42}, with_sums{1, 52};

struct Asked {
    bool containers = true, images = true, volumes = true, build_cache = true;
    bool verbose = false;
};

Result<Asked> read_query(const http::Request& request) {
    Asked asked;
    asked.verbose = request.query().flag("verbose");
    if (request.version() < with_types || !request.query().has("type")) return asked;
    asked.containers = asked.images = asked.volumes = asked.build_cache = false;
    for (const std::string& type : request.query().all("type")) {
        if (type == "container")
            asked.containers = true;
        else if (type == "image")
            asked.images = true;
        else if (type == "volume")
            asked.volumes = true;
        else if (type == "build-cache")
            asked.build_cache = true;
        else
            return Error(Kind::invalid, fmt::format("unknown object type: {}", type));
    }
    return asked;
}

// Layers' sizes are in their records: nothing is walked for them.
Result<wire::Usage<wire::ImageSummary>> image_usage(const engine::Engine& engine,
                                                    http::Version version) {
    engine::ImageFilters filters;
    filters.shared_sizes = true;
    TRY(std::vector<engine::ListedImage> listed, engine.images.list(filters));
    wire::Usage<wire::ImageSummary> out;
    out.total_size = out.reclaimable = static_cast<std::int64_t>(engine.images.layers_size());
    for (const engine::ListedImage& one : listed) {
        out.items.push_back(image_summary(one, true, version));
        wire::ImageSummary& image = out.items.back();
        image.containers = static_cast<std::int64_t>(one.containers.size());
        if (image.containers == 0) continue;
        ++out.active_count;
        out.reclaimable -= image.size - image.shared_size;
    }
    out.total_count = static_cast<std::int64_t>(out.items.size());
    return out;
}

// What each container wrote is counted on a worker, one after the other.
Task<Result<wire::Usage<wire::ContainerSummary>>> container_usage(engine::Engine& engine,
                                                                  http::Version version) {
    wire::Usage<wire::ContainerSummary> out;
    Time now = base::now();
    std::vector<engine::ContainerPtr> containers = engine.containers.all();
    for (const engine::ContainerPtr& container : containers) {
        auto sizes = co_await engine.containers.sizes(container);
        if (!sizes && sizes.error().kind() == Kind::cancelled) co_return std::move(sizes).error();
        if (container->removed) continue;
        wire::ContainerSummary one =
            summary_view(*container, shown_image(engine, container->record),
                         engine.network.network_id(), version, now);
        std::int64_t written = sizes ? sizes->writable : 0;
        one.size_rw = written;
        one.size_root_fs = sizes ? sizes->all : 0;
        out.total_size += written;
        bool active = container->is_active() || container->paused;
        if (active)
            ++out.active_count;
        else
            out.reclaimable += written;
        out.items.push_back(std::move(one));
    }
    out.total_count = static_cast<std::int64_t>(out.items.size());
    co_return out;
}

}  // namespace

Task<Result<http::Reply>> disk_usage(engine::Engine& engine, const http::Request& request) {
    http::Version version = request.version();
    CO_TRY(Asked asked, read_query(request));
    wire::DiskUsage out;
    if (asked.containers) {
        CO_TRY(out.containers, co_await container_usage(engine, version));
    }
    if (asked.images) {
        CO_TRY(out.images, image_usage(engine, version));
    }
    if (asked.volumes) out.volumes.emplace();
    if (asked.build_cache) out.build_cache.emplace();
    if (version < with_sums || !asked.verbose) {
        wire::DiskUsage::Lists lists;
        if (out.images) lists.layers_size = out.images->total_size;
        if (out.images) lists.images = std::move(out.images->items);
        if (out.containers) lists.containers = std::move(out.containers->items);
        if (asked.volumes) lists.volumes.emplace();
        if (asked.build_cache) lists.build_cache.emplace();
        out.lists = std::move(lists);
        if (out.images) out.images->items.clear();
        if (out.containers) out.containers->items.clear();
    }
    if (version < with_sums) {
        out.images.reset();
        out.containers.reset();
        out.volumes.reset();
        out.build_cache.reset();
    }
    co_return json_text_reply(200, json::write(out));
}

Result<http::Reply> network_prune(const http::Request& request) {
    TRY(codec::Filters filters, codec::Filters::parse(request.query().text("filters")));
    TRY_DO(filters.allow_only({"label", "label!", "until"}));
    return json_text_reply(200, R"({"NetworksDeleted":null})");
}

Result<http::Reply> volume_prune(const http::Request& request) {
    TRY(codec::Filters filters, codec::Filters::parse(request.query().text("filters")));
    TRY_DO(filters.allow_only({"label", "label!", "all"}));
    return json_text_reply(200, R"({"VolumesDeleted":null,"SpaceReclaimed":0})");
}

}  // namespace api
