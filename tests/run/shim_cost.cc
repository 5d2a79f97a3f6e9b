// What a container costs: from asking the shim to hearing of the end of /bin/true, and the shim's
// memory. `meson test --benchmark`; the asserts are wide, the numbers are for reading.
#include "container_fixture.h"

#include <algorithm>
#include <cstdio>

using support::ContainerFixture;

namespace {

double milliseconds(std::vector<std::int64_t>& times, double share) {
    std::sort(times.begin(), times.end());
    return double(times[std::size_t(double(times.size() - 1) * share)]) / 1e6;
}

long shim_memory(const std::string& exec_root, const char* what) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        std::ifstream line(entry.path() / "cmdline");
        std::string text{std::istreambuf_iterator<char>(line), {}};
        if (text != std::string("lighter-shim") + '\0' + exec_root + '\0') continue;
        std::ifstream file(entry.path() / "smaps_rollup");
        std::string word;
        long value = 0;
        while (file >> word)
            if (word == what) {
                file >> value;
                return value;
            }
    }
    return -1;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(cost_of_a_container, ContainerFixture) {
    std::vector<std::int64_t> prepared_in;
    std::vector<std::int64_t> started_in;
    std::vector<std::int64_t> ended_in;
    run([](ContainerFixture& self, auto& prepared_in, auto& started_in,
           auto& ended_in) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        for (int i = 0; i < 300; ++i) {
            run::ContainerSpec wanted = self.spec({"/bin/true"});
            std::string id = wanted.id;
            std::int64_t begin = base::monotonic_ns();
            auto prepared = self.prepare(std::move(wanted));
            BOOST_REQUIRE(prepared);
            std::int64_t ready = base::monotonic_ns();
            auto started = co_await self.client().start(std::move(*prepared));
            BOOST_REQUIRE(started);
            std::int64_t running = base::monotonic_ns();
            auto ended = co_await self.client().next_ended();
            BOOST_REQUIRE(ended);
            std::int64_t end = base::monotonic_ns();
            self.client().acknowledge(id);
            prepared_in.push_back(ready - begin);
            started_in.push_back(running - ready);
            ended_in.push_back(end - ready);
        }
    }(*this, prepared_in, started_in, ended_in));
    std::printf("prepare %.2f ms, start %.2f ms, start to exit %.2f ms (10%%: %.2f, 90%%: %.2f)\n",
                milliseconds(prepared_in, 0.5), milliseconds(started_in, 0.5),
                milliseconds(ended_in, 0.5), milliseconds(ended_in, 0.1),
                milliseconds(ended_in, 0.9));
    long pss = shim_memory(exec_root(), "Pss:");
    std::printf("shim: PSS %ld KB, RSS %ld KB\n", pss, shim_memory(exec_root(), "Rss:"));
    BOOST_TEST(milliseconds(ended_in, 0.5) < 50.0);
    BOOST_TEST(pss < 1024);
}
