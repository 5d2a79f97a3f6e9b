#include "cli/stats_row.h"

#include "cli/human.h"

#include <fmt/format.h>

namespace cli {

using codec::Value;

namespace {

// Share of the machine's time since the reading before, in percent of one processor.
double cpu_percent(const Value& stats) {
    const Value &now = stats["cpu_stats"], &before = stats["precpu_stats"];
    double used =
        now["cpu_usage"]["total_usage"].real() - before["cpu_usage"]["total_usage"].real();
    double passed = now["system_cpu_usage"].real() - before["system_cpu_usage"].real();
    double online = now["online_cpus"].real();
    if (online == 0) online = static_cast<double>(now["cpu_usage"]["percpu_usage"].items().size());
    return passed > 0 && used > 0 ? used / passed * online * 100 : 0;
}

// Without the page cache that nobody uses any more: v1's name of it, then v2's.
double memory_used(const Value& memory) {
    double usage = memory["usage"].real();
    for (const char* name : {"total_inactive_file", "inactive_file"}) {
        const Value* cache = memory["stats"].find(name);
        if (cache && cache->real() < usage) return usage - cache->real();
    }
    return usage;
}

}  // namespace

StatsNumbers stats_numbers(const Value& stats) {
    StatsNumbers out;
    out.cpu_percent = cpu_percent(stats);
    const Value& memory = stats["memory_stats"];
    out.memory = memory_used(memory);
    out.memory_limit = memory["limit"].real();
    if (out.memory_limit != 0) out.memory_percent = out.memory / out.memory_limit * 100;
    for (const Value::Member& network : stats["networks"].members()) {
        out.network_rx += network.value["rx_bytes"].real();
        out.network_tx += network.value["tx_bytes"].real();
    }
    for (const Value& entry : stats["blkio_stats"]["io_service_bytes_recursive"].items()) {
        const std::string& operation = entry["op"].text();
        if (operation.starts_with('r') || operation.starts_with('R'))
            out.block_read += entry["value"].real();
        if (operation.starts_with('w') || operation.starts_with('W'))
            out.block_write += entry["value"].real();
    }
    out.pids = stats["pids_stats"]["current"].integer();
    return out;
}

Value stats_row(std::string_view asked, const Value& stats, bool valid, bool trunc) {
    StatsNumbers n = stats_numbers(stats);
    std::string name = stats["name"].text();
    std::string id = stats["id"].text();
    auto shown = [&](std::string text) { return valid ? text : std::string("--"); };
    auto pair = [](const std::string& a, const std::string& b) { return a + " / " + b; };
    Value row = Value::object("*container.statsContext");
    row.set("BlockIO", shown(pair(human_size(n.block_read, 3), human_size(n.block_write, 3))))
        .set("CPUPerc", shown(fmt::format("{:.2f}%", n.cpu_percent)))
        .set("Container", asked)
        .set("ID", trunc ? short_id(id) : id)
        .set("MemPerc", shown(fmt::format("{:.2f}%", n.memory_percent)))
        .set("MemUsage",
             valid ? pair(binary_size(n.memory), binary_size(n.memory_limit)) : "-- / --")
        .set("Name", name.size() > 1 ? name.substr(1) : "--")
        .set("NetIO", shown(pair(human_size(n.network_rx, 3), human_size(n.network_tx, 3))))
        .set("PIDs", shown(std::to_string(n.pids)));
    return row;
}

Value stats_head() {
    Value head = Value::object("formatter.SubHeaderContext");
    head.set("Container", "CONTAINER")
        .set("Name", "NAME")
        .set("ID", "CONTAINER ID")
        .set("CPUPerc", "CPU %")
        .set("MemUsage", "MEM USAGE / LIMIT")
        .set("MemPerc", "MEM %")
        .set("NetIO", "NET I/O")
        .set("BlockIO", "BLOCK I/O")
        .set("PIDs", "PIDS");
    return head;
}

}  // namespace cli
