// Which flags run and create have.
#include "base/text.h"
#include "cli/run_checks.h"
#include "cli/run_options.h"

#include <cctype>
#include <fmt/format.h>
#include <limits>

namespace cli {

namespace {

// A list whose values are looked at while the flags are read.
void checked(FlagSet& flags, std::string name, char letter, std::string type, Arguments& target,
             Status (*check)(const std::string&), std::string about) {
    auto set = [&target, check](const std::string& text) -> Status {
        TRY_DO(check(text));
        target.push_back(text);
        return {};
    };
    flags.each(std::move(name), letter, std::move(type), std::move(set), std::move(about));
}

void counted(FlagSet& flags, std::string name, std::string type, std::uint64_t most,
             std::optional<std::int64_t>& target, std::string about) {
    auto set = [&target, most](const std::string& text) -> Status {
        TRY(std::uint64_t value, parse_unsigned(text, most));
        target = static_cast<std::int64_t>(value);
        return {};
    };
    flags.each(std::move(name), 0, std::move(type), std::move(set), std::move(about));
}

}  // namespace

void add_run_flags(FlagSet& f, RunOptions& o, bool run) {
    add_limit_flags(f, o);
    if (run) {
        f.boolean("detach", 'd', o.detach, "Run in the background and print the container's id");
        f.boolean("sig-proxy", 0, o.sig_proxy, "Pass signals on to the process (default true)");
        f.text("detach-keys", 0, o.detach_keys, "Key sequence that leaves the container running");
    }
    checked(f, "add-host", 0, "list", o.add_host, check_add_host,
            "Add a host name with its address (host:ip)");
    checked(
        f, "annotation", 0, "map", o.annotations, [](const std::string&) { return Status(); },
        "Add an annotation, passed to the runtime");
    f.each(
        "attach", 'a', "list",
        [&o](std::string text) -> Status {
            text = base::lowered(text);
            if (text != "stdin" && text != "stdout" && text != "stderr")
                return Error(Kind::invalid, "valid streams are STDIN, STDOUT and STDERR");
            o.attach.push_back(std::move(text));
            return {};
        },
        "Attach to STDIN, STDOUT or STDERR");
    checked(f, "blkio-weight-device", 0, "list", o.blkio_device, check_device_weight,
            "Block IO weight of a device");
    f.list("cap-add", 0, o.cap_add, "Add a Linux capability");
    f.list("cap-drop", 0, o.cap_drop, "Drop a Linux capability");
    f.text("cgroup-parent", 0, o.cgroup_parent, "Parent cgroup");
    f.text("cgroupns", 0, o.cgroupns, "Cgroup namespace (host|private)");
    f.text("cidfile", 0, o.cidfile, "Write the container's id to this file");
    f.integer("cpu-count", 0, o.cpu_count, "CPU count (Windows only)");
    f.integer("cpu-percent", 0, o.cpu_percent, "CPU percent (Windows only)");
    f.list("device", 0, o.devices, "Give a device of the host to the container");
    checked(f, "device-cgroup-rule", 0, "list", o.device_rules, check_device_rule,
            "Add a rule to the device list");
    checked(f, "device-read-bps", 0, "list", o.read_bps, check_device_bytes,
            "Limit reading from a device (bytes per second)");
    checked(f, "device-read-iops", 0, "list", o.read_iops, check_device_operations,
            "Limit reading from a device (IO per second)");
    checked(f, "device-write-bps", 0, "list", o.write_bps, check_device_bytes,
            "Limit writing to a device (bytes per second)");
    checked(f, "device-write-iops", 0, "list", o.write_iops, check_device_operations,
            "Limit writing to a device (IO per second)");
    f.boolean("disable-content-trust", 0, o.content_trust, "Skip image verification");
    checked(f, "dns", 0, "list", o.dns, check_dns, "DNS servers");
    f.list("dns-option", 0, o.dns_option, "DNS options");
    f.also("dns-opt");
    checked(f, "dns-search", 0, "list", o.dns_search, check_dns_search, "DNS search domains");
    f.text("domainname", 0, o.domainname, "NIS domain name");
    f.each(
        "entrypoint", 0, "string",
        [&o](const std::string& text) -> Status {
            o.entrypoint = text;
            return {};
        },
        "Replace the image's entrypoint");
    checked(f, "env", 'e', "list", o.env, check_env, "Set environment variables");
    f.list("env-file", 0, o.env_file, "Read environment variables from a file");
    f.list("expose", 0, o.expose, "Expose a port or a range of ports");
    checked(f, "gpus", 0, "gpu-request", o.gpus, check_gpus, "GPUs to give ('all' for all)");
    f.list("group-add", 0, o.group_add, "Additional groups");
    f.text("health-cmd", 0, o.health_cmd, "Command that checks health");
    f.duration("health-interval", o.health_interval, "Time between checks (ms|s|m|h)");
    f.integer("health-retries", 0, o.health_retries, "Failures in a row that mean unhealthy");
    f.duration("health-start-interval", o.health_start_interval, "Time between checks at start");
    f.duration("health-start-period", o.health_start_period, "Time to start before failures count");
    f.duration("health-timeout", o.health_timeout, "Time a check may take");
    f.text("hostname", 'h', o.hostname, "Host name");
    f.each(
        "init", 0, "",
        [&o](const std::string& text) -> Status {
            TRY(o.init, parse_bool(text));
            o.init_given = true;
            return {};
        },
        "Run an init that forwards signals and reaps processes");
    f.boolean("interactive", 'i', o.interactive, "Keep STDIN open even if not attached");
    f.bytes("io-maxbandwidth", 0, o.io_bandwidth, "IO bandwidth limit (Windows only)");
    counted(f, "io-maxiops", "uint", std::numeric_limits<std::int64_t>::max(), o.io_maxiops,
            "IOps limit (Windows only)");
    f.text("ip", 0, o.ip, "IPv4 address");
    f.text("ip6", 0, o.ip6, "IPv6 address");
    f.text("ipc", 0, o.ipc, "IPC mode");
    f.text("isolation", 0, o.isolation, "Isolation technology");
    f.bytes("kernel-memory", 0, o.kernel_memory, "Kernel memory limit");
    checked(f, "label", 'l', "list", o.labels, check_label, "Set a label");
    f.list("label-file", 0, o.label_file, "Read labels from a file");
    f.list("link", 0, o.links, "Link to another container");
    f.list("link-local-ip", 0, o.link_local_ip, "Link-local addresses");
    f.text("log-driver", 0, o.log_driver, "Logging driver");
    f.list("log-opt", 0, o.log_opt, "Options of the logging driver");
    f.text("mac-address", 0, o.mac_address, "MAC address");
    f.integer("memory-swappiness", 0, o.memory_swappiness, "Swappiness, 0 to 100");
    checked(f, "mount", 0, "mount", o.mounts, check_mount,
            "Attach a mount (type=bind,src=...,dst=...)");
    f.text("name", 0, o.name, "Name of the container");
    checked(f, "network", 0, "network", o.networks, check_network, "Connect to a network");
    f.also("net");
    f.list("network-alias", 0, o.network_alias, "Add a network-scoped alias");
    f.also("net-alias");
    f.boolean("no-healthcheck", 0, o.no_healthcheck, "Switch off the image's health check");
    f.boolean("oom-kill-disable", 0, o.oom_kill_disable, "Disable the OOM killer");
    f.integer("oom-score-adj", 0, o.oom_score_adj, "OOM preference, -1000 to 1000");
    f.text("pid", 0, o.pid, "PID namespace");
    f.text("platform", 0, o.platform, "Platform of the image, os/arch[/variant]");
    f.boolean("privileged", 0, o.privileged, "Give extended privileges");
    f.list("publish", 'p', o.publish, "Publish ports, [ip:][hostport]:port[/proto]");
    f.boolean("publish-all", 'P', o.publish_all, "Publish all exposed ports to random ports");
    f.text("pull", 0, o.pull, "Pull before running (\"always\", \"missing\", \"never\")");
    f.boolean("quiet", 'q', o.quiet, "Say nothing while pulling");
    f.boolean("read-only", 0, o.read_only, "Mount the root filesystem read only");
    f.text("restart", 0, o.restart, "Restart policy (default \"no\")");
    f.boolean("rm", 0, o.remove, "Remove the container and its anonymous volumes when it exits");
    f.text("runtime", 0, o.runtime, "Runtime");
    f.list("security-opt", 0, o.security_opt, "Security options");
    f.bytes("shm-size", 0, o.shm_size, "Size of /dev/shm");
    f.text("stop-signal", 0, o.stop_signal, "Signal that stops the container");
    f.integer("stop-timeout", 0, o.stop_timeout, "Seconds to wait for a stop");
    f.list("storage-opt", 0, o.storage_opt, "Options of the storage driver");
    checked(f, "sysctl", 0, "map", o.sysctl, check_sysctl, "Sysctl settings");
    f.list("tmpfs", 0, o.tmpfs, "Mount a tmpfs");
    f.boolean("tty", 't', o.tty, "Allocate a pseudo-TTY");
    checked(f, "ulimit", 0, "ulimit", o.ulimits, check_ulimit, "Ulimits, name=soft[:hard]");
    f.boolean("use-api-socket", 0, o.api_socket, "Bind mount the API socket");
    f.text("user", 'u', o.user, "User and group, <name|uid>[:<group|gid>]");
    f.text("userns", 0, o.userns, "User namespace");
    f.text("uts", 0, o.uts, "UTS namespace");
    f.list("volume", 'v', o.volumes, "Bind mount a volume or folder");
    f.text("volume-driver", 0, o.volume_driver, "Volume driver");
    f.list("volumes-from", 0, o.volumes_from, "Mount the volumes of another container");
    f.text("workdir", 'w', o.workdir, "Working directory");
}

}  // namespace cli
