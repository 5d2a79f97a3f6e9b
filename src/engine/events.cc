#include "engine/events.h"

#include "base/limits.h"
#include "loop/timer.h"
#include "registry/reference.h"

#include <algorithm>
#include <cassert>
#include <chrono>

namespace engine {

namespace {

constexpr std::string_view named_types[] = {"daemon", "container", "plugin", "volume", "network",
                                            "node",   "service",   "secret", "config"};

std::string_view attribute(const wire::EventMessage& event, const std::string& name) {
    auto found = event.actor.attributes.find(name);
    return found == event.actor.attributes.end() ? std::string_view() : found->second;
}

// Any value is the text or begins it.
bool begins(const codec::Filters& filters, std::string_view key, std::string_view text) {
    const auto& values = filters.values(key);
    return values.empty() || std::any_of(values.begin(), values.end(),
                                         [&](const std::string& v) { return text.starts_with(v); });
}

bool action_matches(const codec::Filters& filters, std::string_view action) {
    // These actions carry a text of their own: "exec_create: sh -c ls".
    const auto& values = filters.values("event");
    bool open_ended = std::any_of(values.begin(), values.end(), [](const std::string& value) {
        return value == "health_status" || value == "exec_create" || value == "exec_start";
    });
    return open_ended ? begins(filters, "event", action) : filters.exact("event", action);
}

std::string without_tag(std::string_view image) {
    auto target = registry::parse_reference(image);
    return target ? target->familiar_name() : std::string(image);
}

// Image events by id or name, container events by the image they run.
bool image_matches(const codec::Filters& filters, const wire::EventMessage& event) {
    if (!filters.has("image")) return true;
    std::string_view id = event.actor.id;
    std::string_view name = attribute(event, event.type == "image" ? "name" : "image");
    return filters.exact("image", id) || filters.exact("image", name) ||
           filters.exact("image", without_tag(id)) || filters.exact("image", without_tag(name));
}

}  // namespace

Status check_event_filters(const codec::Filters& filters) {
    return filters.allow_only({"config", "container", "daemon", "event", "image", "label",
                               "network", "node", "plugin", "scope", "secret", "service", "type",
                               "volume"});
}

bool event_matches(const codec::Filters& filters, const wire::EventMessage& event) {
    if (!action_matches(filters, event.action) || !filters.exact("type", event.type) ||
        !filters.exact("scope", event.scope))
        return false;
    for (std::string_view type : named_types)
        if (!begins(filters, type, event.actor.id) &&
            !begins(filters, type, attribute(event, "name")))
            return false;
    return image_matches(filters, event) && filters.labels(event.actor.attributes);
}

Events::~Events() {
    assert(subscriptions_.empty());
}

void Events::publish(wire::EventMessage event) {
    if (event.time_nano == 0) event.time_nano = base::now().ns;
    event.time = Time{event.time_nano}.seconds();
    if (event.type == "container" || event.type == "image") {
        event.status = event.action;
        event.id = event.actor.id;
    }
    if (event.type == "container") event.from = attribute(event, "image");
    for (Subscription* subscription : subscriptions_)
        if (event_matches(subscription->query_.filters, event)) subscription->coming_.offer(event);
    kept_.push_back(std::move(event));
    if (kept_.size() > limits::events_kept_max) kept_.pop_front();
}

void Events::publish(std::string type, std::string action, std::string id,
                     wire::StringMap attributes) {
    wire::EventMessage event;
    event.type = std::move(type);
    event.action = std::move(action);
    event.actor.id = std::move(id);
    event.actor.attributes = std::move(attributes);
    publish(std::move(event));
}

std::unique_ptr<Events::Subscription> Events::subscribe(EventQuery query) {
    return std::make_unique<Subscription>(*this, std::move(query));
}

void Events::close() {
    closed_ = true;
    for (Subscription* subscription : subscriptions_)
        subscription->coming_.close();
}

Events::Subscription::Subscription(Events& events, EventQuery query)
    : events_(events), query_(std::move(query)),
      coming_(events.loop_, limits::event_queue_max, loop::Policy::cut) {
    only_past_ = !query_.until.is_never() && query_.until < base::now();
    if (!query_.since.is_never() || !query_.until.is_never())
        for (const wire::EventMessage& event : events.kept_) {
            Time when{event.time_nano};
            if ((query_.since.is_never() || when >= query_.since) &&
                (query_.until.is_never() || when <= query_.until) &&
                event_matches(query_.filters, event))
                kept_.push_back(event);
        }
    if (events.closed_) coming_.close();
    events.subscriptions_.insert(this);
}

Events::Subscription::~Subscription() {
    events_.subscriptions_.erase(this);
}

Task<Result<wire::EventMessage>> Events::Subscription::next() {
    if (!kept_.empty()) {
        wire::EventMessage event = std::move(kept_.front());
        kept_.pop_front();
        co_return event;
    }
    Error end(Kind::missing, "end of events");
    if (only_past_) co_return end;
    if (query_.until.is_never()) co_return co_await coming_.pop();
    std::chrono::nanoseconds left(query_.until.ns - base::now().ns);
    if (left.count() <= 0) co_return end;
    auto got = co_await loop::within(events_.loop_, std::chrono::ceil<loop::Milliseconds>(left),
                                     coming_.pop());
    if (!got && got.error().kind() == Kind::timeout) co_return end;
    co_return got;
}

}  // namespace engine
