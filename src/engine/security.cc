#include "engine/security.h"

#include "run/capabilities.h"
#include "run/seccomp.h"

#include <fmt/core.h>
#include <string_view>
#include <unistd.h>

namespace engine {

namespace {

bool apparmor_enabled() {
    static const bool enabled = ::access("/sys/kernel/security/apparmor", F_OK) == 0;
    return enabled;
}

// "": Docker's own, as "builtin".
void set_seccomp(Security& security, std::string_view profile) {
    security.seccomp_unconfined = profile == "unconfined";
    security.seccomp_profile = profile == "unconfined" || profile == "builtin" ? "" : profile;
}

Status read_option(Security& security, std::string_view option) {
    if (option == "no-new-privileges") {
        security.no_new_privileges = true;
        return {};
    }
    std::size_t at = option.find('=');
    if (at == std::string_view::npos) at = option.find(':');  // the old form
    if (at == std::string_view::npos)
        return Error(Kind::invalid, fmt::format("invalid --security-opt 1: \"{}\"", option));
    std::string_view key = option.substr(0, at), value = option.substr(at + 1);
    if (key == "no-new-privileges") {
        if (value != "true" && value != "false")
            return Error(Kind::invalid, fmt::format("invalid --security-opt 2: \"{}\"", option));
        security.no_new_privileges = value == "true";
    } else if (key == "seccomp") {
        set_seccomp(security, value);
    } else if (key == "apparmor") {
        // Without AppArmor in the kernel the name of a profile means nothing; with it, this engine
        // sets none, and must not pretend to.
        if (apparmor_enabled() && value != "unconfined")
            return Error(Kind::unsupported,
                         "AppArmor profiles are not implemented by this engine yet");
    } else if (key == "label") {
        if (value != "disable")
            return Error(Kind::unsupported, "SELinux labels are not implemented by this engine");
    } else {
        return Error(Kind::invalid, fmt::format("invalid --security-opt 2: \"{}\"", option));
    }
    return {};
}

}  // namespace

Result<Security> security_of(const wire::HostConfig& host, const ContainerSettings& settings) {
    Security security;
    security.no_new_privileges = settings.no_new_privileges;
    // A privileged container has no filter unless it names one itself.
    if (!host.privileged) set_seccomp(security, settings.seccomp_profile);
    for (const std::string& option : host.security_opt)
        TRY_DO(read_option(security, option));
    if (host.privileged && security.seccomp_profile.empty()) security.seccomp_unconfined = true;
    TRY(security.capabilities, run::capability_mask(host.cap_add, host.cap_drop, host.privileged));
    return security;
}

Result<std::string> seccomp_filter(const Security& security) {
    if (security.seccomp_unconfined) return std::string();
    if (security.seccomp_profile.empty()) return run::default_seccomp(security.capabilities);
    return run::compile_seccomp(security.seccomp_profile, security.capabilities);
}

}  // namespace engine
