// Who registries are told is asking: the engine, its host, and the client behind it.
#pragma once

#include <string>
#include <string_view>

namespace registry {

// "lighter/0.1.0 kernel/6.1.0 os/linux arch/amd64 UpstreamClient(Docker-Client/28.2.2
// \(linux\))", as Docker builds it: one token a fact, the client's own header escaped and without
// what cannot stand in a header; nothing of it when `upstream` is empty.
std::string user_agent(std::string_view upstream);

}  // namespace registry
