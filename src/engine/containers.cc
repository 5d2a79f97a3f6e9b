// The index of containers, create, rename and remove. How they start and end: lifecycle.cc,
// exits.cc.
#include "engine/containers.h"

#include "base/hex.h"
#include "base/log.h"
#include "codec/json.h"
#include "codec/names.h"
#include "engine/create.h"
#include "engine/file_view.h"
#include "engine/limits.h"
#include "engine/security.h"
#include "registry/reference.h"
#include "sys/file.h"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>
#include <sys/random.h>

namespace engine {

namespace {

std::uint64_t random_number() {
    std::uint64_t number = 0;
    ssize_t got = ::getrandom(&number, sizeof number, 0);
    assert(got == sizeof number);
    return number;
}

}  // namespace

Containers::Containers(ContainerParts parts, ContainerSettings settings)
    : parts_(parts), settings_(std::move(settings)), work_(parts.loop) {
    parts_.images.set_users(*this);
}

Containers::~Containers() = default;

Result<ContainerPtr> Containers::find(std::string_view reference) const {
    std::string_view name = reference.starts_with('/') ? reference.substr(1) : reference;
    Error missing(Kind::missing, fmt::format("No such container: {}", reference));
    if (name.empty()) return missing;
    if (auto exact = by_id_.find(std::string(name)); exact != by_id_.end()) return exact->second;
    if (auto named = ids_by_name_.find(std::string(name)); named != ids_by_name_.end())
        if (auto at = by_id_.find(named->second); at != by_id_.end()) return at->second;
    if (!base::is_hex(name)) return missing;
    auto first = by_id_.lower_bound(std::string(name));
    if (first == by_id_.end() || !first->first.starts_with(name)) return missing;
    if (auto next = std::next(first); next != by_id_.end() && next->first.starts_with(name))
        return Error(Kind::invalid,
                     fmt::format("multiple IDs found with provided prefix: {}", name));
    return first->second;
}

std::vector<ContainerPtr> Containers::all() const {
    std::vector<ContainerPtr> out;
    for (const auto& [id, container] : by_id_)
        out.push_back(container);
    std::ranges::sort(out, [](const ContainerPtr& a, const ContainerPtr& b) {
        return a->record.created > b->record.created;
    });
    return out;
}

std::size_t Containers::count(std::string_view state) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        by_id_, [&](const auto& entry) { return entry.second->state() == state; }));
}

std::vector<ImageUsers::Use> Containers::users_of(const std::string& image_id) {
    std::vector<Use> uses;
    for (const auto& [id, container] : by_id_)
        if (container->record.image_id == image_id)
            uses.push_back({id.substr(0, 12), container->is_active()});
    return uses;
}

std::map<std::string, std::vector<std::string>> Containers::users() {
    std::map<std::string, std::vector<std::string>> ids;
    for (const auto& [id, container] : by_id_)
        ids[container->record.image_id].push_back(id);
    return ids;
}

std::vector<std::vector<std::string>> Containers::layers_in_use() {
    std::vector<std::vector<std::string>> layers;
    for (const auto& [id, container] : by_id_)
        layers.push_back(container->record.diff_ids);
    return layers;
}

std::string Containers::folder_of(const std::string& id) const {
    return parts_.store.folders().container_path(id);
}

std::string Containers::log_path(const Container& container) const {
    if (container.record.host_config.log_config.type != "json-file") return "";
    return fmt::format("{}/{}-json.log", folder_of(container), container.id());
}

void Containers::publish(const Container& container, std::string action, wire::StringMap more) {
    wire::StringMap attributes = container.record.config.labels;
    attributes["image"] = container.record.config.image;
    attributes["name"] = container.record.name;
    for (auto& [key, value] : more)
        attributes[key] = std::move(value);
    parts_.events.publish("container", std::move(action), container.id(), std::move(attributes));
}

