// container prune: what has stopped and is not wanted any more.
#include "base/log.h"
#include "engine/containers.h"

namespace engine {

Task<Result<Containers::Pruned>> Containers::prune(std::function<bool(const Container&)> takes) {
    if (pruning_) co_return Error(Kind::conflict, "a prune operation is already running");
    pruning_ = true;
    Pruned pruned;
    std::vector<ContainerPtr> containers = all();
    Status stopped;
    for (const ContainerPtr& container : containers) {
        if (container->is_active() || container->removing || !takes(*container)) continue;
        auto size = co_await sizes(container);
        Status gone = co_await remove(container, false, false);
        if (gone) {
            pruned.ids.push_back(container->id());
            if (size) pruned.bytes += size->writable;
        } else if (gone.error().kind() == Kind::cancelled) {
            stopped = gone;
            break;
        } else {
            base::log::warn("prune passes over container={}: {}", container->id(),
                            gone.error().message());
        }
    }
    pruning_ = false;
    if (!stopped) co_return stopped.error();
    parts_.events.publish("container", "prune", "", {{"reclaimed", std::to_string(pruned.bytes)}});
    co_return pruned;
}

}  // namespace engine
