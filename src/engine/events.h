// What happened in the engine, told to whoever listens: a bus that keeps the last events for
// clients that ask for the past. Loop thread.
#pragma once

#include "codec/filters.h"
#include "loop/channel.h"
#include "wire/system.h"

#include <deque>
#include <memory>
#include <set>
#include <string>

namespace engine {

struct EventQuery {
    Time since, until;       // never: no bound; without both only what comes from now on
    codec::Filters filters;  // checked by check_event_filters()
};

// invalid "invalid filter 'x'" for a key that is none of Docker's.
Status check_event_filters(const codec::Filters& filters);
// Docker's rules: exact type, scope and action (exec_create, exec_start and health_status by what
// they begin with), names and ids by what they begin with, images with or without tag, labels.
bool event_matches(const codec::Filters& filters, const wire::EventMessage& event);

class Events {
public:
    explicit Events(Loop& loop) : loop_(loop) {}
    ~Events();  // every subscription has been dropped
    Events(const Events&) = delete;
    Events& operator=(const Events&) = delete;

    // Fills in time (when 0), scope, and the old fields of container and image events.
    void publish(wire::EventMessage event);
    // The same for one thing: type "container", action "die", its id and attributes.
    void publish(std::string type, std::string action, std::string id, wire::StringMap attributes);

    class Subscription {
    public:
        Subscription(Events& events, EventQuery query);
        ~Subscription();
        Subscription(const Subscription&) = delete;
        Subscription& operator=(const Subscription&) = delete;

        // Kept events first, oldest first, then those to come. missing: `until` is reached or the
        // engine stops; too_large: this reader was too slow and is cut off.
        Task<Result<wire::EventMessage>> next();

    private:
        friend class Events;
        Events& events_;
        EventQuery query_;
        std::deque<wire::EventMessage> kept_;
        loop::Channel<wire::EventMessage> coming_;
        bool only_past_ = false;
    };
    // From this call on no event is missed.
    std::unique_ptr<Subscription> subscribe(EventQuery query);

    // Readers get what is queued, then their end.
    void close();
    std::size_t listeners() const { return subscriptions_.size(); }

private:
    Loop& loop_;
    std::deque<wire::EventMessage> kept_;
    std::set<Subscription*> subscriptions_;
    bool closed_ = false;
};

}  // namespace engine
