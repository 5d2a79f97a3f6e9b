// Containers: the index, create and remove, start and stop, ends and restarts. Loop thread; what
// blocks runs on workers.
#pragma once

#include "engine/container.h"
#include "engine/events.h"
#include "engine/images.h"
#include "engine/launch.h"
#include "engine/network.h"
#include "engine/settings.h"
#include "run/shim_client.h"
#include "store/containers.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

struct ContainerParts {
    Loop& loop;
    Workers& workers;
    store::Store& store;
    store::Containers& records;
    Images& images;
    Events& events;
    Network& network;
    run::ShimClient& shim;
    const sys::CgroupHost& cgroups;
    std::string intakes;  // folder of what is not in a log yet (store/log_intake), on a tmpfs
};

struct Created {
    std::string id;
    std::vector<std::string> warnings;
};

struct CreateOrder {
    std::string name;  // "": one is made up
    wire::ContainerCreate wanted;
    std::string platform;
};

struct StopOrder {
    std::optional<std::int64_t> timeout_s;  // absent: the container's, negative: for ever
    std::string signal;                     // "": the container's
};

struct ContainerSizes {
    std::int64_t writable = 0;  // what the container has written
    std::int64_t all = 0;       // with its image
};

// Further processes in containers: what the shim says of names with their prefix.
class SideProcesses {
public:
    virtual void ended(run::Ended ended) = 0;
    // One that the shim held while no engine was there.
    virtual Task<void> adopt(run::Adopted adopted) = 0;
    // The container's first process has ended: nothing new starts in it.
    virtual void run_over(const std::string& container_id) = 0;
    // Copies of its descriptors, for a shim that takes the place of a dead one.
    virtual std::optional<run::Console> lend(std::string_view id) = 0;

protected:
    ~SideProcesses() = default;
};

// Hears when a container begins to run, or to be looked at again, and when that ends.
class RunFollower {
public:
    virtual void run_changed(const ContainerPtr& container) = 0;

protected:
    ~RunFollower() = default;
};

enum class WaitFor { not_running, next_exit, removed };

class Containers final : public ImageUsers {
public:
    Containers(ContainerParts parts, ContainerSettings settings);
    ~Containers();  // after close()

    // Reads the records, takes over what still runs, records what has ended meanwhile. Then
    // begin_restarts() starts what its policy says.
    Task<Status> load();
    void begin_restarts();
    // Ends following the shim. Containers run on.
    Task<void> close();
    // Stops all (SIGTERM of the daemon without live-restore). Who takes longer than the shutdown
    // timeout, or than its own stop timeout if it has one, is killed.
    Task<void> stop_all();

    // Before load(). `processes` outlives this.
    void set_side_processes(std::string prefix, SideProcesses& processes) {
        side_processes_[std::move(prefix)] = &processes;
    }
    // The same for it.
    void set_run_follower(RunFollower& follower) { run_follower_ = &follower; }

    // Full id, name with or without slash, or unique id prefix. missing "No such container: x".
    Result<ContainerPtr> find(std::string_view reference) const;
    // Newest first; a snapshot.
    std::vector<ContainerPtr> all() const;
    std::size_t count(std::string_view state) const;

    Task<Result<Created>> create(CreateOrder order);
    Task<Status> start(ContainerPtr container);
    Task<Status> stop(ContainerPtr container, StopOrder order);
    Task<Status> restart(ContainerPtr container, StopOrder order);
    Task<Status> kill(ContainerPtr container, int signal);
    // pause.cc. conflict when it is so already, or does not run.
    Task<Status> pause(ContainerPtr container);
    Task<Status> unpause(ContainerPtr container);
    // update.cc: what is not zero, as Docker has it; in force at once when it runs. Warnings.
    Task<Result<std::vector<std::string>>> update(ContainerPtr container,
                                                  wire::ContainerUpdate wanted);
    // prune.cc: removes those that have stopped and that `takes` says. conflict while another
    // prune is at work.
    struct Pruned {
        std::vector<std::string> ids;
        std::int64_t bytes = 0;
    };
    Task<Result<Pruned>> prune(std::function<bool(const Container&)> takes);
    Task<Status> remove(ContainerPtr container, bool force, bool volumes);
    Task<Status> rename(ContainerPtr container, std::string name);
    Status resize(Container& container, unsigned height, unsigned width);
    // No more input for this run: the daemon's end and the shim's.
    void close_stdin(Container& container);
    // The exit code, once the condition holds. next_exit: an end after the `seen`th
    // (Container::exits), so that none is missed between a look and the wait.
    Task<Result<std::int64_t>> wait(ContainerPtr container, WaitFor condition, std::uint64_t seen);
    // Bytes on disk; a worker walks the container's own files.
    Task<Result<ContainerSizes>> sizes(ContainerPtr container);

