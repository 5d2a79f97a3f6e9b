// The table of contents of zstd:chunked layers, its annotations, tar-split lines, and which ranges
// are fetched.
#include "codec/chunked.h"
#include "codec/tar_split.h"

#include <boost/test/unit_test.hpp>
#include <fmt/format.h>

using codec::chunked::coalesce;
using codec::chunked::layout_of;
using codec::chunked::Span;
using codec::chunked::Stream;
using codec::chunked::Toc;
using codec::chunked::TocReader;

namespace {

constexpr std::uint64_t blob_bytes = 10'000;

const std::string digest_a = "sha256:" + std::string(64, 'a');
const std::string digest_b = "sha256:" + std::string(64, 'b');

std::string position(std::string_view name) {
    return "io.github.containers.zstd-chunked." + std::string(name);
}

Result<Toc> read(std::string_view text, std::size_t piece = SIZE_MAX) {
    TocReader reader(blob_bytes);
    for (std::size_t at = 0; at < text.size(); at += std::min(piece, text.size() - at))
        TRY_DO(reader.feed(text.substr(at, piece)));
    return reader.finish();
}

bool reads(std::string_view text) {
    return static_cast<bool>(read(text));
}

std::string with(std::string_view entries) {
    return fmt::format(R"({{"version":1,"entries":[{}],"tarSplitDigest":"{}"}})", entries,
                       digest_b);
}

std::string file(std::string_view more) {
    return fmt::format(R"({{"type":"reg","name":"./a/b","digest":"{}",{}}})", digest_a, more);
}

}  // namespace

BOOST_AUTO_TEST_CASE(annotations_tell_where_the_tables_are) {
    auto layout = layout_of({{position("manifest-position"), "100:50:500:1"},
                             {position("manifest-checksum"), digest_a},
                             {position("tarsplit-position"), "158:20:90"}},
                            blob_bytes);
    BOOST_REQUIRE(layout);
    BOOST_TEST((layout->toc.span == Span{100, 150}));
    BOOST_TEST(layout->toc.plain_bytes == 500u);
    BOOST_TEST((layout->tar_split->span == Span{158, 178}));
    BOOST_TEST(!layout->split_digest.has_value());
    BOOST_TEST(!layout_of({}, blob_bytes).has_value());
    for (const char* wrong : {"", "1:2:3", "100:50:500:2", "100:50:500:1:", "100:50:500:1 ",
                              " 100:50:500:1", "100:0:500:1", "-1:50:500:1",
                              "100:9223372036854775808:5:1", "18446744073709551516:200:5:1",
                              "100:50:9223372036854775807:1", "+1:50:500:1", "100:9000000:500:1"})
        BOOST_TEST(!layout_of({{position("manifest-position"), wrong},
                               {position("manifest-checksum"), digest_a}},
                              UINT64_C(1) << 40)
                        .has_value(),
                   wrong);
    BOOST_TEST(!layout_of({{position("manifest-position"), "9990:50:500:1"},
                           {position("manifest-checksum"), digest_a}},
                          blob_bytes)
                    .has_value());
    BOOST_TEST(!layout_of({{position("manifest-position"), "100:50:500:1"},
                           {position("manifest-checksum"), "md5:1"}},
                          blob_bytes)
                    .has_value());
}

BOOST_AUTO_TEST_CASE(a_table_of_contents_is_read_whatever_its_pieces) {
    auto chunk = [](std::string_view numbers, const std::string& digest, std::string_view type) {
        return fmt::format(
            R"(,{{"type":"chunk","name":"./a/b",{},"chunkDigest":"{}","chunkType":"{}"}})", numbers,
            digest, type);
    };
    std::string text =
        with(R"({"type":"dir","name":"a/","mode":493,"xattrs":{"user.\"x":"W10="}},)" +
             file(R"("size":30,"offset":100,"endOffset":400,"chunkSize":10,"chunkDigest":")" +
                  digest_b + '"') +
             chunk(R"("offset":200,"chunkSize":15,"chunkOffset":10)", digest_a, "zeros") +
             chunk(R"("offset":300,"chunkSize":5,"chunkOffset":25)", digest_b, "") + "," +
             file(R"("size":7,"offset":500,"endOffset":600)") + "," +
             R"({"type":"reg","name":"empty"})");
    for (std::size_t piece : {std::size_t{1}, std::size_t{7}, SIZE_MAX}) {
        auto toc = read(text, piece);
        BOOST_REQUIRE_MESSAGE(toc, toc.error().message());
        BOOST_TEST(toc->split_digest == digest_b);
        BOOST_REQUIRE(toc->files.size() == 4u);
        BOOST_REQUIRE(toc->chunks.size() == 4u);
        BOOST_TEST(toc->files[1].chunks == 3u);
        BOOST_TEST(toc->name_of(toc->files[1]) == "a/b");
        BOOST_TEST((toc->chunks[0].span == Span{100, 200}));
        BOOST_TEST((toc->chunks[2].span == Span{300, 400}));
        BOOST_TEST(toc->chunks[1].zeros);
        BOOST_TEST((toc->chunks[3].span == Span{500, 600}));
        BOOST_TEST(toc->chunks[3].size == 7u);
        BOOST_TEST(toc->files[3].chunks == 0u);
    }
}