void Containers::publish_network(const Container& container, std::string action) {
    parts_.events.publish("network", std::move(action), parts_.network.network_id(),
                          {{"container", container.id()}, {"name", "bridge"}, {"type", "bridge"}});
}

Task<Status> Containers::commit(Container& container) {
    if (container.removed) co_return Status();  // its record must not come back
    co_return co_await shield(parts_.workers.run(
        loop::Lane::quick,
        [](store::Containers* records, std::string id, std::string json) {
            return records->put(id, std::move(json));
        },
        &parts_.records, container.id(), json::write(container.record)));
}

Task<Status> Containers::drop_record(const Container& container) {
    return parts_.workers.run(
        loop::Lane::quick,
        [](store::Containers* records, std::string id) { return records->remove(id); },
        &parts_.records, container.id());
}

Task<void> Containers::remove_files(std::string id) {
    Status gone = co_await parts_.workers.run(
        loop::Lane::heavy,
        [](store::Folders* folders, std::string name) { return folders->remove_container(name); },
        &parts_.store.folders(), id);
    if (!gone)
        base::log::error("container files left behind container={}: {}", id,
                         gone.error().message());
}

std::string Containers::cgroup_path(const ContainerRecord& record) const {
    const std::string& own = record.host_config.cgroup_parent;
    return clean_path((own.empty() ? settings_.cgroup_parent : own) + "/" + record.id);
}

// Reserves a name, so that two creates at once do not get the same.
Result<std::string> Containers::free_name(const std::string& wanted, const std::string& id) {
    if (!wanted.empty()) {
        TRY(std::string name, codec::container_name(wanted));
        if (auto taken = ids_by_name_.find(name); taken != ids_by_name_.end())
            return Error(Kind::conflict,
                         fmt::format("Conflict. The container name \"/{}\" is already in use by "
                                     "container \"{}\". You have to remove (or rename) that "
                                     "container to be able to reuse that name.",
                                     name, taken->second));
        ids_by_name_.emplace(name, id);
        return name;
    }
    constexpr unsigned attempts = 6;
    for (unsigned attempt = 0; attempt < attempts; ++attempt) {
        std::string name = codec::made_up_name(random_number(), attempt);
        if (ids_by_name_.emplace(name, id).second) return name;
    }
    std::string name = id.substr(0, 12);
    ids_by_name_.emplace(name, id);
    return name;
}

// A container that is named by another's mode is remembered by its id: names change.
Status Containers::name_by_id(std::string& mode, bool must_exist) const {
    constexpr std::string_view prefix = "container:";
    if (!mode.starts_with(prefix)) return {};
    Result<ContainerPtr> named = find(mode.substr(prefix.size()));
    if (named)
        mode = std::string(prefix) + (*named)->id();
    else if (must_exist)
        return Error(Kind::invalid, named.error().message());
    return {};
}

