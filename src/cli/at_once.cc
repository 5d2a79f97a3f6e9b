#include "cli/at_once.h"

#include "loop/scope.h"

#include <algorithm>
#include <optional>

namespace cli {

namespace {

struct AtOnce {
    Context& context;
    std::vector<std::optional<Status>> outcomes;
    std::size_t next = 0;
};

Task<void> work_off(AtOnce& work, std::vector<Engine::Call>& calls) {
    while (work.next < calls.size()) {
        std::size_t mine = work.next++;
        work.outcomes[mine] = co_await work.context.engine.done(std::move(calls[mine]));
    }
}

}  // namespace

Task<std::vector<Status>> all_done(Context& context, std::vector<Engine::Call> calls) {
    constexpr std::size_t at_once_max = 50;
    AtOnce work{context, {}};
    work.outcomes.resize(calls.size());
    // One for all: not every worker is to ask for the version.
    (void)co_await context.engine.version();
    Scope scope(context.engine.loop(), co_await loop::this_stop());
    for (std::size_t i = 0; i < std::min(calls.size(), at_once_max); ++i)
        scope.spawn(work_off(work, calls));
    co_await scope.join();
    std::vector<Status> out;
    for (auto& outcome : work.outcomes)
        out.push_back(outcome ? std::move(*outcome) : Status(Error(Kind::cancelled, "cancelled")));
    co_return out;
}

int tell(const Arguments& names, const std::vector<Status>& outcomes, bool missing_is_fine) {
    int code = 0;
    std::string trouble;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (outcomes[i] || outcomes[i].error().kind() == Kind::unchanged) {
            print(names[i] + "\n");
            continue;
        }
        trouble += (trouble.empty() ? "" : "\n") + outcomes[i].error().message();
        if (!missing_is_fine || outcomes[i].error().kind() != Kind::missing) code = 1;
    }
    if (!trouble.empty()) fail(trouble);
    return code;
}

}  // namespace cli
