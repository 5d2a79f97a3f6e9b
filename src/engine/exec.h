// Execs: further processes in running containers. The index, create, start, ends; what a client
// sees of one. Loop thread; what blocks runs on workers.
#pragma once

#include "engine/containers.h"
#include "engine/exec_record.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

// Shared by the index and by the tasks that act on it.
struct Exec {
    Exec(Loop& loop, Workers& workers, ExecRecord kept, std::string folder)
        : record(std::move(kept)), console(loop, workers, std::move(folder)), changed(loop) {}

    ExecRecord record;
    Console console;
    bool running = false;
    bool launched = false;  // the start has come to its end, good or bad
    pid_t pid = 0;
    Fd pidfd;
    loop::WaitList changed;  // launched, or removed from the index

    const std::string& id() const { return record.id; }
};
using ExecPtr = std::shared_ptr<Exec>;

struct ExecParts {
    Loop& loop;
    Workers& workers;
    Containers& containers;
    run::ShimClient& shim;
    const sys::CgroupHost& cgroups;
    std::string folder;  // of the records
};

class Execs final : public SideProcesses {
public:
    explicit Execs(ExecParts parts);
    ~Execs();  // after close()

    // Reads the records; before Containers::load(), which hands over what still runs.
    Task<Status> load();
    // What neither runs nor has ended nor can be started is gone: after Containers::load().
    void settle();
    // Processes run on.
    Task<void> close();

    // The id. conflict when the container does not run; invalid "No exec command specified".
    // `check`: of its health.
    Task<Result<std::string>> create(ContainerPtr container, wire::ExecConfig config,
                                     bool check = false);
    // missing "No such exec instance: x", also when its container is gone.
    Result<ExecPtr> find(const std::string& id) const;
    // The same, and its container runs: conflict in Docker's words when not.
    Result<ExecPtr> find_running(const std::string& id) const;

    // Launches the process. conflict when that was done before. A failure gives the exec its code.
    Task<Status> start(ExecPtr exec, wire::ConsoleSize size);
    // The same for a client that stays: until the output ends, the client detaches or has gone.
    Task<Status> start_attached(ExecPtr exec, wire::ConsoleSize size, bool framed, Stream& client);
    // Waits for the start, for 10 s at most.
    Task<Status> resize(ExecPtr exec, unsigned height, unsigned width);

    // Forgets one that has ended, before its time.
    void drop(const Exec& exec) { forget(std::string(exec.id())); }
    // Those of the container that have not ended.
    std::vector<std::string> ids_of(const std::string& container_id) const;

    void ended(run::Ended ended) override;
    Task<void> adopt(run::Adopted adopted) override;
    void run_over(const std::string& container_id) override;
    std::optional<run::Console> lend(std::string_view name) override;

private:
    Task<Result<run::Started>> launch(ExecPtr exec, ContainerPtr container, wire::ConsoleSize size);
    Task<void> failed(ExecPtr exec, std::string message);
    Task<void> record_end(ExecPtr exec, run::Ended ended);
    Task<void> input_ended(ExecPtr exec);
    Task<Status> keep(Exec& exec);
    void finish(Exec& exec, std::int64_t code, Time at);
    void forget(const std::string& id);
    void plan_sweep();
    void publish(const Exec& exec, const std::string& action, wire::StringMap more = {});

    ExecParts parts_;
    std::map<std::string, ExecPtr> by_id_;
    std::deque<std::pair<loop::Milliseconds, std::string>> finished_;  // oldest first
    std::optional<loop::Alarm> sweep_;
    Scope work_;
};

}  // namespace engine