// The record of what was ordered; nothing is made yet.
Task<Result<ContainerRecord>> Containers::merge(CreateOrder order,
                                                std::vector<std::string>& warnings) {
    ContainerRecord record;
    record.id = base::random_id();
    record.created = base::now();
    record.config = std::move(static_cast<wire::ContainerConfig&>(order.wanted));
    record.host_config = std::move(order.wanted.host_config);
    record.networking_config = std::move(order.wanted.networking_config);
    if (record.config.image.empty()) co_return Error(Kind::invalid, "no command specified");
    CO_TRY(const Image* image, parts_.images.find(record.config.image));
    record.image_id = image->record.id;
    record.diff_ids = image->record.diff_ids;
    CO_TRY(wire::oci::ImageConfig config, co_await parts_.images.config(record.image_id));
    merge_image(record.config, config.config);
    CO_TRY_DO(set_command(record));
    fill_defaults(record, settings_, parts_.cgroups.v2);
    CO_TRY_DO(check_supported(record, settings_));
    CO_TRY_DO(name_by_id(record.host_config.pid_mode, true));
    CO_TRY_DO(name_by_id(record.host_config.network_mode, false));
    CO_TRY_DO(parts_.network.check(record.host_config, record.networking_config));
    CO_TRY_DO(check_limits(record.host_config, parts_.cgroups));
    CO_TRY_DO(rlimits_of(record.host_config));
    CO_TRY(Security security, security_of(record.host_config, settings_));
    CO_TRY(std::vector<UserMount> mounts, user_mounts(record.host_config));
    // Most containers have neither: no way to a worker and back for nothing.
    if (!security.seccomp_profile.empty() || !mounts.empty())
        CO_TRY_DO(co_await parts_.workers.run(
            loop::Lane::quick,
            [](Security asked, std::vector<UserMount> all) -> Status {
                TRY_DO(seccomp_filter(asked));
                return check_sources(all);
            },
            std::move(security), std::move(mounts)));
    warnings = create_warnings(record);
    run::Resources limits = resources_of(record.host_config);
    std::ranges::move(parts_.cgroups.drop_unsupported(limits), std::back_inserter(warnings));
    co_return record;
}

Task<Result<Created>> Containers::create(CreateOrder order) {
    Created created;
    std::string wanted_name = order.name;
    CO_TRY(ContainerRecord record, co_await merge(std::move(order), created.warnings));
    CO_TRY(record.name, free_name(wanted_name, record.id));
    created.id = record.id;
    std::string folder = parts_.store.folders().container_path(record.id);
    auto container = std::make_shared<Container>(parts_.loop, parts_.workers, std::move(record),
                                                 std::move(folder));
    // In the index before its folder is there, so that its layers are not removed meanwhile.
    by_id_.emplace(container->id(), container);
    std::string top;
    Result<std::vector<std::string>> lowers = parts_.images.layer_paths(container->record.diff_ids);
    if (lowers && !lowers->empty()) top = lowers->front();
    Status made = lowers ? Status() : Status(lowers.error());
    if (made)
        made = co_await shield(parts_.workers.run(
            loop::Lane::quick,
            [](store::Folders* folders, std::string id, std::string top_diff) {
                return folders->create_container(id, top_diff);
            },
            &parts_.store.folders(), container->id(), std::move(top)));
    if (made) made = co_await commit(*container);
    if (!made) {
        co_await shield(remove_files(container->id()));
        forget(*container);
        co_return made.error();
    }
    publish(*container, "create");
    co_return created;
}

void Containers::forget(Container& container) {
    container.removed = true;
    ids_by_name_.erase(container.record.name);
    container.changed.wake_all();
    by_id_.erase(std::string(container.id()));
}

Task<Status> Containers::rename(ContainerPtr container, std::string name) {
    if (name.empty()) co_return Error(Kind::invalid, "Neither old nor new names may be empty");
    constexpr std::string_view what = "Error when allocating new name";
    auto wanted = codec::container_name(name);
    if (!wanted) co_return std::move(wanted).error().context(std::string(what));
    CO_TRY(auto lock, co_await container->changing.lock());
    if (container->removed || container->removing)
        co_return Error(Kind::missing, fmt::format("No such container: {}", container->id()));
    if (*wanted == container->record.name)
        co_return Error(Kind::invalid,
                        "Renaming a container with the same name as its current name");
    auto reserved = free_name(*wanted, container->id());
    if (!reserved) co_return std::move(reserved).error().context(std::string(what));
    std::string old = std::exchange(container->record.name, *reserved);
    Status kept = co_await commit(*container);
    if (!kept) {
        ids_by_name_.erase(*reserved);
        container->record.name = old;
        co_return kept.error();
    }
    ids_by_name_.erase(old);
    publish(*container, "rename", {{"oldName", "/" + old}});
    co_return Status();
}

