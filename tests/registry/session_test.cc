// Sessions against a scripted transport: who gets which Authorization, what is retried, what is
// said.
#include "loop/loop.h"
#include "registry/session.h"

#include <boost/test/unit_test.hpp>
#include <deque>
#include <functional>
#include <string>

using namespace registry;

namespace {

class TextBody final : public Body {
public:
    explicit TextBody(std::string text) : text_(std::move(text)) {}
    Task<Result<Slice>> read() override {
        std::string part = text_.substr(0, 7);
        text_.erase(0, part.size());
        co_return Slice::copy_of(part);
    }

private:
    std::string text_;
};

struct Answer {
    unsigned status = 200;
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string error;  // no answer at all
};

class Script final : public Transport {
public:
    std::function<Answer(const Request&)> answer;
    std::vector<Request> seen;

    Task<Result<Reply>> send(Request request) override {
        Answer a = answer(request);
        seen.push_back(std::move(request));
        if (!a.error.empty()) co_return Error(Kind::unavailable, a.error);
        Reply reply;
        reply.status = a.status;
        reply.headers = std::move(a.headers);
        reply.body = std::make_unique<TextBody>(std::move(a.body));
        co_return std::move(reply);
    }
};

std::string authorization(const Request& request) {
    for (const auto& [name, value] : request.headers)
        if (name == "Authorization") return value;
    return "";
}

const std::string bearer =
    "Bearer realm=\"https://auth.example/token\",service=\"reg\",scope=\"repository:a/b:pull\"";

struct Bench {
    Script script;
    PullSettings settings;
    Loop loop;
    std::string content_type;
    Trouble trouble{.failure = {}, .refusal = {}, .error = Error(Kind::internal, "")};

