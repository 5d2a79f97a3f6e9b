#include "engine/create.h"

#include "codec/human.h"
#include "engine/limits.h"
#include "engine/ports.h"
#include "engine/signals.h"
#include "run/spec.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace engine {

namespace {

Error invalid(std::string text) {
    return Error(Kind::invalid, std::move(text));
}
Error not_yet(std::string_view what) {
    return Error(Kind::unsupported, fmt::format("{} not implemented by this engine yet", what));
}

std::string_view key_of(std::string_view variable) {
    return variable.substr(0, variable.find('='));
}

Status check_log(const wire::LogConfig& log) {
    constexpr std::string_view of_docker[] = {"local",   "syslog", "journald", "gelf",   "fluentd",
                                              "awslogs", "splunk", "etwlogs",  "gcplogs"};
    if (log.type == "none") return {};
    if (std::ranges::find(of_docker, log.type) != std::end(of_docker))
        return not_yet(fmt::format("log driver {} is", log.type));
    if (log.type != "json-file")
        return invalid(fmt::format("logger: no log driver named '{}' is registered", log.type));
    constexpr std::string_view known[] = {
        "max-file", "max-size",  "compress", "labels", "labels-regex",
        "env",      "env-regex", "tag",      "mode",   "max-buffer-size"};
    for (const auto& [key, value] : log.config) {
        if (std::ranges::find(known, key) == std::end(known))
            return invalid(fmt::format("unknown log opt '{}' for json-file log driver", key));
        if (key == "mode" && value != "blocking" && value != "non-blocking")
            return invalid(fmt::format("logger: logging mode not supported: {}", value));
        bool built = key == "max-file" || key == "max-size" ||
                     (key == "mode" && value == "blocking") ||
                     (key == "compress" && value == "false");
        if (!built) return not_yet(fmt::format("log opt {} is", key));
    }
    TRY_DO(log_limits(log.config));
    return {};
}

bool one_of(std::string_view text, std::initializer_list<std::string_view> known) {
    return std::ranges::find(known, text) != known.end();
}

// The namespaces' modes, which fill_defaults() has completed.
Status check_modes(const wire::HostConfig& host) {
    if (!one_of(host.ipc_mode, {"private", "host", "shareable", "none"}))
        return invalid(fmt::format("invalid IPC mode: {}", host.ipc_mode));
    if (!one_of(host.pid_mode, {"", "host"}) && !host.pid_mode.starts_with("container:"))
        return invalid(fmt::format("invalid PID mode: {}", host.pid_mode));
    if (!one_of(host.uts_mode, {"", "host"}))
        return invalid(fmt::format("invalid UTS mode: {}", host.uts_mode));
    if (!one_of(host.userns_mode, {"", "host"}))
        return invalid(fmt::format("invalid USER mode: {}", host.userns_mode));
    if (!one_of(host.cgroupns_mode, {"private", "host"}))
        return invalid(fmt::format("invalid cgroup namespace mode: {}", host.cgroupns_mode));
    return {};
}

// Docker's names for what we are ourselves.
Status check_runtime(const std::string& name, const ContainerSettings& settings) {
    if (one_of(name, {"runc", "io.containerd.runc.v2"})) return {};
    if (settings.other_runtimes.contains(name)) return not_yet(fmt::format("runtime {} is", name));
    return invalid(fmt::format("unknown or invalid runtime name: {}", name));
}

Status check_ports(const ContainerRecord& record) {
    const wire::HostConfig& host = record.host_config;
    TRY(auto wishes, port_wishes(host, record.config.exposed_ports, net::Address()));
    if (host.network_mode.starts_with("container:") && !wishes.empty())
        return invalid(
            "conflicting options: port publishing and the container type network mode");
    return {};
}

// What is not given is the image's.
void merge_healthcheck(std::optional<wire::HealthConfig>& check,
                       const wire::oci::HealthCheck& image) {
    if (!check) check.emplace();
    auto merge = [](std::int64_t& value, std::int64_t other) {
        if (value == 0) value = other;
    };
    if (check->test.empty()) check->test = image.test;
    merge(check->interval, image.interval);
    merge(check->timeout, image.timeout);
    merge(check->start_period, image.start_period);
    merge(check->start_interval, image.start_interval);
    merge(check->retries, image.retries);
}

}  // namespace