    // A worker opens the log for reading. unsupported without a log that can be read.
    Task<Result<store::LogReader>> open_log(ContainerPtr container, store::LogQuery query);
    std::string folder_of(const Container& container) const { return folder_of(container.id()); }
    // Of a container that may not be known yet.
    std::string folder_of(const std::string& id) const;
    std::string log_path(const Container& container) const;  // "": none is written
    const ContainerSettings& settings() const { return settings_; }
    // For what comes; containers that are there keep what they were made with.
    void set_settings(ContainerSettings settings) { settings_ = std::move(settings); }
    Loop& loop() { return parts_.loop; }
    Workers& workers() { return parts_.workers; }
    void publish(const Container& container, std::string action, wire::StringMap more = {});

    std::vector<Use> users_of(const std::string& image_id) override;
    std::map<std::string, std::vector<std::string>> users() override;
    std::vector<std::vector<std::string>> layers_in_use() override;

private:
    // containers.cc: the index
    Result<std::string> free_name(const std::string& wanted, const std::string& id);
    Status name_by_id(std::string& mode, bool must_exist) const;
    Task<Result<ContainerRecord>> merge(CreateOrder order, std::vector<std::string>& warnings);
    Task<Status> commit(Container& container);
    Task<Status> drop_record(const Container& container);
    // What is left over is logged; the next start sweeps it, as it has no record.
    Task<void> remove_files(std::string id);
    void forget(Container& container);
    // Below every hierarchy.
    std::string cgroup_path(const ContainerRecord& record) const;
    // The default bridge's "connect" and "disconnect".
    void publish_network(const Container& container, std::string action);
    // lifecycle.cc: start and stop
    Task<Status> start_locked(ContainerPtr container);
    Task<Result<LaunchPlan>> plan_launch(ContainerPtr container);
    Task<Result<run::Started>> launch(ContainerPtr container);
    Task<Status> began(ContainerPtr container, run::Started started);
    // `found`: what a dead daemon left of this run's intake is finished first.
    Task<Result<std::optional<Console::Log>>> open_log_writer(const Container& container,
                                                              bool found);
    Task<Status> end_of(ContainerPtr container, StopOrder order);
    Task<Status> wait_until_stopped(ContainerPtr container);
    Status send(Container& container, int signal);
    // send(), and a paused container runs again so that the signal reaches it.
    Task<Status> deliver(ContainerPtr container, int signal);
    Task<Status> thaw(ContainerPtr container);
    void cancel_restart(Container& container);
    // `running` or `paused` is another now.
    void run_changed(const ContainerPtr& container);
    // exits.cc: ends and restarts
    Task<void> follow_shim();
    SideProcesses* side_processes_of(std::string_view id) const;
    Task<void> record_exit(ContainerPtr container, run::Ended ended);
    // oom.cc: kills by the memory controller, told as they happen. Each kill is told once; the
    // caller commits the record.
    void watch_oom(ContainerPtr container);
    Task<void> follow_oom(ContainerPtr container);
    Task<Status> tell_oom(ContainerPtr container);
    Task<void> end_others(ContainerPtr container);
    // The address is free for others, and that is told.
    Task<void> release_endpoint(ContainerPtr container);
    Task<void> clean_up_run(ContainerPtr container, Fd mount_namespace);
    static bool policy_restarts(const ContainerRecord& record);
    bool wants_restart(const Container& container) const;
    void plan_restart(ContainerPtr container);
    Task<void> restart_after_exit(ContainerPtr container);
    Task<Status> remove_locked(ContainerPtr container);
    // The engine's own removal: of --rm, and of one that was cut off.
    void remove_soon(ContainerPtr container);
    // adopt.cc: the start of the engine
    Task<void> adopt(run::Adopted adopted);
    Task<bool> found_again(ContainerPtr container);
    Task<void> lost(ContainerPtr container);
    Task<void> sweep_intakes();
    bool restarts_at_boot(const Container& container) const;
    std::int64_t shutdown_patience(const Container& container) const;

    ContainerParts parts_;
    ContainerSettings settings_;
    std::map<std::string, ContainerPtr> by_id_;
    std::map<std::string, std::string> ids_by_name_;  // reserved from the moment create begins
    std::map<std::string, SideProcesses*> side_processes_;
    RunFollower* run_follower_ = nullptr;
    Scope work_;  // follow_shim, restarts, clean-up
    loop::Stop following_;
    bool shutting_down_ = false;
    bool pruning_ = false;
};

}  // namespace engine
