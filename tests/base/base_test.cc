// Values of the base room: results, slices, hex, times.
#include <boost/test/unit_test.hpp>

#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hex.h"
#include "base/text.h"
#include "base/time.h"

namespace {

Result<int> half(int value) {
    if (value % 2 != 0) return Error(Kind::invalid, "odd");
    return value / 2;
}

Result<int> quarter(int value) {
    TRY(int once, half(value));
    TRY(int twice, half(once));
    return twice;
}

}  // namespace

BOOST_AUTO_TEST_CASE(try_passes_the_error_on) {
    BOOST_TEST(*quarter(8) == 2);
    BOOST_TEST((quarter(6).error().kind() == Kind::invalid));
    BOOST_TEST(half(3).context("halving 3").error().message() == "halving 3: odd");
}

BOOST_AUTO_TEST_CASE(an_errno_reads_as_go_prints_it) {
    Error error = base::errno_error(2, "open /x");
    BOOST_TEST(error.message() == "open /x: no such file or directory");
    BOOST_TEST((error.kind() == Kind::missing));
}

BOOST_AUTO_TEST_CASE(slices_share_their_slab_and_free_it) {
    std::size_t before = Slab::live();
    {
        Slice whole = Slice::copy_of("hello world");
        Slice part = whole.cut(6);
        BOOST_TEST(part.view() == "world");
        BOOST_TEST(!whole.unique());
        BOOST_TEST(whole.cut(20).empty());
        whole = Slice();
        BOOST_TEST(part.unique());
        const char* address = part.data();
        Chunk chunk(std::move(part));
        BOOST_TEST((chunk.data() == address));
        Slice back = std::move(chunk).into_slice();
        BOOST_TEST(back.view() == "world");
        Slice other = back;
        Chunk copied(back);
        BOOST_TEST((copied.data() != address));
    }
    BOOST_TEST(Slab::live() == before);
}

BOOST_AUTO_TEST_CASE(random_ids_are_64_hex_digits_that_differ) {
    std::string id = base::random_id();
    BOOST_TEST(id.size() == 64u);
    BOOST_TEST(base::is_hex(id));
    BOOST_TEST(id != base::random_id());
    BOOST_TEST(!base::is_hex(""));
    BOOST_TEST(!base::is_hex("xyz"));
}

BOOST_AUTO_TEST_CASE(times_print_and_parse_as_go_does) {
    BOOST_TEST(base::rfc3339_nano(Time{}) == "0001-01-01T00:00:00Z");
    BOOST_TEST(base::rfc3339_nano(Time{1500000000120000000}) == "2017-07-14T02:40:00.12Z");
    BOOST_TEST(base::rfc3339_fixed(Time{1500000000120000000}) == "2017-07-14T02:40:00.120000000Z");
    BOOST_TEST(base::parse_rfc3339("2017-07-14T02:40:00.12Z")->ns == 1500000000120000000);
    BOOST_TEST(base::parse_rfc3339("2017-07-14T04:40:00+02:00")->ns == 1500000000000000000);
    BOOST_TEST(base::parse_rfc3339("0001-01-01T00:00:00Z")->is_never());
    for (const char* bad : {"", "2017", "2017-07-14T02:40:00", "2017-13-14T02:40:00Z",
                            "2017-07-14T02:40:00.Z", "9999-07-14T02:40:00Z"})
        BOOST_TEST(!base::parse_rfc3339(bad), bad);
}

BOOST_AUTO_TEST_CASE(text_is_ascii_whatever_the_locale_says) {
    BOOST_TEST(base::lowered("AbZ\xc4[") == "abz\xc4[");
    BOOST_TEST(base::uppered("aBz\xe4{") == "ABZ\xe4{");
    BOOST_TEST(base::equal_no_case("Content-Type", "content-tYPE"));
    BOOST_TEST(!base::equal_no_case("a", "ab"));
    BOOST_TEST(!base::equal_no_case("[", "{"));
    BOOST_TEST(base::trimmed(" \ta b\t ") == "a b");
    BOOST_TEST(base::trimmed(" \n ") == "\n");
    BOOST_TEST(base::trimmed(" \n ", " \n") == "");
}
