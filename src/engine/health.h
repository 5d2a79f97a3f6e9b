// Healthchecks: a check is an exec; what it says becomes the container's health. Loop thread.
#pragma once

#include "engine/exec.h"
#include "engine/health_rules.h"

#include <map>
#include <memory>
#include <string>

namespace engine {

// What is kept of a running container's health while this machine is up: a check is not worth a
// commit, and a kill of the engine does not make it forget.
struct HealthRecord {
    std::string id;   // of the container
    Time started_at;  // which of its runs
    wire::Health health;
};
const json::Table& json_table(const HealthRecord*);

class Healthchecks final : public RunFollower {
public:
    // `folder`: of the HealthRecords.
    Healthchecks(Containers& containers, Execs& execs, std::string folder);

    // Before Containers::load(): reads the records, which the runs that go on take up.
    Task<Status> load();
    // Checks that are under way are ended.
    Task<void> close();

    void run_changed(const ContainerPtr& container) override;

private:
    struct Outcome {
        std::int64_t code = 0;
        std::string output;
    };
    Task<void> watch(ContainerPtr container, Probe probe, std::int64_t first_ns);
    // Cancelled, or the container does not run any more: nothing is to be made of it.
    Task<Result<wire::HealthResult>> check(ContainerPtr container, const Probe& probe);
    Task<Result<Outcome>> run_check(ContainerPtr container, const Probe& probe);
    Task<Result<Outcome>> follow(ExecPtr exec, std::shared_ptr<Viewer> viewer, const Probe& probe);
    std::int64_t take_up(Container& container, const Probe& probe);
    void stop_watching(const std::string& id);
    Task<void> keep(const Container& container);
    Task<void> drop(std::string id);

    Containers& containers_;
    Execs& execs_;
    std::string folder_;
    std::map<std::string, std::shared_ptr<loop::Stop>> watched_;
    std::map<std::string, HealthRecord> kept_;  // from before this start, until taken up
    Scope work_;
    bool closed_ = false;
};

}  // namespace engine
