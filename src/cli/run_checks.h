// What a value of run's flags must look like, told while the flags are read, in docker's words. The
// value itself is turned into its part of the document later (run_parts.h).
#pragma once

#include "base/error.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace cli {

Status check_env(const std::string& text);
Status check_label(const std::string& text);
Status check_add_host(const std::string& text);
Status check_dns(const std::string& text);
Status check_dns_search(const std::string& text);
Status check_sysctl(const std::string& text);
Status check_mount(const std::string& text);
Status check_network(const std::string& text);
Status check_ulimit(const std::string& text);
Status check_device_rule(const std::string& text);
Status check_device_weight(const std::string& text);
Status check_device_bytes(const std::string& text);
Status check_device_operations(const std::string& text);
Status check_gpus(const std::string& text);

// "1.5" as billionths; more digits than that are refused.
Result<std::int64_t> nano_cpus(const std::string& text);
// Go's strconv.ParseUint.
Result<std::uint64_t> parse_unsigned(std::string_view text, std::uint64_t most);
bool is_address(const std::string& text);

}  // namespace cli
