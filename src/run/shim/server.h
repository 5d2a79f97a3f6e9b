// The shim at work: one loop over the socket, the ends of its children, and, while no lighterd is
// connected, their output. What is to be told stands as flags at each process, so nothing queues.
#pragma once

#include "run/shim/start.h"
#include "run/shim/table.h"

namespace run::shim {

class Server {
public:
    Server(Tools tools, int listener, int signals)
        : tools_(tools), listener_(listener), signals_(signals) {}
    // Until there is nothing left to do: no process, no lighterd for a while. `folder` holds the
    // socket file, which is removed.
    void serve(int folder);

private:
    void watch(int fd, std::uint32_t events, std::uint64_t key, bool known = false);
    bool idle() const { return connection_ < 0 && table_.used() == 0; }
    void event(std::uint64_t key, std::uint32_t events);
    void accept();
    void disconnect();
    void receive();
    void request(const protocol::Request& request, const int* fds, std::size_t fd_count);
    void start(const protocol::Request& request, const int* fds, std::size_t fd_count);
    void foster(const protocol::Request& request, const int* fds, std::size_t fd_count);
    void read_status(Process& process);
    void signal();
    void reap();
    void fostered_ended(Process& process);
    void ended(Process& process, int wait_status);
    void tell();
    bool tell(Process& process);
    int reply(const Process& process, protocol::Type type);
    int send(const protocol::Reply& reply, const int* fds, std::size_t fd_count);
    void spool_all(bool on);
    void spool_one(Process& process, int index);

    Tools tools_;
    Table table_;
    int epoll_ = -1;
    int listener_;
    int signals_;
    int connection_ = -1;
    bool listing_ = false;  // hello was said, list_end was not
    bool blocked_ = false;  // the socket is full
    bool ending_ = false;   // SIGTERM came: end with the last process
};

}  // namespace run::shim
