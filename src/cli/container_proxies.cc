#include "cli/container_proxies.h"

#include "base/text.h"

#include <algorithm>

namespace cli {

void add_proxies(const Value& config, const std::string& host, Arguments& env) {
    const Value* proxies = config["proxies"].find(host);
    if (proxies == nullptr) proxies = &config["proxies"]["default"];
    auto is_set = [&](const std::string& name) {
        return std::ranges::any_of(
            env, [&](const std::string& one) { return one.substr(0, one.find('=')) == name; });
    };
    using Pair = std::pair<const char*, const char*>;
    for (auto [key, name] : {Pair("httpProxy", "HTTP_PROXY"), Pair("httpsProxy", "HTTPS_PROXY"),
                             Pair("noProxy", "NO_PROXY"), Pair("ftpProxy", "FTP_PROXY"),
                             Pair("allProxy", "ALL_PROXY")}) {
        const std::string& value = (*proxies)[key].text();
        if (value.empty()) continue;
        for (const std::string& spelled : {std::string(name), base::lowered(name)})
            if (!is_set(spelled)) env.push_back(spelled + "=" + value);
    }
}

}  // namespace cli
