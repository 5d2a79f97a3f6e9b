// The data root: layers, images, parts and records survive closing, cutting and damage.
#include "store/sha256.h"
#include "store/store.h"
#include "support/scratch_folder.h"
#include "support/tar_builder.h"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

using store::Store;
using support::ScratchFolder;
using support::TarBuilder;

namespace {

Result<store::Draft> unpack_into(Store& store, const std::string& tar) {
    TRY(store::Draft draft, store.layers().begin());
    TRY(Fd folder, draft.folder());
    TRY(store::Unpacker unpacker, store::Unpacker::create(std::move(folder), {}));
    TRY_DO(unpacker.feed(tar));
    TRY(draft.unpacked, unpacker.finish());
    return draft;
}

Result<store::Layer> add_layer(Store& store, const std::string& tar) {
    TRY(store::Draft draft, unpack_into(store, tar));
    std::vector<store::Draft> drafts;
    drafts.push_back(std::move(draft));
    TRY(std::vector<store::Layer> layers, store.layers().commit(std::move(drafts)));
    return layers.front();
}

std::unique_ptr<Store> open(const std::string& root) {
    auto opened = Store::open(root);
    BOOST_REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().message()));
    return std::move(*opened);
}

}  // namespace

BOOST_AUTO_TEST_CASE(layers_are_shared_by_diff_id_and_survive_reopening) {
    ScratchFolder scratch;
    std::string tar = TarBuilder().file("a").done();
    std::string diff_id = store::sha256_digest(tar);
    {
        auto store = open(scratch.path());
        auto first = add_layer(*store, tar);
        BOOST_REQUIRE(first);
        auto second = add_layer(*store, tar);
        BOOST_REQUIRE(second);
        BOOST_TEST(second->id == first->id);
        BOOST_TEST(store->layers().list().size() == 1u);
        auto in_use = Store::open(scratch.path());
        BOOST_TEST(in_use.error().message() ==
                   "data root " + scratch.path() + " is in use by another engine");
    }
    auto store = open(scratch.path());
    auto found = store->layers().find(diff_id);
    BOOST_REQUIRE(found);
    BOOST_TEST(scratch.read("layers/" + found->id + "/diff/a") == "x");
    BOOST_REQUIRE(store->layer_blobs().add({{diff_id, diff_id, 5, "t"}}, "h/a"));
    BOOST_TEST(static_cast<bool>(store->layers().remove(found->id)));
    BOOST_TEST(store->layer_blobs().find(diff_id)->empty());
    BOOST_TEST(!std::filesystem::exists(store->layers().diff_path(found->id)));
    BOOST_TEST(!store->layers().find(diff_id));
    BOOST_TEST(std::filesystem::is_empty(scratch.at("staging")));
}

BOOST_AUTO_TEST_CASE(a_dropped_draft_and_a_cut_commit_leave_nothing) {
    ScratchFolder scratch;
    {
        auto store = open(scratch.path());
        auto draft = unpack_into(*store, TarBuilder().file("a").done());
        BOOST_REQUIRE(draft);
        BOOST_TEST(std::filesystem::exists(draft->diff_path()));
    }
    BOOST_TEST(std::filesystem::is_empty(scratch.at("staging")));
    // As after a power cut: half a layer in staging, a nameless folder among the layers.
    std::filesystem::create_directories(scratch.at("staging/half/diff"));
    std::filesystem::create_directories(scratch.at("layers/zz/diff"));
    auto store = open(scratch.path());
    BOOST_TEST(std::filesystem::is_empty(scratch.at("staging")));
    BOOST_TEST(std::filesystem::is_empty(scratch.at("layers")));
}

BOOST_AUTO_TEST_CASE(a_damaged_database_is_set_aside_and_rebuilt_from_the_folders) {
    ScratchFolder scratch;
    std::string tar = TarBuilder().file("a").done();
    store::Image image;
    std::string config = "{\"os\":\"linux\"}";
    image.id = store::sha256_digest(config);
    image.tags = {"docker.io/library/x:latest"};
    {
        auto store = open(scratch.path());
        BOOST_REQUIRE(add_layer(*store, tar));
        BOOST_REQUIRE(store->images().write_blob(image.id, config));
        BOOST_REQUIRE(store->images().put(image));
    }
    {
        std::ofstream damage(scratch.at("state.db"), std::ios::binary | std::ios::trunc);
        damage << std::string(8192, 'Z');
    }
    std::filesystem::remove(scratch.at("state.db-wal"));
    auto store = open(scratch.path());
    BOOST_TEST(store->database().set_aside().has_value());
    BOOST_TEST(store->layers().find(store::sha256_digest(tar)).has_value());
    auto images = store->images().list();
    BOOST_REQUIRE(images);
    BOOST_REQUIRE(images->size() == 1u);
    BOOST_TEST(images->front().tags.front() == "docker.io/library/x:latest");
    BOOST_TEST(*store->images().read_blob(image.id, 1024) == config);
}

