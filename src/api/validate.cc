#include "api/validate.h"

#include <algorithm>
#include <cstdint>
#include <fmt/core.h>
#include <limits>

namespace api {

namespace {

constexpr std::int64_t memory_min = 6 * 1024 * 1024;

Error invalid(std::string text) {
    return Error(Kind::invalid, std::move(text));
}

Status check_memory(const wire::Resources& r) {
    if (r.memory < 0 || (r.memory > 0 && r.memory < memory_min))
        return invalid("Minimum memory limit allowed is 6MB");
    if (r.memory_swap < -1) return invalid("Invalid memory swap limit, it must be -1 or more");
    if (r.memory == 0 && r.memory_swap > 0)
        return invalid(
            "You should always set the Memory limit when using Memoryswap limit, see usage");
    if (r.memory > 0 && r.memory_swap > 0 && r.memory_swap < r.memory)
        return invalid("Minimum memoryswap limit should be larger than memory limit, see usage");
    if (r.memory_reservation < 0 || (r.memory_reservation > 0 && r.memory_reservation < memory_min))
        return invalid("Minimum memory reservation allowed is 6MB");
    if (r.memory > 0 && r.memory_reservation > 0 && r.memory < r.memory_reservation)
        return invalid(
            "Minimum memory limit can not be less than memory reservation limit, see usage");
    if (r.memory_swappiness && (*r.memory_swappiness < -1 || *r.memory_swappiness > 100))
        return invalid(fmt::format("Invalid value: {}, valid memory swappiness range is 0-100",
                                   *r.memory_swappiness));
    return {};
}

Status check_cpu(const wire::Resources& r, unsigned cpus) {
    constexpr std::int64_t nano = 1'000'000'000;
    if (r.nano_cpus != 0 && r.cpu_period != 0)
        return invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set");
    if (r.nano_cpus != 0 && r.cpu_quota != 0)
        return invalid("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
    // A hundredth is the least that the kernel can keep to in Docker's period of 100 ms.
    if (r.nano_cpus < 0 || (r.nano_cpus > 0 && r.nano_cpus < nano / 100) ||
        r.nano_cpus > static_cast<std::int64_t>(cpus) * nano)
        return invalid(fmt::format(
            "Range of CPUs is from 0.01 to {0}.00, as there are only {0} CPUs available", cpus));
    if (r.cpu_shares < 0)
        return invalid(
            fmt::format("invalid CPU shares ({}): value must be a positive integer", r.cpu_shares));
    if (r.cpu_period != 0 && (r.cpu_period < 1000 || r.cpu_period > 1'000'000))
        return invalid(
            "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. "
            "1000000)");
    if (r.cpu_quota < -1 || (r.cpu_quota > 0 && r.cpu_quota < 1000))
        return invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)");
    if (r.io_maximum_bandwidth != 0)
        return invalid("invalid option: QoS maximum bandwidth configuration is not supported on "
                       "linux");
    if (r.io_maximum_iops != 0)
        return invalid("invalid option: QoS maximum IOPs configuration is not supported on linux");
    if (r.blkio_weight > 0 && (r.blkio_weight < 10 || r.blkio_weight > 1000))
        return invalid("Range of blkio weight is from 10 to 1000");
    return {};
}

Status check_policy(const wire::RestartPolicy& policy) {
    const std::string& name = policy.name;
    bool known = name.empty() || name == "no" || name == "always" || name == "unless-stopped" ||
                 name == "on-failure";
    if (!known) return invalid(fmt::format("invalid restart policy '{}'", name));
    if (policy.maximum_retry_count != 0 && name != "on-failure")
        return invalid(
            fmt::format("maximum retry count cannot be used with restart policy '{}'", name));
    if (policy.maximum_retry_count < 0) return invalid("maximum retry count cannot be negative");
    return {};
}

Status check_restart(const wire::HostConfig& host) {
    TRY_DO(check_policy(host.restart_policy));
    const std::string& name = host.restart_policy.name;
    if (host.auto_remove && !name.empty() && name != "no")
        return invalid("can't create 'AutoRemove' container with restart policy");
    return {};
}

Status check_health(const wire::HealthConfig& health) {
    struct Part {
        std::string_view name;
        std::int64_t ns;
    };
    for (Part part :
         {Part{"Interval", health.interval}, Part{"Timeout", health.timeout},
          Part{"StartPeriod", health.start_period}, Part{"StartInterval", health.start_interval}})
        if (part.ns != 0 && part.ns < 1'000'000)
            return invalid(fmt::format("{} in Healthcheck cannot be less than 1ms", part.name));
    if (health.retries < 0) return invalid("Retries in Healthcheck cannot be negative");
    return {};
}

// What is written into a line of /etc/hosts, /etc/hostname or resolv.conf (security-cases C5).
Status check_line(std::string_view field, std::string_view text) {
    for (char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            return invalid(fmt::format("invalid {}: control characters are not allowed", field));
    return {};
}

Status check_lines(std::string_view field, const wire::Strings& texts) {
    for (const std::string& text : texts)
        TRY_DO(check_line(field, text));
    return {};
}

Status check_config(const wire::ContainerConfig& config) {
    for (const std::string& variable : config.env)
        if (variable.empty() || variable[0] == '=')
            return invalid(fmt::format("invalid environment variable: {}", variable));
    if (!config.working_dir.empty() && config.working_dir[0] != '/')
        return invalid(
            fmt::format("the working directory '{}' is invalid, it needs to be an absolute path",
                        config.working_dir));
    constexpr std::size_t host_name_max = 64;  // HOST_NAME_MAX: sethostname refuses more
    if (config.hostname.size() > host_name_max)
        return invalid(fmt::format("invalid hostname: longer than {} bytes", host_name_max));
    if (config.domainname.size() > host_name_max)
        return invalid(fmt::format("invalid domainname: longer than {} bytes", host_name_max));
    TRY_DO(check_line("hostname", config.hostname));
    TRY_DO(check_line("domainname", config.domainname));
    // One word of a line of /etc/hosts each.
    for (const std::string& name : {config.hostname, config.domainname})
        if (name.contains(' ')) return invalid(fmt::format("invalid hostname: {}", name));
    if (config.healthcheck) TRY_DO(check_health(*config.healthcheck));
    return {};
}

// -1 is unlimited, for both.
Status check_ulimits(const wire::HostConfig& host) {
    for (const wire::Ulimit& limit : host.ulimits) {
        if (limit.soft < -1 || limit.hard < -1)
            return invalid(fmt::format("invalid ulimit {}: {} is less than -1 (unlimited)",
                                       limit.name, std::min(limit.soft, limit.hard)));
        if (limit.hard >= 0 && (limit.soft < 0 || limit.soft > limit.hard))
            return invalid(
                fmt::format("ulimit soft limit must be less than or equal to hard limit: {} > {}",
                            limit.soft, limit.hard));
    }
    return {};
}

Status check_host(const wire::ContainerConfig& config, const wire::HostConfig& host) {
    if (host.oom_score_adj < -1000 || host.oom_score_adj > 1000)
        return invalid(fmt::format("Invalid value {}, range for oom score adj is [-1000, 1000]",
                                   host.oom_score_adj));
    if (host.shm_size < 0) return invalid("SHM size can not be less than 0");
    if (!host.isolation.empty() && host.isolation != "default")
        return invalid(fmt::format("invalid isolation '{}' on linux", host.isolation));
    if (!config.hostname.empty() && host.uts_mode == "host")
        return invalid("conflicting options: hostname and the UTS mode");
    if (!config.hostname.empty() && host.network_mode.starts_with("container:"))
        return invalid("conflicting options: hostname and the network mode");
    for (const std::string& entry : host.extra_hosts)
        if (entry.find(':') == std::string::npos)
            return invalid(fmt::format("bad format for add-host: \"{}\"", entry));
    TRY_DO(check_lines("ExtraHosts", host.extra_hosts));
    TRY_DO(check_lines("Dns", host.dns));
    TRY_DO(check_lines("DnsSearch", host.dns_search));
    TRY_DO(check_lines("DnsOptions", host.dns_options));
    for (std::uint64_t side : host.console_size)
        if (side > std::numeric_limits<std::uint16_t>::max())
            return invalid(fmt::format("invalid console size: {}", side));
    return check_ulimits(host);
}

}  // namespace

Status check_create(const wire::ContainerCreate& wanted, unsigned cpus) {
    const wire::HostConfig& host = wanted.host_config;
    TRY_DO(check_config(wanted));
    TRY_DO(check_memory(host));
    TRY_DO(check_cpu(host, cpus));
    TRY_DO(check_restart(host));
    return check_host(wanted, host);
}

Status check_update(const wire::ContainerUpdate& wanted, unsigned cpus) {
    TRY_DO(check_memory(wanted));
    TRY_DO(check_cpu(wanted, cpus));
    return check_policy(wanted.restart_policy);
}

}  // namespace api
