// GET /containers/json: the list behind `ps`.
#include "api/container_filter.h"
#include "api/container_view.h"
#include "api/containers.h"
#include "api/status.h"

namespace api {

namespace {

using engine::ContainerPtr;

// What the filter asks of other containers and of images.
Status look_up(ContainerFilter& filter, engine::Engine& engine) {
    const codec::Filters& filters = filter.filters();
    if (filters.has("ancestor")) {
        std::vector<std::string> ids;
        for (const std::string& name : filters.values("ancestor"))
            if (auto image = engine.images.find(name); image) ids.push_back((*image)->record.id);
        filter.only_images(std::move(ids));
    }
    for (const std::string& name : filters.values("before")) {
        TRY(ContainerPtr other, engine.containers.find(name));
        filter.made_before(other->record.created);
    }
    for (const std::string& name : filters.values("since")) {
        TRY(ContainerPtr other, engine.containers.find(name));
        filter.made_since(other->record.created);
    }
    return {};
}

}  // namespace

Task<Result<http::Reply>> container_list(engine::Engine& engine, const http::Request& request) {
    CO_TRY(std::int64_t limit, request.query().number_or("limit", 0));
    CO_TRY(ContainerFilter filter, ContainerFilter::parse(request.query().text("filters")));
    CO_TRY_DO(look_up(filter, engine));
    if (limit > 0 || request.query().flag("all")) filter.show_stopped();
    bool with_sizes = request.query().flag("size");
    std::vector<wire::ContainerSummary> out;
    Time now = base::now();
    std::vector<ContainerPtr> containers = engine.containers.all();
    for (const ContainerPtr& container : containers) {
        if (!filter.takes(*container, engine.network.network_id())) continue;
        wire::ContainerSummary one =
            summary_view(*container, shown_image(engine, container->record),
                         engine.network.network_id(), request.version(), now);
        if (with_sizes)
            if (auto sizes = co_await engine.containers.sizes(container); sizes) {
                if (sizes->writable != 0) one.size_rw = sizes->writable;  // as Docker: or absent
                one.size_root_fs = sizes->all;
            }
        out.push_back(std::move(one));
        if (limit > 0 && out.size() == static_cast<std::size_t>(limit)) break;
    }
    co_return json_text_reply(200, json::write(out));
}

}  // namespace api
