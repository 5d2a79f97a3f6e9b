// A layer's tar made of files that are here and of parts of its blob: the same bytes as the whole
// blob gives, however they arrive; what does not fit is told. Needs root.
#include "base/hex.h"
#include "codec/base64.h"
#include "layer_support.h"
#include "store/partial.h"
#include "store/sha256.h"
#include "store/store.h"

#include <boost/test/unit_test.hpp>
#include <fmt/format.h>
#include <fstream>

using namespace layer_support;
using codec::chunked::Span;

namespace {

std::string noise(std::size_t size, unsigned seed) {
    std::string text(size, '\0');
    for (char& c : text)
        c = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
    return text;
}

struct Content {
    std::string path, bytes;
    std::vector<std::size_t> cuts;  // where its chunks end, but for the last one
};

// A blob as podman makes it.
struct Chunked {
    std::string tar, blob, tables;
    codec::chunked::Layout layout;
    std::map<std::string, Span> spans;  // of each file's frames

    Chunked(const std::vector<Content>& files, bool split) {
        std::string entries, lines, headers;
        auto line = [&](std::string_view bytes) {
            lines += fmt::format("{{\"type\":2,\"payload\":\"{}\"}}\n", codec::base64(bytes));
        };
        for (const Content& file : files) {
            TarBuilder builder;
            std::string made = builder.add({.path = file.path, .content = file.bytes}).done();
            headers += made.substr(0, 512);
            line(made.substr(0, 512));
            lines += fmt::format("{{\"type\":1,\"size\":{}}}\n", file.bytes.size());
            std::size_t padding = (512 - file.bytes.size() % 512) % 512;
            line(std::string(padding, '\0'));
            tar += made.substr(0, 512) + file.bytes + std::string(padding, '\0');
            add(entries, file, headers);
            headers.append(padding, '\0');
        }
        headers += std::string(1024, '\0');
        line(std::string(1024, '\0'));
        tar += std::string(1024, '\0');
        blob += zstd(headers);
        std::string packed_split = zstd(lines);
        std::string toc = fmt::format(R"({{"version":1,"entries":[{}]}})", entries);
        std::string packed = zstd(toc);
        layout.toc = {{blob.size() + 8, blob.size() + 8 + packed.size()}, toc.size()};
        layout.toc_digest = store::sha256_digest(packed);
        tables = packed;
        if (split) {
            std::uint64_t at = layout.toc.span.end + 8;
            layout.tar_split = {{at, at + packed_split.size()}, lines.size()};
            layout.split_digest = store::sha256_digest(packed_split);
            tables += std::string(8, '\0') + packed_split;
        }
    }

