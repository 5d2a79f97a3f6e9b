// pause, unpause, update: what changes running containers without stopping them.
#include "cli/context.h"
#include "cli/run_checks.h"
#include "cli/run_parts.h"

#include <fmt/format.h>
#include <limits>

namespace cli {

namespace {

// Docker tells all that failed at the end.
int told(const Arguments& failed) {
    return failed.empty() ? 0 : fail(fmt::format("{}", fmt::join(failed, "\n")));
}

Task<int> for_each(Context& context, Arguments words, std::string verb, std::string about) {
    FlagSet flags(context.program, verb + " CONTAINER [CONTAINER...]", std::move(about));
    Parsed parsed = parse_command(flags, words, {1, -1});
    if (parsed.exit) co_return *parsed.exit;
    Arguments failed;
    for (const std::string& id : parsed.arguments) {
        auto done = co_await context.engine.done(post("/containers/" + id + "/" + verb));
        if (done)
            print(id + "\n");
        else
            failed.push_back(done.error().message());
    }
    co_return told(failed);
}

struct UpdateOptions {
    std::optional<std::int64_t> blkio_weight, cpu_period, cpu_quota, cpu_rt_period, cpu_rt_runtime,
        cpu_shares, pids_limit;
    std::string cpuset_cpus, cpuset_mems, restart;
    std::int64_t memory = 0, memory_reservation = 0, memory_swap = 0, kernel_memory = 0,
                 nano_cpus = 0;
};

void add_update_flags(FlagSet& flags, UpdateOptions& o) {
    flags.each(
        "blkio-weight", 0, "uint16",
        [&o](const std::string& text) -> Status {
            TRY(std::uint64_t value,
                parse_unsigned(text, std::numeric_limits<std::uint16_t>::max()));
            o.blkio_weight = static_cast<std::int64_t>(value);
            return {};
        },
        "Block IO weight, 10 to 1000 (0: off)");
    flags.integer("cpu-period", 0, o.cpu_period, "CFS period in microseconds");
    flags.integer("cpu-quota", 0, o.cpu_quota, "CFS quota in microseconds");
    flags.integer("cpu-rt-period", 0, o.cpu_rt_period, "Real-time period in microseconds");
    flags.integer("cpu-rt-runtime", 0, o.cpu_rt_runtime, "Real-time runtime in microseconds");
    flags.integer("cpu-shares", 'c', o.cpu_shares, "CPU shares (relative weight)");
    flags.each(
        "cpus", 0, "decimal",
        [&o](const std::string& text) -> Status {
            TRY(o.nano_cpus, nano_cpus(text));
            return {};
        },
        "Number of CPUs");
    flags.text("cpuset-cpus", 0, o.cpuset_cpus, "CPUs to run on (0-3, 0,1)");
    flags.text("cpuset-mems", 0, o.cpuset_mems, "Memory nodes to use (0-3, 0,1)");
    flags.bytes("memory", 'm', o.memory, "Memory limit");
    flags.bytes("memory-reservation", 0, o.memory_reservation, "Memory soft limit");
    flags.bytes("memory-swap", 0, o.memory_swap, "Memory plus swap ('-1': unlimited swap)");
    flags.integer("pids-limit", 0, o.pids_limit, "Limit of processes (-1: unlimited)");
    flags.text("restart", 0, o.restart, "Restart policy to apply when a container exits");
}

Result<Value> update_body(const UpdateOptions& o) {
    Value body = Value::object();
    auto number = [&](const char* name, std::optional<std::int64_t> value) {
        if (value && *value != 0) body.set(name, *value);
    };
    number("BlkioWeight", o.blkio_weight);
    number("CpuPeriod", o.cpu_period);
    number("CpuQuota", o.cpu_quota);
    number("CpuRealtimePeriod", o.cpu_rt_period);
    number("CpuRealtimeRuntime", o.cpu_rt_runtime);
    number("CpuShares", o.cpu_shares);
    number("NanoCpus", o.nano_cpus);
    number("Memory", o.memory);
    number("MemoryReservation", o.memory_reservation);
    number("MemorySwap", o.memory_swap);
    number("PidsLimit", o.pids_limit);
    if (!o.cpuset_cpus.empty()) body.set("CpusetCpus", o.cpuset_cpus);
    if (!o.cpuset_mems.empty()) body.set("CpusetMems", o.cpuset_mems);
    if (!o.restart.empty()) {
        TRY(Value policy, restart_of(o.restart));
        body.set("RestartPolicy", std::move(policy));
    }
    return body;
}

}  // namespace

Task<int> run_pause(Context& context, Arguments words) {
    return for_each(context, std::move(words), "pause",
                    "Pause all processes within one or more containers");
}

Task<int> run_unpause(Context& context, Arguments words) {
    return for_each(context, std::move(words), "unpause",
                    "Unpause all processes within one or more containers");
}

Task<int> run_update(Context& context, Arguments words) {
    UpdateOptions options;
    FlagSet flags(context.program, "update [OPTIONS] CONTAINER [CONTAINER...]",
                  "Update configuration of one or more containers");
    add_update_flags(flags, options);
    Parsed parsed = parse_command(flags, words, {1, -1});
    if (parsed.exit) co_return *parsed.exit;
    if (flags.given().empty())
        co_return fail("you must provide one or more flags when using this command");
    auto body = update_body(options);
    if (!body) co_return fail(body.error());
    Arguments failed, warnings;
    for (const std::string& id : parsed.arguments) {
        Engine::Call call = post("/containers/" + id + "/update");
        call.body = body->json();
        auto answer = co_await context.engine.value(std::move(call));
        if (!answer) {
            failed.push_back(answer.error().message());
            continue;
        }
        print(id + "\n");
        for (const Value& warning : (*answer)["Warnings"].items())
            warnings.push_back(warning.text());
    }
    if (!warnings.empty()) print(fmt::format("{}\n", fmt::join(warnings, "\n")));
    co_return told(failed);
}

}  // namespace cli
