// `system check`: the database, images, layers and containers against what is on the disk, and the
// repair of what is damaged: a layer is fetched again from where it came from, and nothing else is.
#pragma once

#include "engine/containers.h"
#include "engine/images.h"
#include "registry/puller.h"
#include "store/containers.h"
#include "store/store.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace engine {

struct CheckLine {
    std::string id;       // "layer sha256:...", "database"; empty in the last line
    std::string status;   // Checking, Damaged, Fetching, Repaired, Not repaired, Note
    std::string message;  // what is wrong, or why it stays so
};

struct CheckReport {
    std::uint64_t layers = 0, images = 0, containers = 0;  // looked at
    std::uint64_t problems = 0, repaired = 0;
};

struct CheckOrder {
    bool repair = false;
    registry::HeaderList headers;                              // User-Agent
    std::map<std::string, registry::Credentials> credentials;  // by registry: "docker.io"
};

// Who asked. Waits when that client is slow.
class CheckSink {
public:
    virtual Task<Status> tell(CheckLine line) = 0;

protected:
    ~CheckSink() = default;
};

// Loop thread; the looking is done by workers.
class Checks {
public:
    // All of it outlives this.
    struct Parts {
        Loop& loop;
        Workers& workers;
        store::Store& store;
        store::Containers& records;
        Images& images;
        Containers& containers;
        registry::Puller& puller;
    };
    explicit Checks(Parts parts);

    // conflict while another one runs. An error is of the check itself; what is wrong with the
    // store is told and counted.
    Task<Result<CheckReport>> run(CheckOrder order, CheckSink& sink);

private:
    struct Run;
    // Where a copy of a layer may be had.
    struct Source {
        std::string repository;
        wire::oci::Descriptor blob;
    };
    // What the records of images say, whether the images could be loaded or not.
    struct Facts {
        std::vector<store::Image> images;
        std::map<std::string, std::vector<Source>> sources;  // by diff id
        std::vector<std::vector<std::string>> stacks;        // diff ids, bottom first
    };

    static Result<Facts> read_facts(store::Store* store);
    Task<Status> check_database(Run& run);
    Task<Status> check_images(Run& run);
    Task<Status> check_layers(Run& run);
    Task<Status> check_layer(Run& run, store::Layer layer);
    Task<Status> check_containers(Run& run);
    Task<Status> check_leftovers(Run& run);
    // Tells the line and counts it.
    Task<Status> damaged(Run& run, std::string id, std::vector<std::string> what);
    Task<Status> repaired(Run& run, std::string id, std::uint64_t problems, Status how);
    Task<Status> repair_blob(Run& run, std::string digest, std::vector<std::string> repositories,
                             bool manifest);
    Task<Status> repair_layer(Run& run, std::string diff_id, std::optional<store::Layer> layer);
    Task<Result<store::Draft>> fetch(Run& run, const std::string& diff_id,
                                     std::vector<Source> sources);
    Task<Status> put_in_place(Run& run, std::string diff_id, store::Draft draft);
    Task<Status> put_in_place_closed(Run& run, std::string diff_id, store::Draft& draft);
    // A running container stands on it.
    std::optional<Error> user_of(const std::string& diff_id) const;
    registry::Caller caller_for(const Run& run, const registry::Target& target) const;

    Parts parts_;
    std::int64_t begun_s_;  // of this engine: what lies in staging since before then is nobody's
    bool running_ = false;
};

}  // namespace engine
