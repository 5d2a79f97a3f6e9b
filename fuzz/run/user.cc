// user[:group] against any passwd and group: NUL-separated user, group_add, passwd; the rest is
// group. What is answered must keep the promises of the header.
#include "run/user.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    auto next = [&] {
        std::size_t at = rest.find('\0');
        std::string_view part = rest.substr(0, at);
        rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
        return part;
    };
    std::string_view user = next();
    std::vector<std::string> group_add;
    if (std::string_view extra = next(); !extra.empty()) group_add.emplace_back(extra);
    std::string_view passwd = next();
    auto resolved = run::resolve_user_in(passwd, rest, user, group_add);
    if (!resolved) {
        if (resolved.error().message().empty()) std::abort();
        return 0;
    }
    constexpr std::uint32_t id_max = 2147483647;
    if (resolved->uid > id_max || resolved->gid > id_max || resolved->home.empty()) std::abort();
    if (resolved->additional_gids.empty() || resolved->additional_gids[0] != resolved->gid)
        std::abort();
    return 0;
}
