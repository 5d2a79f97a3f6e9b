// The flags of run and create, and the API document they make.
#pragma once

#include "cli/limit_flags.h"

#include <optional>
#include <string>
#include <vector>

namespace cli {

struct RunOptions : LimitOptions {
    // What the client itself acts on.
    bool detach = false, remove = false, quiet = false, sig_proxy = true, tty = false;
    bool interactive = false;
    std::string name, platform, pull = "missing", cidfile, detach_keys;
    Arguments attach;

    // What travels to the engine.
    Arguments add_host, annotations, blkio_device, cap_add, cap_drop, devices, device_rules, dns,
        dns_option, dns_search, env, env_file, expose, gpus, group_add, labels, label_file, links,
        log_opt, mounts, networks, network_alias, publish, security_opt, storage_opt, sysctl, tmpfs,
        ulimits, volumes, volumes_from, link_local_ip, read_bps, read_iops, write_bps, write_iops;
    std::string cgroup_parent, cgroupns, domainname, health_cmd, hostname,
        ip, ip6, ipc, isolation, log_driver, mac_address, pid,
        restart = "no", runtime, stop_signal, user, userns, uts, volume_driver, workdir;
    std::optional<std::string> entrypoint;
    std::optional<std::int64_t> cpu_count, cpu_percent, memory_swappiness, oom_score_adj,
        stop_timeout, health_retries, io_maxiops;
    std::int64_t shm_size = 0, kernel_memory = 0, io_bandwidth = 0;
    std::int64_t health_interval = 0, health_timeout = 0, health_start_period = 0,
                 health_start_interval = 0;
    bool init = false, init_given = false, no_healthcheck = false, oom_kill_disable = false,
         privileged = false, publish_all = false, read_only = false, content_trust = true,
         api_socket = false;

    bool attach_stdin = false, attach_stdout = false, attach_stderr = false;
};

// Declares every flag; `run`: also those that create does not have.
void add_run_flags(FlagSet& flags, RunOptions& options, bool run);

// The body of POST /containers/create. Reads env, label and seccomp files; settles attach_*.
Result<Value> create_body(RunOptions& options, const std::string& image, const Arguments& command);

}  // namespace cli
