#include "cli/run_options.h"

#include "cli/console.h"
#include "cli/run_parts.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <fmt/format.h>

namespace cli {

namespace {

Error bad(std::string text) {
    return Error(Kind::invalid, std::move(text));
}

void settle_attach(RunOptions& o) {
    for (const std::string& name : o.attach) {
        o.attach_stdin |= name == "stdin";
        o.attach_stdout |= name == "stdout";
        o.attach_stderr |= name == "stderr";
    }
    if (o.attach.empty() && !o.detach) {
        o.attach_stdout = o.attach_stderr = true;
        o.attach_stdin = o.interactive;
    }
}

Status add_health(const RunOptions& o, Value& config) {
    bool any = !o.health_cmd.empty() || o.health_interval || o.health_timeout ||
               o.health_start_period || o.health_start_interval || o.health_retries;
    if (o.no_healthcheck) {
        if (any) return bad("--no-healthcheck conflicts with --health-* options");
        config.at("Healthcheck").set("Test", Value::array({Value("NONE")}));
        return {};
    }
    if (!any) return {};
    Value check = Value::object();
    if (!o.health_cmd.empty())
        check.set("Test", Value::array({Value("CMD-SHELL"), Value(o.health_cmd)}));
    for (auto [name, value] :
         {std::pair("interval", o.health_interval), std::pair("timeout", o.health_timeout),
          std::pair("retries", o.health_retries.value_or(0)),
          std::pair("start-period", o.health_start_period),
          std::pair("start-interval", o.health_start_interval)})
        if (value < 0) return bad(fmt::format("--health-{} cannot be negative", name));
    if (o.health_interval) check.set("Interval", o.health_interval);
    if (o.health_timeout) check.set("Timeout", o.health_timeout);
    if (o.health_start_period) check.set("StartPeriod", o.health_start_period);
    if (o.health_start_interval) check.set("StartInterval", o.health_start_interval);
    if (o.health_retries) check.set("Retries", *o.health_retries);
    config.set("Healthcheck", std::move(check));
    return {};
}

Value list(const Arguments& items) {
    return items.empty() ? Value() : Value::texts(items);
}

Status add_resources(const RunOptions& o, Value& host) {
    host.set("CpuShares", o.cpu_shares.value_or(0))
        .set("Memory", o.memory)
        .set("NanoCpus", o.nano_cpus);
    host.set("CgroupParent", o.cgroup_parent).set("BlkioWeight", o.blkio_weight.value_or(0));
    TRY(Value read_bps, throttle_of(o.read_bps, true));
    TRY(Value write_bps, throttle_of(o.write_bps, true));
    TRY(Value read_iops, throttle_of(o.read_iops, false));
    TRY(Value write_iops, throttle_of(o.write_iops, false));
    TRY(Value weights, throttle_of(o.blkio_device, false));
    Value by_weight = Value::array();
    for (const Value& one : weights.items()) {
        Value entry = Value::object();
        entry.set("Path", one["Path"]).set("Weight", one["Rate"]);
        by_weight.push(std::move(entry));
    }
    host.set("BlkioWeightDevice", by_weight).set("BlkioDeviceReadBps", read_bps);
    host.set("BlkioDeviceWriteBps", write_bps).set("BlkioDeviceReadIOps", read_iops);
    host.set("BlkioDeviceWriteIOps", write_iops);
    host.set("CpuPeriod", o.cpu_period.value_or(0)).set("CpuQuota", o.cpu_quota.value_or(0));
    host.set("CpuRealtimePeriod", o.cpu_rt_period.value_or(0));
    host.set("CpuRealtimeRuntime", o.cpu_rt_runtime.value_or(0));
    host.set("CpusetCpus", o.cpuset_cpus).set("CpusetMems", o.cpuset_mems);
    host.set("DeviceCgroupRules", list(o.device_rules));
    TRY_DO(add_devices(o, host));
    host.set("MemoryReservation", o.memory_reservation).set("MemorySwap", o.memory_swap);
    host.set("MemorySwappiness", o.memory_swappiness.value_or(-1))
        .set("OomKillDisable", o.oom_kill_disable);
    host.set("PidsLimit", o.pids_limit.value_or(0));
    TRY(Value ulimits, ulimits_of(o.ulimits));
    host.set("Ulimits", ulimits);
    host.set("CpuCount", o.cpu_count.value_or(0)).set("CpuPercent", o.cpu_percent.value_or(0));
    host.set("IOMaximumIOps", o.io_maxiops.value_or(0)).set("IOMaximumBandwidth", o.io_bandwidth);
    return {};
}

// Six bytes in hexadecimal, with colons or dashes.
bool is_mac_address(std::string_view text) {
    constexpr std::size_t size = 17;
    if (text.size() != size) return false;
    for (std::size_t i = 0; i < size; ++i)
        if (i % 3 == 2 ? text[i] != ':' && text[i] != '-'
                       : std::isxdigit(static_cast<unsigned char>(text[i])) == 0)
            return false;
    return true;
}

// "host", "container:x" where that is one, or one of `others`.
bool is_mode(std::string_view text, bool of_container,
             std::initializer_list<std::string_view> others) {
    constexpr std::string_view container = "container:";
    if (text.empty() || text == "host") return true;
    if (of_container && text.starts_with(container)) return text.size() > container.size();
    return std::ranges::find(others, text) != others.end();
}

// What needs no engine to be known as wrong.
Status check_modes(const RunOptions& o) {
    if (!is_mode(o.pid, true, {})) return bad("--pid: invalid PID mode");
    if (!is_mode(o.uts, false, {})) return bad("--uts: invalid UTS mode");
    if (!is_mode(o.userns, false, {})) return bad("--userns: invalid USER mode");
    if (!is_mode(o.cgroupns, false, {"private"})) return bad("--cgroupns: invalid CGROUP mode");
    std::int64_t swappiness = o.memory_swappiness.value_or(-1);
    if (swappiness < -1 || swappiness > 100)
        return bad(
            fmt::format("invalid value: {}. Valid memory swappiness range is 0-100", swappiness));
    if (o.log_driver == "none" && !o.log_opt.empty())
        return bad("invalid logging opts for driver none");
    for (const std::string& option : o.storage_opt)
        if (option.find('=') == option.npos) return bad("invalid storage option");
    return {};
}

Result<Value> config_of(const RunOptions& o, const std::string& image, const Arguments& command) {
    Value config = Value::object();
    config.set("Hostname", o.hostname).set("Domainname", o.domainname).set("User", o.user);
    config.set("AttachStdin", o.attach_stdin).set("AttachStdout", o.attach_stdout);
    config.set("AttachStderr", o.attach_stderr).set("Tty", o.tty).set("OpenStdin", o.interactive);
    config.set("StdinOnce", o.interactive && o.attach_stdin);
    TRY(Arguments env, env_of(o.env_file, o.env));
    config.set("Env", list(env)).set("Cmd", list(command)).set("Image", image);
    config.set("Volumes", Value::object()).set("WorkingDir", o.workdir);
    Value entrypoint;
    if (o.entrypoint) entrypoint = Value::array({Value(*o.entrypoint)});
    config.set("Entrypoint", entrypoint);
    TRY(Arguments labels, labels_of(o.label_file, o.labels));
    config.set("Labels", map_of(labels));
    if (!o.mac_address.empty() && !is_mac_address(o.mac_address))
        return bad(fmt::format("{} is not a valid mac address", o.mac_address));
    if (!o.stop_signal.empty()) config.set("StopSignal", o.stop_signal);
    if (o.stop_timeout) config.set("StopTimeout", *o.stop_timeout);
    TRY_DO(add_health(o, config));
    return config;
}

}  // namespace

Result<Value> create_body(RunOptions& o, const std::string& image, const Arguments& command) {
    settle_attach(o);
    if (o.api_socket) return bad("--use-api-socket is not built yet");
    if (o.remove && o.restart != "no" && !o.restart.empty())
        return bad("conflicting options: cannot specify both --restart and --rm");
    TRY_DO(check_modes(o));
    TRY(Value body, config_of(o, image, command));
    Value host = Value::object();
    host.set("ContainerIDFile", o.cidfile);
    Value log = Value::object();
    log.set("Type", o.log_driver).set("Config", map_of(o.log_opt));
    host.set("LogConfig", log);
    TRY(Value restart, restart_of(o.restart));
    host.set("RestartPolicy", restart)
        .set("AutoRemove", o.remove)
        .set("VolumeDriver", o.volume_driver);
    auto [rows, columns] = window_size();
    host.set("ConsoleSize",
             Value::array({Value(std::int64_t(rows)), Value(std::int64_t(columns))}));
    if (!o.annotations.empty()) host.set("Annotations", map_of(o.annotations));
    host.set("CapAdd", capabilities_of(o.cap_add))
        .set("CapDrop", capabilities_of(o.cap_drop))
        .set("CgroupnsMode", o.cgroupns);
    host.set("Dns", Value::texts(o.dns)).set("DnsOptions", Value::texts(o.dns_option));
    host.set("DnsSearch", Value::texts(o.dns_search)).set("ExtraHosts", hosts_of(o.add_host));
    host.set("GroupAdd", list(o.group_add)).set("IpcMode", o.ipc).set("Cgroup", "");
    host.set("Links", list(o.links)).set("OomScoreAdj", o.oom_score_adj.value_or(0));
    host.set("PidMode", o.pid)
        .set("Privileged", o.privileged)
        .set("PublishAllPorts", o.publish_all);
    TRY(Arguments security, security_of(o.security_opt));
    // `systempaths` is the client's word: it stands for two empty path lists.
    Arguments passed;
    for (const std::string& option : security) {
        if (option == "systempaths=unconfined")
            host.set("MaskedPaths", Value::array()).set("ReadonlyPaths", Value::array());
        else
            passed.push_back(option);
    }
    host.set("ReadonlyRootfs", o.read_only).set("SecurityOpt", list(passed));
    if (!o.storage_opt.empty()) host.set("StorageOpt", map_of(o.storage_opt));
    host.set("UTSMode", o.uts).set("UsernsMode", o.userns).set("ShmSize", o.shm_size);
    if (!o.sysctl.empty()) host.set("Sysctls", map_of(o.sysctl));
    if (!o.runtime.empty()) host.set("Runtime", o.runtime);
    host.set("Isolation", o.isolation);
    TRY_DO(add_resources(o, host));
    if (o.init_given) host.set("Init", o.init);
    TRY_DO(add_ports(o, body, host));
    TRY_DO(add_mounts(o, body, host));
    TRY_DO(add_networks(o, body, host));
    body.set("HostConfig", std::move(host));
    return body;
}

}  // namespace cli