void merge_image(wire::ContainerConfig& config, const wire::oci::RunConfig& image) {
    if (config.user.empty()) config.user = image.user;
    for (const auto& [port, nothing] : image.exposed_ports)
        config.exposed_ports.emplace(port, json::Empty());
    for (const std::string& variable : image.env)
        if (std::ranges::none_of(config.env, [&](const std::string& own) {
                return key_of(own) == key_of(variable);
            }))
            config.env.push_back(variable);
    for (const auto& [key, value] : image.labels)
        config.labels.emplace(key, value);
    if (config.entrypoint.empty()) {
        if (config.cmd.empty()) {
            config.cmd.assign(image.cmd.begin(), image.cmd.end());
            config.args_escaped = image.args_escaped;
        }
        if (!config.entrypoint.given)
            config.entrypoint.assign(image.entrypoint.begin(), image.entrypoint.end());
    }
    if (image.healthcheck) merge_healthcheck(config.healthcheck, *image.healthcheck);
    if (config.working_dir.empty()) config.working_dir = image.working_dir;
    for (const auto& [path, nothing] : image.volumes)
        config.volumes.emplace(path, json::Empty());
    if (config.stop_signal.empty()) config.stop_signal = image.stop_signal;
    if (config.shell.empty()) config.shell.assign(image.shell.begin(), image.shell.end());
}

Status set_command(ContainerRecord& record) {
    wire::ContainerConfig& config = record.config;
    // The CLI's --entrypoint "".
    if (config.entrypoint.size() == 1 && config.entrypoint[0].empty()) config.entrypoint.clear();
    std::vector<std::string> words(config.entrypoint.begin(), config.entrypoint.end());
    words.insert(words.end(), config.cmd.begin(), config.cmd.end());
    if (words.empty()) return invalid("no command specified");
    record.path = words.front();
    record.args.assign(words.begin() + 1, words.end());
    return {};
}

void fill_defaults(ContainerRecord& record, const ContainerSettings& settings, bool cgroup_v2) {
    constexpr std::size_t short_id_bytes = 12;
    wire::HostConfig& host = record.host_config;
    if (host.network_mode.empty() || host.network_mode == "default") host.network_mode = "bridge";
    auto& endpoints = record.networking_config.endpoints_config;
    if (auto given = endpoints.find("default"); given != endpoints.end()) {
        endpoints.emplace(host.network_mode, std::move(given->second));
        endpoints.erase("default");
    }
    if (record.config.hostname.empty() && host.uts_mode != "host" && host.network_mode != "host")
        record.config.hostname = record.id.substr(0, short_id_bytes);
    if (host.log_config.type.empty()) {
        host.log_config.type = settings.log_driver;
        if (host.log_config.config.empty()) host.log_config.config = settings.log_options;
    }
    if (host.restart_policy.name.empty()) host.restart_policy.name = "no";
    if (host.ipc_mode.empty()) host.ipc_mode = settings.ipc_mode;
    if (host.cgroupns_mode.empty()) host.cgroupns_mode = settings.cgroupns_mode;
    if (host.cgroupns_mode.empty())
        host.cgroupns_mode = cgroup_v2 && !host.privileged ? "private" : "host";
    if (host.shm_size == 0) host.shm_size = static_cast<std::int64_t>(settings.shm_bytes);
    for (const wire::Ulimit& limit : settings.ulimits)
        if (std::ranges::find(host.ulimits, limit.name, &wire::Ulimit::name) == host.ulimits.end())
            host.ulimits.push_back(limit);
    if (host.memory > 0 && host.memory_swap == 0)
        host.memory_swap = default_memory_swap(host.memory);
    if (host.pids_limit && *host.pids_limit <= 0) host.pids_limit.reset();
    if (!host.oom_kill_disable && !cgroup_v2) host.oom_kill_disable = false;
    if (cgroup_v2) host.oom_kill_disable.reset();
    if (host.runtime.empty()) host.runtime = settings.runtime;
    if (!host.masked_paths)
        host.masked_paths = host.privileged ? wire::Strings() : run::default_masked_paths();
    if (!host.readonly_paths)
        host.readonly_paths = host.privileged ? wire::Strings() : run::default_readonly_paths();
}

