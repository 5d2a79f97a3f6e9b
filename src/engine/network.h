// The default network as containers see it: an attachment for each run, given back after it. Loop
// thread; the kernel's part is done by workers.
#pragma once

#include "engine/record.h"
#include "loop/scope.h"
#include "loop/workers.h"
#include "sys/fd.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace net {
class DefaultNetwork;
struct Endpoint;
}  // namespace net

namespace engine {

struct Attachment {
    Fd network_namespace;
    EndpointRecord endpoint;
};

// What /etc/hosts and /etc/resolv.conf of a container say besides its own address.
struct DnsSettings {
    std::vector<std::string> servers, search, options;  // the daemon's --dns...
};

class Network {
public:
    // `bridge` may be null (--bridge none): then only none, host and container: work.
    // `engine_identity` tells engines of one host apart (the data root).
    Network(Loop& loop, Workers& workers, std::unique_ptr<net::DefaultNetwork> bridge,
            DnsSettings dns, std::string engine_identity);
    ~Network();
    Task<void> close();

    // An address and a namespace plugged into the bridge. `mac`: "" for one made from the address.
    Task<Result<Attachment>> attach(std::string mac);
    // Makes the attached container reachable by ports of this host, as its record asks, and notes them in
    // the endpoint. On failure (internal, Docker's words) nothing is published.
    Task<Status> publish(const ContainerRecord& record, EndpointRecord& endpoint);
    // Before the end of a run is told: what follows may want the same ports.
    Task<void> unpublish(const EndpointRecord& endpoint);
    // A namespace with nothing but loopback (--network none).
    Task<Result<Fd>> isolated();
    // A container that ran on while the engine was away keeps its address.
    Status adopt(const EndpointRecord& endpoint);
    // And its ports.
    Task<Status> adopt_ports(const EndpointRecord& endpoint);
    // Gives the address back, and takes the link away in its own time.
    void release(EndpointRecord endpoint);
    // Links of containers that are gone, after the start.
    Task<void> sweep(std::vector<EndpointRecord> living);
    // At the engine's end with no container alive: firewall and bridge.
    Task<Status> remove();

    // Contents of the files, by the record's settings. Blocking parts (the host's resolv.conf) are
    // read by a worker.
    struct Files {
        std::string hosts, resolv_conf;
    };
    Task<Result<Files>> files(const ContainerRecord& record, std::string hostname,
                              const EndpointRecord* endpoint);
    // Errors of create: bad --dns, --add-host, --ip...
    Status check(const wire::HostConfig& host, const wire::NetworkingConfig& networking) const;

    bool has_bridge() const { return bridge_ != nullptr; }
    std::string bridge_name() const, gateway() const, subnet() const;
    const std::string& network_id() const { return id_; }  // of "bridge", 64 hex digits

private:
    Task<void> release_now(net::Endpoint endpoint);
    void refill_soon();
    Task<void> refill();

    Loop& loop_;
    Workers& workers_;
    std::unique_ptr<net::DefaultNetwork> bridge_;
    DnsSettings dns_;
    Scope work_;
    std::string id_;
    bool refilling_ = false, closing_ = false;
};

}  // namespace engine
