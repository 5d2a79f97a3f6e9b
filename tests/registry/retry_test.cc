// Back-off: which failures get another attempt and how long the pause is.
#include "registry/retry.h"

#include <boost/test/unit_test.hpp>

using namespace registry;
using std::chrono::milliseconds;

BOOST_AUTO_TEST_CASE(a_byte_now_and_then_is_a_stall) {
    constexpr std::int64_t second = 1'000'000'000;
    Pace pace(std::chrono::seconds(60), 0);
    pace.got(1, 30 * second);
    BOOST_TEST(pace.left(30 * second).count() == 30'000);
    pace.got(1, 59 * second);
    BOOST_TEST(pace.left(59 * second).count() == 1'000);
    BOOST_TEST(pace.left(70 * second).count() == 1);  // an end that is past is now
    pace.got(2000, 59 * second);
    BOOST_TEST(pace.left(60 * second).count() == 59'000);
    pace.excuse(100 * second);  // we were busy ourselves
    BOOST_TEST(pace.left(160 * second).count() == 59'000);
}

BOOST_AUTO_TEST_CASE(pauses_double_up_to_a_bound_with_little_jitter) {
    RetryPolicy policy{.attempts_max = 20};
    BOOST_TEST((next_delay(policy, 1, {}, 0) == milliseconds(500)));
    BOOST_TEST((next_delay(policy, 2, {}, 0) == milliseconds(1000)));
    BOOST_TEST((next_delay(policy, 5, {}, 0) == milliseconds(8000)));
    BOOST_TEST((next_delay(policy, 19, {}, 0) == milliseconds(30'000)));
    for (unsigned chance = 0; chance < 2000; ++chance) {
        auto delay = next_delay(policy, 1, {}, chance);
        BOOST_REQUIRE((*delay >= milliseconds(500) && *delay < milliseconds(625)));
    }
}

BOOST_AUTO_TEST_CASE(the_attempts_are_counted) {
    RetryPolicy policy;
    BOOST_TEST((next_delay(policy, 4, {}, 0) != std::nullopt));
    BOOST_TEST((next_delay(policy, 5, {}, 0) == std::nullopt));
    policy.attempts_max = 1;
    BOOST_TEST((next_delay(policy, 1, {}, 0) == std::nullopt));
}

BOOST_AUTO_TEST_CASE(answers_are_not_retried_and_overload_is) {
    RetryPolicy policy;
    for (unsigned status : {400U, 401U, 403U, 404U, 405U, 416U, 418U, 501U, 505U})
        BOOST_TEST((next_delay(policy, 1, {.status = status}, 0) == std::nullopt));
    for (unsigned status : {0U, 408U, 429U, 500U, 502U, 503U, 504U})
        BOOST_TEST((next_delay(policy, 1, {.status = status}, 0) != std::nullopt));
}

BOOST_AUTO_TEST_CASE(retry_after_lengthens_the_pause_and_a_day_ends_the_pull) {
    RetryPolicy policy;
    Failure failure{.status = 429, .retry_after = milliseconds(7000)};
    BOOST_TEST((next_delay(policy, 1, failure, 0) == milliseconds(7000)));
    failure.retry_after = milliseconds(0);
    BOOST_TEST((next_delay(policy, 1, failure, 0) == milliseconds(500)));
    failure.retry_after = milliseconds(86'400'000);
    BOOST_TEST((next_delay(policy, 1, failure, 0) == std::nullopt));
}

BOOST_AUTO_TEST_CASE(retry_after_is_seconds_or_a_date) {
    Time now{784'111'777LL * 1'000'000'000};  // Sun, 06 Nov 1994 08:49:37 GMT
    BOOST_TEST((parse_retry_after("120", now) == milliseconds(120'000)));
    BOOST_TEST((parse_retry_after("0", now) == milliseconds(0)));
    BOOST_TEST((parse_retry_after("Sun, 06 Nov 1994 08:50:07 GMT", now) == milliseconds(30'000)));
    BOOST_TEST((parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now) == milliseconds(0)));
    BOOST_TEST((parse_retry_after("99999999999999999999999", now) > milliseconds(1'000'000)));
    for (const char* bad : {"", "-1", "+1", "1.5", " 1", "1s", "Sun, 06 Nox 1994 08:50:07 GMT",
                            "Sun, 06 Nov 1994 25:50:07 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"})
        BOOST_TEST_CONTEXT(bad) BOOST_TEST((parse_retry_after(bad, now) == std::nullopt));
}

BOOST_AUTO_TEST_CASE(real_progress_starts_the_count_anew) {
    Attempts attempts(RetryPolicy{});
    for (int i = 0; i < 100; ++i)
        BOOST_REQUIRE((attempts.failed({}, 5'000'000, 0) == milliseconds(500)));
    // One byte a time is not progress.
    for (int i = 0; i < 3; ++i)
        BOOST_REQUIRE((attempts.failed({}, 1, 0) != std::nullopt));
    BOOST_TEST((attempts.failed({}, 1, 0) == std::nullopt));
}
