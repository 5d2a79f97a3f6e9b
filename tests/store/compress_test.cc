// The way out: a tar compressed gives the tar again, and the same bytes each time; and the notes of
// where blobs are.
#include "store/compress.h"
#include "store/inflate.h"
#include "store/store.h"
#include "support/scratch_folder.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <random>

using store::LayerBlob;
using store::LayerBlobs;
using store::Packing;

namespace {

// Text, noise and zeros in turn: what layers are made of.
std::string mixture(std::size_t size) {
    std::minstd_rand generator(7);
    std::string out;
    while (out.size() < size) {
        for (int i = 0; i < 400; ++i)
            out += "usr/lib/file" + std::to_string(generator() % 500) + "\n";
        for (int i = 0; i < 3000; ++i)
            out += static_cast<char>(generator() >> 8);
        out.append(5000, '\0');
    }
    out.resize(size);
    return out;
}

std::string pack(Packing kind, std::string_view text, std::size_t step = 64 * 1024) {
    auto compressor = store::Compressor::create(kind);
    BOOST_REQUIRE(compressor);
    std::string out;
    auto sink = [&](std::string_view piece) {
        BOOST_REQUIRE(piece.size() <= 64 * 1024);
        out += piece;
        return Status();
    };
    for (std::size_t at = 0; at < text.size(); at += step)
        BOOST_REQUIRE((*compressor)->feed(text.substr(at, step), sink));
    BOOST_REQUIRE((*compressor)->finish(sink));
    return out;
}

std::string unpack(std::string_view packed) {
    std::string out;
    store::Inflater inflater([&](std::string_view bytes) {
        out += bytes;
        return Status();
    });
    BOOST_REQUIRE(inflater.feed(packed));
    BOOST_REQUIRE(inflater.finish());
    return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_packed_comes_out_again) {
    for (Packing kind : {Packing::gzip, Packing::zstd})
        for (std::size_t size : {0, 1, 511, 65536, 65537, 3'000'000}) {
            std::string text = mixture(size);
            std::string packed = pack(kind, text);
            BOOST_TEST((unpack(packed) == text), size);
            if (size > 100'000) BOOST_TEST(packed.size() < size * 2 / 3);
            // A broken upload goes on with what is made anew.
            BOOST_TEST((pack(kind, text) == packed), size);
        }
    std::string noise = mixture(500'000);
    std::erase(noise, '\0');
    BOOST_TEST((unpack(pack(Packing::gzip, noise, 777)) == noise));
}

BOOST_AUTO_TEST_CASE(packings_have_names) {
    BOOST_TEST((store::parse_packing("gzip") == Packing::gzip));
    BOOST_TEST((store::parse_packing("zstd") == Packing::zstd));
    for (const char* name : {"", "GZIP", "none", "xz", "gzip "})
        BOOST_TEST(!store::parse_packing(name).has_value(), name);
}

BOOST_AUTO_TEST_CASE(notes_are_the_latest_first_and_bounded) {
    std::vector<LayerBlob> blobs;
    auto seen = [](int n) {
        return LayerBlobs::Seen{"sha256:d", "sha256:" + std::to_string(n), 10, "t"};
    };
    BOOST_TEST(note_blob(blobs, seen(1), "h/a"));
    BOOST_TEST(!note_blob(blobs, seen(1), "h/a"));
    BOOST_TEST(note_blob(blobs, seen(1), "h/b"));
    BOOST_TEST(note_blob(blobs, seen(2), "h/a"));
    BOOST_TEST(blobs[0].digest == "sha256:2");
    BOOST_TEST((blobs[1].repositories == std::vector<std::string>{"h/b", "h/a"}));
    BOOST_TEST(note_blob(blobs, seen(1), "h/a"));
    BOOST_TEST(blobs[0].digest == "sha256:1");
    BOOST_TEST(blobs[0].repositories[0] == "h/a");
    for (int n = 0; n < 100; ++n)
        note_blob(blobs, seen(n), "h/a");
    BOOST_TEST(blobs.size() == LayerBlobs::blobs_max);
    for (int n = 0; n < 100; ++n)
        note_blob(blobs, seen(99), "h/" + std::to_string(n));
    BOOST_TEST(blobs[0].repositories.size() == LayerBlobs::repositories_max);
    BOOST_TEST(blobs[0].repositories[0] == "h/99");
}

BOOST_AUTO_TEST_CASE(notes_survive_and_a_broken_one_is_none) {
    support::ScratchFolder folder;
    const std::string diff_id = "sha256:" + std::string(64, 'd');
    const std::string digest = "sha256:" + std::string(64, '1');
    {
        auto store = store::Store::open(folder.path());
        BOOST_REQUIRE(store);
        BOOST_TEST((*store)->layer_blobs().find(diff_id)->empty());
        BOOST_REQUIRE((*store)->layer_blobs().add({{diff_id, digest, 5, "t"}}, "h/a"));
    }
    auto store = store::Store::open(folder.path());
    BOOST_REQUIRE(store);
    LayerBlobs& notes = (*store)->layer_blobs();
    BOOST_REQUIRE(notes.find(diff_id)->size() == 1u);
    BOOST_TEST(notes.find(diff_id)->front().size == 5u);
    BOOST_REQUIRE(notes.remove(diff_id, digest, "h/a"));
    BOOST_TEST(notes.find(diff_id)->front().repositories.empty());
    BOOST_REQUIRE((*store)->database().put(store::Table::layer_blobs, diff_id, "{\"Digest\":7"));
    BOOST_TEST(notes.find(diff_id)->empty());
    BOOST_REQUIRE(notes.add({{diff_id, digest, 5, "t"}}, "h/a"));
    BOOST_TEST(notes.find(diff_id)->size() == 1u);
    // A digest that is none must not become part of an address.
    BOOST_REQUIRE((*store)->database().put(store::Table::layer_blobs, diff_id,
                                           R"([{"Digest":"../../x","Size":1,"Repositories":[]}])"));
    BOOST_TEST(notes.find(diff_id)->empty());
}