    Bench() { settings.retry.first_delay = std::chrono::milliseconds(1); }
    Endpoint endpoint(std::string base = "https://reg.example", bool verify = true) {
        return {.base = base,
                .host = "reg.example",
                .https = base.starts_with("https"),
                .verify = verify};
    }
    Result<std::string> get(Endpoint endpoint, Credentials credentials,
                            std::size_t bytes_max = 1000) {
        return loop.run_value(run(std::move(endpoint), std::move(credentials), bytes_max));
    }
    Task<Result<std::string>> run(Endpoint endpoint, Credentials credentials,
                                  std::size_t bytes_max) {
        Session session(loop, script, settings, std::move(endpoint), "a/b", std::move(credentials));
        co_return co_await session.document("manifests/1", "x/y", bytes_max, content_type, trouble);
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_token_is_fetched_and_credentials_go_to_the_realm_only) {
    Bench bench;
    bench.script.answer = [](const Request& r) -> Answer {
        if (r.url.starts_with("https://auth.example:443/token?"))
            return {.body = R"({"token":"T1"})"};
        if (authorization(r) == "Bearer T1")
            return {.body = "the manifest", .headers = {{"content-type", "x/y"}}};
        return {.status = 401, .headers = {{"www-authenticate", bearer}}};
    };
    auto got = bench.get(bench.endpoint(), {.username = "me", .password = "secret"});
    BOOST_REQUIRE(got);
    BOOST_TEST(*got == "the manifest");
    BOOST_TEST(bench.content_type == "x/y");
    BOOST_REQUIRE(bench.script.seen.size() == 3);
    BOOST_TEST(authorization(bench.script.seen[0]) == "");
    BOOST_TEST(authorization(bench.script.seen[1]) == "Basic bWU6c2VjcmV0");
    BOOST_TEST(bench.script.seen[1].url.find("scope=repository%3Aa%2Fb%3Apull") !=
               std::string::npos);
    BOOST_TEST(bench.script.seen[1].url.find("secret") == std::string::npos);
    BOOST_TEST(bench.script.seen[2].url == "https://reg.example/v2/a/b/manifests/1");
}

BOOST_AUTO_TEST_CASE(a_plain_realm_gets_nothing_from_a_verified_registry) {
    Bench bench;
    bench.script.answer = [](const Request&) -> Answer {
        return {.status = 401,
                .headers = {{"www-authenticate", "Bearer realm=\"http://auth.example/token\""}}};
    };
    auto got = bench.get(bench.endpoint(), {.username = "me", .password = "secret"});
    BOOST_TEST(!got);
    BOOST_TEST(bench.script.seen.size() == 1);
    // Where the registry itself is marked insecure it is allowed.
    Bench plain;
    plain.script.answer = [](const Request& r) -> Answer {
        if (r.url.starts_with("http://auth.example:80/token"))
            return {.body = R"({"access_token":"T"})"};
        if (authorization(r) == "Bearer T") return {.body = "ok"};
        return {.status = 401,
                .headers = {{"www-authenticate", "Bearer realm=\"http://auth.example/token\""}}};
    };
    BOOST_TEST(!!plain.get(plain.endpoint("http://reg.example", false), {}));
}

BOOST_AUTO_TEST_CASE(an_identity_token_is_exchanged_by_post) {
    Bench bench;
    bench.script.answer = [](const Request& r) -> Answer {
        if (r.method == "POST") return {.body = R"({"access_token":"T2"})"};
        if (authorization(r) == "Bearer T2") return {.body = "ok"};
        return {.status = 401, .headers = {{"www-authenticate", bearer}}};
    };
    BOOST_REQUIRE(bench.get(bench.endpoint(), {.identity_token = "ID"}));
    BOOST_TEST(bench.script.seen[1].body.find("grant_type=refresh_token&refresh_token=ID") !=
               std::string::npos);
    BOOST_TEST(bench.script.seen[1].url.find("ID") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(basic_is_answered_once_and_missing_credentials_are_told) {
    Bench bench;
    bench.script.answer = [](const Request&) -> Answer {
        return {.status = 401, .headers = {{"www-authenticate", "Basic realm=\"r\""}}};
    };
    auto none = bench.get(bench.endpoint(), {});
    BOOST_TEST(none.error().message() ==
               "Get \"https://reg.example/v2/a/b/manifests/1\": no basic auth credentials");
    BOOST_TEST((none.error().kind() == Kind::unauthorized));
    bench.script.seen.clear();
    auto wrong = bench.get(bench.endpoint(), {.username = "me", .password = "secret"});
    BOOST_TEST(wrong.error().message() == "unauthorized: authentication required");
    BOOST_TEST(bench.script.seen.size() == 2);
}

BOOST_AUTO_TEST_CASE(a_refused_token_service_is_told_without_its_query) {
    Bench bench;
    bench.script.answer = [](const Request& r) -> Answer {
        if (r.url.find("/token") != std::string::npos)
            return {.status = 401, .body = R"({"details":"incorrect username or password"})"};
        return {.status = 401, .headers = {{"www-authenticate", bearer}}};
    };
    auto got = bench.get(bench.endpoint(), {.username = "me", .password = "secret"});
    BOOST_TEST(got.error().message() ==
               "Get \"https://auth.example/token\": unauthorized: incorrect username or password");
    BOOST_TEST((got.error().kind() == Kind::unauthorized));
}

BOOST_AUTO_TEST_CASE(overload_is_retried_and_a_refusal_is_not) {
    Bench bench;
    int left = 3;
    bench.script.answer = [&](const Request&) -> Answer {
        if (left-- > 0)
            return {.status = left == 2 ? 429U : 503U, .headers = {{"retry-after", "0"}}};
        return {.body = "ok"};
    };
    BOOST_TEST(!!bench.get(bench.endpoint(), {}));
    BOOST_TEST(bench.script.seen.size() == 4);
    bench.script.seen.clear();
    bench.script.answer = [](const Request&) -> Answer {
        return {.status = 404,
                .body = R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})"};
    };
    BOOST_TEST(!bench.get(bench.endpoint(), {}));
    BOOST_TEST(bench.script.seen.size() == 1);
    BOOST_TEST(bench.trouble.refusal.code == "MANIFEST_UNKNOWN");
    bench.script.seen.clear();
    bench.script.answer = [](const Request&) -> Answer { return {.status = 500}; };
    auto broken = bench.get(bench.endpoint(), {});
    BOOST_TEST(broken.error().message() ==
               "received unexpected HTTP status: 500 Internal Server Error");
    BOOST_TEST(bench.script.seen.size() == 5);
}

BOOST_AUTO_TEST_CASE(no_answer_reads_as_go_prints_it) {
    Bench bench;
    bench.script.answer = [](const Request&) -> Answer {
        return {.error = "dial tcp 192.0.2.1:443: connect: connection refused"};
    };
    auto got = bench.get(bench.endpoint(), {});
    BOOST_TEST(
        got.error().message() ==
        "Get \"https://reg.example/v2/\": dial tcp 192.0.2.1:443: connect: connection refused");
    BOOST_TEST(!bench.trouble.answered());
    BOOST_TEST(bench.script.seen.size() == 1);
}

BOOST_AUTO_TEST_CASE(an_endless_document_is_cut_off) {
    Bench bench;
    bench.script.answer = [](const Request&) -> Answer { return {.body = std::string(5000, 'x')}; };
    auto got = bench.get(bench.endpoint(), {});
    BOOST_TEST((got.error().kind() == Kind::too_large));
    BOOST_TEST(bench.script.seen.size() == 1);
}

BOOST_AUTO_TEST_CASE(tokens_that_would_break_a_header_are_refused) {
    Bench bench;
    bench.script.answer = [](const Request& r) -> Answer {
        if (r.url.find("/token") != std::string::npos)
            return {.body = R"({"token":"a\r\nX-Evil: 1"})"};
        return {.status = 401, .headers = {{"www-authenticate", bearer}}};
    };
    auto got = bench.get(bench.endpoint(), {});
    BOOST_TEST(got.error().message().find("did not include a token") != std::string::npos);
}