    void add(std::string& entries, const Content& file, std::string& headers) {
        entries += fmt::format(R"({}{{"type":"reg","name":"{}","size":{},"digest":"{}")",
                               entries.empty() ? "" : ",", file.path, file.bytes.size(),
                               store::sha256_digest(file.bytes));
        if (file.bytes.empty()) {
            entries += "}";
            return;
        }
        blob += zstd(headers);
        headers.clear();
        std::uint64_t begin = blob.size();
        std::string chunks;
        std::size_t at = 0;
        std::vector<std::size_t> cuts = file.cuts;
        cuts.push_back(file.bytes.size());
        for (std::size_t end : cuts) {
            std::string bytes = file.bytes.substr(at, end - at);
            std::string what = fmt::format(
                R"("offset":{},"chunkSize":{},"chunkOffset":{},"chunkDigest":"{}","chunkType":"{}")",
                blob.size(), bytes.size(), at, store::sha256_digest(bytes),
                bytes.find_first_not_of('\0') == bytes.npos ? "zeros" : "");
            if (at == 0)
                chunks = file.cuts.empty() ? fmt::format(R"("offset":{})", begin) : what;
            else
                chunks += fmt::format(R"(}},{{"type":"chunk","name":"{}",{})", file.path, what);
            if (at == 0) chunks += ",\"endOffset\":END";
            blob += zstd(bytes);
            at = end;
        }
        std::size_t mark = chunks.find("END");
        chunks.replace(mark, 3, fmt::format("{}", blob.size()));
        entries += "," + chunks + "}";
        spans[file.path] = {begin, blob.size()};
    }
};

std::vector<Content> first() {
    return {{"a", noise(40'000, 1), {}},
            {"big",
             noise(200'000, 2) + std::string(5000, '\0') + noise(300'000, 3),
             {100'000, 200'000, 205'000, 400'000}},
            {"empty", "", {}},
            {"c", "short", {}}};
}

// Most of it again.
std::vector<Content> second() {
    std::vector<Content> files = first();
    files[0].path = "moved";
    files[1].bytes.replace(150'000, 10, "0123456789");
    files.push_back({"new", noise(30'000, 4), {}});
    return files;
}

struct Host {
    ScratchFolder scratch;
    std::unique_ptr<store::Store> opened;

    Host() {
        auto made = store::Store::open(scratch.path());
        BOOST_REQUIRE(made);
        opened = std::move(*made);
    }
    store::Layers& layers() { return opened->layers(); }

    // A layer that came whole; its folder.
    std::string add(const Chunked& chunked) {
        auto draft = layers().begin();
        BOOST_REQUIRE(draft);
        auto unpacker = store::Unpacker::create(draft->folder().value(), {});
        BOOST_REQUIRE(unpacker);
        BOOST_REQUIRE(unpacker->feed(chunked.tar));
        draft->unpacked = unpacker->finish().value();
        Status kept = store::write_contents(
            draft->folder().value(), chunked.layout,
            std::string_view(chunked.tables).substr(0, chunked.layout.toc.span.size()),
            chunked.blob.size() + 10'000);
        BOOST_REQUIRE_MESSAGE(kept, kept.error().message());
        std::vector<store::Draft> drafts;
        drafts.push_back(std::move(*draft));
        auto layer = layers().commit(std::move(drafts));
        BOOST_REQUIRE(layer);
        return layers().diff_path(layer->front().id);
    }

    Result<std::unique_ptr<store::Assembly>> plan(const Chunked& chunked) {
        return store::plan_partial(layers(), chunked.layout, chunked.tables,
                                   chunked.blob.size() + chunked.tables.size() + 16);
    }
};

// The tar, from what the plan wants of the blob, in pieces of that size.
Result<std::string> assemble(store::Assembly& assembly, const std::string& blob,
                             std::size_t piece) {
    std::string stream, tar;
    for (const Span& span : assembly.plan().stream.spans())
        stream += blob.substr(span.begin, span.size());
    assembly.begin();
    store::Plain plain;
    std::string_view rest = stream;
    for (bool first = true; first || !rest.empty(); first = false) {
        std::string_view in = rest.substr(0, first ? 0 : piece);
        rest.remove_prefix(in.size());
        do {
            plain.clear();
            TRY_DO(assembly.step(in, plain));
            tar += plain.view();
        } while (plain.full());
        if (!in.empty()) return Error(Kind::internal, "left over");
    }
    TRY_DO(assembly.finish());
    return tar;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_tar_of_files_that_are_here_and_of_parts_of_the_blob) {
    Host host;
    host.add(Chunked(first(), true));
    for (bool split : {true, false}) {
        Chunked wanted(second(), split);
        auto plan = host.plan(wanted);
        BOOST_REQUIRE_MESSAGE(plan, plan.error().message());
        BOOST_REQUIRE(*plan);
        std::uint64_t fetched = (*plan)->plan().stream.size();
        BOOST_TEST(fetched > 130'000u);
        BOOST_TEST(fetched < wanted.blob.size() * 3 / 4);
        for (std::size_t piece : {std::size_t{1}, std::size_t{997}, SIZE_MAX}) {
            auto tar = assemble(**plan, wanted.blob, piece);
            BOOST_REQUIRE_MESSAGE(tar, tar.error().message());
            BOOST_TEST((*tar == wanted.tar));
        }
    }
}

BOOST_AUTO_TEST_CASE(nothing_of_it_is_here) {
    Host host;
    BOOST_TEST(!store::any_contents(host.layers()));
    Chunked wanted(second(), true);
    auto plan = host.plan(wanted);
    BOOST_REQUIRE(plan);
    BOOST_TEST(!*plan);
    host.add(wanted);
    BOOST_TEST(store::any_contents(host.layers()));
    plan = host.plan(wanted);
    BOOST_REQUIRE(plan && *plan);
    BOOST_TEST((*plan)->plan().stream.size() == 0u);
    BOOST_TEST((assemble(**plan, "", 1).value() == wanted.tar));
}

BOOST_AUTO_TEST_CASE(files_that_are_not_what_they_were) {
    Chunked wanted(second(), true);
    for (const char* how : {"other", "short", "gone", "folder", "link"}) {
        Host host;
        std::string diff = host.add(Chunked(first(), true));
        auto plan = host.plan(wanted);
        BOOST_REQUIRE(plan && *plan);
        std::string path = diff + "/c";
        if (how != std::string_view("other")) BOOST_REQUIRE(::unlink(path.c_str()) == 0);
        if (how == std::string_view("other")) std::ofstream(path) << "shorT";
        if (how == std::string_view("short")) std::ofstream(path) << "shor";
        if (how == std::string_view("folder")) ::mkdir(path.c_str(), 0700);
        if (how == std::string_view("link")) BOOST_REQUIRE(::symlink("big", path.c_str()) == 0);
        auto tar = assemble(**plan, wanted.blob, SIZE_MAX);
        BOOST_REQUIRE_MESSAGE(!tar, how);
        BOOST_TEST((tar.error().kind() == Kind::invalid));
        BOOST_TEST((*plan)->liar() == host.layers().list().front().id);
        store::drop_contents(host.layers(), (*plan)->liar());
        BOOST_TEST(!store::any_contents(host.layers()));
    }
}

BOOST_AUTO_TEST_CASE(a_blob_that_is_not_what_its_tables_say) {
    Host host;
    host.add(Chunked(first(), true));
    Chunked wanted(second(), true);
    auto plan = host.plan(wanted);
    BOOST_REQUIRE(plan && *plan);
    Span span = wanted.spans["new"];
    std::string same_size = wanted.blob;
    // Other bytes in a frame that is well formed.
    std::string other = zstd(noise(30'000, 5));
    BOOST_REQUIRE(other.size() == span.size());
    same_size.replace(span.begin, span.size(), other);
    std::string bomb = zstd(std::string(50'000'000, 'x'));
    std::string larger = wanted.blob, cut = wanted.blob, broken = wanted.blob;
    larger.replace(span.begin, bomb.size(), bomb);
    cut.replace(span.begin, 100, zstd("x") + std::string(100 - zstd("x").size(), '\0'));
    broken[span.begin + 3] = '\x7f';
    for (const std::string* blob : {&same_size, &larger, &cut, &broken}) {
        auto tar = assemble(**plan, *blob, 4096);
        BOOST_REQUIRE(!tar);
        BOOST_TEST((tar.error().kind() == Kind::invalid));
        BOOST_TEST((*plan)->liar().empty());
    }
    // After all that it still makes the layer.
    BOOST_TEST((assemble(**plan, wanted.blob, 4096).value() == wanted.tar));
}

BOOST_AUTO_TEST_CASE(contents_that_are_damaged_are_passed_over) {
    Host host;
    std::string diff = host.add(Chunked(first(), true));
    std::string path = diff + "/../contents";
    std::string good = [&] {
        std::ifstream file(path);
        return std::string(std::istreambuf_iterator<char>(file), {});
    }();
    BOOST_REQUIRE(good.size() > 100);
    Chunked wanted(second(), true);
    for (std::size_t size = 0; size < good.size(); size += 37) {
        std::ofstream(path, std::ios::trunc) << good.substr(0, size);
        auto plan = host.plan(wanted);
        BOOST_REQUIRE(plan);
        BOOST_TEST(!*plan);
    }
    for (std::size_t at = 0; at < good.size(); at += 5) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0xff);
        std::ofstream(path, std::ios::trunc) << bad;
        auto plan = host.plan(wanted);
        BOOST_REQUIRE(plan);
        if (!*plan) continue;
        auto tar = assemble(**plan, wanted.blob, SIZE_MAX);
        BOOST_TEST((!tar || *tar == wanted.tar));
    }
}
