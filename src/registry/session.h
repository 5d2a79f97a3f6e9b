// Talking to one endpoint about one repository: requests with the right Authorization, and tokens
// fetched when the registry asks for them, also in the middle of a pull.
#pragma once

#include "loop/timer.h"
#include "loop/wait.h"
#include "registry/auth.h"
#include "registry/endpoints.h"
#include "registry/retry.h"
#include "registry/transport.h"

#include <string>
#include <string_view>

namespace registry {

struct PullSettings {
    unsigned concurrent_downloads_max = 3;
    RetryPolicy retry;
    std::chrono::milliseconds answer_timeout{60'000};  // until the head of an answer
    std::chrono::milliseconds stall_timeout{60'000};   // without a byte of a body
};

// An answer that is no success, or none at all.
struct Trouble {
    Failure failure;    // for the retry policy
    Refusal refusal;    // status 0: no answer
    Error error;        // to show
    bool told = false;  // error says it all: it came from the token service or is about credentials

    bool answered() const { return refusal.status != 0; }
};

class Session {
public:
    // Credentials are for endpoint.host only; give none to mirrors. `repository` is the path.
    Session(Loop& loop, Transport& transport, const PullSettings& settings, Endpoint endpoint,
            std::string repository, Credentials credentials);

    // GET or HEAD of base/v2/<repository>/<what>. A status below 400 is a reply; the rest is in
    // `trouble`, with the error the Docker client would show.
    Task<Result<Reply>> request(std::string method, std::string what,
                                std::vector<std::pair<std::string, std::string>> headers,
                                Trouble& trouble);
    // The same with retries, and the whole body (at most `bytes_max`).
    Task<Result<std::string>> document(std::string what, std::string accept, std::size_t bytes_max,
                                       std::string& content_type, Trouble& trouble);

    const Endpoint& endpoint() const { return endpoint_; }
    const std::string& repository() const { return repository_; }

private:
    Task<Result<Reply>> send(std::string method, std::string url,
                             std::vector<std::pair<std::string, std::string>> headers,
                             std::string body);
    Task<Result<std::string>> read_body(Reply& reply, std::size_t bytes_max);
    Task<Status> authorize(std::string challenge_header, std::string used);
    Task<Result<std::string>> fetch_token(Challenge challenge);

    Loop& loop_;
    Transport& transport_;
    const PullSettings& settings_;
    Endpoint endpoint_;
    std::string repository_;
    Credentials credentials_;
    std::string authorization_;  // the header's value; "" none yet
    loop::Mutex authorizing_;    // one token for all layers
};

}  // namespace registry
