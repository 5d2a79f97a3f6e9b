// Handlers of /images: list, inspect, tag, delete, prune.
#include "api/api.h"
#include "api/disk_usage.h"
#include "api/platform.h"
#include "api/status.h"
#include "codec/filters.h"
#include "codec/human.h"
#include "codec/json.h"
#include "registry/reference.h"
#include "wire/image.h"
#include "wire/registry.h"

#include <algorithm>
#include <fmt/core.h>

namespace api {

namespace {

// The first versions without, or with, a part of the answers.
constexpr http::Version with_shared_size{1, 42}, empty_lists{1, 43}, no_virtual_size{1, 44},
    no_container{1, 45}, with_list_manifests{1, 47}, with_manifests{1, 48}, with_platform{1, 49},
    new_config{1, 50}, with_counts{1, 51}, no_empty_texts{1, 52}, with_identity{1, 53},
    with_list_identity{1, 54};

wire::Strings familiar(const std::vector<std::string>& canonical) {
    wire::Strings names;
    for (const std::string& name : canonical)
        names.push_back(registry::familiar(name));
    return names;
}

Result<std::optional<Time>> read_until(const codec::Filters& filters) {
    const auto& values = filters.values("until");
    if (values.empty()) return std::optional<Time>();
    if (values.size() > 1) return Error(Kind::invalid, "more than one until filter specified");
    if (auto ago = codec::parse_duration(values[0]))
        return std::optional(Time{base::now().ns - *ago});
    TRY(Time until, codec::parse_timestamp(values[0]));
    return std::optional(until);
}

Result<engine::ImageFilters> read_filters(const http::Request& request) {
    TRY(codec::Filters filters, codec::Filters::parse(request.query().text("filters")));
    TRY_DO(filters.allow_only({"dangling", "label", "before", "since", "reference", "until"}));
    engine::ImageFilters wanted;
    if (filters.has("dangling")) {
        TRY(bool dangling, filters.boolean("dangling", false));
        wanted.dangling = dangling;
    }
    for (const std::string& label : filters.values("label"))
        wanted.labels.add("label", label);
    wanted.references = filters.values("reference");
    if (std::string old = request.query().text("filter");
        request.version() < http::Version{1, 25} && wanted.references.empty() && !old.empty())
        wanted.references.push_back(std::move(old));
    wanted.before = filters.values("before");
    wanted.since = filters.values("since");
    TRY(wanted.until, read_until(filters));
    wanted.all = request.query().flag("all");
    wanted.shared_sizes =
        request.version() >= with_shared_size && request.query().flag("shared-size");
    return wanted;
}

std::optional<wire::ImageIdentity> identity_of(const engine::Image& image) {
    wire::ImageIdentity out;
    for (const std::string& digest : image.record.digests)
        out.pull.push_back({digest.substr(0, digest.find('@'))});
    if (out.pull.empty()) return std::nullopt;
    return out;
}

wire::ImageManifest manifest_view(const engine::Image& image, const engine::ManifestFacts& facts,
                                  wire::Strings containers) {
    wire::ImageManifest out;
    auto unpacked = static_cast<std::int64_t>(image.record.size);
    wire::ImagePlatform platform{image.platform.architecture, image.platform.os,
                                 image.platform.os_version, image.platform.variant};
    out.id = facts.digest;
    out.descriptor = {facts.media_type, facts.digest, static_cast<std::int64_t>(facts.size),
                      platform};
    out.size.content = static_cast<std::int64_t>(facts.content_size);
    out.size.total = out.size.content + unpacked;
    out.image_data.platform = platform;
    out.image_data.size.unpacked = unpacked;
    out.image_data.containers = std::move(containers);
    return out;
}

wire::ContainerConfig run_config(wire::oci::RunConfig run) {
    wire::ContainerConfig out;
    out.user = std::move(run.user);
    out.exposed_ports = std::move(run.exposed_ports);
    out.volumes = std::move(run.volumes);
    out.env = std::move(run.env);
    out.cmd.assign(run.cmd.begin(), run.cmd.end());
    out.entrypoint.assign(run.entrypoint.begin(), run.entrypoint.end());
    out.shell.assign(run.shell.begin(), run.shell.end());
    out.on_build = std::move(run.on_build);
    out.working_dir = std::move(run.working_dir);
    out.stop_signal = std::move(run.stop_signal);
    out.labels = std::move(run.labels);
    out.args_escaped = run.args_escaped;
    if (run.healthcheck) {
        const wire::oci::HealthCheck& check = *run.healthcheck;
        out.healthcheck =
            wire::HealthConfig{check.test,         check.interval,       check.timeout,
                               check.start_period, check.start_interval, check.retries};
    }
    return out;
}

// Until 1.51 what is empty is written all the same, as the lists' null.
std::string run_config_text(const wire::ContainerConfig& config, http::Version version) {
    if (version < new_config) return json::write(config);
    wire::ImageRunConfig out;
    bool all = version < no_empty_texts;
    if (all || !config.user.empty()) out.user = config.user;
    out.exposed_ports = config.exposed_ports;
    if (all || !config.env.empty()) out.env = config.env;
    if (all || !config.entrypoint.empty()) out.entrypoint = config.entrypoint;
    if (all || !config.cmd.empty()) out.cmd = config.cmd;
    if (all || !config.volumes.empty()) out.volumes = config.volumes;
    if (all || !config.working_dir.empty()) out.working_dir = config.working_dir;
    if (all || !config.labels.empty()) out.labels = config.labels;
    out.stop_signal = config.stop_signal;
    out.args_escaped = config.args_escaped;
    out.healthcheck = config.healthcheck;
    if (all || !config.on_build.empty()) out.on_build = config.on_build;
    out.shell = config.shell;
    return json::write(out);
}

wire::ImageInspect describe(const engine::Image& image, wire::oci::ImageConfig config,
                            http::Version version) {
    wire::ImageInspect out;
    out.id = image.record.id;
    out.repo_tags = familiar(image.record.tags);
    out.repo_digests = familiar(image.record.digests);
    if (config.comment.empty() && !config.history.empty())
        config.comment = config.history.back().comment;
    auto text = [&](std::optional<std::string>& to, std::string from) {
        if (version < no_empty_texts || !from.empty()) to = std::move(from);
    };
    text(out.parent, image.record.parent);
    text(out.comment, std::move(config.comment));
    text(out.docker_version, std::move(config.docker_version));
    text(out.author, std::move(config.author));
    out.created = config.created;
    if (version < no_container) {
        out.container = std::move(config.container);
        out.container_config.emplace();
    }
    out.architecture = std::move(config.architecture);
    out.variant = std::move(config.variant);
    out.os = std::move(config.os);
    out.os_version = std::move(config.os_version);
    out.size = static_cast<std::int64_t>(image.record.size);
    if (version < no_virtual_size) out.virtual_size = out.size;
    out.graph_driver.name = "overlay2";
    out.root_fs = {"layers", image.record.diff_ids};
    out.metadata.last_tag_time = image.record.tagged;
    out.config.text = run_config_text(run_config(std::move(config.config)), version);
    if (version >= with_identity) out.identity = identity_of(image);
    return out;
}

}  // namespace

wire::ImageSummary image_summary(const engine::ListedImage& listed, bool shared_size,
                                 http::Version version) {
    wire::ImageSummary one;
    const engine::Image& image = *listed.image;
    one.id = image.record.id;
    one.parent_id = image.record.parent;
    one.created = image.record.created.seconds();
    one.labels = image.labels;
    one.repo_tags = listed.tags;
    one.repo_digests = listed.digests;
    one.size = static_cast<std::int64_t>(image.record.size);
    if (shared_size) one.shared_size = static_cast<std::int64_t>(listed.shared_size);
    if (version >= with_counts)
        one.containers = static_cast<std::int64_t>(listed.containers.size());
    if (version < no_virtual_size) one.virtual_size = one.size;
    if (version < empty_lists && one.repo_tags.empty() && one.repo_digests.empty()) {
        one.repo_tags = {"<none>:<none>"};
        one.repo_digests = {"<none>@<none>"};
    }
    return one;
}

namespace {

std::vector<wire::ImageDeleted> deleted_view(std::vector<engine::Deleted> done) {
    std::vector<wire::ImageDeleted> out;
    for (engine::Deleted& one : done)
        out.push_back({std::move(one.untagged), std::move(one.deleted)});
    return out;
}

}  // namespace

Task<Result<http::Reply>> image_list(engine::Images& images, const http::Request& request) {
    http::Version version = request.version();
    CO_TRY(engine::ImageFilters filters, read_filters(request));
    bool manifests = version >= with_list_manifests && request.query().flag("manifests");
    bool identity = version >= with_list_identity && request.query().flag("identity");
    if (identity && !manifests)
        co_return Error(Kind::invalid, "conflicting options: identity requires manifests=1");
    std::map<std::string, engine::ManifestFacts> facts;
    if (manifests) {
        std::vector<std::string> digests;
        CO_TRY(std::vector<engine::ListedImage> listed, images.list(filters));
        for (const engine::ListedImage& one : listed)
            if (!one.image->record.manifest.empty()) digests.push_back(one.image->record.manifest);
        CO_TRY(facts, co_await images.manifest_facts(std::move(digests)));
    }
    CO_TRY(std::vector<engine::ListedImage> listed, images.list(filters));
    std::vector<wire::ImageSummary> out;
    out.reserve(listed.size());
    for (engine::ListedImage& one : listed) {
        out.push_back(image_summary(one, filters.shared_sizes, version));
        auto found = facts.find(one.image->record.manifest);
        if (found == facts.end()) continue;
        out.back().manifests.push_back(
            manifest_view(*one.image, found->second, std::move(one.containers)));
        if (identity) out.back().manifests[0].image_data.identity = identity_of(*one.image);
    }
    co_return json_text_reply(200, json::write(out));
}

Task<Result<http::Reply>> image_inspect(engine::Images& images, std::string name,
                                        const http::Request& request) {
    http::Version version = request.version();
    bool manifests = version >= with_manifests && request.query().flag("manifests");
    std::vector<registry::Platform> platforms;
    if (std::string text = request.query().text("platform");
        version >= with_platform && !text.empty()) {
        CO_TRY(registry::Platform platform, decode_platform(text));
        platforms.push_back(std::move(platform));
    }
    if (manifests && !platforms.empty())
        co_return Error(Kind::invalid, "conflicting options: manifests and platform options cannot "
                                       "both be set");
    CO_TRY(const engine::Image* found, images.find_for(name, platforms));
    engine::Image image = *found;  // the index may change while documents are read
    CO_TRY(wire::oci::ImageConfig config, co_await images.config(image.record.id));
    wire::ImageInspect out = describe(image, std::move(config), version);
    if (manifests && !image.record.manifest.empty()) {
        std::vector<std::string> digests{image.record.manifest};
        CO_TRY(auto facts, co_await images.manifest_facts(std::move(digests)));
        for (const auto& [digest, fact] : facts)
            out.manifests.push_back(manifest_view(image, fact, images.containers_of(image)));
    }
    co_return json_text_reply(200, json::write(out));
}

Task<Result<http::Reply>> image_tag(engine::Images& images, std::string name,
                                    const http::Request& request) {
    std::string repository = request.query().text("repo");
    std::string tag = request.query().text("tag");
    CO_TRY_DO(co_await images.tag(std::move(name), std::move(repository), std::move(tag)));
    co_return http::Reply(201);
}

Task<Result<http::Reply>> image_delete(engine::Images& images, std::string name,
                                       const http::Request& request) {
    engine::RemoveOrder order;
    order.reference = std::move(name);
    order.force = request.query().flag("force");
    order.prune = !request.query().flag("noprune");
    if (request.version() >= new_config)
        for (const std::string& text : request.query().all("platforms")) {
            CO_TRY(registry::Platform platform, decode_platform(text));
            order.platforms.push_back(std::move(platform));
        }
    CO_TRY(std::vector<engine::Deleted> done, co_await images.remove(std::move(order)));
    co_return json_text_reply(200, json::write(deleted_view(std::move(done))));
}

Task<Result<http::Reply>> image_prune(engine::Images& images, const http::Request& request) {
    CO_TRY(codec::Filters filters, codec::Filters::parse(request.query().text("filters")));
    CO_TRY_DO(filters.allow_only({"dangling", "label", "label!", "until"}));
    engine::PruneOrder order;
    CO_TRY(order.dangling, filters.boolean("dangling", true));
    CO_TRY(order.until, read_until(filters));
    order.labels = std::move(filters);
    CO_TRY(engine::PruneReport report, co_await images.prune(std::move(order)));
    wire::ImagesPruned out{deleted_view(std::move(report.deleted)), report.reclaimed};
    co_return json_text_reply(200, json::write(out));
}

http::Reply build_prune() {
    return json_text_reply(200, json::write(wire::BuildCachePruned()));
}

}  // namespace api
