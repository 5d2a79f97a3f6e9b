// update: other limits and another restart policy for containers that are there.
#include "cli/limit_flags.h"
#include "cli/run_parts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace cli {

namespace {

struct UpdateOptions : LimitOptions {
    std::string restart;
};

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

Task<int> run_update(Context& context, Arguments words) {
    UpdateOptions options;
    FlagSet flags(context.program, "update [OPTIONS] CONTAINER [CONTAINER...]",
                  "Update configuration of one or more containers");
    add_limit_flags(flags, options);
    flags.text("restart", 0, options.restart, "Restart policy to apply when a container exits");
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
    co_return failed.empty() ? 0 : fail(fmt::format("{}", fmt::join(failed, "\n")));
}

}  // namespace cli
