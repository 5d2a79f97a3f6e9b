#include "engine/top.h"

#include "engine/ps.h"

#include <fmt/format.h>

namespace engine {

Task<Result<wire::TopResponse>> top(Containers& containers, ContainerPtr container,
                                    std::string arguments) {
    CO_TRY(std::vector<ps::Column> columns, ps::columns(arguments));
    if (container->restarting)
        co_return Error(Kind::conflict,
                        fmt::format("Container {} is restarting, wait until the container is "
                                    "running",
                                    container->id()));
    if (!container->running || !container->cgroup)
        co_return Error(Kind::conflict,
                        fmt::format("container {} is not running", container->id()));
    CO_TRY(wire::TopResponse out, co_await containers.workers().run(
                                      loop::Lane::quick,
                                      [](sys::Cgroup group, std::vector<ps::Column> wanted) {
                                          return ps::list(wanted, group.processes());
                                      },
                                      *container->cgroup, std::move(columns)));
    containers.publish(*container, "top");
    co_return out;
}

}  // namespace engine
