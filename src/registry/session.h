// Talking to one endpoint about one repository: requests with the right Authorization, and tokens
// fetched when the registry asks for them, also in the middle of a pull.
#pragma once

#include "loop/timer.h"
#include "loop/wait.h"
#include "registry/auth.h"
#include "registry/endpoints.h"
#include "registry/retry.h"
#include "registry/transport.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace registry {

struct PullSettings {
    unsigned concurrent_downloads_max = 3;
    RetryPolicy retry;
    std::uint64_t bytes_per_second_max = 0;            // of all pulls together; 0: no limit
    std::chrono::milliseconds answer_timeout{60'000};  // until the head of an answer
    std::chrono::milliseconds stall_timeout{60'000};   // without a byte of a body
    bool partial = true;  // of zstd:chunked layers only what this host lacks is fetched
};

// An answer that is no success, or none at all.
struct Trouble {
    Failure failure;    // for the retry policy
    Refusal refusal;    // status 0: no answer
    Error error;        // to show
    bool told = false;  // error says it all: it came from the token service or is about credentials
    bool again = false;  // a streamed request was refused for its token, and there is a new one now

    bool answered() const { return refusal.status != 0; }
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// On whose behalf the engine speaks.
struct Caller {
    Credentials credentials;
    HeaderList headers;  // User-Agent, X-Meta-*: sent with every request
};

class Session {
public:
    // One request to any address: a registry says itself where uploads go.
    struct Call {
        std::string method = "GET";
        std::string url;  // absolute: url_of()
        HeaderList headers;
        std::string body;
        // Instead of `body`, see Request. There is no time limit then: whoever gives the source
        // watches it.
        std::function<Task<Result<Slice>>()> source;
        std::optional<std::uint64_t> source_length;
        std::chrono::milliseconds answer_timeout{0};  // 0: as the settings say
    };

    // Credentials are for endpoint.host only; give none to mirrors. `repository` is the path.
    Session(Loop& loop, Transport& transport, const PullSettings& settings, Endpoint endpoint,
            std::string repository, Credentials credentials);
    Session(Loop& loop, Transport& transport, const PullSettings& settings, Endpoint endpoint,
            std::string repository, Caller caller);

    // Tokens are asked for with these scopes ("repository:team/app:pull,push"), not with what the
    // challenge names. Before the first request.
    void set_scopes(std::vector<std::string> scopes) { scopes_ = std::move(scopes); }
    // A login: the token service is asked for an identity token too.
    void ask_identity() { ask_identity_ = true; }
    const std::string& identity_token() const { return identity_token_; }
    // What the token service said when it refused.
    const std::optional<Refusal>& token_refusal() const { return token_refusal_; }

    // GET or HEAD of base/v2/<repository>/<what>. A status below 400 is a reply; the rest is in
    // `trouble`, with the error the Docker client would show.
    Task<Result<Reply>> request(std::string method, std::string what,
                                std::vector<std::pair<std::string, std::string>> headers,
                                Trouble& trouble);
    // The same for any address. Authorization is sent to the endpoint's own origin only (R1).
    Task<Result<Reply>> send(Call call, Trouble& trouble);
    // Whether anybody answers at base/v2/, whatever it is; shows no credentials. As Docker does
    // before it tells of layers.
    Task<Status> ping();
    // base/v2/<repository>/<what>
    std::string url_of(std::string_view what) const;
    // Where an upload goes on: a Location of ours or of another host, never from https to http.
    Result<std::string> resolve(const std::string& from, const std::string& location) const;
    // The same with retries, and the whole body (at most `bytes_max`).
    Task<Result<std::string>> document(std::string what, std::string accept, std::size_t bytes_max,
                                       std::string& content_type, Trouble& trouble);

    const Endpoint& endpoint() const { return endpoint_; }
    const std::string& repository() const { return repository_; }
    Task<Result<std::string>> read_body(Reply& reply, std::size_t bytes_max);

private:
    Task<Result<Reply>> send_once(Request request, std::chrono::milliseconds timeout);
    Task<Result<Reply>> refused(const Call& call, Reply reply, std::string used, bool last,
                                Trouble& trouble);
    bool is_ours(std::string_view url) const;
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
    HeaderList headers_;
    std::vector<std::string> scopes_;
    bool ask_identity_ = false;
    std::string identity_token_;
    std::optional<Refusal> token_refusal_;
};

// Where to ask for `domain`, in order; resolves its name when insecure ranges are set.
Task<std::vector<Endpoint>> find_endpoints(Loop& loop, const Registries& registries,
                                           std::string domain);

// What each conversation with a registry needs; all of it outlives the conversation.
struct Link {
    Loop& loop;
    Transport& transport;
    const Registries& registries;
    PullSettings settings;
};

}  // namespace registry