Status check_supported(const ContainerRecord& record, const ContainerSettings& settings) {
    const wire::HostConfig& host = record.host_config;
    TRY_DO(check_log(host.log_config));
    if (!record.config.stop_signal.empty()) TRY_DO(parse_signal(record.config.stop_signal));
    TRY_DO(check_ports(record));
    if (!host.links.empty()) return not_yet("links (--link) are");
    if (!host.device_requests.empty()) return not_yet("device requests (--gpus, CDI) are");
    if (host.ipc_mode.starts_with("container:")) return not_yet("--ipc container: is");
    TRY_DO(check_modes(host));
    TRY_DO(check_runtime(host.runtime, settings));
    if (!host.storage_opt.empty()) return not_yet("--storage-opt is");
    auto any = [](const auto& list) { return list && !list->empty(); };
    if (any(host.blkio_weight_device) || any(host.blkio_device_read_bps) ||
        any(host.blkio_device_write_bps) || any(host.blkio_device_read_iops) ||
        any(host.blkio_device_write_iops))
        return not_yet("block device limits per device are");
    if (host.cpu_realtime_period != 0 || host.cpu_realtime_runtime != 0)
        return not_yet("real-time CPU limits are");
    return {};
}

std::vector<std::string> create_warnings(const ContainerRecord& record) {
    std::vector<std::string> out;
    if (!record.config.volumes.empty())
        out.push_back(
            "Volumes are not implemented by this engine yet: what the container writes to " +
            record.config.volumes.begin()->first +
            " stays in its own file system and goes when it is removed.");
    const wire::HostConfig& host = record.host_config;
    if (host.oom_kill_disable.value_or(false) && host.memory == 0)
        out.push_back("OOM killer is disabled for the container, but no memory limit is set, this "
                      "can result in the system running out of resources.");
    if (host.network_mode == "host" && !host.port_bindings.empty())
        out.push_back("Published ports are discarded when using host network mode");
    if (host.cpu_percent > 0)
        out.push_back("linux does not support CPU percent. Percent discarded.");
    if (record.host_config.kernel_memory != 0)
        out.push_back("Specifying a kernel memory limit is deprecated and is ignored.");
    return out;
}

Result<LogLimits> log_limits(const wire::StringMap& options) {
    LogLimits limits;
    if (auto given = options.find("max-size"); given != options.end()) {
        TRY(std::int64_t bytes, codec::parse_bytes(given->second));
        limits.bytes_max = bytes <= 0 ? 0 : static_cast<std::uint64_t>(bytes);
        limits.files_max = 1;  // Docker's default when only max-size is given
    }
    if (auto given = options.find("max-file"); given != options.end()) {
        const std::string& text = given->second;
        std::uint32_t files = 0;
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), files);
        if (error != std::errc() || end != text.data() + text.size())
            return invalid(fmt::format("invalid value for max-file: \"{}\"", text));
        if (files < 1) return invalid("max-file cannot be less than 1");
        constexpr std::uint32_t files_most = 1000;
        limits.files_max = std::min(files, files_most);
    }
    return limits;
}

}  // namespace engine
