// Handlers of /images: list, inspect, tag, delete.
#include "api/api.h"
#include "api/status.h"
#include "codec/filters.h"
#include "codec/human.h"
#include "codec/json.h"
#include "registry/reference.h"
#include "wire/image.h"

#include <algorithm>
#include <fmt/core.h>

namespace api {

namespace {

constexpr http::Version no_virtual_size{1, 44};

wire::Strings familiar(const std::vector<std::string>& canonical) {
    wire::Strings names;
    for (const std::string& name : canonical)
        names.push_back(registry::familiar(name));
    return names;
}

Result<engine::ImageFilters> read_filters(std::string_view text) {
    TRY(codec::Filters filters, codec::Filters::parse(text));
    TRY_DO(filters.allow_only(
        {"dangling", "label", "label!", "before", "since", "reference", "until"}));
    engine::ImageFilters wanted;
    if (filters.has("dangling")) {
        TRY(bool dangling, filters.boolean("dangling", false));
        wanted.dangling = dangling;
    }
    wanted.labels = filters.values("label");
    wanted.no_labels = filters.values("label!");
    wanted.references = filters.values("reference");
    wanted.before = filters.values("before");
    wanted.since = filters.values("since");
    if (filters.has("until")) {
        const std::string& text = filters.values("until").front();
        auto ago = codec::parse_duration(text);
        if (ago) {
            wanted.until = Time{base::now().ns - *ago};
        } else {
            TRY(Time until, codec::parse_timestamp(text));
            wanted.until = until;
        }
    }
    return wanted;
}

wire::ImageInspect describe(const engine::Image& image, wire::oci::ImageConfig config) {
    wire::ImageInspect out;
    out.id = image.record.id;
    out.repo_tags = familiar(image.record.tags);
    out.repo_digests = familiar(image.record.digests);
    out.comment = std::move(config.comment);
    out.created = config.created;
    out.docker_version = std::move(config.docker_version);
    out.author = std::move(config.author);
    out.architecture = std::move(config.architecture);
    out.variant = std::move(config.variant);
    out.os = std::move(config.os);
    out.os_version = std::move(config.os_version);
    out.size = static_cast<std::int64_t>(image.record.size);
    out.graph_driver.name = "overlay2";
    out.root_fs = {"layers", image.record.diff_ids};
    out.metadata.last_tag_time = image.record.tagged;
    wire::oci::RunConfig& run = config.config;
    out.config.user = std::move(run.user);
    out.config.exposed_ports = std::move(run.exposed_ports);
    out.config.volumes = std::move(run.volumes);
    out.config.env = std::move(run.env);
    out.config.cmd.assign(run.cmd.begin(), run.cmd.end());
    out.config.entrypoint.assign(run.entrypoint.begin(), run.entrypoint.end());
    out.config.shell.assign(run.shell.begin(), run.shell.end());
    out.config.on_build = std::move(run.on_build);
    out.config.working_dir = std::move(run.working_dir);
    out.config.stop_signal = std::move(run.stop_signal);
    out.config.labels = std::move(run.labels);
    out.config.args_escaped = run.args_escaped;
    if (run.healthcheck) {
        const wire::oci::HealthCheck& check = *run.healthcheck;
        out.config.healthcheck =
            wire::HealthConfig{check.test,         check.interval,       check.timeout,
                               check.start_period, check.start_interval, check.retries};
    }
    return out;
}

}  // namespace

Result<http::Reply> image_list(engine::Images& images, const http::Request& request) {
    TRY(engine::ImageFilters filters, read_filters(request.query().text("filters")));
    TRY(std::vector<const engine::Image*> found, images.list(filters));
    constexpr http::Version empty_lists{1, 43};
    std::vector<wire::ImageSummary> out;
    for (const engine::Image* image : found) {
        wire::ImageSummary& one = out.emplace_back();
        one.id = image->record.id;
        one.created = image->record.created.seconds();
        one.labels = image->labels;
        one.repo_tags = familiar(image->record.tags);
        one.repo_digests = familiar(image->record.digests);
        one.size = static_cast<std::int64_t>(image->record.size);
        if (request.version() < no_virtual_size) one.virtual_size = one.size;
        if (request.version() < empty_lists) {
            if (one.repo_tags.empty()) one.repo_tags = {"<none>:<none>"};
            if (one.repo_digests.empty()) one.repo_digests = {"<none>@<none>"};
        }
    }
    return json_text_reply(200, json::write(out));
}

Task<Result<http::Reply>> image_inspect(engine::Images& images, std::string name,
                                        http::Version version) {
    CO_TRY(const engine::Image* found, images.find(name));
    engine::Image image = *found;  // the index may change while the config is read
    CO_TRY(wire::oci::ImageConfig config, co_await images.config(image.record.id));
    wire::ImageInspect out = describe(image, std::move(config));
    if (version < no_virtual_size) out.virtual_size = out.size;
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
    bool force = request.query().flag("force");
    bool prune = !request.query().flag("noprune");
    CO_TRY(std::vector<engine::Deleted> done,
           co_await images.remove(std::move(name), force, prune));
    std::vector<wire::ImageDeleted> out;
    for (engine::Deleted& one : done)
        out.push_back({std::move(one.untagged), std::move(one.deleted)});
    co_return json_text_reply(200, json::write(out));
}

}  // namespace api