BOOST_AUTO_TEST_CASE(tables_of_contents_that_are_none) {
    std::string good = R"("size":7,"offset":500,"endOffset":600)";
    BOOST_TEST(reads(with(file(good))));
    BOOST_TEST(reads(R"({"entries":[],"version":1})"));
    for (const std::string& text : {
             std::string(),
             std::string("{}"),
             std::string(R"({"version":1})"),
             std::string(R"({"version":2,"entries":[]})"),
             std::string(R"({"version":1,"entries":[1]})"),
             std::string(R"({"version":1,"entries":[[]]})"),
             std::string(R"({"version":1,"entries":[],"entries":[]})"),
             std::string(R"({"version":1,"entries":[{"type":"dir"}{"type":"dir"}]})"),
             std::string(R"({"version":1,"entries":[,{"type":"dir"}]})"),
             std::string(R"({"version":1,"entries":[{"type":"dir"}]}])"),
             std::string(R"({"version":1,"entries":[{"type":"dir"]]})"),
             std::string(R"({"version":1,"entries":{"type":"dir"}})"),
             std::string(R"({"version":1,"entries":[{"type":"door"}]})"),
             with(file(good)).substr(0, 100),
             "[" + with(file(good)) + "]",
             std::string(1 << 20, '['),
             with(file(R"("size":7,"offset":600,"endOffset":600)")),
             with(file(R"("size":7,"offset":500,"endOffset":10001)")),
             with(file(R"("size":7,"offset":-1,"endOffset":600)")),
             with(file(R"("size":-7,"offset":500,"endOffset":600)")),
             with(file(R"("size":9223372036854775808,"offset":500,"endOffset":600)")),
             with(file(good + R"(,"chunkOffset":1)")),
             with(file(good + R"(,"chunkType":"zeros")")),
             with(file(good + R"(,"chunkSize":6,"chunkDigest":")" + digest_a + '"')),
             with(file(good + R"(,"chunkSize":8,"chunkDigest":")" + digest_a + '"')),
             with(file(good + R"(,"chunkSize":7)")),
             with(R"({"type":"reg","name":"x",)" + good + "}"),
             with(R"({"type":"reg","name":"../x","digest":")" + digest_a + "\"," + good + "}"),
             with(R"({"type":"reg","name":"/","digest":")" + digest_a + "\"," + good + "}"),
             with(R"({"type":"chunk","name":"x","offset":1,"chunkSize":1})"),
             with(file(good) + R"(,{"type":"chunk","name":"./a/b","offset":550,"chunkSize":1})"),
         })
        BOOST_TEST(!reads(text), text.substr(0, 200));
    std::string many;
    for (std::size_t i = 0; i <= codec::chunked::entries_max; ++i)
        many += std::string(i > 0 ? "," : "") + R"({"type":"dir"})";
    BOOST_TEST(!reads(with(many)));
    BOOST_TEST(
        !reads(R"({"version":1,"more":")" + std::string(100'000, 'x') + R"(","entries":[]})"));
}

BOOST_AUTO_TEST_CASE(gaps_that_cost_less_than_a_request_are_fetched_along) {
    std::vector<Span> wanted{{0, 10}, {15, 20}, {120, 130}, {500, 510}, {530, 540}};
    BOOST_TEST((coalesce(wanted, 0, 100) == wanted));
    BOOST_TEST((coalesce(wanted, 20, 100) == std::vector<Span>{{0, 20}, {120, 130}, {500, 540}}));
    BOOST_TEST((coalesce(wanted, 0, 2) == std::vector<Span>{{0, 130}, {500, 540}}));
    BOOST_TEST((coalesce(wanted, 0, 3) == std::vector<Span>{{0, 20}, {120, 130}, {500, 540}}));
    BOOST_TEST((coalesce(wanted, 0, 1) == std::vector<Span>{{0, 540}}));
    BOOST_TEST((coalesce({{0, 1}, {2, 3}, {4, 5}, {6, 7}}, 0, 2) == std::vector<Span>{{0, 7}}));
    BOOST_TEST(coalesce({}, 0, 0).empty());
}

BOOST_AUTO_TEST_CASE(spans_are_one_stream) {
    Stream stream({{10, 20}, {30, 31}, {100, 200}});
    BOOST_TEST(stream.size() == 111u);
    BOOST_TEST((stream.from(0) == Span{10, 20}));
    BOOST_TEST((stream.from(9) == Span{19, 20}));
    BOOST_TEST((stream.from(10) == Span{30, 31}));
    BOOST_TEST((stream.from(110) == Span{199, 200}));
    BOOST_TEST(Stream().size() == 0u);
}

BOOST_AUTO_TEST_CASE(tar_split_lines) {
    using codec::tar_split::next;
    codec::tar_split::Record record;
    std::string_view text = "{\"type\":2,\"payload\":\"aGk=\",\"position\":0}\n"
                            "{\"type\":1,\"name\":\"x\",\"size\":5,\"payload\":\"AAA=\"}\n"
                            "{\"type\":1,\"name\":\"x\",\"payload\":null}\n{\"type\"";
    BOOST_REQUIRE(next(text, record).value());
    BOOST_TEST((!record.content && record.raw == "hi" && record.size == 0));
    BOOST_REQUIRE(next(text, record).value());
    BOOST_TEST((record.content && record.raw.empty() && record.size == 5));
    BOOST_REQUIRE(next(text, record).value());
    BOOST_TEST((record.content && record.size == 0));
    BOOST_TEST(!next(text, record).value());
    BOOST_TEST(text == "{\"type\"");
    for (std::string_view wrong :
         {"\n", "{}\n", "{\"type\":3}\n", "{\"type\":1,\"size\":-1}\n",
          "{\"type\":2,\"payload\":\"*\"}\n", "{\"type\":1,\"size\":9223372036854775808}\n"})
        BOOST_TEST(!static_cast<bool>(next(wrong, record)));
    std::string longest(codec::tar_split::line_bytes_max + 1, ' ');
    std::string_view line = longest;
    BOOST_TEST(!static_cast<bool>(next(line, record)));
}
