// port: where a container's ports are published.
#include "cli/context.h"
#include "cli/run_checks.h"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>

namespace cli {

namespace {

std::string address_of(const Value& binding) {
    std::string ip = binding["HostIp"].text();
    if (ip.find(':') != ip.npos) ip = "[" + ip + "]";
    return ip + ":" + binding["HostPort"].text();
}

// Numbers in the text count as numbers: 80/tcp comes before 443/tcp.
bool natural_less(std::string_view a, std::string_view b) {
    auto digit = [](char c) { return c >= '0' && c <= '9'; };
    while (!a.empty() && !b.empty()) {
        if (!digit(a[0]) || !digit(b[0])) {
            if (a[0] != b[0]) return a[0] < b[0];
            a.remove_prefix(1);
            b.remove_prefix(1);
            continue;
        }
        auto number = [&](std::string_view& text) {
            std::size_t zeros = std::min(text.find_first_not_of('0'), text.size());
            text.remove_prefix(zeros);
            std::size_t end = 0;
            while (end < text.size() && digit(text[end]))
                ++end;
            std::string_view out = text.substr(0, end);
            text.remove_prefix(end);
            return out;
        };
        std::string_view left = number(a), right = number(b);
        if (left.size() != right.size()) return left.size() < right.size();
        if (left != right) return left < right;
    }
    return a.size() < b.size();
}

}  // namespace

Task<int> run_port(Context& context, Arguments words) {
    FlagSet flags(context.program, "port CONTAINER [PRIVATE_PORT[/PROTO]]",
                  "List port mappings or a specific mapping for the container");
    Parsed parsed = parse_command(flags, words, {1, 2});
    if (parsed.exit) co_return *parsed.exit;
    const std::string& id = parsed.arguments[0];
    auto found = co_await context.engine.value(get("/containers/" + id + "/json"));
    if (!found) co_return fail(found.error());
    const Value& ports = (*found)["NetworkSettings"]["Ports"];
    Arguments lines;
    if (parsed.arguments.size() > 1 && !parsed.arguments[1].empty()) {
        const std::string& wanted = parsed.arguments[1];
        std::string port = wanted.substr(0, wanted.find('/'));
        std::string protocol = port.size() < wanted.size() ? wanted.substr(port.size() + 1) : "";
        if (protocol.empty()) protocol = "tcp";
        if (auto number = parse_unsigned(port, UINT16_MAX); !number)
            co_return fail(
                fmt::format("Error: invalid port ({}): {}", port, number.error().message()));
        for (const Value& binding : ports[port + "/" + protocol].items())
            lines.push_back(address_of(binding));
        if (lines.empty())
            co_return fail(fmt::format("Error: No public port '{}' published for {}", wanted, id));
    } else {
        for (const Value::Member& port : ports.members())
            for (const Value& binding : port.value.items())
                lines.push_back(fmt::format("{} -> {}", port.name, address_of(binding)));
    }
    std::ranges::sort(lines, natural_less);
    if (!lines.empty()) print(fmt::format("{}\n", fmt::join(lines, "\n")));
    co_return 0;
}

}  // namespace cli