Task<Status> Containers::remove(ContainerPtr container, bool force, bool) {
    if (container->removed)
        co_return Error(Kind::missing, fmt::format("No such container: {}", container->id()));
    if (container->removing)
        co_return Error(
            Kind::conflict,
            fmt::format("removal of container {} is already in progress", container->id()));
    if (container->is_active() && !force) {
        const char* state = container->paused       ? "paused"
                            : container->restarting ? "restarting"
                                                    : "running";
        co_return Error(Kind::conflict,
                        fmt::format("cannot remove container \"{}\": container is {}: {}",
                                    container->slash_name(), state,
                                    container->paused ? "unpause the container before removing"
                                                      : "stop the container before removing or "
                                                        "force remove"));
    }
    container->removing = true;
    container->changed.wake_all();
    co_return co_await shield(remove_locked(container));
}

// `removing` is set by the caller: no second removal and no start comes between.
Task<Status> Containers::remove_locked(ContainerPtr container) {
    cancel_restart(*container);
    if (container->running) {
        container->stop_requested = true;
        (void)co_await deliver(container, SIGKILL);  // not running any more is what we want
        (void)co_await wait_until_stopped(container);
    }
    CO_TRY(auto lock, co_await container->changing.lock());
    Status gone = co_await drop_record(*container);
    if (!gone) {
        container->removing = false;
        container->changed.wake_all();
        co_return gone.error();
    }
    publish(*container, "destroy");
    forget(*container);
    lock.release();
    co_await remove_files(container->id());
    co_return Status();
}

void Containers::remove_soon(ContainerPtr container) {
    container->removing = true;
    work_.spawn([](Containers* self, ContainerPtr gone) -> Task<void> {
        Status removed = co_await shield(self->remove_locked(gone));
        if (!removed) base::log::error("container={}: {}", gone->id(), removed.error().message());
    }(this, container));
}

Task<Result<std::int64_t>> Containers::wait(ContainerPtr container, WaitFor condition,
                                            std::uint64_t seen) {
    auto holds = [&] {
        switch (condition) {
        case WaitFor::not_running:
            return !container->is_active() || container->removed;
        case WaitFor::next_exit:
            return container->exits != seen || container->removed;
        case WaitFor::removed:
            return container->removed;
        }
        return true;
    };
    while (!holds())
        CO_TRY_DO(co_await container->changed.wait());
    co_return container->record.exit_code;
}

Task<Result<ContainerSizes>> Containers::sizes(ContainerPtr container) {
    ContainerSizes sizes;
    CO_TRY(std::uint64_t own,
           co_await parts_.workers.run(loop::Lane::heavy, written_bytes, folder_of(*container)));
    sizes.writable = static_cast<std::int64_t>(own);
    sizes.all = sizes.writable;
    for (const std::string& diff_id : container->record.diff_ids)
        if (auto layer = parts_.store.layers().find(diff_id); layer)
            sizes.all += static_cast<std::int64_t>(layer->size);
    co_return sizes;
}

Status Containers::resize(Container& container, unsigned height, unsigned width) {
    if (!container.running) return not_running(container);
    TRY_DO(container.console.resize(height, width));
    publish(container, "resize",
            {{"height", std::to_string(height)}, {"width", std::to_string(width)}});
    return {};
}

void Containers::close_stdin(Container& container) {
    if (container.console.close_stdin()) parts_.shim.close_stdin(container.id());
}

Task<Result<store::LogReader>> Containers::open_log(ContainerPtr container, store::LogQuery query) {
    if (log_path(*container).empty())
        co_return Error(Kind::unsupported, "configured logging driver does not support reading");
    co_return co_await parts_.workers.run(
        loop::Lane::quick,
        [](std::string folder, std::string name,
           store::LogQuery wanted) -> Result<store::LogReader> {
            TRY(Fd fd, sys::open_folder(folder));
            return store::LogReader::open(std::move(fd), std::move(name), wanted);
        },
        folder_of(*container), container->id() + "-json.log", query);
}

}  // namespace engine
