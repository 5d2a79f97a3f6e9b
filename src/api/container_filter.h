// Which containers a list shows: Docker's filters, read and checked once and then asked for each.
#pragma once

#include "codec/filters.h"
#include "codec/pattern.h"
#include "engine/container.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace api {

class ContainerFilter {
public:
    // The `filters` parameter. invalid for an unknown key, state, health, exit code or port.
    static Result<ContainerFilter> parse(std::string_view text);

    const codec::Filters& filters() const { return filters_; }
    // Stopped ones too. Asking for a state asks for that.
    void show_stopped() { all_ = true; }
    // `ancestor`: ids of the images that were found; none: no container is shown.
    void only_images(std::vector<std::string> ids) { images_ = std::move(ids); }
    // `before` and `since`: when the container that was named there was created.
    void made_before(Time time) { before_ = time; }
    void made_since(Time time) { since_ = time; }

    // `network_id`: that of the network "bridge".
    bool takes(const engine::Container& container, std::string_view network_id) const;

private:
    // Go's Args.Match: equal, or found by the expression; one that does not compile finds nothing.
    struct Texts {
        std::vector<std::string> exact;
        std::vector<codec::Pattern> patterns;
        bool match(std::string_view text) const;
    };
    static Texts texts(const std::vector<std::string>& values);
    Status read_states();
    Status read_exit_codes();

    bool takes_state(const engine::Container& container) const;
    bool takes_name(const engine::Container& container) const;
    bool takes_network(const engine::Container& container, std::string_view network_id) const;
    bool takes_volume(const engine::Container& container) const;

    codec::Filters filters_;
    Texts names_, ids_;
    std::vector<std::int64_t> exit_codes_;
    std::set<std::string> exposed_, published_;  // "80/tcp"
    std::optional<std::vector<std::string>> images_;
    Time before_, since_;  // never: no bound
    bool all_ = false;
    bool nothing_ = false;
};

}  // namespace api
