#include "run/sysctl.h"

#include <algorithm>
#include <fmt/format.h>

namespace run {

namespace {

constexpr std::size_t text_bytes_max = 256;  // of a key; the longest of the kernel's have 60

bool of_ipc(std::string_view key) {
    static constexpr std::string_view known[] = {
        "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
        "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"};
    return key.starts_with("fs.mqueue.") || std::ranges::find(known, key) != std::end(known);
}

bool plain_key(std::string_view key) {
    return key.size() <= text_bytes_max && !key.empty() && !key.starts_with('.') &&
           !key.ends_with('.') && !key.contains("..") && std::ranges::all_of(key, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-';
           });
}

// Blanks separate the numbers of one setting; no setting has a plus or an equals sign.
bool plain_value(std::string_view value) {
    return std::ranges::all_of(
        value, [](char c) { return c == '\t' || (c >= ' ' && c != 0x7f && c != '+' && c != '='); });
}

}  // namespace

Status check_sysctl(const std::string& key, const std::string& value, const Namespaces& own) {
    auto refused = [&](std::string_view why) {
        return Error(Kind::invalid, fmt::format("sysctl \"{}\" {}", key, why));
    };
    if (!plain_key(key)) return refused("is not allowed");
    if (!plain_value(value)) return refused("has a value that is not allowed");
    if (key.starts_with("net.")) {
        if (own.network == Namespace::host) return refused("not allowed in host network namespace");
        return {};
    }
    if (of_ipc(key)) {
        if (own.ipc == Namespace::host) return refused("is not allowed in the hosts ipc namespace");
        return {};
    }
    if (own.uts != Namespace::host) {
        if (key == "kernel.domainname") return {};
        if (key == "kernel.hostname")
            return refused("is not allowed as it conflicts with the OCI \"hostname\" field");
    }
    return refused("is not in a separate kernel namespace");
}

}  // namespace run