BOOST_AUTO_TEST_CASE(blobs_are_verified_when_written_and_when_read) {
    ScratchFolder scratch;
    auto store = open(scratch.path());
    std::string digest = store::sha256_digest("right");
    BOOST_TEST(!store->images().write_blob(digest, "wrong"));
    BOOST_TEST(!store->images().write_blob("sha256:../../x", "wrong"));
    BOOST_REQUIRE(store->images().write_blob(digest, "right"));
    std::ofstream(scratch.at("images/" + digest.substr(7) + ".json")) << "rotten";
    BOOST_TEST(!store->images().read_blob(digest, 1024));
    BOOST_REQUIRE(store->images().write_blob(digest, "right"));
    BOOST_TEST(*store->images().read_blob(digest, 1024) == "right");
}

BOOST_AUTO_TEST_CASE(a_part_goes_on_where_it_stopped) {
    ScratchFolder scratch;
    std::string digest = store::sha256_digest("blob");
    {
        auto store = open(scratch.path());
        auto part = store->ingest().part(digest);
        BOOST_REQUIRE(part);
        BOOST_REQUIRE(part->append("hello "));
        BOOST_REQUIRE(part->set_validator("\"etag\""));
        auto second = store->ingest().part(digest);
        BOOST_TEST((second.error().kind() == Kind::conflict));
    }
    auto store = open(scratch.path());
    auto part = store->ingest().part(digest);
    BOOST_REQUIRE(part);
    BOOST_TEST(part->size() == 6u);
    BOOST_TEST(part->validator() == "\"etag\"");
    BOOST_REQUIRE(part->append("world"));
    std::string whole;
    BOOST_REQUIRE(part->replay([&](std::string_view bytes) -> Status {
        whole += bytes;
        return {};
    }));
    BOOST_TEST(whole == "hello world");
    part->drop();
    BOOST_TEST(std::filesystem::is_empty(scratch.at("ingest")));
}

BOOST_AUTO_TEST_CASE(only_a_part_that_came_just_now_is_dropped_before_the_flush) {
    const std::string digest = "sha256:" + std::string(64, 'b');
    ScratchFolder scratch;
    auto store = open(scratch.path());
    {
        auto part = store->ingest().part(digest);
        BOOST_REQUIRE(part);
        BOOST_REQUIRE(part->append("old bytes"));
    }
    {
        auto part = store->ingest().part(digest);
        BOOST_REQUIRE(part);
        part->drop_if_new();
        BOOST_TEST(part->size() == 9u);
    }
    {
        auto part = store->ingest().part(digest);
        BOOST_REQUIRE(part);
        BOOST_TEST(part->size() == 9u);
        part->drop();
    }
    auto part = store->ingest().part(digest);
    BOOST_REQUIRE(part);
    BOOST_REQUIRE(part->append("new bytes"));
    part->drop_if_new();
    auto again = store->ingest().part(digest);
    BOOST_REQUIRE(again);
    BOOST_TEST(again->size() == 0u);
}

BOOST_AUTO_TEST_CASE(implied_folders_look_like_those_below) {
    ScratchFolder scratch;
    auto store = open(scratch.path());
    TarBuilder lower;
    lower.add({.path = "a/", .type = '5', .mode = 01777, .uid = 5, .gid = 6});
    auto below = add_layer(*store, lower.done());
    BOOST_REQUIRE(below);
    auto draft = unpack_into(*store, TarBuilder().file("a/new").done());
    BOOST_REQUIRE(draft);
    BOOST_REQUIRE(store::apply_implied(draft->diff_path(), draft->unpacked.implied,
                                       {store->layers().diff_path(below->id)}));
    struct stat info {};
    BOOST_REQUIRE(::stat((draft->diff_path() + "/a").c_str(), &info) == 0);
    BOOST_TEST((info.st_mode & 07777) == 01777u);
    BOOST_TEST(info.st_uid == 5u);
    BOOST_TEST(info.st_mtim.tv_sec == 1'500'000'000);
}

BOOST_AUTO_TEST_CASE(container_and_volume_folders_come_and_go_whole) {
    ScratchFolder scratch;
    auto store = open(scratch.path());
    std::string id(64, 'a');
    BOOST_REQUIRE(store->folders().create_container(id, ""));
    BOOST_TEST(std::filesystem::exists(store->folders().container_path(id) + "/upper"));
    BOOST_TEST((store->folders().create_container(id, "").error().kind() == Kind::conflict));
    BOOST_TEST(store->folders().list_containers()->size() == 1u);
    BOOST_REQUIRE(store->folders().remove_container(id));
    BOOST_TEST(store->folders().list_containers()->empty());
    BOOST_TEST(!store->folders().create_volume("../x"));
    BOOST_REQUIRE(store->folders().create_volume("data"));
    BOOST_TEST(std::filesystem::exists(store->folders().volume_path("data")));
    BOOST_TEST(std::filesystem::is_empty(scratch.at("staging")));
}
